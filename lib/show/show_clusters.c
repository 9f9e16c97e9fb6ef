#include <string.h>

#include "codec/model_json.h"
#include "codec/spec_yaml.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

#define KEYS_PER_CLUSTER 3

static int read_clusters(struct context *context, const char *name, struct facts *facts,
                         struct err *err)
{
    static const char *const leaves[KEYS_PER_CLUSTER] = { "spec", "status", "alias" };
    const char **names = &name;
    size_t count = 1;
    struct etcd_range *ranges;
    size_t i;
    int rv;

    if (name == NULL) {
        rv = context_clusters(context, &names, &count, err);
        if (rv < 0 || count == 0) {
            return rv;
        }
    }
    ranges = arena_calloc(&context->arena, count * KEYS_PER_CLUSTER, sizeof(*ranges));
    if (ranges == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    for (i = 0; i < count * KEYS_PER_CLUSTER; i++) {
        ranges[i].key = context_key(context, "clusters/%s/%s", names[i / KEYS_PER_CLUSTER],
                                    leaves[i % KEYS_PER_CLUSTER]);
        if (ranges[i].key == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for a key");
        }
    }
    return context_read(context, ranges, count * KEYS_PER_CLUSTER, facts, err);
}

/* Keys that the controller left behind for a moment don't make a cluster. */
static bool is_chosen(const struct cluster_facts *cluster, const struct show_request *request)
{
    return cluster->spec_revision != 0 &&
           (request->name == NULL || strcmp(request->name, cluster->name) == 0);
}

static size_t count_clusters(const struct facts *facts, const struct show_request *request)
{
    const struct cluster_facts *cluster;
    size_t count = 0;

    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        count += is_chosen(cluster, request) ? 1 : 0;
    }
    return count;
}

static const char *converged_text(const struct cluster_facts *cluster)
{
    if (cluster->spec == NULL) {
        return "Unreadable";
    }
    if (cluster->spec->deleting) {
        return "Deleting";
    }
    if (cluster->status == NULL ||
        cluster->status->observed_generation != cluster->spec->generation) {
        return "Unknown";
    }
    return cluster->status->conditions[CONDITION_CONVERGED].status ? "True" : "False";
}

/* Those who joined included, as far as the controller has said so. */
static uint32_t nodes_wanted(const struct cluster_facts *cluster)
{
    const struct status *status = cluster->status;
    bool current = status != NULL && !cluster->spec->deleting &&
                   status->observed_generation == cluster->spec->generation;

    return current ? status->nodes_wanted : cluster->spec->spec.nodes;
}

static void add_row(struct table *table, const struct cluster_facts *cluster,
                    const struct show_request *request)
{
    const struct status *status = cluster->status;
    char endpoint[FACTS_ENDPOINT_SIZE];
    char age[24] = "";

    table_add(table, cluster->name);
    if (cluster->spec == NULL) {
        table_add(table, "");
    } else {
        table_addf(table, "%u/%u", status == NULL ? 0 : status->nodes_ready, nodes_wanted(cluster));
        output_age(request->now_ms, cluster->spec->created_ms, age, sizeof(age));
    }
    table_add(table, converged_text(cluster));
    if (status == NULL || status->version == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%u", status->version);
    }
    facts_endpoint(cluster, endpoint);
    table_add(table, endpoint);
    table_add(table, age);
}

static int clusters_table(const struct facts *facts, const struct show_request *request,
                          struct str *out, struct err *err)
{
    static const char *const headings[] = { "NAME",     "READY", "CONVERGED", "VERSION",
                                            "ENDPOINT", "AGE",   NULL };
    const struct cluster_facts *cluster;
    struct table table;

    table_init(&table, request->arena, headings);
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        if (is_chosen(cluster, request)) {
            add_row(&table, cluster, request);
        }
    }
    return table_render(&table, 0, out, err);
}

static int cluster_json(const struct cluster_facts *cluster, struct str *out, struct err *err)
{
    int rv = 0;

    str_appendf(out, "{\"name\":\"%s\",\"spec\":", cluster->name);
    if (cluster->spec == NULL) {
        str_append_text(out, "null");
    } else {
        rv = json_encode_spec_record(cluster->spec, out, err);
    }
    str_append_text(out, ",\"status\":");
    if (cluster->status == NULL) {
        str_append_text(out, "null");
    } else if (0 <= rv) {
        rv = json_encode_status(cluster->status, out, err);
    }
    str_append_text(out, ",\"alias\":");
    if (cluster->alias == NULL) {
        str_append_text(out, "null");
    } else if (0 <= rv) {
        rv = json_encode_alias(cluster->alias, out, err);
    }
    str_append_text(out, "}");
    return rv;
}

static int clusters_json(const struct facts *facts, const struct show_request *request,
                         struct str *out, struct err *err)
{
    const struct cluster_facts *cluster;
    const char *separator = "";
    int rv = 0;

    str_append_text(out, request->name == NULL ? "[" : "");
    for (cluster = facts->clusters; cluster != NULL && 0 <= rv; cluster = cluster->next) {
        if (is_chosen(cluster, request)) {
            str_append_text(out, separator);
            rv = cluster_json(cluster, out, err);
            separator = ",";
        }
    }
    str_append_text(out, request->name == NULL ? "]" : "");
    return rv;
}

/* The documents that `muster apply` takes. */
static int clusters_yaml(const struct facts *facts, const struct show_request *request,
                         struct str *out, struct err *err)
{
    const struct cluster_facts *cluster;
    int rv = 0;

    for (cluster = facts->clusters; cluster != NULL && 0 <= rv; cluster = cluster->next) {
        if (is_chosen(cluster, request) && cluster->spec != NULL) {
            str_append_text(out, out->size == 0 ? "" : "---\n");
            rv = spec_yaml_render(&cluster->spec->spec, out, err);
        }
    }
    return rv;
}

static int clusters_names(const struct facts *facts, const struct show_request *request,
                          struct str *out, struct err *err)
{
    const struct cluster_facts *cluster;

    (void)err;
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        if (is_chosen(cluster, request)) {
            str_appendf(out, "%s\n", cluster->name);
        }
    }
    return 0;
}

const struct show_kind show_clusters = {
    .name = "clusters",
    .singular = "cluster",
    .read = read_clusters,
    .count = count_clusters,
    .table = clusters_table,
    .json = clusters_json,
    .yaml = clusters_yaml,
    .names = clusters_names,
};
