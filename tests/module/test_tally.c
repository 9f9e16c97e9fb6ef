/*
 * What the module counts and whom it answered is told in the tally, and only there.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "discovery/names.h"
#include "discovery/tally.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/node.h"
#include "tests/module/talk.h"

#define CONFIG_GET "config get cluster\r\n"
#define ASKERS 8
#define ASKED_EACH 50

struct tally_file {
    struct scene_path path;
    int fd;
    enum tally_counter counter;
    uint64_t expected;
    uint64_t found;
};

static struct tally_file tally_of(const struct node *node)
{
    struct tally_file file = { .path = node->partition, .fd = -1 };

    (void)snprintf(file.path.text + strlen(file.path.text),
                   sizeof(file.path.text) - strlen(file.path.text), "/" PARTITION_TALLY);
    return file;
}

/* A partition with a tally, as a watcher makes it, before memcached starts. */
static struct tally_file start(struct node *node, const char *const *arguments)
{
    struct node planned = { .ip = scene_ip(1), .segment = -1 };
    struct tally_file file;
    struct err err;

    planned.partition = scene_path("partition-1");
    node_publish(&planned, 1, NODE_PAYLOAD, NODE_RECORD);
    file = tally_of(&planned);
    cr_assert_eq(tally_create(file.path.text, getuid(), getgid(), 0, &file.fd, &err), 0, "%s",
                 err.msg);
    node_start_empty(node, 1, arguments);
    node->segment = planned.segment;
    return file;
}

static bool has_counted(void *ctx)
{
    struct tally_file *file = ctx;
    struct tally_counters counters;

    if (tally_read_counters(file->fd, &counters) != 0) {
        return false;
    }
    file->found = counters.counts[file->counter];
    return file->found == file->expected;
}

static void expect(struct tally_file *file, enum tally_counter counter, uint64_t expected)
{
    file->counter = counter;
    file->expected = expected;
    cr_expect(wait_until(has_counted, file, WAIT_MS), "%s is %lu instead of %lu",
              tally_counter_text(counter), (unsigned long)file->found, (unsigned long)expected);
}

/* Ask from an address of our own. */
static void ask_from(const struct node *node, const char *from, const char *said)
{
    struct speech speech = { .bytes = said, .size = strlen(said) };
    struct heard heard;
    int fd = net_connect_from(from, node->ip.text, NODE_PORT);

    cr_assert_geq(fd, 0);
    talk(fd, &speech, &heard);
    free(heard.bytes);
}

static struct poller row_of(const struct tally_file *file, const char *text)
{
    struct pollers pollers = { .count = 0 };
    const struct poller *row;
    struct poller out = { .count = 0 };
    struct poller_peer peer;
    struct timespec now;
    uint64_t since_s;

    cr_assert(poller_peer_parse(text, &peer));
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    cr_assert_eq(tally_read_rows(file->fd, (uint64_t)now.tv_sec, &pollers, &since_s), 0);
    row = pollers_find(&pollers, &peer);
    out = row == NULL ? out : *row;
    pollers_deinit(&pollers);
    return out;
}

Test(tally, each_poller_has_the_newest_version_that_it_was_handed)
{
    struct node node;
    struct tally_file file = start(&node, NULL);

    ask_from(&node, "127.8.0.1", CONFIG_GET);
    ask_from(&node, "127.8.0.2", "get AmazonElastiCache:cluster\r\n");
    ask_from(&node, "127.8.0.3", "get muster:config\r\nget k\r\n");
    node_publish(&node, 2, "2\na.cfg.local|127.0.0.1|11211\n", NODE_RECORD);
    ask_from(&node, "127.8.0.2", CONFIG_GET CONFIG_GET);
    cr_expect_eq(row_of(&file, "127.8.0.1").version, 1);
    cr_expect_eq(row_of(&file, "127.8.0.2").version, 2, "it is written at once");
    cr_expect_eq(row_of(&file, "127.8.0.3").count, 0, "who reads records is no client");
    expect(&file, TALLY_CONFIG_GETS, 3);
    expect(&file, TALLY_PAYLOAD_GETS, 1);
    expect(&file, TALLY_RECORD_GETS, 1);
    expect(&file, TALLY_HANDED_OUT, 5);
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void hear(int fd, const char *expected)
{
    char heard[256] = "";
    size_t size = strlen(expected);

    cr_assert_lt(size, sizeof(heard));
    cr_assert_eq(recv(fd, heard, size, MSG_WAITALL), (ssize_t)size);
    cr_expect_str_eq(heard, expected);
}

Test(tally, writes_refusals_and_held_bytes_are_counted)
{
    struct node node;
    struct tally_file file = start(&node, NULL);
    int fd;

    node_expect(&node, "set muster:config 0 0 1\r\nx\r\nadd muster:config 0 0 1\r\nx\r\n",
                "STORED\r\nNOT_STORED\r\n");
    node_expect(&node, "config delete cluster\r\n", "NOT_FOUND\r\n"); /* asks who is there */
    expect(&file, TALLY_WRITES, 1);
    expect(&file, TALLY_WRITES_REFUSED, 1);
    fd = node_connect(&node);
    say(fd, "get k\r\nconfig get clu");
    hear(fd, "END\r\n"); /* it has read the beginning without the rest */
    say(fd, "ster\r\n");
    hear(fd, NODE_CONFIG_ANSWER);
    (void)close(fd);
    file.counter = TALLY_HELD;
    file.expected = 0;
    (void)has_counted(&file);
    cr_expect_gt(file.found, 0, "what came before the rest of a command was held back");
}

/* The last requests before it gets quiet must not be lost. */
Test(tally, nothing_is_lost_when_nobody_asks_any_more)
{
    struct node node;
    struct tally_file file = start(&node, NULL);
    int i;

    for (i = 0; i < 100; i++) {
        free(node_ask(&node, CONFIG_GET));
    }
    expect(&file, TALLY_CONFIG_GETS, 100);
}

static void *asker(void *ctx)
{
    const struct node *node = ctx;
    int i;

    for (i = 0; i < ASKED_EACH; i++) {
        free(node_ask(node, CONFIG_GET "get k\r\n"));
    }
    return NULL;
}

Test(tally, all_threads_count)
{
    static const char *const arguments[] = { "-t", "4", NULL };
    pthread_t threads[ASKERS];
    struct node node;
    struct tally_file file = start(&node, arguments);
    size_t i;

    for (i = 0; i < ASKERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, asker, &node), 0);
    }
    for (i = 0; i < ASKERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    expect(&file, TALLY_CONFIG_GETS, (uint64_t)ASKERS * ASKED_EACH);
}

