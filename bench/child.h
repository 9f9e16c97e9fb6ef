/*
 * child - a program that a benchmark starts and stops, and what /proc says of a process.
 *
 * A child gets SIGKILL when the benchmark dies, however that happens.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Start argv[0] (looked for in PATH), its output appended to `log_path`. */
MUST_USE int child_start(const char *const *argv, const char *log_path, pid_t *out,
                         struct err *err);

/* SIGKILL, and wait for the end; nothing for a pid that is not positive. */
void child_kill(pid_t pid);

/* From /proc/<pid>/smaps_rollup. */
struct child_memory {
    uint64_t private_kib;
    uint64_t resident_kib;
};
MUST_USE int child_memory(pid_t pid, struct child_memory *out, struct err *err);

/* Time on processors of all threads that it has, so far: utime and stime of proc(5), but to the
 * nanosecond, from /proc/<pid>/task/<tid>/schedstat. */
MUST_USE int child_cpu_ms(pid_t pid, double *out, struct err *err);

#endif
