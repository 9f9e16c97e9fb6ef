/*
 * follower - a discovery client, in a thread: asks the nodes that it knows of in turn, on
 * connections that it keeps, and takes over each newer list.
 *
 * It is never let down: a node that it knows of answers until the client knows better, no node
 * tells an older list than it told before, and each tells what another one did FOLLOWER_LAG_MS ago:
 * pushes to several nodes don't arrive in one moment.
 */
#ifndef INTEGRATION_FOLLOWER_H
#define INTEGRATION_FOLLOWER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "integration/ask.h"

#define FOLLOWER_LAG_MS 15000U

struct follower {
    pthread_t thread;
    atomic_bool stop;
    atomic_uint_least64_t rounds; /* over all nodes known */
    atomic_uint_least64_t failures;
    char first_failure[256]; /* written before `failures` becomes 1 */
    /* Of the thread: */
    struct listing known;
    uint64_t known_since_ms;
    uint32_t told[LAB_NODES_MAX]; /* by place in `known`: the last version */
    int fds[LAB_NODES_MAX];       /* by place in `known`; -1: not connected */
};

/* Begin with the list that `endpoint` tells. */
void follower_start(struct follower *follower, const char *endpoint);

/* Wait until every node known was asked at least once more. */
void follower_must_go_round(struct follower *follower);

/* End; fails the test when it was ever let down. */
void follower_stop(struct follower *follower);

#endif
