#include "codec/envelope.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/payload.h"

/* What a signature is for; a signature made for anything else does not fit. */
#define CONTEXT "muster configuration v1\n"

/* The text repeats the payload's contents once more in its members, each with its lengths. */
#define CANONICAL_BYTES_MAX (8U * CONFIG_PAYLOAD_BYTES_MAX)

static int crypto_ready(struct err *err)
{
    return sodium_init() < 0 ? err_set(err, ERR_FAILED, "libsodium can't be used here") : 0;
}

static void append_bytes(struct str *out, const char *bytes, size_t size)
{
    str_appendf(out, "%zu:", size);
    str_append(out, bytes, size);
    str_append_char(out, '\n');
}

static void append_text(struct str *out, const char *text)
{
    append_bytes(out, text, strlen(text));
}

static void append_number(struct str *out, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    append_text(out, text);
}

/* Every field with its length, lists with their count: two records never have the same text. */
static int canonical(const struct config_draft *head, const char *payload, size_t payload_bytes,
                     struct str *out, struct err *err)
{
    size_t i;

    str_append_text(out, CONTEXT);
    append_text(out, head->cluster);
    append_text(out, head->uid);
    append_number(out, head->epoch);
    append_number(out, head->version);
    append_number(out, head->members_count);
    for (i = 0; i < head->members_count; i++) {
        append_number(out, head->members[i].slot);
        append_text(out, head->members[i].hostname);
        append_text(out, head->members[i].ip);
        append_number(out, head->members[i].port);
    }
    append_bytes(out, payload, payload_bytes);
    return str_check(out, err);
}

void digest_hex(const void *bytes, size_t size, char out[CONFIG_DIGEST_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    (void)crypto_hash_sha256(digest, bytes, size);
    (void)sodium_bin2hex(out, CONFIG_DIGEST_SIZE, digest, sizeof(digest));
}

/* The digest leaves the context out: it names a record, the signature vouches for it. */
static void canonical_digest(const struct str *text, char out[CONFIG_DIGEST_SIZE])
{
    size_t context = sizeof(CONTEXT) - 1;

    digest_hex(text->bytes + context, text->size - context, out);
}

static int copy_head(const struct config_draft *draft, struct arena *arena,
                     struct config_draft *out, struct err *err)
{
    struct member *members = arena_calloc(arena, draft->members_count, sizeof(*members));
    bool complete = members != NULL;
    size_t i;

    for (i = 0; complete && i < draft->members_count; i++) {
        members[i] = draft->members[i];
        members[i].hostname = arena_strdup(arena, draft->members[i].hostname);
        members[i].ip = arena_strdup(arena, draft->members[i].ip);
        complete = members[i].hostname != NULL && members[i].ip != NULL;
    }
    *out = *draft;
    out->members = members;
    out->cluster = arena_strdup(arena, draft->cluster);
    out->uid = arena_strdup(arena, draft->uid);
    if (!complete || out->cluster == NULL || out->uid == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

static int sign(const struct str *text, const struct signing_key *key, struct arena *arena,
                struct config *out, struct err *err)
{
    unsigned char signature[crypto_sign_BYTES];
    char hex[CONFIG_SIGNATURE_SIZE];
    char digest[CONFIG_DIGEST_SIZE];

    if (crypto_sign_detached(signature, NULL, (const unsigned char *)text->bytes, text->size,
                             key->secret) != 0) {
        return err_set(err, ERR_FAILED, "can't sign");
    }
    (void)sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature));
    canonical_digest(text, digest);
    out->digest = arena_strdup(arena, digest);
    out->signature = arena_strdup(arena, hex);
    out->key_id = arena_strdup(arena, key->id);
    if (out->digest == NULL || out->signature == NULL || out->key_id == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

int envelope_seal(const struct config_draft *draft, const struct signing_key *key,
                  struct arena *arena, struct config *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    struct config sealed = { .payload = NULL };
    int rv;

    str_init(&text, CANONICAL_BYTES_MAX);
    if (!name_is_label(draft->cluster, CLUSTER_NAME_MAX) || !name_is_uid(draft->uid)) {
        return err_set(err, ERR_INVALID, "a configuration without a cluster's name and uid");
    }
    rv = crypto_ready(err);
    if (rv == 0) {
        rv = payload_render(draft, arena, &sealed.payload, &sealed.payload_bytes, err);
    }
    if (rv == 0) {
        rv = copy_head(draft, arena, &sealed.head, err);
    }
    if (rv == 0) {
        rv = canonical(&sealed.head, sealed.payload, sealed.payload_bytes, &text, err);
    }
    if (rv == 0) {
        rv = sign(&text, key, arena, &sealed, err);
    }
    if (rv == 0) {
        *out = sealed;
    }
    return rv;
}

/* Lower case hex of exactly `bytes` bytes: a signature has one form only. */
static bool hex_decode(const char *text, unsigned char *out, size_t bytes)
{
    size_t digits = strspn(text, "0123456789abcdef");

    return digits == 2 * bytes && text[digits] == '\0' &&
           sodium_hex2bin(out, bytes, text, digits, NULL, NULL, NULL) == 0;
}

static const unsigned char *key_find(const struct trusted_keys *keys, const char *id)
{
    size_t i;

    for (i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].id, id) == 0) {
            return keys->keys[i].public_key;
        }
    }
    return NULL;
}

