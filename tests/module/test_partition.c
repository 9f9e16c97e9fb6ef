/*
 * The partition is served whatever happens to the cache, the segment or the clients.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "discovery/segment.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/node.h"
#include "tests/module/talk.h"
#include "watcher/module/values.h"

#define CONFIG_GET "config get cluster\r\n"

/* Send all, or stop the test. */
static void say(int fd, const char *bytes, size_t size)
{
    while (0 < size) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

        cr_assert_gt(n, 0);
        bytes += n;
        size -= (size_t)n;
    }
}

/* Hear exactly what is expected, no more and no less at this time. */
static void hear(int fd, const char *expected)
{
    const size_t size = strlen(expected);
    char *bytes = malloc(size + 1);
    size_t heard = 0;
    ssize_t n = 1;

    while (heard < size && 0 < n) {
        n = recv(fd, bytes + heard, size - heard, 0);
        heard += n < 0 ? 0 : (size_t)n;
    }
    bytes[heard] = '\0';
    cr_assert_str_eq(bytes, expected);
    free(bytes);
}

Test(partition, a_command_may_be_split_anywhere_between_others)
{
    static const char *const commands[] = {
        "get k\r\n" CONFIG_GET "set k 0 0 5\r\nhello\r\n",
        "set k 0 0 20\r\n" CONFIG_GET "\r\n" CONFIG_GET "get k\r\n",
        "set muster:config 0 0 20\r\n" CONFIG_GET "\r\nget k\r\n",
    };
    static const char *const answers[] = {
        "END\r\n" NODE_CONFIG_ANSWER "STORED\r\n",
        "STORED\r\n" NODE_CONFIG_ANSWER "VALUE k 0 20\r\n" CONFIG_GET "\r\nEND\r\n",
        "STORED\r\nEND\r\n",
    };
    struct node node;
    size_t i;
    size_t cut;

    node_start(&node, 1, NULL);
    for (i = 0; i < ARRAY_COUNT(commands); i++) {
        const size_t size = strlen(commands[i]);
        struct speech speech = {
            .bytes = commands[i], .size = size, .cuts = &cut, .cuts_count = 1, .pause_us = 300
        };

        for (cut = 0; cut <= size; cut++) {
            struct heard heard;

            free(node_ask(&node, "delete k\r\n"));
            talk(node_connect(&node), &speech, &heard);
            cr_assert_str_eq(heard.bytes, answers[i], "cut at %zu: %s", cut, heard.bytes);
            free(heard.bytes);
        }
    }
}

Test(partition, an_answer_is_one_packet)
{
    char bytes[4096];
    struct node node;
    ssize_t n;
    int fd;

    node_start(&node, 1, NULL);
    fd = node_connect(&node);
    say(fd, CONFIG_GET, strlen(CONFIG_GET));
    n = recv(fd, bytes, sizeof(bytes), 0);
    cr_assert_eq(n, (ssize_t)strlen(NODE_CONFIG_ANSWER));
    (void)close(fd);
}

Test(partition, before_the_first_configuration_the_answer_is_end)
{
    struct node node;

    node_start_empty(&node, 1, NULL);
    node_expect(&node, CONFIG_GET "get muster:config\r\nget AmazonElastiCache:cluster\r\n",
                "END\r\nEND\r\nEND\r\n");
    node_publish(&node, 1, NODE_PAYLOAD, NODE_RECORD);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}

