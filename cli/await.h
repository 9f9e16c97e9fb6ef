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

#endif
