/*
 * rule - decisions as tables over facts.
 *
 * A fact is one bit. A rule matches when every bit of `need` is set and no bit of `deny` is; the
 * first match wins. Every table ends in a rule that matches everything, so that each combination
 * of facts has its rule. Laws say which combinations there are; the tests prove from both that
 * every rule can be reached, and what can never happen. docs/rules.md is made from the tables.
 */
#ifndef RECONCILER_RULE_H
#define RECONCILER_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct rule {
    const char *name;
    uint64_t need;
    uint64_t deny;
    int act;              /* one of the table's own enum */
    const char *sentence; /* why, for an operator */
};

/* A fact or an act, as people are told of it. */
struct rule_term {
    const char *name;
    const char *text;
};

/*
 * What the meaning of the facts rules out: no input has every bit of `need` and none of `deny`.
 * With one bit each it reads "need implies deny"; without `deny`, "never both".
 */
struct rule_law {
    uint64_t need;
    uint64_t deny;
    const char *sentence; /* what is so instead */
};

struct rule_table {
    const struct rule *rules;
    size_t count;
    const struct rule_term *facts; /* of the bits, the lowest first */
    size_t facts_count;
    const struct rule_term *acts; /* by the table's own enum */
    size_t acts_count;
    const struct rule_law *laws;
    size_t laws_count;
};

/*
 * Defines the table NAME of the `rules` and `laws` above it in its file. FACTS and ACTS are the
 * lists, X(name, text) or longer, that its enums are made of too.
 */
#define RULE_TERM(name, text, ...) { #name, text },
#define RULE_TABLE(NAME, FACTS, ACTS)                                  \
    static const struct rule_term fact_terms[] = { FACTS(RULE_TERM) }; \
    static const struct rule_term act_terms[] = { ACTS(RULE_TERM) };   \
    const struct rule_table NAME = {                                   \
        .rules = rules,                                                \
        .count = ARRAY_COUNT(rules),                                   \
        .facts = fact_terms,                                           \
        .facts_count = ARRAY_COUNT(fact_terms),                        \
        .acts = act_terms,                                             \
        .acts_count = ARRAY_COUNT(act_terms),                          \
        .laws = laws,                                                  \
        .laws_count = ARRAY_COUNT(laws),                               \
    }

/* The first rule that matches. */
const struct rule *rule_match(const struct rule_table *table, uint64_t facts);

/* The first law that `facts` break, or NULL. Whoever finds facts as they are breaks none. */
const struct rule_law *rule_law_broken(const struct rule_table *table, uint64_t facts);

/* `fact` when it holds, else no bit. */
static inline uint64_t fact_if(bool holds, uint64_t fact)
{
    return holds ? fact : 0;
}

#endif
