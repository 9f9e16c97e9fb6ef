/*
 * hold - bytes of a client's stream that were read and not yet handed to memcached.
 *
 * A few bytes (a command split by the network) are kept in place; more take memory from the heap,
 * for as long as they are held.
 */
#ifndef MODULE_HOLD_H
#define MODULE_HOLD_H

#include <stddef.h>

#include "base/cleanup.h"

#define HOLD_SMALL_BYTES 192

struct hold {
    char *heap; /* NULL: the bytes are in `small` */
    size_t capacity;
    size_t start;
    size_t size;
    char small[HOLD_SMALL_BYTES];
};

/* Forget all. A zeroed struct hold is empty. */
void hold_clear(struct hold *hold);

/* Copy the first bytes without taking them out; returns how many. */
size_t hold_peek(const struct hold *hold, void *out, size_t size);

/* Take the first `size` bytes out; there are as many. */
void hold_drop(struct hold *hold, size_t size);

/* Add at the end. -1 without memory; then nothing was added. */
MUST_USE int hold_append(struct hold *hold, const void *bytes, size_t size);

#endif
