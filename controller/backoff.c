#include "controller/backoff.h"

#include <sys/random.h>

uint64_t backoff_ms(unsigned failures, uint64_t min_ms, uint64_t max_ms)
{
    uint64_t full_ms = min_ms;
    uint32_t random = 0;

    while (1 < failures && full_ms < max_ms) {
        full_ms *= 2;
        failures--;
    }
    if (max_ms < full_ms) {
        full_ms = max_ms;
    }
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        random = UINT32_MAX; /* no jitter then */
    }
    return full_ms / 2 + (full_ms - full_ms / 2) * (random >> 16) / UINT16_MAX;
}
