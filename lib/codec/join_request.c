#include "codec/join_request.h"

#include <stdbool.h>
#include <string.h>

#include <sodium.h>

#include "base/check.h"
#include "codec/envelope.h"
#include "codec/model_json.h"

/* What the code is for; one made for anything else does not fit. */
#define CONTEXT "muster join request v1\n"
/* The fields with their lengths, none of which is longer than in JSON. */
#define CANONICAL_BYTES_MAX (8U * JOIN_BYTES_MAX)

_Static_assert(JOIN_MAC_SIZE == 2 * crypto_auth_hmacsha256_BYTES + 1, "hex and NUL");
_Static_assert(JOIN_NONCE_SIZE == 2 * (UID_TEXT_SIZE - 1) + 1, "made of two");

static void append_text(struct str *out, const char *text)
{
    str_appendf(out, "%zu:", strlen(text));
    str_append_text(out, text);
    str_append_char(out, '\n');
}

static void append_number(struct str *out, uint64_t number)
{
    str_appendf(out, "%llu\n", (unsigned long long)number);
}

/* Every text with its length, every number with its end: two requests never have the same text. */
static int canonical(const struct join *join, struct str *out, struct err *err)
{
    const struct node_settings *settings = &join->settings;
    size_t i;

    str_append_text(out, CONTEXT);
    append_text(out, join->cluster);
    append_text(out, join->cluster_uid);
    append_text(out, join->uid);
    append_text(out, join->host);
    append_text(out, join->ip);
    append_number(out, join->data_port);
    append_number(out, join->discovery_port);
    append_number(out, join->slot_wanted);
    append_number(out, settings->memory_bytes);
    append_number(out, settings->threads);
    append_number(out, settings->connections_max);
    append_number(out, settings->item_bytes_max);
    append_number(out, settings->extra_args_count);
    for (i = 0; i < settings->extra_args_count; i++) {
        append_text(out, settings->extra_args[i]);
    }
    append_number(out, join->issued_ms);
    append_text(out, join->nonce);
    return str_check(out, err);
}

static void mac_of(const struct str *text, const struct join_token *token,
                   unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)token->bytes, token->size);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)text->bytes, text->size);
    (void)crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

int join_request_seal(const struct join *join, const struct join_tokens *tokens, struct str *out,
                      struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[JOIN_MAC_SIZE];
    struct join sealed = *join;
    size_t before = out->size;
    int rv;

    CHECK(0 < tokens->count);
    str_init(&text, CANONICAL_BYTES_MAX);
    rv = canonical(join, &text, err);
    if (rv < 0) {
        return rv;
    }
    mac_of(&text, &tokens->tokens[0], mac);
    (void)sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    sealed.mac = hex;
    rv = json_encode_join(&sealed, out, err);
    if (rv == 0 && JOIN_BYTES_MAX < out->size - before) {
        str_truncate(out, before);
        return err_set(err, ERR_LIMIT, "a request to join of more than %d bytes", JOIN_BYTES_MAX);
    }
    return rv;
}

int join_request_decode(const char *bytes, size_t size, struct arena *arena, struct join *out,
                        struct err *err)
{
    if (JOIN_BYTES_MAX < size) {
        return err_set(err, ERR_LIMIT, "it has %zu bytes, %d are allowed", size, JOIN_BYTES_MAX);
    }
    return json_decode_join(bytes, size, arena, out, err);
}

int join_request_verify(const struct join *join, const struct join_tokens *tokens, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    unsigned char given[crypto_auth_hmacsha256_BYTES];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    bool fits = false;
    size_t size = 0;
    size_t i;
    int rv;

    str_init(&text, CANONICAL_BYTES_MAX);
    rv = canonical(join, &text, err);
    if (rv < 0) {
        return rv;
    }
    if (sodium_hex2bin(given, sizeof(given), join->mac, strlen(join->mac), NULL, &size, NULL) !=
            0 ||
        size != sizeof(given)) {
        return err_set(err, ERR_UNVERIFIED, "it has no code of authentication");
    }
    for (i = 0; i < tokens->count; i++) {
        mac_of(&text, &tokens->tokens[i], mac);
        fits = sodium_memcmp(mac, given, sizeof(mac)) == 0 || fits;
    }
    return fits ? 0 : err_set(err, ERR_UNVERIFIED, "it was made with another token, or altered");
}

void join_nonce(char out[JOIN_NONCE_SIZE])
{
    random_hex16(out);
    random_hex16(out + UID_TEXT_SIZE - 1);
}
