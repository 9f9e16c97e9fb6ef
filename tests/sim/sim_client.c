/*
 * Discovery clients: they ask again and again who the nodes are, keep the list of the highest
 * version they were told, and stay connected to the nodes on it.
 */
#include <string.h>

#include "codec/model_json.h"
#include "sim/sim_nodes_state.h"
#include "store/keys.h"

#define CLIENTS_PER_CLUSTER_MAX 3
#define TIMEOUT_MS 1000
#define CLIENT_IP_FIRST 0xac100001U /* 172.16.0.1 */
#define FAILURES_MAX 3              /* then the endpoint is asked */
#define ALIAS_BYTES_MAX (64U << 10)

static const uint64_t periods_ms[] = { 60000, 10000, 2000 };

/* ---- Whom to ask ---- */

/* The name resolves to what the alias says. */
static bool find_endpoint(const struct sim_client *client, struct sim_listed *out)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct key key = { .kind = KEY_ALIAS };
    const struct sim_entry *entry;
    char text[KEY_TEXT_SIZE];
    struct alias alias;

    memcpy(key.cluster, client->cluster, sizeof(key.cluster));
    key_format(SIM_PREFIX, &key, text);
    arena_init(&arena, ALIAS_BYTES_MAX);
    entry = sim_store_get(sim_etcd_store(sim_etcd(client->nodes->sim)), text);
    if (entry == NULL ||
        json_decode_alias(entry->value, entry->value_bytes, &arena, &alias, NULL) < 0 ||
        !ipv4_parse(alias.ip, &out->ip)) {
        return false;
    }
    out->port = alias.port;
    return true;
}

static bool find_server(struct sim_client *client, struct sim_listed *out)
{
    if (client->kind == SIM_CLIENT_BY_ALIAS || client->listed_count == 0 ||
        client->failures % (FAILURES_MAX + 1) == FAILURES_MAX) {
        return find_endpoint(client, out);
    }
    *out = client->listed[client->turn++ % client->listed_count];
    return true;
}

/* ---- What it is told ---- */

static void keep(struct sim_client *client, const struct config *config)
{
    size_t i;

    if (config->head.version <= client->version) {
        return;
    }
    client->version = config->head.version;
    client->listed_count = 0;
    for (i = 0; i < config->head.members_count && i < SIM_LISTED_MAX; i++) {
        struct sim_listed *listed = &client->listed[client->listed_count];

        if (ipv4_parse(config->head.members[i].ip, &listed->ip)) {
            listed->port = config->head.members[i].port;
            client->listed_count++;
        }
    }
    sim_trace(client->nodes->sim, "is told version %u, %zu nodes", client->version,
              client->listed_count);
}

/*
 * Nodes may lag behind each other, but the endpoint moves to those only that are up to date. An
 * etcd that was restored tells of an older endpoint for a moment, and a node serves what somebody
 * put back until its watcher is there.
 */
static void check_order(const struct sim_client *client, const struct config *config)
{
    if (client->kind == SIM_CLIENT_BY_ALIAS && config->head.version < client->version &&
        !client->nodes->world->restored && !client->nodes->put_back) {
        sim_broken(client->nodes->sim, "P3", "the endpoint of %s goes back from version %u to %u",
                   client->cluster, client->version, config->head.version);
    }
}

static void on_answer(void *ctx, const struct sim_reply *reply)
{
    struct sim_client *client = ctx;
    const struct config *config = NULL;

    client->ask = NULL;
    if (reply->outcome == SIM_OK) {
        config = sim_nodes_told(client->nodes, client->cluster, reply);
    }
    if (config == NULL) {
        client->failures++;
        return;
    }
    client->failures = 0;
    check_order(client, config);
    keep(client, config);
}

static void on_poll(void *ctx)
{
    struct sim_client *client = ctx;
    const struct sim_request request = { .kind = SIM_REQUEST_CONFIG, .client = client->ip };
    struct sim *sim = client->nodes->sim;
    struct sim_listed server;

    sim_event_plan(sim, &client->poll, client->period_ms);
    if (client->ask == NULL && find_server(client, &server)) {
        client->ask = sim_ask(sim, server.ip, server.port, &request, TIMEOUT_MS, on_answer, client);
    }
}

/* ---- Who there is ---- */

static void bury(void *ctx)
{
    struct sim_client *client = ctx;

    sim_event_cancel(client->nodes->sim, &client->poll);
    sim_ask_drop(client->nodes->sim, client->ask);
    client->ask = NULL;
}

static void add_client(struct sim_nodes *nodes, const char *cluster)
{
    struct sim *sim = nodes->sim;
    struct sim_client *client = &nodes->clients[nodes->clients_count++];

    client->nodes = nodes;
    client->ip = CLIENT_IP_FIRST + (uint32_t)nodes->clients_count;
    client->kind =
        sim_chance(sim, SIM_CHANCE_NODES, 500) ? SIM_CLIENT_BY_ALIAS : SIM_CLIENT_BY_NODE;
    client->period_ms =
        periods_ms[sim_below(sim, SIM_CHANCE_NODES, sizeof(periods_ms) / sizeof(periods_ms[0]))];
    memcpy(client->cluster, cluster, strlen(cluster) + 1);
    sim_party_init(sim, &client->party, nodes->clients_place, bury, client, "client%zu",
                   nodes->clients_count);
    sim_party_start(&client->party);
    sim_event_init(&client->poll, &client->party, on_poll, client);
    sim_event_plan(sim, &client->poll, sim_below(sim, SIM_CHANCE_NODES, client->period_ms));
}

void sim_clients_welcome(struct sim_nodes *nodes, const char *cluster)
{
    uint64_t count = sim_between(nodes->sim, SIM_CHANCE_NODES, 1, CLIENTS_PER_CLUSTER_MAX);
    size_t i;

    for (i = 0; i < nodes->clients_count; i++) {
        if (strcmp(nodes->clients[i].cluster, cluster) == 0) {
            return;
        }
    }
    while (0 < count-- && nodes->clients_count < SIM_CLIENTS_MAX) {
        add_client(nodes, cluster);
    }
}

void sim_clients_deinit(struct sim_nodes *nodes)
{
    size_t i;

    for (i = 0; i < nodes->clients_count; i++) {
        sim_party_kill(&nodes->clients[i].party);
    }
}

static bool is_connected(const struct sim_client *client, uint32_t ip, uint16_t port)
{
    size_t i;

    for (i = 0; i < client->listed_count; i++) {
        if (client->listed[i].ip == ip && client->listed[i].port == port) {
            return true;
        }
    }
    return false;
}

size_t sim_clients_at(const struct sim_nodes *nodes, uint32_t ip, uint16_t port)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < nodes->clients_count; i++) {
        count += is_connected(&nodes->clients[i], ip, port) ? 1 : 0;
    }
    return count;
}
