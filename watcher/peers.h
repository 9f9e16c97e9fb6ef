/*
 * peers - a node watches the partitions of its ring successors, and mends what lags behind.
 *
 * For each successor (ring.h): a subscription to its discovery port, and a slow poll of its data
 * port as the proof of what clients get there. What is newer there is read and offered to the own
 * partition, which verifies it; what is older, missing or no record there, past a grace, is written
 * there. So what reached one node reaches all, without controller and etcd. Decisions are those of
 * peer_rules.h (pure); versions and epochs decide, never clocks.
 *
 * A look reads `muster:config`, which no discovery client asks for, and compares it with the own
 * record. A record is written only over a connection on which a partition has just said that it is
 * one (MEMTEXT_ASK_WHO): a plain memcached never gets one as an item.
 */
#ifndef WATCHER_PEERS_H
#define WATCHER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"
#include "model/config.h"
#include "model/node.h"
#include "watcher/peer_rules.h"
#include "watcher/ring.h"

struct peers;

/* What a peer is seen to serve. */
struct peer_view {
    uint32_t slot;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    bool subscribed;     /* the subscription stands */
    bool looked;         /* its data port was asked at least once */
    bool reachable;      /* its data port answered the last question */
    bool unreachable;    /* it has not for PEER_SILENT_MS: the opinion */
    bool beside;         /* its data port knows no discovery; its discovery port is read */
    uint32_t version;    /* seen last, on either way; 0: none */
    uint64_t changed_ms; /* when that was seen first, on the monotonic clock; 0: never */
    uint64_t lag_ms;     /* how long after the own partition it was seen to have the version it has;
                            0: not later */
    uint32_t repairs;    /* how often it caught up after it was written to */
};

struct peers_events {
    /*
     * A peer serves another record, perhaps a newer one. The receiver verifies it, and says what
     * came of it as partition_offer() does; when it is in force, peers_follow() is called, here or
     * later.
     */
    int (*offered)(void *ctx, uint32_t slot, const char *record, size_t record_bytes,
                   struct err *err);
    /* The partition of a peer was found behind (0: nothing or no record was served), was written
     * to, and has caught up. */
    void (*repaired)(void *ctx, uint32_t slot, uint32_t from_version, uint32_t to_version);
    /* A verified record of the version in force, but with another content, is served there. */
    void (*conflict)(void *ctx, uint32_t slot, uint32_t version);
    /* A join request waits in a peer's partition. May be NULL. */
    void (*joining)(void *ctx, uint32_t slot, const char *uid, const char *request,
                    size_t request_bytes);
    /* What peers_unreachable() says has changed. */
    void (*opinion)(void *ctx);
};

MUST_USE int peers_new(struct loop *loop, const struct ring_self *self,
                       const struct peers_events *events, void *ctx, struct peers **out,
                       struct err *err);
void peers_free(struct peers *peers);
/* How to speak to discovery ports (memtext_use_tls()); before anybody is followed. */
void peers_use_tls(struct peers *peers, struct tls_context *const *tls);
DEFINE_CLEANUP(struct peers, peers_free);

/*
 * This record is in force here: `config` gives the ring, `record` is what lagging peers get. Both
 * are copied. version 0: nothing is in force, nobody is watched. On failure what was followed
 * before still is.
 */
MUST_USE int peers_follow(struct peers *peers, const struct config_draft *config,
                          const char *record, size_t record_bytes, struct err *err);

/* Nearest first; returns how many, at most RING_SUCCESSORS. */
size_t peers_list(const struct peers *peers, struct peer_view out[RING_SUCCESSORS]);

/* The slots whose data port has not answered for PEER_SILENT_MS, ascending; returns how many. */
size_t peers_unreachable(const struct peers *peers, uint32_t out[RING_SUCCESSORS]);

#endif
