/*
 * keys - the names of etcd's keys, in both directions.
 *
 * One place knows how a key is written. All keys lie below a prefix ("/muster/v1"), so that
 * several installations can share an etcd. What each key holds and who alone writes it
 * stands in docs/ARCHITECTURE.md.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/name.h"

#define KEYS_PREFIX_DEFAULT "/muster/v1"
#define KEYS_PREFIX_MAX 128
#define KEY_TEXT_SIZE 512

/* kind, form below the prefix: %c cluster, %s slot, %h host, %v version, %i id. */
#define KEY_KINDS(X)                            \
    X(LEADER, "leader")                         \
    X(SPEC, "clusters/%c/spec")                 \
    X(GENERATION, "clusters/%c/generations/%v") \
    X(NODE, "clusters/%c/nodes/%s/%h")          \
    X(JOIN_REPORT, "clusters/%c/joins/%i/%h")   \
    X(CONFIG, "clusters/%c/config")             \
    X(HISTORY, "clusters/%c/history/%v")        \
    X(ALIAS, "clusters/%c/alias")               \
    X(STATUS, "clusters/%c/status")             \
    X(LINEAGE, "lineage/%c")                    \
    X(INTENT, "intent/%h/%c/%s")                \
    X(HOST, "hosts/%h")                         \
    X(CORDON, "cordons/%h")                     \
    X(SOURCE, "sources/%i")                     \
    X(EVENT, "events/%c/%i")

enum key_kind {
#define X(name, form) KEY_##name,
    KEY_KINDS(X)
#undef X
        KEY_UNKNOWN, /* below the prefix, and none of these */
};

struct key {
    enum key_kind kind;
    char cluster[CLUSTER_NAME_MAX + 1]; /* "" where the kind has none; events: may be "-" */
    char host[HOST_NAME_TEXT_MAX + 1];
    uint32_t slot;
    uint32_t version; /* of a configuration, or a spec's generation; written with ten digits, so
                         that text order is number order */
    char id[64];      /* of events: "<milliseconds, 13 digits>-<hex>"; of joins: the joiner's uid;
                         of sources: the name */
};

/* ERR_INVALID unless `prefix` is absolute, without trailing slash, at most KEYS_PREFIX_MAX bytes.
 */
MUST_USE int keys_prefix_check(const char *prefix, struct err *err);

/* Write the key's text; its fields must be valid names. */
void key_format(const char *prefix, const struct key *key, char out[KEY_TEXT_SIZE]);

/*
 * Tell what a key is. false: not below `prefix`. A key that no form matches is KEY_UNKNOWN, with
 * `cluster` set when it lies below a valid cluster.
 */
MUST_USE bool key_parse(const char *prefix, const char *text, struct key *out);

const char *key_kind_text(enum key_kind kind);

#endif