Test(partition, a_flushed_and_an_overfull_cache_still_serves)
{
    static const char *const arguments[] = { "-m", "2", NULL };
    static char said[400 * 10100];
    struct node node;
    size_t size = 0;
    unsigned i;
    char *answer;

    node_start(&node, 1, arguments);
    for (i = 0; i < 400; i++) {
        size +=
            (size_t)snprintf(said + size, sizeof(said) - size, "set k%u 0 0 10000 noreply\r\n", i);
        memset(said + size, 'v', 10000);
        size += 10000;
        size += (size_t)snprintf(said + size, sizeof(said) - size, "\r\n");
    }
    answer = node_ask(&node, said);
    free(answer);
    answer = node_ask(&node, "stats\r\n");
    cr_assert_null(strstr(answer, "STAT evictions 0\r\n"), "the cache is not overfull");
    free(answer);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
    node_expect(&node, "flush_all\r\n" CONFIG_GET, "OK\r\n" NODE_CONFIG_ANSWER);
    node_expect(&node, "delete AmazonElastiCache:cluster\r\nflush_all 0\r\n" CONFIG_GET,
                "NOT_FOUND\r\nOK\r\n" NODE_CONFIG_ANSWER);
    node_expect(&node, "config delete cluster\r\n" CONFIG_GET, "NOT_FOUND\r\n" NODE_CONFIG_ANSWER);
}

Test(partition, the_newest_configuration_is_served_at_once_on_every_connection)
{
    char payload[64];
    char expected[128];
    int fds[8];
    struct node node;
    unsigned version;
    unsigned i;

    node_start(&node, 1, NULL);
    for (i = 0; i < 8; i++) {
        fds[i] = node_connect(&node);
    }
    for (version = 2; version < 50; version++) {
        (void)snprintf(payload, sizeof(payload), "%u\na|127.0.0.1|11211\n", version);
        node_publish(&node, version, payload, NODE_RECORD);
        (void)snprintf(expected, sizeof(expected), "CONFIG cluster 0 %zu\r\n%s\r\nEND\r\n",
                       strlen(payload), payload);
        for (i = 0; i < 8; i++) {
            say(fds[i], CONFIG_GET, strlen(CONFIG_GET));
            hear(fds[i], expected);
        }
    }
}

/* Write noise over a part of the segment, or cut it, or take it away. */
static void damage(const struct node *node, unsigned kind)
{
    static char noise[SEGMENT_FILE_BYTES];

    memset(noise, 0x5a, sizeof(noise));
    switch (kind) {
    case 0:
        cr_assert_eq(ftruncate(node->segment, 0), 0);
        break;
    case 1:
        cr_assert_eq(ftruncate(node->segment, SEGMENT_PAGE_BYTES + 3), 0);
        break;
    case 2:
        cr_assert_eq(pwrite(node->segment, noise, sizeof(noise), 0), (ssize_t)sizeof(noise));
        break;
    case 3:
        cr_assert_eq(pwrite(node->segment, noise, SEGMENT_FILE_BYTES - SEGMENT_PAGE_BYTES,
                            SEGMENT_PAGE_BYTES),
                     SEGMENT_FILE_BYTES - SEGMENT_PAGE_BYTES);
        break;
    case 4:
        cr_assert_eq(unlink(node_segment(node).text), 0);
        break;
    default:
        cr_assert_eq(rename(node_segment(node).text, scene_path("away").text), 0);
        break;
    }
}

Test(partition, the_last_good_copy_outlives_every_damage_to_the_segment)
{
    struct node node;
    char payload[64];
    char expected[128];
    char again[300];
    unsigned kind;

    node_start(&node, 1, NULL);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
    for (kind = 0; kind < 6; kind++) {
        (void)snprintf(payload, sizeof(payload), "%u\na|127.0.0.1|11211\n", kind + 2);
        (void)snprintf(expected, sizeof(expected), "CONFIG cluster 0 %zu\r\n%s\r\nEND\r\n",
                       strlen(payload), payload);
        node_publish(&node, kind + 2, payload, NODE_RECORD);
        node_await(&node, CONFIG_GET, expected);
        damage(&node, kind);
        (void)snprintf(again, sizeof(again), "%sEND\r\n%s", expected, expected);
        node_expect(&node, CONFIG_GET "get k\r\n" CONFIG_GET, again);
    }
}

