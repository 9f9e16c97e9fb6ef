/*
 * rate - how often something may be done: a burst at once, then so many a second.
 *
 * Pure: the caller brings the time, from a clock that does not go back, and a lock where threads
 * share one.
 */
#ifndef DISCOVERY_RATE_H
#define DISCOVERY_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_BURST_SECONDS 4 /* of writes that were not made may be made at once */
#define RATE_PER_SECOND_MAX 1000000U

/* Of writes to the inbox of one partition, where nothing else is said. */
#define RATE_WRITES_PER_SECOND 4U

struct rate {
    uint32_t per_second;
    uint64_t full_us; /* when the whole burst will be left again */
};

/* The whole burst is left. `per_second` is 1..RATE_PER_SECOND_MAX. */
void rate_init(struct rate *rate, uint32_t per_second);

/* Whether it may be done once more at `now_us`; if so, it counts. */
bool rate_take(struct rate *rate, uint64_t now_us);

#endif
