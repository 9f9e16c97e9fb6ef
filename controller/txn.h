/*
 * txn - a plan made into transactions.
 *
 * All etcd effects of a plan, in their order, become one transaction when its limits allow; what
 * doesn't fit is left out, and the next pass asks for it again. Only DNS records that are too many
 * get transactions of their own, which go first: a name must resolve before clients see it.
 *
 * Every transaction holds only while
 *   - the leader key is the one under which this process leads,
 *   - the cluster's spec, configuration and lineage are those that the decision was read from,
 *   - each key that it writes is as it was read,
 *   - the reports that it rests on (of nodes that get listed or aliased, and of those whose orders
 *     change) are as they were read.
 *
 * Pure but for the random ids of events. Everything in the result lives in the arena, so that
 * the objects may change while a transaction is under way.
 */
#ifndef CONTROLLER_TXN_H
#define CONTROLLER_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/envelope.h"
#include "controller/dns.h"
#include "etcd/etcd.h"
#include "model/effect.h"
#include "model/view.h"
#include "view/objects.h"

/* The name in a view that is about no one cluster: its plan has nothing but events. */
#define NO_CLUSTER "-"

struct txn_env {
    const struct objects *objects;
    uint64_t revision;       /* of etcd, up to which the objects are whole */
    const struct view *view; /* that the plan was made from */
    uint64_t fence;          /* create_revision of the leader key */
    uint64_t event_lease;    /* needed when the plan has an event */
    const struct signing_key *key;
    struct dns_options dns;
    bool names_due; /* write all DNS records of the cluster, whatever was written before */
    struct arena *arena;
};

/* What an effect did, for the log. */
struct txn_note {
    enum effect_kind kind;
    uint32_t slot;
    const char *why;
    const char *detail; /* "" */
    const char *reason; /* of an event; NULL: it is none */
};

struct txn_push {
    uint32_t slot;
    const char *host;
    const char *ip;
    uint16_t port;
    bool beside; /* it is a discovery port */
    uint32_t version;
    bool started; /* the caller's */
};

struct txn_plan {
    struct etcd_txn *txns; /* to be done one after another; none: nothing to write */
    size_t txns_count;
    struct txn_push *pushes; /* to be started when all of them are done */
    size_t pushes_count;
    struct txn_note *notes;
    size_t notes_count;
    const struct intent *const *intents; /* whose places are taken */
    size_t intents_count;
    uint64_t wake_at_ms; /* 0: never */
    bool urgent;         /* it writes more than status and events */
    bool cut;            /* effects were left out: another pass is due at once */
};

/* ERR_NOMEM, or ERR_LIMIT / ERR_INVALID for an effect that can't be written at all. */
MUST_USE int txn_build(const struct txn_env *env, const struct plan *plan, struct txn_plan *out,
                       struct err *err);

/* Whether the plan needs an event lease. */
bool txn_needs_event_lease(const struct plan *plan);

#endif
