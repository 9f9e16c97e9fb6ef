/*
 * cluster_state - how a cluster is, in a word: what its conditions come to.
 *
 * Pure. The first that holds counts: the spec can't be read (Unreadable), it is being deleted
 * (Deleting), no controller has looked at this generation of it (Pending), no controller leads, so
 * that conditions tell what the last one saw (Unknown), something keeps it from going on (Stalled),
 * a listed node is not up (Degraded), it is as its spec asks (Ready), its rollout is paused
 * (Paused), something is left to do (Converging).
 */
#ifndef SHOW_CLUSTER_STATE_H
#define SHOW_CLUSTER_STATE_H

#include <stdbool.h>

#include "client/facts.h"

struct cluster_state {
    const char *word;
    const char *reason;  /* of the condition that it rests on; "" : none */
    const char *message; /* likewise */
};

/* `led`: a controller leads; without one no state changes, and the reason is "NoLeader". */
struct cluster_state cluster_state(const struct cluster_facts *cluster, bool led);

#endif
