#include "reconciler/rule.h"

#include "base/check.h"

const struct rule *rule_match(const struct rule_table *table, uint64_t facts)
{
    size_t i;

    for (i = 0; i < table->count; i++) {
        const struct rule *rule = &table->rules[i];

        if ((facts & rule->need) == rule->need && (facts & rule->deny) == 0) {
            return rule;
        }
    }
    check_failed(__FILE__, __LINE__, "the last rule matches everything");
}

const struct rule_law *rule_law_broken(const struct rule_table *table, uint64_t facts)
{
    size_t i;

    for (i = 0; i < table->laws_count; i++) {
        const struct rule_law *law = &table->laws[i];

        if ((facts & law->need) == law->need && (facts & law->deny) == 0) {
            return law;
        }
    }
    return NULL;
}
