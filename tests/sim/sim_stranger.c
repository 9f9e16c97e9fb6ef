/*
 * Somebody who can reach ports, files and etcd, and has no signing key: old records that were
 * valid once, records of other clusters, changed and cut ones, garbage; files and keys that vanish.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "discovery/names.h"
#include "sim/sim_nodes_state.h"
#include "store/keys.h"

#define TIMEOUT_MS 1000
#define MEMCACHEDS_MAX 16
#define NOTES_MAX 8
#define NODES_TAKEN_MAX 5 /* the place of a node whose port it takes */

static void stay(void *ctx)
{
    (void)ctx;
}

void sim_stranger_init(struct sim_nodes *nodes)
{
    sim_party_init(nodes->sim, &nodes->stranger, nodes->clients_place, stay, nodes, "stranger");
    sim_party_start(&nodes->stranger);
}

static uint64_t draw(const struct sim_nodes *nodes, uint64_t max)
{
    return sim_fault_between(nodes->sim, SIM_STRANGER, 0, max);
}

/* Any record that was ever committed. */
static const struct sim_record *some_record(const struct sim_nodes *nodes)
{
    const struct sim_record *it = nodes->records;
    uint64_t skip = nodes->records_count == 0 ? 0 : draw(nodes, nodes->records_count - 1);

    while (it != NULL && 0 < skip--) {
        it = it->next;
    }
    return it;
}

/* Change a copy of a valid record in some way, or leave it as it is; returns its new size. */
static size_t spoil(const struct sim_nodes *nodes, char *json, size_t size)
{
    char *at;

    switch (draw(nodes, 5)) {
    case 0: /* cut */
        return size / 2;
    case 1: /* one byte anywhere */
        json[draw(nodes, size - 1)] ^= 1;
        return size;
    case 2: /* another content under the same signature */
        at = strstr(json, "\"port\":1");
        if (at != NULL) {
            at[strlen("\"port\":")] = '2';
        }
        return size;
    case 3: /* without a signature */
        at = strstr(json, "\"signature\"");
        if (at != NULL) {
            memcpy(at, "\"signatura\"", strlen("\"signatura\""));
        }
        return size;
    case 4: /* a newer version under the same signature */
        at = strstr(json, "\"version\":");
        if (at != NULL) {
            at[strlen("\"version\":")] = '9';
        }
        return size;
    default: /* as it was */
        return size;
    }
}

/* What is to be written; the caller frees it. */
static char *make_value(const struct sim_nodes *nodes, size_t *size)
{
    static const char garbage[] = "{\"version\":2147483647,\"cluster\":\"";
    const struct sim_record *record = some_record(nodes);
    const char *from = record == NULL ? garbage : record->json;
    char *value;

    *size = record == NULL ? strlen(garbage) : record->json_bytes;
    value = mem_alloc(*size + 1);
    CHECK(value != NULL);
    memcpy(value, from, *size);
    if (record != NULL) {
        *size = spoil(nodes, value, *size);
    }
    return value;
}

static struct sim_memcached *some_memcached(struct sim_nodes *nodes)
{
    struct sim_host *host = &nodes->hosts[draw(nodes, nodes->hosts_count - 1)];
    struct sim_memcached *it = host->machine.memcacheds;
    uint64_t skip = draw(nodes, MEMCACHEDS_MAX);

    while (it != NULL && it->next != NULL && 0 < skip--) {
        it = it->next;
    }
    return it;
}

struct writing {
    struct sim_nodes *nodes;
    const struct sim_memcached *at;
    const char *key;
    const char *value;
    size_t value_bytes;
};

static void on_written(void *ctx, const struct sim_reply *reply)
{
    (void)ctx;
    (void)reply;
}

static void write_there(void *ctx)
{
    const struct writing *writing = ctx;
    const struct sim_port *port = &writing->at->port;
    bool beside = writing->at->partition_dir == NULL;
    const struct sim_request request = { .kind = SIM_REQUEST_SET,
                                         .key = writing->key,
                                         .value = writing->value,
                                         .value_bytes = writing->value_bytes };

    sim_trace(writing->nodes->sim, "writes %zu bytes to memcached %d at machine %u",
              request.value_bytes, (int)writing->at->pid, port->place);
    (void)sim_ask(writing->nodes->sim, port->ip, beside ? (uint16_t)(port->port - 1) : port->port,
                  &request, TIMEOUT_MS, on_written, NULL);
}