/* The counters of a process begin with it; the pollers are the node's. */
Test(tally, a_memcached_that_starts_again_knows_the_pollers_of_the_former)
{
    struct node node;
    struct tally_file file = start(&node, NULL);
    struct node again;

    ask_from(&node, "127.8.0.1", CONFIG_GET);
    ask_from(&node, "127.8.0.2", CONFIG_GET);
    expect(&file, TALLY_CONFIG_GETS, 2);
    process_kill(node.process);
    node_start_empty(&again, 1, NULL);
    ask_from(&again, "127.8.0.2", CONFIG_GET);
    expect(&file, TALLY_CONFIG_GETS, 1);
    cr_expect_eq(row_of(&file, "127.8.0.1").version, 1);
    cr_expect_eq(row_of(&file, "127.8.0.1").count, 1);
}

/* From when on all pollers are known, to who asks in a thousand seconds. */
static uint64_t known_since_s(const struct tally_file *file, uint64_t in_s)
{
    struct pollers pollers = { .count = 0 };
    uint64_t since_s = 0;

    cr_assert_eq(tally_read_rows(file->fd, in_s, &pollers, &since_s), 0);
    pollers_deinit(&pollers);
    return since_s;
}

/* It makes all rows whole again; that one of them is lost, the file then tells by its time. */
Test(tally, who_was_lost_stays_unknown_when_memcached_starts_again)
{
    struct node node;
    struct tally_file file = start(&node, NULL);
    const uint64_t far_s = clock_mono_ms() / 1000 + 1000;
    struct node again;
    int fd;

    ask_from(&node, "127.8.0.1", CONFIG_GET);
    expect(&file, TALLY_CONFIG_GETS, 1);
    process_kill(node.process);
    cr_expect_eq(known_since_s(&file, far_s), 0);
    fd = open(file.path.text, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "noise", 5, 4096), 5);
    (void)close(fd);
    cr_expect_eq(known_since_s(&file, far_s), far_s);
    node_start_empty(&again, 1, NULL);
    cr_expect_lt(0, known_since_s(&file, far_s));
    cr_expect_lt(known_since_s(&file, far_s), far_s);
}

static void damage(struct tally_file *file, int how)
{
    static char noise[70000];
    int fd = open(file->path.text, O_WRONLY | O_CLOEXEC);

    memset(noise, 0x5a, sizeof(noise));
    switch (how) {
    case 0:
        cr_assert_eq(ftruncate(fd, 100), 0);
        break;
    case 1:
        cr_assert_eq(pwrite(fd, noise, sizeof(noise), 0), (ssize_t)sizeof(noise));
        break;
    default:
        cr_assert_eq(unlink(file->path.text), 0);
        break;
    }
    (void)close(fd);
}

Test(tally, whatever_happens_to_the_file_clients_are_served)
{
    struct node node;
    struct tally_file file = start(&node, NULL);
    struct err err;
    int how;

    for (how = 0; how < 3; how++) {
        damage(&file, how);
        node_expect(&node, CONFIG_GET "get k\r\n", NODE_CONFIG_ANSWER "END\r\n");
        (void)close(file.fd);
        cr_assert_eq(tally_create(file.path.text, getuid(), getgid(), 0, &file.fd, &err), 0);
        ask_from(&node, "127.8.0.1", CONFIG_GET);
        expect(&file, TALLY_CONFIG_GETS, (uint64_t)(how + 1) * 2);
        cr_expect_eq(row_of(&file, "127.8.0.1").count, (uint64_t)how + 1,
                     "the new one has what the old one had");
    }
}

Test(tally, without_a_file_clients_are_served)
{
    struct node node;

    node_start(&node, 1, NULL);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}
