/*
 * sim_hand - what operators write, as the command line does it: at once, without the network.
 */
#ifndef SIM_SIM_HAND_H
#define SIM_SIM_HAND_H

#include <stdbool.h>

#include "base/arena.h"
#include "model/spec.h"
#include "sim/sim.h"

/* A cluster's record, in the arena; false: there is none that can be read. */
bool sim_hand_read(struct sim *sim, const char *cluster, struct arena *arena,
                   struct spec_record *out);

/* A record of a cluster that is not there yet; its generation is 0. */
void sim_hand_new(struct sim *sim, const char *cluster, struct arena *arena,
                  struct spec_record *out);

/* Write the record as it is; what is about the rollout and the repair is no new generation. */
void sim_hand_write(struct sim *sim, const struct spec_record *record);

/* Write the record as the next generation, which is kept beside the last ones. */
void sim_hand_apply(struct sim *sim, struct spec_record *record);

/* Ask for the cluster's deletion. */
void sim_hand_delete(struct sim *sim, struct spec_record *record);

void sim_hand_cordon(struct sim *sim, const char *host, bool drain);
void sim_hand_uncordon(struct sim *sim, const char *host);

/* Any key, by its name below the prefix. */
void sim_hand_put(struct sim *sim, const char *key, const char *value);
void sim_hand_remove(struct sim *sim, const char *key);

#endif
