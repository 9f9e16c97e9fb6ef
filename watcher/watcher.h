/*
 * watcher - the node side of one host: its slots, what etcd asks of them, what it is told.
 *
 * Follows the intents of this host in etcd and keeps a slot for each; keeps the host's own key.
 * In sidecar mode there is one slot at most, that of a memcached which runs anyhow (sidecar.h).
 * Everything goes on while etcd is away. The end of the watcher is no end of anything it runs, and
 * its keys stay until their lease ends, so that a watcher that is replaced is not missed; but who
 * has left the cluster takes back what it said of its node.
 */
#ifndef WATCHER_WATCHER_H
#define WATCHER_WATCHER_H

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "watcher/config.h"

/* A memcached that is missing or too old is looked for again so often. */
#define WATCHER_PROGRAM_MS 10000U
/* How long the last reports may take at the end. */
#define WATCHER_FLUSH_MS 1000U
/* ... that a node was let go, and the controller's answer: else the order to do so waits for its
 * host for a day. */
#define WATCHER_LET_GO_MS 15000U

struct watcher;

/*
 * `config` is borrowed. Slots that an earlier watcher left are taken up at once. ERR_CONFLICT:
 * another watcher uses the state directory.
 */
MUST_USE int watcher_new(struct loop *loop, const struct watcher_config *config,
                         struct watcher **out, struct err *err);
void watcher_free(struct watcher *watcher);
DEFINE_CLEANUP(struct watcher, watcher_free);

/* Read again what may change while it runs: the certificate of the discovery ports. What can't be
 * used is logged, and the former one holds. */
void watcher_reload(struct watcher *watcher);

/* Write the last reports, then stop the loop. */
void watcher_stop(struct watcher *watcher);

/*
 * SIGTERM. In sidecar mode, unless it is told to stay: leave the cluster first, serving on until
 * the controller lets go of the node, or the time for that is over; told once more, stop now. Else
 * the same as watcher_stop().
 */
void watcher_leave(struct watcher *watcher);

/* Why the loop was stopped: 0, ERR_UNAVAILABLE when etcd could not be reached at the start, or
 * ERR_TIMEOUT when nobody let go of a node that left. */
int watcher_result(const struct watcher *watcher, struct err *err);

#endif
