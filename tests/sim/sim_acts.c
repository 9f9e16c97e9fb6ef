/* What may happen to controllers, to etcd and to the network. */
#include "sim/sim_acts.h"

#include "sim/sim_check.h"
#include "sim/sim_controller.h"

#define DOOM_EFFECTS_MAX 12
#define RESTART_MS_MAX 15000
#define PAUSE_MS_MAX 40000 /* past any lease */
#define CUT_MS_MAX 40000
#define QUORUM_MS_MAX 20000
#define JUMP_MS_MAX 60000

static struct sim_controller *any_controller(struct sim_world *world, enum sim_fault fault)
{
    return &world->controllers[sim_fault_between(world->sim, fault, 0,
                                                 world->controllers_count - 1)];
}

static void crash(struct sim_world *world)
{
    struct sim_controller *c = any_controller(world, SIM_CONTROLLER_CRASH);

    sim_controller_kill(c, sim_fault_between(world->sim, SIM_CONTROLLER_CRASH, 0, RESTART_MS_MAX));
}

static void doom(struct sim_world *world)
{
    struct sim_controller *c = any_controller(world, SIM_CONTROLLER_CRASH);
    uint64_t effects = sim_fault_between(world->sim, SIM_CONTROLLER_CRASH, 0, DOOM_EFFECTS_MAX);
    bool after = sim_fault_between(world->sim, SIM_CONTROLLER_CRASH, 0, 1) == 1;

    sim_controller_doom(c, (uint32_t)effects, after,
                        sim_fault_between(world->sim, SIM_CONTROLLER_CRASH, 0, RESTART_MS_MAX));
}

static void pause_controller(struct sim_world *world)
{
    sim_party_pause(&any_controller(world, SIM_CONTROLLER_PAUSE)->party,
                    sim_fault_between(world->sim, SIM_CONTROLLER_PAUSE, 1, PAUSE_MS_MAX));
}

static void jump(struct sim_world *world)
{
    struct sim_party *party = &any_controller(world, SIM_CLOCK_JUMP)->party;
    uint64_t by_ms = sim_fault_between(world->sim, SIM_CLOCK_JUMP, 0, 2 * JUMP_MS_MAX);

    party->wall_offset_ms = (int64_t)by_ms - JUMP_MS_MAX;
    sim_trace(world->sim, "%s's clock is %lld ms off", party->name,
              (long long)party->wall_offset_ms);
}

static void lose_quorum(struct sim_world *world)
{
    sim_etcd_lose_quorum(sim_etcd(world->sim),
                         sim_fault_between(world->sim, SIM_ETCD_QUORUM, 100, QUORUM_MS_MAX));
}

static void compact(struct sim_world *world)
{
    sim_etcd_compact(sim_etcd(world->sim));
}

static void backup(struct sim_world *world)
{
    sim_etcd_backup(sim_etcd(world->sim));
}

static void restore(struct sim_world *world)
{
    if (sim_etcd_restore(sim_etcd(world->sim))) {
        world->restored = true;
        sim_check_restored(world->check);
    }
}

/* Of the machines: etcd's, the controllers', the hosts', the clients'. */
static void cut(struct sim_world *world)
{
    struct sim *sim = world->sim;
    unsigned places = sim_places(sim);
    unsigned from = (unsigned)sim_fault_between(sim, SIM_NET_PARTITION, 0, places - 1);
    unsigned to = (unsigned)sim_fault_between(sim, SIM_NET_PARTITION, 0, places - 1);
    bool both = sim_fault_between(sim, SIM_NET_PARTITION, 0, 1) == 1;
    uint64_t for_ms = sim_fault_between(sim, SIM_NET_PARTITION, 100, CUT_MS_MAX);

    if (from == to) {
        return;
    }
    sim_cut_for(sim, from, to, for_ms);
    if (both) {
        sim_cut_for(sim, to, from, for_ms);
    }
}

const struct sim_act *sim_core_acts(size_t *count)
{
    static const struct sim_act acts[] = {
        { "crash", SIM_CONTROLLER_CRASH, 30, crash },
        { "doom", SIM_CONTROLLER_CRASH, 80, doom },
        { "pause", SIM_CONTROLLER_PAUSE, 40, pause_controller },
        { "jump", SIM_CLOCK_JUMP, 10, jump },
        { "quorum", SIM_ETCD_QUORUM, 20, lose_quorum },
        { "compact", SIM_ETCD_COMPACT, 20, compact },
        { "backup", SIM_ETCD_RESTORE, 30, backup },
        { "restore", SIM_ETCD_RESTORE, 10, restore },
        { "cut", SIM_NET_PARTITION, 60, cut },
    };

    *count = ARRAY_COUNT(acts);
    return acts;
}
