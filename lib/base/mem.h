/*
 * mem - heap memory whose failure can be planned.
 *
 * All heap memory of muster's own code comes from here; NULL means out of
 * memory. mem_fail_after() makes one allocation fail, so that a test walks
 * every path of an out-of-memory condition. Memory is released by free().
 * The planned failure is per process and not meant for threads.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* `size` zeroed bytes, or NULL. */
void *mem_alloc(size_t size);

/* `count` zeroed elements of `size` bytes, or NULL, also when the product overflows. */
void *mem_calloc(size_t count, size_t size);

/* `p` grown or shrunk; on NULL `p` stays valid. New bytes are not zeroed. */
void *mem_realloc(void *p, size_t size);

/* A copy of the text, or NULL. */
char *mem_strdup(const char *text);

/* The allocation after the next `n` ones fails, once; n < 0 plans nothing. Clears mem_has_failed().
 */
void mem_fail_after(int n);

/* Whether the planned failure has happened. */
bool mem_has_failed(void);

#endif
