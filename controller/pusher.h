/*
 * pusher - gives a node the stored configuration record, as the key `muster:config`.
 *
 * A success means that the node (its partition's inbox) took the bytes; that it serves them is
 * what its watcher acknowledges later. At most PUSHES_AT_ONCE run, the others wait in their order;
 * the record is read when its turn comes, so that a push never carries a superseded one.
 */
#ifndef CONTROLLER_PUSHER_H
#define CONTROLLER_PUSHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"
#include "memd/memd.h"
#include "model/name.h"

#define PUSH_KEY "muster:config"
#define PUSH_TLS_TIMEOUT_MS 1000U
#define PUSHES_AT_ONCE 64
#define PUSHES_MAX 100000

struct pusher;

struct push_order {
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
    char host[HOST_NAME_TEXT_MAX + 1];
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    bool beside; /* it is a discovery port */
    uint32_t version;
};

struct push_events {
    /* The record of that cluster and version, NULL when it is not the committed one (any more). */
    const char *(*record)(void *ctx, const char *cluster, uint32_t version, size_t *bytes);
    /* It was answered with success, or failed; ERR_CANCELED when there was no record. */
    void (*done)(void *ctx, const struct push_order *order, const struct err *err);
};

MUST_USE int pusher_new(struct memd *memd, const struct push_events *events, void *ctx,
                        struct pusher **out, struct err *err);
/* Drops what waits and runs, without callbacks; before memd_free(). */
void pusher_free(struct pusher *pusher);
DEFINE_CLEANUP(struct pusher, pusher_free);

/*
 * Speak TLS to discovery ports, with `*tls` as it is when a push begins, over a connection of its
 * own; NULL there is plain text. What it points to is borrowed.
 */
void pusher_use_tls(struct pusher *pusher, struct loop *loop, struct tls_context *const *tls);

/* `events.done` comes, but not from inside the call; unless this fails. */
MUST_USE int pusher_push(struct pusher *pusher, const struct push_order *order, struct err *err);

#endif
