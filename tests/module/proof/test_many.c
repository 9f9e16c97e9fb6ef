/*
 * Many connections on several threads, while the configuration changes: each connection gets its
 * own items and whole configurations, of versions that never go back. By default 4 threads with 100
 * connections each; with MUSTER_TEST_FULL, 1,000.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/module/each_program.h"

#define THREADS 4
#define CONNECTIONS 100
#define CONNECTIONS_FULL 1000
#define ROUNDS 12
#define VERSIONS_MAX 100000
#define PUBLISH_US 500
#define VALUE_BYTES_MAX 3000
#define ANSWER_BYTES_MAX 16384
#define END "MN\r\n"

struct client {
    int fd;
    unsigned number; /* of its key; no other connection uses it */
    size_t value_bytes;
    unsigned version; /* seen last */
    size_t half;      /* of the next round's store, said with the round before */
};

struct crowd {
    const struct node *node;
    unsigned first; /* number */
    unsigned count;
    atomic_uint *published;
    unsigned seen; /* highest version */
};

/* What stands in version `version`: some hosts, so that sizes differ. */
static size_t payload_of(unsigned version, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "%u\n", version);
    unsigned i;

    for (i = 0; i < 1 + version % 40; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s%u.cfg.local|127.0.%u.%u|11211",
                               i == 0 ? "" : " ", i, version % 250, i);
    }
    at += (size_t)snprintf(out + at, size - at, "\n");
    return at;
}

/* A value that is full of commands, and differs from key to key. */
static void value_of(const struct client *client, char *out)
{
    size_t size = 0;

    while (size < client->value_bytes) {
        size += (size_t)snprintf(out + size, VALUE_BYTES_MAX + 64 - size,
                                 "config get cluster\r\nget c%u\r\n", client->number);
    }
    out[client->value_bytes] = '\0';
}

/* What the client says in a round, and the number of bytes. */
static size_t round_of(const struct client *client, char *out, size_t size)
{
    char value[VALUE_BYTES_MAX + 64];

    value_of(client, value);
    return (size_t)snprintf(out, size,
                            "set c%u 0 0 %zu\r\n%s\r\nconfig get cluster\r\nget c%u\r\n"
                            "get AmazonElastiCache:cluster\r\nmn\r\n",
                            client->number, client->value_bytes, value, client->number);
}

/* Say a round but for what of it was said already, and a part of the next one's store. */
static void say(struct client *client)
{
    char said[2 * ANSWER_BYTES_MAX];
    size_t size = round_of(client, said, ANSWER_BYTES_MAX);
    const size_t from = client->half;

    client->half = client->number % 3 == 0 ? 0 : client->number % (client->value_bytes + 10);
    memcpy(said + size, said, client->half);
    size += client->half;
    cr_assert_eq(send(client->fd, said + from, size - from, MSG_NOSIGNAL), (ssize_t)(size - from));
}

static size_t hear(const struct client *client, char *out)
{
    size_t size = 0;
    ssize_t n;

    while (size < sizeof(END) || memcmp(out + size - sizeof(END) + 1, END, sizeof(END) - 1) != 0) {
        n = recv(client->fd, out + size, ANSWER_BYTES_MAX - size, 0);
        cr_assert_lt(0, n, "connection %u ends", client->number);
        size += (size_t)n;
    }
    return size;
}

/* The version at the head of a payload that follows `before`. */
static unsigned version_behind(const char *text, size_t size, const char *before)
{
    const char *at = memmem(text, size, before, strlen(before));

    cr_assert_not_null(at);
    at += strlen(before);
    at = memchr(at, '\n', size - (size_t)(at - text));
    cr_assert_not_null(at);
    return (unsigned)strtoul(at + 1, NULL, 10);
}

