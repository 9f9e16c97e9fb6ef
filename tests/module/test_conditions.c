/*
 * However memcached is run, the partition is served in it, and it runs as it does without.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/launch.h"
#include "tests/module/talk.h"

#define CONFIG_GET "config get cluster\r\n"

static const char converse[] =
    "get k\r\n" CONFIG_GET "set k 0 0 20\r\n" CONFIG_GET "\r\n" CONFIG_GET "get k\r\ndelete k\r\n";
static const char conversed[] = "END\r\n" NODE_CONFIG_ANSWER "STORED\r\n" NODE_CONFIG_ANSWER
                                "VALUE k 0 20\r\n" CONFIG_GET "\r\nEND\r\nDELETED\r\n";

static void say(int fd, const char *bytes)
{
    cr_assert_eq(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

static void hear(int fd, const char *expected)
{
    const size_t size = strlen(expected);
    char *heard = scene_alloc(size + 1);

    cr_assert_eq(recv(fd, heard, size, MSG_WAITALL), (ssize_t)size, "%s", heard);
    cr_assert_str_eq(heard, expected);
}

/* Many commands in one packet: more than memcached carries out in one go. */
static void expect_pipeline(const struct node *node)
{
    enum { ROUNDS = 100 };
    static char said[ROUNDS * sizeof(converse)];
    static char expected[ROUNDS * sizeof(conversed)];
    size_t said_bytes = 0;
    size_t expected_bytes = 0;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        memcpy(said + said_bytes, converse, sizeof(converse));
        said_bytes += sizeof(converse) - 1;
        memcpy(expected + expected_bytes, conversed, sizeof(conversed));
        expected_bytes += sizeof(conversed) - 1;
    }
    node_expect(node, said, expected);
}

Test(conditions, threads_and_requests_per_event_make_no_difference)
{
    static const char *const settings[][8] = {
        { "-t", "1", "-R", "1", NULL },
        { "-t", "8", "-R", "1", NULL },
        { "-t", "3", "-R", "1000", NULL },
        { "-o", "modern", "-b", "4", NULL },
        { "-C", "-M", "-F", NULL },
        { "-L", "-m", "128", NULL },
        { "-o", "resp_obj_mem_limit=1,read_buf_mem_limit=1", NULL },
    };
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < ARRAY_COUNT(settings); k++) {
            struct launch spec = { .program = programs[i], .arguments = settings[k] };
            struct node node;

            launch(&node, 1, &spec);
            expect_pipeline(&node);
            process_kill(node.process);
        }
    }
}

/* ---- -B ---- */

static const char binary_get[] = "\x80\x60\0\x07\0\0\0\0\0\0\0\x07"
                                 "abcd\0\0\0\0\0\0\0\0cluster";

/* The answer to `said`; on the heap, its size in `*size`. */
static char *answer_to(const struct node *node, const char *said, size_t said_bytes, size_t *size)
{
    const struct speech speech = { .bytes = said, .size = said_bytes };
    struct heard heard;

    talk(node_connect(node), &speech, &heard);
    *size = heard.size;
    return heard.bytes;
}

static bool answers_binary(const struct node *node)
{
    size_t size;
    char *answer = answer_to(node, binary_get, sizeof(binary_get) - 1, &size);
    const bool payload = memmem(answer, size, "a.cfg.local", 11) != NULL;

    free(answer);
    return payload;
}

static bool answers_text(const struct node *node)
{
    char *answer = node_ask(node, CONFIG_GET);
    const bool payload = strcmp(answer, NODE_CONFIG_ANSWER) == 0;

    free(answer);
    return payload;
}

Test(conditions, the_protocol_of_the_listener_is_kept_to)
{
    static const struct {
        const char *arguments[3];
        bool text;
        bool binary;
    } cases[] = {
        { { "-B", "ascii", NULL }, true, false },
        { { "-B", "binary", NULL }, false, true },
        { { "-B", "auto", NULL }, true, true },
        { { "-Bascii", NULL }, true, false },
        { { "--protocol=binary", NULL }, false, true },
        { { "--proto", "binary", NULL }, false, true },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        struct launch spec = { .arguments = cases[i].arguments };
        struct node node;

        launch(&node, 1, &spec);
        cr_expect_eq(answers_text(&node), cases[i].text, "%s", cases[i].arguments[0]);
        cr_expect_eq(answers_binary(&node), cases[i].binary, "%s", cases[i].arguments[0]);
        process_kill(node.process);
    }
}

/* ---- Sockets ---- */

Test(conditions, a_unix_socket_serves_too)
{
    const struct scene_path socket_path = scene_path("socket");
    struct launch spec = { .socket = socket_path.text };
    struct node node;
    int fd;

    launch(&node, 1, &spec);
    fd = launch_connect(socket_path.text);
    say(fd, converse);
    hear(fd, conversed);
    (void)close(fd);
}

/* A descriptor's next connection knows nothing of the one before, however that ended. */
Test(conditions, descriptors_are_used_again_without_memories)
{
    static const char *const left[] = {
        "config get clus",
        "set k 0 0 500\r\nhalf",
        "set muster:config 0 0 99\r\nhalf",
        "set  odd 0 0 50\r\n",
        "get k\r\n" CONFIG_GET "get k\r\nconfig ",
        "\x80\x60\0\x07",
    };
    struct node node;
    size_t i;
    unsigned k;

    node_start(&node, 1, NULL);
    for (k = 0; k < 50; k++) {
        for (i = 0; i < ARRAY_COUNT(left); i++) {
            int fd = node_connect(&node);

            say(fd, left[i]);
            (void)close(fd);
            node_expect(&node, converse, conversed);
        }
    }
}

