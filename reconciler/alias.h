/*
 * alias - which node the configuration endpoint points to.
 *
 * Only ever one that is listed, up, and has acknowledged the current configuration, whose version
 * the alias then carries. It stays on its slot while that node is good; it follows a new version
 * once every member that can has acknowledged; it leaves a node in trouble at once, and one that is
 * to be restarted before that happens, when another one may hold it.
 */
#ifndef RECONCILER_ALIAS_H
#define RECONCILER_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"
#include "reconciler/plan.h"
#include "reconciler/rule.h"

/* fact, what it says about the cluster */
#define ALIAS_FACTS(X)                                                         \
    X(FROZEN, "the spec is missing, or the configuration can't be read")       \
    X(DELETING, "the cluster is being deleted")                                \
    X(SET, "there is an alias")                                                \
    X(SOUND, "its node is up and serves at least the version that it carries") \
    X(TARGET, "some node may hold the alias")                                  \
    X(RIGHT, "the alias is what it would be set to")                           \
    X(SETTLED, "every member that can has acknowledged, or convergeTimeout is over")

enum alias_fact_index {
#define X(name, text) ALIAS_INDEX_##name,
    ALIAS_FACTS(X)
#undef X
        ALIAS_FACT_COUNT
};

#define ALIAS(name) (UINT64_C(1) << ALIAS_INDEX_##name)

/* act, in words */
#define ALIAS_ACTS(X)                                  \
    X(KEEP, "it stays as it is")                       \
    X(AWAIT, "it stays until convergeTimeout is over") \
    X(POINT, "it is pointed to the best node")         \
    X(REMOVE, "it goes")

enum alias_act {
#define X(name, text) ALIAS_##name,
    ALIAS_ACTS(X)
#undef X
};

struct alias_choice {
    uint64_t facts;
    const struct node *target; /* NULL: no node may hold it */
    struct alias wanted;       /* what it would be set to, with a target */
    uint64_t settles_at_ms;    /* when convergeTimeout is over; UINT64_MAX: not known */
    const struct rule *rule;
};

extern const struct rule_table alias_rules;

/* Whether the node may hold the alias, as far as its facts tell. */
bool alias_may_hold(const struct facts *facts, const struct node *node);

/* Find it once the nodes have their rules: one that is about to go down is no target. */
void alias_find(const struct facts *facts, struct alias_choice *out);

/* Add what the rule asks for to `plan`. */
void alias_plan(const struct facts *facts, const struct alias_choice *choice,
                struct plan_builder *plan);

#endif
