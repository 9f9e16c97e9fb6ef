/*
 * leader - which of the controllers leads.
 *
 * Campaigns for the `leader` key with its own lease whenever there is none. Whether this process
 * leads is read from the mirror alone: it does once the watch has delivered the leader key
 * with its token, and so everything that was written before it. The key's create_revision is the
 * fence: each write of the controller compares it, so that a leader that was stopped past its
 * lease and continued changes nothing.
 *
 * A leader key without a lease is nobody's (somebody wrote it by hand) and is removed.
 */
#ifndef CONTROLLER_LEADER_H
#define CONTROLLER_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "store/mirror.h"

#define LEADER_IDENTITY_MAX 128

struct leader;

struct leader_options {
    const char *prefix;
    const char *identity; /* who leads, for humans */
    uint64_t lease_ttl_s;
};

/* Leadership came or went. */
typedef void leader_fn(void *ctx, bool leads);

/* ERR_INVALID unless `identity` is 1..LEADER_IDENTITY_MAX of letters, digits and "-_.:". */
MUST_USE int leader_identity_check(const char *identity, struct err *err);

MUST_USE int leader_new(struct loop *loop, struct etcd *etcd, const struct leader_options *options,
                        leader_fn *changed, void *ctx, struct leader **out, struct err *err);
void leader_free(struct leader *leader);
DEFINE_CLEANUP(struct leader, leader_free);

/* What the mirror shows of the leader key (NULL: nothing): at each change, and once it is synced.
 */
void leader_seen(struct leader *leader, const struct mirror_item *item);

/* The fence; 0: this process does not lead, or can't be sure that its lease is alive. */
uint64_t leader_fence(const struct leader *leader);

/* Give up leadership and the lease, so that the next one need not wait; `done` comes in any case.
 */
void leader_resign(struct leader *leader, loop_fn *done, void *ctx);

#endif