Test(partition, writes_reach_the_inbox_and_nothing_else)
{
    static char buffer[INBOX_BUFFER_BYTES];
    struct inbox_entry entry;
    struct inbox_list list;
    struct node node;
    struct err err;

    node_start(&node, 1, NULL);
    node_expect(&node,
                "set muster:config 0 0 9\r\nsomething\r\nget muster:config\r\n"
                "set muster:join:0123456789abcdef 0 0 5\r\ntoken\r\n"
                "get muster:join:0123456789abcdef\r\n",
                "STORED\r\nVALUE muster:config 0 30\r\n" NODE_RECORD "\r\nEND\r\n"
                "STORED\r\nEND\r\n");
    cr_assert_eq(inbox_scan(node_inbox(&node).text, &list, &err), 0);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(inbox_take(node_inbox(&node).text, "config.0", buffer, &entry, &err), 0);
    cr_assert_eq(entry.value_bytes, 9);
    cr_assert_arr_eq(entry.value, "something", 9);
    cr_assert_eq(inbox_take(node_inbox(&node).text, "join.1", buffer, &entry, &err), 0);
    cr_assert_str_eq(entry.uid, "0123456789abcdef");
    cr_assert_eq(rmdir(node_inbox(&node).text), 0);
    node_expect(&node, "set muster:config 0 0 9\r\nsomething\r\n" CONFIG_GET,
                "SERVER_ERROR configuration writes are switched off\r\n" NODE_CONFIG_ANSWER);
}

struct clients {
    int fds[2 * VALUES_MAX];
    size_t ended; /* so many are waited for */
};

static bool have_ended(void *ctx)
{
    const struct clients *clients = ctx;
    size_t ended = 0;
    size_t i;
    char byte;

    for (i = 0; i < 2 * VALUES_MAX; i++) {
        ssize_t n = recv(clients->fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK);

        ended += n == 0 || (n < 0 && errno != EAGAIN) ? 1 : 0;
    }
    return ended == clients->ended;
}

/* Whoever leaves a value unfinished gives way to the next one. */
Test(partition, unfinished_values_keep_nobody_from_writing)
{
    static const char begun[] = "set muster:config 0 0 9\r\nsome";
    static const char other[] = "set muster:config 0 0 5\r\nother\r\n";
    struct clients clients = { .ended = VALUES_MAX };
    struct node node;
    size_t i;

    node_start(&node, 1, NULL);
    for (i = 0; i < 2 * VALUES_MAX; i++) {
        clients.fds[i] = node_connect(&node);
        say(clients.fds[i], begun, sizeof(begun) - 1);
    }
    cr_assert(wait_until(have_ended, &clients, WAIT_MS));
    node_expect(&node, other, "STORED\r\n");
    clients.ended++;
    cr_assert(wait_until(have_ended, &clients, WAIT_MS));
    for (i = 0; i < 2 * VALUES_MAX; i++) {
        (void)close(clients.fds[i]);
    }
    node_expect(&node, other, "STORED\r\n");
}

/* The largest record goes in and comes out, and one byte more does neither. */
Test(partition, large_records_pass_whole)
{
    static char said[DISCOVERY_RECORD_BYTES_MAX + 128];
    static char record[DISCOVERY_RECORD_BYTES_MAX + 1];
    struct node node;
    char *answer;
    int size;

    node_start(&node, 1, NULL);
    memset(record, 'r', DISCOVERY_RECORD_BYTES_MAX);
    size = snprintf(said, sizeof(said), "set muster:config 0 0 %d\r\n%s\r\nget k\r\n",
                    DISCOVERY_RECORD_BYTES_MAX, record);
    cr_assert_lt(size, (int)sizeof(said));
    node_expect(&node, said, "STORED\r\nEND\r\n");
    size = snprintf(said, sizeof(said), "set muster:config 0 0 %d\r\n%sX\r\nget k\r\n",
                    DISCOVERY_RECORD_BYTES_MAX + 1, record);
    cr_assert_lt(size, (int)sizeof(said));
    node_expect(&node, said, "SERVER_ERROR object too large for cache\r\nEND\r\n");
    node_publish(&node, 2, NODE_PAYLOAD, record);
    answer = node_ask(&node, "get muster:config\r\nget k\r\n");
    cr_assert_eq(strlen(answer), strlen("VALUE muster:config 0 393216\r\n") +
                                     DISCOVERY_RECORD_BYTES_MAX + strlen("\r\nEND\r\nEND\r\n"));
    free(answer);
}

