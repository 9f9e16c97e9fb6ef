#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec now = { 0 };

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000U;
}

uint64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000U;
}

uint64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000U);
    struct tm parts = { 0 };
    char whole[CLOCK_TEXT_SIZE];

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        (void)snprintf(whole, sizeof(whole), "%s", "0000-00-00T00:00:00");
    }
    (void)snprintf(out, CLOCK_TEXT_SIZE, "%.19s.%03uZ", whole, (unsigned)(wall_ms % 1000U));
}
