/*
 * arena - memory that is released all at once.
 *
 * For work with one end: a reconcile pass, the decoding of one value. Blocks
 * are zeroed and aligned for any type; nothing is freed one by one. An arena
 * has a limit in bytes; beyond it, as when the heap is exhausted, it yields NULL.
 * Not for use from several threads.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/cleanup.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used_bytes;          /* handed out */
    size_t bytes_max;
    size_t first_bytes; /* of the first chunk */
};

/* An empty arena that hands out at most `bytes_max`; nothing is allocated yet. */
void arena_init(struct arena *arena, size_t bytes_max);

/* The same for something small that is kept: the first chunk has room for `first_bytes` only. */
void arena_init_small(struct arena *arena, size_t bytes_max, size_t first_bytes);

/* Release all; the arena can't be used until arena_init(). */
void arena_deinit(struct arena *arena);

/* Forget all blocks but keep one chunk for reuse. */
void arena_clear(struct arena *arena);

/* `size` zeroed bytes, or NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` zeroed elements, or NULL, also when the product overflows. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of `size` bytes, or NULL. */
char *arena_strndup(struct arena *arena, const char *text, size_t size);

/* A copy of the text, or NULL. */
char *arena_strdup(struct arena *arena, const char *text);

/* Formatted text, or NULL. */
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* For CLEANUP: struct arena a CLEANUP(arena_deinit). */

#endif
