/*
 * forecast_parts - what the parts of a forecast share, and nobody else uses.
 */
#ifndef RECONCILER_FORECAST_PARTS_H
#define RECONCILER_FORECAST_PARTS_H

#include "model/effect.h"
#include "reconciler/forecast.h"
#include "reconciler/rehearsal.h"

/* A forecast in the making. */
struct making {
    const struct view *first;
    struct arena *arena;
    struct arena passes; /* emptied before each pass */
    struct rehearsal rehearsal;
    struct forecast out;
    struct forecast_step *steps;
    size_t steps_capacity;
    uint64_t waiting_ms;    /* since the last step */
    const char *waited_why; /* the rule that the wait was for */
    uint64_t wake_at_ms;    /* that the last pass asked for; UINT64_MAX: none */
    const char *wake_why;
};

/* Record ERR_NOMEM. */
MUST_USE int forecast_no_memory(const struct making *making, struct err *err);

/*
 * Put an effect into force and note it as a step. Returns 1 when the world is another one then (a
 * new status alone is no other world), 0, or a failure.
 */
MUST_USE int forecast_take(struct making *making, const struct effect *effect, struct err *err);

/* Compare the end with the beginning. */
MUST_USE int forecast_sum(struct making *making, struct err *err);

#endif
