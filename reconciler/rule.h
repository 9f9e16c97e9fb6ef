/*
 * rule - decisions as tables over facts.
 *
 * A fact is one bit. A rule matches when every bit of `need` is set and no bit of `deny` is; the
 * first match wins. Every table ends in a rule that matches everything, so that each combination
 * of facts has its rule; the tests walk them all.
 */
#ifndef RECONCILER_RULE_H
#define RECONCILER_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule {
    const char *name;
    uint32_t need;
    uint32_t deny;
    int act;              /* one of the table's own enum */
    const char *sentence; /* why, for an operator */
};

struct rule_table {
    const struct rule *rules;
    size_t count;
    unsigned int facts; /* bits that it looks at: the lowest ones */
};

/* The first rule that matches. */
const struct rule *rule_match(const struct rule_table *table, uint32_t facts);

/* `fact` when it holds, else no bit. */
static inline uint32_t fact_if(bool holds, uint32_t fact)
{
    return holds ? fact : 0;
}

#endif
