#include "watcher/overhear.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "watcher/files.h"

void overhear_skip(struct overhear *overhear, const char *path)
{
    overhear->from = file_bytes(path);
}

/* Whether the bucket has a line left. */
static bool may_tell(struct overhear *overhear, uint64_t now_ms)
{
    uint64_t full_ms = now_ms + (uint64_t)OVERHEAR_BURST * OVERHEAR_REFILL_MS;

    if (overhear->spent_ms < now_ms) {
        overhear->spent_ms = now_ms;
    }
    if (full_ms < overhear->spent_ms + OVERHEAR_REFILL_MS) {
        return false;
    }
    overhear->spent_ms += OVERHEAR_REFILL_MS;
    return true;
}

static void tell(struct overhear *overhear, const char *line, size_t size, uint64_t now_ms,
                 overhear_fn *fn, void *ctx)
{
    char text[OVERHEAR_LINE_MAX + 1];

    if (size == 0) {
        return;
    }
    if (!may_tell(overhear, now_ms)) {
        overhear->left_out++;
        return;
    }
    (void)snprintf(text, sizeof(text), "%.*s",
                   (int)(size < OVERHEAR_LINE_MAX ? size : OVERHEAR_LINE_MAX), line);
    fn(ctx, text, overhear->left_out);
    overhear->left_out = 0;
}

void overhear_look(struct overhear *overhear, const char *path, uint64_t now_ms, bool ended,
                   overhear_fn *fn, void *ctx)
{
    char bytes[OVERHEAR_BYTES_MAX];
    uint64_t size = file_bytes(path);
    const char *at = bytes;
    const char *end;
    const char *stop;
    size_t got;

    if (size < overhear->from) {
        overhear->from = 0; /* somebody began it anew */
    }
    if (size == overhear->from) {
        return;
    }
    got = file_tail(path, overhear->from, bytes, sizeof(bytes));
    stop = bytes + got;
    overhear->from = got < sizeof(bytes) ? overhear->from + got : size;
    while ((end = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
        tell(overhear, at, (size_t)(end - at), now_ms, fn, ctx);
        at = end + 1;
    }
    if (ended || (at == bytes && got == sizeof(bytes))) {
        tell(overhear, at, (size_t)(stop - at), now_ms, fn, ctx);
    } else {
        overhear->from -= (uint64_t)(stop - at);
    }
    if (FILES_LOG_BYTES_MAX < size) {
        file_empty(path);
        overhear->from = 0;
    }
}
