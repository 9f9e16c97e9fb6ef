/*
 * scrape - one GET of a program's HTTP port, timed, as Prometheus makes it.
 */
#ifndef BENCH_SCRAPE_H
#define BENCH_SCRAPE_H

#include <stddef.h>

#include "base/err.h"

/* Of one answer; the connection is made anew. */
struct scrape {
    double ms;
    size_t bytes;
};

/* ERR_UNAVAILABLE where nobody answers with 200. */
MUST_USE int scrape_get(const char *url, struct scrape *out, struct err *err);

#endif
