/* A modelled machine, as a whole. */
#include "sim/sim_machine.h"

#include <stdlib.h>

#include "base/check.h"

void sim_machine_init(struct sim_machine *machine, struct sim *sim, unsigned place,
                      const struct sim_machine_world *world)
{
    *machine = (struct sim_machine){ .sim = sim, .world = *world, .place = place };
}

void sim_machine_deinit(struct sim_machine *machine)
{
    sim_memcacheds_deinit(machine);
    sim_partitions_deinit(machine);
    sim_disk_deinit(machine);
    free(machine->lives);
}

void sim_machine_lose_power(struct sim_machine *machine)
{
    sim_memcacheds_deinit(machine);
    sim_partitions_deinit(machine);
    sim_disk_lose_power(machine);
}

struct sim_machine *sim_machine_here(void)
{
    const struct sim_party *party = sim_running(sim_current());

    CHECK(party != NULL);
    CHECK(party->machine != NULL);
    return party->machine;
}
