/*
 * guard - what production code finds and does is what the tables say of it.
 *
 * Facts obey the laws of their table, and an act leaves the intent in the phase that act_order()
 * tells.
 * Linked into a program (library table_guard), it stands between production code and the tables,
 * in whichever test or simulated run. The proofs of tests/unit/tables rest on what it checks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconciler/node_rules.h"
#include "reconciler/plan.h"
#include "watcher/agent.h"

/* The linker puts these in the place of the functions, and the functions in that of __real_*. */
const struct rule *__wrap_rule_match(const struct rule_table *table, uint32_t facts);
const struct rule *__real_rule_match(const struct rule_table *table, uint32_t facts);
uint32_t __wrap_agent_facts(const struct agent *agent, const struct agent_input *input,
                            uint64_t now_ms);
uint32_t __real_agent_facts(const struct agent *agent, const struct agent_input *input,
                            uint64_t now_ms);
void __wrap_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why);
void __real_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why);

static const char *const agent_fact_names[] = {
#define X(name, text) #name,
    AGENT_FACTS(X)
#undef X
};

__attribute__((noreturn)) static void give_up(const char *law)
{
    (void)fprintf(stderr, "\nthese facts break the law: %s\n", law);
    abort();
}

static enum order order_of(enum effect_kind kind, const struct intent *intent)
{
    if (kind == EFFECT_INTENT_DELETE) {
        return ORDER_GONE;
    }
    switch (intent->phase) {
    case INTENT_RUN:
        return ORDER_RUN;
    case INTENT_DRAIN:
        return ORDER_DRAIN;
    case INTENT_STOP:
        break;
    }
    return ORDER_STOP;
}

const struct rule *__wrap_rule_match(const struct rule_table *table, uint32_t facts)
{
    const struct rule_law *law = rule_law_broken(table, facts);
    size_t i;

    for (i = 0; law != NULL && i < table->facts_count; i++) {
        if ((facts & (UINT32_C(1) << i)) != 0) {
            (void)fprintf(stderr, "%s ", table->facts[i].name);
        }
    }
    if (law != NULL) {
        give_up(law->sentence);
    }
    return __real_rule_match(table, facts);
}

uint32_t __wrap_agent_facts(const struct agent *agent, const struct agent_input *input,
                            uint64_t now_ms)
{
    uint32_t facts = __real_agent_facts(agent, input, now_ms);
    size_t count;
    const struct agent_law *laws = agent_laws(&count);
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        if ((facts & laws[i].need) != laws[i].need || (facts & laws[i].deny) != 0) {
            continue;
        }
        for (k = 0; k < ARRAY_COUNT(agent_fact_names); k++) {
            if ((facts & (UINT32_C(1) << k)) != 0) {
                (void)fprintf(stderr, "%s ", agent_fact_names[k]);
            }
        }
        give_up(laws[i].sentence);
    }
    return facts;
}

void __wrap_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why)
{
    size_t i = 0;

    while (i < node_rules.count && strcmp(node_rules.rules[i].name, why) != 0) {
        i++;
    }
    if (i == node_rules.count ||
        act_order((enum act)node_rules.rules[i].act) != order_of(kind, intent)) {
        (void)fprintf(stderr, "the rule '%s' leaves the intent otherwise than its act says\n", why);
        abort();
    }
    __real_plan_intent(plan, kind, intent, why);
}
