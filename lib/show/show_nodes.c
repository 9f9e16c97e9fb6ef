#include "codec/model_json.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

static int read_nodes(struct context *context, const struct show_request *request,
                      struct facts *facts, struct err *err)
{
    static const struct etcd_range leaves[] = { { .key = "config" },
                                                { .key = "nodes/", .prefix = true } };
    const struct clusters_query query = {
        .leaves = leaves,
        .leaves_count = ARRAY_COUNT(leaves),
        .besides = "intent/", /* below hosts: those of one cluster are found among all */
    };

    return show_read(context, request, &query, facts, err);
}

static bool is_chosen(const struct cluster_facts *cluster, const struct show_request *request)
{
    return show_wants(request, cluster->name);
}

static size_t count_nodes(const struct facts *facts, const struct show_request *request)
{
    const struct cluster_facts *cluster;
    size_t count = 0;

    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        count += is_chosen(cluster, request) ? cluster->nodes_count : 0;
    }
    return count;
}

const char *show_address(struct arena *arena, const char *ip, uint16_t port)
{
    return port == 0 ? "" : arena_printf(arena, "%s:%u", ip, port);
}

static void add_report(struct table *table, const struct node_report *report)
{
    table_add(table, node_state_text(report->state));
    table_add(table, partition_mode_text(report->partition));
    if (report->served.version == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%u", report->served.version);
    }
    if (report->pid == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%lld", (long long)report->pid);
    }
    table_addf(table, "%u", report->restarts);
}

/* What only wide tables have. */
static void add_wide(struct table *table, const struct cluster_facts *cluster,
                     const struct node_facts *node, const struct show_request *request)
{
    const struct node_report *report = node->report;
    char age[24] = "";

    table_add(table, facts_is_listed(cluster, node) ? "yes" : "no");
    if (report == NULL) {
        table_add(table, "");
        table_add(table, "");
        table_add(table, "");
        return;
    }
    if (report->started_ms != 0) {
        output_age(request->now_ms, report->started_ms, age, sizeof(age));
    }
    table_addf(table, "%u", report->discovery_port);
    table_add(table, age);
    table_add(table, report->problem);
}

static const struct table_column columns[] = {
    { .heading = "CLUSTER" },
    { .heading = "SLOT" },
    { .heading = "HOST" },
    { .heading = "ADDRESS" },
    { .heading = "PHASE" },
    { .heading = "STATE" },
    { .heading = "PARTITION" },
    { .heading = "VERSION" },
    { .heading = "PID" },
    { .heading = "RESTARTS" },
    { .heading = "JOINED" },
    { .heading = "LISTED", .wide = true },
    { .heading = "DISCOVERY", .wide = true },
    { .heading = "RUNS FOR", .wide = true, .moving = true },
    { .heading = "PROBLEM", .wide = true },
};

/* What the watcher reports counts; what the controller intends fills the rest. */
static void add_row(struct table *table, const struct cluster_facts *cluster,
                    const struct node_facts *node, const struct show_request *request)
{
    const struct node_report *report = node->report;
    const struct intent *intent = node->intent;
    struct arena *arena = request->arena;
    const char *address = report != NULL ? show_address(arena, report->ip, report->data_port)
                                         : show_address(arena, intent->ip, intent->data_port);
    int i;

    table_add(table, cluster->name);
    table_addf(table, "%04u", node->slot);
    table_add(table, node->host);
    table_add(table, address == NULL ? "" : address);
    table_add(table, intent == NULL ? "" : intent_phase_text(intent->phase));
    if (report != NULL) {
        add_report(table, report);
    } else {
        table_add(table, "silent");
        for (i = 0; i < 4; i++) {
            table_add(table, "");
        }
    }
    table_add(table, facts_has_joined(node) ? "yes" : "no");
    add_wide(table, cluster, node, request);
}

static int nodes_rows(const struct facts *facts, const struct show_request *request,
                      struct table *table, struct err *err)
{
    const struct cluster_facts *cluster;
    size_t i;

    (void)err;
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (i = 0; is_chosen(cluster, request) && i < cluster->nodes_count; i++) {
            add_row(table, cluster, facts_shown(cluster, i), request);
        }
    }
    return 0;
}

static int node_json(const struct cluster_facts *cluster, const struct node_facts *node,
                     struct str *out, struct err *err)
{
    int rv = 0;

    str_appendf(out,
                "{\"metadata\":{\"name\":\"%s/%04u/%s\"},\"cluster\":\"%s\",\"slot\":\"%04u\","
                "\"host\":\"%s\",\"listed\":%s,\"intent\":",
                cluster->name, node->slot, node->host, cluster->name, node->slot, node->host,
                facts_is_listed(cluster, node) ? "true" : "false");
    if (node->intent == NULL) {
        str_append_text(out, "null");
    } else {
        rv = json_encode_intent(node->intent, out, err);
    }
    str_append_text(out, ",\"report\":");
    if (node->report == NULL) {
        str_append_text(out, "null");
    } else if (0 <= rv) {
        rv = json_encode_node_report(node->report, out, err);
    }
    str_append_text(out, "}");
    return rv;
}

static int nodes_json(const struct facts *facts, const struct show_request *request,
                      struct str *out, struct err *err)
{
    const struct cluster_facts *cluster;
    const char *separator = "";
    size_t i;
    int rv;

    str_append_text(out, "[");
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (i = 0; is_chosen(cluster, request) && i < cluster->nodes_count; i++) {
            str_append_text(out, separator);
            separator = ",";
            rv = node_json(cluster, facts_shown(cluster, i), out, err);
            if (rv < 0) {
                return rv;
            }
        }
    }
    str_append_text(out, "]");
    return 0;
}

static int nodes_names(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    const struct cluster_facts *cluster;
    size_t i;

    (void)err;
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (i = 0; is_chosen(cluster, request) && i < cluster->nodes_count; i++) {
            const struct node_facts *node = facts_shown(cluster, i);

            str_appendf(out, "%s/%04u/%s\n", cluster->name, node->slot, node->host);
        }
    }
    return 0;
}

const struct show_kind show_nodes = {
    .name = "nodes",
    .singular = "node",
    .brief = "no",
    .follows = { "clusters/%s", "intent/" },
    .read = read_nodes,
    .count = count_nodes,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = nodes_rows,
    .json = nodes_json,
    .names = nodes_names,
};
