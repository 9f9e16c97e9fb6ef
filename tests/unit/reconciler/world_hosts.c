/* What watchers and memcacheds do in one step, and what becomes of pushes. */
#include "world.h"

#include <string.h>

#define PUSH_RETRY_MS 500
#define CLIENTS 3

static void process_start(struct world *world, struct process *process, const struct intent *intent)
{
    bool other = process->uid == NULL || strcmp(process->uid, intent->uid) != 0;

    process->known = true;
    process->stopped = false;
    if (other) {
        process->served = NULL; /* but what it has seen under this cluster's name it keeps */
    }
    process->uid = intent->uid;
    process->ip = intent->ip;
    process->port = intent->data_port;
    process->settings = intent->settings;
    process->phase = intent->phase;
    process->clients = CLIENTS;
    process->listed = false;
    process->started_ms = world->now_ms;
    /* An address that something else on the host holds can't be bound. */
    process->running =
        !process->broken && world_process_at(world, intent->ip, intent->data_port) == NULL;
    world->starts++;
}

static bool as_intended(const struct process *process, const struct intent *intent)
{
    return strcmp(process->uid, intent->uid) == 0 && strcmp(process->ip, intent->ip) == 0 &&
           process->port == intent->data_port &&
           node_settings_equal(&process->settings, &intent->settings);
}

/* A sidecar has one memcached: of several orders for it the newest to run counts. */
static bool is_chosen(const struct world *world, const struct intent *intent)
{
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *other = &world->keys.intents[i];

        if (other->attached && other->slot != intent->slot && other->phase != INTENT_STOP &&
            strcmp(other->host, intent->host) == 0 &&
            (other->phase < intent->phase ||
             (other->phase == intent->phase && intent->phase_since_ms < other->phase_since_ms))) {
            return false;
        }
    }
    return true;
}

/* Whose memcached is not its watcher's: it runs as somebody else has it run, and is reported so. */
static void sidecar_run(struct world *world, struct world_host *host, struct process *process,
                        const struct intent *intent)
{
    const struct foreigner *foreigner = &host->foreigner;
    bool runs = foreigner->running && strcmp(foreigner->ip, intent->ip) == 0 &&
                foreigner->port == intent->data_port;
    bool other = process->uid == NULL || strcmp(process->uid, intent->uid) != 0;

    if (other) {
        process->served = NULL;
    }
    if (runs && !process->running) {
        process->started_ms = world->now_ms;
        process->clients = CLIENTS;
        process->listed = false;
    }
    process->known = true;
    process->stopped = false;
    process->attached = true;
    process->join = intent->join;
    process->join_issued_ms = intent->join_issued_ms;
    process->running = runs;
    process->uid = intent->uid;
    process->ip = intent->ip;
    process->port = intent->data_port;
    process->settings = intent->settings;
    if (foreigner->memory_bytes != 0) {
        process->settings.memory_bytes = foreigner->memory_bytes;
    }
    process->settings_turn = intent->settings_turn;
    process->phase = intent->phase;
    if (intent->phase == INTENT_DRAIN && 0 < process->clients && !world->clients_stay) {
        process->clients--;
    }
}

static void watcher_run(struct world *world, struct process *process, const struct intent *intent)
{
    if (process->running && !as_intended(process, intent)) {
        process->running = false;
        process->fallen = true;
        world->restarts++;
    } else if (!process->running && process->known && !process->stopped && !process->fallen) {
        process->fallen = true;
    } else if (!process->running) {
        process->fallen = false;
        process_start(world, process, intent);
    }
    process->settings_turn = intent->settings_turn;
    process->phase = intent->phase;
    if (intent->phase == INTENT_DRAIN && 0 < process->clients && !world->clients_stay) {
        process->clients--;
    }
}

