#include "sim/sim_host.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "discovery/names.h"
#include "sim/sim_loop.h"
#include "watcher/memcached.h"

#define START_MS_MAX 400
#define RESTART_MS 1000
#define ENDING_LOOK_MS 50
#define DATA_PORT 11211
#define MODULE_PATH "/usr/lib/muster/libmuster_partition.so"
#define KEEPER_MS 500
#define LEAVE_MS 300000 /* as the watcher's preset */
#define ADDRESSES_OF_SIDECAR 2

/* ---- watcher/memcached.h ---- */

void memcached_find(const char *wanted, struct memcached_program *out)
{
    (void)wanted;
    *out = (struct memcached_program){ .path = "/usr/bin/memcached" };
    if (sim_machine_here()->no_program) {
        (void)snprintf(out->problem, sizeof(out->problem), "no memcached: it is being installed");
    } else {
        (void)snprintf(out->version, sizeof(out->version), "%s", SIM_MEMCACHED_VERSION);
    }
}

/* ---- The watcher's life ---- */

static void leave(void *ctx)
{
    struct sim_host *host = ctx;

    watcher_leave(host->watcher);
}

/* Once more would mean at once. */
static void ask_to_leave(struct sim_host *host)
{
    if (host->leaves && host->party.alive && host->watcher != NULL && !host->ending &&
        host->leaving != host->party.incarnation) {
        host->leaving = host->party.incarnation;
        sim_run_as(&host->party, leave, host);
    }
}

/* It may have died within; then nothing is left but what it was about to hand out. */
static void begin(void *ctx)
{
    struct sim_host *host = ctx;
    struct err err;

    if (loop_new(&host->loop, &err) < 0 ||
        watcher_new(host->loop, &host->config, &host->watcher, &err) < 0) {
        sim_trace(host->sim, "does not start: %s", err.msg);
        sim_party_kill(&host->party);
    }
}

static void start_watcher(struct sim_host *host)
{
    host->ending = false;
    sim_party_start(&host->party);
    sim_run_as(&host->party, begin, host);
    ask_to_leave(host);
}

static void on_supervisor(void *ctx)
{
    struct sim_host *host = ctx;

    if (!host->party.alive && !host->wanted) {
        return;
    }
    if (!host->party.alive) {
        start_watcher(host);
    } else if (host->ending && host->loop != NULL && sim_loop_stopped(host->loop)) {
        sim_party_kill(&host->party);
    } else if (host->ending) {
        sim_event_plan(host->sim, &host->supervisor, ENDING_LOOK_MS);
    }
}

static void bury(void *ctx)
{
    struct sim_host *host = ctx;

    watcher_free(TAKE(host->watcher));
    loop_free(TAKE(host->loop));
    if (sim_host_is_up(host) && host->wanted && !sim_event_planned(&host->supervisor)) {
        sim_event_plan(host->sim, &host->supervisor, RESTART_MS);
    }
}

void sim_host_crash_watcher(struct sim_host *host, uint32_t effects, bool after, uint64_t down_ms)
{
    if (!host->party.alive) {
        return;
    }
    if (effects == 0) {
        sim_event_plan(host->sim, &host->supervisor, down_ms);
        sim_party_kill(&host->party);
        return;
    }
    host->party.effects_left = effects;
    host->party.dies_after = after;
}

static void ask_to_end(void *ctx)
{
    struct sim_host *host = ctx;

    watcher_stop(host->watcher);
}

void sim_host_restart_watcher(struct sim_host *host)
{
    if (!host->party.alive || host->watcher == NULL || host->ending) {
        return;
    }
    host->ending = true;
    sim_run_as(&host->party, ask_to_end, host);
    if (!sim_event_planned(&host->supervisor)) {
        sim_event_plan(host->sim, &host->supervisor, ENDING_LOOK_MS);
    }
}

/* ---- The machine's life ---- */

bool sim_host_is_up(const struct sim_host *host)
{
    return sim_place_is_up(host->sim, host->machine.place);
}

