#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The only mutable globals outside main: a test's plan for the allocator, idle in production. */
static int fail_countdown = -1;
static bool failed;

static bool fails_now(void)
{
    if (fail_countdown < 0) {
        return false;
    }
    if (fail_countdown == 0) {
        failed = true;
    }
    fail_countdown--;
    return fail_countdown < 0;
}

void *mem_alloc(size_t size)
{
    return mem_calloc(1, size);
}

void *mem_calloc(size_t count, size_t size)
{
    if (fails_now()) {
        return NULL;
    }
    return calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
}

void *mem_realloc(void *p, size_t size)
{
    if (fails_now()) {
        return NULL;
    }
    return realloc(p, size == 0 ? 1 : size);
}

char *mem_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_alloc(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void mem_fail_after(int n)
{
    fail_countdown = n;
    failed = false;
}

bool mem_has_failed(void)
{
    return failed;
}

void mem_free_p(void *p)
{
    void *memory;

    memcpy(&memory, p, sizeof(memory));
    free(memory);
}

void fd_close_p(int *fd)
{
    if (0 <= *fd) {
        (void)close(*fd);
    }
}
