/*
 * histogram - how often a measured value was at most so much.
 *
 * The bounds are a constant of the program and are handed in with each value, so that a histogram
 * is plain memory: zeroed, it is empty. Counts are kept per bucket; whoever shows them adds them
 * up. Values are in the unit of the bounds.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram_bounds {
    size_t count;
    double upper[HISTOGRAM_BOUNDS_MAX]; /* ascending, inclusive */
};

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the last one in use: above all bounds */
    double sum;
};

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds,
                   double value);

/* How many values were added. */
uint64_t histogram_count(const struct histogram *histogram);

#endif
