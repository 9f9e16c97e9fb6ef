/*
 * What nobody thought of: controllers that die between any two effects, and random faults.
 *
 * The world checks the promises at every effect; here it is only driven. A seed reproduces a run.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define WALKS 500
#define WALK_MOVES 25
#define WALK_HOSTS 4
#define WALK_SIDECARS 2 /* hosts behind those */
#define SETTLE_MS 120000

/* xorshift64*: small, and the same everywhere. */
static uint32_t draw(uint64_t *state, uint32_t limit)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

/* ---- death of the controller ---- */

struct change {
    const char *name;
    size_t hosts;
    uint32_t nodes; /* before */
    void (*make)(struct world *world);
    int sidecar; /* the last host has one; 2: and has joined before */
};

static void grow(struct world *world)
{
    world_apply(world, 5);
}

static void shrink(struct world *world)
{
    world_apply(world, 2);
}

static void turn(struct world *world)
{
    world_set_memory(world, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_apply(world, 4);
}

static void lose_host(struct world *world)
{
    world_kill_machine(world, 1);
}

static void drain(struct world *world)
{
    world_cordon(world, 0, true);
}

static void succeed(struct world *world)
{
    world->keys.spec.spec.unavailable_max = 0;
    world_set_memory(world, SPEC_MEMORY_BYTES_DEFAULT * 2);
}

static void delete (struct world *world)
{
    world_delete(world);
}

/* The last host has a sidecar. */
static void join(struct world *world)
{
    (void)world_join(world, world->hosts_count - 1, 0);
}

static void leave(struct world *world)
{
    world_leave(world, world->hosts_count - 1);
}

static void lose_joiner(struct world *world)
{
    world_kill_machine(world, world->hosts_count - 1);
}

static void close(struct world *world)
{
    world->keys.spec.spec.membership = SPEC_MEMBERSHIP_MANAGED;
    world->keys.spec.spec.nodes_max = 0;
    world_apply(world, world->keys.spec.spec.nodes);
}

static const struct change changes[] = {
    { "grow", 3, 3, grow, 0 },      { "shrink", 3, 5, shrink, 0 },
    { "turn", 3, 3, turn, 0 },      { "lose-host", 4, 3, lose_host, 0 },
    { "drain", 3, 4, drain, 0 },    { "succeed", 3, 3, succeed, 0 },
    { "delete", 3, 3, delete, 0 },  { "join", 4, 3, join, 1 },
    { "leave", 4, 3, leave, 2 },    { "lose-joiner", 4, 3, lose_joiner, 2 },
    { "close", 4, 3, close, 2 },    { "delete-joined", 4, 3, delete, 2 },
    { "grow-over", 5, 3, grow, 2 },
};

/* What is left at the end, versions aside: a death may cost one. */
static const char *end_of(struct world *w)
{
    size_t i;

    world_hush(w);
    str_appendf(&w->trace, "members %s; starts %zu stops %zu restarts %zu;", world_members(w),
                w->starts, w->stops, w->restarts);
    for (i = 0; i < w->keys.intents_count; i++) {
        const struct intent *intent = &w->keys.intents[i];

        str_appendf(&w->trace, " %u@%s:%s:%s", intent->slot, intent->host, intent->ip,
                    intent_phase_text(intent->phase));
    }
    str_appendf(&w->trace, "; alias %d; spec %d", w->keys.alias_there, w->keys.spec_there);
    return arena_strdup(&w->arena, str_text(&w->trace));
}

/* Make the change; the controller dies before its effect `at`. Returns whether it came to that. */
static bool run_with_death(const struct change *change, size_t at, struct world *w)
{
    bool died;

    world_init(w, change->hosts);
    world_apply(w, change->nodes);
    if (0 < change->sidecar) {
        world_sidecar(w, change->hosts - 1);
        w->keys.spec.spec.membership = SPEC_MEMBERSHIP_JOINABLE;
        w->keys.spec.spec.nodes_max = WORLD_SLOTS_MAX;
    }
    world_settle(w, SETTLE_MS);
    if (1 < change->sidecar) {
        join(w);
        world_settle(w, SETTLE_MS);
    }
    change->make(w);
    w->effects_left = at;
    world_run(w, 8000);
    died = !w->controller_up;
    if (died) {
        world_restart_controller(w);
    }
    world_run(w, 8000);
    world_settle(w, SETTLE_MS);
    return died;
}

static void die_everywhere(const struct change *change)
{
    struct world whole;
    const char *expected;
    size_t at = 0;
    bool died;

    cr_assert_not(run_with_death(change, SIZE_MAX, &whole));
    expected = end_of(&whole);
    do {
        struct world w;

        died = run_with_death(change, at, &w);
        cr_assert_str_eq(end_of(&w), expected, "%s, death before effect %zu:\n%s\n%s", change->name,
                         at, str_text(&w.trace), expected);
        world_deinit(&w);
        at++;
    } while (died);
    cr_assert_gt(at, 5, "%s has too few effects to die in", change->name);
    world_deinit(&whole);
}

Test(walks, a_controller_may_die_before_any_effect)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(changes); i++) {
        die_everywhere(&changes[i]);
    }
}

