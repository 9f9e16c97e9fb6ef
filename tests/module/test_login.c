/*
 * Listeners that want a login: the partition obeys memcached's judgement, whatever a client tries.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "support/net.h"
#include "tests/module/launch.h"
#include "tests/module/talk.h"
#include "tests/module/tls_client.h"

#define CONFIG_GET "config get cluster\r\n"
#define LOGIN "set auth 0 0 13\r\nuser password\r\n"
#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"

/* ---- -Y ---- */

static void start_text(struct node *node, unsigned host, const char *program)
{
    const struct scene_path users = scene_write("users", "user:password\n");
    const char *const arguments[] = { "-Y", users.text, NULL };
    struct launch spec = { .program = program, .arguments = arguments };

    launch(node, host, &spec);
}

static void expect_empty_inbox(const struct node *node)
{
    struct inbox_list list;
    struct err err;

    cr_assert_eq(inbox_scan(node_inbox(node).text, &list, &err), 0);
    cr_expect_eq(list.count, 0);
}

static const char *const strangers[] = {
    CONFIG_GET,
    "get muster:config\r\nget AmazonElastiCache:cluster\r\n",
    "set muster:config 0 0 9\r\nsomething\r\n" CONFIG_GET,
    "set muster:config 0 0 10\r\nsome thing\r\n" CONFIG_GET,
    "set a 0 0 10\r\nuser wrong\r\n" CONFIG_GET,
    "set a 0 0 19\r\nuser wrong\r\nSTORED\r\n" CONFIG_GET,
    "set a 0 0 14\r\nuser password\r\n" CONFIG_GET,
    "set a 0 0 12\r\nuser password\r\n" CONFIG_GET,
    "set STORED 0 0 x\r\n" CONFIG_GET,
};

Test(login, before_a_login_nothing_is_answered_and_nothing_written)
{
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        struct node node;

        start_text(&node, (unsigned)i + 1, programs[i]);
        for (k = 0; k < ARRAY_COUNT(strangers); k++) {
            char *answer = node_ask(&node, strangers[k]);

            cr_expect_null(strstr(answer, "CONFIG"), "%s gave %s", strangers[k], answer);
            cr_expect_null(strstr(answer, "muster"), "%s gave %s", strangers[k], answer);
            cr_expect_null(strstr(answer, "\r\nEND"), "%s gave %s", strangers[k], answer);
            free(answer);
        }
        expect_empty_inbox(&node);
    }
}

/* Also in one packet with what it opens, and wherever it is split; and behind a failed one. */
Test(login, behind_a_login_the_partition_is_served)
{
    static const char said[] = "set a 0 0 10\r\nuser wrong\r\n" LOGIN CONFIG_GET
                               "set k 0 0 20\r\n" CONFIG_GET "\r\nget k\r\n"
                               "set muster:config 0 0 9\r\nsomething\r\n" CONFIG_GET;
    static const char answer[] =
        "CLIENT_ERROR authentication failure\r\nSTORED\r\n" NODE_CONFIG_ANSWER
        "STORED\r\nVALUE k 0 20\r\n" CONFIG_GET "\r\nEND\r\nSTORED\r\n" NODE_CONFIG_ANSWER;
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t cut;
    struct speech speech = {
        .bytes = said, .size = sizeof(said) - 1, .cuts = &cut, .cuts_count = 1, .pause_us = 300
    };
    size_t i;

    for (i = 0; i < count; i++) {
        const char *const env[] = { PARTITION_WRITES_VARIABLE "=1000000", NULL };
        const struct scene_path users = scene_write("users", "user:password\n");
        const char *const arguments[] = { "-Y", users.text, "-t", "2", NULL };
        struct launch spec = { .program = programs[i], .arguments = arguments, .env = env };
        struct node node;

        launch(&node, (unsigned)i + 1, &spec);
        for (cut = 0; cut < sizeof(said); cut++) {
            struct heard heard;

            talk(node_connect(&node), &speech, &heard);
            cr_assert_str_eq(heard.bytes, answer, "%s, cut at %zu: %s", programs[i], cut,
                             heard.bytes);
            free(heard.bytes);
        }
    }
}

/* Everything, in pieces that end with line ends. */
static char *ask_by_lines(const struct node *node, const char *said)
{
    size_t cuts[32];
    struct speech speech = { .bytes = said, .size = strlen(said), .cuts = cuts, .apart = true };
    struct heard heard;
    const char *end = said;

    while ((end = strchr(end, '\n')) != NULL && speech.cuts_count < ARRAY_COUNT(cuts)) {
        end++;
        cuts[speech.cuts_count] = (size_t)(end - said);
        speech.cuts_count++;
    }
    talk(node_connect(node), &speech, &heard);
    return heard.bytes;
}

