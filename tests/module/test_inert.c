/*
 * Where the module does nothing: switched off, in strange surroundings, or asked too often.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "discovery/rate.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/launch.h"

#define CONFIG_GET "config get cluster\r\n"
#define ECHO_PORT "21214"

/* Ask on a connection that stays. */
static void expect_on(int fd, const char *said, const char *expected)
{
    char heard[1024];
    ssize_t n;

    cr_assert_eq(send(fd, said, strlen(said), MSG_NOSIGNAL), (ssize_t)strlen(said));
    n = recv(fd, heard, strlen(expected), MSG_WAITALL);
    cr_assert_geq(n, 0);
    heard[n] = '\0';
    cr_assert_str_eq(heard, expected);
}

/* How often `text` stands in what the process has said. */
static unsigned times_said(const struct node *node, const char *text)
{
    char *output = process_output(node->process);
    const char *at = output;
    unsigned times = 0;

    while ((at = strstr(at, text)) != NULL) {
        times++;
        at++;
    }
    free(output);
    return times;
}

static bool node_listens(void *ctx)
{
    const struct node *node = ctx;

    return net_answers(node->ip.text, NODE_PORT);
}

/* ---- The kill switch ---- */

/* Remove the switch, and wait until the module has noticed. */
static void switch_off(const struct node *node)
{
    cr_assert_eq(unlink(node_switch(node).text), 0);
    node_await(node, CONFIG_GET, "ERROR\r\n");
}

Test(inert, removing_the_switch_hands_everything_to_memcached)
{
    static const char pipeline[] = "get k\r\n" CONFIG_GET "get k\r\n" CONFIG_GET "mn\r\n";
    struct node node;
    int asker;
    int other;

    node_start(&node, 1, NULL);
    asker = node_connect(&node);
    other = node_connect(&node);
    expect_on(asker, CONFIG_GET, NODE_CONFIG_ANSWER);
    expect_on(other, "get k\r\n", "END\r\n");
    switch_off(&node);
    expect_on(asker, pipeline, "END\r\nERROR\r\nEND\r\nERROR\r\nMN\r\n");
    expect_on(other, pipeline, "END\r\nERROR\r\nEND\r\nERROR\r\nMN\r\n");
    expect_on(other, "set muster:config 0 0 2\r\nhi\r\nget muster:config\r\n",
              "STORED\r\nVALUE muster:config 0 2\r\nhi\r\nEND\r\n");
    node_expect(&node, CONFIG_GET "get k\r\n", "ERROR\r\nEND\r\n");
    cr_expect_eq(times_said(&node, "switched off"), 1);
    (void)close(asker);
    (void)close(other);
}

/* What was not followed meanwhile stays memcached's; who connects anew is served. */
Test(inert, making_the_switch_again_serves_new_connections)
{
    struct node node;
    int silent;
    int asker;

    node_start(&node, 1, NULL);
    silent = node_connect(&node);
    expect_on(silent, "get k\r\n", "END\r\n");
    switch_off(&node);
    asker = node_connect(&node);
    expect_on(asker, CONFIG_GET, "ERROR\r\n");
    node_switch_on(&node);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
    expect_on(asker, CONFIG_GET, "ERROR\r\n");
    expect_on(silent, CONFIG_GET, "ERROR\r\n");
    (void)close(asker);
    (void)close(silent);
}

Test(inert, a_command_that_is_half_held_back_passes_whole)
{
    struct node node;
    int fd;

    node_start(&node, 1, NULL);
    fd = node_connect(&node);
    expect_on(fd, "get k\r\nconfig get cl", "END\r\n");
    switch_off(&node);
    expect_on(fd, "uster\r\nget k\r\n", "ERROR\r\nEND\r\n");
    (void)close(fd);
}

Test(inert, a_partition_that_is_gone_altogether_was_not_switched_off)
{
    struct node node;

    node_start(&node, 1, NULL);
    cr_assert_eq(rename(node.partition.text, scene_path("away").text), 0);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}

