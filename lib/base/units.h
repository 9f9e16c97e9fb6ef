/*
 * units - sizes and durations as people write them.
 *
 * Sizes: digits with "", "Ki", "Mi", "Gi", "Ti" (powers of 1024), as Kubernetes' quantities.
 * Durations: digits with "ms", "s", "m", "h", "d"; no unit, no duration. Spans: several of them,
 * the larger unit first: "1m30s".
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define UNITS_TEXT_SIZE 24

/* Each returns whether `out` was set; overflow is no number. */
MUST_USE bool size_parse(const char *text, uint64_t *bytes);
MUST_USE bool duration_parse(const char *text, uint64_t *ms);
MUST_USE bool span_parse(const char *text, uint64_t *ms);

/* The shortest exact text that parses to the same: 67108864 -> "64Mi", 90000 -> "90s". */
void size_format(uint64_t bytes, char out[UNITS_TEXT_SIZE]);
void duration_format(uint64_t ms, char out[UNITS_TEXT_SIZE]);

/* For people: in the largest unit that fits, cut to one decimal: 20221211440 -> "18.8Gi". */
void size_format_short(uint64_t bytes, char out[UNITS_TEXT_SIZE]);

#endif
