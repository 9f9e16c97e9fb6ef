/*
 * sim_operator - who wants things: clusters applied, changed, scaled, deleted; hosts cordoned.
 *
 * Writes what the command line would, at once, without the network.
 */
#ifndef SIM_SIM_OPERATOR_H
#define SIM_SIM_OPERATOR_H

#include "sim/sim_world.h"

#define SIM_CLUSTER_NAME_SIZE 8

struct sim_operator *sim_operator_new(struct sim_world *world);
void sim_operator_free(struct sim_operator *people);

const struct sim_act *sim_operator_acts(size_t *count);

/* Apply every cluster for the first time. */
void sim_operator_begin(struct sim_operator *people);

/* Clear up what nobody else may: cordons, pauses, rollouts that were given up. */
void sim_operator_heal(struct sim_operator *people);

/*
 * Apply again the clusters that have keys and no spec: a restored etcd has lost it, or has lost the
 * order that a host which was away while the cluster was deleted was to find. Without such a loss
 * a deletion leaves nothing, and nobody has to clear up.
 */
void sim_operator_find_lost(struct sim_operator *people);

/* The name of a cluster, "c1" for 0. */
void sim_cluster_name(size_t index, char out[SIM_CLUSTER_NAME_SIZE]);

#endif
