#include "sim/sim_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_joiner.h"
#include "sim/sim_nodes_state.h"

#define ZONES 3
#define ADDRESSES 16
#define ONE_ADDRESS_PER_MILLE 250
#define BESIDE_PER_MILLE 150
#define MEMORY_BYTES (UINT64_C(64) << 30)
#define EFFECTS_MAX 60
#define DOWN_MS_MAX 30000
#define PAUSE_MS_MAX 40000
#define POWER_MS_MAX 90000
#define CLOCK_MS_MAX 3600000
#define MINUTE_MS 60000

/* ---- What may happen ---- */

static struct sim_host *some_host(struct sim_world *world, enum sim_fault fault)
{
    struct sim_nodes *nodes = world->nodes;

    return &nodes->hosts[sim_fault_between(nodes->sim, fault, 0, nodes->hosts_count - 1)];
}

static void crash_watcher(struct sim_world *world)
{
    struct sim_host *host = some_host(world, SIM_WATCHER_CRASH);
    uint32_t effects = (uint32_t)sim_fault_between(world->sim, SIM_WATCHER_CRASH, 0, EFFECTS_MAX);
    bool after = sim_fault_between(world->sim, SIM_WATCHER_CRASH, 0, 1) == 1;

    sim_host_crash_watcher(host, effects, after,
                           sim_fault_between(world->sim, SIM_WATCHER_CRASH, 1, DOWN_MS_MAX));
}

static void restart_watcher(struct sim_world *world)
{
    sim_host_restart_watcher(some_host(world, SIM_WATCHER_CRASH));
}

static void pause_watcher(struct sim_world *world)
{
    struct sim_host *host = some_host(world, SIM_WATCHER_PAUSE);

    if (host->party.alive) {
        sim_party_pause(&host->party,
                        sim_fault_between(world->sim, SIM_WATCHER_PAUSE, 1, PAUSE_MS_MAX));
    }
}

static struct sim_memcached *some_memcached(struct sim_world *world, enum sim_fault fault)
{
    struct sim_memcached *it = some_host(world, fault)->machine.memcacheds;
    uint64_t skip = sim_fault_between(world->sim, fault, 0, ADDRESSES - 1);

    while (it != NULL && it->next != NULL && 0 < skip) {
        it = it->next;
        skip--;
    }
    return it;
}

static void crash_memcached(struct sim_world *world)
{
    struct sim_memcached *memcached = some_memcached(world, SIM_MEMCACHED_CRASH);

    if (memcached != NULL) {
        sim_memcached_crash(memcached);
    }
}

static void hang_memcached(struct sim_world *world)
{
    struct sim_memcached *memcached = some_memcached(world, SIM_MEMCACHED_HANG);

    if (memcached != NULL) {
        sim_memcached_hang(memcached);
    }
}

static void crash_host(struct sim_world *world)
{
    sim_host_crash(some_host(world, SIM_HOST_CRASH),
                   sim_fault_between(world->sim, SIM_HOST_CRASH, 1, POWER_MS_MAX));
}

static void crash_all_hosts(struct sim_world *world)
{
    size_t i;

    for (i = 0; i < world->nodes->hosts_count; i++) {
        sim_host_crash(&world->nodes->hosts[i],
                       sim_fault_between(world->sim, SIM_HOST_CRASH, 1, MINUTE_MS));
    }
}

static void jump_clock(struct sim_world *world)
{
    struct sim_host *host = some_host(world, SIM_CLOCK_JUMP);

    host->party.wall_offset_ms =
        (int64_t)sim_fault_between(world->sim, SIM_CLOCK_JUMP, 0, 2ULL * CLOCK_MS_MAX) -
        CLOCK_MS_MAX;
}

/* An upgrade of the package, say: the watcher that starts meanwhile finds no memcached. */
static void lose_program(struct sim_world *world)
{
    struct sim_host *host = some_host(world, SIM_MEMCACHED_SLOW);

    host->machine.no_program = !host->machine.no_program;
    sim_trace(world->sim, "memcached is %s on %s", host->machine.no_program ? "gone" : "back",
              host->config.host_name);
    if (host->machine.no_program) {
        sim_host_restart_watcher(host);
    }
}

