/*
 * What discovery clients that are not packaged here say on the wire, and what they must hear: byte
 * for byte, on the data port and on the discovery port, before and after the first configuration.
 * Each row names the client and what it needs; where replies are not accepted in pieces, the reply
 * must come whole.
 *
 * In a reply, "$CONFIG", "$VALUE" and "$VALUES" stand for the answers to `config get cluster`,
 * `get` and `gets` (a bare END before the first configuration), "$VERSION" and "$STATS" for answers
 * of the server that clients read a version from.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/fleet.h"
#include "integration/lab.h"

#define NODES 3U
#define REPLY_SIZE 16384
#define HEADER_BYTES 24

/* Which port a row is for: clients that were given the endpoint speak to any. */
enum port { DATA = 1, DISCOVERY = 2, BOTH = 3 };

/* How the reply ends. */
enum end { STAYS, CLOSES };

struct row {
    const char *client;
    const char *why;
    enum port port;
    const char *request;
    const char *reply;
    bool whole; /* comes with one read */
    enum end end;
};

/* clang-format off */
static const struct row rows[] = {
    { "AWS Java", "its first question", BOTH,
      "config get cluster\r\n", "$CONFIG", true, STAYS },
    { "AWS Java", "falls back to the legacy key", BOTH,
      "get AmazonElastiCache:cluster\r\n", "$VALUE", true, STAYS },
    { "AWS Java", "polls on data connections, between data commands", DATA,
      "get java\r\nconfig get cluster\r\nset java 0 0 1\r\nx\r\nget java\r\ndelete java\r\n",
      "END\r\n$CONFIGSTORED\r\nVALUE java 0 1\r\nx\r\nEND\r\nDELETED\r\n", false, STAYS },
    { "AWS Java", "polls behind a value that looks like a poll", DATA,
      "set java 0 0 20\r\nconfig get cluster\r\n\r\nconfig get cluster\r\ndelete java\r\n",
      "STORED\r\n$CONFIGDELETED\r\n", false, STAYS },
    { "AWS libmemcached", "sends a space before the line end", BOTH,
      "config get cluster \r\n", "$CONFIG", true, STAYS },
    { "AWS libmemcached", "polls between operations of the application", DATA,
      "set lib 0 0 2\r\nhi\r\nconfig get cluster \r\nget lib\r\ndelete lib\r\n",
      "STORED\r\n$CONFIGVALUE lib 0 2\r\nhi\r\nEND\r\nDELETED\r\n", false, STAYS },
    { "PHP", "as AWS libmemcached, twice on one connection", BOTH,
      "config get cluster \r\nconfig get cluster \r\n", "$CONFIG$CONFIG", false, STAYS },
    { "AWS .NET", "reads the version from stats first", BOTH,
      "stats\r\n", "$STATS", false, STAYS },
    { "AWS .NET", "asks the newer way", BOTH,
      "stats\r\nconfig get cluster\r\n", "$STATS$CONFIG", false, STAYS },
    { "AWS .NET", "asks the older way", BOTH,
      "stats\r\ngets AmazonElastiCache:cluster\r\n", "$STATS$VALUES", false, STAYS },
    { "XMemcached", "hangs unless quit closes", BOTH,
      "config get cluster\r\nquit\r\n", "$CONFIG", false, CLOSES },
    { "pymemcache 4", "reads at most 4096 bytes at once", BOTH,
      "config get cluster\r\n", "$CONFIG", true, STAYS },
    { "npm memcache", "asks for the version first", BOTH,
      "version\r\nconfig get cluster\r\n", "$VERSION$CONFIG", false, STAYS },
    { "npm memcached-elasticache", "ends the line with LF alone", BOTH,
      "config get cluster\n", "$CONFIG", true, STAYS },
    { "npm memcached-elasticache", "sends data to the endpoint until it has discovered", DATA,
      "set early 0 0 1\r\nx\r\nget early\r\nconfig get cluster\r\ndelete early\r\n",
      "STORED\r\nVALUE early 0 1\r\nx\r\nEND\r\n$CONFIGDELETED\r\n", false, STAYS },
    { "gomemcache", "asks each time on a new connection", BOTH,
      "config get cluster\r\n", "$CONFIG", true, STAYS },
    { "emcache", "asks on one connection again and again", BOTH,
      "config get cluster\r\nconfig get cluster\r\nconfig get cluster\r\n",
      "$CONFIG$CONFIG$CONFIG", false, STAYS },
    { "memcachio", "its refresh dies of an ERROR", BOTH,
      "version\r\nconfig get cluster\r\n", "$VERSION$CONFIG", false, STAYS },
    { "dalli-elasticache", "chooses by the version how to ask", BOTH,
      "version\r\n", "$VERSION", true, STAYS },
    { "dalli-elasticache", "asks the older way of old versions", BOTH,
      "get AmazonElastiCache:cluster\r\n", "$VALUE", true, STAYS },
    { "Perl", "LF alone, then quit", BOTH,
      "config get cluster\nquit\n", "$CONFIG", false, CLOSES },
    { "Elixir", "reads line by line up to END", BOTH,
      "config get cluster\r\n", "$CONFIG", true, STAYS },
    { "any", "a meta no-op behind it marks the end", BOTH,
      "config get cluster\r\nmn\r\n", "$CONFIGMN\r\n", false, STAYS },
    { "any", "nobody can delete the configuration", BOTH,
      "config delete cluster\r\nconfig get cluster\r\n", "NOT_FOUND\r\n$CONFIG", false, STAYS },
    { "any", "nobody can set it unsigned", BOTH,
      "config set cluster 0 5\r\nhello\r\nconfig get cluster\r\n", "STORED\r\n$CONFIG", false, STAYS },
    { "any", "a flushed cache keeps it", DATA,
      "flush_all\r\nconfig get cluster\r\n", "OK\r\n$CONFIG", false, STAYS },
};
/* clang-format on */

