#include <string.h>

#include "show/join_list.h"
#include "show/json_out.h"
#include "show/live.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24

/* What the controller makes of the requests of these clusters, named in their order. */
static int judge(struct context *context, struct facts *facts, const char *const *names,
                 size_t count, struct err *err)
{
    CLEANUP(live_deinit) struct live live = { .count = 0 };
    struct cluster_facts *cluster = facts->clusters;
    size_t i = 0;
    int rv = live_read(&live, context, names, count, err);

    for (; 0 <= rv && cluster != NULL && i < count; cluster = cluster->next) {
        struct view view;

        if (strcmp(cluster->name, names[i]) != 0) {
            continue;
        }
        rv = live_view(&live, i, &view, err);
        if (0 <= rv) {
            rv = join_verdicts_make(&view, &context->arena, &cluster->verdicts, err);
        }
        i++;
    }
    return rv;
}

static int judge_all(struct context *context, struct facts *facts, struct err *err)
{
    const char **names = arena_calloc(&context->arena, facts->clusters_count + 1, sizeof(char *));
    const struct cluster_facts *cluster;
    size_t count = 0;

    if (names == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a list of clusters");
    }
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        if (cluster->joins != NULL) {
            names[count++] = cluster->name;
        }
    }
    return count == 0 ? 0 : judge(context, facts, names, count, err);
}

static int read_joins(struct context *context, const struct show_request *request,
                      struct facts *facts, struct err *err)
{
    static const struct etcd_range leaves[] = { { .key = "spec" },
                                                { .key = "joins/", .prefix = true } };
    const struct clusters_query query = { .leaves = leaves, .leaves_count = ARRAY_COUNT(leaves) };
    int rv = show_read(context, request, &query, facts, err);

    return rv < 0 ? rv : judge_all(context, facts, err);
}

/* Those of the clusters that are asked for. */
static int list_chosen(const struct facts *facts, const struct show_request *request,
                       struct join_list *list, struct err *err)
{
    size_t kept = 0;
    size_t i;
    int rv = join_list_make(facts, request->name, request->arena, list, err);

    for (i = 0; 0 <= rv && i < list->count; i++) {
        if (show_wants(request, list->entries[i].cluster)) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = rv < 0 ? 0 : kept;
    return rv;
}

static size_t count_joins(const struct facts *facts, const struct show_request *request)
{
    struct join_list list;
    struct err ignored;

    /* Without memory the listing itself fails, and says so. */
    return list_chosen(facts, request, &list, &ignored) < 0 ? 1 : list.count;
}

static void add_row(struct table *table, const struct join_entry *entry,
                    const struct show_request *request)
{
    const struct join *join = entry->join;
    const struct join_verdict *verdict = entry->verdict;
    const char *address = show_address(request->arena, join->ip, join->data_port);
    char age[AGE_TEXT_SIZE];

    output_age(request->now_ms, entry->seen_ms, age, sizeof(age));
    table_add(table, entry->cluster);
    table_add(table, join->uid);
    table_add(table, join->host);
    table_add(table, address == NULL ? "" : address);
    if (verdict == NULL || verdict->slot == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%04u", verdict->slot);
    }
    table_add(table, entry->seen_by);
    table_add(table, age);
    table_add(table, verdict == NULL ? "" : verdict->word);
    table_add(table, verdict == NULL ? "" : verdict->rule);
    table_add(table, verdict == NULL ? "" : verdict->why);
}

static const struct table_column columns[] = {
    { .heading = "CLUSTER" },
    { .heading = "UID" },
    { .heading = "HOST" },
    { .heading = "ADDRESS" },
    { .heading = "SLOT" },
    { .heading = "SEEN BY" },
    { .heading = "AGE", .moving = true },
    { .heading = "VERDICT" },
    { .heading = "RULE", .wide = true },
    { .heading = "WHY" },
};

static int joins_rows(const struct facts *facts, const struct show_request *request,
                      struct table *table, struct err *err)
{
    struct join_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    for (i = 0; 0 <= rv && i < list.count; i++) {
        add_row(table, &list.entries[i], request);
    }
    return rv;
}

static void entry_json(struct json_out *json, const struct join_entry *entry)
{
    const struct join *join = entry->join;
    const struct join_verdict *verdict = entry->verdict;

    json_out_open(json, NULL, '{');
    json_out_text(json, "cluster", entry->cluster);
    json_out_text(json, "uid", join->uid);
    json_out_text(json, "host", join->host);
    json_out_address(json, "address", join->ip, join->data_port);
    json_out_number(json, "issuedMs", join->issued_ms);
    json_out_text(json, "seenBy", entry->seen_by);
    json_out_number(json, "seenMs", entry->seen_ms);
    if (join->slot_wanted != 0) {
        json_out_slot(json, "slotWanted", join->slot_wanted);
    }
    if (verdict != NULL && verdict->slot != 0) {
        json_out_slot(json, "slot", verdict->slot);
    }
    if (verdict != NULL) {
        json_out_text(json, "verdict", verdict->word);
        json_out_text(json, "rule", verdict->rule);
        json_out_text(json, "why", verdict->why);
    }
    json_out_close(json, '}');
}

static int joins_json(const struct facts *facts, const struct show_request *request,
                      struct str *out, struct err *err)
{
    struct json_out json = { .out = out };
    struct join_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    if (rv < 0) {
        return rv;
    }
    json_out_open(&json, NULL, '[');
    for (i = 0; i < list.count; i++) {
        entry_json(&json, &list.entries[i]);
    }
    json_out_close(&json, ']');
    return str_check(out, err);
}

static int joins_names(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    struct join_list list;
    size_t i;
    int rv = list_chosen(facts, request, &list, err);

    for (i = 0; 0 <= rv && i < list.count; i++) {
        str_appendf(out, "%s/%s\n", list.entries[i].cluster, list.entries[i].join->uid);
    }
    return rv;
}

const struct show_kind show_joins = {
    .name = "joins",
    .singular = "join",
    .brief = "jo",
    .of_cluster = true,
    .read = read_joins,
    .count = count_joins,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = joins_rows,
    .json = joins_json,
    .names = joins_names,
};
