/*
 * sidecar - one memcached that muster did not start, on its way into a cluster.
 *
 * Finds the memcached, knows as whom it joins (a uid, for life, in <state-dir>/join), and asks to
 * be let in whenever nothing else makes it a node: through a node of the cluster (join.h), or by a
 * report of its own in etcd: where it was told of no node to ask, or none of them is one and it
 * knows the cluster's name. What follows from being let in is a slot's
 * business; the watcher tells here what it knows of that.
 */
#ifndef WATCHER_SIDECAR_H
#define WATCHER_SIDECAR_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "loop/tls.h"
#include "model/node.h"
#include "watcher/config.h"
#include "watcher/report.h"

#define SIDECAR_FIND_MS 250U
/* A node that was let in once waits so long for etcd before it doubts that. */
#define SIDECAR_HOLD_MS 5000U
/* Registered in etcd itself: the cluster is looked up, and the report made anew, so often. */
#define SIDECAR_LOOK_UP_MS 2000U
#define SIDECAR_RENEW_MS 240000U

struct sidecar;

/* What decides whether to ask. */
struct sidecar_view {
    bool found;  /* memcached has answered */
    bool heard;  /* all intents are known, as etcd has them */
    bool waited; /* ... or it was long enough away */
    bool known;  /* it was a node when it was last heard */
    bool placed; /* an intent makes it one */
    bool let_go; /* an intent says stop, and is still there */
    bool leaving;
};

/* Pure. */
bool sidecar_asks(const struct sidecar_view *view);

/* All borrowed; outlives the sidecar. */
struct sidecar_options {
    const struct watcher_config *config;
    const struct log *log;
    struct etcd *etcd;
    struct report *report;
    struct tls_context *const *tls; /* to discovery ports (memtext_use_tls()) */
    loop_fn *heard;                 /* memcached was heard, and says who it is */
    void *ctx;
};

/* ERR_IO when its uid can't be kept. */
MUST_USE int sidecar_new(struct loop *loop, const struct sidecar_options *options,
                         struct sidecar **out, struct err *err);
void sidecar_free(struct sidecar *sidecar);
DEFINE_CLEANUP(struct sidecar, sidecar_free);

/* Whether an intent for this host is for who joined as this one. */
bool sidecar_is_meant(const struct sidecar *sidecar, const struct intent *intent);

/*
 * An intent for this host and this memcached, which was there before anybody could ask, is for
 * another uid: when ours was drawn anew in this life, because nothing was kept of it, that other
 * one is what was lost, and is taken up again. Returns whether it is.
 */
bool sidecar_remembers(struct sidecar *sidecar, const struct intent *intent);

/* Whether it is also about the address where memcached is now. */
bool sidecar_is_here(const struct sidecar *sidecar, const struct intent *intent);

/* What the watcher knows; `found` and `waited` are the sidecar's own. */
void sidecar_update(struct sidecar *sidecar, const struct sidecar_view *view);

/* Its memcached may be another process than it was: look at it anew. */
void sidecar_look(struct sidecar *sidecar);

/* As memcached says, and for as long as the sidecar lives; threads 0: it has not been heard. */
const struct node_settings *sidecar_settings(const struct sidecar *sidecar);

/* What its `version` says; "". */
const char *sidecar_version(const struct sidecar *sidecar);

#endif
