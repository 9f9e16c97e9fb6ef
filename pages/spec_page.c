/* What is told of a spec: its schema, and the table of its fields. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "codec/spec_schema.h"
#include "model/name.h"
#include "model/spec_field.h"
#include "pages/pages.h"

void schema_page(FILE *out)
{
    CLEANUP(str_deinit) struct str text;
    struct err err;

    str_init(&text, PAGES_BYTES_MAX);
    if (spec_schema(&text, &err) < 0) {
        (void)fprintf(stderr, "muster-pages: %s\n", err.msg);
        return;
    }
    (void)fputs(str_text(&text), out);
}

static const char *type_text(enum spec_field_type type)
{
    switch (type) {
    case SPEC_FIELD_NAME:
        return "name";
    case SPEC_FIELD_LABELS:
        return "mapping of names to values";
    case SPEC_FIELD_COUNT:
        return "number";
    case SPEC_FIELD_SIZE:
        return "size";
    case SPEC_FIELD_DURATION:
        return "duration";
    case SPEC_FIELD_WORD:
        return "word";
    case SPEC_FIELD_ARGS:
        return "list of texts";
    case SPEC_FIELD_HOSTS:
        return "list of host names";
    case SPEC_FIELD_DOMAIN:
        return "domain";
    }
    return "";
}

/* A value of the field as a document has it. */
static void put_value(FILE *out, const struct spec_field *field, uint64_t value)
{
    char text[UNITS_TEXT_SIZE];

    if (field->type == SPEC_FIELD_SIZE) {
        size_format(value, text);
        (void)fprintf(out, "`%s`", text);
    } else if (field->type == SPEC_FIELD_DURATION) {
        duration_format(value, text);
        (void)fprintf(out, "`%s`", text);
    } else {
        (void)fprintf(out, "%llu", (unsigned long long)value);
    }
}

static void put_default(FILE *out, const struct spec_field *field)
{
    bool listed = field->type == SPEC_FIELD_LABELS || field->type == SPEC_FIELD_ARGS ||
                  field->type == SPEC_FIELD_HOSTS || field->type == SPEC_FIELD_DOMAIN;

    if (field->required) {
        (void)fputs("required", out);
    } else if (field->type == SPEC_FIELD_WORD) {
        (void)fprintf(out, "`%s`", field->words[field->preset]);
    } else if (listed || field->preset < field->min ||
               (field->type == SPEC_FIELD_COUNT && field->preset == 0)) {
        (void)fputs("none", out);
    } else {
        put_value(out, field, field->preset);
    }
}

static void put_words(FILE *out, const struct spec_field *field)
{
    size_t i;

    for (i = 0; field->words[i] != NULL; i++) {
        (void)fprintf(out, "%s`%s`",
                      i == 0                        ? ""
                      : field->words[i + 1] == NULL ? " or "
                                                    : ", ",
                      field->words[i]);
    }
}

static void put_bounds(FILE *out, const struct spec_field *field)
{
    switch (field->type) {
    case SPEC_FIELD_COUNT:
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        put_value(out, field, field->min);
        (void)fputs(" to ", out);
        put_value(out, field, field->max);
        break;
    case SPEC_FIELD_WORD:
        put_words(out, field);
        break;
    case SPEC_FIELD_NAME:
    case SPEC_FIELD_DOMAIN:
        (void)fprintf(out, "up to %llu bytes", (unsigned long long)field->max);
        break;
    case SPEC_FIELD_LABELS:
        (void)fprintf(out, "%llu labels; names and values up to %d bytes",
                      (unsigned long long)field->max, LABEL_TEXT_MAX);
        break;
    case SPEC_FIELD_ARGS:
        (void)fprintf(out, "%llu arguments of %d bytes, from the list below",
                      (unsigned long long)field->max, SPEC_EXTRA_ARG_BYTES_MAX);
        break;
    case SPEC_FIELD_HOSTS:
        (void)fprintf(out, "%llu hosts, each once", (unsigned long long)field->max);
        break;
    }
    if (field->step != 0) {
        (void)fputs(", in steps of ", out);
        put_value(out, field, field->step);
    }
}

void spec_fields_page(FILE *out)
{
    size_t i;

    (void)fputs("| field | type | default | bounds | |\n|---|---|---|---|---|\n"
                "| `apiVersion` | text | required | `muster/v1` | |\n"
                "| `kind` | text | required | `MemcachedCluster` | |\n",
                out);
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];

        (void)fprintf(out, "| `%s` | %s | ", field->path, type_text(field->type));
        put_default(out, field);
        (void)fputs(" | ", out);
        put_bounds(out, field);
        (void)fprintf(out, " | %s |\n", field->about);
    }
}