static void watcher_stop(struct world *world, struct process *process, const struct intent *intent)
{
    if (!process->known) {
        process->uid = intent->uid;
        process->ip = intent->ip;
        process->port = intent->data_port;
        process->attached = intent->attached;
        process->join = intent->join;
    }
    if (process->running) {
        process->running = false;
        world->stops += process->attached ? 0 : 1;
    }
    process->known = true;
    process->stopped = true;
}

static enum node_state state_of(const struct world *world, const struct process *process)
{
    if (process->stopped) {
        return NODE_STOPPED;
    }
    if (!process->running) {
        return NODE_DOWN;
    }
    return process->started_ms < world->now_ms ? NODE_UP : NODE_STARTING;
}

static struct node_report report_of(const struct world *world, const struct world_host *host,
                                    uint32_t slot)
{
    const struct process *process = &host->processes[slot];
    struct node_report report = {
        .cluster = WORLD_CLUSTER,
        .slot = slot,
        .host = host->host.name,
        .uid = process->uid,
        .state = state_of(world, process),
        .partition = process->running ? world->partition : PARTITION_NONE,
        .ip = process->ip,
        .data_port = process->port,
        .settings = process->settings,
        .settings_turn = process->settings_turn,
        .served = { .digest = "" },
        .version_seen = process->version_seen,
        .started_ms = process->started_ms,
        .restarts = process->restarts,
        .clients = process->phase == INTENT_DRAIN ? process->clients : REPORT_CLIENTS_UNKNOWN,
        .problem = process->broken ? "dies at once" : "",
        .attached = process->attached,
        .join = process->attached ? process->join : "",
        .join_issued_ms = process->join_issued_ms,
        .leaving = process->attached && host->foreigner.leaving,
    };

    report.discovery_port = (uint16_t)(report.data_port - 1);
    if (process->served != NULL) {
        report.served = (struct served){ .epoch = process->served->head.epoch,
                                         .version = process->served->head.version,
                                         .digest = process->served->digest };
    }
    return report;
}

static bool same_report(const struct node_report *a, const struct node_report *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->uid, b->uid) == 0 && a->state == b->state &&
           a->partition == b->partition && strcmp(a->ip, b->ip) == 0 &&
           a->data_port == b->data_port && node_settings_equal(&a->settings, &b->settings) &&
           a->settings_turn == b->settings_turn && a->served.version == b->served.version &&
           a->version_seen == b->version_seen && a->clients == b->clients &&
           a->started_ms == b->started_ms && a->attached == b->attached && a->leaving == b->leaving;
}

static size_t index_of(const struct world *world, const struct world_host *host)
{
    return (size_t)(host - world->hosts);
}

static void report_write(struct world *world, struct world_host *host, uint32_t slot)
{
    struct process *process = &host->processes[slot];
    struct node_report report = report_of(world, host, slot);

    if (!process->told || !same_report(&process->report, &report)) {
        world->keys.reported[index_of(world, host)][slot] = true;
        world->keys.reports[index_of(world, host)][slot] = report;
        world->changes++;
        process->told = true;
        process->report = report;
    }
}

static void report_remove(struct world *world, const struct world_host *host, uint32_t slot)
{
    bool *reported = &world->keys.reported[index_of(world, host)][slot];

    world->changes += *reported ? 1 : 0;
    *reported = false;
}

static void watcher_slot(struct world *world, struct world_host *host, uint32_t slot)
{
    struct process *process = &host->processes[slot];
    const struct intent *intent = world_intent(world, host->host.name, slot);

    if (intent == NULL && process->stopped) {
        *process = (struct process){ .broken = process->broken, .deaf = process->deaf };
        report_remove(world, host, slot);
        host->foreigner.leaving = false; /* its watcher ends; another one may be started */
    } else if (intent != NULL && intent->attached && intent->phase != INTENT_STOP &&
               !is_chosen(world, intent)) {
        *process = (struct process){ .deaf = process->deaf };
        report_remove(world, host, slot);
    } else if (intent != NULL && intent->attached && intent->phase != INTENT_STOP) {
        sidecar_run(world, host, process, intent);
    } else if (intent != NULL && intent->phase == INTENT_STOP) {
        watcher_stop(world, process, intent);
    } else if (intent != NULL) {
        watcher_run(world, process, intent);
    }
    if (process->known) {
        report_write(world, host, slot);
    }
}