/* clang-format off */
static const struct sim_act acts[] = {
    { "crash-watcher",    SIM_WATCHER_CRASH,   12, crash_watcher },
    { "restart-watcher",  SIM_WATCHER_CRASH,    3, restart_watcher },
    { "pause-watcher",    SIM_WATCHER_PAUSE,    6, pause_watcher },
    { "crash-memcached",  SIM_MEMCACHED_CRASH,  8, crash_memcached },
    { "hang-memcached",   SIM_MEMCACHED_HANG,   4, hang_memcached },
    { "lose-program",     SIM_MEMCACHED_SLOW,   2, lose_program },
    { "crash-host",       SIM_HOST_CRASH,       6, crash_host },
    { "crash-all-hosts",  SIM_HOST_CRASH,       1, crash_all_hosts },
    { "jump-host-clock",  SIM_CLOCK_JUMP,       3, jump_clock },
    { "stranger-writes",  SIM_STRANGER,        10, sim_stranger_writes },
    { "stranger-breaks",  SIM_STRANGER,         4, sim_stranger_breaks },
    { "flip-switch",      SIM_STRANGER,         3, sim_stranger_flips },
    { "stranger-listens", SIM_STRANGER,         3, sim_stranger_listens },
    { "lose-note",        SIM_STRANGER,         3, sim_stranger_loses_note },
    { "scribble",         SIM_STRANGER,         4, sim_stranger_scribbles },
};
/* clang-format on */

const struct sim_act *sim_nodes_acts(size_t *count)
{
    *count = ARRAY_COUNT(acts);
    return acts;
}

void sim_nodes_heal(struct sim_nodes *nodes)
{
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        sim_host_heal(&nodes->hosts[i]);
    }
    sim_stranger_leaves(nodes);
    sim_stranger_flips_back(nodes);
    sim_stranger_cleans_up(nodes);
}

/* ---- What there is ---- */

/* Some have an address for each node, some have one; some memcacheds run without the module. */
static void add_host(struct sim_nodes *nodes, size_t i)
{
    static const char *const zones[ZONES] = { "z1", "z2", "z3" };
    const struct sim_hosts_plan *plan = &nodes->world->plan;
    struct sim_machine_world world = sim_nodes_machine_world(nodes);
    struct sim *sim = nodes->sim;
    char name[SIM_HOST_NAME_SIZE];
    char ip[IPV4_TEXT_SIZE];
    struct sim_host_options options = { .name = name,
                                        .ip_first = ip,
                                        .ip_count = ADDRESSES,
                                        .nodes_max = ADDRESSES,
                                        .memory_bytes = MEMORY_BYTES,
                                        .prefix = SIM_PREFIX,
                                        .lease_ttl_ms = 1000 * SIM_LEASE_TTL_S,
                                        .keys = &nodes->keys };

    sim_host_name(i, name);
    (void)snprintf(ip, sizeof(ip), "10.0.%u.1", (unsigned)(i + 1) % 256);
    options.zone = zones[sim_below(sim, SIM_CHANCE_WORLD, ZONES)];
    options.module = !sim_chance(sim, SIM_CHANCE_WORLD, BESIDE_PER_MILLE);
    if (sim_chance(sim, SIM_CHANCE_WORLD, ONE_ADDRESS_PER_MILLE)) {
        options.ip_count = 1;
    }
    if (plan->zones != 0) {
        options.zone = zones[i % plan->zones % ZONES];
        options.module = !plan->beside;
        options.ip_count = plan->one_address ? 1 : ADDRESSES;
    }
    sim_host_init(&nodes->hosts[i], sim, &options, &world);
}

static void add_joiner(struct sim_nodes *nodes, size_t i)
{
    struct sim_machine_world world = sim_nodes_machine_world(nodes);
    char name[SIM_HOST_NAME_SIZE];
    char ip[IPV4_TEXT_SIZE];
    struct sim_host_options options = { .name = name,
                                        .zone = "z1",
                                        .ip_first = ip,
                                        .ip_count = 1,
                                        .nodes_max = 1,
                                        .prefix = SIM_PREFIX,
                                        .lease_ttl_ms = 1000 * SIM_LEASE_TTL_S,
                                        .keys = &nodes->keys,
                                        .sidecar = true };

    sim_joiner_name(i, name);
    (void)snprintf(ip, sizeof(ip), "10.1.%u.1", (unsigned)(i + 1) % 256);
    options.module = nodes->world->plan.zones != 0
                         ? !nodes->world->plan.beside
                         : !sim_chance(nodes->sim, SIM_CHANCE_WORLD, BESIDE_PER_MILLE);
    sim_host_init(&nodes->hosts[nodes->world->hosts_count + i], nodes->sim, &options, &world);
}

struct sim_nodes *sim_nodes_new(struct sim_world *world)
{
    struct sim_nodes *nodes = mem_alloc(sizeof(*nodes));
    struct err err;
    size_t i;

    CHECK(nodes != NULL);
    nodes->world = world;
    nodes->sim = world->sim;
    nodes->hosts_count = world->hosts_count + world->joiners_count;
    nodes->hosts = mem_calloc(nodes->hosts_count, sizeof(*nodes->hosts));
    CHECK(nodes->hosts != NULL);
    CHECK(trusted_keys_load(SIM_SIGNING_KEY, &nodes->keys, &err) == 0);
    for (i = 0; i < world->hosts_count; i++) {
        add_host(nodes, i);
    }
    for (i = 0; i < world->joiners_count; i++) {
        add_joiner(nodes, i);
    }
    nodes->clients_place = sim_place_add(nodes->sim);
    sim_stranger_init(nodes);
    sim_etcd_observe(sim_etcd(nodes->sim), sim_nodes_committed, nodes);
    sim_writes_tell(nodes->sim, sim_spread_wrote, nodes);
    return nodes;
}

