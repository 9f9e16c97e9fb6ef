/*
 * sim_acts - what may happen to controllers, to etcd and to the network.
 */
#ifndef SIM_SIM_ACTS_H
#define SIM_SIM_ACTS_H

#include "sim/sim_world.h"

const struct sim_act *sim_core_acts(size_t *count);

#endif
