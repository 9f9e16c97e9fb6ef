#include "codec/model_json.h"
#include "codec/spec_yaml.h"
#include "show/cluster_state.h"
#include "show/json_out.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

static const char *const hashings[] = { [SPEC_HASHING_KETAMA] = "ketama",
                                        [SPEC_HASHING_MODULO] = "modulo",
                                        [SPEC_HASHING_RENDEZVOUS] = "rendezvous" };

static int read_clusters(struct context *context, const struct show_request *request,
                         struct facts *facts, struct err *err)
{
    static const struct etcd_range leaves[] = { { .key = "spec" },
                                                { .key = "status" },
                                                { .key = "alias" } };
    const struct clusters_query query = { .leaves = leaves,
                                          .leaves_count = ARRAY_COUNT(leaves),
                                          .besides = "leader" };

    return show_read(context, request, &query, facts, err);
}

/* Keys that the controller left behind for a moment don't make a cluster. */
static bool is_chosen(const struct cluster_facts *cluster, const struct show_request *request)
{
    return cluster->spec_revision != 0 && show_wants_cluster(request, cluster);
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

/* Those who joined included, as far as the controller has said so. */
static uint32_t nodes_wanted(const struct cluster_facts *cluster)
{
    const struct status *status = cluster->status;
    bool current = status != NULL && !cluster->spec->deleting &&
                   status->observed_generation == cluster->spec->generation;

    return current ? status->nodes_wanted : cluster->spec->spec.nodes;
}

static void add_counts(struct table *table, const struct cluster_facts *cluster)
{
    const struct status *status = cluster->status;

    if (cluster->spec == NULL) {
        table_add(table, "");
        table_add(table, "");
        return;
    }
    table_addf(table, "%u/%u", status == NULL ? 0 : status->nodes_ready, nodes_wanted(cluster));
    table_addf(table, "%u/%u", status == NULL ? 0 : status->nodes_converged, nodes_wanted(cluster));
}

/* What is told of the spec itself, in wide tables. */
static void add_spec(struct table *table, const struct cluster_facts *cluster,
                     const struct show_request *request)
{
    const struct spec *spec;
    const char *labels;

    if (cluster->spec == NULL) {
        table_add(table, "");
        table_add(table, "");
        table_add(table, "");
        return;
    }
    spec = &cluster->spec->spec;
    labels = show_labels(request->arena, spec->labels, spec->labels_count);
    table_addf(table, "%llu", (unsigned long long)cluster->spec->generation);
    table_add(table, hashings[spec->hashing]);
    table_add(table, labels == NULL ? "" : labels);
}

static void add_row(struct table *table, const struct cluster_facts *cluster, bool led,
                    const struct show_request *request)
{
    const struct status *status = cluster->status;
    struct cluster_state state = cluster_state(cluster, led);
    char endpoint[FACTS_ENDPOINT_SIZE];
    char age[24] = "";

    if (cluster->spec != NULL) {
        output_age(request->now_ms, cluster->spec->created_ms, age, sizeof(age));
    }
    table_add(table, cluster->name);
    add_counts(table, cluster);
    table_add(table, state.word);
    table_add(table, state.reason);
    if (status == NULL || status->version == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%u", status->version);
    }
    facts_endpoint(cluster, endpoint);
    table_add(table, endpoint);
    table_add(table, age);
    add_spec(table, cluster, request);
    table_add(table, state.message);
}

static const struct table_column columns[] = {
    { .heading = "NAME" },
    { .heading = "READY" },
    { .heading = "SERVING", .wide = true },
    { .heading = "STATUS" },
    { .heading = "REASON" },
    { .heading = "VERSION" },
    { .heading = "ENDPOINT" },
    { .heading = "AGE", .moving = true },
    { .heading = "GENERATION", .wide = true },
    { .heading = "HASHING", .wide = true },
    { .heading = "LABELS", .wide = true },
    { .heading = "MESSAGE", .wide = true },
};

static int clusters_rows(const struct facts *facts, const struct show_request *request,
                         struct table *table, struct err *err)
{
    const struct cluster_facts *cluster;

    (void)err;
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        if (is_chosen(cluster, request)) {
            add_row(table, cluster, facts->led, request);
        }
    }
    return 0;
}

/* The name and the labels also where Kubernetes has them. */
static void put_state(const struct cluster_facts *cluster, bool led, struct str *out)
{
    struct cluster_state state = cluster_state(cluster, led);
    struct json_out json = { .out = out, .comma = true };
    size_t i;

    json_out_text(&json, "state", state.word);
    json_out_text(&json, "reason", state.reason);
    json_out_number(&json, "specRevision", cluster->spec_revision);
    json_out_open(&json, "metadata", '{');
    json_out_text(&json, "name", cluster->name);
    json_out_open(&json, "labels", '{');
    for (i = 0; cluster->spec != NULL && i < cluster->spec->spec.labels_count; i++) {
        json_out_text(&json, cluster->spec->spec.labels[i].name,
                      cluster->spec->spec.labels[i].value);
    }
    json_out_close(&json, '}');
    json_out_close(&json, '}');
}

static int cluster_json(const struct cluster_facts *cluster, bool led, struct str *out,
                        struct err *err)
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
    put_state(cluster, led, out);
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
            rv = cluster_json(cluster, facts->led, out, err);
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
    .brief = "cl",
    .labelled = true,
    .follows = { "clusters/%s", "leader" },
    .read = read_clusters,
    .count = count_clusters,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = clusters_rows,
    .json = clusters_json,
    .yaml = clusters_yaml,
    .names = clusters_names,
};
