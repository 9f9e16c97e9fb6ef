/*
 * rate - how often something may be done: a burst at once, then so many a second.
 *
 * `rate` is one budget. `rates` gives each address one of its own, so that who asks too often takes
 * nothing from others, and bounds all of them together. Its table is bounded: an address that finds
 * no room takes the place of one that has been quiet for longest, whose budget then is whole again.
 * So whoever has many addresses gets no more than the common budget, and takes it from everybody.
 *
 * Pure: the caller brings the time, from a clock that does not go back, and a lock where threads
 * share one.
 */
#ifndef DISCOVERY_RATE_H
#define DISCOVERY_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "discovery/pollers.h"

#define RATE_BURST_SECONDS 4 /* of what was not done may be done at once */
#define RATE_PER_SECOND_MAX 1000000U

/* Of writes to the inbox of one partition by one address, where nothing else is said. */
#define RATE_WRITES_PER_SECOND 4U

struct rate {
    uint32_t per_second;
    uint64_t full_us; /* when the whole burst will be left again */
};

/* The whole burst is left. `per_second` is 1..RATE_PER_SECOND_MAX. */
void rate_init(struct rate *rate, uint32_t per_second);

/* Whether it may be done once more at `now_us`; if so, it counts. */
bool rate_take(struct rate *rate, uint64_t now_us);

/* ---- By address ---- */

#define RATES_ADDRESSES 4U /* all together may do as much as so many addresses */
#define RATES_SETS 16U
#define RATES_WAYS 4U /* rows of a set; the hash of an address names its set */

struct rates_row {
    struct poller_peer peer;
    uint64_t full_us; /* of its budget; 0: the row is empty */
};

struct rates {
    uint32_t per_second; /* of each address */
    struct rate all;
    struct rates_row rows[RATES_SETS][RATES_WAYS];
};

/* Nobody has done anything. `per_second` of each address is 1..RATE_PER_SECOND_MAX. */
void rates_init(struct rates *rates, uint32_t per_second);

/*
 * Whether `peer` may do it once more at `now_us`; if so, it counts, for the address and for all. An
 * IPv6 address counts as its /64, which one host may have whole; all unknown ones, and all of unix
 * sockets, count as one.
 */
bool rates_take(struct rates *rates, const struct poller_peer *peer, uint64_t now_us);

#endif
