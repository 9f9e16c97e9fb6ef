/*
 * scrape - one answer to Prometheus: the values of one table of metrics at one time, as text.
 *
 * Nothing is registered and nothing is kept: for each scrape the program goes through what it has
 * and puts a sample for it, in any order; what is gone has no samples. Counters and histograms are
 * plain numbers of the program. A failure (no memory, too many samples) sticks and comes out
 * of scrape_text(). Pure. Texts of labels are borrowed until scrape_text().
 */
#ifndef METRICS_SCRAPE_H
#define METRICS_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "metrics/metric.h"

/* Of one table: a cluster has some tens, and a program 10,000 clusters at most. */
#define SCRAPE_SAMPLES_MAX 1000000U
#define SCRAPE_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct sample;

struct sample_list {
    struct sample *first;
    struct sample *last;
};

struct scrape {
    const struct metric_table *table;
    struct arena *arena;
    struct sample_list *lists; /* one for each metric; NULL: no memory */
    size_t count;
    bool failed;
};

/* The values of a sample's labels, in the order of the table's. */
#define NO_LABELS NULL
#define LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

void scrape_init(struct scrape *scrape, const struct metric_table *table, struct arena *arena);

/* A counter's or gauge's value. `metric` is its place in the table. */
void scrape_put(struct scrape *scrape, size_t metric, double value, const char *const *labels);

/* A histogram, copied, with the bounds of the table. */
void scrape_put_histogram(struct scrape *scrape, size_t metric, const struct histogram *value,
                          const char *const *labels);

/* Append it all in the text format 0.0.4, the metrics in the table's order; those without a sample
 * are left out. */
MUST_USE int scrape_text(const struct scrape *scrape, struct str *out, struct err *err);

#endif