static void expect_same(const struct node *with, const struct node *without, const char *said)
{
    char *ours = node_ask(with, said);
    char *theirs = ask_by_lines(without, said);

    cr_expect_str_eq(ours, theirs, "%s gave %s instead of %s", said, ours, theirs);
    free(ours);
    free(theirs);
}

/*
 * Memcached loses answers to failed logins that come in one packet. With the module they come line
 * by line, as they could from any network.
 */
Test(login, memcached_judges_as_it_does_without_the_module)
{
    static const char *const said[] = {
        "\n\n\nset a 0 0 13\r\nuser password\r\nget k\r\n",
        "\r\nset a 0 0 13\r\nuser password\r\nget k\r\n",
        "x\nset a 0 0 13\r\nuser password\r\nget k\r\n",
        "set a 0 0 13\r\nuser\npassword\r\nget k\r\n",
        "set a 0 0 13 noreply\r\nuser password\r\nget k\r\n",
        "set a 0 0 -1\r\nuser password\r\n",
        "set a 0 0 100\r\nuser password\r\n",
        "set\ta\t0\t0\t13\r\nuser password\r\nget k\r\n",
        LOGIN LOGIN "get auth\r\n",
    };
    const struct scene_path users = scene_write("users", "user:password\n");
    const char *const arguments[] = { "-Y", users.text, NULL };
    struct node with;
    struct node without;
    size_t i;

    start_text(&with, 1, NULL);
    node_start_bare(&without, 2, arguments);
    for (i = 0; i < ARRAY_COUNT(said); i++) {
        expect_same(&with, &without, said[i]);
    }
    for (i = 0; i < ARRAY_COUNT(strangers); i++) {
        expect_same(&with, &without, strangers[i]);
    }
}

/* A client that asks and does not read what it is told can't make its answers look like another. */
Test(login, answers_that_pile_up_are_not_taken_for_one)
{
    static char said[200000];
    struct node node;
    size_t size = 0;
    char *answer;

    start_text(&node, 1, NULL);
    while (size < sizeof(said) - 64) {
        size += (size_t)snprintf(said + size, sizeof(said) - size, "set a 0 0 3\r\na b\r\n");
    }
    (void)snprintf(said + size, sizeof(said) - size, CONFIG_GET);
    answer = node_ask(&node, said);
    cr_expect_null(strstr(answer, "CONFIG"));
    cr_expect_not_null(strstr(answer, "authentication failure"));
    free(answer);
}

Test(login, it_is_heard_through_tls)
{
    const struct scene_path users = scene_write("users", "user:password\n");
    const struct scene_path certificate = scene_path("certificate");
    const struct scene_path key = scene_path("key");
    char options[2 * SCENE_PATH_SIZE + 64];
    const char *const arguments[] = { "-Y", users.text, "-Z", "-o", options, NULL };
    struct launch spec = { .arguments = arguments };
    struct tls_client client;
    struct node node;

    tls_make_certificate(certificate.text, key.text);
    (void)snprintf(options, sizeof(options), "ssl_chain_cert=%s,ssl_key=%s", certificate.text,
                   key.text);
    launch(&node, 1, &spec);
    tls_client_open(&client, node_connect(&node));
    tls_client_say(&client, CONFIG_GET LOGIN CONFIG_GET, strlen(CONFIG_GET LOGIN CONFIG_GET));
    tls_client_expect(&client, UNAUTHENTICATED "STORED\r\n" NODE_CONFIG_ANSWER);
    tls_client_close(&client);
}

/* ---- -S ---- */

#define AUTH 0x21
#define STEP 0x22
#define LIST 0x20
#define CONFIG 0x60
#define NOOP 0x0a
#define VERSION 0x0b
#define AUTH_ERROR 0x20

struct frames {
    char bytes[8192];
    size_t size;
};

static void add_frame(struct frames *frames, unsigned opcode, const char *key, const char *value)
{
    const size_t key_bytes = strlen(key);
    const size_t body_bytes = key_bytes + strlen(value);
    char *at = frames->bytes + frames->size;

    cr_assert_lt(frames->size + 24 + body_bytes, sizeof(frames->bytes));
    memset(at, 0, 24);
    at[0] = (char)0x80;
    at[1] = (char)opcode;
    at[3] = (char)key_bytes;
    at[10] = (char)(body_bytes >> 8);
    at[11] = (char)body_bytes;
    memcpy(at + 24, key, key_bytes);
    memcpy(at + 24 + key_bytes, value, body_bytes - key_bytes);
    frames->size += 24 + body_bytes;
}

static void start_sasl(struct node *node, unsigned host, const char *program)
{
    static const char *const arguments[] = { "-S", NULL };
    char conf[SCENE_PATH_SIZE + 32];
    const char *const env[] = { conf, NULL };
    struct launch spec = { .program = program, .arguments = arguments, .env = env };

    (void)scene_write("memcached.conf", "mech_list: anonymous plain\n");
    (void)snprintf(conf, sizeof(conf), "SASL_CONF_PATH=%s", scene_dir());
    launch(node, host, &spec);
}

