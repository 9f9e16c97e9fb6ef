#include "bench/series.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"

void series_add(struct series *series, double value)
{
    if (series->count < SERIES_MAX) {
        series->values[series->count++] = value;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double series_quantile(struct series *series, double q)
{
    CHECK(0 < series->count);
    qsort(series->values, series->count, sizeof(series->values[0]), by_value);
    return series->values[(size_t)(q * (double)(series->count - 1) + 0.5)];
}

double series_exponent(const double *x, const double *y, size_t count)
{
    double x_sum = 0;
    double y_sum = 0;
    double xx_sum = 0;
    double xy_sum = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        x_sum += log(x[i]);
        y_sum += log(y[i]);
        xx_sum += log(x[i]) * log(x[i]);
        xy_sum += log(x[i]) * log(y[i]);
    }
    return ((double)count * xy_sum - x_sum * y_sum) / ((double)count * xx_sum - x_sum * x_sum);
}
