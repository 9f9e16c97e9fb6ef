/*
 * gitops_metrics - what a follower of a repository tells Prometheus.
 */
#ifndef GITOPS_GITOPS_METRICS_H
#define GITOPS_GITOPS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/str.h"
#include "etcd/etcd.h"
#include "metrics/metric.h"
#include "model/source.h"

extern const struct histogram_bounds fetch_seconds_bounds;

/* clang-format off */
#define GITOPS_METRICS(X)                                                                         \
    X(GITOPS_ROUNDS, COUNTER, "muster_gitops_rounds_total", "source,outcome", NULL,               \
      "Rounds by what they came to: a state of the source, or failed (etcd).")                    \
    X(GITOPS_FETCH, HISTOGRAM, "muster_gitops_fetch_duration_seconds", "source",                  \
      &fetch_seconds_bounds,                                                                      \
      "How long it took to ask the repository, failures counted in.")                             \
    X(GITOPS_STATE, GAUGE, "muster_gitops_state", "source,state", NULL,                           \
      "1 for the state that the source is in; muster get sources says why.")                      \
    X(GITOPS_REVISION, GAUGE, "muster_gitops_revision_info", "source,revision,head", NULL,        \
      "1; which commit is in force, and which is the newest.")                                    \
    X(GITOPS_APPLIED, GAUGE, "muster_gitops_applied_timestamp_seconds", "source", NULL,           \
      "When the commit in force was applied, in seconds since 1970.")                             \
    X(GITOPS_CHECKED, GAUGE, "muster_gitops_checked_timestamp_seconds", "source", NULL,           \
      "When the repository last answered, in seconds since 1970.")                                \
    X(GITOPS_CLUSTERS, GAUGE, "muster_gitops_clusters", "source", NULL,                           \
      "Clusters of the commit in force.")                                                         \
    X(GITOPS_DRIFT, GAUGE, "muster_gitops_drifted_fields", "source", NULL,                        \
      "Fields that live with another value than the commit in force has.")                        \
    X(GITOPS_CHANGES, COUNTER, "muster_gitops_changes_total", "source,change", NULL,              \
      "Clusters that were created, configured, or deleted by commits.")
/* clang-format on */

enum gitops_metric { GITOPS_METRICS(METRIC_ID) GITOPS_METRIC_COUNT };

extern const struct metric_table gitops_metrics;

/* What is counted; zeroed it is empty. */
struct gitops_counts {
    uint64_t rounds[SOURCE_STATE_COUNT];
    uint64_t failed;
    struct histogram fetch_seconds;
    uint64_t created;
    uint64_t configured;
    uint64_t deleted;
    /* The status after the last round that came to an end. */
    bool known;
    enum source_state state;
    char revision[SOURCE_REVISION_SIZE];
    char head[SOURCE_REVISION_SIZE];
    uint64_t applied_ms;
    uint64_t checked_ms;
    uint32_t clusters;
    uint32_t drift;
};

/* Keep what the status says. */
void gitops_counts_take(struct gitops_counts *counts, const struct source *status);

/* Append all metrics of the program. */
MUST_USE int gitops_metrics_text(const struct gitops_counts *counts, const char *source,
                                 const struct etcd *etcd, struct arena *arena, struct str *out,
                                 struct err *err);

#endif
