#include "tests/module/node.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/names.h"
#include "discovery/segment_writer.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/talk.h"

#define ARGUMENTS_MAX 24

/* One test is one process, with one memcached to test. */
static struct node_program used = { "memcached" };

size_t node_programs(struct node_program out[NODE_PROGRAMS_MAX])
{
    const char *at = getenv("MUSTER_TEST_MEMCACHED");
    size_t count = 1;
    size_t size;

    out[0] = (struct node_program){ "memcached" };
    for (; at != NULL && *at != '\0' && count < NODE_PROGRAMS_MAX; at += size + (at[size] == ':')) {
        size = strcspn(at, ":");
        if (size != 0) {
            (void)snprintf(out[count].path, sizeof(out[count].path), "%.*s", (int)size, at);
            count++;
        }
    }
    return count;
}

void node_use(const struct node_program *program)
{
    used = *program;
}

static bool node_answers(void *ctx)
{
    const struct node *node = ctx;

    if (!process_running(node->process)) {
        scene_fail("memcached has ended: %s", process_output(node->process));
    }
    return net_answers(node->ip.text, NODE_PORT);
}

static void start(struct node *node, const char *const *arguments, const char *const *env)
{
    const char *argv[ARGUMENTS_MAX] = { used.path, "-u", "root", "-l", node->ip.text };
    struct process_spec spec = { .name = node->ip.text, .argv = argv, .env = env };
    size_t count = 5;
    char *output;

    while (arguments != NULL && *arguments != NULL && count < ARGUMENTS_MAX - 1) {
        argv[count] = *arguments;
        count++;
        arguments++;
    }
    node->process = process_start(&spec);
    if (!wait_until(node_answers, node, WAIT_MS)) {
        scene_fail("memcached does not listen");
    }
    output = process_output(node->process);
    if (env != NULL && output[0] != '\0') {
        scene_fail("the module is not active: %s", output);
    }
    free(output);
}

void node_start_bare(struct node *node, unsigned host, const char *const *arguments)
{
    *node = (struct node){ .ip = scene_ip(host), .segment = -1 };
    start(node, arguments, NULL);
}

void node_start_empty(struct node *node, unsigned host, const char *const *arguments)
{
    const struct scene_path library = scene_library("libmuster_partition.so");
    char preload[SCENE_PATH_SIZE + 32];
    char partition[SCENE_PATH_SIZE + 32];
    const char *const env[] = { preload, partition, PARTITION_WRITES_VARIABLE "=1000000", NULL };

    *node = (struct node){ .ip = scene_ip(host), .segment = -1 };
    node->partition = scene_path("partition-%u", host);
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library.text);
    (void)snprintf(partition, sizeof(partition), PARTITION_VARIABLE "=%s", node->partition.text);
    start(node, arguments, env);
}

void node_start(struct node *node, unsigned host, const char *const *arguments)
{
    struct node planned = { .ip = scene_ip(host), .segment = -1 };

    planned.partition = scene_path("partition-%u", host);
    node_publish(&planned, 1, NODE_PAYLOAD, NODE_RECORD);
    node_start_empty(node, host, arguments);
    node->segment = planned.segment;
}

static struct scene_path below(const struct node *node, const char *name)
{
    struct scene_path path;

    if ((int)sizeof(path.text) <=
        snprintf(path.text, sizeof(path.text), "%s/%s", node->partition.text, name)) {
        scene_fail("path too long");
    }
    return path;
}

struct scene_path node_segment(const struct node *node)
{
    return below(node, PARTITION_SEGMENT);
}

struct scene_path node_inbox(const struct node *node)
{
    return below(node, PARTITION_INBOX);
}

struct scene_path node_switch(const struct node *node)
{
    return below(node, PARTITION_ACTIVE);
}

void node_switch_on(const struct node *node)
{
    int fd = open(node_switch(node).text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0) {
        scene_fail("no switch");
    }
    (void)close(fd);
}

void node_publish(struct node *node, uint32_t version, const char *payload, const char *record)
{
    const struct segment_cell cell = { version, payload, strlen(payload), record, strlen(record) };
    struct err err;

    (void)mkdir(node->partition.text, 0755);
    (void)mkdir(node_inbox(node).text, 0755);
    node_switch_on(node);
    if (0 <= node->segment) {
        (void)close(node->segment);
    }
    if (segment_create(node_segment(node).text, &node->segment, &err) < 0 ||
        segment_write(node->segment, &cell, &err) < 0) {
        scene_fail("publish: %s", err.msg);
    }
}

int node_connect(const struct node *node)
{
    int fd = net_connect(node->ip.text, NODE_PORT);

    if (fd < 0) {
        scene_fail("memcached does not accept");
    }
    return fd;
}

char *node_ask(const struct node *node, const char *said)
{
    struct heard heard = { .size = 0 };
    const struct speech speech = { .bytes = said, .size = strlen(said) };

    talk(node_connect(node), &speech, &heard);
    return heard.bytes;
}

void node_expect(const struct node *node, const char *said, const char *expected)
{
    char *answer = node_ask(node, said);

    cr_assert_str_eq(answer, expected, "%s gave %s", said, answer);
    free(answer);
}

struct awaited {
    const struct node *node;
    const char *said;
    const char *expected;
};

static bool is_said(void *ctx)
{
    const struct awaited *awaited = ctx;
    char *answer = node_ask(awaited->node, awaited->said);
    bool is = strcmp(answer, awaited->expected) == 0;

    free(answer);
    return is;
}

void node_await(const struct node *node, const char *said, const char *expected)
{
    struct awaited awaited = { node, said, expected };

    cr_assert(wait_until(is_said, &awaited, WAIT_MS), "%s never gives %s", said, expected);
}
