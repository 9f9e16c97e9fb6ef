/*
 * traffic - a client that sets and gets on nodes without end, in a thread, and counts failures.
 *
 * A node may be left out while it is killed on purpose; after it is taken in again, its
 * connection is made anew.
 */
#ifndef INTEGRATION_TRAFFIC_H
#define INTEGRATION_TRAFFIC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "integration/lab.h"

struct traffic {
    pthread_t thread;
    atomic_bool stop;
    atomic_bool out[LAB_NODES_MAX + 1]; /* by number of the node, from 1 */
    unsigned nodes;
    atomic_uint_least64_t operations;
    atomic_uint_least64_t failures;
    char first_failure[256]; /* written before `failures` becomes 1 */
};

/* On nodes 1..`nodes`. */
void traffic_start(struct traffic *traffic, unsigned nodes);

/* Leave a node out, or take it in again. */
void traffic_leave_out(struct traffic *traffic, unsigned node, bool out);

/* Wait until each node in use was used again: proof that it serves now. */
void traffic_must_go_on(struct traffic *traffic);

/* End; fails the test when any operation failed or none was done. */
void traffic_stop(struct traffic *traffic);

#endif
