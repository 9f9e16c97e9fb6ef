#include "controller/counts.h"

const struct histogram_bounds pass_seconds_bounds = {
    .count = 10,
    .upper = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1 },
};

const struct histogram_bounds converge_seconds_bounds = {
    .count = 12,
    .upper = { 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600 },
};

void counts_done(struct controller_counts *counts, const struct txn_plan *plan)
{
    size_t i;

    for (i = 0; i < plan->notes_count; i++) {
        const struct txn_note *note = &plan->notes[i];
        enum event_reason reason;

        counts->effects[note->kind]++;
        if (note->reason != NULL && event_reason_parse(note->reason, &reason)) {
            counts->events[reason]++;
        }
    }
}

void counts_status(struct controller_counts *counts, const struct status *status,
                   uint64_t *unconverged_ms)
{
    const struct condition *converged = &status->conditions[CONDITION_CONVERGED];

    if (converged->reason == NULL || converged->reason[0] == '\0') {
        return;
    }
    if (!converged->status) {
        *unconverged_ms = converged->since_ms;
        return;
    }
    if (*unconverged_ms != 0 && *unconverged_ms <= converged->since_ms) {
        histogram_add(&counts->converge_seconds, &converge_seconds_bounds,
                      (double)(converged->since_ms - *unconverged_ms) / 1e3);
    }
    *unconverged_ms = 0;
}
