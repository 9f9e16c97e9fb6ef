/*
 * Keys and signatures without files and without their price.
 *
 * lib/codec's key files become one fixed key. A signature becomes a hash that only this program
 * knows how to make: as good here as the real one, because nothing in a run forges signatures on
 * purpose, and a hundred times faster. The real ones are tested in tests/unit/codec.
 */
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/envelope.h"
#include "codec/join_token.h"

static void make_key(unsigned char seed_byte, struct signing_key *out)
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    unsigned char hash[crypto_generichash_BYTES];

    memset(seed, seed_byte, sizeof(seed));
    (void)crypto_generichash(out->public_key, sizeof(out->public_key), seed, sizeof(seed), NULL, 0);
    memcpy(out->secret, seed, sizeof(seed));
    memcpy(out->secret + sizeof(seed), out->public_key, sizeof(out->public_key));
    (void)crypto_generichash(hash, sizeof(hash), out->public_key, sizeof(out->public_key), NULL, 0);
    (void)sodium_bin2hex(out->id, sizeof(out->id), hash, (CONFIG_KEY_ID_SIZE - 1) / 2);
}

/* The path names one of several keys: its first byte is the seed. */
int signing_key_load(const char *path, struct signing_key *out, struct err *err)
{
    (void)err;
    CHECK(0 <= sodium_init());
    make_key((unsigned char)path[0], out);
    return 0;
}

int trusted_keys_load(const char *path, struct trusted_keys *out, struct err *err)
{
    struct signing_key key = { .id = "" };
    int rv = signing_key_load(path, &key, err);

    if (rv < 0) {
        return rv;
    }
    memcpy(out->keys[0].public_key, key.public_key, sizeof(key.public_key));
    memcpy(out->keys[0].id, key.id, sizeof(key.id));
    out->count = 1;
    return 0;
}

/* Each cluster has one, under its name; elsewhere lie others. */
int join_tokens_load(const char *path, struct join_tokens *out, struct err *err)
{
    struct join_token *token = &out->tokens[0];

    (void)err;
    out->count = 1;
    memset(token->bytes, '-', JOIN_TOKEN_BYTES_MIN);
    token->size = JOIN_TOKEN_BYTES_MIN;
    (void)memcpy(token->bytes, path,
                 strlen(path) < JOIN_TOKEN_BYTES_MIN ? strlen(path) : JOIN_TOKEN_BYTES_MIN);
    return 0;
}

void join_tokens_clear(struct join_tokens *tokens)
{
    sodium_memzero(tokens, sizeof(*tokens));
}

void signing_key_clear(struct signing_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

int signing_key_create(const char *secret_path, const char *public_path, struct err *err)
{
    (void)public_path;
    return err_set(err, ERR_FAILED, "%s: there are no files in here", secret_path);
}

static void seal(const unsigned char *public_key, const unsigned char *text, size_t text_bytes,
                 unsigned char out[crypto_sign_BYTES])
{
    (void)crypto_generichash(out, crypto_sign_BYTES, text, text_bytes, public_key,
                             crypto_sign_PUBLICKEYBYTES);
}

int crypto_sign_detached(unsigned char *signature, unsigned long long *signature_bytes,
                         const unsigned char *text, unsigned long long text_bytes,
                         const unsigned char *secret)
{
    seal(secret + crypto_sign_SEEDBYTES, text, (size_t)text_bytes, signature);
    if (signature_bytes != NULL) {
        *signature_bytes = crypto_sign_BYTES;
    }
    return 0;
}

int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
                                unsigned long long text_bytes, const unsigned char *public_key)
{
    unsigned char expected[crypto_sign_BYTES];

    seal(public_key, text, (size_t)text_bytes, expected);
    return memcmp(expected, signature, sizeof(expected)) == 0 ? 0 : -1;
}
