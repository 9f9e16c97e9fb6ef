/*
 * agent_stage - the watcher's agent, put into any state that it can be in.
 *
 * For tests that begin everywhere, and for the diagram of its states. The agent's code is the
 * production code; only what it is told, and its clock, is made up.
 */
#ifndef TESTS_TABLES_AGENT_STAGE_H
#define TESTS_TABLES_AGENT_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "watcher/agent.h"

#define AGENT_FACT(name) (UINT32_C(1) << AGENT_FACT_##name)
#define AGENT_FACTS_ALL (UINT32_C(1) << AGENT_FACT_COUNT)

/* So many deaths in a row that the backoff is as long as it gets. */
#define AGENT_FLAPPING_DEATHS 1000U

/* What the facts leave open. */
enum agent_sort {
    AGENT_PLAIN,
    AGENT_KILLED,   /* what is ending was sent SIGKILL */
    AGENT_FLAPPING, /* it died again and again */
    AGENT_SORT_COUNT
};

struct agent_stage {
    struct agent agent;
    struct agent_input input;
    uint64_t now_ms;
    /* what the rules asked for so far */
    unsigned int starts;
    unsigned int signals;
};

/* Whether the facts break none of the agent's laws. */
bool agent_facts_are_lawful(uint32_t facts);

/* An agent of which just these facts hold. */
struct agent_stage agent_stage_with(uint32_t facts, enum agent_sort sort);

/*
 * Follow the rules until nothing is to be done, as the watcher does. Returns the last of them; NULL
 * when they go round in circles.
 */
const struct agent_rule *agent_stage_settle(struct agent_stage *stage);

/* It is asked, often enough, until its silence has lasted for `silent_ms`. */
void agent_stage_ask_in_vain(struct agent_stage *stage, uint64_t silent_ms);

#endif
