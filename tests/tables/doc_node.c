/*
 * The life of a node as its intent shows it: from each phase, which rules can fit (for some facts
 * that there can be), and what their acts leave of the intent.
 */
#include "base/cleanup.h"
#include "model/node.h"
#include "reconciler/node_rules.h"
#include "tables/doc.h"
#include "tables/table.h"

#define RULES_A_LINE 3

struct phase {
    const char *name;
    struct cube when;
    const char *text;
};

static const struct phase phases[] = {
    { "none", { 0, FACT(PLACED) }, "it has no intent" },
    { "run", { FACT(PLACED), FACT(DRAINING) | FACT(STOPPING) }, "its host is to run it" },
    { "drain", { FACT(DRAINING), 0 }, "its host is to run it while its clients leave" },
    { "stop", { FACT(STOPPING), 0 }, "its host is to stop it" },
};

/* Where an order leads; NULL: it stays where it is. */
static const char *end_of(enum order order)
{
    switch (order) {
    case ORDER_KEEP:
        return NULL;
    case ORDER_RUN:
        return "run";
    case ORDER_DRAIN:
        return "drain";
    case ORDER_STOP:
        return "stop";
    case ORDER_GONE:
        break;
    }
    return "[*]";
}

static bool may_fit(const struct table *table, size_t rule, const struct phase *phase)
{
    struct cube both = { table->rules[rule].when.need | phase->when.need,
                         table->rules[rule].when.deny | phase->when.deny };
    struct cube_list outside;
    uint64_t example;

    table_outside(table, rule, &outside);
    return cubes_find(both, &outside, &example);
}

/* The names of all rules that may fit in the phase and give the order; returns how many. */
static size_t write_names(struct str *out, const struct table *table, const struct phase *phase,
                          enum order order, const char *before, const char *quote)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < table->rules_count; i++) {
        if (act_order((enum act)table->rules[i].act) != order || !may_fit(table, i, phase)) {
            continue;
        }
        if (count == 0) {
            str_append_text(out, before);
        } else {
            str_append_text(out, quote[0] == '\0' && count % RULES_A_LINE == 0 ? "<br/>" : ", ");
        }
        str_appendf(out, "%s%s%s", quote, table->rules[i].name, quote);
        count++;
    }
    return count;
}

static void write_edges(struct str *out, const struct table *table, const struct phase *phase)
{
    static const enum order orders[] = { ORDER_RUN, ORDER_DRAIN, ORDER_STOP, ORDER_GONE };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(orders); i++) {
        struct str edge;
        size_t count;

        str_init(&edge, out->size_max);
        str_appendf(&edge, "    %s --> %s", phase->name, end_of(orders[i]));
        count = write_names(&edge, table, phase, orders[i], " : ", "");
        if (0 < count) {
            str_appendf(out, "%s\n", str_text(&edge));
        }
        str_deinit(&edge);
    }
}

void doc_write_node_life(struct str *out)
{
    struct table table;
    size_t i;

    table_get(TABLE_NODE, &table);
    str_append_text(out, "\nThe life of a node, by the phase of its intent, and the rules that "
                         "change it:\n\n```mermaid\nstateDiagram-v2\n    [*] --> none\n");
    for (i = 0; i < ARRAY_COUNT(phases); i++) {
        str_appendf(out, "    %s : %s\n", phases[i].name, phases[i].name);
        str_appendf(out, "    %s : %s\n", phases[i].name, phases[i].text);
    }
    for (i = 0; i < ARRAY_COUNT(phases); i++) {
        write_edges(out, &table, &phases[i]);
    }
    str_append_text(out,
                    "```\n\nIn the meantime, and for as long as it takes, a node may be in the "
                    "care of these rules:\n\n| phase | rules that leave it as it is |\n"
                    "|---|---|\n");
    for (i = 0; i < ARRAY_COUNT(phases); i++) {
        str_appendf(out, "| %s | ", phases[i].name);
        (void)write_names(out, &table, &phases[i], ORDER_KEEP, "", "`");
        str_append_text(out, " |\n");
    }
}
