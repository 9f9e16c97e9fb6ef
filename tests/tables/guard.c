#include "tables/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconciler/joins.h"
#include "reconciler/node_rules.h"
#include "reconciler/plan.h"
#include "watcher/agent.h"

/* The linker puts these in the place of the functions, and the functions in that of __real_*. */
/* NOLINTBEGIN(bugprone-reserved-identifier): the linker wants these names */
const struct rule *__wrap_rule_match(const struct rule_table *table, uint64_t facts);
const struct rule *__real_rule_match(const struct rule_table *table, uint64_t facts);
uint32_t __wrap_agent_facts(const struct agent *agent, const struct agent_input *input,
                            uint64_t now_ms);
uint32_t __real_agent_facts(const struct agent *agent, const struct agent_input *input,
                            uint64_t now_ms);
void __wrap_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why);
void __real_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why);
/* NOLINTEND(bugprone-reserved-identifier) */

#define PROBLEM_SIZE 1024

static const struct rule_term agent_terms[] = {
#define X(name, text) { #name, text },
    AGENT_FACTS(X)
#undef X
};

__attribute__((weak)) void table_guard_failed(const char *problem)
{
    (void)fprintf(stderr, "%s\n", problem);
    abort();
}

static void fail_law(const char *law, uint64_t facts, const struct rule_term *terms, size_t count)
{
    char problem[PROBLEM_SIZE];
    size_t used = 0;
    size_t i;

    for (i = 0; i < count && used < sizeof(problem); i++) {
        if ((facts & (UINT64_C(1) << i)) != 0) {
            used += (size_t)snprintf(problem + used, sizeof(problem) - used, "%s ", terms[i].name);
        }
    }
    if (used < sizeof(problem)) {
        (void)snprintf(problem + used, sizeof(problem) - used, "break the law: %s", law);
    }
    table_guard_failed(problem);
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

/* What the rule of that name leaves of an intent; ORDER_KEEP: nothing. */
static enum order order_by(const char *why)
{
    size_t i;

    for (i = 0; i < node_rules.count; i++) {
        if (strcmp(node_rules.rules[i].name, why) == 0) {
            return act_order((enum act)node_rules.rules[i].act);
        }
    }
    for (i = 0; i < join_rules.count; i++) {
        int act = join_rules.rules[i].act;

        if (strcmp(join_rules.rules[i].name, why) == 0) {
            return act == JOIN_ADMIT || act == JOIN_RETURN ? ORDER_RUN : ORDER_KEEP;
        }
    }
    return ORDER_KEEP;
}

const struct rule *__wrap_rule_match(const struct rule_table *table, uint64_t facts)
{
    const struct rule_law *law = rule_law_broken(table, facts);

    if (law != NULL) {
        fail_law(law->sentence, facts, table->facts, table->facts_count);
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

    for (i = 0; i < count; i++) {
        if ((facts & laws[i].need) == laws[i].need && (facts & laws[i].deny) == 0) {
            fail_law(laws[i].sentence, facts, agent_terms, ARRAY_COUNT(agent_terms));
        }
    }
    return facts;
}

void __wrap_plan_intent(struct plan_builder *plan, enum effect_kind kind,
                        const struct intent *intent, const char *why)
{
    if (order_of(kind, intent) != order_by(why)) {
        char problem[PROBLEM_SIZE];

        (void)snprintf(problem, sizeof(problem),
                       "the rule '%s' leaves the intent otherwise than its act says", why);
        table_guard_failed(problem);
    }
    __real_plan_intent(plan, kind, intent, why);
}
