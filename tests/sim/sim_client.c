/*
 * Discovery clients: they ask again and again who the nodes are, keep the list of the highest
 * version they were told, and stay connected to the nodes on it.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/model_json.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_state.h"
#include "store/keys.h"

#define CLIENTS_PER_CLUSTER_MAX 3
#define TIMEOUT_MS 1000
#define CLIENT_IP_FIRST 0xac100001U /* 172.16.0.1 */
#define JUST_NOW_MS 15000           /* what happened since may not be known */
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
    client->fleeting = nodes->clients_count % 2 == 0;
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
        count += !nodes->clients[i].fleeting && is_connected(&nodes->clients[i], ip, port) ? 1 : 0;
    }
    return count;
}

/* ---- What they were handed ---- */

static struct sim_handed *handed_by(struct sim_client *client, uint64_t partition)
{
    struct sim_handed *oldest = &client->handed[0];
    size_t i;

    for (i = 0; i < client->handed_count; i++) {
        if (client->handed[i].partition == partition) {
            return &client->handed[i];
        }
        oldest = client->handed[i].at_ms < oldest->at_ms ? &client->handed[i] : oldest;
    }
    if (client->handed_count < SIM_HANDED_MAX) {
        oldest = &client->handed[client->handed_count++];
    }
    *oldest = (struct sim_handed){ .partition = partition };
    return oldest;
}

void sim_client_handed(struct sim_nodes *nodes, uint32_t client,
                       const struct sim_partition *partition, uint32_t version)
{
    size_t i;

    for (i = 0; i < nodes->clients_count; i++) {
        if (nodes->clients[i].ip == client) {
            struct sim_handed *handed = handed_by(&nodes->clients[i], partition->id);

            handed->at_ms = sim_now_ms(nodes->sim);
            handed->version = handed->version < version ? version : handed->version;
            sim_trace(nodes->sim, "hands version %u to %s, from %s", version,
                      nodes->clients[i].party.name, partition->dir);
        }
    }
}

/* The id of the node's partition; 0: it has none. */
static uint64_t partition_of(const struct sim_nodes *nodes, const char *cluster,
                             const struct sim_teller *teller)
{
    const struct sim_partition *partition = NULL;
    char dir[sizeof(SIM_PARTITION_DIR) + CLUSTER_NAME_MAX + SLOT_TEXT_SIZE + 2];
    char slot[SLOT_TEXT_SIZE];
    unsigned place;
    size_t i;

    slot_format(teller->slot, slot);
    (void)snprintf(dir, sizeof(dir), "%s/%s/%s", SIM_PARTITION_DIR, cluster, slot);
    for (i = 0; sim_place_of(nodes->sim, teller->ip, &place) && i < nodes->hosts_count; i++) {
        if (nodes->hosts[i].machine.place == place) {
            partition = sim_partition_find(&nodes->hosts[i].machine, dir);
        }
    }
    return partition == NULL ? 0 : partition->id;
}

static bool is_one_of(uint64_t id, const uint64_t *ids, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool client_knows(const struct sim_client *client, uint32_t version, const uint64_t *ids,
                         size_t count, uint64_t window_ms)
{
    uint64_t now_ms = sim_now_ms(client->nodes->sim);
    bool polled = false;
    size_t i;

    for (i = 0; i < client->handed_count; i++) {
        const struct sim_handed *handed = &client->handed[i];

        if (version <= handed->version) {
            return true;
        }
        polled =
            polled || (is_one_of(handed->partition, ids, count) &&
                       now_ms < handed->at_ms + window_ms && handed->at_ms + JUST_NOW_MS < now_ms);
    }
    return !polled;
}

bool sim_clients_know(const struct sim_nodes *nodes, const char *cluster, uint32_t version,
                      const struct sim_teller *tellers, size_t count, uint64_t window_ms)
{
    uint64_t ids[SIM_LISTED_MAX + 1];
    size_t i;

    CHECK(count <= SIM_LISTED_MAX + 1);
    for (i = 0; i < count; i++) {
        ids[i] = partition_of(nodes, cluster, &tellers[i]);
    }
    for (i = 0; i < nodes->clients_count; i++) {
        const struct sim_client *client = &nodes->clients[i];

        if (strcmp(client->cluster, cluster) == 0 &&
            !client_knows(client, version, ids, count, window_ms)) {
            return false;
        }
    }
    return true;
}
