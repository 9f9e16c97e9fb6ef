/*
 * rollout_status - how far a cluster is with the latest generation of its spec.
 *
 * Pure: facts in, one sentence out.
 */
#ifndef CLI_ROLLOUT_STATUS_H
#define CLI_ROLLOUT_STATUS_H

#include "base/str.h"
#include "client/facts.h"

enum rollout_state {
    ROLLOUT_GOING,   /* or held up, or paused: it can still come to its end */
    ROLLOUT_DONE,    /* nothing is left to do */
    ROLLOUT_STALLED, /* given up: no progress within progressDeadline */
};

/* Append the sentence, without its end. `cluster` has a spec that is not being deleted. */
enum rollout_state rollout_status(const struct cluster_facts *cluster, struct str *out);

#endif
