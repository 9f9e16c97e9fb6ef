/*
 * peers - a node watches the partitions of its ring successors, and mends what lags behind.
 *
 * For each successor (ring.h): a subscription to its discovery port, and a slow poll of its data
 * port as the proof of what clients get there. What is newer there is read and offered to the own
 * partition, which verifies it; what is older or missing there, past a grace, is written there.
 * So what reached one node reaches all, without controller and etcd. Decisions are those of
 * peer_rules.h (pure); versions and epochs decide, never clocks.
 */
#ifndef WATCHER_PEERS_H
#define WATCHER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "model/config.h"
#include "model/node.h"
#include "watcher/ring.h"

/* How long a peer may lag before it is written to: a push is under way to it, too. */
#define PEER_GRACE_MS 2000U
/* Its data port is read so often, as the proof. */
#define PEER_POLL_MS 10000U
/* A write that did not help is repeated after so long, doubling. */
#define PEER_WRITE_RETRY_FIRST_MS 2000U
#define PEER_WRITE_RETRY_MAX_MS 60000U

struct peers;

/* What a peer is seen to serve. */
struct peer_view {
    uint32_t slot;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    bool subscribed;     /* the subscription stands */
    bool reachable;      /* its data port answered the last question */
    uint32_t version;    /* seen last, on either way; 0: none */
    uint64_t changed_ms; /* when that was seen first, on the monotonic clock; 0: never */
    uint64_t lag_ms;  /* how long after the own partition it had the version it has; 0: not later */
    uint32_t repairs; /* writes to it that were taken */
};

struct peers_events {
    /* A peer holds a newer record. The receiver verifies it. */
    void (*offered)(void *ctx, uint32_t slot, const char *record, size_t record_bytes);
    /* The partition of a peer was found behind, and was written to. */
    void (*repaired)(void *ctx, uint32_t slot, uint32_t from_version, uint32_t to_version);
    /* A join request waits in a peer's partition. */
    void (*joining)(void *ctx, uint32_t slot, const char *uid, const char *request,
                    size_t request_bytes);
    /* What peers_unreachable() says has changed. */
    void (*opinion)(void *ctx);
};

MUST_USE int peers_new(struct loop *loop, const struct ring_self *self,
                       const struct peers_events *events, void *ctx, struct peers **out,
                       struct err *err);
void peers_free(struct peers *peers);
DEFINE_CLEANUP(struct peers, peers_free);

/*
 * This record is in force here: `members` give the ring, `record` is what lagging peers get. Both
 * are copied. version 0: nothing is in force, nobody is watched.
 */
MUST_USE int peers_follow(struct peers *peers, const struct config_draft *config,
                          const char *record, size_t record_bytes, struct err *err);

/* Nearest first; returns how many, at most RING_SUCCESSORS. */
size_t peers_list(const struct peers *peers, struct peer_view out[RING_SUCCESSORS]);

#endif
