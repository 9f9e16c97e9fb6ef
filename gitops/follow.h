/*
 * follow - follow a repository, round after round, until a signal ends it.
 *
 * SIGTERM and SIGINT end it, also in the middle of a fetch; SIGHUP begins the next round at once.
 */
#ifndef GITOPS_FOLLOW_H
#define GITOPS_FOLLOW_H

#include "base/err.h"
#include "base/log.h"
#include "client/context.h"
#include "gitops/round.h"

struct follow {
    struct context *context; /* open */
    const struct gitops_options *options;
    const struct log *log;
    const char *admin_listen;
};

/* Follow for good. 0 after a signal; failures are those of the start only. */
MUST_USE int follow_repository(const struct follow *follow, struct err *err);

/* One round, in `out`, which the caller has initialised; waits until its events are written. As
 * round_run(); a signal gives ERR_CANCELED. */
MUST_USE int follow_once(const struct follow *follow, struct round_result *out, struct err *err);

#endif
