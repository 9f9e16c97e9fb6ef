#include "tables/agent_stage.h"

#include <stddef.h>

#define NOW_MS UINT64_C(1000000)
/* As in the watcher: a step settles after a few rules. */
#define STEP_RULES_MAX 8
#define QUESTION_MS UINT64_C(1000)

bool agent_facts_are_lawful(uint32_t facts)
{
    size_t count;
    const struct agent_law *laws = agent_laws(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        if ((facts & laws[i].need) == laws[i].need && (facts & laws[i].deny) == 0) {
            return false;
        }
    }
    return true;
}

static uint64_t silence_of(uint32_t facts)
{
    if ((facts & AGENT_FACT(HUNG)) != 0) {
        return AGENT_HUNG_MS;
    }
    return (facts & AGENT_FACT(SILENT)) != 0 ? AGENT_SILENT_MS : 0;
}

struct agent_stage agent_stage_with(uint32_t facts, enum agent_sort sort)
{
    uint64_t heard_ms = NOW_MS - silence_of(facts);
    struct agent_stage stage = {
        .now_ms = NOW_MS,
        .input = { .present = (facts & AGENT_FACT(PRESENT)) != 0,
                   .stop = (facts & AGENT_FACT(STOP)) != 0,
                   .bygone = (facts & AGENT_FACT(BYGONE)) != 0,
                   .runnable = (facts & AGENT_FACT(RUNNABLE)) != 0,
                   .matches = (facts & AGENT_FACT(MATCHES)) != 0 },
    };
    struct agent *agent = &stage.agent;

    agent_init(agent);
    agent->start_at_ms = (facts & AGENT_FACT(DUE)) != 0 ? 0 : NOW_MS + AGENT_BACKOFF_MAX_MS;
    agent->quick_deaths = sort == AGENT_FLAPPING ? AGENT_FLAPPING_DEATHS : 0;
    agent->process = (facts & AGENT_FACT(PROCESS)) != 0;
    agent->ran = (facts & AGENT_FACT(UNASKED)) == 0;
    agent->started_ms = heard_ms;
    agent->answered_ms = (facts & AGENT_FACT(PROVEN)) != 0 ? heard_ms : 0;
    agent->silences = (facts & AGENT_FACT(SILENT)) != 0 ? AGENT_SILENCES_MIN : 0;
    agent->timely = (facts & AGENT_FACT(HUNG)) != 0 ? AGENT_TIMELY_MIN : 0;
    agent->silent_ms = silence_of(facts);
    agent->silence_ms = agent->silent_ms == 0 ? 0 : NOW_MS;
    agent->asked_to_end = (facts & AGENT_FACT(ENDING)) != 0;
    agent->killed = agent->asked_to_end && sort == AGENT_KILLED;
    agent->term_ms = (facts & AGENT_FACT(OVERDUE)) != 0 ? NOW_MS - AGENT_TERM_MS : NOW_MS;
    return stage;
}

const struct agent_rule *agent_stage_settle(struct agent_stage *stage)
{
    int i;

    for (i = 0; i < STEP_RULES_MAX; i++) {
        uint32_t facts = agent_facts(&stage->agent, &stage->input, stage->now_ms);
        const struct agent_rule *rule = agent_rule(facts);

        agent_follow(&stage->agent, rule, stage->now_ms);
        switch (rule->action) {
        case AGENT_DO_START:
            stage->input.matches = true;
            stage->starts++;
            break;
        case AGENT_DO_TERM:
        case AGENT_DO_KILL:
            stage->signals++;
            break;
        case AGENT_DO_NOTHING:
        case AGENT_DO_FORGET:
            return rule;
        }
    }
    return NULL;
}

void agent_stage_ask_in_vain(struct agent_stage *stage, uint64_t silent_ms)
{
    uint64_t left_ms = stage->agent.silent_ms < silent_ms ? silent_ms - stage->agent.silent_ms : 0;
    uint32_t left = AGENT_SILENCES_MIN;

    while (0 < left || 0 < left_ms) {
        uint64_t step_ms = left_ms < QUESTION_MS ? left_ms : QUESTION_MS;

        stage->now_ms += step_ms;
        left_ms -= step_ms;
        left -= 0 < left ? 1 : 0;
        (void)agent_silent(&stage->agent, stage->now_ms);
    }
}
