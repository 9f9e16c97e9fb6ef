/*
 * sim_walk - a walk of wishes: one spec after another, and in the end what a fresh cluster has.
 *
 * The steps of a walk change the spec in any of its fields, take a change back, write what can't be
 * read and repair it later, pause and resume, cordon and drain hosts, delete the cluster and make
 * it again under its name; time passes in between or does not. When all has come to rest, the state
 * must be that of a world in which the last spec was the first (sim_end.h, without places).
 * Versions of the cluster only grow, over deletions, too; a second cluster that nobody touches goes
 * on as it was.
 */
#ifndef SIM_SIM_WALK_H
#define SIM_SIM_WALK_H

#include <stdbool.h>

#include "base/str.h"
#include "sim/sim.h"

/* Walk options->steps steps. Returns whether all is as it should be; else `why` tells. */
MUST_USE bool sim_walk(const struct sim_options *options, struct str *why);

#endif