/* Binary: one request of a client, and what its answer consists of. */
struct binary_row {
    const char *client;
    uint8_t opcode;
    const char *key;
    bool quiet;    /* nothing is answered where there is nothing */
    bool with_key; /* the answer names the key */
    bool closes;
};

static const struct binary_row binary_rows[] = {
    { "AWS Java", 0x60, "cluster", false, false, false },
    { "AWS libmemcached", 0x60, "cluster", false, false, false },
    { "PHP", 0x60, "cluster", false, false, false },
    { "XMemcached", 0x60, "cluster", false, false, false },
    { "any, quietly", 0x61, "cluster", true, false, false },
    { "any, with the key", 0x62, "cluster", false, true, false },
    { "any, quietly with the key", 0x63, "cluster", true, true, false },
    { "any, the older way", 0x00, "AmazonElastiCache:cluster", false, false, false },
};

/* What is expected now. */
struct truth {
    uint32_t version; /* 0: there is no configuration yet */
    char payload[4096];
};

static void add(char *out, size_t *used, const char *bytes, size_t size)
{
    cr_assert_lt(*used + size, REPLY_SIZE);
    memcpy(out + *used, bytes, size);
    *used += size;
    out[*used] = '\0';
}

static void add_listing(const struct truth *truth, const char *head, bool with_cas, char *out,
                        size_t *used)
{
    char text[sizeof(truth->payload) + 128];
    char cas[16] = "";

    if (with_cas) {
        (void)snprintf(cas, sizeof(cas), " %u", truth->version);
    }
    (void)snprintf(text, sizeof(text), "%s 0 %zu%s\r\n%s\r\nEND\r\n", head, strlen(truth->payload),
                   cas, truth->payload);
    if (truth->version == 0) {
        (void)snprintf(text, sizeof(text), "END\r\n");
    }
    add(out, used, text, strlen(text));
}

static const struct word {
    const char *name;
    const char *head; /* NULL: not of the configuration */
    bool with_cas;
} words[] = {
    { "$CONFIG", "CONFIG cluster", false },
    { "$VALUES", "VALUE AmazonElastiCache:cluster", true },
    { "$VALUE", "VALUE AmazonElastiCache:cluster", false },
    { "$VERSION", NULL, false },
    { "$STATS", NULL, false },
};

