/* What both directions check, and how a place is named. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/json_table.h"
#include "model/config.h"
#include "model/name.h"

#define PATH_TEXT_SIZE 160
#define SHOWN_MAX 64
#define WORD_TEXT_MAX 64

static void path_format(const struct json_path *path, char out[PATH_TEXT_SIZE])
{
    size_t used;

    if (path == NULL) {
        out[0] = '\0';
        return;
    }
    path_format(path->parent, out);
    used = strlen(out);
    if (path->name == NULL) {
        (void)snprintf(out + used, PATH_TEXT_SIZE - used, "[%zu]", path->index);
    } else {
        (void)snprintf(out + used, PATH_TEXT_SIZE - used, "%s%s", used == 0 ? "" : ".", path->name);
    }
}

int json_fail(struct err *err, const struct json_path *path, const char *fmt, ...)
{
    char place[PATH_TEXT_SIZE];
    char text[ERR_MSG_MAX - PATH_TEXT_SIZE - 2];
    va_list args;

    path_format(path, place);
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (place[0] == '\0') {
        return err_set(err, ERR_INVALID, "%s", text);
    }
    return err_set(err, ERR_INVALID, "%s: %s", place, text);
}

int json_check_text(struct err *err, const struct json_path *path, const struct json_field *field,
                    const char *text)
{
    if (text == NULL) {
        return json_fail(err, path, "has no text");
    }
    if (field->rule == NULL || field->rule->holds(text)) {
        return 0;
    }
    return json_fail(err, path, "must be %s, got \"%.*s\"", field->rule->says, SHOWN_MAX, text);
}

int json_check_number(struct err *err, const struct json_path *path, const struct json_field *field,
                      int64_t number)
{
    if (field->min <= number && number <= field->max) {
        return 0;
    }
    return json_fail(err, path, "must be %lld..%lld, got %lld", (long long)field->min,
                     (long long)field->max, (long long)number);
}

int json_check_count(struct err *err, const struct json_path *path, const struct json_field *field,
                     size_t count)
{
    if ((size_t)field->min <= count && count <= (size_t)field->max) {
        return 0;
    }
    return json_fail(err, path, "must have %lld..%lld elements, got %zu", (long long)field->min,
                     (long long)field->max, count);
}

int json_check_object(struct err *err, const struct json_path *path, const struct json_table *table,
                      const void *value)
{
    struct err why;

    if (table->check == NULL || table->check(value, &why) == 0) {
        return 0;
    }
    return json_fail(err, path, "%s", why.msg);
}

static bool is_cluster(const char *text)
{
    return name_is_label(text, CLUSTER_NAME_MAX);
}

static bool is_host(const char *text)
{
    return name_is_label(text, HOST_NAME_TEXT_MAX);
}

static bool is_host_or_none(const char *text)
{
    return text[0] == '\0' || is_host(text);
}

static bool is_uid_or_none(const char *text)
{
    return text[0] == '\0' || name_is_uid(text);
}

static bool is_slot(const char *text)
{
    uint32_t slot;

    return slot_parse(text, &slot);
}

static bool is_ipv4_or_none(const char *text)
{
    return text[0] == '\0' || name_is_ipv4(text);
}

static bool is_hex(const char *text, size_t digits)
{
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static bool is_digest(const char *text)
{
    return is_hex(text, CONFIG_DIGEST_SIZE - 1);
}

static bool is_digest_or_none(const char *text)
{
    return text[0] == '\0' || is_digest(text);
}

static bool is_signature(const char *text)
{
    return is_hex(text, CONFIG_SIGNATURE_SIZE - 1);
}

static bool is_word(const char *text)
{
    size_t size = strlen(text);

    return 1 <= size && size <= WORD_TEXT_MAX && 'A' <= text[0] && text[0] <= 'Z' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == size;
}

const struct json_rule json_rule_cluster = { is_cluster, "a cluster's name" };
const struct json_rule json_rule_host = { is_host, "a host's name" };
const struct json_rule json_rule_host_or_none = { is_host_or_none, "a host's name or empty" };
const struct json_rule json_rule_zone = { name_is_label_value, "a label's value" };
const struct json_rule json_rule_uid = { name_is_uid, "16 hex digits" };
const struct json_rule json_rule_uid_or_none = { is_uid_or_none, "16 hex digits or empty" };
const struct json_rule json_rule_slot = { is_slot, "a slot of four digits" };
const struct json_rule json_rule_ipv4 = { name_is_ipv4, "an IPv4 address" };
const struct json_rule json_rule_ipv4_or_none = { is_ipv4_or_none, "an IPv4 address or empty" };
const struct json_rule json_rule_hostname = { name_is_hostname, "a host name" };
const struct json_rule json_rule_digest = { is_digest, "64 hex digits" };
const struct json_rule json_rule_digest_or_none = { is_digest_or_none, "64 hex digits or empty" };
const struct json_rule json_rule_signature = { is_signature, "128 hex digits" };
const struct json_rule json_rule_word = { is_word, "a CamelCase word" };
