/*
 * membership - who is in the next configuration, and whether it is due.
 *
 * A listed and wanted member stays, also while it is down. A wanted node joins once it is proven;
 * several that come at the same time are waited for, so that they make one version, but no longer
 * than convergeTimeout. A change that takes a member out waits for nobody.
 */
#ifndef RECONCILER_MEMBERSHIP_H
#define RECONCILER_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"
#include "reconciler/plan.h"
#include "reconciler/rule.h"

/* fact, what it says about the cluster */
#define MEMBERSHIP_FACTS(X)                                                 \
    X(FROZEN, "the spec is missing, or the cluster is being deleted")       \
    X(BLOCKED, "the configuration or its lineage can't be read")            \
    X(SILENT, "no node of the cluster reports")                             \
    X(EMPTY, "nobody would be listed")                                      \
    X(CHANGED, "the list differs from the current one")                     \
    X(ADOPTING, "a wanted node that runs without an intent is getting one") \
    X(RENEW, "nodes serve more, or another content, than etcd knows")       \
    X(EXHAUSTED, "the versions are used up")                                \
    X(LARGE, "the list is larger than clients can be told")                 \
    X(REMOVING, "a listed member is not wanted")                            \
    X(WAITING, "a wanted node is on its way")                               \
    X(OVERDUE, "the oldest of those is longer on its way than it may take")

enum membership_fact_index {
#define X(name, text) MEMBERSHIP_INDEX_##name,
    MEMBERSHIP_FACTS(X)
#undef X
        MEMBERSHIP_FACT_COUNT
};

#define MEMBERSHIP(name) (UINT64_C(1) << MEMBERSHIP_INDEX_##name)

/* act, in words */
#define MEMBERSHIP_ACTS(X)                                    \
    X(KEEP, "the configuration stays")                        \
    X(WAIT, "the configuration stays until the wait is over") \
    X(COMMIT, "the next members become the configuration")

enum membership_act {
#define X(name, text) MEMBERSHIP_##name,
    MEMBERSHIP_ACTS(X)
#undef X
};

struct membership {
    struct member *members; /* of the next configuration */
    size_t members_count;
    uint64_t facts;
    uint64_t wait_until_ms; /* for those that are on their way */
    const struct rule *rule;
};

extern const struct rule_table membership_rules;

/* Find the next members and the rule. A lack of memory shows in `plan`. */
void membership_find(const struct facts *facts, struct plan_builder *plan, struct membership *out);

/* Add what the rule asks for to `plan`. */
void membership_plan(const struct facts *facts, const struct membership *membership,
                     struct plan_builder *plan);

#endif
