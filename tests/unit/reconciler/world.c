#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"

#define ARENA_BYTES_MAX (UINT64_C(1) << 28)
#define PASSES_MAX 40
#define PUSH_RETRY_MS 500
#define CLIENTS 3
#define CLUSTER "c"

static const char *const host_names[WORLD_HOSTS_MAX] = { "h1", "h2", "h3", "h4",
                                                         "h5", "h6", "h7", "h8" };
static const char *const uids[] = { "0000000000000001", "0000000000000002", "0000000000000003",
                                    "0000000000000004" };

void world_init(struct world *world, size_t hosts)
{
    size_t i;

    memset(world, 0, sizeof(*world));
    arena_init(&world->arena, ARENA_BYTES_MAX);
    str_init(&world->trace, 1U << 20);
    world->now_ms = WORLD_START_MS;
    world->hosts_count = hosts;
    world->partition = PARTITION_IN_PROCESS;
    world->controller_up = true;
    world->effects_left = SIZE_MAX;
    world->wake_at_ms = UINT64_MAX;
    for (i = 0; i < hosts; i++) {
        world->hosts[i] = (struct world_host){
            .host = { .name = host_names[i],
                      .zone = "z",
                      .memory_bytes = UINT64_C(4) << 30,
                      .nodes_max = 16,
                      .ip_first = arena_printf(&world->arena, "10.0.%zu.1", i + 1),
                      .ip_count = 16,
                      .data_port = NODE_DATA_PORT,
                      .watcher_version = "0.1.0",
                      .memcached_version = "1.6.18",
                      .problem = "" },
            .machine_up = true,
            .watcher_up = true,
        };
    }
}

void world_deinit(struct world *world)
{
    str_deinit(&world->trace);
    arena_deinit(&world->arena);
}

void world_apply(struct world *world, uint32_t nodes)
{
    struct spec_record *record = &world->keys.spec;

    if (!world->keys.spec_there) {
        *record = (struct spec_record){
            .spec = { .name = CLUSTER,
                      .settings = { .memory_bytes = SPEC_MEMORY_BYTES_DEFAULT,
                                    .threads = SPEC_THREADS_DEFAULT,
                                    .connections_max = SPEC_CONNECTIONS_DEFAULT,
                                    .item_bytes_max = SPEC_ITEM_BYTES_DEFAULT },
                      .spread_by = SPEC_SPREAD_HOST,
                      .unavailable_max = 1,
                      .surge_max = 1,
                      .drain_ms = WORLD_DRAIN_MS,
                      .converge_timeout_ms = WORLD_CONVERGE_TIMEOUT_MS,
                      .fail_after_ms = WORLD_FAIL_AFTER_MS,
                      .domain = "" },
            .uid = uids[world->incarnation++ % ARRAY_COUNT(uids)],
            .created_ms = world->now_ms,
        };
        world->keys.spec_there = true;
    }
    record->spec.nodes = nodes;
    world->changes++;
    record->generation++;
}

void world_set_memory(struct world *world, uint64_t memory_bytes)
{
    world->keys.spec.spec.settings.memory_bytes = memory_bytes;
    world->changes++;
    world->keys.spec.generation++;
}

void world_delete(struct world *world)
{
    world->keys.spec.deleting = true;
    world->changes++;
    world->keys.spec.generation++;
}

void world_kill_process(struct world *world, size_t host, uint32_t slot)
{
    struct process *process = &world->hosts[host].processes[slot];

    world->kills += process->running ? 1 : 0;
    process->running = false;
}

void world_kill_watcher(struct world *world, size_t host)
{
    if (world->hosts[host].watcher_up) {
        world->hosts[host].watcher_up = false;
        world->hosts[host].watcher_left_ms = world->now_ms;
    }
}

void world_start_watcher(struct world *world, size_t host)
{
    world->hosts[host].watcher_up = world->hosts[host].machine_up;
}

void world_kill_machine(struct world *world, size_t host)
{
    uint32_t slot;

    world_kill_watcher(world, host);
    world->hosts[host].machine_up = false;
    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        struct process *process = &world->hosts[host].processes[slot];

        /* The partition's segment is on tmpfs: it goes with the machine. */
        *process = (struct process){ .broken = process->broken, .deaf = process->deaf };
    }
}

void world_start_machine(struct world *world, size_t host)
{
    world->hosts[host].machine_up = true;
    world->hosts[host].watcher_up = true;
}

void world_restart_controller(struct world *world)
{
    memset(world->seen, 0, sizeof(world->seen));
    memset(world->pushes, 0, sizeof(world->pushes));
    world->config_known = 0;
    world->effects_left = SIZE_MAX;
    world->controller_up = true;
    world->changes++;
}

struct world_keys world_backup(const struct world *world)
{
    return world->keys;
}

