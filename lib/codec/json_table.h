/*
 * json_table - JSON objects from tables: each field once, for both directions.
 *
 * Internal to codec. A table lists the fields of a struct in the order in which they are
 * written. Encoding and decoding check the same things, so that nothing is written that could
 * not be read again. Numbers stay within JSON_NUMBER_MAX, which every JSON reader (they work
 * with doubles) keeps exact.
 */
#ifndef CODEC_JSON_TABLE_H
#define CODEC_JSON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_NUMBER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */
#define JSON_DEPTH_MAX 16
#define JSON_FREE_TEXT_MAX 2048 /* bytes of a text for humans; longer ones are cut when written */

struct cJSON;

enum json_type {
    JSON_TEXT, /* const char *, as the field's `rule` says */
    JSON_FREE, /* const char *, any text of at most max bytes; cut when written */
    JSON_U16,  /* numbers: within min..max */
    JSON_U32,
    JSON_U64,
    JSON_I64,
    JSON_I64_OR_NULL, /* the same, and -1, for what is not known, as null */
    JSON_BOOL,
    JSON_ENUM,    /* one of `words`, `max` of them */
    JSON_OBJECT,  /* a struct in place, `table` */
    JSON_TEXTS,   /* const char *const *, min..max elements, each as `rule` says */
    JSON_OBJECTS, /* array of structs, min..max elements, `table` */
    JSON_LABELS,  /* struct label array as an object, in order of names, at most max */
    JSON_CUSTOM,  /* `custom` */
};

/* Which texts may stand there. */
struct json_rule {
    bool (*holds)(const char *text);
    const char *says; /* "a host name" */
};

struct json_path;
struct json_encoder;
struct json_decoder;

/* A field that no other type describes; `place` is the field. */
struct json_custom {
    int (*encode)(struct json_encoder *encoder, const void *place);
    int (*decode)(struct json_decoder *decoder, const struct cJSON *node, void *place);
};

struct json_field {
    const char *name;
    enum json_type type;
    size_t offset;
    size_t count_offset;
    int64_t min;
    int64_t max;
    const struct json_rule *rule;
    const char *const *words;
    const struct json_table *table;
    const struct json_custom *custom;
    bool optional; /* nothing ("", 0, false, the first word, no elements) is not written, and read
                      from nothing: for what not every value has, and for fields of younger
                      releases; not for objects and custom fields */
};

struct json_table {
    size_t size; /* of the struct */
    const struct json_field *fields;
    size_t count;
    int (*check)(const void *value, struct err *err); /* what no single field shows, or NULL */
    void (*complete)(void *value); /* after decoding, sets what is not written; or NULL */
};

/* Where in a value we are, for messages. */
struct json_path {
    const struct json_path *parent;
    const char *name; /* NULL: element `index` of the parent */
    size_t index;
};

struct json_encoder {
    struct str *out;
    struct err *err;
    const struct json_path *path;
};

struct json_decoder {
    struct arena *arena;
    struct err *err;
    const struct json_path *path;
};

/* Append the JSON text; after a failure other than of `out` itself, `out` is as it was. */
MUST_USE int json_table_encode(const struct json_table *table, const void *value, struct str *out,
                               struct err *err);
MUST_USE int json_table_decode(const struct json_table *table, const char *bytes, size_t size,
                               struct arena *arena, void *value, struct err *err);

/* For custom fields. */
MUST_USE int json_encode_object(struct json_encoder *encoder, const struct json_table *table,
                                const void *value);
MUST_USE int json_decode_object(struct json_decoder *decoder, const struct json_table *table,
                                const struct cJSON *node, void *value);

/* Record ERR_INVALID as "<path>: <text>"; yields the code. */
int json_fail(struct err *err, const struct json_path *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * Whether the bytes may be given to a parser: UTF-8 without NUL, written or escaped, and no
 * deeper than JSON_DEPTH_MAX. ERR_INVALID names the byte.
 */
MUST_USE int json_scan(const char *bytes, size_t size, struct err *err);

/* Append a JSON string of at most `max` bytes; bytes that are not UTF-8 become U+FFFD. */
void json_append_text(struct str *out, const char *text, size_t max);

/* Checks that both directions share: 0 or ERR_INVALID. */
int json_check_text(struct err *err, const struct json_path *path, const struct json_field *field,
                    const char *text);
int json_check_number(struct err *err, const struct json_path *path, const struct json_field *field,
                      int64_t number);
int json_check_count(struct err *err, const struct json_path *path, const struct json_field *field,
                     size_t count);
int json_check_object(struct err *err, const struct json_path *path, const struct json_table *table,
                      const void *value);

extern const struct json_table json_table_settings;
extern const struct json_table json_table_spec_record;
extern const struct json_table json_table_intent;
extern const struct json_table json_table_node_report;
extern const struct json_table json_table_host;
extern const struct json_table json_table_cordon;
extern const struct json_table json_table_source;
extern const struct json_table json_table_join;
extern const struct json_table json_table_join_report;
extern const struct json_table json_table_config;
extern const struct json_table json_table_lineage;
extern const struct json_table json_table_alias;
extern const struct json_table json_table_status;
extern const struct json_table json_table_event;

extern const struct json_rule json_rule_cluster; /* a cluster's name */
extern const struct json_rule json_rule_host;    /* a host's name */
extern const struct json_rule json_rule_host_or_none;
extern const struct json_rule json_rule_zone; /* a label's value */
extern const struct json_rule json_rule_uid;
extern const struct json_rule json_rule_uid_or_none;
extern const struct json_rule json_rule_slot;
extern const struct json_rule json_rule_ipv4;
extern const struct json_rule json_rule_ipv4_or_none;
extern const struct json_rule json_rule_hostname;
extern const struct json_rule json_rule_digest;
extern const struct json_rule json_rule_digest_or_none;
extern const struct json_rule json_rule_signature;
extern const struct json_rule json_rule_word; /* a CamelCase word */

#endif
