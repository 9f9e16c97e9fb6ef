#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/check.h"
#include "codec/json_table.h"
#include "codec/model_json.h"
#include "model/name.h"
#include "model/spec.h"

static void cjson_free(cJSON *json)
{
    cJSON_Delete(json);
}
DEFINE_CLEANUP(cJSON, cjson_free);

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* The member of that very name in `*out` (NULL: none); ERR_INVALID when there are two. */
static int member_find(struct json_decoder *decoder, const cJSON *object, const char *name,
                       const cJSON **out)
{
    const cJSON *found = NULL;
    const cJSON *node;

    for (node = object->child; node != NULL; node = node->next) {
        /* The first byte alone tells most names apart; all of them are looked at, for each field.
         */
        if (node->string[0] != name[0] || strcmp(node->string, name) != 0) {
            continue;
        }
        if (found != NULL) {
            return json_fail(decoder->err, decoder->path, "is there twice");
        }
        found = node;
    }
    *out = found;
    return 0;
}

static size_t children_count(const cJSON *node)
{
    size_t count = 0;

    for (node = node->child; node != NULL; node = node->next) {
        count++;
    }
    return count;
}

static int decode_text(struct json_decoder *decoder, const struct json_field *field,
                       const cJSON *node, unsigned char *place)
{
    char *copy;
    int rv;

    if (!cJSON_IsString(node)) {
        return json_fail(decoder->err, decoder->path, "must be a text");
    }
    if (field->type == JSON_FREE && (size_t)field->max < strlen(node->valuestring)) {
        return json_fail(decoder->err, decoder->path, "must be at most %lld bytes, got %zu",
                         (long long)field->max, strlen(node->valuestring));
    }
    rv = json_check_text(decoder->err, decoder->path, field, node->valuestring);
    if (rv < 0) {
        return rv;
    }
    copy = arena_strdup(decoder->arena, node->valuestring);
    if (copy == NULL) {
        return no_memory(decoder->err);
    }
    memcpy(place, &copy, sizeof(copy));
    return 0;
}

static int decode_number(struct json_decoder *decoder, const struct json_field *field,
                         const cJSON *node, unsigned char *place)
{
    int64_t number;
    uint64_t wide;
    uint32_t word;
    uint16_t half;
    int rv;

    if (field->type == JSON_I64_OR_NULL && cJSON_IsNull(node)) {
        number = -1;
        memcpy(place, &number, sizeof(number));
        return 0;
    }
    if (!cJSON_IsNumber(node) || floor(node->valuedouble) != node->valuedouble ||
        (double)JSON_NUMBER_MAX < fabs(node->valuedouble)) {
        return json_fail(decoder->err, decoder->path, "must be a whole number of at most %lld",
                         (long long)JSON_NUMBER_MAX);
    }
    number = (int64_t)node->valuedouble;
    rv = json_check_number(decoder->err, decoder->path, field, number);
    if (rv < 0) {
        return rv;
    }
    wide = (uint64_t)number;
    word = (uint32_t)wide;
    half = (uint16_t)wide;
    if (field->type == JSON_U16) {
        memcpy(place, &half, sizeof(half));
    } else if (field->type == JSON_U32) {
        memcpy(place, &word, sizeof(word));
    } else {
        memcpy(place, &wide, sizeof(wide)); /* JSON_I64 has the same bits */
    }
    return 0;
}

static int decode_bool(struct json_decoder *decoder, const cJSON *node, unsigned char *place)
{
    bool flag = cJSON_IsTrue(node);

    if (!cJSON_IsBool(node)) {
        return json_fail(decoder->err, decoder->path, "must be true or false");
    }
    memcpy(place, &flag, sizeof(flag));
    return 0;
}

