#include <criterion/criterion.h>
#include <string.h>

#include "reconciler/alias.h"
#include "reconciler/membership.h"
#include "reconciler/node_rules.h"
#include "reconciler/push.h"

#define RULES_MAX 64

/* The inputs are few enough to try them all, so no property is sampled. */
static void walk(const struct rule_table *table)
{
    size_t hits[RULES_MAX] = { 0 };
    uint32_t facts;
    size_t i;

    cr_assert_leq(table->count, RULES_MAX);
    cr_assert_lt(table->facts, 32);
    for (facts = 0; facts < (UINT32_C(1) << table->facts); facts++) {
        /* rule_match() stops the program when no rule matches */
        hits[rule_match(table, facts) - table->rules]++;
    }
    for (i = 0; i < table->count; i++) {
        cr_expect_gt(hits[i], 0, "rule '%s' can never match", table->rules[i].name);
    }
}

static void names_are_unique(const struct rule_table *table)
{
    size_t i;
    size_t k;

    for (i = 0; i < table->count; i++) {
        cr_expect_gt(strlen(table->rules[i].sentence), 0);
        for (k = 0; k < i; k++) {
            cr_expect_str_neq(table->rules[i].name, table->rules[k].name);
        }
    }
}

Test(tables, each_state_of_a_node_has_a_rule_and_no_rule_is_dead)
{
    walk(&node_rules);
    names_are_unique(&node_rules);
}

Test(tables, each_state_of_the_membership_has_a_rule_and_no_rule_is_dead)
{
    walk(&membership_rules);
    names_are_unique(&membership_rules);
}

Test(tables, each_state_of_the_alias_has_a_rule_and_no_rule_is_dead)
{
    walk(&alias_rules);
    names_are_unique(&alias_rules);
}

Test(tables, each_state_of_a_push_has_a_rule_and_no_rule_is_dead)
{
    walk(&push_rules);
    names_are_unique(&push_rules);
}

/* Whatever else is true, some facts rule out some acts. */
Test(tables, no_state_of_a_node_breaks_what_must_never_happen)
{
    uint32_t facts;

    for (facts = 0; facts < (UINT32_C(1) << FACT_COUNT); facts++) {
        const struct rule *rule = rule_match(&node_rules, facts);
        enum act act = (enum act)rule->act;

        if ((facts & FACT(BLOCKED)) != 0) {
            cr_assert_eq(act, ACT_NOTHING, "%s", rule->name);
        }
        if ((act == ACT_STOP || act == ACT_DRAIN) && (facts & FACT(DELETING)) == 0) {
            cr_assert((facts & (FACT(WANTED) | FACT(LISTED) | FACT(EXPOSED) | FACT(ALIASED))) == 0,
                      "%s", rule->name);
        }
        if (act == ACT_DELETE) {
            cr_assert(
                (facts & FACT(STOPPING)) != 0 &&
                    ((facts & FACT(STOPPED)) != 0 || (facts & (FACT(HOST) | FACT(REPORTED))) == 0),
                "%s", rule->name);
        }
        if (act == ACT_PLACE || act == ACT_REPLACE || act == ACT_SETTINGS || act == ACT_RUN ||
            act == ACT_MOVE) {
            cr_assert((facts & FACT(WANTED)) != 0 && (facts & FACT(DELETING)) == 0, "%s",
                      rule->name);
        }
        if (act == ACT_REPLACE) {
            cr_assert((facts & FACT(MASS)) == 0, "%s", rule->name);
        }
    }
}
