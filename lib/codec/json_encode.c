#include <string.h>

#include "base/check.h"
#include "codec/json_table.h"
#include "model/name.h"
#include "model/spec.h"

static const unsigned char *place_of(const struct json_field *field, const void *value)
{
    return (const unsigned char *)value + field->offset;
}

static size_t count_of(const struct json_field *field, const void *value)
{
    size_t count;

    memcpy(&count, (const unsigned char *)value + field->count_offset, sizeof(count));
    return count;
}

static const void *pointer_at(const unsigned char *place)
{
    const void *pointer;

    memcpy(&pointer, place, sizeof(pointer));
    return pointer;
}

/* The integer of the field; one that a double can't hold becomes one that no bounds allow. */
static int64_t number_at(enum json_type type, const unsigned char *place)
{
    uint64_t wide = 0;
    uint32_t word;
    uint16_t half;
    int64_t number;

    if (type == JSON_I64 || type == JSON_I64_OR_NULL) {
        memcpy(&number, place, sizeof(number));
        return number;
    }
    if (type == JSON_U16) {
        memcpy(&half, place, sizeof(half));
        wide = half;
    } else if (type == JSON_U32) {
        memcpy(&word, place, sizeof(word));
        wide = word;
    } else {
        memcpy(&wide, place, sizeof(wide));
    }
    return (uint64_t)JSON_NUMBER_MAX < wide ? INT64_MAX : (int64_t)wide;
}

static int encode_number(struct json_encoder *encoder, const struct json_field *field,
                         const unsigned char *place)
{
    int64_t number = number_at(field->type, place);
    int rv;

    if (field->type == JSON_I64_OR_NULL && number == -1) {
        str_append_text(encoder->out, "null");
        return 0;
    }
    rv = json_check_number(encoder->err, encoder->path, field, number);
    if (rv == 0) {
        str_appendf(encoder->out, "%lld", (long long)number);
    }
    return rv;
}

static int encode_text(struct json_encoder *encoder, const struct json_field *field,
                       const char *text)
{
    int rv = json_check_text(encoder->err, encoder->path, field, text);

    if (rv == 0) {
        json_append_text(encoder->out, text,
                         field->type == JSON_FREE ? (size_t)field->max : strlen(text));
    }
    return rv;
}

static int encode_bool(struct json_encoder *encoder, const unsigned char *place)
{
    bool flag;

    memcpy(&flag, place, sizeof(flag));
    str_append_text(encoder->out, flag ? "true" : "false");
    return 0;
}

static int encode_enum(struct json_encoder *encoder, const struct json_field *field,
                       const unsigned char *place)
{
    unsigned index;

    memcpy(&index, place, sizeof(index));
    CHECK(index < (uint64_t)field->max);
    json_append_text(encoder->out, field->words[index], SIZE_MAX);
    return 0;
}

static int encode_labels(struct json_encoder *encoder, const struct label *labels, size_t count)
{
    size_t i;

    str_append_char(encoder->out, '{');
    for (i = 0; i < count; i++) {
        const struct label *label = &labels[i];

        if (!name_is_label(label->name, LABEL_TEXT_MAX) || !name_is_label_value(label->value)) {
            return json_fail(encoder->err, encoder->path, "is no label: \"%.64s\"", label->name);
        }
        if (0 < i && 0 <= strcmp(labels[i - 1].name, label->name)) {
            return json_fail(encoder->err, encoder->path, "must be in order of their names");
        }
        str_append_text(encoder->out, i == 0 ? "" : ",");
        json_append_text(encoder->out, label->name, SIZE_MAX);
        str_append_char(encoder->out, ':');
        json_append_text(encoder->out, label->value, SIZE_MAX);
    }
    str_append_char(encoder->out, '}');
    return 0;
}

static int encode_element(struct json_encoder *encoder, const struct json_field *field,
                          const void *elements, size_t i)
{
    const struct json_path path = { encoder->path, NULL, i };
    struct json_encoder inner = { encoder->out, encoder->err, &path };

    if (field->type == JSON_TEXTS) {
        return encode_text(&inner, field, ((const char *const *)elements)[i]);
    }
    return json_encode_object(&inner, field->table,
                              (const unsigned char *)elements + i * field->table->size);
}