static void on_power(void *ctx)
{
    struct sim_host *host = ctx;

    if (sim_host_is_up(host)) {
        return;
    }
    sim_place_set_up(host->sim, host->machine.place, true);
    sim_event_plan(host->sim, &host->supervisor,
                   sim_below(host->sim, SIM_CHANCE_NODES, START_MS_MAX));
}

void sim_host_crash(struct sim_host *host, uint64_t down_ms)
{
    if (!sim_host_is_up(host)) {
        return;
    }
    sim_place_set_up(host->sim, host->machine.place, false);
    sim_party_kill(&host->party);
    sim_event_cancel(host->sim, &host->supervisor);
    sim_machine_lose_power(&host->machine);
    sim_event_plan(host->sim, &host->power, down_ms);
}

void sim_host_heal(struct sim_host *host)
{
    struct sim_memcached *memcached;

    sim_event_cancel(host->sim, &host->power);
    on_power(host);
    host->machine.no_program = false;
    host->party.effects_left = 0;
    host->party.wall_offset_ms %= SIM_SKEW_MS_MAX;
    if (!host->party.alive && host->wanted) {
        sim_event_plan(host->sim, &host->supervisor, RESTART_MS);
    }
    for (memcached = host->machine.memcacheds; memcached != NULL; memcached = memcached->next) {
        sim_memcached_recover(memcached);
    }
}

/* ---- Beside one memcached that somebody else runs ---- */

static void begin_memcached(struct sim_host *host)
{
    static const char *const with_module[] = { PARTITION_VARIABLE "=" SIM_SIDECAR_DIR, NULL };
    const char *const argv[] = { "memcached", "-l", host->config.host.ip_first, "-p", "11211", "-t",
                                 "2",         NULL };
    const struct proc_spec spec = { .argv = argv,
                                    .env = host->module ? with_module : NULL,
                                    .log_path = "/var/log/memcached" };
    struct sim_memcached *memcached = sim_memcached_start(&host->machine, &spec);

    (void)snprintf(memcached->cluster, sizeof(memcached->cluster), "%s", host->placed.cluster);
    memcached->slot = host->placed.slot;
}

/* What has ended by itself is not started again: it was let go. */
static void on_keeper(void *ctx)
{
    struct sim_host *host = ctx;

    sim_event_plan(host->sim, &host->keeper, KEEPER_MS);
    if (host->serves && sim_host_is_up(host) && host->machine.memcacheds == NULL) {
        begin_memcached(host);
    }
    if (host->party.alive && host->loop != NULL && !host->ending && sim_loop_stopped(host->loop)) {
        sim_trace(host->sim, "%s has left", host->party.name);
        host->wanted = false;
        host->leaves = false;
        sim_party_kill(&host->party);
    }
}

void sim_host_join(struct sim_host *host, const struct sim_sidecar_options *options)
{
    struct watcher_config *config = &host->config;

    CHECK(host->sidecar);
    if (host->wanted) {
        return;
    }
    (void)snprintf(host->cluster, sizeof(host->cluster), "%s", options->cluster);
    (void)snprintf(host->token_file, sizeof(host->token_file), "%s", options->token_file);
    config->flags.cluster = host->cluster;
    config->flags.token_file = host->token_file;
    config->flags.slot = options->slot;
    memcpy(config->join, options->hosts, sizeof(config->join));
    config->join_count = options->hosts_count;
    host->serves = true;
    host->wanted = true;
    sim_event_plan(host->sim, &host->keeper, 0);
    if (sim_host_is_up(host) && !host->party.alive) {
        sim_event_plan(host->sim, &host->supervisor,
                       sim_below(host->sim, SIM_CHANCE_NODES, START_MS_MAX));
    }
}

void sim_host_leave(struct sim_host *host)
{
    host->leaves = host->wanted;
    ask_to_leave(host);
}

void sim_host_abandon(struct sim_host *host)
{
    host->serves = false;
    host->leaves = false;
    host->wanted = false;
    sim_event_cancel(host->sim, &host->supervisor);
    sim_party_kill(&host->party);
    while (host->machine.memcacheds != NULL) {
        sim_memcached_crash(host->machine.memcacheds);
    }
}

