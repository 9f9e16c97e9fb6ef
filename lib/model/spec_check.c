/* What a spec must fulfil beyond the form of its document. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/units.h"
#include "model/config.h"
#include "model/name.h"
#include "model/spec.h"
#include "model/spec_field.h"

/* "|255.255.255.255|65535 ", and the line of the version. */
#define PAYLOAD_NODE_BYTES (1 + 15 + 1 + 5 + 1)
#define PAYLOAD_HEAD_BYTES 12
#define SHOWN_MAX 64

struct report {
    spec_mistake_fn *mistake;
    void *ctx;
};

PRINTF_LIKE(3, 4)
static void tell(const struct report *report, const char *path, const char *fmt, ...)
{
    char text[SPEC_MISTAKE_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    report->mistake(report->ctx, path, text);
}

static void number_format(enum spec_field_type type, uint64_t value, char out[UNITS_TEXT_SIZE])
{
    if (type == SPEC_FIELD_SIZE) {
        size_format(value, out);
    } else if (type == SPEC_FIELD_DURATION) {
        duration_format(value, out);
    } else {
        (void)snprintf(out, UNITS_TEXT_SIZE, "%llu", (unsigned long long)value);
    }
}

static void check_number(const struct report *report, const struct spec_field *field,
                         const struct spec *spec)
{
    uint64_t value = spec_field_number(field, spec);
    char min[UNITS_TEXT_SIZE];
    char max[UNITS_TEXT_SIZE];
    char got[UNITS_TEXT_SIZE];

    if (field->min <= value && value <= field->max) {
        return;
    }
    number_format(field->type, field->min, min);
    number_format(field->type, field->max, max);
    number_format(field->type, value, got);
    tell(report, field->path, "must be between %s and %s, got %s", min, max, got);
}

static void check_labels(const struct report *report, const struct spec_field *field,
                         const struct spec *spec)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, spec, &count);
    char path[SPEC_PATH_SIZE];
    size_t i;

    if (field->max < count) {
        tell(report, field->path, "must be at most %llu labels, got %zu",
             (unsigned long long)field->max, count);
        return;
    }
    for (i = 0; i < count; i++) {
        const struct label *label = &labels[i];

        (void)snprintf(path, sizeof(path), "%s.%s", field->path, label->name);
        if (!name_is_label(label->name, LABEL_TEXT_MAX)) {
            tell(report, path,
                 "a label's name must be 1 to %d lower case letters, digits or inner hyphens",
                 LABEL_TEXT_MAX);
        }
        if (!name_is_label_value(label->value)) {
            tell(
                report, path,
                "a label's value must be at most %d letters, digits, '-', '_' or '.', got \"%.*s\"",
                LABEL_TEXT_MAX, SHOWN_MAX, label->value);
        }
        if (0 < i && 0 <= strcmp(labels[i - 1].name, label->name)) {
            tell(report, path, "labels must be in order and without duplicates");
        }
    }
}

static void check_hosts(const struct report *report, const struct spec_field *field,
                        const struct spec *spec)
{
    char path[SPEC_PATH_SIZE];
    size_t i;
    size_t j;

    if (field->max < spec->hosts_count) {
        tell(report, field->path, "must be at most %llu hosts, got %zu",
             (unsigned long long)field->max, spec->hosts_count);
        return;
    }
    for (i = 0; i < spec->hosts_count; i++) {
        (void)snprintf(path, sizeof(path), "%s[%zu]", field->path, i);
        if (!name_is_label(spec->hosts[i], HOST_NAME_TEXT_MAX)) {
            tell(report, path,
                 "must be 1 to %d lower case letters, digits or inner hyphens, got \"%.*s\"",
                 HOST_NAME_TEXT_MAX, SHOWN_MAX, spec->hosts[i]);
        }
        for (j = 0; j < i; j++) {
            if (strcmp(spec->hosts[i], spec->hosts[j]) == 0) {
                tell(report, path, "\"%s\" is in the list already", spec->hosts[i]);
                break;
            }
        }
    }
}

