#include "base/histogram.h"

#include "base/check.h"

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds, double value)
{
    size_t i = 0;

    CHECK(bounds->count <= HISTOGRAM_BOUNDS_MAX);
    while (i < bounds->count && bounds->upper[i] < value) {
        i++;
    }
    histogram->counts[i]++;
    histogram->sum += value;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    size_t i;

    for (i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++) {
        count += histogram->counts[i];
    }
    return count;
}