struct ending {
    int fd;
};

static bool has_ended(void *ctx)
{
    const struct ending *ending = ctx;
    char byte;
    ssize_t n = recv(ending->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

/* A client that only polls is idle to memcached, which closes it; others are not hurt. */
Test(conditions, idle_connections_are_closed_as_ever)
{
    static const char *const arguments[] = { "-o", "idle_timeout=1", NULL };
    struct launch spec = { .arguments = arguments };
    struct ending polling;
    struct ending half;
    struct node node;

    launch(&node, 1, &spec);
    polling.fd = node_connect(&node);
    half.fd = node_connect(&node);
    say(polling.fd, CONFIG_GET);
    hear(polling.fd, NODE_CONFIG_ANSWER);
    say(half.fd, "config get cl");
    cr_assert(wait_until(has_ended, &polling, WAIT_MS));
    cr_assert(wait_until(has_ended, &half, WAIT_MS));
    node_expect(&node, converse, conversed);
    (void)close(polling.fd);
    (void)close(half.fd);
}

/* ---- Too many connections ---- */

static bool is_served(void *ctx)
{
    const struct node *node = ctx;
    const struct speech speech = { .bytes = converse, .size = sizeof(converse) - 1 };
    const int fd = net_connect(node->ip.text, NODE_PORT);
    struct heard heard;
    bool served;

    if (fd < 0) {
        return false;
    }
    talk(fd, &speech, &heard);
    served = strcmp(heard.bytes, conversed) == 0;
    free(heard.bytes);
    return served;
}

/* Without waiting: memcached stops listening while it has too many. */
static int begin_connect(const struct node *node)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(NODE_PORT) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(inet_pton(AF_INET, node->ip.text, &address.sin_addr), 1);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof(address));
    return fd;
}

/* Open more connections than there may be, each with half a command; then let them go. */
static void crowd(struct node *node)
{
    enum { CROWD = 60 };
    int fds[CROWD];
    unsigned i;

    for (i = 0; i < CROWD; i++) {
        fds[i] = begin_connect(node);
        (void)send(fds[i], "config get cl", 13, MSG_NOSIGNAL);
    }
    for (i = 0; i < CROWD; i++) {
        fd_close_p(&fds[i]);
    }
    cr_expect(wait_until(is_served, node, WAIT_MS));
    cr_expect(process_running(node->process));
}

Test(conditions, beyond_the_largest_number_of_connections)
{
    static const char *const settings[][8] = {
        { "-c", "40", "-t", "2", NULL },
        { "-c", "40", "-t", "2", "-o", "no_maxconns_fast", NULL },
    };
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < ARRAY_COUNT(settings); k++) {
            struct launch spec = { .program = programs[i], .arguments = settings[k] };
            struct node node;

            launch(&node, 1, &spec);
            crowd(&node);
            process_kill(node.process);
        }
    }
}

Test(conditions, without_descriptors_for_more_connections)
{
    const struct rlimit few = { 40, 40 };
    struct node node;

    node_start(&node, 1, NULL);
    cr_assert_eq(prlimit(process_pid(node.process), RLIMIT_NOFILE, &few, NULL), 0);
    crowd(&node);
}

/* ---- The end ---- */

static void expect_end(int signum, const char *const *arguments)
{
    static const char ask[] = CONFIG_GET;
    struct launch spec = { .arguments = arguments };
    struct node node;
    unsigned i;
    int fd;

    launch(&node, 1, &spec);
    fd = node_connect(&node);
    for (i = 0; i < 2000; i++) { /* answers that wait */
        say(fd, ask);
    }
    node_expect(&node, converse, conversed);
    process_signal(node.process, signum);
    cr_expect_eq(process_wait(node.process), 0);
    (void)close(fd);
}

Test(conditions, it_stops_when_told)
{
    expect_end(SIGTERM, NULL);
    expect_end(SIGUSR1, NULL);
    expect_end(SIGINT, NULL);
}

/* Memcached takes its memory file up only when the clock shows another second. */
Test(conditions, a_warm_restart_keeps_cache_and_partition)
{
    const struct scene_path memory = scene_path("memory");
    const char *const arguments[] = { "-e", memory.text, "-m", "64", NULL };
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        struct launch spec = { .program = programs[i], .arguments = arguments };
        struct node node;

        (void)unlink(memory.text);
        launch(&node, 1, &spec);
        node_expect(&node, "set warm 0 0 4\r\nkept\r\n" CONFIG_GET,
                    "STORED\r\n" NODE_CONFIG_ANSWER);
        process_signal(node.process, SIGUSR1);
        cr_assert_eq(process_wait(node.process), 0);
        usleep(1500000);
        launch(&node, 1, &spec);
        node_expect(&node, CONFIG_GET "get warm\r\n" CONFIG_GET,
                    NODE_CONFIG_ANSWER "VALUE warm 0 4\r\nkept\r\nEND\r\n" NODE_CONFIG_ANSWER);
        process_kill(node.process);
    }
}
