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
    }
    if (process->running) {
        process->running = false;
        world->stops++;
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
        .served = { .digest = "" },
        .version_seen = process->version_seen,
        .started_ms = process->started_ms,
        .restarts = process->restarts,
        .clients = process->phase == INTENT_DRAIN ? process->clients : REPORT_CLIENTS_UNKNOWN,
        .problem = process->broken ? "dies at once" : "",
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
           a->served.version == b->served.version && a->version_seen == b->version_seen &&
           a->clients == b->clients && a->started_ms == b->started_ms;
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

void world_hosts_act(struct world *world)
{
    size_t i;
    uint32_t slot;

    pushes_deliver(world);
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
