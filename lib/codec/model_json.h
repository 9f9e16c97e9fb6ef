/*
 * model_json - the values of etcd's keys: one JSON object per kind of key.
 *
 * Encoding is canonical (fixed order, no white space): the same value gives the same bytes.
 * Decoding is strict about what is there (types, ranges, names, enum texts; text without NUL),
 * refuses what is missing (but for fields that say nothing when they are not there, and are not
 * written then), and passes over unknown fields, so that a newer release can add some.
 * Numbers stay below 2^53, which readers that work with doubles keep exact; a count that is not
 * known is null. Texts for humans (messages, problems) are cut to 2,048 bytes of UTF-8 when they
 * are written.
 * ERR_INVALID names the field ("settings.threads: must be 1..64, got 0"). Decoded texts live in
 * the arena. The JSON form of a config is also its envelope: the bytes that are pushed into
 * partitions and served as `muster:config`.
 *
 * Values are untrusted input: at most JSON_VALUE_BYTES_MAX bytes, nesting bounded.
 */
#ifndef CODEC_MODEL_JSON_H
#define CODEC_MODEL_JSON_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/config.h"
#include "model/join.h"
#include "model/node.h"
#include "model/source.h"
#include "model/spec.h"
#include "model/status.h"

#define JSON_VALUE_BYTES_MAX (1U << 20)

/* Kinds that have both directions: type, name of the functions. */
#define JSON_KINDS(X)                  \
    X(struct spec_record, spec_record) \
    X(struct intent, intent)           \
    X(struct node_report, node_report) \
    X(struct host, host)               \
    X(struct cordon, cordon)           \
    X(struct source, source)           \
    X(struct join, join)               \
    X(struct join_report, join_report) \
    X(struct config, config)           \
    X(struct lineage, lineage)         \
    X(struct alias, alias)             \
    X(struct status, status)           \
    X(struct event, event)

/*
 * json_encode_<kind>: append the JSON text to `out`. ERR_NOMEM or ERR_LIMIT leaves it failed;
 * ERR_INVALID, for a value that could not be read again, leaves it as it was.
 * json_decode_<kind>: read `size` bytes; `*value` is untouched on failure.
 */
#define X(type, name)                                                                     \
    MUST_USE int json_encode_##name(const type *value, struct str *out, struct err *err); \
    MUST_USE int json_decode_##name(const char *bytes, size_t size, struct arena *arena,  \
                                    type *value, struct err *err);
JSON_KINDS(X)
#undef X

#endif
