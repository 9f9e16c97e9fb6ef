/*
 * lease - one etcd lease kept alive for as long as its holder lives.
 *
 * Grants, renews at a third of the TTL, and says when the lease is held, in doubt or lost; after
 * a loss it asks for a new one. A lease says who is alive, never who may write: writers are fenced
 * by compares.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"

struct lease;

/* A lease was granted (`id` != 0), or is lost (0): keys put with it are gone or will be. */
typedef void lease_fn(void *ctx, uint64_t id);

MUST_USE int lease_new(struct loop *loop, struct etcd *etcd, uint64_t ttl_s, lease_fn *changed,
                       void *ctx, struct lease **out, struct err *err);
/* Stops renewing; does not revoke. */
void lease_free(struct lease *lease);
DEFINE_CLEANUP(struct lease, lease_free);

/*
 * 0: none held; also as soon as its TTL has passed on the monotonic clock since the last answered
 * renewal was sent, even before `changed` could say so (a process that was stopped and continued).
 */
uint64_t lease_id(const struct lease *lease);

/* Give the lease back now, so that nobody waits for its end; `done` comes in any case. */
void lease_revoke(struct lease *lease, loop_fn *done, void *ctx);

#endif
