/*
 * fetch - bring a branch's commits into a repository of our own.
 *
 * libgit2 has no time limits, and reads what a server sends: so it fetches in a process of its own,
 * which is killed when its time is over (fetch_run() starts it, fetch_main() is what it does). The
 * repository is bare, nothing is ever checked out of it, and no configuration of git on this
 * machine is read. What was fetched once stays, also when the branch is rewritten.
 */
#ifndef GITOPS_FETCH_H
#define GITOPS_FETCH_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "gitops/options/remote.h"
#include "model/source.h"

#define FETCH_BYTES_MAX (512U << 20) /* received in one fetch */

struct fetch {
    struct remote remote;
    const char *cache; /* directory of the repository; made when it is missing */
};

/* Where a fetch is to run, and how long. */
struct fetch_run {
    const char *program; /* the path of `muster-gitops` */
    uint64_t timeout_ms;
    int cancel_fd; /* child.h */
};

/*
 * Fetch in a child; the branch's head in `head`. ERR_NOT_FOUND: the repository answers, and has no
 * such branch; ERR_TIMEOUT, ERR_CANCELED; else ERR_FAILED with what went wrong.
 */
MUST_USE int fetch_run(const struct fetch *fetch, const struct fetch_run *run,
                       char head[SOURCE_REVISION_SIZE], struct err *err);

/* The same here and now, without a time limit. */
MUST_USE int fetch_here(const struct fetch *fetch, char head[SOURCE_REVISION_SIZE],
                        struct err *err);

#endif
