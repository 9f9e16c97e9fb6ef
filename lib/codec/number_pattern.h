/*
 * number_pattern - a regular expression for the decimal numbers within bounds.
 */
#ifndef CODEC_NUMBER_PATTERN_H
#define CODEC_NUMBER_PATTERN_H

#include <stdint.h>

#include "base/str.h"

/*
 * Append alternatives in parentheses that match the numbers min..max and nothing else; leading
 * zeros are allowed. `min` is at most `max`.
 */
void number_pattern(uint64_t min, uint64_t max, struct str *out);

#endif
