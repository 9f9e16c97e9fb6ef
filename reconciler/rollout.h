/*
 * rollout - the nodes' rules put into effect: intents made, changed and taken away.
 *
 * unavailable_max limits what muster takes down by itself (restarts for new settings); a node
 * that is down for any other cause uses it up too. Replacing a failed node takes nothing down
 * and is not limited by it.
 */
#ifndef RECONCILER_ROLLOUT_H
#define RECONCILER_ROLLOUT_H

#include "reconciler/facts.h"
#include "reconciler/placement.h"
#include "reconciler/plan.h"

struct rollout {
    size_t unplaced;      /* nodes that fit nowhere */
    size_t unreplaced;    /* failed nodes whose replacement fits nowhere */
    const char *no_place; /* why, of the first of either kind; NULL: all found one */
    uint32_t no_place_slot;
};

/* Find the rule of every node, as the budget allows, and leave it in the node. */
void rollout_judge(struct facts *facts);

/* Add what the rules ask for to `plan`. */
void rollout_plan(const struct facts *facts, struct plan_builder *plan, struct rollout *out);

#endif
