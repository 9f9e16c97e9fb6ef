/*
 * leavers - what the controller does while nodes of a cluster drain: it lets go of its own
 * connections to them, and where the spec wants to know it, asks what clients were told.
 */
#ifndef CONTROLLER_LEAVERS_H
#define CONTROLLER_LEAVERS_H

#include "controller/cluster.h"
#include "controller/controller_state.h"

/* Look at the cluster's keys, before each pass. */
void leavers_follow(struct controller *controller, struct cluster *cluster,
                    const struct cluster_objects *keys);

/* End what runs for the cluster's leavers. */
void leavers_end(struct cluster *cluster);

#endif