/* Say all frames, hear until memcached closes, and put "<opcode>:<status>" of each answer, and "*"
 * for one that carries the payload, into `out`. */
static void tell_answers(const struct node *node, const struct frames *frames, const size_t *cut,
                         char *out, size_t size)
{
    struct speech speech = { .bytes = frames->bytes,
                             .size = frames->size,
                             .cuts = cut,
                             .cuts_count = cut == NULL ? 0 : 1,
                             .pause_us = 300 };
    struct heard heard;
    size_t used = 0;
    size_t at = 0;

    talk(node_connect(node), &speech, &heard);
    out[0] = '\0';
    while (at + 24 <= heard.size) {
        const unsigned char *header = (const unsigned char *)heard.bytes + at;
        const size_t body_bytes = (size_t)header[10] << 8 | header[11];
        const char *body = heard.bytes + at + 24;
        const bool payload = at + 24 + body_bytes <= heard.size &&
                             memmem(body, body_bytes, "a.cfg.local", 11) != NULL;

        used += (size_t)snprintf(out + used, size - used, "%02x:%02x%s ", header[1], header[7],
                                 payload ? "*" : "");
        at += 24 + body_bytes;
    }
    free(heard.bytes);
}

static void expect_answers(const struct node *node, const struct frames *frames,
                           const char *expected)
{
    char answers[256];

    tell_answers(node, frames, NULL, answers, sizeof(answers));
    cr_expect_str_eq(answers, expected, "%s instead of %s", answers, expected);
}

Test(login, sasl_opens_the_partition_and_a_further_attempt_closes_it_again)
{
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        struct frames none = { .size = 0 };
        struct frames good = { .size = 0 };
        struct frames bad = { .size = 0 };
        struct frames again = { .size = 0 };
        struct frames listed = { .size = 0 };
        struct node node;

        start_sasl(&node, (unsigned)i + 1, programs[i]);
        add_frame(&none, VERSION, "", "");
        add_frame(&none, CONFIG, "cluster", "");
        expect_answers(&node, &none, "0b:00 60:20 ");

        add_frame(&good, VERSION, "", "");
        add_frame(&good, AUTH, "ANONYMOUS", "somebody");
        add_frame(&good, CONFIG, "cluster", "");
        add_frame(&good, NOOP, "", "");
        add_frame(&good, 0x00, "muster:config", "");
        expect_answers(&node, &good, "0b:00 21:00 60:00* 0a:00 00:00 ");

        add_frame(&bad, AUTH, "PLAIN", "somebody");
        add_frame(&bad, CONFIG, "cluster", "");
        expect_answers(&node, &bad, "21:20 60:20 ");

        add_frame(&again, AUTH, "ANONYMOUS", "somebody");
        add_frame(&again, CONFIG, "cluster", "");
        add_frame(&again, AUTH, "PLAIN", "somebody");
        add_frame(&again, CONFIG, "cluster", "");
        expect_answers(&node, &again, "21:00 60:00* 21:20 60:20 ");

        add_frame(&listed, AUTH, "ANONYMOUS", "somebody");
        add_frame(&listed, CONFIG, "cluster", "");
        add_frame(&listed, LIST, "", "");
        add_frame(&listed, CONFIG, "cluster", "");
        expect_answers(&node, &listed, "21:00 60:00* 20:00 60:20 ");
    }
}

Test(login, a_sasl_login_may_be_split_anywhere)
{
    struct frames frames = { .size = 0 };
    char answers[256];
    struct node node;
    size_t cut;

    start_sasl(&node, 1, NULL);
    add_frame(&frames, VERSION, "", "");
    add_frame(&frames, AUTH, "ANONYMOUS", "somebody");
    add_frame(&frames, CONFIG, "cluster", "");
    add_frame(&frames, NOOP, "", "");
    for (cut = 1; cut < frames.size; cut++) {
        tell_answers(&node, &frames, &cut, answers, sizeof(answers));
        cr_assert_str_eq(answers, "0b:00 21:00 60:00* 0a:00 ", "cut at %zu: %s", cut, answers);
    }
}

/* A write needs the login as well, and the text protocol is none that memcached speaks then. */
Test(login, sasl_guards_writes_and_leaves_text_unanswered)
{
    struct frames set = { .size = 0 };
    struct node node;
    char *answer;

    start_sasl(&node, 1, NULL);
    add_frame(&set, 0x64, "cluster", "something");
    expect_answers(&node, &set, "64:20 ");
    expect_empty_inbox(&node);
    answer = node_ask(&node, CONFIG_GET CONFIG_GET);
    cr_expect_null(strstr(answer, "CONFIG"), "%s", answer);
    free(answer);
}
