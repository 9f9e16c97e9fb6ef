/*
 * joins - what becomes of requests to join: memcacheds that muster did not place.
 *
 * A request is checked by the watchers that saw it; here it is decided whether there is room, which
 * slot the joiner gets, and whether its host and its address are its own. Who is admitted gets an
 * intent (`attached`) on its own host, in the slot that it has or had, else the one that it wishes,
 * else the lowest free one beyond `spec.nodes`. From then on it is a node like any other: listed
 * once it is proven. One joiner never has two slots, and no decision rests on a clock of our own: a
 * request counts for as long as a watcher reports it. A joiner's watcher must have registered its
 * host (`hosts/<host>` with `sidecar`) before it is admitted: else nobody would read the intent.
 */
#ifndef RECONCILER_JOINS_H
#define RECONCILER_JOINS_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"
#include "reconciler/plan.h"
#include "reconciler/rule.h"

/* fact, what it says about the request */
#define JOIN_FACTS(X)                                                                      \
    X(FROZEN, "the spec is missing, or the cluster is being deleted")                      \
    X(BLOCKED, "a key that may tell of its joiner can't be read")                          \
    X(FOREIGN, "it is for another incarnation of the cluster")                             \
    X(EXPIRED, "it was seen when it no longer counted, or before it was made")             \
    X(KNOWN, "its joiner has a node")                                                      \
    X(RUNNING, "that node is told to run")                                                 \
    X(STALE, "that node was admitted by this request, or by a newer one")                  \
    X(SAME, "that node is where the request says")                                         \
    X(UP, "that node is reported up")                                                      \
    X(STOPPING, "a node of its joiner on the same host is being stopped, or was just now") \
    X(UNASKED, "its joiner reports a node that has no intent yet")                         \
    X(JOINABLE, "the spec lets nodes join")                                                \
    X(HOST, "its host is there, and nothing is wrong with it")                             \
    X(CORDONED, "its host is cordoned")                                                    \
    X(HOST_TAKEN, "its host is not a sidecar's, or has a node of somebody else")           \
    X(ADDRESS_TAKEN, "another node has its address, or a host has it to give away")        \
    X(ROOM, "there are fewer nodes than maxNodes")                                         \
    X(SLOT, "a slot is left for it")

enum join_fact_index {
#define X(name, text) JOIN_INDEX_##name,
    JOIN_FACTS(X)
#undef X
        JOIN_FACT_COUNT
};

#define JOIN(name) (UINT64_C(1) << JOIN_INDEX_##name)

/* act, in words */
#define JOIN_ACTS(X)                                               \
    X(KEEP, "nothing")                                             \
    X(AWAIT, "nothing yet")                                        \
    X(REFUSE, "nothing, and the status says why")                  \
    X(ADMIT, "a new intent on its own host, in a slot of its own") \
    X(RETURN, "an intent on its own host, in the slot that it has already")

enum join_act {
#define X(name, text) JOIN_##name,
    JOIN_ACTS(X)
#undef X
};

struct join_case {
    const struct join_view *view;
    uint64_t facts;
    const struct rule *rule;
    uint32_t slot;              /* that it has, or gets; 0: none */
    const struct intent *known; /* of its joiner, to run or to drain; NULL: none */
};

struct joins {
    const struct join_case *cases; /* in the order of their uids */
    size_t count;
};

extern const struct rule_table join_rules;

/* Find the rule of every request, as the others leave room. A lack of memory shows in `plan`. */
void joins_find(const struct facts *facts, struct plan_builder *plan, struct joins *out);

/* Add what the rules ask for to `plan`. */
void joins_plan(const struct facts *facts, const struct joins *joins, struct plan_builder *plan);

#endif
