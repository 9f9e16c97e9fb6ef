/*
 * placement - where a node can run, and where it runs best.
 *
 * A host fits when it is there, has no problem, is not a sidecar's, is not cordoned, is among
 * placement.hosts (when the spec names any), has all of placement.labels, has a free address in its
 * pool and enough free memory, and keeps no intent of the slot already. Of those that fit, the one
 * is best whose zone has the fewest nodes of this cluster (not with spreadBy host), then itself the
 * fewest, then the fewest nodes at all, then the first name. A node of this cluster that is on its
 * way out counts for memory and addresses only. A choice counts at once, for the next one of the
 * same pass. Nothing is prepared before the first question, so that a pass without one costs
 * nothing.
 */
#ifndef RECONCILER_PLACEMENT_H
#define RECONCILER_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"
#include "reconciler/plan.h"

/*
 * What memcached takes beyond its items (-m): hash table, connections and threads. Counted for
 * every node, those of other clusters included.
 */
#define PLACEMENT_MARGIN_BYTES (UINT64_C(8) << 20)
#define PLACEMENT_MARGIN_DIVISOR 16 /* and this part of the items' memory */

#define PLACEMENT_REASONS_MAX 8 /* hosts that a message names */

struct host_load;

struct placement {
    const struct facts *facts;
    struct plan_builder *plan;
    struct host_load *loads; /* one per host of the view; NULL: not prepared yet */
};

struct placement_choice {
    const struct host_view *host;
    const struct node_settings *settings; /* that the node is to be started with */
    uint32_t index;                       /* in the host's pool */
    uint32_t ip;
    uint16_t data_port;
};

void placement_init(struct placement *placement, const struct facts *facts,
                    struct plan_builder *plan);

/*
 * The best place for a node of `node`'s slot that is started with `settings`. Returns whether `out`
 * was set: nothing fits otherwise.
 */
MUST_USE bool placement_pick(struct placement *placement, const struct node *node,
                             const struct node_settings *settings, struct placement_choice *out);

/* Another address for `node` on its own host. Returns whether `out` was set: none is free. */
MUST_USE bool placement_move(struct placement *placement, const struct node *node,
                             struct placement_choice *out);

/* Why no host fits, host by host. */
const char *placement_reasons(struct placement *placement, const struct node *node,
                              const struct node_settings *settings);

#endif