static int decode_enum(struct json_decoder *decoder, const struct json_field *field,
                       const cJSON *node, unsigned char *place)
{
    unsigned i;

    if (!cJSON_IsString(node)) {
        return json_fail(decoder->err, decoder->path, "must be a text");
    }
    for (i = 0; i < (uint64_t)field->max; i++) {
        if (strcmp(node->valuestring, field->words[i]) == 0) {
            memcpy(place, &i, sizeof(i));
            return 0;
        }
    }
    return json_fail(decoder->err, decoder->path, "is none of its values: \"%.64s\"",
                     node->valuestring);
}

static int decode_label(struct json_decoder *decoder, const cJSON *node, struct label *out)
{
    if (!name_is_label(node->string, LABEL_TEXT_MAX) || !cJSON_IsString(node) ||
        !name_is_label_value(node->valuestring)) {
        return json_fail(decoder->err, decoder->path, "is no label: \"%.64s\"", node->string);
    }
    out->name = arena_strdup(decoder->arena, node->string);
    out->value = arena_strdup(decoder->arena, node->valuestring);
    return out->name == NULL || out->value == NULL ? no_memory(decoder->err) : 0;
}

/* Into the order of the names, which other writers of JSON need not keep. */
static int decode_labels(struct json_decoder *decoder, const cJSON *node, struct label *labels)
{
    const cJSON *child;
    size_t count = 0;

    for (child = node->child; child != NULL; child = child->next) {
        struct label label = { NULL, NULL };
        size_t at = count;
        int rv = decode_label(decoder, child, &label);

        if (rv < 0) {
            return rv;
        }
        while (0 < at && 0 < strcmp(labels[at - 1].name, label.name)) {
            labels[at] = labels[at - 1];
            at--;
        }
        if (0 < at && strcmp(labels[at - 1].name, label.name) == 0) {
            return json_fail(decoder->err, decoder->path, "\"%s\" is there twice", label.name);
        }
        labels[at] = label;
        count++;
    }
    return 0;
}

static int decode_elements(struct json_decoder *decoder, const struct json_field *field,
                           const cJSON *node, unsigned char *elements, size_t element_size)
{
    const cJSON *child;
    size_t i = 0;

    for (child = node->child; child != NULL; child = child->next, i++) {
        const struct json_path path = { decoder->path, NULL, i };
        struct json_decoder inner = { decoder->arena, decoder->err, &path };
        unsigned char *place = elements + i * element_size;
        int rv = field->type == JSON_TEXTS ? decode_text(&inner, field, child, place)
                                           : json_decode_object(&inner, field->table, child, place);

        if (rv < 0) {
            return rv;
        }
    }
    return 0;
}

static size_t element_size_of(const struct json_field *field)
{
    if (field->type == JSON_LABELS) {
        return sizeof(struct label);
    }
    return field->type == JSON_TEXTS ? sizeof(char *) : field->table->size;
}

static int decode_list(struct json_decoder *decoder, const struct json_field *field,
                       const cJSON *node, void *value)
{
    size_t element_size = element_size_of(field);
    size_t count;
    void *elements = NULL;
    int rv;

    if (field->type == JSON_LABELS ? !cJSON_IsObject(node) : !cJSON_IsArray(node)) {
        return json_fail(decoder->err, decoder->path, "must be %s",
                         field->type == JSON_LABELS ? "an object" : "a list");
    }
    count = children_count(node);
    rv = json_check_count(decoder->err, decoder->path, field, count);
    if (rv < 0) {
        return rv;
    }
    if (0 < count) {
        elements = arena_calloc(decoder->arena, count, element_size);
        if (elements == NULL) {
            return no_memory(decoder->err);
        }
        rv = field->type == JSON_LABELS
                 ? decode_labels(decoder, node, elements)
                 : decode_elements(decoder, field, node, elements, element_size);
    }
    memcpy((unsigned char *)value + field->offset, &elements, sizeof(elements));
    memcpy((unsigned char *)value + field->count_offset, &count, sizeof(count));
    return rv;
}

