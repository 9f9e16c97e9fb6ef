#include "codec/spec_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "codec/json_text.h"
#include "codec/number_pattern.h"
#include "codec/spec_yaml.h"
#include "model/name.h"
#include "model/spec_arg.h"
#include "model/spec_field.h"

#define NINES_MAX 64

struct unit {
    const char *name; /* NULL: the end of the list */
    uint64_t factor;
};

static const struct unit size_units[] = { { "", 1 },
                                          { "Ki", UINT64_C(1) << 10 },
                                          { "Mi", UINT64_C(1) << 20 },
                                          { "Gi", UINT64_C(1) << 30 },
                                          { "Ti", UINT64_C(1) << 40 },
                                          { NULL, 0 } };

static const struct unit duration_units[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                                              { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

/* Texts of ours have nothing in them that JSON escapes but quotes. */
static void put_string(struct str *out, const char *text)
{
    str_append_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            str_append_char(out, '\\');
        }
        str_append_char(out, *text);
    }
    str_append_char(out, '"');
}

/* ---- Types of fields ---- */

/* A label of at most `max` bytes. */
static void put_label_pattern(struct str *out, uint64_t max)
{
    str_appendf(out, "[a-z0-9]([a-z0-9-]{0,%llu}[a-z0-9])?", (unsigned long long)max - 2);
}

/* What YAML reads as a number or a truth value is a text where a label may stand. */
static void put_label(struct str *out, uint64_t max)
{
    static const char nines[NINES_MAX + 1] =
        "9999999999999999999999999999999999999999999999999999999999999999";

    str_append_text(out, "\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^");
    put_label_pattern(out, max);
    str_appendf(out,
                "$\"},{\"type\":\"integer\",\"minimum\":0,\"maximum\":%.*s},"
                "{\"type\":\"boolean\"}]",
                (int)max, nines);
}

static void put_labels(struct str *out, const struct spec_field *field)
{
    str_appendf(out,
                "\"type\":[\"object\",\"null\"],\"maxProperties\":%llu,\"propertyNames\":"
                "{\"pattern\":\"^",
                (unsigned long long)field->max);
    put_label_pattern(out, LABEL_TEXT_MAX);
    str_appendf(out,
                "$\"},\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"],"
                "\"pattern\":\"^[A-Za-z0-9_.-]{0,%d}$\"}",
                LABEL_TEXT_MAX);
}

static void put_domain(struct str *out, const struct spec_field *field)
{
    str_appendf(out,
                "\"anyOf\":[{\"type\":\"string\",\"maxLength\":%llu,\"pattern\":\"^$|^"
                "(?!(.*[.])?[0-9]+$)(",
                (unsigned long long)field->max);
    put_label_pattern(out, LABEL_TEXT_MAX);
    str_append_text(out, "[.])*");
    put_label_pattern(out, LABEL_TEXT_MAX);
    str_append_text(out, "$\"},{\"type\":\"boolean\"}]");
}

/* Numbers with a unit: of each unit those that lie within the field's bounds. */
static void put_units(struct str *out, const struct unit *unit, const struct spec_field *field)
{
    const char *separator = "";

    for (; unit->name != NULL; unit++) {
        uint64_t low = (field->min + unit->factor - 1) / unit->factor;
        uint64_t high = field->max / unit->factor;

        if (low <= high) {
            str_append_text(out, separator);
            number_pattern(low, high, out);
            str_append_text(out, unit->name);
            separator = "|";
        }
    }
}

static void put_size(struct str *out, const struct spec_field *field)
{
    str_appendf(out,
                "\"anyOf\":[{\"type\":\"integer\",\"minimum\":%llu,\"maximum\":%llu,"
                "\"multipleOf\":%llu},{\"type\":\"string\",\"pattern\":\"^(",
                (unsigned long long)field->min, (unsigned long long)field->max,
                (unsigned long long)field->step);
    put_units(out, size_units, field);
    str_append_text(out, ")$\"}]");
}

