/* What joined is let go of, and never started or ended. */
#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "watcher/attached.h"

#define FACT(name) (1U << ATTACHED_FACT_##name)
#define ALL_FACTS (1U << ATTACHED_FACT_COUNT)

static bool is_lawful(uint32_t facts)
{
    size_t count;
    const struct agent_law *laws = attached_laws(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        if ((facts & laws[i].need) == laws[i].need && (facts & laws[i].deny) == 0) {
            return false;
        }
    }
    return true;
}

Test(attached, only_stop_or_the_end_of_its_cluster_ends_a_slot)
{
    uint32_t facts;

    for (facts = 0; facts < ALL_FACTS; facts++) {
        const struct agent_rule *rule = attached_rule(facts);
        bool ended = rule->state == AGENT_STOPPED || rule->state == AGENT_GONE;

        if (ended) {
            cr_expect((facts & (FACT(STOP) | FACT(BYGONE))) != 0, "facts %x", facts);
        }
        if (rule->action == AGENT_DO_FORGET) {
            cr_expect_eq(facts & FACT(PRESENT), 0, "facts %x", facts);
        }
    }
}

Test(attached, what_is_stopped_is_not_said_to_be_up)
{
    uint32_t facts;

    for (facts = 0; facts < ALL_FACTS; facts++) {
        if ((facts & FACT(STOP)) != 0) {
            cr_expect_neq(attached_rule(facts)->state, AGENT_UP, "facts %x", facts);
        }
    }
}

/* The laws are just what the code keeps. */
Test(attached, facts_are_lawful_whatever_was_heard)
{
    unsigned bits;
    bool seen[ALL_FACTS] = { false };
    uint32_t facts;

    for (bits = 0; bits < 64; bits++) {
        struct agent agent;
        struct agent_input input = { .present = (bits & 1) != 0,
                                     .stop = (bits & 2) != 0,
                                     .bygone = (bits & 4) != 0 };

        agent_init(&agent);
        if ((bits & 8) != 0) {
            agent_adopted(&agent, 1000);
        }
        agent.answered_ms = (bits & 16) != 0 ? 1000 : 0;
        agent.silences = (bits & 32) != 0 ? AGENT_SILENCES_MIN : 0;
        agent.silent_ms = (bits & 32) != 0 ? AGENT_SILENT_MS : 0;
        seen[attached_facts(&agent, &input)] = true;
    }
    for (facts = 0; facts < ALL_FACTS; facts++) {
        cr_expect_eq(seen[facts], is_lawful(facts), "facts %x", facts);
    }
}
