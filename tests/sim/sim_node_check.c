/*
 * What nodes and clients were promised, looked at where it happens.
 *
 *     P3, P8  what is put in force, and what clients are told, was committed, as it is; in one
 *             partition no version follows a higher one
 *     P4      what a report acknowledges was read where clients read it
 *     P9      a node is started once, and ended only when somebody asked for it or it hung
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "codec/payload.h"
#include "sim/sim_check.h"
#include "sim/sim_joiner.h"
#include "sim/sim_nodes_state.h"
#include "store/keys.h"
#include "watcher/agent.h"
#include "watcher/health.h"

#define VALUE_ARENA_BYTES (8U << 20)
/* A watcher has heard a process that answers for so long. */
#define ASKED_WITHIN_MS (HEALTH_MS + 2 * HEALTH_TIMEOUT_MS)

/* ---- Records ---- */

static void add_record(struct sim_nodes *nodes, const struct sim_entry *entry)
{
    struct sim_record *record = mem_alloc(sizeof(*record));
    struct err err;

    CHECK(record != NULL);
    arena_init(&record->arena, VALUE_ARENA_BYTES);
    record->json = mem_alloc(entry->value_bytes + 1);
    CHECK(record->json != NULL);
    memcpy(record->json, entry->value, entry->value_bytes);
    record->json_bytes = entry->value_bytes;
    if (json_decode_config(record->json, record->json_bytes, &record->arena, &record->config,
                           &err) < 0) {
        sim_broken(nodes->sim, "P10", "%s can't be read: %s", entry->key, err.msg);
    }
    record->next = nodes->records;
    nodes->records = record;
    nodes->records_count++;
}

void sim_records_deinit(struct sim_nodes *nodes)
{
    while (nodes->records != NULL) {
        struct sim_record *record = nodes->records;

        nodes->records = record->next;
        arena_deinit(&record->arena);
        free(record->json);
        free(record);
    }
    while (nodes->orders != NULL) {
        struct sim_order *order = nodes->orders;

        nodes->orders = order->next;
        arena_deinit(&order->arena);
        free(order);
    }
}

static bool is_cell(const struct sim_record *record, const struct segment_cell *cell)
{
    const struct config *config = &record->config;

    return config->head.version == cell->version && record->json_bytes == cell->record_bytes &&
           config->payload_bytes == cell->payload_bytes &&
           memcmp(record->json, cell->record, cell->record_bytes) == 0 &&
           memcmp(config->payload, cell->payload, cell->payload_bytes) == 0;
}

const struct sim_record *sim_record_of(const struct sim_nodes *nodes,
                                       const struct segment_cell *cell)
{
    const struct sim_record *it = nodes->records;

    while (it != NULL && !is_cell(it, cell)) {
        it = it->next;
    }
    return it;
}

struct segment_cell sim_record_cell(const struct sim_record *record)
{
    return (struct segment_cell){ .version = record->config.head.version,
                                  .payload = record->config.payload,
                                  .payload_bytes = record->config.payload_bytes,
                                  .record = record->json,
                                  .record_bytes = record->json_bytes };
}

const struct sim_record *sim_record_find(const struct sim_nodes *nodes, const char *cluster,
                                         uint32_t version)
{
    const struct sim_record *it = nodes->records;

    while (it != NULL &&
           (it->config.head.version != version || strcmp(it->config.head.cluster, cluster) != 0)) {
        it = it->next;
    }
    return it;
}

/* Of any cluster when `cluster` is NULL. */
static const struct sim_record *find_payload(const struct sim_nodes *nodes, const char *cluster,
                                             const char *payload, size_t payload_bytes)
{
    const struct sim_record *it;

    for (it = nodes->records; it != NULL; it = it->next) {
        if (it->config.payload_bytes == payload_bytes &&
            memcmp(it->config.payload, payload, payload_bytes) == 0 &&
            (cluster == NULL || strcmp(it->config.head.cluster, cluster) == 0)) {
            return it;
        }
    }
    return NULL;
}

/* ---- What is put in force ---- */

static struct sim_host *host_of(const struct sim_nodes *nodes, const struct sim_machine *machine)
{
    size_t i = 0;

