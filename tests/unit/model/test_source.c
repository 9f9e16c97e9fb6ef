#include <criterion/criterion.h>

#include "model/source.h"

#define MINUTE_MS 60000U

static const struct source_drift drift = {
    .cluster = "a", .field = "nodes", .wanted = "3", .found = "5", .manager = "scale", .since_ms = 7
};

static struct source sample(void)
{
    return (struct source){ .name = "shop",
                            .repository = "/srv/shop.git",
                            .branch = "main",
                            .path = "prod",
                            .revision = "",
                            .title = "",
                            .signer = "",
                            .head = "",
                            .error = "",
                            .checked_ms = 100 * MINUTE_MS,
                            .interval_ms = MINUTE_MS,
                            .drift = &drift,
                            .drift_count = 1,
                            .drift_total = 1 };
}

Test(source, states_have_names)
{
    cr_expect_str_eq(source_state_text(SOURCE_SYNCED), "Synced");
    cr_expect_str_eq(source_state_text(SOURCE_UNREACHABLE), "Unreachable");
}

/* Three intervals of a minute, with a heartbeat of a minute each. */
Test(source, one_that_nobody_looked_after_for_long_is_stale)
{
    struct source source = sample();

    cr_expect_not(source_is_stale(&source, source.checked_ms + 6 * MINUTE_MS));
    cr_expect(source_is_stale(&source, source.checked_ms + 6 * MINUTE_MS + 1));
    cr_expect_not(source_is_stale(&source, source.checked_ms - MINUTE_MS), "another clock");
}

/* A check that found nothing new is no news, all else is. */
Test(source, equal_but_for_the_time_of_the_check)
{
    struct source_drift other_drift = drift;
    struct source a = sample();
    struct source b = sample();

    b.checked_ms++;
    cr_expect(source_equal(&a, &b));
    b.error = "gone";
    cr_expect_not(source_equal(&a, &b));
    b = sample();
    b.running = true;
    cr_expect_not(source_equal(&a, &b));
    b = sample();
    other_drift.found = "6";
    b.drift = &other_drift;
    cr_expect_not(source_equal(&a, &b));
    b = sample();
    b.drift_total = 2;
    cr_expect_not(source_equal(&a, &b));
}