#define LARGE_PAYLOAD_BYTES 60000
#define FLOOD_HEAD "CONFIG cluster 0 60000\r\n"
#define FLOOD_TAIL "\r\nEND\r\nVALUE k 0 2\r\nhi\r\nEND\r\n"

/* A node with a payload that soon fills every buffer; `expected` gets the answer to one request. */
static size_t start_large(struct node *node, char *expected)
{
    static char payload[LARGE_PAYLOAD_BYTES + 1];

    memset(payload, 'p', LARGE_PAYLOAD_BYTES);
    node_start(node, 1, NULL);
    node_publish(node, 2, payload, NODE_RECORD);
    node_expect(node, "set k 0 0 2\r\nhi\r\n", "STORED\r\n");
    return (size_t)sprintf(expected, FLOOD_HEAD "%s" FLOOD_TAIL, payload);
}

/* Hear what is there; it repeats `one`. Returns how much was heard by now. */
static size_t hear_repeated(int fd, const char *one, size_t one_bytes, size_t heard)
{
    static char bytes[1 << 20];
    ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
    ssize_t i;

    for (i = 0; i < n; i++) {
        if (bytes[i] != one[(heard + (size_t)i) % one_bytes]) {
            cr_assert_fail("byte %zu is wrong", heard + (size_t)i);
        }
    }
    return heard + (n < 0 ? 0 : (size_t)n);
}

/*
 * A client that asks without reading: its answers wait, in order with memcached's own, and
 * others don't notice. Newer configurations don't reach into an answer that waits.
 */
Test(partition, an_answer_waits_for_a_client_that_does_not_read)
{
    enum { FLOOD = 400 };
    static const char ask[] = CONFIG_GET "get k\r\n";
    static char asked[FLOOD * sizeof(ask)];
    static char one[LARGE_PAYLOAD_BYTES + 128];
    struct pollfd poll_fd = { .events = POLLIN };
    size_t one_bytes;
    size_t heard = 0;
    struct node node;
    unsigned i;

    one_bytes = start_large(&node, one);
    for (i = 0; i < FLOOD; i++) {
        memcpy(asked + i * (sizeof(ask) - 1), ask, sizeof(ask) - 1);
    }
    poll_fd.fd = node_connect(&node);
    say(poll_fd.fd, asked, FLOOD * (sizeof(ask) - 1));
    for (i = 0; i < 20; i++) { /* meanwhile, others */
        node_expect(&node, "get k\r\n", "VALUE k 0 2\r\nhi\r\nEND\r\n");
    }
    while (heard < FLOOD * one_bytes) {
        cr_assert_gt(poll(&poll_fd, 1, (int)WAIT_MS), 0, "after %zu bytes", heard);
        heard = hear_repeated(poll_fd.fd, one, one_bytes, heard);
    }
    cr_assert_eq(heard, FLOOD * one_bytes);
    (void)close(poll_fd.fd);
}