    while (&nodes->hosts[i].machine != machine) {
        i++;
        CHECK(i < nodes->hosts_count);
    }
    return &nodes->hosts[i];
}

static void note_in_force(struct sim_nodes *nodes, const struct sim_machine *machine,
                          const char *dir, uint32_t version)
{
    const struct sim_host *host = host_of(nodes, machine);
    struct sim_place place = host->placed;
    struct sim_order *order = NULL;

    if (host->sidecar ||
        sscanf(dir, SIM_PARTITION_DIR "/%40[^/]/%u", place.cluster, &place.slot) == 2) {
        order = sim_order_of(nodes, host->config.host_name, place.cluster, place.slot);
    }
    if (order != NULL && order->version_max < version) {
        order->version_max = version;
    }
}

static void on_in_force(void *ctx, struct sim_machine *machine, const char *dir,
                        const struct segment_cell *cell)
{
    struct sim_nodes *nodes = ctx;
    struct sim_partition *partition = sim_partition_find(machine, dir);
    const struct sim_record *record;

    if (cell->version == 0) {
        return;
    }
    record = sim_record_of(nodes, cell);
    if (record == NULL) {
        sim_broken(nodes->sim, "P8", "version %u was never committed, but is served at machine %u",
                   cell->version, machine->place);
        return;
    }
    if (!sim_partition_is_of(partition, record->config.head.cluster)) {
        sim_broken(nodes->sim, "P8", "%s serves cluster %s", dir, record->config.head.cluster);
    }
    if (strcmp(partition->cluster, record->config.head.cluster) == 0 &&
        cell->version < partition->version_max) {
        sim_broken(nodes->sim, "P8", "%s at machine %u goes back from version %u to %u", dir,
                   machine->place, partition->version_max, cell->version);
    }
    partition->version_max = cell->version;
    (void)snprintf(partition->cluster, sizeof(partition->cluster), "%s",
                   record->config.head.cluster);
    note_in_force(nodes, machine, dir, cell->version);
    sim_check_content(nodes->world->check, record->config.head.cluster, cell->version,
                      cell->payload, cell->payload_bytes, "a partition");
}

/* ---- What clients are told ---- */

/* A client that was away for long may ask at an address that is another cluster's by now: what it
 * is told is right, but not for it. */
const struct config *sim_nodes_told(struct sim_nodes *nodes, const char *cluster,
                                    const struct sim_reply *reply)
{
    const struct sim_record *record =
        find_payload(nodes, cluster, reply->value, reply->value_bytes);

    if (record == NULL) {
        if (find_payload(nodes, NULL, reply->value, reply->value_bytes) == NULL) {
            sim_broken(nodes->sim, "P8", "a client of %s was told what was never committed: %.*s",
                       cluster, (int)reply->value_bytes, reply->value);
        }
        return NULL;
    }
    sim_check_content(nodes->world->check, cluster, record->config.head.version, reply->value,
                      reply->value_bytes, "a client");
    return &record->config;
}

/* ---- Processes ---- */

struct sim_order *sim_order_of(const struct sim_nodes *nodes, const char *host, const char *cluster,
                               uint32_t slot)
{
    struct sim_order *it = nodes->orders;

    while (it != NULL &&
           (it->slot != slot || strcmp(it->host, host) != 0 || strcmp(it->cluster, cluster) != 0)) {
        it = it->next;
    }
    return it;
}

static void on_begun(void *ctx, const struct sim_memcached *memcached)
{
    struct sim_nodes *nodes = ctx;
    const struct sim_memcached *it;
    const struct sim_host *at = host_of(nodes, memcached->machine);
    const char *host = at->config.host_name;
    struct sim_order *order = sim_order_of(nodes, host, memcached->cluster, memcached->slot);

    if (at->sidecar) {
        return;
    }
    if (order != NULL) {
        order->starts++;
    } else {
        sim_broken(nodes->sim, "P9", "slot %u of %s is started on %s, as nobody asked for",
                   memcached->slot, memcached->cluster, host);
    }
    for (it = memcached->machine->memcacheds; it != NULL; it = it->next) {
        if (it != memcached && it->slot == memcached->slot &&
            strcmp(it->cluster, memcached->cluster) == 0) {
            sim_broken(nodes->sim, "P9", "slot %u of %s is started on %s while it runs there",
                       memcached->slot, memcached->cluster, host);
        }
    }
}

