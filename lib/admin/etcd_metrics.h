/*
 * etcd_metrics - how a program's client of etcd fares.
 */
#ifndef ADMIN_ETCD_METRICS_H
#define ADMIN_ETCD_METRICS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd.h"
#include "metrics/metric.h"

/* clang-format off */
#define ETCD_METRICS(X)                                                                           \
    X(ETCD_SECONDS, HISTOGRAM, "muster_etcd_request_duration_seconds", "request",                 \
      &etcd_seconds_bounds,                                                                       \
      "How long requests to etcd took, with all tries; those that failed, too.")                  \
    X(ETCD_FAILURES, COUNTER, "muster_etcd_request_failures_total", "request", NULL,              \
      "Requests to etcd that failed, after all tries.")                                           \
    X(ETCD_FAILED_TRIES, COUNTER, "muster_etcd_failed_tries_total", "", NULL,                     \
      "Tries of requests and watches at one member of etcd that failed.")                         \
    X(ETCD_WATCHES_ENDED, COUNTER, "muster_etcd_watches_ended_total", "", NULL,                   \
      "Watches of etcd that ended; each is followed by another one.")                             \
    X(ETCD_WATCH_EVENTS, COUNTER, "muster_etcd_watch_events_total", "", NULL,                     \
      "Changes of keys that watches of etcd told of.")                                            \
    X(ETCD_SILENCE, GAUGE, "muster_etcd_silence_seconds", "", NULL,                               \
      "Time since anything came from etcd. Watches look for life every few seconds.")
/* clang-format on */

enum etcd_metric { ETCD_METRICS(METRIC_ID) ETCD_METRIC_COUNT };

extern const struct metric_table etcd_metrics;

MUST_USE int etcd_metrics_text(const struct etcd *etcd, struct arena *arena, struct str *out,
                               struct err *err);

#endif