Test(inert, a_memcached_that_starts_switched_off_stays_so)
{
    struct launch spec = { .empty = true };
    struct node node;

    launch(&node, 1, &spec); /* the partition comes later */
    node_expect(&node, CONFIG_GET, "END\r\n");
    node_publish(&node, 1, NODE_PAYLOAD, NODE_RECORD);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
    cr_assert_eq(unlink(node_switch(&node).text), 0);
    process_kill(node.process);
    launch_only(&node, 1, &spec);
    cr_assert(wait_until(node_listens, &node, WAIT_MS));
    node_expect(&node, CONFIG_GET, "ERROR\r\n");
    cr_expect_eq(times_said(&node, "switched off"), 1);
}

/* ---- Too many writes ---- */

static bool accepts_a_write(void *ctx)
{
    char *answer = node_ask(ctx, "set muster:config 0 0 2\r\nhi\r\n");
    bool accepted = strcmp(answer, "STORED\r\n") == 0;

    free(answer);
    return accepted;
}

Test(inert, writes_beyond_the_rate_are_refused_for_a_while)
{
    struct launch spec = { .program = NULL };
    struct node node;
    unsigned accepted = 0;
    char *answer;

    launch(&node, 1, &spec);
    while (accepted < 100 && accepts_a_write(&node)) {
        accepted++;
    }
    cr_expect_geq(accepted, RATE_BURST_SECONDS * RATE_WRITES_PER_SECOND);
    cr_expect_lt(accepted, 100);
    answer = node_ask(&node, "set muster:join:0123456789abcdef 0 0 2\r\nhi\r\n" CONFIG_GET);
    if (strncmp(answer, "STORED", 6) != 0) { /* a quarter of a second may have gone */
        cr_expect_str_eq(answer, "SERVER_ERROR too many writes\r\n" NODE_CONFIG_ANSWER);
    }
    free(answer);
    cr_expect(wait_until(accepts_a_write, &node, WAIT_MS));
}

/* The first of a host's loopback network is one stranger, the second who has something to say. */
#define STRANGER "127.0.0.66"
#define OTHER "127.0.0.67"

Test(inert, a_stranger_who_writes_without_pause_takes_nothing_from_others)
{
    static const char write[] = "set muster:config 0 0 2\r\nhi\r\nquit\r\n";
    struct launch spec = { .program = NULL };
    unsigned refused = 0;
    struct node node;
    unsigned round;
    unsigned i;

    launch(&node, 1, &spec);
    for (round = 0; round < RATE_BURST_SECONDS * RATE_WRITES_PER_SECOND; round++) {
        char *answer;

        for (i = 0; i < 20; i++) {
            answer = net_ask_from(STRANGER, node.ip.text, NODE_PORT, write, NULL);
            refused += strcmp(answer, "STORED\r\n") == 0 ? 0 : 1;
            free(answer);
        }
        answer = net_ask_from(OTHER, node.ip.text, NODE_PORT, write, NULL);
        cr_assert_str_eq(answer, "STORED\r\n", "in round %u", round);
        free(answer);
    }
    cr_expect_lt(100, refused);
}

/* ---- Strange surroundings ---- */

