/*
 * push - which nodes are to be given the current configuration.
 *
 * Every node that can take it and serves an older one, leavers included: their clients must learn
 * where to go. It goes to where that node's clients ask for discovery, never to the data port of a
 * memcached without the module, which would store it as an ordinary item. A member that is down
 * gets it by the port of its watcher: it would else come up again with an older list.
 *
 * A node whose report is missing although its host is there is reminded by the same means, at the
 * port that its watcher answers in any case: a watcher to whom comes what it has reports again.
 */
#ifndef RECONCILER_PUSH_H
#define RECONCILER_PUSH_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"
#include "reconciler/plan.h"
#include "reconciler/rule.h"

/* fact, what it says about the node */
#define PUSH_FACTS(X)                                                                      \
    X(ABLE, "it is up with a partition, or a member that may come up, and not to stop")    \
    X(BEHIND, "it has never held the current configuration or a later one")                \
    X(MISSED, "its host is there and has not reported it for longer than convergeTimeout") \
    X(UNDERWAY, "a push of it is on its way")                                              \
    X(EARLY, "the last attempt is too fresh for another")

enum push_fact_index {
#define X(name, text) PUSH_INDEX_##name,
    PUSH_FACTS(X)
#undef X
        PUSH_FACT_COUNT
};

#define PUSH(name) (UINT64_C(1) << PUSH_INDEX_##name)

/* act, in words */
#define PUSH_ACTS(X)                                     \
    X(KEEP, "nothing")                                   \
    X(AWAIT, "nothing until the last push had its time") \
    X(SEND, "the configuration is pushed")               \
    X(REMIND, "the configuration is pushed to its watcher")

enum push_act {
#define X(name, text) PUSH_##name,
    PUSH_ACTS(X)
#undef X
};

extern const struct rule_table push_rules;

/* The facts of a node for the table. There must be a configuration. */
uint64_t push_facts(const struct facts *facts, const struct node *node);

/* Add the pushes that are due to `plan`. */
void push_plan(const struct facts *facts, struct plan_builder *plan);

#endif
