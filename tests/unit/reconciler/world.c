#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"

#define ARENA_BYTES_MAX (UINT64_C(1) << 28)
#define PASSES_MAX 40

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
            .spec = { .name = WORLD_CLUSTER,
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
                      .progress_deadline_ms = WORLD_PROGRESS_DEADLINE_MS,
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

void world_pause(struct world *world, bool paused)
{
    world->keys.spec.paused = paused;
    world->changes++;
}

void world_resume(struct world *world)
{
    world_pause(world, false);
    world->keys.spec.resumed_ms++; /* the operator's clock is far behind */
}

void world_confirm(struct world *world)
{
    world->keys.spec.confirmed_ms = world->now_ms;
    world->changes++;
}

void world_cordon(struct world *world, size_t host, bool drain)
{
    world->keys.cordoned[host] = true;
    world->keys.cordons[host] = (struct cordon){ .host = world->hosts[host].host.name,
                                                 .drain = drain,
                                                 .since_ms = world->now_ms,
                                                 .reason = "" };
    world->changes++;
}

void world_uncordon(struct world *world, size_t host)
{
    world->keys.cordoned[host] = false;
    world->changes++;
}

void world_sidecar(struct world *world, size_t host)
{
    struct world_host *to = &world->hosts[host];

    to->host.sidecar = true;
    to->host.nodes_max = 0;
    to->host.ip_count = 0;
    to->foreigner =
        (struct foreigner){ .running = true,
                            .uid = arena_printf(&world->arena, "f00000000000000%zu", host),
                            .ip = arena_printf(&world->arena, "10.9.%zu.1", host + 1),
                            .port = NODE_DATA_PORT };
    world->changes++;
}

struct join_view *world_join(struct world *world, size_t host, uint32_t slot)
{
    const struct world_host *from = &world->hosts[host];
    struct world_keys *keys = &world->keys;
    size_t i = 0;

    while (i < keys->joins_count && strcmp(keys->joins[i].join.uid, from->foreigner.uid) < 0) {
        i++;
    }
    if (i == keys->joins_count || strcmp(keys->joins[i].join.uid, from->foreigner.uid) != 0) {
        cr_assert_lt(keys->joins_count, WORLD_JOINS_MAX);
        memmove(&keys->joins[i + 1], &keys->joins[i],
                (keys->joins_count - i) * sizeof(keys->joins[0]));
        keys->joins_count++;
    }
    keys->joins[i] = (struct join_view){
        .join = { .cluster = WORLD_CLUSTER,
                  .cluster_uid = keys->spec.uid,
                  .uid = from->foreigner.uid,
                  .host = from->host.name,
                  .ip = from->foreigner.ip,
                  .data_port = from->foreigner.port,
                  .discovery_port = (uint16_t)(from->foreigner.port - 1),
                  .slot_wanted = slot,
                  .settings = { .memory_bytes = SPEC_MEMORY_BYTES_DEFAULT / 2,
                                .threads = 1,
                                .connections_max = SPEC_CONNECTIONS_DEFAULT,
                                .item_bytes_max = SPEC_ITEM_BYTES_DEFAULT },
                  .issued_ms = world->now_ms,
                  .nonce = "",
                  .mac = "" },
        .watchers = 1,
        .seen_by = "h1",
        .seen_ms = world->now_ms,
    };
    world->changes++;
    return &keys->joins[i];
}

void world_leave(struct world *world, size_t host)
{
    world->hosts[host].foreigner.leaving = true;
}

void world_kill_process(struct world *world, size_t host, uint32_t slot)
{
    struct process *process = &world->hosts[host].processes[slot];

    if (process->attached) {
        world->hosts[host].foreigner.running = false;
    }
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
    world->hosts[host].foreigner.running = false;
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
    world->hosts[host].foreigner.running = world->hosts[host].foreigner.uid != NULL;
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
    world->keys.joins_count = 0; /* they hang on leases */
    for (i = 0; i < world->hosts_count; i++) {
        world->hosts[i].leased = false;
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            world->hosts[i].processes[slot].told = false;
        }
    }
    world_restart_controller(world);
}

size_t world_host(const struct world *world, const char *name)
{
    size_t i = 0;

    while (i < world->hosts_count && strcmp(world->hosts[i].host.name, name) != 0) {
        i++;
    }
    return i < world->hosts_count ? i : WORLD_HOSTS_MAX;
}