void sim_nodes_free(struct sim_nodes *nodes)
{
    size_t i;

    if (nodes == NULL) {
        return;
    }
    sim_clients_deinit(nodes);
    for (i = 0; i < nodes->hosts_count; i++) {
        sim_host_deinit(&nodes->hosts[i]);
    }
    sim_records_deinit(nodes);
    sim_spread_deinit(&nodes->writes);
    sim_joiner_deinit(nodes);
    free(nodes->hosts);
    free(nodes);
}

/* ---- What truly is ---- */

static const struct sim_partition *partition_of(struct sim_host *host,
                                                const struct sim_memcached *memcached)
{
    char dir[PATH_MAX];
    char slot[SLOT_TEXT_SIZE];

    if (host->sidecar) {
        return sim_partition_find(&host->machine, SIM_SIDECAR_DIR);
    }
    slot_format(memcached->slot, slot);
    (void)snprintf(dir, sizeof(dir), SIM_PARTITION_DIR "/%s/%s", memcached->cluster, slot);
    return sim_partition_find(&host->machine, dir);
}

/* Beside a memcached without the module, the watcher answers from what it has in force. */
static const struct segment_cell *cell_of(struct sim_host *host, struct sim_memcached *memcached)
{
    const struct sim_partition *partition;

    if (memcached->partition_dir != NULL) {
        sim_partition_read(&host->machine, memcached->partition_dir, &memcached->copy);
        return &memcached->copy.cell;
    }
    partition = host->party.alive ? partition_of(host, memcached) : NULL;
    return partition != NULL && partition->has_segment ? &partition->segment.cell : NULL;
}

static void tell_node(struct sim_host *host, struct sim_memcached *memcached, sim_node_fn *fn,
                      void *ctx)
{
    const struct segment_cell *cell = cell_of(host, memcached);
    const struct sim_partition *partition = partition_of(host, memcached);
    char ip[IPV4_TEXT_SIZE];
    struct sim_node node = { .host = host->config.host_name,
                             .cluster = memcached->cluster,
                             .slot = memcached->slot,
                             .ip = ip,
                             .data_port = memcached->port.port,
                             .answers =
                                 memcached->state == SIM_MEMCACHED_SERVING && sim_host_is_up(host),
                             .steady_ms = memcached->steady_ms,
                             .joins = host->sidecar,
                             .place = host->machine.place };

    ipv4_format(memcached->port.ip, ip);
    if (cell != NULL && cell->version != 0) {
        node.payload = cell->payload;
        node.payload_bytes = cell->payload_bytes;
        node.version = cell->version;
        node.cell = cell;
    }
    node.watched = host->party.alive && host->party.paused_until_ms <= sim_now_ms(host->sim) &&
                   partition != NULL && partition->followed_by != NULL;
    fn(ctx, &node);
}

void sim_nodes_each(struct sim_nodes *nodes, sim_node_fn *fn, void *ctx)
{
    struct sim_memcached *memcached;
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        struct sim_host *host = &nodes->hosts[i];

        for (memcached = host->machine.memcacheds; memcached != NULL; memcached = memcached->next) {
            tell_node(host, memcached, fn, ctx);
        }
    }
}

/* "<root>/<cluster>/<slot>…" */
static void tell_trace(const struct sim_host *host, const char *root, const char *path,
                       sim_node_trace_fn *fn, void *ctx)
{
    char cluster[CLUSTER_NAME_MAX + 1];
    struct sim_node_trace trace = { .host = host->config.host_name,
                                    .cluster = cluster,
                                    .path = path };
    size_t size = strlen(root);

    if (strncmp(path, root, size) == 0 &&
        sscanf(path + size, "/%40[^/]/%u", cluster, &trace.slot) == 2) {
        fn(ctx, &trace);
    }
}

void sim_nodes_each_trace(struct sim_nodes *nodes, sim_node_trace_fn *fn, void *ctx)
{
    const struct sim_partition *partition;
    const struct sim_file *file;
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        const struct sim_host *host = &nodes->hosts[i];

        for (partition = host->machine.partitions; partition != NULL; partition = partition->next) {
            tell_trace(host, SIM_PARTITION_DIR, partition->dir, fn, ctx);
        }
        for (file = host->machine.files; file != NULL; file = file->next) {
            tell_trace(host, SIM_STATE_DIR "/nodes", file->path, fn, ctx);
        }
    }
}
