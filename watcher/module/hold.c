#include "watcher/module/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static char *base_of(struct hold *hold)
{
    return hold->heap != NULL ? hold->heap : hold->small;
}

void hold_clear(struct hold *hold)
{
    free(hold->heap);
    hold->heap = NULL;
    hold->capacity = 0;
    hold->start = 0;
    hold->size = 0;
}

size_t hold_peek(const struct hold *hold, void *out, size_t size)
{
    const char *from = hold->heap != NULL ? hold->heap : hold->small;
    size_t taken = hold->size < size ? hold->size : size;

    memcpy(out, from + hold->start, taken);
    return taken;
}

void hold_drop(struct hold *hold, size_t size)
{
    CHECK(size <= hold->size);
    hold->start += size;
    hold->size -= size;
    if (hold->size == 0) {
        hold_clear(hold);
    }
}

int hold_append(struct hold *hold, const void *bytes, size_t size)
{
    size_t room = hold->heap != NULL ? hold->capacity : HOLD_SMALL_BYTES;
    char *base = base_of(hold);
    char *grown;

    if (size == 0) {
        return 0;
    }
    if (hold->start != 0) {
        memmove(base, base + hold->start, hold->size);
        hold->start = 0;
    }
    if (room - hold->size < size) {
        grown = malloc(hold->size + size);
        if (grown == NULL) {
            return -1;
        }
        memcpy(grown, base, hold->size);
        free(hold->heap);
        hold->heap = grown;
        hold->capacity = hold->size + size;
        base = grown;
    }
    memcpy(base + hold->size, bytes, size);
    hold->size += size;
    return 0;
}
