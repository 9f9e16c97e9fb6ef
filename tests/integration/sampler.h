/*
 * sampler - asks all nodes of a lab for their lists without end, in a thread, and holds the
 * answers against what muster promises:
 *
 *   - the version that a port tells never goes back, and each version has one content only;
 *   - whoever is listed answers discovery, on its data port;
 *   - no memcached that a node lists has ended.
 *
 * Nothing is assumed about timing: a violation is told only when the facts were read in an order
 * that proves it (ended, and listed by an answer that was asked for afterwards). Not for tests
 * that kill memcacheds.
 */
#ifndef INTEGRATION_SAMPLER_H
#define INTEGRATION_SAMPLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "integration/ask.h"
#include "integration/lab.h"

#define SAMPLER_VERSIONS_MAX 256
#define SAMPLER_PORTS 2

struct sampler_version {
    uint32_t version;
    char payload[2048];
};

struct sampler {
    unsigned nodes;
    pthread_t thread;
    atomic_bool stop;
    atomic_bool may_forget; /* a port may tell nothing for a while, but still nothing older */
    atomic_uint_least64_t rounds;
    atomic_uint_least64_t violations;
    char first_violation[1024];
    /* Of the thread: */
    uint32_t versions[LAB_NODES_MAX + 1][SAMPLER_PORTS];
    bool gone[LAB_NODES_MAX + 1][SAMPLER_PORTS]; /* nobody listened when it was asked last */
    pid_t pids[LAB_NODES_MAX + 1];
    struct sampler_version seen[SAMPLER_VERSIONS_MAX];
    size_t seen_count;
};

/* Watch the addresses 1..`nodes`, whether a node is there or not. */
void sampler_start(struct sampler *sampler, unsigned nodes);

/* Wait until everything was asked at least once more. */
void sampler_must_go_round(struct sampler *sampler);

/* End; fails the test when a violation was seen. */
void sampler_stop(struct sampler *sampler);

#endif