static void check(struct client *client, char *heard, size_t size, unsigned published)
{
    char payloads[2][ANSWER_BYTES_MAX / 4];
    char value[VALUE_BYTES_MAX + 64];
    char expected[ANSWER_BYTES_MAX];
    unsigned versions[2];
    size_t sizes[2];
    int n;

    versions[0] = version_behind(heard, size, "STORED\r\nCONFIG cluster 0");
    versions[1] = version_behind(heard, size, "VALUE AmazonElastiCache:cluster 0");
    sizes[0] = payload_of(versions[0], payloads[0], sizeof(payloads[0]));
    sizes[1] = payload_of(versions[1], payloads[1], sizeof(payloads[1]));
    value_of(client, value);
    n = snprintf(expected, sizeof(expected),
                 "STORED\r\nCONFIG cluster 0 %zu\r\n%s\r\nEND\r\nVALUE c%u 0 %zu\r\n%s\r\nEND\r\n"
                 "VALUE AmazonElastiCache:cluster 0 %zu\r\n%s\r\nEND\r\n" END,
                 sizes[0], payloads[0], client->number, client->value_bytes, value, sizes[1],
                 payloads[1]);
    if ((size_t)n != size || memcmp(heard, expected, size) != 0) {
        cr_assert_fail("connection %u heard %.*s in place of %s", client->number, (int)size, heard,
                       expected);
    }
    cr_assert_leq(client->version, versions[0], "connection %u went back", client->number);
    cr_assert_leq(versions[0], versions[1], "connection %u went back", client->number);
    cr_assert_leq(versions[1], published);
    client->version = versions[1];
}

static void *talk_all(void *arg)
{
    struct crowd *crowd = arg;
    struct client *clients = calloc(crowd->count, sizeof(*clients));
    char heard[ANSWER_BYTES_MAX];
    unsigned round;
    unsigned i;

    for (i = 0; i < crowd->count; i++) {
        clients[i] = (struct client){ .fd = node_connect(crowd->node), .number = crowd->first + i };
        clients[i].value_bytes = (clients[i].number * 37) % VALUE_BYTES_MAX;
    }
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < crowd->count; i++) {
            say(&clients[i]);
        }
        for (i = 0; i < crowd->count; i++) {
            size_t size = hear(&clients[i], heard);

            check(&clients[i], heard, size, atomic_load(crowd->published));
            crowd->seen = crowd->seen < clients[i].version ? clients[i].version : crowd->seen;
        }
    }
    for (i = 0; i < crowd->count; i++) {
        (void)close(clients[i].fd);
    }
    free(clients);
    return NULL;
}

/* Publish until the crowds are through; the number is told before, so that nobody sees a higher. */
struct publisher {
    struct node *node;
    atomic_uint published;
    atomic_bool stop;
};

static void *publish_all(void *arg)
{
    struct publisher *publisher = arg;
    char payload[ANSWER_BYTES_MAX / 4];
    unsigned version;

    for (version = 2; version < VERSIONS_MAX && !atomic_load(&publisher->stop); version++) {
        (void)payload_of(version, payload, sizeof(payload));
        atomic_store(&publisher->published, version);
        node_publish(publisher->node, version, payload, NODE_RECORD);
        usleep(PUBLISH_US);
    }
    return NULL;
}

EACH_PROGRAM(many, connections_on_four_threads_see_whole_versions_that_never_go_back)
{
    static const char *const arguments[] = { "-t", "4", "-c", "8000", "-m", "256", NULL };
    const unsigned count = getenv("MUSTER_TEST_FULL") != NULL ? CONNECTIONS_FULL : CONNECTIONS;
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    struct publisher publisher;
    char payload[ANSWER_BYTES_MAX / 4];
    pthread_t publishing;
    struct node node;
    unsigned i;

    node_use(program);
    node_start(&node, 1, arguments);
    (void)payload_of(2, payload, sizeof(payload));
    node_publish(&node, 2, payload, NODE_RECORD);
    publisher.node = &node;
    atomic_init(&publisher.published, 2);
    atomic_init(&publisher.stop, false);
    cr_assert_eq(pthread_create(&publishing, NULL, publish_all, &publisher), 0);
    for (i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){
            .node = &node, .first = i * count, .count = count, .published = &publisher.published
        };
        cr_assert_eq(pthread_create(&threads[i], NULL, talk_all, &crowds[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    atomic_store(&publisher.stop, true);
    (void)pthread_join(publishing, NULL);
    cr_assert_lt(10, crowds[0].seen, "the configuration did not change meanwhile");
    cr_assert(process_running(node.process));
}
