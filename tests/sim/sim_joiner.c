#include "sim/sim_joiner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "discovery/names.h"
#include "sim/sim_check_state.h"
#include "sim/sim_edges.h"
#include "sim/sim_operator.h"

#define FORGED_PER_MILLE 100
#define BY_ETCD_PER_MILLE 200
#define WISH_PER_MILLE 300
#define WISH_MAX 8
#define REPLAYED_MAX 12
#define ARENA_BYTES (1U << 20)
#define ENDPOINTS_EACH 2 /* of a host that joiners ask */
#define ALTERATIONS 4

/* One that was truly asked. */
struct sim_asked {
    struct sim_asked *next; /* older */
    const struct sim_host *by;
    bool forged;
    bool clock_was_right;
    uint64_t at_ms;
    struct arena arena;
    struct join join;
    char *value;
    size_t value_bytes;
};

void sim_joiner_name(size_t index, char out[SIM_HOST_NAME_SIZE])
{
    (void)snprintf(out, SIM_HOST_NAME_SIZE, "j%02u", (unsigned)(index + 1) % 100);
}

static struct sim_host *joiner_at(const struct sim_nodes *nodes, size_t index)
{
    return &nodes->hosts[nodes->world->hosts_count + index];
}

/* ---- Joining ---- */

/* The first endpoints of the first hosts. */
static size_t list_hosts(const struct sim_nodes *nodes, struct join_host out[CONFIG_JOIN_HOSTS_MAX])
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < ENDPOINTS_EACH * nodes->world->hosts_count && count < CONFIG_JOIN_HOSTS_MAX;
         i++) {
        const struct host *host = &nodes->hosts[i / ENDPOINTS_EACH].config.host;
        uint32_t ip;

        if (host_endpoint(host, (uint32_t)(i % ENDPOINTS_EACH), &ip, &out[count].port)) {
            ipv4_format(ip, out[count].name);
            count++;
        }
    }
    return count;
}

void sim_joiner_joins(struct sim_nodes *nodes, size_t index, const char *cluster, uint32_t slot,
                      bool by_etcd, bool forged)
{
    struct sim_sidecar_options options = { .cluster = cluster, .slot = slot };
    char token_file[sizeof(SIM_TOKENS_DIR) + CLUSTER_NAME_MAX + 2];

    (void)snprintf(token_file, sizeof(token_file), "%s/%s", forged ? "/forged" : SIM_TOKENS_DIR,
                   cluster);
    options.token_file = token_file;
    options.hosts_count = by_etcd ? 0 : list_hosts(nodes, options.hosts);
    sim_trace(nodes->sim, "%s joins %s", joiner_at(nodes, index)->config.host_name, cluster);
    sim_host_join(joiner_at(nodes, index), &options);
}

/* ---- What may happen ---- */

static bool draw_joiner(struct sim_world *world, size_t *index)
{
    *index = (size_t)sim_below(world->sim, SIM_CHANCE_STEPS, world->joiners_count);
    return world->joiners_count != 0;
}

static void act_join(struct sim_world *world)
{
    struct sim *sim = world->sim;
    char cluster[SIM_CLUSTER_NAME_SIZE];
    bool forged = sim_chance(sim, SIM_CHANCE_STEPS, FORGED_PER_MILLE);
    bool by_etcd = sim_chance(sim, SIM_CHANCE_STEPS, BY_ETCD_PER_MILLE);
    uint32_t slot = sim_chance(sim, SIM_CHANCE_STEPS, WISH_PER_MILLE)
                        ? (uint32_t)sim_between(sim, SIM_CHANCE_STEPS, 1, WISH_MAX)
                        : 0;
    size_t index;

    sim_cluster_name((size_t)sim_below(sim, SIM_CHANCE_STEPS, world->clusters_count), cluster);
    if (draw_joiner(world, &index)) {
        sim_joiner_joins(world->nodes, index, cluster, slot, by_etcd, forged && !by_etcd);
    }
}

static void act_leave(struct sim_world *world)
{
    size_t index;

    if (draw_joiner(world, &index)) {
        sim_host_leave(joiner_at(world->nodes, index));
    }
}

static void act_abandon(struct sim_world *world)
{
    size_t index;

    if (draw_joiner(world, &index)) {
        sim_trace(world->sim, "%s is gone for good",
                  joiner_at(world->nodes, index)->config.host_name);
        sim_host_abandon(joiner_at(world->nodes, index));
    }
}

