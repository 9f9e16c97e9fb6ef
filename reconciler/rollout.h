/*
 * rollout - the nodes' rules put into effect: intents made, changed and taken away.
 *
 * Two budgets limit what muster does to nodes that serve. maxUnavailable counts the slots that are
 * missed, whatever the cause: no node is taken down for new settings unless they leave room.
 * maxSurge counts the nodes that run beyond one a slot: no node gets a successor unless they leave
 * room, which is at least one when a host is to be left. New settings also wait for the slots that
 * are missed beyond maxUnavailable. Replacing a failed node takes nothing down
 * and adds nothing that runs; neither limits it. The node that the alias points to comes last.
 */
#ifndef RECONCILER_ROLLOUT_H
#define RECONCILER_ROLLOUT_H

#include "reconciler/facts.h"
#include "reconciler/placement.h"
#include "reconciler/plan.h"

struct rollout {
    size_t unplaced;      /* nodes that fit nowhere */
    size_t unreplaced;    /* failed nodes whose replacement fits nowhere */
    size_t unsucceeded;   /* nodes that should go and whose successor fits nowhere */
    const char *no_place; /* why, of the first of any kind; NULL: all found one */
    uint32_t no_place_slot;
};

/*
 * Find the rule of every node, as the budgets allow, and leave it in the node, with the place for
 * the new node that it asks for.
 */
void rollout_judge(struct facts *facts, struct plan_builder *plan, struct rollout *out);

/* Add what the rules ask for to `plan`. */
void rollout_plan(const struct facts *facts, struct plan_builder *plan);

/* How many nodes beyond one a slot may run for the sake of `node`. */
uint32_t rollout_surge_max(const struct facts *facts, const struct node *node);

#endif