/* ---- random walks ---- */

struct walk {
    struct world world;
    uint64_t random;
    struct world_keys backup;
    bool backed_up;
};

static void move_spec(struct walk *walk)
{
    struct world *w = &walk->world;

    if (draw(&walk->random, 3) == 0) {
        world_set_memory(w, SPEC_MEMORY_BYTES_DEFAULT * (1 + draw(&walk->random, 2)));
    } else {
        world_apply(w, 1 + draw(&walk->random, 7));
    }
}

static void move_operator(struct walk *walk)
{
    struct world *w = &walk->world;
    size_t host = draw(&walk->random, WALK_HOSTS);

    switch (draw(&walk->random, 7)) {
    case 0:
        world_cordon(w, host, false);
        break;
    case 1:
        world_cordon(w, host, true);
        break;
    case 2:
        world_uncordon(w, host);
        break;
    case 3:
        world_pause(w, true);
        break;
    case 4:
        world_resume(w);
        break;
    case 5:
        world_confirm(w);
        break;
    default:
        w->keys.spec.spec.unavailable_max = draw(&walk->random, 3);
        w->keys.spec.spec.surge_max = 1 + draw(&walk->random, 2);
        world_apply(w, w->keys.spec.spec.nodes);
        break;
    }
}

static void move_host(struct walk *walk)
{
    struct world *w = &walk->world;
    size_t host = draw(&walk->random, WALK_HOSTS + WALK_SIDECARS);

    switch (draw(&walk->random, 5)) {
    case 0:
        world_kill_watcher(w, host);
        break;
    case 1:
        world_kill_machine(w, host);
        break;
    case 2:
        world_kill_process(w, host, 1 + draw(&walk->random, 7));
        break;
    default:
        world_start_machine(w, host);
        break;
    }
}

/* Those who joined, and the spec that lets them. */
static void move_joiner(struct walk *walk)
{
    struct world *w = &walk->world;
    size_t host = WALK_HOSTS + draw(&walk->random, WALK_SIDECARS);
    uint32_t nodes = w->keys.spec.spec.nodes;

    switch (draw(&walk->random, 7)) {
    case 0:
    case 1:
    case 2:
        if (w->hosts[host].watcher_up && !w->hosts[host].foreigner.leaving) {
            (void)world_join(w, host, draw(&walk->random, 10));
        }
        break;
    case 3:
        world_leave(w, host);
        break;
    case 4:
        w->keys.spec.spec.membership = SPEC_MEMBERSHIP_MANAGED;
        w->keys.spec.spec.nodes_max = 0;
        world_apply(w, nodes);
        break;
    case 5:
        world_cordon(w, host, true);
        break;
    default:
        w->keys.spec.spec.membership = SPEC_MEMBERSHIP_JOINABLE;
        w->keys.spec.spec.nodes_max = nodes + draw(&walk->random, 3);
        world_apply(w, nodes);
        break;
    }
}

static void move_controller(struct walk *walk)
{
    struct world *w = &walk->world;

    if (w->controller_up) {
        w->effects_left = draw(&walk->random, 20);
    } else {
        world_restart_controller(w);
    }
}

static void move_etcd(struct walk *walk)
{
    if (walk->backed_up && draw(&walk->random, 2) == 0) {
        world_restore(&walk->world, &walk->backup);
    } else {
        walk->backup = world_backup(&walk->world);
        walk->backed_up = true;
    }
}

