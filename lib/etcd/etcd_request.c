#include "etcd/etcd_request.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"

#define KEY_BYTES_MAX 4096

static void append_base64(struct str *out, const char *name, const void *bytes, size_t size)
{
    str_appendf(out, "\"%s\":\"", name);
    base64_append(out, bytes, size);
    str_append_char(out, '"');
}

static void append_number(struct str *out, const char *name, uint64_t number)
{
    str_appendf(out, ",\"%s\":\"%" PRIu64 "\"", name, number);
}

/* "key"; an empty key stands for the first of all keys. */
static void append_key(struct str *out, const char *key)
{
    size_t size = strlen(key);

    append_base64(out, "key", size == 0 ? "\0" : key, size == 0 ? 1 : size);
}

/* "range_end" of all keys that begin with `prefix`: the prefix with its last byte counted up. */
static void append_prefix_end(struct str *out, const char *prefix)
{
    CLEANUP(str_deinit) struct str end;
    size_t size = strlen(prefix);

    str_init(&end, KEY_BYTES_MAX);
    while (0 < size && (unsigned char)prefix[size - 1] == 255U) {
        size--;
    }
    str_append_char(out, ',');
    if (size == 0) {
        append_base64(out, "range_end", "\0", 1);
        return;
    }
    str_append(&end, prefix, size);
    if (str_failed(&end)) {
        out->failed = true; /* without an end the request would be about one key */
        return;
    }
    end.bytes[size - 1] = (char)((unsigned char)end.bytes[size - 1] + 1U);
    append_base64(out, "range_end", end.bytes, size);
}

static void append_range(struct str *out, const struct etcd_range *range)
{
    if (range->end != NULL) {
        str_append_char(out, ',');
        append_base64(out, "range_end", range->end, strlen(range->end));
    } else if (range->prefix) {
        append_prefix_end(out, range->key);
    }
    if (range->revision != 0) {
        append_number(out, "revision", range->revision);
    }
    if (range->limit != 0) {
        append_number(out, "limit", range->limit);
    }
    if (range->keys_only) {
        str_append_text(out, ",\"keys_only\":true");
    }
    str_append_char(out, '}');
}

void etcd_request_range(struct str *out, const struct etcd_range *range)
{
    str_append_char(out, '{');
    append_key(out, range->key);
    append_range(out, range);
}

void etcd_request_ranges(struct str *out, const struct etcd_range *ranges, size_t count,
                         uint64_t revision)
{
    size_t i;

    str_append_text(out, "{\"success\":[");
    for (i = 0; i < count; i++) {
        struct etcd_range range = ranges[i];

        range.revision = revision;
        str_append_text(out, i == 0 ? "{\"request_range\":" : ",{\"request_range\":");
        etcd_request_range(out, &range);
        str_append_char(out, '}');
    }
    str_append_text(out, "]}");
}

void etcd_request_range_after(struct str *out, const struct etcd_range *range, const char *last_key,
                              size_t last_key_bytes)
{
    CLEANUP(str_deinit) struct str next;

    /* The very next key is the same with a NUL behind it. */
    str_init(&next, KEY_BYTES_MAX);
    str_append(&next, last_key, last_key_bytes);
    str_append_char(&next, '\0');
    out->failed = out->failed || str_failed(&next);
    str_append_char(out, '{');
    append_base64(out, "key", str_text(&next), next.size);
    append_range(out, range);
}

static void append_compare(struct str *out, const struct etcd_compare *compare)
{
    str_append_char(out, '{');
    append_key(out, compare->key);
    switch (compare->target) {
    case ETCD_CREATE_REVISION:
        str_append_text(out, ",\"result\":\"EQUAL\",\"target\":\"CREATE\"");
        append_number(out, "create_revision", compare->revision);
        break;
    case ETCD_MOD_REVISION:
        str_append_text(out, ",\"result\":\"EQUAL\",\"target\":\"MOD\"");
        append_number(out, "mod_revision", compare->revision);
        break;
    case ETCD_NOTHING_NEWER:
        append_prefix_end(out, compare->key);
        str_append_text(out, ",\"result\":\"LESS\",\"target\":\"MOD\"");
        append_number(out, "mod_revision", compare->revision + 1);
        break;
    }
    str_append_char(out, '}');
}

static void append_put(struct str *out, const struct etcd_op *op)
{
    str_append_text(out, "{\"request_put\":{");
    append_key(out, op->key);
    str_append_char(out, ',');
    append_base64(out, "value", op->value, op->value_bytes);
    if (op->lease != 0) {
        append_number(out, "lease", op->lease);
    }
    str_append_text(out, "}}");
}

static void append_op(struct str *out, const struct etcd_op *op)
{
    if (op->kind == ETCD_PUT) {
        append_put(out, op);
        return;
    }
    str_append_text(out, "{\"request_delete_range\":{");
    append_key(out, op->key);
    if (op->kind == ETCD_DELETE_PREFIX) {
        append_prefix_end(out, op->key);
    }
    str_append_text(out, "}}");
}

void etcd_request_txn(struct str *out, const struct etcd_txn *txn)
{
    size_t i;

    str_append_text(out, "{\"compare\":[");
    for (i = 0; i < txn->compares_count; i++) {
        str_append_text(out, i == 0 ? "" : ",");
        append_compare(out, &txn->compares[i]);
    }
    str_append_text(out, "],\"success\":[");
    for (i = 0; i < txn->ops_count; i++) {
        str_append_text(out, i == 0 ? "" : ",");
        append_op(out, &txn->ops[i]);
    }
    str_append_text(out, "]}");
}

void etcd_request_lease_grant(struct str *out, uint64_t ttl_s)
{
    str_appendf(out, "{\"TTL\":\"%" PRIu64 "\"}", ttl_s);
}

void etcd_request_lease(struct str *out, uint64_t lease)
{
    str_appendf(out, "{\"ID\":\"%" PRIu64 "\"}", lease);
}

void etcd_request_watch(struct str *out, const char *prefix, uint64_t revision)
{
    str_append_text(out, "{\"create_request\":{");
    append_key(out, prefix);
    append_prefix_end(out, prefix);
    append_number(out, "start_revision", revision);
    str_append_text(out, "}}");
}

static void append_json_text(struct str *out, const char *text)
{
    str_append_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            str_append_char(out, '\\');
            str_append_char(out, *text);
        } else if ((unsigned char)*text < 0x20U) {
            str_appendf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            str_append_char(out, *text);
        }
    }
    str_append_char(out, '"');
}

void etcd_request_login(struct str *out, const char *user, const char *password)
{
    str_append_text(out, "{\"name\":");
    append_json_text(out, user);
    str_append_text(out, ",\"password\":");
    append_json_text(out, password);
    str_append_char(out, '}');
}

void etcd_request_probe(struct str *out)
{
    str_append_char(out, '{');
    append_base64(out, "key", "\0", 1);
    str_append_text(out, ",\"serializable\":true,\"count_only\":true}");
}
