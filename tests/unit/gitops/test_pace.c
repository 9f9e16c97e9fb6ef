#include <criterion/criterion.h>

#include "gitops/pace.h"

/* A tenth to either side, doubled with each failure, and no longer than the limit. */
Test(pace, failures_make_rounds_rarer)
{
    unsigned failures;

    for (failures = 0; failures < 40; failures++) {
        uint64_t full_ms = failures < 4 ? UINT64_C(30000) << failures : PACE_BACKOFF_MAX_MS;

        cr_expect_eq(pace_next_ms(30000, failures, 0), full_ms - full_ms / 10);
        cr_expect_eq(pace_next_ms(30000, failures, UINT32_MAX), full_ms + full_ms / 10);
    }
    cr_expect_eq(pace_next_ms(3600000, 5, 0), 3240000, "a long interval stays");
}
