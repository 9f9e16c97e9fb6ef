#include "tables/table.h"

#include "base/check.h"
#include "reconciler/alias.h"
#include "reconciler/joins.h"
#include "reconciler/membership.h"
#include "reconciler/node_rules.h"
#include "reconciler/push.h"
#include "watcher/agent.h"
#include "watcher/attached.h"

static void reconciler_get(const struct rule_table *from, struct table *out)
{
    size_t i;

    CHECK(from->count <= TABLE_RULES_MAX);
    CHECK(from->laws_count <= TABLE_LAWS_MAX);
    CHECK(from->facts_count <= TABLE_FACTS_MAX);
    for (i = 0; i < from->count; i++) {
        const struct rule *rule = &from->rules[i];

        out->rules[i] = (struct table_rule){ .name = rule->name,
                                             .when = { rule->need, rule->deny },
                                             .act = rule->act,
                                             .what = from->acts[rule->act].text,
                                             .sentence = rule->sentence };
    }
    for (i = 0; i < from->laws_count; i++) {
        const struct rule_law *law = &from->laws[i];

        out->laws[i] = (struct table_law){ { law->need, law->deny }, law->sentence };
    }
    for (i = 0; i < from->facts_count; i++) {
        out->facts[i] = (struct table_term){ from->facts[i].name, from->facts[i].text };
    }
    out->rules_count = from->count;
    out->laws_count = from->laws_count;
    out->facts_count = from->facts_count;
}

static const char *const agent_states[] = {
#define X(name, text, meaning) text,
    AGENT_STATES(X)
#undef X
};

static const char *const agent_actions[] = {
#define X(name, text, meaning) meaning,
    AGENT_ACTIONS(X)
#undef X
};

static const struct table_term agent_fact_terms[] = {
#define X(name, text) { #name, text },
    AGENT_FACTS(X)
#undef X
};

static const struct table_term attached_fact_terms[] = {
#define X(name, text) { #name, text },
    ATTACHED_FACTS(X)
#undef X
};

/* What the watcher's tables are made of. */
struct agent_parts {
    const struct agent_rule *rules;
    const struct agent_law *laws;
    const struct table_term *facts;
    size_t rules_count;
    size_t laws_count;
    size_t facts_count;
};

static void agent_get(const struct agent_parts *parts, struct table *out)
{
    const struct agent_rule *rules = parts->rules;
    const struct agent_law *laws = parts->laws;
    size_t i;

    out->rules_count = parts->rules_count;
    out->laws_count = parts->laws_count;
    out->facts_count = parts->facts_count;
    CHECK(out->rules_count <= TABLE_RULES_MAX);
    CHECK(out->laws_count <= TABLE_LAWS_MAX);
    for (i = 0; i < out->rules_count; i++) {
        out->rules[i] = (struct table_rule){ .name = rules[i].name,
                                             .when = { rules[i].need, rules[i].deny },
                                             .act = (int)rules[i].action,
                                             .what = agent_actions[rules[i].action],
                                             .state = agent_states[rules[i].state],
                                             .sentence = rules[i].sentence };
    }
    for (i = 0; i < out->laws_count; i++) {
        out->laws[i] = (struct table_law){ { laws[i].need, laws[i].deny }, laws[i].sentence };
    }
    for (i = 0; i < out->facts_count; i++) {
        out->facts[i] = parts->facts[i];
    }
}

static void own_get(struct table *out)
{
    struct agent_parts parts = { .facts = agent_fact_terms, .facts_count = AGENT_FACT_COUNT };

    parts.rules = agent_rules(&parts.rules_count);
    parts.laws = agent_laws(&parts.laws_count);
    agent_get(&parts, out);
}

static void attached_get(struct table *out)
{
    struct agent_parts parts = { .facts = attached_fact_terms, .facts_count = ATTACHED_FACT_COUNT };

    parts.rules = attached_rules(&parts.rules_count);
    parts.laws = attached_laws(&parts.laws_count);
    agent_get(&parts, out);
}

void table_get(enum table_id id, struct table *out)
{
    *out = (struct table){ 0 };
    switch (id) {
    case TABLE_NODE:
        reconciler_get(&node_rules, out);
        break;
    case TABLE_MEMBERSHIP:
        reconciler_get(&membership_rules, out);
        break;
    case TABLE_ALIAS:
        reconciler_get(&alias_rules, out);
        break;
    case TABLE_PUSH:
        reconciler_get(&push_rules, out);
        break;
    case TABLE_JOIN:
        reconciler_get(&join_rules, out);
        break;
    case TABLE_AGENT:
        own_get(out);
        break;
    case TABLE_ATTACHED:
        attached_get(out);
        break;
    case TABLE_COUNT:
        check_failed(__FILE__, __LINE__, "this is no table");
    }
}

void table_outside(const struct table *table, size_t index, struct cube_list *out)
{
    size_t i;

    out->count = 0;
    for (i = 0; i < table->laws_count; i++) {
        cube_list_add(out, table->laws[i].never.need, table->laws[i].never.deny);
    }
    for (i = 0; i < index; i++) {
        cube_list_add(out, table->rules[i].when.need, table->rules[i].when.deny);
    }
}
