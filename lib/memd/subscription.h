/*
 * subscription - news of one partition: `config watch cluster` at a node's discovery port.
 *
 * Connects, subscribes, and tells of each line that comes; when the connection ends or is silent
 * for too long, connects again, with growing pauses. Callbacks come on the loop, never from inside
 * a call. What comes is a hint: the record itself is read and verified elsewhere.
 *
 * The lines (docs/discovery.md): "CONFIG-CHANGED <version>" at once and with each change,
 * "JOIN-REQUESTED <uid>" for each join request that was written there and that still counts.
 * Any other line, and one of more than SUBSCRIPTION_LINE_MAX bytes, ends the connection
 * (subscription_scan.h). A connection that stands is probed by TCP itself: nothing is sent on it.
 * It may be freed inside its own callbacks.
 */
#ifndef MEMD_SUBSCRIPTION_H
#define MEMD_SUBSCRIPTION_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"

#define SUBSCRIPTION_LINE_MAX 128
#define SUBSCRIPTION_RETRY_FIRST_MS 200U
#define SUBSCRIPTION_RETRY_MAX_MS 10000U
#define SUBSCRIPTION_CONNECT_MS 1000U

struct subscription;

struct subscription_events {
    /* The partition serves `version` now (0: nothing yet); also once after each connecting. */
    void (*changed)(void *ctx, uint32_t version);
    /* A join request waits there. May be NULL. */
    void (*joining)(void *ctx, const char *uid);
    /* The connection ended or could not be made; it is tried again. Told once until `changed`. */
    void (*lost)(void *ctx, const struct err *err);
};

/* Begins by itself. ERR_INVALID: `ip` is no IPv4 address. */
MUST_USE int subscription_new(struct loop *loop, const char *ip, uint16_t port,
                              const struct subscription_events *events, void *ctx,
                              struct subscription **out, struct err *err);
void subscription_free(struct subscription *subscription);
/* Speak TLS from the next connection on: with `*tls` as it is then; NULL there is plain text. What
 * it points to is borrowed. */
void subscription_use_tls(struct subscription *subscription, struct tls_context *const *tls);
DEFINE_CLEANUP(struct subscription, subscription_free);

#endif
