/*
 * table - the rule tables of all rooms in one form.
 *
 * The reconciler's tables and those of the watcher have types of their own, because the one may not
 * include the other. What tests ask of them, and what docs/rules.md tells of them, is the same.
 * All texts are those of the tables; nothing is owned.
 */
#ifndef TESTS_TABLES_TABLE_H
#define TESTS_TABLES_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "tables/cubes.h"

#define TABLE_RULES_MAX 64
#define TABLE_LAWS_MAX 64
#define TABLE_FACTS_MAX 64

enum table_id {
    TABLE_NODE,
    TABLE_MEMBERSHIP,
    TABLE_ALIAS,
    TABLE_PUSH,
    TABLE_JOIN,
    TABLE_AGENT,
    TABLE_ATTACHED,
    TABLE_COUNT
};

struct table_term {
    const char *name;
    const char *text;
};

struct table_rule {
    const char *name;
    struct cube when;
    int act;           /* of the table's own enum; the watcher's: the action */
    const char *what;  /* the act, in words */
    const char *state; /* the watcher's: the state that it is in then; else NULL */
    const char *sentence;
};

struct table_law {
    struct cube never;
    const char *sentence;
};

struct table {
    struct table_rule rules[TABLE_RULES_MAX];
    size_t rules_count;
    struct table_law laws[TABLE_LAWS_MAX];
    size_t laws_count;
    struct table_term facts[TABLE_FACTS_MAX];
    size_t facts_count;
};

/* Fill in `out`. A table that is larger than the limits above stops the program. */
void table_get(enum table_id id, struct table *out);

/* What no input of the rule `index` may lie in: the rules before it, and what the laws exclude. */
void table_outside(const struct table *table, size_t index, struct cube_list *out);

#endif
