#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BYTES 4096U

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    arena_init_small(arena, bytes_max, FIRST_BYTES);
}

void arena_init_small(struct arena *arena, size_t bytes_max, size_t first_bytes)
{
    *arena = (struct arena){ .bytes_max = bytes_max, .first_bytes = first_bytes };
}

void arena_deinit(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;

    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->used_bytes = 0;
}

void arena_clear(struct arena *arena)
{
    struct arena_chunk *keep = arena->chunks;

    if (keep == NULL) {
        return;
    }
    arena->chunks = keep->next;
    arena_deinit(arena);
    memset(keep->bytes, 0, keep->used);
    keep->used = 0;
    keep->next = NULL;
    arena->chunks = keep;
}

static struct arena_chunk *chunk_add(struct arena *arena, size_t size)
{
    size_t want = arena->chunks == NULL ? arena->first_bytes : 2 * arena->chunks->size;
    struct arena_chunk *chunk;

    if (want < size) {
        want = size;
    }
    chunk = mem_alloc(sizeof(*chunk) + want);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = want;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    size_t rounded;
    void *block;

    if (SIZE_MAX / 2 < size || arena->bytes_max < size ||
        arena->bytes_max - size < arena->used_bytes) {
        return NULL;
    }
    rounded = size == 0 ? align : (size + align - 1) / align * align;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        chunk = chunk_add(arena, rounded);
        if (chunk == NULL) {
            return NULL;
        }
    }
    block = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used_bytes += rounded;
    return block;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && SIZE_MAX / size < count) {
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : arena_alloc(arena, size + 1);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_list again;
    char *text = NULL;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    if (0 <= n) {
        text = arena_alloc(arena, (size_t)n + 1);
    }
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(args);
    return text;
}