void world_restore(struct world *world, const struct world_keys *keys)
{
    uint32_t slot;
    size_t i;

    world->restored = true;
    world->keys = *keys;
    memset(world->keys.reported, 0, sizeof(world->keys.reported));
    for (i = 0; i < world->hosts_count; i++) {
        world->hosts[i].leased = false;
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            world->hosts[i].processes[slot].told = false;
        }
    }
    world_restart_controller(world);
}

struct intent *world_intent(struct world *world, const char *host, uint32_t slot)
{
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        struct intent *intent = &world->keys.intents[i];

        if (intent->slot == slot && strcmp(intent->host, host) == 0) {
            return intent;
        }
    }
    return NULL;
}

struct process *world_process_at(struct world *world, const char *ip, uint16_t port)
{
    size_t i;
    uint32_t slot;

    for (i = 0; i < world->hosts_count; i++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            struct process *process = &world->hosts[i].processes[slot];

            if (process->running && process->port == port && strcmp(process->ip, ip) == 0) {
                return process;
            }
        }
    }
    return NULL;
}

/* ---- watchers ---- */

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
    if (intent->phase == INTENT_DRAIN && 0 < process->clients) {
        process->clients--;
    }
}

static void watcher_stop(struct world *world, struct process *process)
{
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
                                    uint32_t slot, const struct intent *intent)
{
    const struct process *process = &host->processes[slot];
    struct node_report report = {
        .cluster = CLUSTER,
        .slot = slot,
        .host = host->host.name,
        .uid = process->uid != NULL ? process->uid : intent->uid,
        .state = state_of(world, process),
        .partition = process->running ? world->partition : PARTITION_NONE,
        .ip = process->ip != NULL ? process->ip : intent->ip,
        .data_port = process->ip != NULL ? process->port : intent->data_port,
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

/*
 * A watcher that was told to run the slot writes what it has to say; any other one only where
 * nobody else's report stands. Returns whether another one's does.
 */
static bool report_write(struct world *world, struct world_host *host, uint32_t slot,
                         const struct intent *intent)
{
    struct process *process = &host->processes[slot];
    struct node_report report = report_of(world, host, slot, intent);
    struct node_report *key = &world->keys.reports[slot];
    bool contested = intent == NULL || intent->phase == INTENT_STOP;
    bool foreign = world->keys.reported[slot] && strcmp(key->host, report.host) != 0;

    if (contested && foreign) {
        return true;
    }
    if (!process->told || !same_report(&process->report, &report)) {
        world->keys.reported[slot] = true;
        world->changes++;
        *key = report;
        process->told = true;
        process->report = report;
    }
    return false;
}

static void report_remove(struct world *world, const struct world_host *host, uint32_t slot)
{
    if (world->keys.reported[slot] &&
        strcmp(world->keys.reports[slot].host, host->host.name) == 0) {
        world->keys.reported[slot] = false;
        world->changes++;
    }
}

static void watcher_slot(struct world *world, struct world_host *host, uint32_t slot)
{
    struct process *process = &host->processes[slot];
    const struct intent *intent = world_intent(world, host->host.name, slot);

    if (intent == NULL && process->stopped) {
        *process = (struct process){ .broken = process->broken, .deaf = process->deaf };
        report_remove(world, host, slot);
    } else if (intent != NULL && intent->phase == INTENT_STOP) {
        watcher_stop(world, process);
    } else if (intent != NULL) {
        watcher_run(world, process, intent);
    }
    if (process->known && report_write(world, host, slot, intent) && process->stopped &&
        intent != NULL) {
        world_intent_remove(world, intent); /* the answer to the order, as its key is taken */
        world->changes++;
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

/* The discovery port is the watcher's, the data port memcached's; both lead to its inbox. */
static struct process *push_receiver(struct world *world, const struct push_target *push)
{
    struct process *process = world_process_at(world, push->ip, push->port);

    return process != NULL ? process
                           : world_process_at(world, push->ip, (uint16_t)(push->port + 1));
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

static void pushes_deliver(struct world *world)
{
    uint32_t slot;

    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        const struct push_target *push = &world->pushes[slot];

        if (push->version == 0) {
            continue;
        }
        push_deliver(world, push);
        world->seen[slot].pushing_version = 0;
        world->seen[slot].pushed_version = push->version;
        world->seen[slot].push_retry_at_ms = world->now_ms + PUSH_RETRY_MS;
        world->pushes[slot] = (struct push_target){ 0 };
        world->changes++;
    }
}

static void hosts_act(struct world *world)
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

/* ---- the controller ---- */

static bool slot_is_reachable(struct world *world, uint32_t slot, bool *asked)
{
    const struct intent *newest = NULL;
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *intent = &world->keys.intents[i];

        if (intent->slot == slot &&
            (newest == NULL || newest->phase_since_ms < intent->phase_since_ms)) {
            newest = intent;
        }
    }
    *asked = newest != NULL;
    return newest != NULL && world_process_at(world, newest->ip, newest->data_port) != NULL;
}

static void observe(struct world *world)
{
    uint32_t version = world->keys.config == NULL ? 0 : world->keys.config->head.version;
    uint32_t slot;

    if (version != world->config_known) {
        world->config_known = version;
        world->config_since_ms = world->now_ms;
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            world->seen[slot].push_retry_at_ms = 0;
        }
    }
    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        struct slot_observation *seen = &world->seen[slot];
        struct slot_observation before = *seen;
        bool asked;
        bool reachable = slot_is_reachable(world, slot, &asked);

        seen->slot = slot;
        if (!asked || reachable) {
            seen->unreachable_since_ms = 0;
        } else if (seen->unreachable_since_ms == 0) {
            seen->unreachable_since_ms = world->now_ms;
        }
        if (!asked || world->keys.reported[slot]) {
            seen->report_gone_since_ms = 0;
        } else if (seen->report_gone_since_ms == 0) {
            seen->report_gone_since_ms = world->now_ms;
        }
        if (before.unreachable_since_ms != seen->unreachable_since_ms ||
            before.report_gone_since_ms != seen->report_gone_since_ms) {
            world->changes++;
        }
    }
}

/* Returns whether the plan held anything that is written or pushed. */
static bool pass(struct world *world)
{
    struct arena arena;
    struct plan plan = { 0 };
    struct view view;
    struct err err;
    bool busy = false;
    bool woken;
    size_t i;

    arena_init(&arena, ARENA_BYTES_MAX);
    observe(world);
    view = world_view(world, &arena);
    cr_assert_eq(reconcile(&view, &arena, &plan, &err), 0);
    woken = world->changes != world->changes_seen || world->wake_at_ms <= world->now_ms;
    world->quiet_last = plan.count == 0;
    world->changes_seen = world->changes;
    world->wake_at_ms = UINT64_MAX;
    for (i = 0; i < plan.count && world->controller_up; i++) {
        if (plan.effects[i].kind == EFFECT_WAKE_AT) {
            cr_assert_lt(world->now_ms, plan.effects[i].of.at_ms, "a wake-up in the past: %s",
                         plan.effects[i].why);
            world->wake_at_ms = plan.effects[i].of.at_ms;
            continue;
        }
        if (world->effects_left == 0) {
            world->controller_up = false;
            break;
        }
        world->effects_left -= world->effects_left == SIZE_MAX ? 0 : 1;
        busy = true;
        cr_assert(woken, "%s at %llu, but nobody would have woken the controller",
                  plan.effects[i].why, (unsigned long long)(world->now_ms - WORLD_START_MS));
        world->changes++;
        world_effect(world, &plan.effects[i]);
    }
    arena_deinit(&arena);
    return busy;
}

static void passes(struct world *world)
{
    size_t count = 0;

    while (world->controller_up && pass(world)) {
        count++;
        cr_assert_lt(count, PASSES_MAX, "the passes find no end:\n%s", str_text(&world->trace));
    }
}

void world_step(struct world *world)
{
    hosts_act(world);
    passes(world);
    world_check(world);
    world->now_ms += WORLD_STEP_MS;
}

void world_run(struct world *world, uint64_t ms)
{
    uint64_t until = world->now_ms + ms;

    while (world->now_ms < until) {
        world_step(world);
    }
}

/* Two steps in a row: what the first left to the watchers is seen in the second. */
void world_settle(struct world *world, uint64_t ms)
{
    uint64_t until = world->now_ms + ms;
    size_t quiet = 0;

    while (quiet < 2) {
        cr_assert_lt(world->now_ms, until, "not settled:\n%s", str_text(&world->trace));
        world_step(world);
        quiet = world->quiet_last ? quiet + 1 : 0;
    }
}

void world_hush(struct world *world)
{
    str_clear(&world->trace);
}

void world_expect(struct world *world, const char *text)
{
    cr_expect_str_eq(str_text(&world->trace), text, "expected:\n%sgot:\n%s", text,
                     str_text(&world->trace));
    world_hush(world);
}

bool world_condition(const struct world *world, enum condition_type type)
{
    const struct status *status = world->keys.status;

    return status != NULL && status->conditions[type].reason[0] != '\0' &&
           status->conditions[type].status;
}

const char *world_reason(const struct world *world, enum condition_type type)
{
    return world->keys.status == NULL ? "" : world->keys.status->conditions[type].reason;
}

const char *world_message(const struct world *world, enum condition_type type)
{
    return world->keys.status == NULL ? "" : world->keys.status->conditions[type].message;
}

const char *world_members(struct world *world)
{
    char text[WORLD_SLOTS_MAX * SLOT_TEXT_SIZE + 1] = "";
    const struct config *config = world->keys.config;
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        char slot[SLOT_TEXT_SIZE];

        slot_format(config->head.members[i].slot, slot);
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i == 0 ? "" : " ",
                       slot);
    }
    return arena_strdup(&world->arena, text);
}