void sim_stranger_write(struct sim_nodes *nodes, const struct sim_memcached *at, const char *key,
                        const char *value, size_t value_bytes)
{
    struct writing writing = { nodes, at, key, value, value_bytes };

    sim_run_as(&nodes->stranger, write_there, &writing);
}

void sim_stranger_writes(struct sim_world *world)
{
    struct sim_memcached *at = some_memcached(world->nodes);
    CLEANUP(mem_free_p) char *value = NULL;
    size_t value_bytes;

    if (at != NULL) {
        value = make_value(world->nodes, &value_bytes);
        sim_stranger_write(world->nodes, at, KEY_RECORD, value, value_bytes);
    }
}

/* A node that starts without a segment, and without a former copy, has nothing to serve. */
static void crash_user_of(struct sim_machine *machine, const char *dir)
{
    struct sim_memcached *it = machine->memcacheds;

    while (it != NULL && (it->partition_dir == NULL || strcmp(it->partition_dir, dir) != 0)) {
        it = it->next;
    }
    if (it != NULL) {
        sim_memcached_crash(it);
    }
}

/* A backup is put back, say. While the watcher is dead or stands still, clients are told of it. */
static void put_back(struct sim_nodes *nodes, struct sim_machine *machine,
                     struct sim_partition *partition)
{
    const struct sim_record *record = some_record(nodes);
    struct segment_cell cell;

    if (record == NULL || !sim_partition_is_of(partition, record->config.head.cluster)) {
        return;
    }
    sim_trace(nodes->sim, "%s holds version %u", partition->dir, record->config.head.version);
    cell = sim_record_cell(record);
    sim_partition_overwrite(machine, partition, &cell);
    nodes->put_back = true;
}

static struct sim_partition *some_partition(struct sim_nodes *nodes, struct sim_machine **machine)
{
    struct sim_partition *it;
    uint64_t skip;

    *machine = &nodes->hosts[draw(nodes, nodes->hosts_count - 1)].machine;
    it = (*machine)->partitions;
    skip = draw(nodes, MEMCACHEDS_MAX);
    while (it != NULL && it->next != NULL && 0 < skip--) {
        it = it->next;
    }
    return it;
}

void sim_stranger_flips(struct sim_world *world)
{
    struct sim_machine *machine;
    struct sim_partition *partition = some_partition(world->nodes, &machine);

    if (partition != NULL) {
        sim_gate_flip(partition);
        sim_trace(world->sim, "%s at machine %u is switched %s", partition->dir, machine->place,
                  partition->off ? "off" : "on");
    }
}

void sim_stranger_flips_back(struct sim_nodes *nodes)
{
    struct sim_partition *partition;
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        for (partition = nodes->hosts[i].machine.partitions; partition != NULL;
             partition = partition->next) {
            partition->off = false;
        }
    }
}

void sim_stranger_breaks(struct sim_world *world)
{
    struct sim_nodes *nodes = world->nodes;
    struct sim_machine *machine;
    struct sim_partition *it = some_partition(nodes, &machine);

    if (it == NULL) {
        return;
    }
    sim_trace(nodes->sim, "%s at machine %u is broken", it->dir, machine->place);
    switch (draw(nodes, 4)) {
    case 0:
        sim_partition_break_segment(machine, it);
        break;
    case 1:
        sim_partition_break_segment(machine, it);
        crash_user_of(machine, it->dir);
        break;
    case 2:
    case 3:
        put_back(nodes, machine, it);
        break;
    default:
        sim_partition_remove_inbox(machine, it);
        break;
    }
}

/* ---- What a watcher keeps ---- */

static bool is_note(const struct sim_file *file)
{
    return strstr(file->path, ".json") != NULL;
}

/* One of its notes vanishes while it is down. A pid file does not: nothing else tells of a process.
 */
void sim_stranger_loses_note(struct sim_world *world)
{
    struct sim_nodes *nodes = world->nodes;
    struct sim_host *host = &nodes->hosts[draw(nodes, nodes->hosts_count - 1)];
    const struct sim_file *file;
    uint64_t skip = draw(nodes, NOTES_MAX);

    sim_host_crash_watcher(host, 0, false, 1);
    for (file = host->machine.files; file != NULL; file = file->next) {
        if (is_note(file) && skip-- == 0) {
            sim_trace(nodes->sim, "%s on %s is lost", file->path, host->config.host_name);
            sim_disk_remove(&host->machine, file->path);
            return;
        }
    }
}

/* ---- Keys of etcd ---- */