/* It comes back elsewhere, as the one that it was. */
static void act_move(struct sim_world *world)
{
    struct sim_host *host;
    size_t index;

    if (!draw_joiner(world, &index)) {
        return;
    }
    host = joiner_at(world->nodes, index);
    if (host->cluster[0] != '\0') {
        sim_host_move(host);
        sim_joiner_joins(world->nodes, index, host->cluster, 0, host->config.join_count == 0,
                         strncmp(host->token_file, "/forged", strlen("/forged")) == 0);
    }
}

static void act_replay(struct sim_world *world)
{
    static const char *const fields[ALTERATIONS] = { "", "\"ip\":\"1", "\"issuedMs\":1",
                                                     "\"nonce\":\"" };
    struct sim_nodes *nodes = world->nodes;
    size_t index = (size_t)sim_fault_between(world->sim, SIM_STRANGER, 0, REPLAYED_MAX);
    const char *field = fields[sim_fault_between(world->sim, SIM_STRANGER, 0, ALTERATIONS - 1)];
    size_t at = (size_t)sim_fault_between(world->sim, SIM_STRANGER, 0, nodes->hosts_count - 1);

    if (nodes->hosts[at].machine.memcacheds != NULL) {
        (void)sim_joiner_replayed(nodes, index, field, nodes->hosts[at].machine.memcacheds);
    }
}

const struct sim_act *sim_joiner_acts(size_t *count)
{
    static const struct sim_act acts[] = {
        { "join", SIM_FAULT_COUNT, 50, act_join },
        { "leave", SIM_FAULT_COUNT, 20, act_leave },
        { "abandon", SIM_MEMCACHED_CRASH, 10, act_abandon },
        { "move", SIM_FAULT_COUNT, 10, act_move },
        { "replay-join", SIM_STRANGER, 15, act_replay },
    };

    *count = ARRAY_COUNT(acts);
    return acts;
}

/* ---- Requests ---- */

void sim_joiner_asked(struct sim_nodes *nodes, const struct sim_party *party, const char *value,
                      size_t value_bytes)
{
    struct sim_asked *asked = mem_alloc(sizeof(*asked));
    const struct sim_host *by = party->ctx;
    struct err err;

    CHECK(asked != NULL);
    CHECK(by->sidecar);
    asked->by = by;
    asked->forged = strncmp(by->token_file, "/forged", strlen("/forged")) == 0;
    asked->clock_was_right =
        -SIM_SKEW_MS_MAX < party->wall_offset_ms && party->wall_offset_ms < SIM_SKEW_MS_MAX;
    asked->at_ms = sim_now_ms(nodes->sim);
    asked->value = mem_alloc(value_bytes + 1);
    CHECK(asked->value != NULL);
    memcpy(asked->value, value, value_bytes);
    asked->value_bytes = value_bytes;
    arena_init(&asked->arena, ARENA_BYTES);
    if (join_request_decode(value, value_bytes, &asked->arena, &asked->join, &err) < 0) {
        sim_broken(nodes->sim, "P10", "a request to join can't be read: %s", err.msg);
    }
    asked->next = nodes->asked;
    nodes->asked = asked;
}

static const struct sim_asked *find_asked(const struct sim_nodes *nodes, const struct join *join)
{
    const struct sim_asked *it = nodes->asked;

    while (it != NULL &&
           (strcmp(it->join.nonce, join->nonce) != 0 || strcmp(it->join.uid, join->uid) != 0)) {
        it = it->next;
    }
    return it;
}

static bool same_request(const struct join *a, const struct join *b)
{
    return strcmp(a->cluster, b->cluster) == 0 && strcmp(a->cluster_uid, b->cluster_uid) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->ip, b->ip) == 0 &&
           a->data_port == b->data_port && a->slot_wanted == b->slot_wanted &&
           a->issued_ms == b->issued_ms;
}

void sim_joiner_reported(struct sim_nodes *nodes, const struct sim_party *writer,
                         const struct sim_entry *entry)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct sim_asked *asked;
    struct join_report report;
    struct err err;
    bool right =
        -SIM_SKEW_MS_MAX < writer->wall_offset_ms && writer->wall_offset_ms < SIM_SKEW_MS_MAX;

    arena_init(&arena, ARENA_BYTES);
    if (json_decode_join_report(entry->value, entry->value_bytes, &arena, &report, &err) < 0) {
        sim_broken(nodes->sim, "P10", "%s can't be read: %s", entry->key, err.msg);
        return;
    }
    if (strcmp(report.join.host, writer->name) == 0) {
        return; /* it registers itself */
    }
    asked = find_asked(nodes, &report.join);
    if (asked == NULL || asked->forged || !same_request(&asked->join, &report.join)) {
        sim_broken(nodes->sim, "P8", "%s is reported, and was never asked like that", entry->key);
    } else if (right && asked->clock_was_right &&
               asked->at_ms + JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS + 2 * SIM_SKEW_MS_MAX <
                   report.seen_ms - SIM_EPOCH_MS) {
        sim_broken(nodes->sim, "P8", "%s is reported, and was asked long ago", entry->key);
    }
}

