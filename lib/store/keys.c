#include "store/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "model/config.h"
#include "model/source.h"

#define PART_MAX 63 /* of a key between two slashes; no name is longer */

static const char *const key_forms[] = {
#define X(name, form) [KEY_##name] = (form),
    KEY_KINDS(X)
#undef X
};

static const char *const key_texts[] = {
#define X(name, form) [KEY_##name] = #name,
    KEY_KINDS(X)
#undef X
        [KEY_UNKNOWN] = "UNKNOWN",
};

const char *key_kind_text(enum key_kind kind)
{
    return key_texts[kind];
}

int keys_prefix_check(const char *prefix, struct err *err)
{
    size_t size = strlen(prefix);
    size_t i;

    if (size < 2 || KEYS_PREFIX_MAX < size) {
        return err_set(err, ERR_INVALID, "prefix '%s': must have 2 to %d bytes", prefix,
                       KEYS_PREFIX_MAX);
    }
    if (prefix[0] != '/' || prefix[size - 1] == '/') {
        return err_set(err, ERR_INVALID,
                       "prefix '%s': must begin with a slash, and not end with one", prefix);
    }
    for (i = 0; i < size; i++) {
        if (prefix[i] <= ' ' || '~' < prefix[i]) {
            return err_set(err, ERR_INVALID, "prefix '%s': only printable ASCII without spaces",
                           prefix);
        }
    }
    return 0;
}

static void append_part(char *out, size_t *used, const char *text)
{
    size_t size = strlen(text);

    CHECK(*used + size < KEY_TEXT_SIZE);
    memcpy(out + *used, text, size + 1);
    *used += size;
}

static void append_field(char *out, size_t *used, char field, const struct key *key)
{
    char number[16];

    switch (field) {
    case 'c':
        append_part(out, used, key->cluster);
        break;
    case 'h':
        append_part(out, used, key->host);
        break;
    case 'i':
        append_part(out, used, key->id);
        break;
    case 's':
        slot_format(key->slot, number);
        append_part(out, used, number);
        break;
    default:
        CHECK(field == 'v');
        (void)snprintf(number, sizeof(number), "%010u", key->version);
        append_part(out, used, number);
        break;
    }
}

void key_format(const char *prefix, const struct key *key, char out[KEY_TEXT_SIZE])
{
    const char *form;
    size_t used = 0;

    CHECK(key->kind < KEY_UNKNOWN);
    append_part(out, &used, prefix);
    append_part(out, &used, "/");
    for (form = key_forms[key->kind]; *form != '\0'; form++) {
        if (*form == '%') {
            form++;
            append_field(out, &used, *form, key);
        } else {
            append_part(out, &used, (char[]){ *form, '\0' });
        }
    }
}

static bool version_parse(const char *part, uint32_t *out)
{
    uint64_t version;

    if (strlen(part) != 10 || !text_to_u64(part, 1, CONFIG_VERSION_MAX, &version)) {
        return false;
    }
    *out = (uint32_t)version;
    return true;
}

static bool id_is_valid(enum key_kind kind, const char *part)
{
    if (kind == KEY_JOIN_REPORT) {
        return name_is_uid(part);
    }
    if (kind == KEY_SOURCE) {
        return name_is_label(part, SOURCE_NAME_MAX);
    }
    return part[0] != '\0' && part[strspn(part, "0123456789abcdef-")] == '\0';
}

/* Take one part of the text as the field that the form wants there. */
static bool parse_field(char field, const char *part, struct key *key)
{
    bool ok;

    switch (field) {
    case 'c':
        ok = name_is_label(part, CLUSTER_NAME_MAX) ||
             (key->kind == KEY_EVENT && strcmp(part, "-") == 0);
        if (ok) {
            (void)snprintf(key->cluster, sizeof(key->cluster), "%.*s", CLUSTER_NAME_MAX, part);
        }
        return ok;
    case 'h':
        (void)snprintf(key->host, sizeof(key->host), "%s", part);
        return name_is_label(part, HOST_NAME_TEXT_MAX);
    case 'i':
        (void)snprintf(key->id, sizeof(key->id), "%s", part);
        return id_is_valid(key->kind, part);
    case 's':
        return slot_parse(part, &key->slot);
    default:
        CHECK(field == 'v');
        return version_parse(part, &key->version);
    }
}

/* Whether the text has the form of `key->kind`; fields read before a mismatch stay in `key`. */
static bool parse_form(const char *text, struct key *key)
{
    const char *form = key_forms[key->kind];

    for (; *form != '\0'; form++) {
        char part[PART_MAX + 1];
        size_t size;

        if (*form != '%') {
            if (*text != *form) {
                return false;
            }
            text++;
            continue;
        }
        form++;
        size = strcspn(text, "/");
        if (PART_MAX < size) {
            return false;
        }
        memcpy(part, text, size);
        part[size] = '\0';
        if (!parse_field(*form, part, key)) {
            return false;
        }
        text += size;
    }
    return *text == '\0';
}

bool key_parse(const char *prefix, const char *text, struct key *out)
{
    struct key unknown = { .kind = KEY_UNKNOWN };
    size_t prefix_size = strlen(prefix);
    enum key_kind kind;

    if (strncmp(text, prefix, prefix_size) != 0 || text[prefix_size] != '/') {
        return false;
    }
    text += prefix_size + 1;
    for (kind = 0; kind < KEY_UNKNOWN; kind++) {
        struct key key = { .kind = kind };

        if (parse_form(text, &key)) {
            *out = key;
            return true;
        }
        if (key.cluster[0] != '\0') {
            memcpy(unknown.cluster, key.cluster, sizeof(unknown.cluster));
        }
    }
    *out = unknown;
    return true;
}
