/* Any bytes for etcd's reply: the first one chooses who reads the rest. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "etcd/etcd_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_range(const char *text, size_t size)
{
    struct etcd_wire_range range;
    struct err err;
    size_t i;

    if (etcd_wire_range(text, size, &range, &err) < 0) {
        return;
    }
    for (i = 0; i < range.result.count; i++) {
        CHECK(range.result.kvs[i].value[range.result.kvs[i].value_bytes] == '\0');
    }
    etcd_wire_range_deinit(&range);
}

/* Line by line, as the client cuts the stream. */
static void try_watch(const char *text, size_t size)
{
    while (0 < size) {
        const char *end = memchr(text, '\n', size);
        size_t line = end == NULL ? size : (size_t)(end - text);
        struct etcd_wire_watch watch;
        struct err err;
        size_t i;

        if (0 <= etcd_wire_watch(text, line, &watch, &err)) {
            for (i = 0; i < watch.count; i++) {
                CHECK(watch.events[i].kv.key != NULL);
            }
            etcd_wire_watch_deinit(&watch);
        }
        text += end == NULL ? line : line + 1;
        size -= end == NULL ? line : line + 1;
    }
}

static void try_small(const char *text, size_t size)
{
    struct etcd_txn_result result;
    uint64_t lease;
    uint64_t ttl_s;
    char *token = NULL;
    struct err err;

    if (0 <= etcd_wire_txn(text, size, &result, &err)) {
        CHECK(0 < result.revision);
    }
    if (0 <= etcd_wire_lease(text, size, &lease, &ttl_s, &err)) {
        CHECK(0 < lease);
    }
    if (0 <= etcd_wire_token(text, size, &token, &err)) {
        CHECK(token[0] != '\0');
    }
    free(token);
    (void)etcd_wire_failure(200, text, size, &err);
    CHECK(err.code < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0) {
        return 0;
    }
    /* A copy of just this size, so that reading beyond its end is noticed. */
    text = malloc(size - 1 == 0 ? 1 : size - 1);
    CHECK(text != NULL);
    memcpy(text, data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        try_range(text, size - 1);
        break;
    case 1:
        try_watch(text, size - 1);
        break;
    default:
        try_small(text, size - 1);
        break;
    }
    free(text);
    return 0;
}
