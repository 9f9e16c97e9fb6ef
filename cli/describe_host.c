/* The part of describe.h about a host. */
#include "base/units.h"
#include "cli/describe.h"
#include "show/host_list.h"
#include "show/table.h"

static void put_line(struct str *out, const char *name, const char *text)
{
    str_appendf(out, "%-13s %s\n", name, text[0] == '\0' ? "-" : text);
}

static void put_pool(const struct host *host, struct str *out)
{
    if (host->ip_count == 0) {
        put_line(out, "Addresses:", "none");
    } else if (host->ip_count == 1) {
        str_appendf(out, "%-13s %s, ports from %u\n", "Addresses:", host->ip_first,
                    host->data_port);
    } else {
        str_appendf(out, "%-13s %u from %s, port %u\n", "Addresses:", host->ip_count,
                    host->ip_first, host->data_port);
    }
}

static void put_host(const struct host_entry *entry, struct str *out)
{
    const struct host *host = entry->host;
    char used[UNITS_TEXT_SIZE];
    char memory[UNITS_TEXT_SIZE];
    size_t i;

    size_format_short(entry->memory_bytes, used);
    if (host == NULL) {
        str_appendf(out, "%-13s %u, %s of memory\n", "Nodes:", entry->nodes, used);
        return;
    }
    size_format_short(host->memory_bytes, memory);
    put_line(out, "Zone:", host->zone);
    for (i = 0; i < host->labels_count; i++) {
        str_appendf(out, "%-13s %s=%s\n", i == 0 ? "Labels:" : "", host->labels[i].name,
                    host->labels[i].value);
    }
    put_pool(host, out);
    str_appendf(out, "%-13s %u of %u, %s of %s of memory\n", "Nodes:", entry->nodes,
                host->nodes_max, used, memory);
    put_line(out, "memcached:", host->memcached_version);
    put_line(out, "Watcher:", host->watcher_version);
    if (host->problem[0] != '\0') {
        put_line(out, "Problem:", host->problem);
    }
}

/* What is to run there; whether it does is told by muster get nodes. */
static int put_nodes(const struct facts *facts, const struct show_request *request, struct str *out,
                     struct err *err)
{
    static const char *const headings[] = { "CLUSTER", "SLOT", "ADDRESS", "PHASE", "MEMORY", NULL };
    const struct intent_facts *at;
    struct table table;
    size_t count = 0;

    table_init(&table, request->arena, headings);
    for (at = facts->intents; at != NULL; at = at->next) {
        const struct intent *intent = &at->intent;
        char memory[UNITS_TEXT_SIZE];

        if (!text_equal(intent->host, request->name)) {
            continue;
        }
        count++;
        size_format(intent->settings.memory_bytes, memory);
        table_add(&table, intent->cluster);
        table_addf(&table, "%04u", intent->slot);
        table_addf(&table, "%s:%u", intent->ip, intent->data_port);
        table_add(&table, intent_phase_text(intent->phase));
        table_add(&table, memory);
    }
    if (count == 0) {
        return 0;
    }
    str_append_text(out, "Slots:\n");
    return table_render(&table, 2, out, err);
}

int describe_host(const struct facts *facts, const struct show_request *request, struct str *out,
                  struct err *err)
{
    const struct host_entry *entry;
    struct host_list list;
    int rv = host_list_make(facts, request->arena, &list, err);

    if (rv < 0) {
        return rv;
    }
    entry = host_list_find(&list, request->name);
    if (entry == NULL) {
        return host_list_unknown(&list, request->name, err);
    }
    put_line(out, "Name:", entry->name);
    put_line(out, "State:", host_entry_state(entry));
    if (entry->cordon != NULL) {
        str_appendf(out, "%-13s ", "Cordon:");
        show_cordon(entry->cordon, request->now_ms, out);
        str_append_char(out, '\n');
    }
    if (facts->bad_count != 0) {
        str_appendf(out, "%-13s %s%s\n", "Unreadable:", facts->bad,
                    facts->bad_count == 1 ? "" : " (and others)");
    }
    put_host(entry, out);
    return put_nodes(facts, request, out, err);
}