/*
 * It may be killed when it had its time to end, or to answer. When it was heard last before it fell
 * silent, or is heard first afterwards, is up to its watcher's questions.
 */
static bool may_be_killed(const struct sim_nodes *nodes, const struct sim_memcached *memcached)
{
    bool silent =
        memcached->state == SIM_MEMCACHED_HUNG || memcached->state == SIM_MEMCACHED_STARTING;
    uint64_t for_ms = sim_now_ms(nodes->sim) - memcached->steady_ms;

    if (memcached->asked_to_end) {
        return true;
    }
    return silent ? AGENT_HUNG_MS <= for_ms + ASKED_WITHIN_MS : for_ms < ASKED_WITHIN_MS;
}

static void on_ending(void *ctx, const struct sim_memcached *memcached, int signum)
{
    struct sim_nodes *nodes = ctx;
    const struct sim_host *at = host_of(nodes, memcached->machine);
    const char *host = at->config.host_name;
    struct sim_order *order = sim_order_of(nodes, host, memcached->cluster, memcached->slot);
    bool ordered = order != NULL && (order->stop || order->changed);

    if (order != NULL && !memcached->asked_to_end && !memcached->dooms) {
        order->ends++;
    }
    if (at->sidecar || (signum == SIGKILL ? !may_be_killed(nodes, memcached) : !ordered)) {
        sim_broken(nodes->sim, "P9", "slot %u of %s on %s is sent signal %d without need",
                   memcached->slot, memcached->cluster, host, signum);
    }
}

static size_t on_clients(void *ctx, uint32_t ip, uint16_t port)
{
    return sim_clients_at(ctx, ip, port);
}

static void on_handed(void *ctx, uint32_t client, const struct sim_partition *partition,
                      uint32_t version)
{
    sim_client_handed(ctx, client, partition, version);
}

struct sim_machine_world sim_nodes_machine_world(struct sim_nodes *nodes)
{
    return (struct sim_machine_world){ .in_force = on_in_force,
                                       .ending = on_ending,
                                       .begun = on_begun,
                                       .handed = on_handed,
                                       .clients = on_clients,
                                       .ctx = nodes };
}

void sim_nodes_count_anew(struct sim_nodes *nodes)
{
    struct sim_order *it;

    nodes->writes.count = 0;
    for (it = nodes->orders; it != NULL; it = it->next) {
        it->starts = 0;
        it->ends = 0;
    }
}

void sim_nodes_counts(const struct sim_nodes *nodes, const char *cluster, uint32_t *starts,
                      uint32_t *ends)
{
    const struct sim_order *it;

    *starts = 0;
    *ends = 0;
    for (it = nodes->orders; it != NULL; it = it->next) {
        if (cluster == NULL || strcmp(cluster, it->cluster) == 0) {
            *starts += it->starts;
            *ends += it->ends;
        }
    }
}

/* ---- What is committed ---- */

static bool same_start(const struct intent *a, const struct intent *b)
{
    return strcmp(a->ip, b->ip) == 0 && a->data_port == b->data_port &&
           node_settings_equal(&a->settings, &b->settings);
}

static void note_order(struct sim_nodes *nodes, const struct key *key,
                       const struct sim_entry *entry)
{
    struct sim_order *order = sim_order_of(nodes, key->host, key->cluster, key->slot);
    struct arena arena;
    struct intent intent;

    arena_init(&arena, VALUE_ARENA_BYTES);
    if (json_decode_intent(entry->value, entry->value_bytes, &arena, &intent, NULL) < 0) {
        arena_deinit(&arena);
        return;
    }
    if (order == NULL) {
        order = mem_alloc(sizeof(*order));
        CHECK(order != NULL);
        memcpy(order->host, key->host, sizeof(order->host));
        memcpy(order->cluster, key->cluster, sizeof(order->cluster));
        order->slot = key->slot;
        order->next = nodes->orders;
        nodes->orders = order;
    } else {
        order->changed = order->changed || !same_start(&order->start, &intent);
        arena_deinit(&order->arena);
    }
    order->arena = arena;
    order->start = intent;
    order->stop = order->stop || intent.phase == INTENT_STOP;
}

