/*
 * round - one round of following a repository: look, judge, apply, report.
 *
 * What the round needs to know of former ones stands in etcd (`sources/<name>`), so that any
 * process may take over, and several may run: each compares, and who finds nothing to do writes
 * nothing. A commit other than the branch's head is applied only if etcd says that it is in force.
 */
#ifndef GITOPS_ROUND_H
#define GITOPS_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "client/context.h"
#include "gitops/judge.h"
#include "gitops/options/gitops_options.h"
#include "gitops/scan.h"
#include "model/source.h"
#include "store/event_log.h"

/* What came of a round; texts live in the context's arena and in `finding` until the next one. */
struct round_result {
    struct finding finding;
    struct source status;
    int head_code; /* why a head that could be read is not in force: of struct judgement; 0 */
    struct judgement judged;             /* of the commit that was applied last */
    const struct batch_results *results; /* NULL: nothing was applied */
    const struct event *events;          /* what was told; NULL: nothing */
    size_t events_count;
};

void round_result_init(struct round_result *result);
/* For CLEANUP; fine on a zeroed one. */
void round_result_deinit(struct round_result *result);

struct round {
    struct context *context;
    const struct gitops_options *options;
    struct event_log *events;
    int cancel_fd; /* readable when the program is to end */
};

/*
 * Make one round. 0: it came to an end, good or bad, as `out->status` says. Failures, after which
 * nothing is known to be reported: ERR_CONFLICT, another process follows another repository under
 * this name; ERR_CANCELED; those of etcd; ERR_NOMEM. Empties the context's arena first.
 */
MUST_USE int round_run(const struct round *round, struct round_result *out, struct err *err);

/* Say in the status that nobody follows the repository any more. */
MUST_USE int round_end(const struct round *round, struct err *err);

#endif
