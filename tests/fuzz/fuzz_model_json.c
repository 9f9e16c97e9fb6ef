/*
 * Any bytes for a key's value, as every kind: what is read can be written, and what was written
 * reads and writes the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "codec/model_json.h"

#define ARENA_MAX (64U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(type, kind)                                                               \
    static void try_##kind(const char *bytes, size_t size)                            \
    {                                                                                 \
        CLEANUP(arena_deinit) struct arena arena = { 0 };                             \
        CLEANUP(str_deinit) struct str first = { 0 };                                 \
        CLEANUP(str_deinit) struct str second = { 0 };                                \
        type value;                                                                   \
        type back;                                                                    \
        struct err err;                                                               \
        int rv;                                                                       \
                                                                                      \
        arena_init(&arena, ARENA_MAX);                                                \
        str_init(&first, 2 * JSON_VALUE_BYTES_MAX);                                   \
        str_init(&second, 2 * JSON_VALUE_BYTES_MAX);                                  \
        rv = json_decode_##kind(bytes, size, &arena, &value, &err);                   \
        if (rv < 0) {                                                                 \
            CHECK(rv == ERR_INVALID);                                                 \
            return;                                                                   \
        }                                                                             \
        CHECK(json_encode_##kind(&value, &first, &err) == 0);                         \
        CHECK(json_decode_##kind(first.bytes, first.size, &arena, &back, &err) == 0); \
        CHECK(json_encode_##kind(&back, &second, &err) == 0);                         \
        CHECK(first.size == second.size);                                             \
        CHECK(memcmp(first.bytes, second.bytes, first.size) == 0);                    \
    }

JSON_KINDS(TRY)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#define X(type, kind) try_##kind((const char *)data, size);
    JSON_KINDS(X)
#undef X
    return 0;
}