static void move_any(struct walk *walk)
{
    struct world *w = &walk->world;

    switch (draw(&walk->random, 14)) {
    case 11:
    case 12:
    case 13:
        move_joiner(walk);
        break;
    case 9:
    case 10:
        move_operator(walk);
        break;
    case 0:
    case 1:
    case 2:
        move_spec(walk);
        break;
    case 3:
    case 4:
    case 5:
        move_host(walk);
        break;
    case 6:
        move_controller(walk);
        break;
    case 7:
        move_etcd(walk);
        break;
    default:
        w->hosts[draw(&walk->random, WALK_HOSTS + WALK_SIDECARS)]
            .processes[1 + draw(&walk->random, 7)]
            .deaf = draw(&walk->random, 2) == 0;
        break;
    }
    world_run(w, WORLD_STEP_MS * (1 + (uint64_t)draw(&walk->random, 30)));
}

/* One host may stay cordoned: there is room enough for its nodes elsewhere. */
static void heal(struct world *w)
{
    size_t host;
    uint32_t slot;

    world_resume(w);
    for (host = 0; host < w->hosts_count; host++) {
        if (host != 0) {
            world_uncordon(w, host);
        }
        world_start_machine(w, host);
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            w->hosts[host].processes[slot].deaf = false;
        }
    }
    world_restart_controller(w);
}

/* Nodes that the spec does not ask for, and that stay because they joined. */
static uint32_t guests(const struct world *w)
{
    uint32_t count = 0;
    size_t i;

    for (i = 0; i < w->keys.intents_count; i++) {
        const struct intent *intent = &w->keys.intents[i];

        cr_assert(intent->phase == INTENT_RUN, "slot %u on %s is still to %s", intent->slot,
                  intent->host, intent_phase_text(intent->phase));
        count += w->keys.spec.spec.nodes < intent->slot ? 1 : 0;
        cr_assert(intent->slot <= w->keys.spec.spec.nodes || intent->attached);
    }
    return count;
}

/* Once the faults stop, every cluster converges, and then nothing more is written. */
static void check_end(struct world *w, uint64_t seed)
{
    const struct config *config = w->keys.config;
    size_t writes = w->writes;
    size_t i;

    cr_assert(world_condition(w, CONDITION_CONVERGED), "seed %llu: %s:\n%s",
              (unsigned long long)seed, world_message(w, CONDITION_CONVERGED), str_text(&w->trace));
    cr_assert_eq(config->head.members_count, w->keys.spec.spec.nodes + guests(w));
    cr_assert_eq(w->keys.status->nodes_updated, w->keys.spec.spec.nodes + guests(w));
    cr_assert_eq(w->keys.status->progress_ms, 0);
    for (i = 0; i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];
        const struct process *process = world_process_at(w, member->ip, member->port);

        cr_assert(process != NULL && process->served != NULL &&
                      strcmp(process->served->digest, config->digest) == 0,
                  "seed %llu: slot %u does not serve:\n%s", (unsigned long long)seed, member->slot,
                  str_text(&w->trace));
    }
    world_run(w, 20000);
    cr_assert_eq(w->writes, writes, "seed %llu: writes go on", (unsigned long long)seed);
}

static void walk_once(uint64_t seed)
{
    struct walk walk = { .random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1 };
    struct world *w = &walk.world;
    size_t i;

    world_init(w, WALK_HOSTS + WALK_SIDECARS);
    for (i = WALK_HOSTS; i < WALK_HOSTS + WALK_SIDECARS; i++) {
        world_sidecar(w, i);
    }
    world_apply(w, 1 + draw(&walk.random, 5));
    world_run(w, WORLD_STEP_MS * (uint64_t)draw(&walk.random, 20));
    for (i = 0; i < WALK_MOVES; i++) {
        move_any(&walk);
    }
    heal(w);
    world_run(w, 15000);
    world_settle(w, SETTLE_MS);
    world_resume(w); /* who came up late may have been waited for too long */
    world_run(w, 15000);
    world_settle(w, SETTLE_MS);
    check_end(w, seed);
    world_deinit(w);
}

Test(walks, every_cluster_converges_once_the_faults_stop, .timeout = 300)
{
    const char *chosen = getenv("WALK_SEED");
    uint64_t seed;

    if (chosen != NULL) {
        walk_once(strtoull(chosen, NULL, 10));
        return;
    }
    for (seed = 1; seed <= WALKS; seed++) {
        cr_log_info("seed %llu", (unsigned long long)seed);
        walk_once(seed);
    }
}
