#include <stdio.h>

#include "base/clock.h"
#include "show/clients_told.h"
#include "show/json_out.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24
#define MS_PER_S 1000U
#define NODES_SHOWN 4 /* in a table; the others are counted */

/* ---- Reading ---- */

static void name_silent(const struct cluster_facts *cluster)
{
    size_t i;

    for (i = 0; i < cluster->clients->nodes_count; i++) {
        const struct clients_of_node *of = &cluster->clients->nodes[i];

        if (of->answer.rows == NULL) {
            (void)fprintf(stderr, "muster: %s/%04u on %s does not tell its clients: %s\n",
                          cluster->name, of->node->slot, of->node->host, of->answer.problem);
        }
    }
}

/* An empty list would say that nobody has asked, where nobody could be heard. */
static int ask_all(struct context *context, struct facts *facts, struct err *err)
{
    struct cluster_facts *cluster;
    size_t silent = 0;
    size_t told_count = 0;
    int rv = 0;

    for (cluster = facts->clusters; 0 <= rv && cluster != NULL; cluster = cluster->next) {
        struct clients_told *told = arena_calloc(&context->arena, 1, sizeof(*told));

        if (told == NULL) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        rv = clients_ask(&context->asker, cluster, clock_wall_ms(), &context->arena, told, err);
        if (0 <= rv) {
            cluster->clients = told;
            name_silent(cluster);
            silent += clients_nobody_tells(told) ? 1 : 0;
            told_count += told->nodes_count == 0 ? 0 : 1;
        }
    }
    if (0 <= rv && 0 < silent && silent == told_count) {
        return err_set(err, ERR_IO, "no node tells its clients");
    }
    return rv;
}

static int read_clients(struct context *context, const struct show_request *request,
                        struct facts *facts, struct err *err)
{
    static const struct etcd_range leaves[] = { { .key = "spec" },
                                                { .key = "nodes/", .prefix = true } };
    const struct clusters_query query = { .leaves = leaves, .leaves_count = ARRAY_COUNT(leaves) };
    int rv = show_read(context, request, &query, facts, err);

    return rv < 0 ? rv : ask_all(context, facts, err);
}

/* ---- Telling ---- */

/* What is printed for one client. */
typedef void client_fn(void *ctx, const struct cluster_facts *cluster, const struct poller *client);

static void each_client(const struct facts *facts, const struct show_request *request,
                        client_fn *fn, void *ctx)
{
    const struct cluster_facts *cluster;
    size_t i;

    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        const struct clients_told *told = cluster->clients;

        if (told == NULL || !show_wants(request, cluster->name)) {
            continue;
        }
        for (i = 0; i < told->count; i++) {
            fn(ctx, cluster, &told->rows[i]);
        }
    }
}

static void count_one(void *ctx, const struct cluster_facts *cluster, const struct poller *client)
{
    size_t *count = ctx;

    (void)cluster;
    (void)client;
    (*count)++;
}

static size_t count_clients(const struct facts *facts, const struct show_request *request)
{
    size_t count = 0;

    each_client(facts, request, count_one, &count);
    return count;
}

/* "0001, 0002, 0003, 0004 and 3 more" */
static void append_nodes(const struct clients_told *told, const struct poller *client,
                         struct str *out)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < told->nodes_count; i++) {
        if (clients_knows(&told->nodes[i], client)) {
            count++;
            if (count <= NODES_SHOWN) {
                str_appendf(out, "%s%04u", count == 1 ? "" : ", ", told->nodes[i].node->slot);
            }
        }
    }
    if (NODES_SHOWN < count) {
        str_appendf(out, " and %zu more", count - NODES_SHOWN);
    }
}

struct table_work {
    struct table *table;
    const struct show_request *request;
};

static void table_one(void *ctx, const struct cluster_facts *cluster, const struct poller *client)
{
    struct table_work *work = ctx;
    CLEANUP(str_deinit) struct str nodes;
    char address[POLLER_TEXT_SIZE];
    char age[AGE_TEXT_SIZE];

    str_init(&nodes, OUTPUT_BYTES_MAX);
    append_nodes(cluster->clients, client, &nodes);
    poller_peer_format(&client->peer, address);
    output_age(work->request->now_ms, client->seen_s * MS_PER_S, age, sizeof(age));
    table_add(work->table, cluster->name);
    table_add(work->table, address);
    if (client->version == 0) {
        table_add(work->table, "");
    } else {
        table_addf(work->table, "%u", client->version);
    }
    table_add(work->table, age);
    table_addf(work->table, "%llu", (unsigned long long)client->count);
    table_add(work->table, str_text(&nodes));
}

static const struct table_column columns[] = {
    { .heading = "CLUSTER" },  { .heading = "CLIENT" },
    { .heading = "VERSION" },  { .heading = "SEEN AGO", .moving = true },
    { .heading = "REQUESTS" }, { .heading = "NODES" },
};

static int clients_rows(const struct facts *facts, const struct show_request *request,
                        struct table *table, struct err *err)
{
    struct table_work work = { .table = table, .request = request };

    (void)err;
    each_client(facts, request, table_one, &work);
    return 0;
}

static void json_one(void *ctx, const struct cluster_facts *cluster, const struct poller *client)
{
    struct json_out *json = ctx;
    char address[POLLER_TEXT_SIZE];
    size_t i;

    poller_peer_format(&client->peer, address);
    json_out_open(json, NULL, '{');
    json_out_text(json, "cluster", cluster->name);
    json_out_text(json, "address", address);
    json_out_number(json, "version", client->version);
    json_out_number(json, "seenMs", client->seen_s * MS_PER_S);
    json_out_number(json, "requests", client->count);
    json_out_open(json, "nodes", '[');
    for (i = 0; i < cluster->clients->nodes_count; i++) {
        if (clients_knows(&cluster->clients->nodes[i], client)) {
            json_out_slot(json, NULL, cluster->clients->nodes[i].node->slot);
        }
    }
    json_out_close(json, ']');
    json_out_close(json, '}');
}

static int clients_json(const struct facts *facts, const struct show_request *request,
                        struct str *out, struct err *err)
{
    struct json_out json = { .out = out };

    json_out_open(&json, NULL, '[');
    each_client(facts, request, json_one, &json);
    json_out_close(&json, ']');
    return str_check(out, err);
}

static void name_one(void *ctx, const struct cluster_facts *cluster, const struct poller *client)
{
    char address[POLLER_TEXT_SIZE];

    poller_peer_format(&client->peer, address);
    str_appendf(ctx, "%s/%s\n", cluster->name, address);
}

static int clients_names(const struct facts *facts, const struct show_request *request,
                         struct str *out, struct err *err)
{
    each_client(facts, request, name_one, out);
    return str_check(out, err);
}

const struct show_kind show_clients = {
    .name = "clients",
    .singular = "client",
    .brief = "ct",
    .of_cluster = true,
    .read = read_clients,
    .count = count_clients,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = clients_rows,
    .json = clients_json,
    .names = clients_names,
};
