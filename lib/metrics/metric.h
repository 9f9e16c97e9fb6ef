/*
 * metric - what a program measures, as a table: name, type, labels, help.
 *
 * The one place where metrics are named. A room that measures writes a list
 *
 *     #define DISH_METRICS(X)                                                                  \
 *         X(DISHES, COUNTER, "muster_dishes_total", "cook", NULL, "Dishes served, by cook.")   \
 *         X(WAIT, HISTOGRAM, "muster_dish_wait_seconds", "", &wait_bounds, "Time to the table.")
 *
 *     enum dish_metric { DISH_METRICS(METRIC_ID) DISH_METRIC_COUNT };  // METRIC_DISHES, ...
 *     static const struct metric rows[] = { DISH_METRICS(METRIC_ROW) };
 *     const struct metric_table dish_metrics = { "dish", rows, ARRAY_COUNT(rows) };
 *
 * and docs/metrics.md, the tests and the scrape (scrape.h) are made from it. Names follow
 * Prometheus' conventions: base units, counters end in "_total".
 */
#ifndef METRICS_METRIC_H
#define METRICS_METRIC_H

#include <stddef.h>

#include "base/histogram.h"

#define METRIC_LABELS_MAX 4

#define METRIC_TYPES(X)   \
    X(COUNTER, "counter") \
    X(GAUGE, "gauge")     \
    X(HISTOGRAM, "histogram")

enum metric_type {
#define X(name, text) METRIC_TYPE_##name,
    METRIC_TYPES(X)
#undef X
};

struct metric {
    const char *name;
    enum metric_type type;
    const char *labels;                    /* "cluster,type", at most METRIC_LABELS_MAX; "" */
    const struct histogram_bounds *bounds; /* METRIC_TYPE_HISTOGRAM; else NULL */
    const char *help;                      /* a sentence */
};

struct metric_table {
    const char *title; /* whose, for people: "controller" */
    const struct metric *metrics;
    size_t count;
};

#define METRIC_ID(id, type, name, labels, bounds, help) METRIC_##id,
#define METRIC_ROW(id, type, name, labels, bounds, help) \
    { (name), METRIC_TYPE_##type, (labels), (bounds), (help) },

const char *metric_type_text(enum metric_type type);

/* How many labels the metric has. */
size_t metric_labels_count(const struct metric *metric);

/* The name of label `i` of the metric: where it begins, and its size in `size`. */
const char *metric_label(const struct metric *metric, size_t i, size_t *size);

#endif
