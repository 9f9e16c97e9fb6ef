/*
 * clock - the two clocks. Only edges read them; decisions get the time as a value.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the Unix epoch; may jump. For what is written down. */
uint64_t clock_wall_ms(void);

/* Milliseconds from an arbitrary start; never goes back. For durations and timeouts. */
uint64_t clock_mono_ms(void);

/* The same clock in nanoseconds. */
uint64_t clock_mono_ns(void);

#define CLOCK_TEXT_SIZE 25

/* RFC 3339 in UTC with milliseconds, "2026-11-22T15:04:05.123Z". */
void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE]);

#endif
