#include "tests/module/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "discovery/names.h"
#include "support/net.h"
#include "support/wait.h"

#define ARGUMENTS_MAX 24
#define ENV_MAX 8

struct waiting {
    struct node *node;
    const struct launch *spec;
};

const char *const *launch_programs(size_t *count)
{
    static const char *programs[LAUNCH_PROGRAMS_MAX] = { "memcached" };
    const char *more = getenv("MUSTER_TEST_MEMCACHED");
    char *copy;
    char *each;

    *count = 1;
    if (more == NULL) {
        return programs;
    }
    copy = scene_alloc(strlen(more) + 1);
    memcpy(copy, more, strlen(more));
    while ((each = strsep(&copy, ":")) != NULL && *count < LAUNCH_PROGRAMS_MAX) {
        if (each[0] != '\0') {
            programs[*count] = each;
            (*count)++;
        }
    }
    return programs;
}

int launch_connect(const char *socket_path)
{
    const struct timeval patience = { .tv_sec = 5 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static size_t add_all(const char **to, size_t count, size_t max, const char *const *from)
{
    while (from != NULL && *from != NULL && count + 1 < max) {
        to[count] = *from;
        count++;
        from++;
    }
    to[count] = NULL;
    return count;
}

static void start(struct node *node, const struct launch *spec)
{
    const struct scene_path library = scene_library("libmuster_partition.so");
    const char *argv[ARGUMENTS_MAX] = { spec->program != NULL ? spec->program : "memcached", "-u",
                                        "root", spec->socket != NULL ? "-s" : "-l",
                                        spec->socket != NULL ? spec->socket : node->ip.text };
    char preload[SCENE_PATH_SIZE + 32];
    char partition[SCENE_PATH_SIZE + 32];
    const char *env[ENV_MAX] = { preload, partition };
    struct process_spec process = { .name = node->ip.text, .argv = argv, .env = env };

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library.text);
    (void)snprintf(partition, sizeof(partition), PARTITION_VARIABLE "=%s", node->partition.text);
    (void)add_all(argv, 5, ARRAY_COUNT(argv), spec->arguments);
    (void)add_all(env, 2, ARRAY_COUNT(env), spec->env);
    node->process = process_start(&process);
}

static bool listens(void *ctx)
{
    const struct waiting *waiting = ctx;
    int fd;

    if (!process_running(waiting->node->process)) {
        scene_fail("memcached has ended: %s", process_output(waiting->node->process));
    }
    if (waiting->spec->socket == NULL) {
        return net_answers(waiting->node->ip.text, NODE_PORT);
    }
    fd = launch_connect(waiting->spec->socket);
    if (0 <= fd) {
        (void)close(fd);
    }
    return 0 <= fd;
}

void launch_only(struct node *node, unsigned host, const struct launch *spec)
{
    *node = (struct node){ .ip = scene_ip(host), .segment = -1 };
    node->partition = scene_path("partition-%u", host);
    if (!spec->empty) {
        node_publish(node, 1, NODE_PAYLOAD, NODE_RECORD);
    }
    start(node, spec);
}

void launch(struct node *node, unsigned host, const struct launch *spec)
{
    struct waiting waiting = { node, spec };
    char *output;

    launch_only(node, host, spec);
    if (!wait_until(listens, &waiting, WAIT_MS)) {
        scene_fail("memcached does not listen");
    }
    output = process_output(node->process);
    if (strstr(output, "muster_partition") != NULL) {
        scene_fail("the module is not active: %s", output);
    }
    free(output);
}
