/*
 * envelope - sealing a configuration, and telling a sealed one from anything else.
 *
 * The digest is SHA-256 over a canonical text of all fields but digest, key id and signature
 * (cluster, uid, epoch, version, members, payload; each with its length, so that no two records
 * have the same text). The signature is Ed25519 (RFC 8032, libsodium) over a context string and
 * that text. Watchers hold the public keys and serve nothing that does not verify; several
 * trusted keys allow a change of keys without a gap.
 *
 * A key file holds one key a line in hex, `#` begins a comment: the 32-byte seed of a signing
 * key (kept from others, base/secret_file.h, else it is refused), or 32-byte public keys.
 */
#ifndef CODEC_ENVELOPE_H
#define CODEC_ENVELOPE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/config.h"
#include "model/name.h"

#define TRUSTED_KEYS_MAX 16

struct signing_key {
    unsigned char secret[64];
    unsigned char public_key[32];
    char id[CONFIG_KEY_ID_SIZE];
};

struct trusted_keys {
    struct {
        unsigned char public_key[32];
        char id[CONFIG_KEY_ID_SIZE];
    } keys[TRUSTED_KEYS_MAX];
    size_t count;
};

/*
 * Make a key pair: the seed into `secret_path` (0600), the public key into `public_path`. Nothing
 * is overwritten: ERR_CONFLICT when the public file is there. A secret without its public file
 * (its making was cut short) is kept, and its public file is made.
 */
MUST_USE int signing_key_create(const char *secret_path, const char *public_path, struct err *err);
MUST_USE int signing_key_load(const char *path, struct signing_key *out, struct err *err);
void signing_key_clear(struct signing_key *key); /* wipes the memory */
MUST_USE int trusted_keys_load(const char *path, struct trusted_keys *out, struct err *err);

/* Render the payload of `draft`, digest and sign it; texts go into `arena`. */
MUST_USE int envelope_seal(const struct config_draft *draft, const struct signing_key *key,
                           struct arena *arena, struct config *out, struct err *err);

/*
 * Whether every field of `config` is as a holder of a trusted key sealed it, and the payload is
 * the rendering of the members. ERR_UNVERIFIED says what is wrong.
 */
MUST_USE int envelope_verify(const struct config *config, const struct trusted_keys *keys,
                             struct err *err);

/* SHA-256 in hex of any bytes. */
void digest_hex(const void *bytes, size_t size, char out[CONFIG_DIGEST_SIZE]);

/* 16 hex digits from the system's random source: uids, event ids. */
void random_hex16(char out[UID_TEXT_SIZE]);

#endif