/* Nothing is known of what stands there: not even that there is no configuration. */
Test(inert, beside_a_foreign_segment_until_it_is_replaced)
{
    struct launch spec = { .empty = true };
    struct node node;

    node_publish(&(struct node){ .partition = scene_path("partition-1"), .segment = -1 }, 1,
                 NODE_PAYLOAD, NODE_RECORD);
    cr_assert_eq(truncate(scene_path("partition-1/segment").text, 0), 0);
    launch_only(&node, 1, &spec);
    cr_assert(wait_until(node_listens, &node, WAIT_MS));
    node_expect(&node, "get k\r\n" CONFIG_GET "get k\r\n" CONFIG_GET,
                "END\r\nERROR\r\nEND\r\nERROR\r\n");
    node_expect(&node, CONFIG_GET, "ERROR\r\n");
    cr_expect_eq(times_said(&node, "muster_partition: inactive: "), 1);
    node_publish(&node, 2, NODE_PAYLOAD, NODE_RECORD);
    node_expect(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}

/* A copy of the memcached of the PATH that calls itself older. */
static struct scene_path make_older(void)
{
    static char bytes[8 << 20];
    const struct scene_path path = scene_path("memcached-old");
    const char *const found[] = { "sh", "-c", "command -v memcached", NULL };
    struct process_spec spec = { .name = "which", .argv = found };
    char *original;
    char *version;
    ssize_t size;
    int fd;

    cr_assert_eq(process_run(&spec, &original), 0);
    original[strcspn(original, "\n")] = '\0';
    fd = open(original, O_RDONLY | O_CLOEXEC);
    size = read(fd, bytes, sizeof(bytes));
    (void)close(fd);
    cr_assert_gt(size, 0);
    version = memmem(bytes, (size_t)size, "memcached 1.", 12);
    cr_assert_not_null(version);
    while (version != NULL) {
        version[12] = '4';
        version = memmem(version + 12, (size_t)(bytes + size - version) - 12, "memcached 1.", 12);
    }
    fd = open(path.text, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    cr_assert_eq(write(fd, bytes, (size_t)size), size);
    (void)close(fd);
    free(original);
    return path;
}

Test(inert, an_older_memcached_runs_without)
{
    const struct scene_path program = make_older();
    struct launch spec = { .program = program.text };
    struct node node;

    launch_only(&node, 1, &spec);
    cr_assert(process_wait_output(
        node.process, "muster_partition: inactive: memcached is older than 1.6.18: 1.4"));
    cr_assert(process_running(node.process));
}

struct echo {
    struct process *process;
    struct scene_ip ip;
};

static bool echo_listens(void *ctx)
{
    const struct echo *echo = ctx;

    return net_answers(echo->ip.text, (uint16_t)atoi(ECHO_PORT));
}

static void start_echo(struct echo *echo, const char *name, const char *read_bytes,
                       const char *with)
{
    const struct scene_path program = scene_program("../tests/x");
    const struct scene_path library = scene_library("libmuster_partition.so");
    struct node planned = { .partition = scene_path("partition"), .segment = -1 };
    char path[SCENE_PATH_SIZE + 32];
    char preload[SCENE_PATH_SIZE + 32];
    char partition[SCENE_PATH_SIZE + 32];
    const char *const env[] = { preload, partition, NULL };
    const char *const argv[] = { path, echo->ip.text, ECHO_PORT, read_bytes, with, NULL };
    struct process_spec spec = { .name = name, .argv = argv, .env = env };

    node_publish(&planned, 1, NODE_PAYLOAD, NODE_RECORD);
    (void)snprintf(path, sizeof(path), "%.*s%s", (int)strlen(program.text) - 1, program.text, name);
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library.text);
    (void)snprintf(partition, sizeof(partition), PARTITION_VARIABLE "=%s", planned.partition.text);
    if (access(path, X_OK) != 0) {
        scene_fail("%s was not built: is musl-tools installed?", path);
    }
    echo->process = process_start(&spec);
    if (!wait_until(echo_listens, echo, WAIT_MS)) {
        scene_fail("%s does not listen: %s", name, process_output(echo->process));
    }
}

static void expect_echo(const struct echo *echo, const char *said, const char *expected)
{
    int fd = net_connect(echo->ip.text, (uint16_t)atoi(ECHO_PORT));

    expect_on(fd, said, expected);
    (void)close(fd);
}

Test(inert, not_on_musl)
{
    struct echo echo = { .ip = scene_ip(1) };
    char *output;

    start_echo(&echo, "memcached-musl", "16384", "epoll");
    expect_echo(&echo, "get k\r\n" CONFIG_GET "get l\r\n",
                "[get k\r\n]" NODE_CONFIG_ANSWER "[get l\r\n]");
    output = process_output(echo.process);
    cr_expect_str_eq(output, "");
    free(output);
}

Test(inert, in_something_that_reads_unlike_memcached)
{
    struct echo echo = { .ip = scene_ip(1) };

    start_echo(&echo, "memcached-echo", "2048", "epoll");
    expect_echo(&echo, CONFIG_GET, "[" CONFIG_GET "]");
    cr_expect(process_wait_output(echo.process,
                                  "muster_partition: inactive: memcached reads in an unknown way"));
}

Test(inert, in_something_that_waits_unlike_memcached)
{
    struct echo echo = { .ip = scene_ip(1) };

    start_echo(&echo, "memcached-echo", "16384", "poll");
    expect_echo(&echo, "get k\r\n" CONFIG_GET, "[get k\r\n" CONFIG_GET "]");
    cr_expect(process_wait_output(
        echo.process, "muster_partition: inactive: memcached waits for events in an unknown way"));
}
