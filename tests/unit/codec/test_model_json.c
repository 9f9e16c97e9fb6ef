#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/model_json.h"
#include "gen.h"

#define ROUNDS 300
#define ARENA_MAX (8U << 20)

/* Decoded and encoded again, a value gives the same bytes: both directions keep every field. */
#define ROUND_TRIP(type, kind)                                                                   \
    Test(model_json, kind##_survives_a_round_trip)                                               \
    {                                                                                            \
        uint64_t seed;                                                                           \
                                                                                                 \
        for (seed = 0; seed < ROUNDS; seed++) {                                                  \
            CLEANUP(arena_deinit) struct arena arena = { 0 };                                    \
            CLEANUP(str_deinit) struct str first = { 0 };                                        \
            CLEANUP(str_deinit) struct str second = { 0 };                                       \
            struct gen gen = { seed, &arena };                                                   \
            type value = { 0 };                                                                  \
            type decoded = { 0 };                                                                \
            struct err err;                                                                      \
                                                                                                 \
            arena_init(&arena, ARENA_MAX);                                                       \
            str_init(&first, JSON_VALUE_BYTES_MAX);                                              \
            str_init(&second, JSON_VALUE_BYTES_MAX);                                             \
            gen_##kind(&gen, &value);                                                            \
            cr_assert_eq(json_encode_##kind(&value, &first, &err), 0, "%s", err.msg);            \
            cr_assert_eq(json_decode_##kind(first.bytes, first.size, &arena, &decoded, &err), 0, \
                         "seed %u: %s in %s", (unsigned)seed, err.msg, first.bytes);             \
            cr_assert_eq(json_encode_##kind(&decoded, &second, &err), 0, "%s", err.msg);         \
            cr_assert_str_eq(second.bytes, first.bytes);                                         \
        }                                                                                        \
    }

JSON_KINDS(ROUND_TRIP)
