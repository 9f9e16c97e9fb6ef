/* One run: the world from the seed, the steps, then the end of all faults, and rest. */
#include "sim/sim_world.h"

#include "sim/sim_acts.h"
#include "sim/sim_check.h"
#include "sim/sim_joiner.h"
#include "sim/sim_nodes.h"
#include "sim/sim_operator.h"
#include "sim/sim_spread.h"

#define FEW_HOSTS_MAX 5
#define FEW_PER_MILLE 930
#define JOINERS_PER_MILLE 250
#define STEP_MS_MAX 6000 /* between two acts, mostly */
#define LONG_STEP_MS_MAX 60000
#define LONG_PER_MILLE 80
/* Of the acts, how many are the operator's, the hosts', and the rest. */
#define PARTS 100
#define OPERATOR_PARTS 35
#define NODES_PARTS 35
#define JOINERS_PARTS 10    /* where there are any */
#define QUIET_PER_MILLE 300 /* how often time alone passes */
#define REST_MS_MAX 1800000 /* after the last fault */
#define REST_QUIET_MS 30000 /* without any write, then it is at rest */
/* How often nodes are left to themselves before that, and how often they are watched at rest. */
#define ALONE_PER_MILLE 150
#define ETCD_TOO_PER_MILLE 500
#define LONG_REST_PER_MILLE 50
#define LONG_REST_MS 180000

/* ---- The world ---- */

static void draw_world(struct sim_world *world)
{
    struct sim *sim = world->sim;

    world->controllers_count = (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, SIM_CONTROLLERS_MAX);
    world->hosts_count = sim_chance(sim, SIM_CHANCE_WORLD, FEW_PER_MILLE)
                             ? (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, FEW_HOSTS_MAX)
                             : (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, SIM_HOSTS_MAX);
    world->clusters_count = sim_chance(sim, SIM_CHANCE_WORLD, FEW_PER_MILLE)
                                ? (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, 2)
                                : (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, SIM_CLUSTERS_MAX);
    world->joiners_count = sim_chance(sim, SIM_CHANCE_WORLD, JOINERS_PER_MILLE)
                               ? (size_t)sim_between(sim, SIM_CHANCE_WORLD, 1, SIM_JOINERS_MAX)
                               : 0;
}

void sim_world_begin(struct sim_world *world)
{
    size_t i;

    world->check = sim_check_new(world);
    for (i = 0; i < world->controllers_count; i++) {
        sim_controller_init(world->sim, &world->controllers[i], (unsigned)i + 1);
        sim_controller_start(&world->controllers[i]);
    }
    world->nodes = sim_nodes_new(world);
    world->people = sim_operator_new(world);
}

void sim_world_end(struct sim_world *world)
{
    size_t i;

    for (i = 0; i < world->controllers_count; i++) {
        sim_controller_deinit(&world->controllers[i]);
    }
    sim_nodes_free(world->nodes);
    sim_operator_free(world->people);
    sim_check_free(world->check);
}

/* ---- Steps ---- */

bool sim_world_is_broken(const struct sim_world *world)
{
    return sim_broken_text(world->sim)[0] != '\0';
}

/* Promises about nodes are looked at after each event: what is wrong may heal by the next one. */
void sim_world_pass(struct sim_world *world, uint64_t for_ms)
{
    uint64_t until_ms = sim_now_ms(world->sim) + for_ms;

    while (!sim_world_is_broken(world) && sim_next(world->sim, until_ms)) {
    }
    sim_nodes_check(world->nodes);
}

static bool is_on(const struct sim_world *world, const struct sim_act *act)
{
    return act->fault == SIM_FAULT_COUNT ||
           (sim_options(world->sim)->faults >> act->fault & 1) != 0;
}

/* One of the list, by weight. */
static const struct sim_act *draw_from(struct sim_world *world, const struct sim_act *acts,
                                       size_t count)
{
    uint64_t sum = 0;
    uint64_t drawn;
    size_t i;

    for (i = 0; i < count; i++) {
        sum += acts[i].weight;
    }
    drawn = sim_below(world->sim, SIM_CHANCE_STEPS, sum);
    for (i = 0; i + 1 < count && acts[i].weight <= drawn; i++) {
        drawn -= acts[i].weight;
    }
    return &acts[i];
}

/* Acts that are switched off are drawn all the same and then left out: the others stay as they
 * were. */
static const struct sim_act *draw_act(struct sim_world *world)
{
    uint64_t part = sim_below(world->sim, SIM_CHANCE_STEPS, PARTS);
    size_t count;
    const struct sim_act *acts;

    if (part < OPERATOR_PARTS) {
        acts = sim_operator_acts(&count);
    } else if (part < OPERATOR_PARTS + NODES_PARTS) {
        acts = sim_nodes_acts(&count);
    } else if (world->joiners_count != 0 && part < OPERATOR_PARTS + NODES_PARTS + JOINERS_PARTS) {
        acts = sim_joiner_acts(&count);
    } else {
        acts = sim_core_acts(&count);
    }
    return draw_from(world, acts, count);
}

