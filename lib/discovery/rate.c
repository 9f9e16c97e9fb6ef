#include "discovery/rate.h"

#include "base/check.h"

void rate_init(struct rate *rate, uint32_t per_second)
{
    CHECK(1 <= per_second);
    CHECK(per_second <= RATE_PER_SECOND_MAX);
    *rate = (struct rate){ .per_second = per_second };
}

bool rate_take(struct rate *rate, uint64_t now_us)
{
    const uint64_t each_us = 1000000U / rate->per_second;
    const uint64_t burst = (uint64_t)rate->per_second * RATE_BURST_SECONDS;
    uint64_t full_us = rate->full_us < now_us ? now_us : rate->full_us;

    if ((burst - 1) * each_us < full_us - now_us) {
        return false;
    }
    rate->full_us = full_us + each_us;
    return true;
}