static int decode_field(struct json_decoder *decoder, const struct json_field *field,
                        const cJSON *node, void *value)
{
    unsigned char *place = (unsigned char *)value + field->offset;

    CHECK(node != NULL);
    switch (field->type) {
    case JSON_TEXT:
    case JSON_FREE:
        return decode_text(decoder, field, node, place);
    case JSON_U16:
    case JSON_U32:
    case JSON_U64:
    case JSON_I64:
    case JSON_I64_OR_NULL:
        return decode_number(decoder, field, node, place);
    case JSON_BOOL:
        return decode_bool(decoder, node, place);
    case JSON_ENUM:
        return decode_enum(decoder, field, node, place);
    case JSON_OBJECT:
        return json_decode_object(decoder, field->table, node, place);
    case JSON_TEXTS:
    case JSON_OBJECTS:
    case JSON_LABELS:
        return decode_list(decoder, field, node, value);
    case JSON_CUSTOM:
        return field->custom->decode(decoder, node, place);
    }
    return 0;
}

/* What an optional field that is not there says. */
static void decode_nothing(const struct json_field *field, void *value)
{
    const char *text = "";

    if (field->type == JSON_TEXT || field->type == JSON_FREE) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer is stored */
        memcpy((unsigned char *)value + field->offset, &text, sizeof(text));
    } /* the others are zero, as the whole value was at first */
}

int json_decode_object(struct json_decoder *decoder, const struct json_table *table,
                       const cJSON *node, void *value)
{
    size_t i;

    CHECK(node != NULL);
    if (!cJSON_IsObject(node)) {
        return json_fail(decoder->err, decoder->path, "must be an object");
    }
    for (i = 0; i < table->count; i++) {
        const struct json_field *field = &table->fields[i];
        const struct json_path path = { decoder->path, field->name, 0 };
        struct json_decoder inner = { decoder->arena, decoder->err, &path };
        const cJSON *member = NULL;
        int rv = member_find(&inner, node, field->name, &member);

        if (rv == 0 && member == NULL && field->optional) {
            decode_nothing(field, value);
            continue;
        }
        if (rv == 0 && member == NULL) {
            rv = json_fail(decoder->err, &path, "is missing");
        }
        if (rv == 0) {
            rv = decode_field(&inner, field, member, value);
        }
        if (rv < 0) {
            return rv;
        }
    }
    if (table->complete != NULL) {
        table->complete(value);
    }
    return json_check_object(decoder->err, decoder->path, table, value);
}

static int parse(const char *bytes, size_t size, cJSON **out, struct err *err)
{
    const char *end = NULL;
    cJSON *json;
    int rv;

    if (JSON_VALUE_BYTES_MAX < size) {
        return err_set(err, ERR_INVALID, "%zu bytes, at most %u are allowed", size,
                       JSON_VALUE_BYTES_MAX);
    }
    rv = json_scan(bytes, size, err);
    if (rv < 0) {
        return rv;
    }
    json = cJSON_ParseWithLengthOpts(bytes, size, &end, 0);
    if (json == NULL) {
        return err_set(err, ERR_INVALID, "byte %zu: not JSON",
                       end == NULL ? (size_t)0 : (size_t)(end - bytes));
    }
    while (end < bytes + size && strchr(" \t\r\n", *end) != NULL) {
        end++;
    }
    if (end < bytes + size) {
        cJSON_Delete(json);
        return err_set(err, ERR_INVALID, "byte %zu: more than one value", (size_t)(end - bytes));
    }
    *out = json;
    return 0;
}

int json_table_decode(const struct json_table *table, const char *bytes, size_t size,
                      struct arena *arena, void *value, struct err *err)
{
    CLEANUP(cjson_free_p) cJSON *json = NULL;
    struct json_decoder decoder = { arena, err, NULL };
    void *decoded;
    int rv;

    rv = parse(bytes, size, &json, err);
    if (rv < 0) {
        return rv;
    }
    decoded = arena_alloc(arena, table->size);
    if (decoded == NULL) {
        return no_memory(err);
    }
    rv = json_decode_object(&decoder, table, json, decoded);
    if (rv < 0) {
        return rv;
    }
    memcpy(value, decoded, table->size);
    return 0;
}