void sim_host_move(struct sim_host *host)
{
    uint32_t ip;

    sim_host_abandon(host);
    CHECK(ipv4_parse(host->config.ip_first, &ip));
    ipv4_format(ip ^ 3U, host->config.ip_first); /* .1 and .2 */
}

void sim_host_place(struct sim_host *host, const char *cluster, uint32_t slot)
{
    struct sim_memcached *it;

    (void)snprintf(host->placed.cluster, sizeof(host->placed.cluster), "%s", cluster);
    host->placed.slot = slot;
    for (it = host->machine.memcacheds; it != NULL; it = it->next) {
        (void)snprintf(it->cluster, sizeof(it->cluster), "%s", cluster);
        it->slot = slot;
    }
}

/* ---- Lifecycle ---- */

static void configure(struct sim_host *host, const struct sim_host_options *options)
{
    struct watcher_config *config = &host->config;

    config->flags.prefix = options->prefix;
    config->flags.lease_ttl_ms = options->lease_ttl_ms;
    config->flags.state_dir = SIM_STATE_DIR;
    config->flags.partition_dir = options->sidecar ? SIM_SIDECAR_DIR : SIM_PARTITION_DIR;
    config->flags.join_tokens = options->sidecar ? NULL : SIM_TOKENS_DIR;
    config->flags.leave_timeout_ms = LEAVE_MS;
    config->mode = options->sidecar ? WATCHER_SIDECAR : WATCHER_HOST;
    config->flags.timeout_ms = UINT64_MAX;
    config->etcd.endpoints = "http://etcd:2379";
    config->keys = *options->keys;
    (void)snprintf(config->module, sizeof(config->module), "%s",
                   options->module && !options->sidecar ? MODULE_PATH : "");
    (void)snprintf(config->host_name, sizeof(config->host_name), "%s", options->name);
    (void)snprintf(config->ip_first, sizeof(config->ip_first), "%s", options->ip_first);
    config->labels[0] = (struct label){ "zone", options->zone };
    config->host = (struct host){ .name = config->host_name,
                                  .zone = options->zone,
                                  .labels = config->labels,
                                  .labels_count = 1,
                                  .memory_bytes = options->memory_bytes,
                                  .nodes_max = options->nodes_max,
                                  .ip_first = config->ip_first,
                                  .ip_count = options->ip_count,
                                  .sidecar = options->sidecar,
                                  .data_port = DATA_PORT };
}

void sim_host_init(struct sim_host *host, struct sim *sim, const struct sim_host_options *options,
                   const struct sim_machine_world *world)
{
    unsigned place = sim_place_add(sim);
    uint32_t ip;

    *host = (struct sim_host){ .sim = sim, .sidecar = options->sidecar };
    host->module = options->module;
    host->wanted = !options->sidecar;
    CHECK(ipv4_parse(options->ip_first, &ip));
    sim_addresses(sim, ip, options->sidecar ? ADDRESSES_OF_SIDECAR : options->ip_count, place);
    sim_machine_init(&host->machine, sim, place, world);
    sim_party_init(sim, &host->party, place, bury, host, "%s", options->name);
    host->party.machine = &host->machine;
    configure(host, options);
    sim_event_init(&host->supervisor, NULL, on_supervisor, host);
    sim_event_init(&host->power, NULL, on_power, host);
    sim_event_init(&host->keeper, NULL, on_keeper, host);
    if (host->wanted) {
        sim_event_plan(sim, &host->supervisor, sim_below(sim, SIM_CHANCE_NODES, START_MS_MAX));
    }
}

void sim_host_deinit(struct sim_host *host)
{
    sim_party_kill(&host->party);
    sim_event_cancel(host->sim, &host->supervisor);
    sim_event_cancel(host->sim, &host->power);
    sim_event_cancel(host->sim, &host->keeper);
    sim_machine_deinit(&host->machine);
}
