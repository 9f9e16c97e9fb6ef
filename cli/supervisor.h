/*
 * supervisor - keep the processes of a local installation running, and stop all of them.
 *
 * What runs already is adopted by its pid file, with the same pid; what does not is started; what
 * ends is started again after a growing delay. The nodes (memcached) belong to the watcher and are
 * touched by supervisor_stop() only. The caller holds the lock of the state directory.
 */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cli/local_process.h"
#include "client/local.h"
#include "loop/loop.h"

#define SUPERVISOR_NODES_MAX 1024
#define SUPERVISOR_BACKOFF_MS_MIN 100
#define SUPERVISOR_BACKOFF_MS_MAX 5000
/* A process that ran for so long has the shortest delay again. */
#define SUPERVISOR_STEADY_MS 10000
/* How long a process may take to end before it is killed. */
#define SUPERVISOR_GRACE_MS 10000

struct supervisor;

/* Something happened to a process: "started", "adopted", "ended", "failed" to start,
 * "replaced", "killed". */
typedef void supervisor_note_fn(void *ctx, const char *event, const char *process,
                                const char *text);

struct supervisor_options {
    const struct local *local;       /* borrowed */
    const struct programs *programs; /* borrowed; may be NULL for one that only stops */
    bool standby;                    /* run a successor that waits for our end */
    supervisor_note_fn *note;
    void *ctx;
};

MUST_USE int supervisor_new(struct loop *loop, const struct supervisor_options *options,
                            struct supervisor **out, struct err *err);
/* Lets go of all processes; they run on. */
void supervisor_free(struct supervisor *supervisor);
DEFINE_CLEANUP(struct supervisor, supervisor_free);

/*
 * Adopt or start everything. The first failure is returned and names its process; that one is
 * tried again later, as one that has ended is.
 */
MUST_USE int supervisor_start(struct supervisor *supervisor, struct err *err);

/*
 * Stop everything that runs in the state directory, started by this supervisor or not: standby,
 * controllers and watcher first, then the nodes and etcd. Runs the loop until all have ended;
 * loop_stop() meanwhile hastens: what is left is killed. Not to be called from a callback.
 *
 * The directory of the partitions goes with the last node; nodes that are stopped come back empty.
 */
MUST_USE int supervisor_stop(struct supervisor *supervisor, struct err *err);

/*
 * Stop what this supervisor has started, likewise. Where it has found a process running, the nodes
 * and that process run on; else this is supervisor_stop().
 */
MUST_USE int supervisor_undo(struct supervisor *supervisor, struct err *err);

/* Whether supervisor_start() has found something running: a process to adopt, or a node. */
bool supervisor_has_found(const struct supervisor *supervisor);

/* How many processes the last stop has ended, nodes included. */
unsigned supervisor_stopped(const struct supervisor *supervisor);

#endif
