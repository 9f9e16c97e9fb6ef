/*
 * backoff - how long to wait after failures in a row: doubling, bounded, with jitter, so that
 * controllers and clusters that failed together don't try again together.
 */
#ifndef CONTROLLER_BACKOFF_H
#define CONTROLLER_BACKOFF_H

#include <stdint.h>

/* Between half of and all of min(max_ms, min_ms * 2^(failures - 1)); `failures` is 1 or more. */
uint64_t backoff_ms(unsigned failures, uint64_t min_ms, uint64_t max_ms);

#endif
