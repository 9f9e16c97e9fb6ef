/*
 * pace - when the next round begins. Pure.
 */
#ifndef GITOPS_PACE_H
#define GITOPS_PACE_H

#include <stdint.h>

#define PACE_INTERVAL_MIN_MS 1000U
#define PACE_BACKOFF_MAX_MS 300000U /* however often it failed, unless the interval is longer */

/*
 * After so many failures in a row the interval doubles, up to PACE_BACKOFF_MAX_MS. `random` (any
 * number) spreads rounds of many processes by a tenth to either side.
 */
uint64_t pace_next_ms(uint64_t interval_ms, unsigned failures, uint32_t random);

#endif
