/*
 * tick - the time of the kernel's last tick: some milliseconds late, and had without a call into
 * it.
 */
#ifndef MODULE_TICK_H
#define MODULE_TICK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t tick_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
