/*
 * up - the work of `muster up`: bring a local installation up, apply specs, wait, and tell.
 *
 * cmd_up.c reads the options and decides between the two modes; what both share is here. Errors
 * leave what was started running; the caller decides about its end.
 */
#ifndef CLI_UP_H
#define CLI_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/documents.h"
#include "base/err.h"
#include "cli/follow.h"
#include "cli/local_process.h"
#include "cli/progress.h"
#include "cli/stages.h"
#include "client/context.h"
#include "client/local.h"

struct up {
    struct local local;
    struct programs programs;
    struct documents documents; /* none without -f */
    struct context context;
    struct progress progress;
    struct follow *follow;
    struct loop_timer *again; /* looks again: redraws a terminal, stale reports get replaced */
    uint64_t timeout_ms;      /* from start_ms until all is converged */
    uint64_t start_ms;
    const char **names; /* of the clusters that are to come up */
    size_t names_count;
    bool converged;
    bool interrupted;          /* by a signal */
    char why[STAGES_WHY_SIZE]; /* what the first cluster that is not converged hangs at */
};

/* Wait until etcd takes connections. ERR_TIMEOUT. */
MUST_USE int up_await_etcd(struct up *up, struct err *err);

/* Apply the specs, and follow the clusters until all are converged. ERR_TIMEOUT, ERR_CANCELED. */
MUST_USE int up_bring_up(struct up *up, struct err *err);

/* The endpoint of each cluster and commands to try. */
MUST_USE int up_tell(struct up *up, struct err *err);

/* Stop following. */
void up_deinit(struct up *up);

/* Milliseconds until the time is up; at least 1. */
uint64_t up_left_ms(const struct up *up);

/* The last line of a process's log, for messages; "" when there is none. */
void up_last_words(const char *log_path, char *out, size_t out_size);

#endif
