#include "base/units.h"
#include "codec/model_json.h"
#include "show/host_list.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

static int read_hosts(struct context *context, const struct show_request *request,
                      struct facts *facts, struct err *err)
{
    struct etcd_range ranges[HOST_LIST_RANGES];
    int rv = host_list_ranges(context, request->name, ranges, err);

    return rv < 0 ? rv : context_read(context, ranges, HOST_LIST_RANGES, facts, err);
}

/* Those that are asked for. */
static int list_chosen(const struct facts *facts, const struct show_request *request,
                       struct host_list *list, struct err *err)
{
    size_t kept = 0;
    size_t i;
    int rv = host_list_make(facts, request->arena, list, err);

    for (i = 0; 0 <= rv && i < list->count; i++) {
        if (show_wants(request, list->entries[i].name)) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = rv < 0 ? 0 : kept;
    return rv;
}

static size_t count_hosts(const struct facts *facts, const struct show_request *request)
{
    struct host_list list;
    struct err ignored;

    /* Without memory the listing itself fails, and says so. */
    return list_chosen(facts, request, &list, &ignored) < 0 ? 1 : list.count;
}

void show_cordon(const struct cordon *cordon, uint64_t now_ms, struct str *out)
{
    char age[24];

    output_age(now_ms, cordon->since_ms, age, sizeof(age));
    str_appendf(out, "cordoned for %s%s%s", age, cordon->reason[0] == '\0' ? "" : ": ",
                cordon->reason);
}

static void add_note(struct table *table, const struct host_entry *entry, uint64_t now_ms)
{
    CLEANUP(str_deinit) struct str note;
    const char *problem = entry->host == NULL ? "" : entry->host->problem;

    str_init(&note, OUTPUT_BYTES_MAX);
    if (entry->host != NULL && entry->host->sidecar) {
        str_append_text(&note, problem[0] == '\0' ? "sidecar" : "sidecar; ");
    }
    str_append_text(&note, problem);
    if (entry->cordon != NULL) {
        str_append_text(&note, note.size == 0 ? "" : "; ");
        show_cordon(entry->cordon, now_ms, &note);
    }
    table_add(table, str_text(&note));
}

static void add_wide(struct table *table, const struct host *host, struct arena *arena)
{
    const char *labels = host == NULL ? "" : show_labels(arena, host->labels, host->labels_count);

    if (host == NULL) {
        table_add(table, "");
    } else {
        table_addf(table, "%s+%u:%u", host->ip_first, host->ip_count - 1, host->data_port);
    }
    table_add(table, labels == NULL ? "" : labels);
}

static const struct table_column columns[] = {
    { .heading = "NAME" },
    { .heading = "STATE" },
    { .heading = "ZONE" },
    { .heading = "NODES" },
    { .heading = "MEMORY" },
    { .heading = "MEMCACHED" },
    { .heading = "WATCHER" },
    { .heading = "POOL", .wide = true },
    { .heading = "LABELS", .wide = true },
    { .heading = "NOTE", .moving = true },
};

static void add_row(struct table *table, const struct host_entry *entry,
                    const struct show_request *request)
{
    const struct host *host = entry->host;
    char used[UNITS_TEXT_SIZE];
    char memory[UNITS_TEXT_SIZE];

    size_format_short(entry->memory_bytes, used);
    table_add(table, entry->name);
    table_add(table, host_entry_state(entry));
    if (host == NULL) {
        table_add(table, "");
        table_addf(table, "%u", entry->nodes);
        table_add(table, used);
        table_add(table, "");
        table_add(table, "");
    } else {
        size_format_short(host->memory_bytes, memory);
        table_add(table, host->zone);
        table_addf(table, "%u/%u", entry->nodes, host->nodes_max);
        table_addf(table, "%s/%s", used, memory);
        table_add(table, host->memcached_version);
        table_add(table, host->watcher_version);
    }
    add_wide(table, host, request->arena);
    add_note(table, entry, request->now_ms);
}

static int hosts_rows(const struct facts *facts, const struct show_request *request,
                      struct table *table, struct err *err)
{
    struct host_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    for (i = 0; 0 <= rv && i < list.count; i++) {
        add_row(table, &list.entries[i], request);
    }
    return rv;
}

static int host_json(const struct host_entry *entry, struct str *out, struct err *err)
{
    int rv = 0;

    str_appendf(out,
                "{\"name\":\"%s\",\"state\":\"%s\",\"nodes\":%u,\"memoryBytes\":%llu,\"host\":",
                entry->name, host_entry_state(entry), entry->nodes,
                (unsigned long long)entry->memory_bytes);
    if (entry->host == NULL) {
        str_append_text(out, "null");
    } else {
        rv = json_encode_host(entry->host, out, err);
    }
    str_append_text(out, ",\"cordon\":");
    if (entry->cordon == NULL) {
        str_append_text(out, "null");
    } else if (0 <= rv) {
        rv = json_encode_cordon(entry->cordon, out, err);
    }
    str_appendf(out, ",\"metadata\":{\"name\":\"%s\"}}", entry->name);
    return rv;
}

static int hosts_json(const struct facts *facts, const struct show_request *request,
                      struct str *out, struct err *err)
{
    struct host_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    str_append_text(out, request->name == NULL ? "[" : "");
    for (i = 0; 0 <= rv && i < list.count; i++) {
        str_append_text(out, i == 0 ? "" : ",");
        rv = host_json(&list.entries[i], out, err);
    }
    str_append_text(out, request->name == NULL ? "]" : "");
    return rv;
}

static int hosts_names(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    struct host_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    for (i = 0; 0 <= rv && i < list.count; i++) {
        str_appendf(out, "%s\n", list.entries[i].name);
    }
    return rv;
}

const struct show_kind show_hosts = {
    .name = "hosts",
    .singular = "host",
    .brief = "ho",
    .follows = { "hosts/", "cordons/", "intent/" },
    .read = read_hosts,
    .count = count_hosts,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = hosts_rows,
    .json = hosts_json,
    .names = hosts_names,
};