static void step(struct sim_world *world)
{
    struct sim *sim = world->sim;
    const struct sim_act *act;
    uint64_t for_ms;

    if (!sim_chance(sim, SIM_CHANCE_STEPS, QUIET_PER_MILLE)) {
        act = draw_act(world);
        if (is_on(world, act)) {
            sim_trace(sim, "---- %s ----", act->name);
            act->run(world);
        }
    }
    for_ms = sim_chance(sim, SIM_CHANCE_STEPS, LONG_PER_MILLE)
                 ? sim_between(sim, SIM_CHANCE_STEPS, 0, LONG_STEP_MS_MAX)
                 : sim_between(sim, SIM_CHANCE_STEPS, 0, STEP_MS_MAX);
    sim_world_pass(world, for_ms);
}

/* ---- Rest ---- */

static void heal(struct sim_world *world)
{
    size_t i;

    sim_heal(world->sim);
    sim_etcd_heal(sim_etcd(world->sim));
    for (i = 0; i < world->controllers_count; i++) {
        struct sim_party *party = &world->controllers[i].party;

        party->effects_left = 0;
        party->wall_offset_ms %= SIM_SKEW_MS_MAX;
    }
    sim_nodes_heal(world->nodes);
    sim_operator_heal(world->people);
}

/*
 * Without controllers, and perhaps without etcd: what one node has reaches all that it is connected
 * with.
 */
static void go_alone(struct sim_world *world)
{
    uint64_t for_ms = SIM_SPREAD_MS(world->hosts_count);
    const char *lag;
    size_t i;

    sim_trace(world->sim, "---- without controllers ----");
    for (i = 0; i < world->controllers_count; i++) {
        sim_controller_stop(&world->controllers[i]);
    }
    if (sim_chance(world->sim, SIM_CHANCE_STEPS, ETCD_TOO_PER_MILLE)) {
        sim_etcd_lose_quorum(sim_etcd(world->sim), for_ms);
    }
    sim_world_pass(world, for_ms);
    lag = sim_spread_lag(world->nodes);
    if (lag[0] != '\0') {
        sim_broken(world->sim, "P1", "%s", lag);
    }
    for (i = 0; i < world->controllers_count && !sim_world_is_broken(world); i++) {
        sim_controller_start(&world->controllers[i]);
    }
}

/* All that changes in etcd, and all that is written to partitions of others. */
static uint64_t writes_of(const struct sim_world *world)
{
    return sim_nodes_changes(world->nodes) + sim_nodes_writes(world->nodes);
}

/* Returns whether nothing was written meanwhile. */
static bool pass_quietly(struct sim_world *world, uint64_t for_ms)
{
    uint64_t writes = writes_of(world);

    sim_world_pass(world, for_ms);
    return writes == writes_of(world);
}

/* P2: it converges, and then writes nothing. Looked at when nothing was written for a while. */
static void come_to_rest(struct sim_world *world)
{
    struct sim *sim = world->sim;
    uint64_t end_ms = sim_now_ms(sim) + REST_MS_MAX;

    while (!sim_world_is_broken(world)) {
        bool is_quiet = pass_quietly(world, REST_QUIET_MS);

        if (world->restored || world->orders_lost) {
            sim_operator_find_lost(world->people);
        }
        if (is_quiet && sim_check_unrest(world->check)[0] == '\0') {
            return;
        }
        if (end_ms <= sim_now_ms(sim)) {
            const char *unrest = sim_check_unrest(world->check);

            sim_broken(sim, "P2", "%s", unrest[0] != '\0' ? unrest : "writes go on for ever");
        }
    }
}

/* What comes back only now and then does so within minutes. A lease that nobody knows of may end,
 * which is no write. */
static void stay_at_rest(struct sim_world *world)
{
    const char *lag = sim_spread_lag(world->nodes);
    uint64_t writes = sim_nodes_writes(world->nodes) + sim_nodes_commits(world->nodes);

    if (lag[0] != '\0') {
        sim_broken(world->sim, "P2", "at rest, %s", lag);
    }
    if (!sim_chance(world->sim, SIM_CHANCE_STEPS, LONG_REST_PER_MILLE) ||
        sim_joiner_asks(world->nodes)) {
        return;
    }
    sim_world_pass(world, LONG_REST_MS);
    if (writes != sim_nodes_writes(world->nodes) + sim_nodes_commits(world->nodes)) {
        sim_broken(world->sim, "P2", "at rest, something is written");
    }
}

const char *sim_world_rest(struct sim_world *world, bool converged)
{
    uint64_t end_ms = sim_now_ms(world->sim) + REST_MS_MAX;
    const char *unrest = "";

    while (!sim_world_is_broken(world)) {
        bool is_quiet = pass_quietly(world, REST_QUIET_MS);

        unrest = converged ? sim_check_unrest(world->check) : "";
        if (is_quiet && unrest[0] == '\0') {
            return "";
        }
        if (end_ms <= sim_now_ms(world->sim)) {
            return unrest[0] != '\0' ? unrest : "writes go on for ever";
        }
    }
    return "";
}

bool sim_run(struct sim *sim)
{
    struct sim_world world = { .sim = sim };
    uint32_t i;

    draw_world(&world);
    sim_world_begin(&world);
    sim_operator_begin(world.people);
    for (i = 0; i < sim_options(sim)->steps && !sim_world_is_broken(&world); i++) {
        step(&world);
    }
    if (!sim_world_is_broken(&world)) {
        heal(&world);
        if (sim_chance(sim, SIM_CHANCE_STEPS, ALONE_PER_MILLE)) {
            go_alone(&world);
        }
        come_to_rest(&world);
    }
    if (!sim_world_is_broken(&world)) {
        stay_at_rest(&world);
    }
    sim_world_end(&world);
    return !sim_world_is_broken(&world);
}
