/*
 * event_lease - the lease under which events are written, so that they go away by themselves.
 *
 * One lease serves all events of a quarter of their lifetime: their number does not grow with the
 * number of events. It is not renewed; each event lives for its lifetime at least and for five
 * quarters of it at most.
 */
#ifndef CONTROLLER_EVENT_LEASE_H
#define CONTROLLER_EVENT_LEASE_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"

struct event_lease;

/* A lease was granted, or could not be (`err`). */
typedef void event_lease_fn(void *ctx, const struct err *err);

MUST_USE int event_lease_new(struct etcd *etcd, uint64_t lifetime_ms, event_lease_fn *ready,
                             void *ctx, struct event_lease **out, struct err *err);
void event_lease_free(struct event_lease *lease);
DEFINE_CLEANUP(struct event_lease, event_lease_free);

/* The lease for an event that is written now; 0: there is none, event_lease_ask() for one. */
uint64_t event_lease_id(const struct event_lease *lease);

/* Ask etcd for a new one, unless that is under way; `ready` comes. */
MUST_USE int event_lease_ask(struct event_lease *lease, struct err *err);

/* etcd does not know the lease (any more). */
void event_lease_drop(struct event_lease *lease);

#endif