static const struct word *word_at(const char *text)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(words); i++) {
        if (strncmp(text, words[i].name, strlen(words[i].name)) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

/* The reply in full; what the server says of itself stays a word. */
static size_t expand(const struct truth *truth, const char *reply, char out[REPLY_SIZE])
{
    size_t used = 0;

    out[0] = '\0';
    while (*reply != '\0') {
        const struct word *word = word_at(reply);

        if (word == NULL) {
            add(out, &used, reply++, 1);
        } else if (word->head == NULL) {
            add(out, &used, word->name, strlen(word->name));
            reply += strlen(word->name);
        } else {
            add_listing(truth, word->head, word->with_cas, out, &used);
            reply += strlen(word->name);
        }
    }
    return used;
}

/* Replace what the server says of itself, if clients can read it, by its word. */
static void fold(char *reply)
{
    char *stats = strstr(reply, "STAT ");
    char *version = strstr(reply, "VERSION 1.6.");
    char *end;

    if (stats != NULL && strstr(stats, "STAT version 1.6.") != NULL &&
        (end = strstr(stats, "\r\nEND\r\n")) != NULL) {
        end += strlen("\r\nEND\r\n");
        memmove(stats + strlen("$STATS"), end, strlen(end) + 1);
        memcpy(stats, "$STATS", strlen("$STATS"));
    }
    if (version != NULL && (end = strstr(version, "\r\n")) != NULL) {
        end += 2;
        memmove(version + strlen("$VERSION"), end, strlen(end) + 1);
        memcpy(version, "$VERSION", strlen("$VERSION"));
    }
}

/* Read until the reply, folded, is what is expected, or nothing more comes. Returns how many
 * reads brought something. */
static unsigned hear(int fd, const char *expected, char reply[REPLY_SIZE])
{
    static char folded[REPLY_SIZE];
    size_t size = 0;
    unsigned reads = 0;
    ssize_t n;

    reply[0] = '\0';
    do {
        n = recv(fd, reply + size, REPLY_SIZE - 1 - size, 0);
        if (n <= 0) {
            break;
        }
        reads++;
        size += (size_t)n;
        reply[size] = '\0';
        (void)snprintf(folded, sizeof(folded), "%s", reply);
        fold(folded);
    } while (strcmp(folded, expected) != 0);
    fold(reply);
    return reads;
}

static void play(const struct row *row, const struct truth *truth, const char *ip, uint16_t port)
{
    static char expected[REPLY_SIZE];
    static char reply[REPLY_SIZE];
    int fd = ask_connect(ip, port);
    unsigned reads;
    char more;
    ssize_t n;

    cr_assert_geq(fd, 0, "%s:%u does not listen", ip, port);
    (void)expand(truth, row->reply, expected);
    cr_assert(ask_send(fd, row->request, strlen(row->request)));
    reads = hear(fd, expected, reply);
    cr_expect_str_eq(reply, expected, "%s (%s) at port %u, version %u: got '%s', not '%s'",
                     row->client, row->why, port, truth->version, reply, expected);
    cr_expect(!row->whole || reads == 1, "%s (%s) at port %u: the reply came in %u pieces",
              row->client, row->why, port, reads);
    n = recv(fd, &more, 1, row->end == CLOSES ? 0 : MSG_DONTWAIT);
    cr_expect(row->end == CLOSES ? n == 0 : n < 0 && errno == EAGAIN,
              "%s (%s) at port %u: the connection %s", row->client, row->why, port,
              row->end == CLOSES ? "stays" : "says more, or is closed");
    (void)close(fd);
}

/* ---- Binary ---- */

static void put_number(char *out, uint32_t number, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i++) {
        out[i] = (char)(number >> (8 * (bytes - 1 - i)));
    }
}

static size_t binary_request(uint8_t opcode, const char *key, char *out)
{
    memset(out, 0, HEADER_BYTES);
    put_number(out, 0x80, 1);
    put_number(out + 1, opcode, 1);
    put_number(out + 2, (uint32_t)strlen(key), 2);
    put_number(out + 8, (uint32_t)strlen(key), 4);
    put_number(out + 12, 0xfeedbeef, 4);
    memcpy(out + HEADER_BYTES, key, strlen(key));
    return HEADER_BYTES + strlen(key);
}

/* The answer that carries the payload, or says that there is none. */
static size_t binary_answer(const struct binary_row *row, const struct truth *truth, char *out)
{
    static const char nothing[] = "Not found";
    const bool found = truth->version != 0;
    const char *key = row->with_key ? row->key : "";
    const char *value = found ? truth->payload : row->with_key ? "" : nothing;
    const uint32_t extras = found ? 4 : 0;
    size_t at = HEADER_BYTES;

    if (!found && row->quiet) {
        return 0;
    }
    memset(out, 0, HEADER_BYTES + 4);
    put_number(out, 0x81, 1);
    put_number(out + 1, row->opcode, 1);
    put_number(out + 2, (uint32_t)strlen(key), 2);
    put_number(out + 4, extras, 1);
    put_number(out + 6, found ? 0 : 1, 2);
    put_number(out + 8, extras + (uint32_t)(strlen(key) + strlen(value)), 4);
    put_number(out + 12, 0xfeedbeef, 4);
    put_number(out + 20, truth->version, 4);
    at += extras;
    memcpy(out + at, key, strlen(key));
    at += strlen(key);
    memcpy(out + at, value, strlen(value));
    return at + strlen(value);
}

/* A no-op behind the question shows where its answer ends, or that there is none. */
static void play_binary(const struct binary_row *row, const struct truth *truth, const char *ip,
                        uint16_t port)
{
    static char expected[REPLY_SIZE];
    static char reply[REPLY_SIZE];
    char request[256];
    size_t asked = binary_request(row->opcode, row->key, request);
    size_t size = binary_answer(row, truth, expected);
    int fd = ask_connect(ip, port);
    size_t heard = 0;
    ssize_t n = 1;

    cr_assert_geq(fd, 0, "%s:%u does not listen", ip, port);
    asked += binary_request(0x0a, "", request + asked);
    (void)binary_request(0x0a, "", expected + size);
    put_number(expected + size, 0x81, 1);
    size += HEADER_BYTES;
    cr_assert(ask_send(fd, request, asked));
    while (heard < size && 0 < n) {
        n = recv(fd, reply + heard, sizeof(reply) - heard, 0);
        heard += n < 0 ? 0 : (size_t)n;
    }
    cr_expect(heard == size && memcmp(reply, expected, size) == 0,
              "%s (0x%02x %s) at port %u, version %u: another answer (%zu bytes, not %zu)",
              row->client, row->opcode, row->key, port, truth->version, heard, size);
    (void)close(fd);
}

/* QUIT is answered and closes, QUITQ just closes. */
static void play_quit(uint8_t opcode, const char *ip, uint16_t port)
{
    char request[HEADER_BYTES];
    char reply[REPLY_SIZE];
    int fd = ask_connect(ip, port);
    size_t heard = 0;
    ssize_t n;

    cr_assert_geq(fd, 0);
    cr_assert(ask_send(fd, request, binary_request(opcode, "", request)));
    while (0 < (n = recv(fd, reply + heard, sizeof(reply) - heard, 0))) {
        heard += (size_t)n;
    }
    cr_expect_eq(n, 0, "0x%02x at port %u does not close", opcode, port);
    cr_expect_eq(heard, opcode == 0x17 ? 0 : HEADER_BYTES, "0x%02x at port %u", opcode, port);
    (void)close(fd);
}

/* ---- All of it ---- */

static void play_all(const struct truth *truth, const char *ip)
{
    static const uint16_t ports[] = { LAB_DATA_PORT, LAB_DISCOVERY_PORT };
    size_t p;
    size_t i;

    for (p = 0; p < ARRAY_COUNT(ports); p++) {
        for (i = 0; i < ARRAY_COUNT(rows); i++) {
            if ((rows[i].port & (1U << p)) != 0) {
                play(&rows[i], truth, ip, ports[p]);
            }
        }
        for (i = 0; i < ARRAY_COUNT(binary_rows); i++) {
            play_binary(&binary_rows[i], truth, ip, ports[p]);
        }
        play_quit(0x07, ip, ports[p]);
        play_quit(0x17, ip, ports[p]);
    }
}

static bool answers(const char *ip, uint16_t port)
{
    struct listing listing;

    return ask_cluster(ip, port, ASK_CONFIG, &listing) != ASK_SILENT;
}

TestSuite(conversations, .timeout = 150);

/*
 * A host dies before it has heard of its node, and is given up only when told so: for so long the
 * first configuration is waited for.
 */
Test(conversations, are_answered_before_and_after_the_first_configuration)
{
    struct truth truth = { .version = 0 };
    struct scene_ip ip = scene_ip(FLEET_FIRST(1));
    struct listing listing;

    fleet_start(2, NULL);
    fleet_kill_host(2);
    lab_write_spec(NODES, "  rollout:\n    convergeTimeout: 1d\n    drain: 0s\n"
                          "  repair:\n    failAfter: 1d\n");
    MUST_OK("apply", "-f", lab_spec().text);
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     answers(ip.text, LAB_DATA_PORT) && answers(ip.text, LAB_DISCOVERY_PORT)));
    play_all(&truth, ip.text);

    lab_write_spec(NODES, "  repair:\n    failAfter: 1s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    cr_assert_eq(ask_cluster(ip.text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_assert_eq(listing.count, NODES);
    truth.version = listing.version;
    (void)snprintf(truth.payload, sizeof(truth.payload), "%.4000s", listing.payload);
    play_all(&truth, ip.text);
    fleet_close();
}
