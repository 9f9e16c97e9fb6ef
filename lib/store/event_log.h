/*
 * event_log - writes what happened to `events/<cluster>/…`, where people look for it.
 *
 * Events are a help, not a record: they are gathered and written behind everything else, live as
 * long as their lease (EVENT_LOG_TTL_S at least), and are dropped when etcd is away for so long
 * that more than EVENT_LOG_PENDING_MAX wait. All events of one TTL share one lease, so that they
 * cost no keepalives and few grants.
 */
#ifndef STORE_EVENT_LOG_H
#define STORE_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "model/event.h"
#include "model/status.h"

#define EVENT_LOG_TTL_S 3600U
#define EVENT_LOG_PENDING_MAX 256U
#define EVENT_LOG_RETRY_MS 5000U

struct event_log;

/* `prefix` is borrowed. */
MUST_USE int event_log_new(struct loop *loop, struct etcd *etcd, const char *prefix,
                           struct event_log **out, struct err *err);
/* What waits is dropped. */
void event_log_free(struct event_log *log);
DEFINE_CLEANUP(struct event_log, event_log_free);

/* Take in a copy; `event->cluster` is a cluster's name or "-". Never fails: see above. */
void event_log_add(struct event_log *log, const struct event *event);

/* How many events gave this reason so far, dropped ones too. */
uint64_t event_log_count(const struct event_log *log, enum event_reason reason);

/* Whether nothing waits to be written. */
bool event_log_is_idle(const struct event_log *log);

/* How many events were dropped so far. */
size_t event_log_dropped(const struct event_log *log);

#endif