bool sim_joiner_replayed(struct sim_nodes *nodes, size_t index, const char *field,
                         const struct sim_memcached *memcached)
{
    CLEANUP(mem_free_p) char *value = NULL;
    const struct sim_asked *asked = nodes->asked;
    char key[sizeof(KEY_JOIN) + JOIN_UID_CHARS];
    char *at;

    while (asked != NULL && 0 < index--) {
        asked = asked->next;
    }
    if (asked == NULL) {
        return false;
    }
    value = mem_alloc(asked->value_bytes + 1);
    CHECK(value != NULL);
    memcpy(value, asked->value, asked->value_bytes);
    at = field[0] == '\0' ? NULL : strstr(value, field);
    if (at != NULL) {
        at += strlen(field);
        *at = *at == '1' ? '2' : '1';
    }
    (void)snprintf(key, sizeof(key), KEY_JOIN "%s", asked->join.uid);
    sim_stranger_write(nodes, memcached, key, value, asked->value_bytes);
    return true;
}

void sim_joiner_deinit(struct sim_nodes *nodes)
{
    while (nodes->asked != NULL) {
        struct sim_asked *asked = nodes->asked;

        nodes->asked = asked->next;
        arena_deinit(&asked->arena);
        free(asked->value);
        free(asked);
    }
}

/* ---- At rest ---- */

static bool has_token(const struct sim_host *host)
{
    return host->config.join_count == 0 ||
           strncmp(host->token_file, SIM_TOKENS_DIR, strlen(SIM_TOKENS_DIR)) == 0;
}

/* Whether one of those that it asks is a node of its cluster. */
static bool finds_a_peer(const struct sim_host *host, const struct config *config)
{
    size_t i;

    for (i = 0; i < host->config.join_count; i++) {
        size_t k;

        for (k = 0; k < config->head.members_count; k++) {
            if (strcmp(config->head.members[k].ip, host->config.join[i].name) == 0 &&
                config->head.members[k].port == host->config.join[i].port) {
                return true;
            }
        }
    }
    return host->config.join_count == 0;
}

static const char *unrest_of(struct sim_check *check, struct sim_nodes *nodes,
                             const struct sim_host *host)
{
    struct spec_record spec;
    struct config config;
    bool placed = host->placed.slot != 0;
    struct intent intent;

    nodes->joins[0] = '\0';
    if (placed && !host->wanted &&
        sim_read_intent(check, host->placed.cluster, host->placed.slot, host->config.host_name,
                        &intent) &&
        intent.phase != INTENT_STOP) {
        (void)snprintf(nodes->joins, sizeof(nodes->joins), "%s is still a node, and has gone",
                       host->config.host_name);
    }
    if (placed || !host->wanted || !sim_read_spec(check, host->cluster, &spec) || spec.deleting ||
        !spec_is_open(&spec.spec) || !sim_read_config(check, host->cluster, &config)) {
        return nodes->joins;
    }
    if (config.head.members_count < spec.spec.nodes_max && has_token(host) &&
        finds_a_peer(host, &config)) {
        (void)snprintf(nodes->joins, sizeof(nodes->joins), "%s asks to join %s, and is no node",
                       host->config.host_name, host->cluster);
    }
    return nodes->joins;
}

const char *sim_joiner_unrest(struct sim_check *check, struct sim_nodes *nodes)
{
    size_t i;

    for (i = 0; i < nodes->world->joiners_count; i++) {
        if (unrest_of(check, nodes, joiner_at(nodes, i))[0] != '\0') {
            break;
        }
    }
    return nodes->world->joiners_count == 0 ? "" : nodes->joins;
}

bool sim_joiner_is_away(const struct sim_nodes *nodes, const char *host)
{
    size_t i;

    for (i = 0; i < nodes->world->joiners_count; i++) {
        if (strcmp(joiner_at(nodes, i)->config.host_name, host) == 0) {
            return !joiner_at(nodes, i)->wanted;
        }
    }
    return false;
}

bool sim_joiner_asks(const struct sim_nodes *nodes)
{
    size_t i;

    for (i = 0; i < nodes->world->joiners_count; i++) {
        const struct sim_host *host = joiner_at(nodes, i);

        if (host->wanted && host->placed.slot == 0) {
            return true;
        }
    }
    return false;
}