static const char scribble[] = "{\"what\":";

/* What muster can do without: it is told again, or made again. */
static bool is_kind_to_spoil(enum key_kind kind)
{
    return kind == KEY_INTENT || kind == KEY_NODE || kind == KEY_HOST || kind == KEY_ALIAS ||
           kind == KEY_STATUS;
}

static const struct sim_entry *some_key(const struct sim_nodes *nodes)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(nodes->sim))->keys;
    size_t first = keys->count == 0 ? 0 : (size_t)draw(nodes, keys->count - 1);
    size_t i;

    for (i = 0; i < keys->count; i++) {
        const struct sim_entry *entry = keys->list[(first + i) % keys->count];
        struct key key;

        if (key_parse(SIM_PREFIX, entry->key, &key) && is_kind_to_spoil(key.kind)) {
            return entry;
        }
    }
    return NULL;
}

static void write_key(const struct sim_nodes *nodes, const char *text, bool remove)
{
    char key[KEY_TEXT_SIZE];
    struct etcd_op op = {
        .kind = ETCD_PUT, .key = key, .value = scribble, .value_bytes = sizeof(scribble) - 1
    };
    struct etcd_txn txn = { .ops = &op, .ops_count = 1 };

    (void)snprintf(key, sizeof(key), "%s", text);
    if (remove) {
        op = (struct etcd_op){ .kind = ETCD_DELETE, .key = key };
    }
    sim_trace(nodes->sim, "a stranger %s %s", remove ? "deletes" : "scribbles over", key);
    (void)sim_etcd_write(sim_etcd(nodes->sim), &txn);
}

void sim_stranger_scribbles(struct sim_world *world)
{
    const struct sim_entry *entry = some_key(world->nodes);
    struct key key;

    if (entry != NULL) {
        world->orders_lost = world->orders_lost ||
                             (key_parse(SIM_PREFIX, entry->key, &key) && key.kind == KEY_INTENT);
        write_key(world->nodes, entry->key, draw(world->nodes, 1) == 0);
    }
}

/* What can't be read decides nothing, until somebody takes it away. */
void sim_stranger_cleans_up(struct sim_nodes *nodes)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(nodes->sim))->keys;
    size_t i = 0;

    while (i < keys->count) {
        if (strcmp(keys->list[i]->value, scribble) == 0) {
            write_key(nodes, keys->list[i]->key, true);
        } else {
            i++;
        }
    }
}

/* ---- A port that is taken ---- */

/* It speaks memcached's language, and is none of ours. */
static bool answer(void *ctx, const struct sim_request *request, struct sim_reply *out)
{
    (void)ctx;
    if (request->kind == SIM_REQUEST_VERSION) {
        out->value = "VERSION 1.4.0";
    } else if (request->kind == SIM_REQUEST_STATS) {
        out->value = "STAT pid 999999\r\nSTAT curr_connections 1\r\n";
    } else if (request->kind == SIM_REQUEST_GET) {
        out->outcome = SIM_NOT_FOUND;
        return true;
    } else {
        out->outcome = SIM_REFUSED;
        out->value = "ERROR";
    }
    out->value_bytes = strlen(out->value);
    return true;
}

void sim_stranger_leaves(struct sim_nodes *nodes)
{
    if (nodes->taken.port != 0) {
        sim_unlisten(nodes->sim, &nodes->taken);
        nodes->taken.port = 0;
    }
}

void sim_stranger_listens(struct sim_world *world)
{
    struct sim_nodes *nodes = world->nodes;
    const struct sim_host *host = &nodes->hosts[draw(nodes, nodes->hosts_count - 1)];
    bool discovery = draw(nodes, 2) == 0;

    if (nodes->taken.port != 0) {
        sim_stranger_leaves(nodes);
        return;
    }
    nodes->taken = (struct sim_port){ .place = host->machine.place, .serve = answer };
    if (!host_endpoint(&host->config.host, (uint32_t)draw(nodes, NODES_TAKEN_MAX), &nodes->taken.ip,
                       &nodes->taken.port)) {
        nodes->taken.port = 0;
        return;
    }
    nodes->taken.port = (uint16_t)(nodes->taken.port - (discovery ? 1 : 0));
    if (!sim_listen(nodes->sim, &nodes->taken)) {
        nodes->taken.port = 0;
        return;
    }
    sim_trace(nodes->sim, "a stranger takes port %u on %s", nodes->taken.port,
              host->config.host_name);
}
