/*
 * series - measurements of one thing, and what stands in their middle and at their edges.
 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <stddef.h>

#define SERIES_MAX 512

struct series {
    double values[SERIES_MAX];
    size_t count;
};

/* Beyond SERIES_MAX values are dropped. */
void series_add(struct series *series, double value);

/* The value below which the part `q` (0..1) of them lies; sorts the series. It must not be empty.
 */
double series_quantile(struct series *series, double q);

/*
 * The exponent e of y = c x^e that fits the points best: the slope of the straight line through
 * their logarithms (least squares). All values must be positive, and two x differ.
 */
double series_exponent(const double *x, const double *y, size_t count);

#endif