static int verify_payload(const struct config *config, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    const char *payload;
    size_t payload_bytes;
    struct err why;
    int rv;

    arena_init(&arena, 2U * CONFIG_PAYLOAD_BYTES_MAX);
    rv = payload_render(&config->head, &arena, &payload, &payload_bytes, &why);
    if (rv == ERR_NOMEM) {
        return err_set(err, ERR_NOMEM, "%s", why.msg);
    }
    if (rv < 0) {
        return err_set(err, ERR_UNVERIFIED, "%s", why.msg);
    }
    if (payload_bytes != config->payload_bytes ||
        memcmp(payload, config->payload, payload_bytes) != 0) {
        return err_set(err, ERR_UNVERIFIED, "the payload is not that of the members");
    }
    return 0;
}

static int verify_signature(const struct config *config, const struct str *text,
                            const struct trusted_keys *keys, struct err *err)
{
    const unsigned char *public_key = key_find(keys, config->key_id);
    unsigned char signature[crypto_sign_BYTES];
    char digest[CONFIG_DIGEST_SIZE];

    canonical_digest(text, digest);
    if (strcmp(digest, config->digest) != 0) {
        return err_set(err, ERR_UNVERIFIED, "the digest is not that of the record");
    }
    if (public_key == NULL) {
        return err_set(err, ERR_UNVERIFIED, "signed with key %.16s, which is not trusted",
                       config->key_id);
    }
    if (!hex_decode(config->signature, signature, sizeof(signature)) ||
        crypto_sign_verify_detached(signature, (const unsigned char *)text->bytes, text->size,
                                    public_key) != 0) {
        return err_set(err, ERR_UNVERIFIED, "the signature by key %.16s does not fit",
                       config->key_id);
    }
    return 0;
}

int envelope_verify(const struct config *config, const struct trusted_keys *keys, struct err *err)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    int rv;

    str_init(&text, CANONICAL_BYTES_MAX);
    rv = crypto_ready(err);
    if (rv == 0) {
        rv = verify_payload(config, err);
    }
    if (rv == 0) {
        rv = canonical(&config->head, config->payload, config->payload_bytes, &text, err);
        rv = rv == ERR_LIMIT ? err_set(err, ERR_UNVERIFIED, "the record is too large") : rv;
    }
    return rv < 0 ? rv : verify_signature(config, &text, keys, err);
}

void random_hex16(char out[UID_TEXT_SIZE])
{
    unsigned char bytes[(UID_TEXT_SIZE - 1) / 2];

    CHECK(0 <= sodium_init());
    randombytes_buf(bytes, sizeof(bytes));
    (void)sodium_bin2hex(out, UID_TEXT_SIZE, bytes, sizeof(bytes));
}
