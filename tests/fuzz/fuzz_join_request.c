/* Any bytes for a request to join: one that is read is written to the same bytes again, and none
 * verifies but what was sealed here. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "target.h"

#define ARENA_MAX (8U << 20)
#define TOKEN "0123456789012345678901234567890123456789"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str again = { 0 };
    struct join_tokens tokens;
    struct join join;
    struct err err;
    int rv;

    arena_init(&arena, ARENA_MAX);
    str_init(&again, JSON_VALUE_BYTES_MAX);
    CHECK(join_tokens_read(TOKEN, strlen(TOKEN), "fuzz", &tokens, &err) == 0);
    rv = join_request_decode((const char *)data, size, &arena, &join, &err);
    if (rv < 0) {
        CHECK(rv == ERR_INVALID || rv == ERR_LIMIT);
        return 0;
    }
    CHECK(join_request_verify(&join, &tokens, &err) == ERR_UNVERIFIED);
    rv = join_request_seal(&join, &tokens, &again, &err);
    if (rv < 0) {
        CHECK(rv == ERR_LIMIT); /* short forms of numbers and texts were written out */
        return 0;
    }
    CHECK(join_request_decode(str_text(&again), again.size, &arena, &join, &err) == 0);
    CHECK(join_request_verify(&join, &tokens, &err) == 0);
    return 0;
}