static void check_args(const struct report *report, const struct spec_field *field,
                       const struct node_settings *settings)
{
    char path[SPEC_PATH_SIZE];
    struct err err;
    size_t i;

    if (field->max < settings->extra_args_count) {
        tell(report, field->path, "must be at most %llu arguments, got %zu",
             (unsigned long long)field->max, settings->extra_args_count);
        return;
    }
    for (i = 0; i < settings->extra_args_count; i++) {
        const char *arg = settings->extra_args[i];
        const char *value = i + 1 < settings->extra_args_count ? settings->extra_args[i + 1] : NULL;
        int rv;

        CHECK(arg != NULL);
        (void)snprintf(path, sizeof(path), "%s[%zu]", field->path, i);
        if (SPEC_EXTRA_ARG_BYTES_MAX < strlen(arg)) {
            tell(report, path, "must be at most %d bytes", SPEC_EXTRA_ARG_BYTES_MAX);
            continue;
        }
        if (value != NULL && SPEC_EXTRA_ARG_BYTES_MAX < strlen(value)) {
            value = "";
        }
        rv = spec_extra_arg_check(arg, value, &err);
        if (rv < 0) {
            tell(report, path, "%s", err.msg);
            /* Its value, if it has one, would only be called an unknown option. */
            rv = value != NULL && arg[0] == '-' && value[0] != '-' ? 1 : 0;
        }
        i += (size_t)rv;
    }
}

/* A last label of digits alone would make an address of "10.0.0.1". */
static void check_domain(const struct report *report, const struct spec_field *field,
                         const struct spec *spec)
{
    const char *last = strrchr(spec->domain, '.');

    if (spec->domain[0] == '\0') {
        return;
    }
    if (!name_is_domain(spec->domain)) {
        tell(report, field->path,
             "must be labels of lower case letters, digits and inner hyphens with dots between "
             "them, at most %d bytes, got \"%.*s\"",
             DOMAIN_MAX, SHOWN_MAX, spec->domain);
        return;
    }
    last = last == NULL ? spec->domain : last + 1;
    if (strspn(last, "0123456789") == strlen(last)) {
        tell(report, field->path, "the last label must not be a number, got \"%.*s\"", SHOWN_MAX,
             spec->domain);
    }
}

static void check_field(const struct report *report, const struct spec_field *field,
                        const struct spec *spec)
{
    switch (field->type) {
    case SPEC_FIELD_NAME:
        if (!name_is_label(spec->name, field->max)) {
            tell(report, field->path,
                 "must be 1 to %llu lower case letters, digits or inner hyphens, got \"%.*s\"",
                 (unsigned long long)field->max, SHOWN_MAX, spec->name);
        }
        break;
    case SPEC_FIELD_LABELS:
        check_labels(report, field, spec);
        break;
    case SPEC_FIELD_COUNT:
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        check_number(report, field, spec);
        break;
    case SPEC_FIELD_ARGS:
        check_args(report, field, &spec->settings);
        break;
    case SPEC_FIELD_HOSTS:
        check_hosts(report, field, spec);
        break;
    case SPEC_FIELD_DOMAIN:
        check_domain(report, field, spec);
        break;
    case SPEC_FIELD_WORD:
        break; /* has no value outside of its enum */
    }
}

