#include "tables/doc.h"

#include "base/cleanup.h"
#include "model/effect.h"
#include "model/status.h"
#include "tables/table.h"
#include "watcher/agent.h"

#define MS_PER_S 1000U

static const char head[] =
    "<!-- Made from the tables by `make docs`; what is changed here is lost. -->\n"
    "\n"
    "# Rules\n"
    "\n"
    "muster decides by tables. A pass of the controller sorts the keys in etcd out into nodes, "
    "finds for\neach which *facts* hold, and looks up what to do: the rules are tried from the top, "
    "and the first\none whose facts fit is taken. The watcher's agent does the same for the process "
    "of each node.\n"
    "\n"
    "The names in the column *rule* are those that `muster describe` shows for each slot, that "
    "`muster\nexplain` gives as the reason, and that stand in events and in the controller's log. "
    "A rule fits when\nall facts of *when* hold and none of *unless*; a rule with neither fits "
    "always. For what the keys and\nthe programs are, see [ARCHITECTURE.md](ARCHITECTURE.md).\n"
    "\n"
    "Tests prove for all combinations of facts that one rule is found, that every rule can be "
    "reached,\nthat what must never happen does not (no listed node is stopped, nothing is replaced "
    "in a mass\nfailure, ...), and that every order which the controller can give is followed by the "
    "agent from each\nstate that it can be in.\n";

struct section {
    enum table_id id;
    const char *title;
    const char *text;
    void (*diagram)(struct str *out);
};

static const struct section sections[] = {
    { TABLE_NODE, "A node",
      "One look for each node: what is wanted of it, what its host reports, and what clients are "
      "told.\nWhat is decided is always about the node's intent, the order to its host.",
      doc_write_node_life },
    { TABLE_MEMBERSHIP, "The configuration",
      "One look for each cluster: who is in the next list of nodes that clients are given, and "
      "whether it\nis due.",
      NULL },
    { TABLE_ALIAS, "The endpoint",
      "One look for each cluster: which node the one stable address for discovery points to.",
      NULL },
    { TABLE_PUSH, "Pushes",
      "One look for each node, when there is a configuration: whether it is to be sent to it.",
      NULL },
    { TABLE_JOIN, "Requests to join",
      "One look for each memcached that asks to become a node, with those that ask besides it: "
      "whether it\nis let in.",
      NULL },
    { TABLE_AGENT, "The watcher's agent",
      "One look for each node that a watcher has, whenever something about it changes.",
      doc_write_agent_states },
    { TABLE_ATTACHED, "What joined",
      "The same for a memcached that muster did not place: its watcher listens to it, and never "
      "starts or\nends it.",
      NULL },
};

/* Facts as words with `separator` between them, or a dash. */
static void write_facts_with(struct str *out, const struct table *table, uint64_t facts,
                             const char *separator)
{
    const char *between = "";
    size_t i;

    for (i = 0; i < table->facts_count; i++) {
        if ((facts & (UINT64_C(1) << i)) != 0) {
            str_appendf(out, "%s%s", between, table->facts[i].name);
            between = separator;
        }
    }
    if (facts == 0) {
        str_append_text(out, "-");
    }
}

static void write_facts(struct str *out, const struct table *table, uint64_t facts)
{
    write_facts_with(out, table, facts, ", ");
}

static void write_fact_table(struct str *out, const struct table *table)
{
    size_t i;

    str_append_text(out, "\n| fact | it says |\n|---|---|\n");
    for (i = 0; i < table->facts_count; i++) {
        str_appendf(out, "| %s | %s |\n", table->facts[i].name, table->facts[i].text);
    }
}

static void write_rule(struct str *out, const struct table *table, const struct table_rule *rule)
{
    str_appendf(out, "| `%s` | ", rule->name);
    write_facts(out, table, rule->when.need);
    str_append_text(out, " | ");
    write_facts(out, table, rule->when.deny);
    if (rule->state != NULL) {
        str_appendf(out, " | %s", rule->state);
    }
    str_appendf(out, " | %s | %s |\n", rule->what, rule->sentence);
}

static void write_rule_table(struct str *out, const struct table *table)
{
    bool states = table->rules[0].state != NULL;
    size_t i;

    str_appendf(out, "\n| rule | when | unless |%s what is done | why |\n|---|---|---|%s---|---|\n",
                states ? " state |" : "", states ? "---|" : "");
    for (i = 0; i < table->rules_count; i++) {
        write_rule(out, table, &table->rules[i]);
    }
}

static void write_laws(struct str *out, const struct table *table)
{
    size_t i;

    str_append_text(out, "\nWhat the facts mean rules some combinations out:\n\n"
                         "| when | always | never | because |\n|---|---|---|---|\n");
    for (i = 0; i < table->laws_count; i++) {
        const struct table_law *law = &table->laws[i];
        uint64_t need = law->never.need;
        /* Of two facts that are never together, the second is what the first excludes. */
        uint64_t first = law->never.deny == 0 ? need & -need : need;

        str_append_text(out, "| ");
        write_facts(out, table, first);
        str_append_text(out, " | ");
        write_facts_with(out, table, law->never.deny, " or ");
        str_append_text(out, " | ");
        write_facts(out, table, need & ~first);
        str_appendf(out, " | %s |\n", law->sentence);
    }
}

static void write_section(struct str *out, const struct section *section)
{
    struct table table;

    table_get(section->id, &table);
    str_appendf(out, "\n## %s\n\n%s\n", section->title, section->text);
    if (section->diagram != NULL) {
        section->diagram(out);
    }
    write_fact_table(out, &table);
    write_rule_table(out, &table);
    write_laws(out, &table);
}

static void write_agent_times(struct str *out)
{
    str_appendf(
        out,
        "\nA node that does not answer is down after %u seconds and started again after %u. "
        "After SIGTERM it\nhas %u seconds to end. One that died before it had run for %u "
        "seconds, and not for the first\ntime, is started again after %g seconds, twice as "
        "long after each such death, up to %u.\n",
        AGENT_SILENT_MS / MS_PER_S, AGENT_HUNG_MS / MS_PER_S, AGENT_TERM_MS / MS_PER_S,
        AGENT_STEADY_MS / MS_PER_S, (double)AGENT_BACKOFF_FIRST_MS / MS_PER_S,
        AGENT_BACKOFF_MAX_MS / MS_PER_S);
}

static void write_conditions(struct str *out)
{
    str_append_text(out, "\n## Conditions of the status\n\n"
                         "Each has a status, a reason, a message and the time of its last change. "
                         "Those below *Stalled* are\nshown only where they say something.\n\n"
                         "| condition | when it is true |\n|---|---|\n");
#define X(name, text, meaning) str_appendf(out, "| `%s` | %s |\n", text, meaning);
    CONDITION_TYPES(X)
#undef X
}

static void write_effects(struct str *out)
{
    str_append_text(out, "\n## Effects\n\n"
                         "What a pass may ask for; nothing else leaves the reconciler. Each names "
                         "the rule that asked.\n\n"
                         "| effect | what is done |\n|---|---|\n");
#define X(name, text, meaning) str_appendf(out, "| `%s` | %s |\n", text, meaning);
    EFFECT_KINDS(X)
#undef X
}

void doc_write(struct str *out)
{
    size_t i;

    str_append_text(out, head);
    for (i = 0; i < ARRAY_COUNT(sections); i++) {
        write_section(out, &sections[i]);
    }
    write_agent_times(out);
    write_conditions(out);
    write_effects(out);
}
