/*
 * memd - writes and reads of single keys at memcached nodes (partitions included), asynchronous.
 *
 * The memcached protocol is libmemcached's, which blocks: each call runs on a thread of the loop's
 * pool. Connections are kept, one per target; calls to one target run one after another, calls to
 * different targets in parallel. The value is copied. `done` comes once, on the loop, never from
 * inside the call; after memd_free() none comes, and what still runs ends unheard (loop_free()
 * waits for it).
 *
 * An answer is an answer: NOREPLY is never used, because it reports success for everything.
 */
#ifndef MEMD_MEMD_H
#define MEMD_MEMD_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

#define MEMD_VALUE_BYTES_MAX (1U << 20)
#define MEMD_TARGETS_MAX 4096

struct memd;

struct memd_options {
    uint64_t connect_timeout_ms; /* 0: 300 */
    uint64_t reply_timeout_ms;   /* 0: 300 */
};

MUST_USE int memd_new(struct loop *loop, const struct memd_options *options, struct memd **out,
                      struct err *err);
void memd_free(struct memd *memd);
DEFINE_CLEANUP(struct memd, memd_free);

/*
 * `value` is NULL for a set, and valid during the call only. On failure `err` is not NULL:
 * ERR_NOT_FOUND (get), ERR_TIMEOUT, ERR_IO, ERR_PROTOCOL (the node refused: its words are in the
 * message).
 */
typedef void memd_fn(void *ctx, const char *value, size_t value_bytes, const struct err *err);

/* ERR_INVALID for an address or a key that is none, ERR_LIMIT beyond the limits above. */
MUST_USE int memd_set(struct memd *memd, const char *ip, uint16_t port, const char *key,
                      const char *value, size_t value_bytes, memd_fn *done, void *ctx,
                      struct err *err);
MUST_USE int memd_get(struct memd *memd, const char *ip, uint16_t port, const char *key,
                      memd_fn *done, void *ctx, struct err *err);

/* Close the connection to a target that will not be used again, after the calls that wait. */
void memd_forget(struct memd *memd, const char *ip, uint16_t port);

#endif
