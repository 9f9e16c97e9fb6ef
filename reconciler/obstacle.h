/*
 * obstacle - what keeps a cluster from being converged, if anything does.
 *
 * A listed node that can't be reached holds nobody up for longer than convergeTimeout: it is
 * excused from then on, named in the status, and caught up with when it returns. That ends where
 * more than half of the nodes are gone.
 */
#ifndef RECONCILER_OBSTACLE_H
#define RECONCILER_OBSTACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/alias.h"
#include "reconciler/facts.h"
#include "reconciler/joins.h"
#include "reconciler/membership.h"
#include "reconciler/plan.h"
#include "reconciler/rollout.h"

enum obstacle_kind {
    OBSTACLE_NONE,
    OBSTACLE_HELD,    /* an operator paused the rollout */
    OBSTACLE_PENDING, /* it goes away by itself */
    OBSTACLE_STALLED, /* it needs something from outside, or has taken longer than it may */
};

struct obstacle {
    enum obstacle_kind kind;
    const char *reason; /* CamelCase word */
    const char *message;
};

/* What the parts of a pass found. */
struct outcome {
    const struct facts *facts;
    const struct membership *membership;
    const struct alias_choice *alias;
    const struct rollout *rollout;
    const struct joins *joins;
    const struct obstacle *obstacle;
};

/*
 * The foremost obstacle, found from the other parts of `outcome`; `plan` gets a wake-up for when a
 * pending one turns into a stalled one.
 */
struct obstacle obstacle_find(const struct outcome *outcome, struct plan_builder *plan);

/* Which slot fits on no host, and why; for a rollout that has one. */
const char *no_place_text(const struct outcome *outcome, struct plan_builder *plan);

/*
 * Up to when the node may take for what is asked of it: since the configuration was made, its
 * intent was changed, its process was started. UINT64_MAX: it is not its turn.
 */
uint64_t node_due_at_ms(const struct facts *facts, const struct node *node);

/* A listed node that can't answer holds nothing up for longer than convergeTimeout. */
bool node_is_excused(const struct facts *facts, const struct node *node);

#endif
