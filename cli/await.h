/*
 * await - wait until a cluster is converged, or gone.
 */
#ifndef CLI_AWAIT_H
#define CLI_AWAIT_H

#include <stdint.h>

#include "base/err.h"
#include "client/context.h"

enum await_goal { AWAIT_CONVERGED, AWAIT_DELETED };

/*
 * Follow the cluster's keys until the goal is reached, and show on standard error how it gets there
 * (see progress.h), unless it is there already. ERR_NOT_FOUND when it is to converge and is
 * not there; ERR_TIMEOUT says which stage hangs and why; ERR_UNAVAILABLE when etcd can't be read.
 */
MUST_USE int await_cluster(struct context *context, const char *name, enum await_goal goal,
                           uint64_t timeout_ms, struct err *err);

/* What --wait of a verb says that has changed the cluster: wait until it is converged, and say so;
 * nothing when it was not given. */
MUST_USE int await_if_asked(struct context *context, const char *name, const struct opt_wait *wait,
                            struct err *err);

/* --wait into a `struct opt_wait`, for such verbs. */
#define AWAIT_OPTION(type, field)                                           \
    {                                                                       \
        "wait", 0, OPT_WAIT, offsetof(type, field), "DURATION", "60s",      \
            "return when the cluster is converged; 0s: as long as it takes" \
    }

#endif