const struct node_report *world_report(const struct world *world, const char *host, uint32_t slot)
{
    size_t h = world_host(world, host);

    return h < WORLD_HOSTS_MAX && world->keys.reported[h][slot] ? &world->keys.reports[h][slot]
                                                                : NULL;
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

/* ---- the controller ---- */

/* Where a node is said to be; NULL: there is nothing to observe. */
struct place {
    const char *ip;
    uint16_t port;
    const struct node_report *report;
};

static bool is_anywhere(const struct world *world, uint32_t slot, const struct member *member)
{
    size_t h;
    size_t i;

    for (h = 0; h < world->hosts_count; h++) {
        const struct node_report *report = &world->keys.reports[h][slot];

        if (world->keys.reported[h][slot] && report->data_port == member->port &&
            strcmp(report->ip, member->ip) == 0) {
            return true;
        }
    }
    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *intent = &world->keys.intents[i];

        if (intent->slot == slot && intent->data_port == member->port &&
            strcmp(intent->ip, member->ip) == 0) {
            return true;
        }
    }
    return false;
}

/* `h` WORLD_HOSTS_MAX: the member whose address no host claims. */
static struct place place_of(struct world *world, size_t h, uint32_t slot)
{
    const struct member *member =
        world->keys.config == NULL ? NULL : config_member(world->keys.config, slot);
    const struct intent *intent;

    if (h == WORLD_HOSTS_MAX) {
        return member == NULL || is_anywhere(world, slot, member)
                   ? (struct place){ 0 }
                   : (struct place){ member->ip, member->port, NULL };
    }
    if (world->keys.reported[h][slot]) {
        const struct node_report *report = &world->keys.reports[h][slot];

        return (struct place){ report->ip, report->data_port, report };
    }
    intent = world_intent(world, world->hosts[h].host.name, slot);
    return intent == NULL ? (struct place){ 0 }
                          : (struct place){ intent->ip, intent->data_port, NULL };
}

static void note_since(uint64_t *since_ms, bool holds, uint64_t now_ms)
{
    if (!holds) {
        *since_ms = 0;
    } else if (*since_ms == 0) {
        *since_ms = now_ms;
    }
}

/* Nodes are probed while nobody reports them, or their host reports them down. */
static void observe_node(struct world *world, size_t h, uint32_t slot)
{
    struct slot_observation *seen = &world->seen[h][slot];
    struct slot_observation before = *seen;
    struct place place = place_of(world, h, slot);
    bool probed = place.ip != NULL && (place.report == NULL || place.report->state == NODE_DOWN);

    seen->slot = place.ip == NULL ? 0 : slot;
    seen->host = h == WORLD_HOSTS_MAX ? "" : world->hosts[h].host.name;
    note_since(&seen->unreachable_since_ms,
               probed && (world_process_at(world, place.ip, place.port) == NULL ||
                          (h < WORLD_HOSTS_MAX && world->hosts[h].unheard)),
               world->now_ms);
    note_since(&seen->report_gone_since_ms, place.ip != NULL && place.report == NULL,
               world->now_ms);
    if (before.unreachable_since_ms != seen->unreachable_since_ms ||
        before.report_gone_since_ms != seen->report_gone_since_ms) {
        world->changes++;
    }
}

static void observe(struct world *world)
{
    uint32_t version = world->keys.config == NULL ? 0 : world->keys.config->head.version;
    bool other = version != world->config_known;
    uint32_t slot;
    size_t h;

    if (other) {
        world->config_known = version;
        world->config_since_ms = world->now_ms;
    }
    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        for (h = 0; h <= WORLD_HOSTS_MAX; h++) {
            if (other) {
                world->seen[h][slot].push_retry_at_ms = 0;
            }
            if (h < world->hosts_count || h == WORLD_HOSTS_MAX) {
                observe_node(world, h, slot);
            }
        }
    }
}

/* Nothing is left to do, but perhaps to look again in the far future. */
static bool is_quiet(const struct world *world, const struct plan *plan)
{
    return plan->count == 0 || (plan->count == 1 && plan->effects[0].kind == EFFECT_WAKE_AT &&
                                world->now_ms + WORLD_FAR_MS < plan->effects[0].of.at_ms);
}

/* Returns whether the plan held anything that is written or pushed. */
static bool pass(struct world *world)
{
    struct arena arena;
    struct plan plan = { 0 };
    struct explanation explanation;
    struct view view;
    struct err err;
    bool busy = false;
    bool woken;
    size_t i;

    arena_init(&arena, ARENA_BYTES_MAX);
    observe(world);
    view = world_view(world, &arena);
    cr_assert_eq(reconcile_explained(&view, &arena, &plan, &explanation, &err), 0);
    world_check_laws(world, &explanation);
    woken = world->changes != world->changes_seen || world->wake_at_ms <= world->now_ms;
    world->quiet_last = is_quiet(world, &plan);
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
    world_hosts_act(world);
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

void world_converge(struct world *world, size_t hosts, uint32_t nodes)
{
    world_init(world, hosts);
    world_apply(world, nodes);
    world_settle(world, 20000);
    cr_assert(world_condition(world, CONDITION_CONVERGED));
    world_hush(world);
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
