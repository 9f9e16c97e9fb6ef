/*
 * lab - a muster installation of its own for a benchmark: `muster up --detach` in a temporary
 * state directory and a loopback network of its own.
 *
 * Whatever it started is stopped by lab_stop(), which a benchmark calls on every way out.
 */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "bench/child.h"

#define LAB_PATH_MAX 256

struct lab {
    char bin_dir[LAB_PATH_MAX];
    char state_dir[LAB_PATH_MAX];
    char network[32];   /* "127.90.7.0" */
    char endpoints[64]; /* of its etcd */
    double start_ms;    /* what `muster up --detach` took */
};

/*
 * Start a cluster "bench" of `nodes` nodes; `bin_dir` holds the programs, `number` 1..250 tells
 * the networks of several labs apart.
 */
MUST_USE int lab_start(struct lab *lab, const char *bin_dir, unsigned number, unsigned nodes,
                       struct err *err);
void lab_stop(const struct lab *lab);

/* The lab's process with this program name. */
MUST_USE int lab_pid(const struct lab *lab, const char *program, pid_t *out, struct err *err);

/* Its memory. */
MUST_USE int lab_memory(const struct lab *lab, const char *program, struct child_memory *out,
                        struct err *err);

#endif
