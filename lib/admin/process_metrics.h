/*
 * process_metrics - what every program tells of itself: its version, memory, processor time.
 *
 * Under the names that Prometheus' client libraries give them, so that common dashboards work.
 */
#ifndef ADMIN_PROCESS_METRICS_H
#define ADMIN_PROCESS_METRICS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "metrics/metric.h"

/* clang-format off */
#define PROCESS_METRICS(X)                                                                        \
    X(BUILD, GAUGE, "muster_build_info", "program,version", NULL,                                 \
      "1; which program it is, and of which version.")                                            \
    X(PROCESS_CPU, COUNTER, "process_cpu_seconds_total", "", NULL,                                \
      "Processor time of the process, user and system.")                                          \
    X(PROCESS_RESIDENT, GAUGE, "process_resident_memory_bytes", "", NULL,                         \
      "Memory of the process that is in RAM.")                                                    \
    X(PROCESS_VIRTUAL, GAUGE, "process_virtual_memory_bytes", "", NULL,                           \
      "Address space of the process.")                                                            \
    X(PROCESS_START, GAUGE, "process_start_time_seconds", "", NULL,                               \
      "When the process was started, in seconds since 1970.")                                     \
    X(PROCESS_OPEN_FDS, GAUGE, "process_open_fds", "", NULL,                                      \
      "Open file descriptors of the process.")                                                    \
    X(PROCESS_MAX_FDS, GAUGE, "process_max_fds", "", NULL,                                        \
      "How many file descriptors the process may have open.")
/* clang-format on */

enum process_metric { PROCESS_METRICS(METRIC_ID) PROCESS_METRIC_COUNT };

extern const struct metric_table process_metrics;

/* Append the metrics of this process, read from /proc; what can't be read is left out. */
MUST_USE int process_metrics_text(const char *program, struct arena *arena, struct str *out,
                                  struct err *err);

#endif