/* The combinations with which memcached 1.6.18 does not start. */
static void check_settings(const struct report *report, const struct node_settings *settings)
{
    uint64_t connections_min = SPEC_CONNECTIONS_MIN - SPEC_CONNECTIONS_PER_THREAD_MIN +
                               (uint64_t)settings->threads * SPEC_CONNECTIONS_PER_THREAD_MIN;
    char text[UNITS_TEXT_SIZE];
    char got[UNITS_TEXT_SIZE];

    size_format(settings->item_bytes_max, got);
    if (settings->memory_bytes / 2 < settings->item_bytes_max) {
        size_format(settings->memory_bytes / 2, text);
        tell(report, "spec.maxItemSize", "must be at most half of spec.memory (%s), got %s", text,
             got);
    }
    if (settings->item_bytes_max % SPEC_ITEM_BYTES_STEP != 0) {
        size_format(SPEC_ITEM_BYTES_STEP, text);
        tell(report, "spec.maxItemSize", "must be a multiple of %s, got %s", text, got);
    }
    if (settings->memory_bytes % SPEC_MEMORY_BYTES_STEP != 0) {
        size_format(settings->memory_bytes, got);
        tell(report, "spec.memory", "must be a multiple of 1Mi, got %s", got);
    }
    if (settings->connections_max < connections_min) {
        tell(report, "spec.maxConnections",
             "must be at least %llu with spec.threads %u (memcached counts its own descriptors), "
             "got %u",
             (unsigned long long)connections_min, settings->threads, settings->connections_max);
    }
}

/* Room for those who join is said by the operator: what joins is listed to clients. */
static void check_membership(const struct report *report, const struct spec *spec)
{
    if (spec->membership == SPEC_MEMBERSHIP_MANAGED && spec->nodes_max != 0) {
        tell(report, "spec.maxNodes",
             "has a meaning only with spec.membership joinable or joined: else spec.nodes says it "
             "all");
    }
    if (spec_is_open(spec) && spec->nodes_max < spec->nodes) {
        tell(report, "spec.maxNodes",
             "must be at least spec.nodes (%u) with spec.membership joinable or joined, got %u",
             spec->nodes, spec->nodes_max);
    }
}

static void check_rules(const struct report *report, const struct spec *spec)
{
    uint32_t nodes = spec->nodes < spec->nodes_max ? spec->nodes_max : spec->nodes;
    size_t hostname_bytes = 4 + 1 + strlen(spec->name) + 1 + strlen(spec->domain);
    size_t payload_bytes;

    if (spec->unavailable_max == 0 && spec->surge_max == 0) {
        tell(report, "spec.rollout.maxUnavailable",
             "must not be 0 while spec.rollout.maxSurge is 0: nothing could ever change");
    }
    if (spec->domain[0] == '\0') {
        return;
    }
    payload_bytes = PAYLOAD_HEAD_BYTES + nodes * (hostname_bytes + PAYLOAD_NODE_BYTES);
    if (CONFIG_PAYLOAD_BYTES_MAX < payload_bytes) {
        tell(report, "spec.endpoint.domain",
             "is too long for %u nodes: their list would take %zu bytes, at most %d fit", nodes,
             payload_bytes, CONFIG_PAYLOAD_BYTES_MAX);
    }
}

void spec_check_each(const struct spec *spec, spec_mistake_fn *mistake, void *ctx)
{
    const struct report report = { mistake, ctx };
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        check_field(&report, &spec_fields[i], spec);
    }
    check_settings(&report, &spec->settings);
    check_membership(&report, spec);
    check_rules(&report, spec);
}

/* Keeps the first mistake. */
struct first {
    struct err *err;
    int rv;
};

static void keep_first(void *ctx, const char *path, const char *text)
{
    struct first *first = ctx;

    if (first->rv == 0) {
        first->rv = err_set(first->err, ERR_INVALID, "%s: %s", path, text);
    }
}

int spec_check(const struct spec *spec, struct err *err)
{
    struct first first = { err, 0 };

    spec_check_each(spec, keep_first, &first);
    return first.rv;
}

static bool is_setting(const struct spec_field *field)
{
    size_t begin = offsetof(struct spec, settings);

    return begin <= field->offset && field->offset < begin + sizeof(struct node_settings);
}

int node_settings_check(const struct node_settings *settings, struct err *err)
{
    struct first first = { err, 0 };
    const struct report report = { keep_first, &first };
    struct spec spec;
    size_t i;

    spec_init(&spec);
    spec.settings = *settings;
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        if (is_setting(&spec_fields[i])) {
            check_field(&report, &spec_fields[i], &spec);
        }
    }
    check_settings(&report, settings);
    return first.rv;
}
