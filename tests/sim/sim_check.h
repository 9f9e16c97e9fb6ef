/*
 * sim_check - the promises P3 to P7, looked at with each commit; P2 at the end.
 *
 * It decides by what etcd holds and by what really runs, never by what a controller believes.
 */
#ifndef SIM_SIM_CHECK_H
#define SIM_SIM_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "sim/sim_world.h"

struct sim_check *sim_check_new(struct sim_world *world);
void sim_check_free(struct sim_check *check);

/*
 * P3: somebody was told `payload` as version `version` of the cluster (a client), or will be (a
 * partition where it was put in force, a commit): it must be what everybody else was told.
 */
void sim_check_content(struct sim_check *check, const char *cluster, uint32_t version,
                       const char *payload, size_t payload_bytes, const char *where);

/* etcd went back: what was committed since its backup may be given away again, where nobody knows
 * of it. */
void sim_check_restored(struct sim_check *check);

/*
 * P2: what is not at rest yet, in words; "" when every cluster has converged and nothing is left
 * over. Valid until the next call.
 */
const char *sim_check_unrest(struct sim_check *check);

#endif
