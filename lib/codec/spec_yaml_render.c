/* The canonical document of a spec, from the same table that reads it. */
#include <string.h>

#include "base/units.h"
#include "codec/json_table.h"
#include "codec/spec_yaml.h"
#include "model/spec_field.h"

/* Words that other readers of YAML take for something else than a text. */
static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };

static bool needs_quotes(const char *text)
{
    size_t i;

    if (text[0] < 'a' || 'z' < text[0] ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.")] != '\0') {
        return true;
    }
    for (i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcmp(words[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* A quoted text of JSON is one of YAML, too. */
static void append_text(struct str *out, const char *text)
{
    if (needs_quotes(text)) {
        json_append_text(out, text, SIZE_MAX);
    } else {
        str_append_text(out, text);
    }
}

static void append_texts(struct str *out, const char *const *texts, size_t count)
{
    size_t i;

    str_append_char(out, '[');
    for (i = 0; i < count; i++) {
        str_append_text(out, i == 0 ? "" : ", ");
        json_append_text(out, texts[i], SIZE_MAX);
    }
    str_append_char(out, ']');
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;

    for (; *path != '\0'; path++) {
        depth += *path == '.' ? 1 : 0;
    }
    return depth;
}

static void append_labels(struct str *out, const struct spec_field *field, const struct spec *spec)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, spec, &count);
    size_t i;

    for (i = 0; i < count; i++) {
        str_appendf(out, "\n%*s", (int)(2 * (depth_of(field->path) + 1)), "");
        append_text(out, labels[i].name);
        str_append_text(out, ": ");
        append_text(out, labels[i].value);
    }
}

static void append_value(struct str *out, const struct spec_field *field, const struct spec *spec)
{
    char text[UNITS_TEXT_SIZE];

    switch (field->type) {
    case SPEC_FIELD_NAME:
        append_text(out, spec->name);
        break;
    case SPEC_FIELD_DOMAIN:
        append_text(out, spec->domain);
        break;
    case SPEC_FIELD_COUNT:
        str_appendf(out, "%llu", (unsigned long long)spec_field_number(field, spec));
        break;
    case SPEC_FIELD_SIZE:
        size_format(spec_field_number(field, spec), text);
        str_append_text(out, text);
        break;
    case SPEC_FIELD_DURATION:
        duration_format(spec_field_number(field, spec), text);
        str_append_text(out, text);
        break;
    case SPEC_FIELD_WORD:
        str_append_text(out, spec_field_word(field, spec));
        break;
    case SPEC_FIELD_ARGS:
        append_texts(out, spec->settings.extra_args, spec->settings.extra_args_count);
        break;
    case SPEC_FIELD_HOSTS:
        append_texts(out, spec->hosts, spec->hosts_count);
        break;
    case SPEC_FIELD_LABELS:
        append_labels(out, field, spec);
        break;
    }
}

/* Empty lists and texts, and a number that is none (maxNodes), are not written: leaving them out
 * means the same. */
static bool is_empty(const struct spec_field *field, const struct spec *spec)
{
    size_t count = 1;

    if (field->type == SPEC_FIELD_DOMAIN) {
        return spec->domain[0] == '\0';
    }
    if (field->type == SPEC_FIELD_COUNT && field->preset == 0 && !field->required) {
        return spec_field_number(field, spec) == 0;
    }
    if (field->count_offset != 0) {
        memcpy(&count, (const unsigned char *)spec + field->count_offset, sizeof(count));
    }
    return count == 0;
}

/* Write the names of `path` that `previous` has not opened, each in its line, the last with its
 * colon only. */
static void append_names(struct str *out, const char *path, const char *previous)
{
    size_t depth = 0;
    bool same = true;

    while (*path != '\0') {
        size_t size = strcspn(path, ".");
        bool last = path[size] == '\0';

        same = same && !last && strncmp(path, previous, size + 1) == 0;
        if (!same) {
            str_appendf(out, "%*s%.*s:%s", (int)(2 * depth), "", (int)size, path, last ? "" : "\n");
        }
        path += size + (last ? 0 : 1);
        previous += same ? size + 1 : 0;
        depth++;
    }
}

static void append_label_flow(struct str *out, const struct spec_field *field,
                              const struct spec *spec)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, spec, &count);
    size_t i;

    for (i = 0; i < count; i++) {
        str_append_text(out, i == 0 ? "{" : ", ");
        append_text(out, labels[i].name);
        str_append_text(out, ": ");
        append_text(out, labels[i].value);
    }
    str_append_char(out, '}');
}

void spec_yaml_value(const struct spec_field *field, const struct spec *spec, struct str *out)
{
    if (is_empty(field, spec)) {
        return;
    }
    if (field->type == SPEC_FIELD_LABELS) {
        append_label_flow(out, field, spec);
    } else {
        append_value(out, field, spec);
    }
}

int spec_yaml_render(const struct spec *spec, struct str *out, struct err *err)
{
    const char *previous = "";
    size_t i;
    int rv;

    rv = spec_check(spec, err);
    if (rv < 0) {
        return rv;
    }
    str_append_text(out, "apiVersion: " SPEC_YAML_API_VERSION "\nkind: " SPEC_YAML_KIND "\n");
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];

        if (is_empty(field, spec)) {
            continue;
        }
        append_names(out, field->path, previous);
        str_append_text(out, field->type == SPEC_FIELD_LABELS ? "" : " ");
        append_value(out, field, spec);
        str_append_char(out, '\n');
        previous = field->path;
    }
    return str_check(out, err);
}
