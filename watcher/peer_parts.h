/*
 * peer_parts - the inside of peers (peers.h), shared by the files that make it up.
 *
 *     peers.c       the ring, and what is in force here
 *     peer.c        one peer: its subscription, and the steps that the rules ask for
 *     peer_talk.c   what is said on its ports: looks and writes
 *     peer_joins.c  the join requests that its subscription tells of
 */
#ifndef WATCHER_PEER_PARTS_H
#define WATCHER_PEER_PARTS_H

#include "loop/loop.h"
#include "memd/memtext.h"
#include "watcher/peers.h"

#define PEER_TIMEOUT_MS 1000U

struct peer;

/* ---- peers.c ---- */

const struct peer_own *peers_own(const struct peers *peers);
/* Valid until the next peers_follow(). */
const char *peers_record(const struct peers *peers, size_t *record_bytes);
const struct peers_events *peers_events_of(const struct peers *peers, void **ctx);
struct loop *peers_loop(const struct peers *peers);
struct tls_context *const *peers_tls(const struct peers *peers);

/* ---- peer.c ---- */

MUST_USE int peer_new(struct peers *peers, const struct member *member, size_t place,
                      struct peer **out, struct err *err);
/* Fine inside the callbacks of the set. */
void peer_free(struct peer *peer);
DEFINE_CLEANUP(struct peer, peer_free);
/* Whether it is this member, of the same slot. */
bool peer_is(const struct peer *peer, const struct member *member);
/* Another record is in force here, by which it stands at `place`. */
void peer_follow(struct peer *peer, size_t place);
void peer_view(const struct peer *peer, struct peer_view *out);

/* ---- peer_talk.c ---- */

struct peer_talk;

/* What a look has found; valid during the call. */
struct peer_found {
    bool answered; /* the data port did */
    bool known;    /* somebody told what is served: `record`, or NULL for nothing */
    const char *record;
    size_t record_bytes;
};

/* They come on the loop, or inside the call when there is no memory to ask with. */
struct peer_talk_events {
    void (*looked)(void *ctx, const struct peer_found *found);
    /* `taken`: a partition answered that it has the record now. */
    void (*wrote)(void *ctx, bool taken);
};

MUST_USE int peer_talk_new(struct loop *loop, const char *ip, uint16_t port,
                           const struct peer_talk_events *events, void *ctx, struct peer_talk **out,
                           struct err *err);
/* How to speak to the discovery port; plain text without. */
void peer_talk_use_tls(struct peer_talk *talk, struct tls_context *const *tls);
/* Fine inside its own callbacks; what was asked is dropped. */
void peer_talk_free(struct peer_talk *talk);
DEFINE_CLEANUP(struct peer_talk, peer_talk_free);

/*
 * Read what it serves, at its data port; at its discovery port when the data port knows no
 * discovery, and also when that does not answer and `ask_beside`. `looked` follows.
 */
void peer_talk_look(struct peer_talk *talk, bool ask_beside);

/* Write the record where the last look was answered, if that still is a partition. `wrote` follows.
 */
void peer_talk_write(struct peer_talk *talk, const char *record, size_t record_bytes);

/* Whether its data port was found to know no discovery. */
bool peer_talk_beside(const struct peer_talk *talk);

/* ---- peer_joins.c ---- */

struct peer_joins;

typedef void peer_join_fn(void *ctx, const char *uid, const char *request, size_t request_bytes);

MUST_USE int peer_joins_new(struct loop *loop, const char *ip, uint16_t discovery_port,
                            peer_join_fn *fn, void *ctx, struct peer_joins **out, struct err *err);
/* How to speak to the discovery port; plain text without. */
void peer_joins_use_tls(struct peer_joins *joins, struct tls_context *const *tls);
void peer_joins_free(struct peer_joins *joins);
DEFINE_CLEANUP(struct peer_joins, peer_joins_free);

/* A request of `uid` waits there: it is read, and told. So many wait at once; more are passed over,
 * and are told of again by the next subscription. */
#define PEER_JOINS_WAITING_MAX 16
void peer_joins_read(struct peer_joins *joins, const char *uid);

#endif
