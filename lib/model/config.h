/*
 * config - the configuration of a cluster: what discovery clients are told.
 *
 * A record is immutable once it is sealed (codec/envelope.h). Its version only grows, over
 * leader changes, restores of etcd and re-creations of the cluster: clients ignore lower ones
 * forever. `epoch` counts lineages: it grows when etcd was found to lag behind what nodes serve.
 * Records are ordered by version; one version never has two contents.
 * Plain data; texts and lists belong to an arena.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "model/name.h"
#include "model/spec.h"

#define CONFIG_VERSION_MAX INT32_MAX /* larger ones are parse errors in clients */
#define CONFIG_PAYLOAD_BYTES_MAX 65536
#define CONFIG_PAYLOAD_BYTES_WARN 4000 /* pymemcache reads replies of at most 4,096 bytes whole */
#define CONFIG_MEMBERS_MAX 3640        /* as many of the shortest as a payload holds */
#define CONFIG_RECORD_BYTES_MAX 393216 /* the JSON form, signature included */
#define CONFIG_HISTORY_MAX 20
#define CONFIG_DIGEST_SIZE 65     /* SHA-256 in hex and NUL */
#define CONFIG_SIGNATURE_SIZE 129 /* Ed25519 in hex and NUL */
#define CONFIG_KEY_ID_SIZE 17     /* head of the public key's BLAKE2b-256 in hex and NUL */

struct member {
    uint32_t slot;
    const char *hostname; /* its ip without a domain */
    const char *ip;       /* IPv4: an empty or other field breaks clients */
    uint16_t port;
};

/* What the reconciler decides; the controller renders and seals it. */
struct config_draft {
    const char *cluster;
    const char *uid;
    uint64_t epoch;
    uint32_t version;
    const struct member *members; /* in slot order */
    size_t members_count;
};

struct config {
    struct config_draft head;
    const char *payload; /* byte for byte what clients get */
    size_t payload_bytes;
    const char *digest;
    const char *key_id;
    const char *signature;
};

/* `lineage/<cluster>`: outlives the cluster, so that a later one of this name continues counting.
 */
struct lineage {
    uint64_t epoch;
    uint32_t version;
};

/* `clusters/<cluster>/alias`: where the configuration endpoint points. */
struct alias {
    const char *host; /* what clients connect to: the hostname, or the ip */
    const char *ip;
    uint16_t port;
    uint32_t slot;
    uint32_t version; /* that the node had acknowledged when the alias was set */
};

/* The hostname of a slot under a domain, "<slot>.<cluster>.<domain>"; its ip when domain is "". */
#define HOSTNAME_TEXT_SIZE (HOSTNAME_TEXT_MAX + 1)

/* Whether both list the same members, in the same order, with the same fields. */
bool members_equal(const struct member *a, size_t a_count, const struct member *b, size_t b_count);

/* The member of `slot`, or NULL. */
const struct member *config_member(const struct config *config, uint32_t slot);

#endif
