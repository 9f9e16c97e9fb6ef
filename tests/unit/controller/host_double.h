/*
 * host_double - one host with its watcher, as far as the keys show it: a real memcached for each
 * intent, and reports about them.
 *
 * It stands in for muster-watcher where only the controller is under test: the nodes are plain
 * memcacheds, the pushed record is an ordinary key in them, and what a node acknowledges is what it
 * really holds there, with a signature that verifies.
 */
#ifndef TEST_CONTROLLER_HOST_DOUBLE_H
#define TEST_CONTROLLER_HOST_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/envelope.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "model/node.h"
#include "store/keys.h"
#include "store/mirror.h"
#include "support/process.h"

#define DOUBLE_PREFIX "/muster/v1"
#define DOUBLE_NODES_MAX 32

struct double_node {
    char key[KEY_TEXT_SIZE]; /* of its intent; "" : free */
    char cluster[64];
    uint32_t slot;
    char ip[16];
    struct process *memcached;
    uint64_t started_ms;
    uint32_t served; /* version that was read back */
    char digest[CONFIG_DIGEST_SIZE];
    bool muted;        /* its report is gone, and does not come */
    char report[2048]; /* as last written */
};

struct host_double {
    char name[64];
    char ip_first[16];
    struct loop *loop;
    struct etcd *etcd;
    struct mirror *mirror;
    struct trusted_keys keys;
    struct arena arena;
    struct double_node nodes[DOUBLE_NODES_MAX];
    bool acknowledging; /* reads back what nodes hold */
};

/* The host appears; `endpoints` are etcd's, `ip_first` begins its pool of 16 addresses. */
void host_double_start(struct host_double *host, struct loop *loop, const char *endpoints,
                       const char *name, const char *ip_first, const struct trusted_keys *keys);
void host_double_end(struct host_double *host);

/* Look at the intents and at the nodes once, and write what changed. */
void host_double_step(struct host_double *host);

/* How many memcacheds it runs. */
size_t host_double_running(const struct host_double *host);

/* The node of a slot, or NULL. */
struct double_node *host_double_node(struct host_double *host, const char *cluster, uint32_t slot);

/* Its value in the mirror, or NULL; the path is relative to the prefix. */
const struct mirror_item *host_double_key(struct host_double *host, const char *path);

/* Put or delete (NULL) a key, and wait for etcd's answer. */
void host_double_put(struct host_double *host, const char *path, const char *value);

#endif
