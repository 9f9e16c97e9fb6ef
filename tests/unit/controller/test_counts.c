#include <criterion/criterion.h>

#include "controller/counts.h"

static struct status status_at(bool converged, uint64_t since_ms)
{
    struct status status = { .version = 1 };
    size_t i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        status.conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    status.conditions[CONDITION_CONVERGED] = (struct condition){
        .status = converged, .reason = "Word", .message = "", .since_ms = since_ms
    };
    return status;
}

static void look(struct controller_counts *counts, uint64_t *unconverged_ms, bool converged,
                 uint64_t since_ms)
{
    const struct status status = status_at(converged, since_ms);

    counts_status(counts, &status, unconverged_ms);
}

/* However often it is looked at in between. */
Test(counts, a_convergence_counts_once_from_its_first_deviation)
{
    struct controller_counts counts = { 0 };
    uint64_t unconverged_ms = 0;

    look(&counts, &unconverged_ms, true, 1000);
    cr_expect_eq(histogram_count(&counts.converge_seconds), 0, "it was so before anybody looked");
    look(&counts, &unconverged_ms, false, 5000);
    look(&counts, &unconverged_ms, false, 5000);
    look(&counts, &unconverged_ms, true, 7500);
    look(&counts, &unconverged_ms, true, 7500);
    cr_expect_eq(histogram_count(&counts.converge_seconds), 1);
    cr_expect_float_eq(counts.converge_seconds.sum, 2.5, 1e-9);
    look(&counts, &unconverged_ms, false, 9000);
    look(&counts, &unconverged_ms, true, 9100);
    cr_expect_eq(histogram_count(&counts.converge_seconds), 2);
    cr_expect_float_eq(counts.converge_seconds.sum, 2.6, 1e-9);
}

/* Leaders' clocks differ: a negative duration would spoil the sum for ever. */
Test(counts, a_clock_that_went_back_counts_for_nothing)
{
    struct controller_counts counts = { 0 };
    uint64_t unconverged_ms = 0;

    look(&counts, &unconverged_ms, false, 5000);
    look(&counts, &unconverged_ms, true, 4000);
    cr_expect_eq(histogram_count(&counts.converge_seconds), 0);
    look(&counts, &unconverged_ms, false, 4500);
    look(&counts, &unconverged_ms, true, 5500);
    cr_expect_eq(histogram_count(&counts.converge_seconds), 1);
}

Test(counts, effects_and_events_are_counted_by_kind)
{
    struct controller_counts counts = { 0 };
    struct txn_note notes[] = { { .kind = EFFECT_ALIAS_SET },
                                { .kind = EFFECT_EVENT_ADD, .reason = "AliasMoved" },
                                { .kind = EFFECT_EVENT_ADD, .reason = "AliasMoved" },
                                { .kind = EFFECT_EVENT_ADD, .reason = "NobodyKnowsThis" } };
    const struct txn_plan plan = { .notes = notes, .notes_count = ARRAY_COUNT(notes) };
    uint64_t events = 0;
    size_t i;

    counts_done(&counts, &plan);
    counts_done(&counts, &plan);
    cr_expect_eq(counts.effects[EFFECT_ALIAS_SET], 2);
    cr_expect_eq(counts.effects[EFFECT_EVENT_ADD], 6);
    cr_expect_eq(counts.events[EVENT_ALIAS_MOVED], 4);
    for (i = 0; i < EVENT_REASON_COUNT; i++) {
        events += counts.events[i];
    }
    cr_expect_eq(events, 4);
}