static int encode_list(struct json_encoder *encoder, const struct json_field *field,
                       const void *value)
{
    const void *elements = pointer_at(place_of(field, value));
    size_t count = count_of(field, value);
    size_t i;
    int rv = json_check_count(encoder->err, encoder->path, field, count);

    if (rv < 0) {
        return rv;
    }
    if (field->type == JSON_LABELS) {
        return encode_labels(encoder, elements, count);
    }
    str_append_char(encoder->out, '[');
    for (i = 0; i < count && rv == 0; i++) {
        str_append_text(encoder->out, i == 0 ? "" : ",");
        rv = encode_element(encoder, field, elements, i);
    }
    str_append_char(encoder->out, ']');
    return rv;
}

static int encode_field(struct json_encoder *encoder, const struct json_field *field,
                        const void *value)
{
    const unsigned char *place = place_of(field, value);

    switch (field->type) {
    case JSON_TEXT:
    case JSON_FREE:
        return encode_text(encoder, field, pointer_at(place));
    case JSON_U16:
    case JSON_U32:
    case JSON_U64:
    case JSON_I64:
    case JSON_I64_OR_NULL:
        return encode_number(encoder, field, place);
    case JSON_BOOL:
        return encode_bool(encoder, place);
    case JSON_ENUM:
        return encode_enum(encoder, field, place);
    case JSON_OBJECT:
        return json_encode_object(encoder, field->table, place);
    case JSON_TEXTS:
    case JSON_OBJECTS:
    case JSON_LABELS:
        return encode_list(encoder, field, value);
    case JSON_CUSTOM:
        return field->custom->encode(encoder, place);
    }
    return 0;
}

/* Whether an optional field has nothing to say. */
static bool is_nothing(const struct json_field *field, const void *value)
{
    const unsigned char *place = place_of(field, value);
    const char *text;
    unsigned word;
    bool flag;

    switch (field->type) {
    case JSON_TEXT:
    case JSON_FREE:
        text = pointer_at(place);
        return text == NULL || text[0] == '\0';
    case JSON_BOOL:
        memcpy(&flag, place, sizeof(flag));
        return !flag;
    case JSON_ENUM:
        memcpy(&word, place, sizeof(word));
        return word == 0;
    case JSON_U16:
    case JSON_U32:
    case JSON_U64:
    case JSON_I64:
    case JSON_I64_OR_NULL:
        return number_at(field->type, place) == 0;
    case JSON_TEXTS:
    case JSON_OBJECTS:
    case JSON_LABELS:
        return count_of(field, value) == 0;
    case JSON_OBJECT:
    case JSON_CUSTOM:
        break;
    }
    CHECK(!field->optional);
    return false;
}

int json_encode_object(struct json_encoder *encoder, const struct json_table *table,
                       const void *value)
{
    bool first = true;
    size_t i;

    str_append_char(encoder->out, '{');
    for (i = 0; i < table->count; i++) {
        const struct json_field *field = &table->fields[i];
        const struct json_path path = { encoder->path, field->name, 0 };
        struct json_encoder inner = { encoder->out, encoder->err, &path };
        int rv;

        if (field->optional && is_nothing(field, value)) {
            continue;
        }
        str_append_text(encoder->out, first ? "" : ",");
        first = false;
        json_append_text(encoder->out, field->name, SIZE_MAX);
        str_append_char(encoder->out, ':');
        rv = encode_field(&inner, field, value);
        if (rv < 0) {
            return rv;
        }
    }
    str_append_char(encoder->out, '}');
    return json_check_object(encoder->err, encoder->path, table, value);
}

int json_table_encode(const struct json_table *table, const void *value, struct str *out,
                      struct err *err)
{
    struct json_encoder encoder = { out, err, NULL };
    size_t before = out->size;
    int rv;

    rv = str_check(out, err);
    if (rv < 0) {
        return rv;
    }
    rv = json_encode_object(&encoder, table, value);
    if (rv < 0) {
        str_truncate(out, before);
        return rv;
    }
    return str_check(out, err);
}