static void lease_end(struct world *world, struct world_host *host)
{
    uint32_t slot;

    host->leased = false;
    world->changes++;
    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        report_remove(world, host, slot);
        host->processes[slot].told = false;
    }
}

/*
 * The data port is memcached's, the discovery port its watcher's, which answers for a process that
 * is down as well.
 */
static struct process *push_receiver(struct world *world, const struct push_target *push)
{
    struct process *process = world_process_at(world, push->ip, push->port);
    size_t h;
    uint32_t slot;

    for (h = 0; process == NULL && h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            struct process *other = &world->hosts[h].processes[slot];

            if (world->hosts[h].watcher_up && other->known && !other->stopped &&
                other->port == push->port + 1 && strcmp(other->ip, push->ip) == 0) {
                return other;
            }
        }
    }
    return process;
}

static void push_deliver(struct world *world, const struct push_target *push)
{
    const struct config *config = world->keys.config;
    struct process *process = push_receiver(world, push);

    if (config == NULL || config->head.version != push->version || process == NULL ||
        process->deaf || strcmp(process->uid, config->head.uid) != 0) {
        return;
    }
    if (process->version_seen < push->version) {
        process->served = config;
        process->version_seen = push->version;
    }
    process->told = false; /* somebody seems to miss the report */
}

static void push_end(struct world *world, size_t h, uint32_t slot)
{
    struct push_target *push = &world->pushes[h][slot];
    struct slot_observation *seen = &world->seen[h][slot];

    if (push->version == 0) {
        return;
    }
    push_deliver(world, push);
    seen->pushing_version = 0;
    seen->pushed_version = push->version;
    seen->push_retry_at_ms = world->now_ms + PUSH_RETRY_MS;
    *push = (struct push_target){ 0 };
    world->changes++;
}

static void pushes_deliver(struct world *world)
{
    uint32_t slot;
    size_t h;

    for (h = 0; h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            push_end(world, h, slot);
        }
    }
}

/* Whether clients know the joiner where it asked to be known. */
static bool is_served(const struct world *world, const struct join *join)
{
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *intent = &world->keys.intents[i];
        const struct member *member =
            world->keys.config == NULL ? NULL : config_member(world->keys.config, intent->slot);

        if (intent->attached && strcmp(intent->join, join->uid) == 0 && member != NULL &&
            member->port == join->data_port && strcmp(member->ip, join->ip) == 0) {
            return true;
        }
    }
    return false;
}

/* Who has seen a request drops it when its joiner is listed. */
static void joins_drop(struct world *world)
{
    struct world_keys *keys = &world->keys;
    size_t kept = 0;
    size_t i;

    for (i = 0; i < keys->joins_count; i++) {
        if (!is_served(world, &keys->joins[i].join)) {
            keys->joins[kept++] = keys->joins[i];
        }
    }
    world->changes += keys->joins_count - kept;
    keys->joins_count = kept;
}

void world_hosts_act(struct world *world)
{
    size_t i;
    uint32_t slot;

    pushes_deliver(world);
    joins_drop(world);
    for (i = 0; i < world->hosts_count; i++) {
        struct world_host *host = &world->hosts[i];

        if (!host->watcher_up) {
            if (host->leased && host->watcher_left_ms + WORLD_LEASE_MS <= world->now_ms) {
                lease_end(world, host);
            }
            continue;
        }
        world->changes += host->leased ? 0 : 1;
        host->leased = true;
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            watcher_slot(world, host, slot);
        }
    }
}
