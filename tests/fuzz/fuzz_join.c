/*
 * Requests to join. Any bytes: read, or refused. And a sealed one in which bytes were changed
 * (input: offset, offset, byte, …): what still verifies asks for what it asked before.
 */
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "tests/fuzz/target.h"

#define ARENA_BYTES_MAX (1U << 20)
#define TOKEN "a token of the fuzzer: 0123456789abcdef"

static const struct join original = { .cluster = "web",
                                      .cluster_uid = "00000000000000aa",
                                      .uid = "0123456789abcdef",
                                      .host = "cache-7",
                                      .ip = "10.0.0.7",
                                      .data_port = 11211,
                                      .discovery_port = 11210,
                                      .slot_wanted = 4,
                                      .settings = { .memory_bytes = UINT64_C(64) << 20,
                                                    .threads = 4,
                                                    .connections_max = 1024,
                                                    .item_bytes_max = 1U << 20 },
                                      .issued_ms = 1700000000000,
                                      .nonce = "00112233445566778899aabbccddeeff",
                                      .mac = "" };

static void tokens_of(struct join_tokens *out)
{
    *out = (struct join_tokens){ .count = 1 };
    out->tokens[0].size = strlen(TOKEN);
    memcpy(out->tokens[0].bytes, TOKEN, strlen(TOKEN));
}

/* Everything that is asked for: the code that seals it is compared as a number, so it may be
 * written differently. */
static void encode_unsealed(const struct join *join, struct str *out)
{
    struct join plain = *join;
    struct err err;

    plain.mac = "";
    CHECK(json_encode_join(&plain, out, &err) == 0);
}

static void check_genuine(const struct join *join)
{
    CLEANUP(str_deinit) struct str asked;
    CLEANUP(str_deinit) struct str expected;

    str_init(&asked, JSON_VALUE_BYTES_MAX);
    str_init(&expected, JSON_VALUE_BYTES_MAX);
    encode_unsealed(join, &asked);
    encode_unsealed(&original, &expected);
    CHECK(asked.size == expected.size && memcmp(asked.bytes, expected.bytes, asked.size) == 0);
}

/* How a request is taken in; whether it is genuine. */
static bool take_in(const char *bytes, size_t size, const struct join_tokens *tokens)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct join join;
    struct err err;
    int rv;

    arena_init(&arena, ARENA_BYTES_MAX);
    rv = join_request_decode(bytes, size, &arena, &join, &err);
    if (rv < 0) {
        CHECK(rv == ERR_INVALID || (rv == ERR_LIMIT && JOIN_BYTES_MAX < size));
        return false;
    }
    rv = join_request_verify(&join, tokens, &err);
    CHECK(rv == 0 || rv == ERR_UNVERIFIED);
    if (rv == 0) {
        check_genuine(&join);
    }
    return rv == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(str_deinit) struct str sealed;
    struct join_tokens tokens;
    struct err err;
    size_t i;

    tokens_of(&tokens);
    CHECK(!take_in((const char *)data, size, &tokens)); /* nobody guesses a code */
    str_init(&sealed, JSON_VALUE_BYTES_MAX);
    CHECK(join_request_seal(&original, &tokens, &sealed, &err) == 0);
    CHECK(take_in(sealed.bytes, sealed.size, &tokens));
    for (i = 0; i + 3 <= size; i += 3) {
        sealed.bytes[(size_t)(data[i] * 256 + data[i + 1]) % sealed.size] = (char)data[i + 2];
    }
    (void)take_in(sealed.bytes, sealed.size, &tokens);
    return 0;
}
