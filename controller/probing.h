/*
 * probing - the probes of a cluster's slots: begun and ended as the observations want them.
 */
#ifndef CONTROLLER_PROBING_H
#define CONTROLLER_PROBING_H

#include "controller/cluster.h"
#include "controller/controller_state.h"

/* Begin and end probes, so that those run that cluster_observe() found wanted. */
void probing_follow(struct controller *controller, struct cluster *cluster);

/* End the slot's probe, if there is one. */
void probing_end(struct slot_state *slot);

#endif