static void put_duration(struct str *out, const struct spec_field *field)
{
    str_append_text(out, "\"type\":\"string\",\"pattern\":\"^(");
    put_units(out, duration_units, field);
    str_append_text(out, ")$\"");
}

static void put_words(struct str *out, const struct spec_field *field)
{
    size_t i;

    str_append_text(out, "\"enum\":[");
    for (i = 0; field->words[i] != NULL; i++) {
        str_appendf(out, "%s\"%s\"", i == 0 ? "" : ",", field->words[i]);
    }
    str_append_char(out, ']');
}

/* What may stand as the value of an option; nothing for one that stands alone. */
static void put_value_pattern(struct str *out, const struct spec_arg *arg)
{
    switch (arg->kind) {
    case SPEC_ARG_NUMBER:
        number_pattern(arg->min, arg->max, out);
        break;
    case SPEC_ARG_DECIMAL:
        str_append_text(out, "[0-9]+([.][0-9]{1,3})?");
        break;
    case SPEC_ARG_WORD:
        str_appendf(out, "(%s)", arg->words);
        break;
    case SPEC_ARG_CHAR:
        str_append_text(out, "[" SPEC_ARG_CHARS "]");
        break;
    case SPEC_ARG_NONE:
    case SPEC_ARG_LIST:
        break;
    }
}

/* A list of -o: one of the suboptions, and again. */
static void put_suboptions(struct str *out)
{
    size_t count;
    const struct spec_arg *args = spec_suboptions(&count);
    size_t i;

    str_append_text(out, "((^|,)(");
    for (i = 0; i < count; i++) {
        str_appendf(out, "%s%s%s", i == 0 ? "" : "|", args[i].name,
                    args[i].kind == SPEC_ARG_NONE ? "" : "=");
        put_value_pattern(out, &args[i]);
    }
    str_append_text(out, ")(?=,|$))+");
}

static void put_args(struct str *out, const struct spec_field *field)
{
    size_t count;
    const struct spec_arg *args = spec_args(&count);
    size_t i;

    str_appendf(out,
                "\"type\":[\"array\",\"null\"],\"maxItems\":%llu,\"items\":{\"anyOf\":"
                "[{\"enum\":[",
                (unsigned long long)field->max);
    for (i = 0; i < count; i++) {
        str_appendf(out, "%s\"%s\"", i == 0 ? "" : ",", args[i].name);
    }
    str_appendf(out,
                "]},{\"type\":\"number\",\"minimum\":0},{\"type\":\"string\",\"maxLength\":%d,"
                "\"pattern\":\"^(",
                SPEC_EXTRA_ARG_BYTES_MAX);
    put_suboptions(out);
    for (i = 0; i < count; i++) {
        if (args[i].kind != SPEC_ARG_NONE && args[i].kind != SPEC_ARG_LIST) {
            str_append_char(out, '|');
            put_value_pattern(out, &args[i]);
        }
    }
    str_append_text(out, ")$\"}]}");
}

static void put_type(struct str *out, const struct spec_field *field)
{
    switch (field->type) {
    case SPEC_FIELD_NAME:
        put_label(out, field->max);
        break;
    case SPEC_FIELD_LABELS:
        put_labels(out, field);
        break;
    case SPEC_FIELD_COUNT:
        str_appendf(out, "\"type\":\"integer\",\"minimum\":%llu,\"maximum\":%llu",
                    (unsigned long long)field->min, (unsigned long long)field->max);
        break;
    case SPEC_FIELD_SIZE:
        put_size(out, field);
        break;
    case SPEC_FIELD_DURATION:
        put_duration(out, field);
        break;
    case SPEC_FIELD_WORD:
        put_words(out, field);
        break;
    case SPEC_FIELD_ARGS:
        put_args(out, field);
        break;
    case SPEC_FIELD_HOSTS:
        str_appendf(out,
                    "\"type\":[\"array\",\"null\"],\"maxItems\":%llu,\"uniqueItems\":true,"
                    "\"items\":{",
                    (unsigned long long)field->max);
        put_label(out, HOST_NAME_TEXT_MAX);
        str_append_char(out, '}');
        break;
    case SPEC_FIELD_DOMAIN:
        put_domain(out, field);
        break;
    }
}

