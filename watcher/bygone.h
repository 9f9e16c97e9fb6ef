/*
 * bygone - whether a cluster is gone: nothing is left of it in etcd but what nodes report.
 *
 * A node that was stopped while its host was away finds no order when it returns. Its report is of
 * no use once the cluster is gone, but for the version that it has seen: clients may remember that.
 * So the highest version that etcd still knows is told, too (its lineage outlives the cluster).
 *
 * One cluster is asked about at a time. Nothing is guessed: what can't be read, or isn't known, is
 * no answer, and is asked again later.
 */
#ifndef WATCHER_BYGONE_H
#define WATCHER_BYGONE_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"
#include "loop/loop.h"

/* Between two questions. */
#define BYGONE_PAUSE_MS 5000U

struct bygone;

struct bygone_events {
    /* The cluster to ask about next; NULL: none now. The text is copied. */
    const char *(*next)(void *ctx);
    /* `cluster` is gone; `version` is the highest that etcd knows of, 0: of none. */
    void (*gone)(void *ctx, const char *cluster, uint32_t version);
};

/* `etcd`, `prefix` (of all keys) and `events` are borrowed. */
MUST_USE int bygone_new(struct loop *loop, struct etcd *etcd, const char *prefix,
                        const struct bygone_events *events, void *ctx, struct bygone **out,
                        struct err *err);
void bygone_free(struct bygone *bygone);
DEFINE_CLEANUP(struct bygone, bygone_free);

#endif
