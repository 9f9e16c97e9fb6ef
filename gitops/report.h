/*
 * report - what a round comes to: the source's next status, and the events that tell of it. Pure.
 *
 * The status says what is; events say what has changed since the former status. So a restart, or
 * two processes that follow the same source, tell nothing twice. Of another repository, branch or
 * path than before no commit is in force until one is applied.
 */
#ifndef GITOPS_REPORT_H
#define GITOPS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/batch.h"
#include "base/arena.h"
#include "base/err.h"
#include "gitops/judge.h"
#include "gitops/scan.h"
#include "model/source.h"
#include "model/status.h"

#define REPORT_PROGRAM "muster-gitops"
#define REPORT_EVENTS_MAX 200U /* of one round; a last one tells how many more there were */

/* What was followed, and what came of it. */
struct report_round {
    const char *name;
    const char *repository;
    const char *branch;
    const char *path;
    uint64_t interval_ms;
    uint64_t now_ms;
    bool goes_on;                  /* more rounds follow */
    const struct source *former;   /* NULL: there was none */
    const struct finding *finding; /* its texts outlive the report */
    struct judgement head;         /* code: 0 it was applied, or why not; for a head that is good */
    bool applied_head;
    const struct batch_results *results; /* of the commit that was applied last; NULL: none was */
    size_t clusters;                     /* documents of that commit */
};

/* The next status; texts in `arena` or with the round. ERR_NOMEM. */
MUST_USE int report_status(const struct report_round *round, struct arena *arena,
                           struct source *out, struct err *err);

/* What has changed from `round->former` to `next`; in `arena`. ERR_NOMEM. */
MUST_USE int report_events(const struct report_round *round, const struct source *next,
                           struct arena *arena, const struct event **out, size_t *count,
                           struct err *err);

#endif