/* ---- What people see: default and example ---- */

static const char *example_of(enum spec_field_type type)
{
    switch (type) {
    case SPEC_FIELD_NAME:
        return "\"sessions\"";
    case SPEC_FIELD_LABELS:
        return "{\"tier\":\"gold\"}";
    case SPEC_FIELD_SIZE:
        return "\"64Mi\"";
    case SPEC_FIELD_DURATION:
        return "\"30s\"";
    case SPEC_FIELD_ARGS:
        return "[\"-f\",\"1.1\",\"-C\"]";
    case SPEC_FIELD_HOSTS:
        return "[\"cache-a1\",\"cache-b1\"]";
    case SPEC_FIELD_DOMAIN:
        return "\"cache.example.com\"";
    case SPEC_FIELD_COUNT:
        return "3";
    case SPEC_FIELD_WORD:
        break;
    }
    return NULL;
}

static void put_default(struct str *out, const struct spec_field *field)
{
    char text[UNITS_TEXT_SIZE];

    if (field->required) {
        return;
    }
    if (field->type == SPEC_FIELD_COUNT) {
        str_appendf(out, ",\"default\":%llu", (unsigned long long)field->preset);
    } else if (field->type == SPEC_FIELD_SIZE) {
        size_format(field->preset, text);
        str_appendf(out, ",\"default\":\"%s\"", text);
    } else if (field->type == SPEC_FIELD_DURATION) {
        duration_format(field->preset, text);
        str_appendf(out, ",\"default\":\"%s\"", text);
    } else if (field->type == SPEC_FIELD_WORD) {
        str_appendf(out, ",\"default\":\"%s\"", field->words[field->preset]);
    }
}

static void put_field(struct str *out, const struct spec_field *field)
{
    const char *example = example_of(field->type);

    str_append_text(out, "{\"description\":");
    put_string(out, field->about);
    str_append_char(out, ',');
    put_type(out, field);
    put_default(out, field);
    if (example != NULL) {
        str_appendf(out, ",\"examples\":[%s]", example);
    }
    str_append_char(out, '}');
}

/* ---- Rules over several fields ---- */

/* What joins needs room, and nothing else does. */
static void put_membership_rule(struct str *out)
{
    str_append_text(out, "{\"if\":{\"properties\":{\"membership\":"
                         "{\"enum\":[\"joinable\",\"joined\"]}},"
                         "\"required\":[\"membership\"]},"
                         "\"then\":{\"properties\":{\"maxNodes\":{\"minimum\":1}},"
                         "\"required\":[\"maxNodes\"]},"
                         "\"else\":{\"properties\":{\"maxNodes\":{\"const\":0}}}}");
}

/* memcached counts its own descriptors, more with each thread. */
static void put_connections_rules(struct str *out)
{
    unsigned base = SPEC_CONNECTIONS_MIN - SPEC_CONNECTIONS_PER_THREAD_MIN;
    unsigned i;

    str_appendf(out,
                ",{\"if\":{\"not\":{\"required\":[\"threads\"]}},"
                "\"then\":{\"properties\":{\"maxConnections\":{\"minimum\":%u}}}}",
                base + SPEC_THREADS_DEFAULT * SPEC_CONNECTIONS_PER_THREAD_MIN);
    for (i = 2; i <= SPEC_THREADS_MAX; i++) {
        str_appendf(out,
                    ",{\"if\":{\"properties\":{\"threads\":{\"const\":%u}},"
                    "\"required\":[\"threads\"]},"
                    "\"then\":{\"properties\":{\"maxConnections\":{\"minimum\":%u}}}}",
                    i, base + i * SPEC_CONNECTIONS_PER_THREAD_MIN);
    }
}

