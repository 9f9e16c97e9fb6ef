/*
 * await_many - wait until clusters are converged, and others gone, and show how they get there.
 */
#ifndef CLI_AWAIT_MANY_H
#define CLI_AWAIT_MANY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "client/context.h"

struct await_many {
    const char *const *names; /* are to converge */
    size_t count;
    const char *const *leaving; /* are to be gone */
    size_t leaving_count;
    uint64_t timeout_ms; /* UINT64_MAX: as long as it takes */
    FILE *out;           /* for the progress: bars on a terminal, else lines */
};

/*
 * Follow the keys until all of it is so. ERR_TIMEOUT names the first cluster that hangs, and why;
 * ERR_UNAVAILABLE when etcd can't be read.
 */
MUST_USE int await_many(struct context *context, const struct await_many *wish, struct err *err);

#endif
