/*
 * discovery - the discovery port of one node: the commands of the partition without memcached.
 *
 * Answers what the node's segment holds with the parser that the module inside memcached uses; a
 * write goes into the inbox. `config watch cluster` subscribes a connection to one line per change.
 * Everything is bounded: what belongs to one connection by session.h, the rest over all ports of
 * the watcher by discovery_host.h, and writes by the address that they come from (rate.h). Who asks
 * for costly things gets one of them at a time, in turn with all others. An answer is made as a
 * whole from what is served at that moment.
 */
#ifndef WATCHER_DISCOVERY_H
#define WATCHER_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/pollers.h"
#include "discovery/segment.h"
#include "discovery/session.h"
#include "loop/loop.h"
#include "watcher/discovery_host.h"

struct discovery;

/* All borrowed. */
struct discovery_options {
    struct discovery_host *host;
    const char *ip;
    uint16_t port;
    const struct segment_cell *cell; /* what is served; tell discovery_changed() of changes */
    const char *inbox;               /* path, see discovery/names.h */
    struct session_source source;    /* more rows of `stats`, and the join requests that are held */
    /* Called with source.ctx when a client was told `version` (0: that there is none, or it did not
     * take the answer yet); may be NULL. */
    void (*polled)(void *ctx, const struct poller_peer *peer, uint32_t version);
};

/*
 * Listen for a partition. ERR_CONFLICT: the port is in use; ERR_IO: it can't be listened at, for
 * example because the address is none of this machine.
 */
MUST_USE int discovery_new(struct loop *loop, const struct discovery_options *options,
                           struct discovery **out, struct err *err);
void discovery_free(struct discovery *discovery);
DEFINE_CLEANUP(struct discovery, discovery_free);

/* Why a connection was ended from this side. */
#define DISCOVERY_CUTS(X)                                    \
    X(IDLE, "cut_idle")       /* silent for too long */      \
    X(SLOW, "cut_slow")       /* busy for too long */        \
    X(UNREAD, "cut_unread")   /* too much was left unread */ \
    X(CROWDED, "cut_crowded") /* gave way to another one */  \
    X(FAILED, "cut_failed")   /* spoke no or bad TLS */

enum discovery_cut {
#define X(name, text) CUT_##name,
    DISCOVERY_CUTS(X)
#undef X
        CUT_COUNT,
};

/* Since the port was opened, and what is now. */
struct discovery_counts {
    uint64_t connections_ever;
    uint64_t cuts[CUT_COUNT]; /* of these */
    uint64_t requests;        /* reads of the partition */
    uint64_t writes;          /* values that were taken for the inbox */
    size_t connections;
    size_t subscribers;
};

struct discovery_counts discovery_counts(const struct discovery *discovery);

/* What is served has changed: tell the subscribers. */
void discovery_changed(struct discovery *discovery);

/* A join request has come to those that options.source tells of: tell the subscribers. */
void discovery_joining(struct discovery *discovery, const char *uid);

#endif
