/*
 * node_rules - what to do about one node.
 *
 * What the facts mean for a node stands in facts.c, what the acts do in rollout.c.
 */
#ifndef RECONCILER_NODE_RULES_H
#define RECONCILER_NODE_RULES_H

#include <stdint.h>

#include "reconciler/rule.h"

/* fact, what it says about the node */
#define FACTS(X)                                                                          \
    X(BLOCKED, "a key that tells about it can't be read")                                 \
    X(DELETING, "the cluster is being deleted")                                           \
    X(WANTED, "the spec asks for its slot, or it joined and is to stay, and it holds it") \
    X(SUPERSEDED, "another node holds its slot, or is to")                                \
    X(SUCCESSOR, "it is to take its slot over from the node that holds it")               \
    X(SUCCEEDED, "another node is to take its slot over once that is proven")             \
    X(PLACED, "it has an intent")                                                         \
    X(FOREIGN, "its intent is of another incarnation of the cluster")                     \
    X(DRAINING, "its intent is in phase drain")                                           \
    X(STOPPING, "its intent is in phase stop")                                            \
    X(SETTINGS_OLD, "its intent holds other settings than the spec")                      \
    X(LEAVING, "it has to leave its host: that is drained, the spec's placement leaves "  \
               "it out, or has no address left for it; or it joined and wants to go, or " \
               "may not stay in its slot")                                                \
    X(ATTACHED, "it joined: its memcached is not muster's to start or to stop")           \
    X(BEYOND, "its slot is beyond those that the spec's nodes ask for")                   \
    X(UNWELCOME, "it joined, and the spec lets nobody join any more")                     \
    X(STATIC, "maxUnavailable is 0, so that nothing may be taken down for new settings")  \
    X(DISOWNED, "it joined, and another joiner asks from its host")                       \
    X(HOST, "its host is there")                                                          \
    X(REPORTED, "its host reports it")                                                    \
    X(LOST, "nobody waits any longer for a host that is gone to stop it")                 \
    X(STOPPED, "it was stopped as asked")                                                 \
    X(DOWN, "it is reported down")                                                        \
    X(UP, "it is reported up")                                                            \
    X(PROVEN, "it serves as asked, and the current configuration if there is one")        \
    X(LISTED, "the current configuration lists it where it runs")                         \
    X(EXPOSED, "a member that may answer has not acknowledged the current configuration") \
    X(ALIASED, "the alias points to it")                                                  \
    X(RELIEVED, "another node can hold the alias that points to it")                      \
    X(DRAINED, "it has no clients, or had its time to lose them")                         \
    X(LAST, "nobody is wanted of the cluster any more, so that no list can leave it out") \
    X(UNTOLD, "it has no clients, but one that polled lately may still list it")          \
    X(CROWDED, "another node has its address, too")                                       \
    X(FAILED, "it is neither reported up nor reachable, for long enough")                 \
    X(SUSPECT, "its host is well, and no other node runs with the settings it would get") \
    X(MASS, "so much looks dead at once that the observer is in doubt")                   \
    X(PAUSED, "the rollout is paused")                                                    \
    X(STALLED, "the rollout has shown no progress for progressDeadline")                  \
    X(BUDGET, "maxUnavailable, or for a successor maxSurge, leaves room for a change of it")

enum fact_index {
#define X(name, text) FACT_INDEX_##name,
    FACTS(X)
#undef X
        FACT_COUNT
};

#define FACT(name) (UINT64_C(1) << FACT_INDEX_##name)

/* act, in words, what becomes of the intent (enum order) */
#define ACTS(X)                                                             \
    X(NOTHING, "nothing", KEEP)                                             \
    X(PLACE, "a new intent on the best host", RUN)                          \
    X(REPLACE, "a new intent on another host, beside the failed one", RUN)  \
    X(SUCCEED, "a new intent on another host, which it gives way to", RUN)  \
    X(MOVE, "its intent gets another address of the same host", RUN)        \
    X(ADOPT, "a new intent for what runs already", RUN)                     \
    X(CATCH, "a new intent for what runs already, in phase stop", STOP)     \
    X(RUN, "its intent gets the phase run", RUN)                            \
    X(SETTINGS, "its intent gets the spec's settings", RUN)                 \
    X(DRAIN, "its intent gets the phase drain", DRAIN)                      \
    X(DISMISS, "its intent gets the phase drain, and its slot ends", DRAIN) \
    X(YIELD, "nothing until the alias points elsewhere", KEEP)              \
    X(AWAIT, "nothing until the drain is over", KEEP)                       \
    X(STOP, "its intent gets the phase stop", STOP)                         \
    X(DELETE, "its intent goes", GONE)

enum act {
#define X(name, text, order) ACT_##name,
    ACTS(X)
#undef X
};

/* What an act leaves of the intent: as it was, in a phase, or nothing. */
enum order { ORDER_KEEP, ORDER_RUN, ORDER_DRAIN, ORDER_STOP, ORDER_GONE };

extern const struct rule_table node_rules;

enum order act_order(enum act act);

#endif