Test(partition, an_answer_that_waits_keeps_its_version)
{
    enum { FLOOD = 400 };
    static const char ask[] = CONFIG_GET "get k\r\n";
    static char one[LARGE_PAYLOAD_BYTES + 128];
    char bytes[LARGE_PAYLOAD_BYTES];
    size_t one_bytes;
    size_t heard = 0;
    struct node node;
    unsigned i;
    int fd;

    one_bytes = start_large(&node, one);
    fd = node_connect(&node);
    for (i = 0; i < FLOOD; i++) {
        say(fd, ask, sizeof(ask) - 1);
    }
    cr_assert_eq(recv(fd, bytes, 1, MSG_PEEK), 1); /* the first answer is on its way */
    for (i = 3; i < 50; i++) {
        node_publish(&node, i, NODE_PAYLOAD, NODE_RECORD);
        node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
    }
    while (heard + sizeof(bytes) < one_bytes) { /* the first answer, whole, is the old one */
        ssize_t n = recv(fd, bytes,
                         one_bytes - heard < sizeof(bytes) ? one_bytes - heard : sizeof(bytes), 0);

        cr_assert_gt(n, 0);
        cr_assert_arr_eq(bytes, one + heard, (size_t)n);
        heard += (size_t)n;
    }
    (void)close(fd);
}

Test(partition, a_client_that_goes_away_with_answers_waiting_harms_nobody)
{
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    static char one[LARGE_PAYLOAD_BYTES + 128];
    static char asked[4000 * (sizeof(CONFIG_GET) - 1)];
    struct node node;
    int fds[20];
    unsigned i;

    (void)start_large(&node, one);
    for (i = 0; i < 4000; i++) {
        memcpy(asked + i * (sizeof(CONFIG_GET) - 1), CONFIG_GET, sizeof(CONFIG_GET) - 1);
    }
    for (i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = node_connect(&node);
        say(fds[i], asked, sizeof(asked));
    }
    for (i = 0; i < ARRAY_COUNT(fds); i++) {
        if (i % 2 == 0) {
            (void)setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        (void)close(fds[i]);
        node_expect(&node, "get k\r\n", "VALUE k 0 2\r\nhi\r\nEND\r\n");
    }
}

Test(partition, two_hundred_connections_are_served_in_order)
{
    enum { CONNECTIONS = 200, ROUNDS = 20 };
    static int fds[CONNECTIONS];
    char said[256];
    char expected[512];
    struct node node;
    unsigned round;
    unsigned i;

    node_start(&node, 1, NULL);
    for (i = 0; i < CONNECTIONS; i++) {
        fds[i] = node_connect(&node);
    }
    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < CONNECTIONS; i++) {
            (void)snprintf(said, sizeof(said),
                           "set k%u 0 0 4\r\n%04u\r\n" CONFIG_GET "get k%u\r\n" CONFIG_GET, i,
                           i + round, i);
            say(fds[i], said, strlen(said));
        }
        for (i = 0; i < CONNECTIONS; i++) {
            (void)snprintf(expected, sizeof(expected),
                           "STORED\r\n" NODE_CONFIG_ANSWER
                           "VALUE k%u 0 4\r\n%04u\r\nEND\r\n" NODE_CONFIG_ANSWER,
                           i, i + round);
            hear(fds[i], expected);
        }
    }
    for (i = 0; i < CONNECTIONS; i++) {
        (void)close(fds[i]);
    }
}

Test(partition, it_is_inert_where_it_must_be)
{
    const struct scene_path library = scene_library("libmuster_partition.so");
    char listener[64];
    char preload[SCENE_PATH_SIZE + 16];
    const char *const env[] = { preload, "MUSTER_PARTITION=/nonexistent", NULL };
    const char *const fixed[] = { "memcached", "-u", "root", "-l", listener, NULL };
    const char *const other[] = { "cat", "/dev/null", NULL };
    struct process_spec spec = { .name = "fixed", .argv = fixed, .env = env };
    struct process *process;
    char *output;

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library.text);
    (void)snprintf(listener, sizeof(listener), "proto[ascii]:%s", scene_ip(1).text);
    process = process_start(&spec);
    cr_assert(process_wait_output(process, "muster_partition: inactive: a listener has"));
    process_kill(process);
    spec = (struct process_spec){ .name = "other", .argv = other, .env = env };
    cr_assert_eq(process_run(&spec, &output), 0);
    cr_assert_str_eq(output, "");
    free(output);
}
