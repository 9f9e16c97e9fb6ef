#include "gitops/pace.h"

uint64_t pace_next_ms(uint64_t interval_ms, unsigned failures, uint32_t random)
{
    uint64_t max_ms = interval_ms < PACE_BACKOFF_MAX_MS ? PACE_BACKOFF_MAX_MS : interval_ms;
    uint64_t wait_ms = interval_ms;

    for (; 0 < failures && wait_ms < max_ms; failures--) {
        wait_ms = wait_ms < max_ms / 2 ? 2 * wait_ms : max_ms;
    }
    return wait_ms - wait_ms / 10 + wait_ms / 5 * (random >> 16) / UINT16_MAX;
}