static void put_rules(struct str *out, const char *section)
{
    if (strcmp(section, "spec") == 0) {
        str_append_text(out, ",\"allOf\":[");
        put_membership_rule(out);
        put_connections_rules(out);
        str_append_char(out, ']');
    } else if (strcmp(section, "spec.rollout") == 0) {
        str_append_text(
            out, ",\"not\":{\"type\":\"object\",\"properties\":{\"maxUnavailable\":{\"const\":0},"
                 "\"maxSurge\":{\"const\":0}},"
                 "\"required\":[\"maxUnavailable\",\"maxSurge\"]}");
    }
}

/* ---- Sections ---- */

/* Whether the path of field `i` goes on below the section, and with which name. */
static bool below(size_t i, const char *section, const char **name, size_t *size)
{
    size_t skip = strlen(section);
    const char *path = spec_fields[i].path;

    if (strncmp(path, section, skip) != 0 || path[skip] != '.') {
        return false;
    }
    *name = path + skip + 1;
    *size = strcspn(*name, ".");
    return true;
}

/* Names of a section that a document must have. A section is required when a field in it is. */
static size_t put_required(struct str *out, const char *section)
{
    size_t count = 0;
    const char *name;
    size_t size;
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        if (below(i, section, &name, &size) && spec_fields[i].required && name[size] == '\0') {
            str_appendf(out, "%s\"%s\"", count == 0 ? ",\"required\":[" : ",", name);
            count++;
        }
    }
    if (0 < count) {
        str_append_char(out, ']');
    }
    return count;
}

static void put_section(struct str *out, const char *section);

/* The members of a section: fields, and sections of their own. */
static void put_members(struct str *out, const char *section)
{
    const char *former = "";
    const char *name;
    size_t size;
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        char path[SPEC_PATH_SIZE];

        if (!below(i, section, &name, &size) ||
            (strncmp(former, name, size) == 0 && former[size] == '.')) {
            continue;
        }
        str_appendf(out, "%s\"%.*s\":", former[0] == '\0' ? "" : ",", (int)size, name);
        if (name[size] == '\0') {
            put_field(out, &spec_fields[i]);
        } else {
            (void)snprintf(path, sizeof(path), "%s.%.*s", section, (int)size, name);
            put_section(out, path);
        }
        former = name;
    }
}

/* An empty section counts as left out. */
static void put_section(struct str *out, const char *section)
{
    bool required;

    str_append_text(out, "{\"additionalProperties\":false");
    required = 0 < put_required(out, section);
    str_appendf(out, ",\"type\":%s,\"properties\":{",
                required ? "\"object\"" : "[\"object\",\"null\"]");
    put_members(out, section);
    str_append_char(out, '}');
    put_rules(out, section);
    str_append_char(out, '}');
}

int spec_schema(struct str *out, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, SPEC_SCHEMA_BYTES_MAX);
    str_append_text(&json, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                           "\"$id\":\"muster-cluster.schema.json\","
                           "\"title\":\"" SPEC_YAML_KIND " of muster\","
                           "\"description\":\"What a memcached cluster is to be; docs/spec.md is "
                           "the reference. muster lint knows some rules more.\","
                           "\"type\":\"object\",\"additionalProperties\":false,"
                           "\"required\":[\"apiVersion\",\"kind\",\"metadata\",\"spec\"],"
                           "\"properties\":{"
                           "\"apiVersion\":{\"const\":\"" SPEC_YAML_API_VERSION "\"},"
                           "\"kind\":{\"const\":\"" SPEC_YAML_KIND "\"},\"metadata\":");
    put_section(&json, "metadata");
    str_append_text(&json, ",\"spec\":");
    put_section(&json, "spec");
    str_append_text(&json, "}}");
    rv = str_check(&json, err);
    return rv < 0 ? rv : json_pretty(str_text(&json), json.size, out, err);
}
