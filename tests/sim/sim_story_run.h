/*
 * sim_story_run - what muster-sim does with a story: plays it, or plays it with every harm.
 */
#ifndef SIM_SIM_STORY_RUN_H
#define SIM_SIM_STORY_RUN_H

#include "base/err.h"
#include "sim/sim.h"

struct sim_story_flags {
    const char *path;
    const char *harms; /* "effects", "batches"; NULL: it is played once */
    const char *harm;  /* that one; NULL: none */
    unsigned jobs;
    bool end; /* tell what it comes to */
};

/* Tells of what fails on standard output. Returns 0, 1 when something fails, or a failure. */
MUST_USE int sim_story_run(const struct sim_story_flags *flags, const struct sim_options *options,
                           struct err *err);

#endif
