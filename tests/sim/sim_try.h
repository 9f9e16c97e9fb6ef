/*
 * sim_try - runs in processes of their own: a run may crash or hang, and that too is an outcome.
 */
#ifndef SIM_SIM_TRY_H
#define SIM_SIM_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"

#define SIM_OUTCOME_TEXT_MAX 600
#define SIM_JOBS_MAX 64

struct sim_verdict {
    bool failed;
    uint64_t seed;
    uint64_t runs;
    uint64_t failures;
    char text[SIM_OUTCOME_TEXT_MAX]; /* "P5: …", "crash: signal 6" */
};

/* Run `options` once in a child process. */
void sim_try(const struct sim_options *options, struct sim_verdict *out);

struct sim_seeds {
    uint64_t first;
    uint64_t last;
    unsigned jobs; /* child processes, at most SIM_JOBS_MAX */
    bool go_on;    /* after a failure, too; each is told in a line */
};

/* Run many seeds; tells of the lowest among the failed ones that it came to know. */
void sim_try_many(const struct sim_options *options, const struct sim_seeds *seeds,
                  struct sim_verdict *out);

/*
 * The shortest run that breaks the same promise: the fewest steps, then without the faults that it
 * does not need. `options` are those of the failed run, and become those of the short one.
 */
void sim_shrink(struct sim_options *options, struct sim_verdict *outcome);

/* The last `lines` lines of the run's story on standard output; 0: all. */
void sim_tell(const struct sim_options *options, size_t lines);

#endif
