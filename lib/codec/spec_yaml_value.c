#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/units.h"
#include "codec/spec_yaml_read.h"

struct yaml_place spec_yaml_place(const struct yaml_node *node)
{
    return node->kind == YAML_NONE && node->key != NULL ? node->key_place : node->place;
}

static const char *kind_text(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_NONE:
        return "nothing";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a mapping";
    case YAML_TEXT:
        break;
    }
    return "a text";
}

bool spec_yaml_wants(struct reading *reading, const struct yaml_node *node, const char *path,
                     const char *what)
{
    if (node->kind == YAML_TEXT) {
        yaml_mistake(reading->mistakes, node->place, "%s: must be %s, got \"%.*s\"", path, what,
                     SPEC_YAML_SHOWN_MAX, node->text);
    } else {
        yaml_mistake(reading->mistakes, spec_yaml_place(node), "%s: must be %s, got %s", path, what,
                     kind_text(node));
    }
    return false;
}

static const char *keep(struct reading *reading, const char *text)
{
    const char *copy = arena_strdup(reading->arena, text);

    reading->no_memory = reading->no_memory || copy == NULL;
    return copy == NULL ? "" : copy;
}

static void *keep_list(struct reading *reading, size_t count, size_t size)
{
    void *list = arena_calloc(reading->arena, count, size);

    reading->no_memory = reading->no_memory || list == NULL;
    return list;
}

static size_t children_count(const struct yaml_node *node)
{
    const struct yaml_node *child;
    size_t count = 0;

    for (child = node->children; child != NULL; child = child->next) {
        count++;
    }
    return count;
}

static bool read_number(struct reading *reading, const struct spec_field *field,
                        const struct yaml_node *node)
{
    uint64_t value = 0;
    bool valid = node->kind == YAML_TEXT;
    const char *what;

    if (field->type == SPEC_FIELD_SIZE) {
        valid = valid && size_parse(node->text, &value);
        what = "a size such as 64Mi";
    } else if (field->type == SPEC_FIELD_DURATION) {
        valid = valid && duration_parse(node->text, &value);
        what = "a duration such as 30s";
    } else {
        valid = valid && node->plain && text_to_u64(node->text, 0, UINT64_MAX, &value);
        what = "a whole number without quotes";
    }
    if (!valid) {
        return spec_yaml_wants(reading, node, field->path, what);
    }
    spec_field_set_number(field, value, reading->spec);
    return true;
}

static bool read_text(struct reading *reading, const struct spec_field *field,
                      const struct yaml_node *node)
{
    const char *text;

    if (node->kind != YAML_TEXT) {
        return spec_yaml_wants(reading, node, field->path, "a text");
    }
    text = keep(reading, node->text);
    memcpy((unsigned char *)reading->spec + field->offset, &text, sizeof(text));
    return true;
}

/* "a", "b" or "c" */
static void list_words(const char *const *words, char out[SPEC_YAML_SHOWN_MAX])
{
    size_t used = 0;
    size_t i;

    for (i = 0; words[i] != NULL; i++) {
        const char *separator = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";

        used += (size_t)snprintf(out + used, SPEC_YAML_SHOWN_MAX - used, "%s\"%s\"", separator,
                                 words[i]);
        CHECK(used < SPEC_YAML_SHOWN_MAX);
    }
}

static bool read_word(struct reading *reading, const struct spec_field *field,
                      const struct yaml_node *node)
{
    char what[SPEC_YAML_SHOWN_MAX];

    if (node->kind == YAML_TEXT && spec_field_set_word(field, node->text, reading->spec)) {
        return true;
    }
    list_words(field->words, what);
    return spec_yaml_wants(reading, node, field->path, what);
}

static bool read_texts(struct reading *reading, const struct spec_field *field,
                       const struct yaml_node *node)
{
    size_t count = children_count(node);
    const char **texts;
    const struct yaml_node *child;
    size_t i = 0;

    if (node->kind != YAML_LIST && node->kind != YAML_NONE) {
        return spec_yaml_wants(reading, node, field->path, "a list");
    }
    texts = count == 0 ? NULL : keep_list(reading, count, sizeof(*texts));
    for (child = node->children; child != NULL && texts != NULL; child = child->next) {
        char path[SPEC_PATH_SIZE];

        if (child->kind != YAML_TEXT) {
            (void)snprintf(path, sizeof(path), "%s[%zu]", field->path, i);
            return spec_yaml_wants(reading, child, path, "a text");
        }
        texts[i++] = keep(reading, child->text);
    }
    memcpy((unsigned char *)reading->spec + field->offset, &texts, sizeof(texts));
    memcpy((unsigned char *)reading->spec + field->count_offset, &i, sizeof(i));
    return true;
}

static bool read_labels(struct reading *reading, const struct spec_field *field,
                        const struct yaml_node *node)
{
    size_t count = children_count(node);
    const struct yaml_node *child;
    struct label *labels;
    size_t used = 0;

    if (node->kind != YAML_MAP && node->kind != YAML_NONE) {
        return spec_yaml_wants(reading, node, field->path, "a mapping");
    }
    labels = count == 0 ? NULL : keep_list(reading, count, sizeof(*labels));
    for (child = node->children; child != NULL && labels != NULL; child = child->next) {
        char path[SPEC_PATH_SIZE];
        size_t at = used++;

        if (child->kind != YAML_TEXT) {
            (void)snprintf(path, sizeof(path), "%s.%s", field->path, child->key);
            return spec_yaml_wants(reading, child, path, "a text");
        }
        while (0 < at && 0 < strcmp(labels[at - 1].name, child->key)) {
            labels[at] = labels[at - 1];
            at--;
        }
        labels[at].name = keep(reading, child->key);
        labels[at].value = keep(reading, child->text);
    }
    spec_field_set_labels(field, labels, used, reading->spec);
    return true;
}

bool spec_yaml_read_value(struct reading *reading, const struct spec_field *field,
                          const struct yaml_node *node)
{
    switch (field->type) {
    case SPEC_FIELD_NAME:
    case SPEC_FIELD_DOMAIN:
        return read_text(reading, field, node);
    case SPEC_FIELD_COUNT:
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        return read_number(reading, field, node);
    case SPEC_FIELD_WORD:
        return read_word(reading, field, node);
    case SPEC_FIELD_ARGS:
    case SPEC_FIELD_HOSTS:
        return read_texts(reading, field, node);
    case SPEC_FIELD_LABELS:
        return read_labels(reading, field, node);
    }
    return false;
}
