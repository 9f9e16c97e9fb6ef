/*
 * counts - what a controller has done since it was started, for its metrics.
 *
 * Plain numbers in the controller, which counts where things happen; nothing decides by them.
 */
#ifndef CONTROLLER_COUNTS_H
#define CONTROLLER_COUNTS_H

#include <stdint.h>

#include "base/histogram.h"
#include "controller/txn.h"
#include "model/effect.h"
#include "model/event.h"
#include "model/status.h"

struct controller_counts {
    uint64_t failed;               /* passes that failed, but for a conflict */
    uint64_t conflicts;            /* passes that were decided on facts that were not the newest */
    struct histogram pass_seconds; /* of computing: what to do, and its transactions */
    struct histogram converge_seconds;    /* from a cluster's first deviation to Converged */
    uint64_t effects[EFFECT_WAKE_AT + 1]; /* done */
    uint64_t events[EVENT_REASON_COUNT];
    uint64_t pushes;
    uint64_t push_failures;
    uint64_t leader_changes; /* seen, whoever it was */
    uint64_t leader_revision;
};

extern const struct histogram_bounds pass_seconds_bounds;
extern const struct histogram_bounds converge_seconds_bounds;

/* What a pass asked for is written. */
void counts_done(struct controller_counts *counts, const struct txn_plan *plan);

/*
 * A cluster's status as its key says: each time that it was not converged and now is, the time
 * between counts. `unconverged_ms` is the cluster's: since when; 0: it is converged, or was when
 * this controller began to look.
 */
void counts_status(struct controller_counts *counts, const struct status *status,
                   uint64_t *unconverged_ms);

#endif
