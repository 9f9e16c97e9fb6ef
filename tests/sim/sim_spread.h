/*
 * sim_spread - what nodes promise among themselves: one has what those have that it watches, and
 * nobody writes more than is needed.
 *
 * Whom a node watches follows from the configuration that it serves (watcher/ring.h), so that
 * everything is decided by what is truly served, never by what a watcher believes.
 */
#ifndef SIM_SIM_SPREAD_H
#define SIM_SIM_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "sim/sim_nodes.h"

/* Within this time, what one node has is at all that it is connected with, and calm as they are. */
#define SIM_SPREAD_MS(nodes) (150000 + 2000 * (uint64_t)(nodes))

/*
 * Two nodes of which one watches the other, that can reach each other and have watchers, but serve
 * different versions: in words; "" when there are none. Valid until the next call.
 */
const char *sim_spread_lag(struct sim_nodes *nodes);

/* Who wrote to partitions of others: counted from the start, and when that was last; 0: never. */
struct sim_writes {
    uint64_t count;
    uint64_t last_ms;
    struct written *list; /* the last ones */
    size_t list_count;
};

/* A watcher writes to a partition; P2: the same not more often than its pauses allow. */
void sim_spread_wrote(void *ctx, uint32_t ip, uint16_t port, const struct sim_request *request);
void sim_spread_deinit(struct sim_writes *writes);

#endif