/* A watcher acknowledges what it has read, from the process that it names. */
static void check_report(struct sim_nodes *nodes, const struct key *key,
                         const struct sim_entry *entry, struct sim_machine *machine)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct node_report report = { 0 };
    const struct sim_life *life;
    struct err err;

    arena_init(&arena, VALUE_ARENA_BYTES);
    if (json_decode_node_report(entry->value, entry->value_bytes, &arena, &report, &err) < 0) {
        sim_broken(nodes->sim, "P10", "%s can't be read: %s", entry->key, err.msg);
        return;
    }
    life = sim_life_of(machine, report.pid);
    if (report.attached && life != NULL && life->version < report.served.version) {
        /* Its owner has restarted it a moment ago, and its watcher still tells of the former pid.
         */
        life = sim_life_of(machine, machine->pids);
    }
    if (report.state == NODE_UP && (life == NULL || !life->answered)) {
        sim_broken(nodes->sim, "P4", "slot %u of %s on %s is reported up, but never answered",
                   key->slot, key->cluster, key->host);
    }
    if (report.served.version != 0 && (life == NULL || life->version < report.served.version)) {
        sim_broken(nodes->sim, "P4", "slot %u of %s on %s is reported to serve version %u unread",
                   key->slot, key->cluster, key->host, report.served.version);
    }
}

/* Where a joiner is a node, as its intent says. */
static void place_joiner(struct sim_nodes *nodes, const struct key *key, bool gone)
{
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        struct sim_host *host = &nodes->hosts[i];
        bool is_there =
            host->placed.slot == key->slot && strcmp(host->placed.cluster, key->cluster) == 0;

        if (host->sidecar && strcmp(host->config.host_name, key->host) == 0 &&
            (!gone || is_there)) {
            sim_host_place(host, gone ? "" : key->cluster, gone ? 0 : key->slot);
        }
    }
}

static void on_entry(struct sim_nodes *nodes, const struct sim_commit *commit,
                     const struct sim_entry *entry)
{
    struct key key;

    if (!key_parse(SIM_PREFIX, entry->key, &key)) {
        return;
    }
    if (key.kind == KEY_INTENT) {
        place_joiner(nodes, &key, entry->deleted);
    }
    if (entry->deleted) {
        return;
    }
    if (key.kind == KEY_CONFIG) {
        add_record(nodes, entry);
        sim_clients_welcome(nodes, key.cluster);
    } else if (key.kind == KEY_INTENT) {
        note_order(nodes, &key, entry);
    } else if (key.kind == KEY_JOIN_REPORT && commit->writer != NULL) {
        sim_joiner_reported(nodes, commit->writer, entry);
    } else if (key.kind == KEY_NODE && commit->writer != NULL && commit->writer->machine != NULL) {
        check_report(nodes, &key, entry, commit->writer->machine);
    }
}

static bool changes_something(const struct sim_commit *commit)
{
    struct key key;
    size_t i;

    for (i = 0; i < commit->count; i++) {
        if (!key_parse(SIM_PREFIX, commit->entries[i]->key, &key) ||
            (key.kind != KEY_EVENT && key.kind != KEY_JOIN_REPORT)) {
            return true;
        }
    }
    return false;
}

void sim_nodes_committed(void *ctx, const struct sim_commit *commit)
{
    struct sim_nodes *nodes = ctx;
    size_t i;

    nodes->commits += commit->writer == NULL ? 0 : 1;
    nodes->changes += changes_something(commit) ? 1 : 0;
    for (i = 0; i < commit->count; i++) {
        on_entry(ctx, commit, commit->entries[i]);
    }
}

/* ---- At any time ---- */

static void check_node(void *ctx, const struct sim_node *node)
{
    struct sim_nodes *nodes = ctx;

    if (node->payload != NULL && find_payload(nodes, node->slot == 0 ? NULL : node->cluster,
                                              node->payload, node->payload_bytes) == NULL) {
        sim_broken(nodes->sim, "P8", "slot %u of %s on %s serves what was never committed",
                   node->slot, node->cluster, node->host);
    }
}

void sim_nodes_check(struct sim_nodes *nodes)
{
    sim_nodes_each(nodes, check_node, nodes);
}
