/*
 * watcher_admin - the watcher's HTTP port: metrics and health.
 *
 *     /metrics     watcher_metrics.h
 *     /healthz     200: the loop turns
 *     /readyz      200 in sidecar mode: the memcached is a node, and serves the newest
 * configuration that is known here. On a host: etcd was heard, or a node here serves, so that an
 *                  etcd that is away makes no host unready. Else 503, and why
 *
 * There is no API: what `muster get` shows is read from etcd, and any controller answers it.
 */
#ifndef WATCHER_WATCHER_ADMIN_H
#define WATCHER_WATCHER_ADMIN_H

#include "admin/admin.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "watcher/config.h"
#include "watcher/watcher.h"

struct watcher_admin;

/*
 * Listen where `config` says; both outlive it. Where nothing else was asked for than the usual
 * address and somebody listens there, there is no port, which is logged.
 */
MUST_USE int watcher_admin_new(struct loop *loop, const struct watcher_config *config,
                               struct watcher *watcher, struct watcher_admin **out,
                               struct err *err);
/* Before the watcher. */
void watcher_admin_free(struct watcher_admin *admin);
DEFINE_CLEANUP(struct watcher_admin, watcher_admin_free);

#endif
