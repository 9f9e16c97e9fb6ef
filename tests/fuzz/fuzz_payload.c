/* Any bytes for a node list: one that is read is rendered to the very bytes again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "codec/payload.h"

#define ARENA_MAX (8U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct config_draft draft = { .cluster = "web", .uid = "0123456789abcdef" };
    struct member *members;
    const char *payload;
    size_t payload_bytes;
    struct err err;
    size_t i;
    int rv;

    arena_init(&arena, ARENA_MAX);
    rv = payload_parse((const char *)data, size, &arena, &draft.version, &members,
                       &draft.members_count, &err);
    if (rv < 0) {
        CHECK(rv == ERR_INVALID);
        return 0;
    }
    for (i = 0; i < draft.members_count; i++) {
        members[i].slot = (uint32_t)i + 1; /* rendering wants them in order */
    }
    draft.members = members;
    CHECK(payload_render(&draft, &arena, &payload, &payload_bytes, &err) == 0);
    CHECK(payload_bytes == size);
    CHECK(memcmp(payload, data, size) == 0);
    return 0;
}
