/*
 * launch - a memcached of any release, with the module and whatever it is told besides.
 *
 * What node.h starts is the memcached of the PATH; MUSTER_TEST_MEMCACHED=path:path… names more, to
 * be tried one after the other.
 */
#ifndef TESTS_MODULE_LAUNCH_H
#define TESTS_MODULE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/module/node.h"

#define LAUNCH_PROGRAMS_MAX 8

/* The memcacheds to be tried: `*count` paths, the first of them the one of the PATH. */
const char *const *launch_programs(size_t *count);

struct launch {
    const char *program;          /* NULL: that of the PATH */
    const char *const *arguments; /* beside -u and -l; NULL-terminated */
    const char *const *env;       /* NULL-terminated; NULL: none */
    const char *socket;           /* listen there instead of on an address */
    bool empty;                   /* no configuration yet, and no partition */
};

/* Start it on scene_ip(host) with version 1 of node.h's configuration, and wait until it listens.
 * Stops the test when the module has anything to say. */
void launch(struct node *node, unsigned host, const struct launch *spec);

/* The same without waiting, and whatever the module says. */
void launch_only(struct node *node, unsigned host, const struct launch *spec);

/* A connection to a Unix socket, -1: nobody listens. */
int launch_connect(const char *socket);

#endif
