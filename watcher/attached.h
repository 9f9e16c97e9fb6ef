/*
 * attached - what to say of a memcached that joined, and what to do about its slot. Pure.
 *
 * Nobody here starts, stops or kills it: a slot is let go of, and no more. What was heard of it is
 * kept in a `struct agent` (agent.h), as for one of our own, and so are the states; the rules are
 * these few. Level-triggered, like those of the agent.
 */
#ifndef WATCHER_ATTACHED_H
#define WATCHER_ATTACHED_H

#include "watcher/agent.h"

/* So many refused connections in a row, and it counts as ended. */
#define ATTACHED_REFUSALS_MIN 3U

/* fact, what it says about the node */
#define ATTACHED_FACTS(X)                                                                         \
    X(PRESENT, "the intent's key exists, as far as etcd was heard")                               \
    X(STOP, "the last known intent has the phase stop")                                           \
    X(BYGONE,                                                                                     \
      "nobody asks for it, its cluster is gone, and etcd knows of all versions that it has seen") \
    X(HEARD, "somebody answers at its data port")                                                 \
    X(PROVEN, "it has answered since it was looked for")                                          \
    X(SILENT, "it was asked in vain for so long that it counts as down")

enum attached_fact {
#define X(name, text) ATTACHED_FACT_##name,
    ATTACHED_FACTS(X)
#undef X
        ATTACHED_FACT_COUNT
};

/* The rules in their order; the last one fits always. */
const struct agent_rule *attached_rules(size_t *count);
/* attached_facts() yields nothing that breaks one of these. */
const struct agent_law *attached_laws(size_t *count);

/* Of `input` what is started with plays no part. */
uint32_t attached_facts(const struct agent *agent, const struct agent_input *input);

/* The first rule that fits. Its action is NOTHING or FORGET. */
const struct agent_rule *attached_rule(uint32_t facts);

#endif
