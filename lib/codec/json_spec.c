/* The stored form of a spec and of a node's settings. */
#include <string.h>

#include "codec/json_table.h"
#include "model/name.h"
#include "model/spec.h"

/* Of paths: names of fields, and of labels. */
#define FIELD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

static bool is_argument(const char *text)
{
    return strlen(text) <= SPEC_EXTRA_ARG_BYTES_MAX;
}

static bool is_domain_or_none(const char *text)
{
    return text[0] == '\0' || name_is_domain(text);
}

static const struct json_rule rule_argument = { is_argument, "a short text" };
static const struct json_rule rule_domain = { is_domain_or_none, "a domain or empty" };

static const char *const spreads[] = { [SPEC_SPREAD_ZONE] = "zone", [SPEC_SPREAD_HOST] = "host" };
_Static_assert(sizeof(enum spec_spread) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static const char *const memberships[] = { [SPEC_MEMBERSHIP_MANAGED] = "managed",
                                           [SPEC_MEMBERSHIP_JOINABLE] = "joinable",
                                           [SPEC_MEMBERSHIP_JOINED] = "joined" };
_Static_assert(sizeof(enum spec_membership) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static const char *const drain_ends[] = {
    [SPEC_DRAIN_CLIENTS] = "clients", [SPEC_DRAIN_EVIDENCE] = "evidence", [SPEC_DRAIN_TIME] = "time"
};
_Static_assert(sizeof(enum spec_drain_ends) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static const char *const hashings[] = { [SPEC_HASHING_KETAMA] = "ketama",
                                        [SPEC_HASHING_MODULO] = "modulo",
                                        [SPEC_HASHING_RENDEZVOUS] = "rendezvous" };
_Static_assert(sizeof(enum spec_hashing) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static const struct json_field settings_fields[] = {
    { "memoryBytes", JSON_U64, .offset = offsetof(struct node_settings, memory_bytes),
      .min = SPEC_MEMORY_BYTES_MIN, .max = SPEC_MEMORY_BYTES_MAX },
    { "threads", JSON_U32, .offset = offsetof(struct node_settings, threads), .min = 1,
      .max = SPEC_THREADS_MAX },
    { "maxConnections", JSON_U32, .offset = offsetof(struct node_settings, connections_max),
      .min = SPEC_CONNECTIONS_MIN, .max = SPEC_CONNECTIONS_MAX },
    { "maxItemBytes", JSON_U64, .offset = offsetof(struct node_settings, item_bytes_max),
      .min = SPEC_ITEM_BYTES_MIN, .max = SPEC_ITEM_BYTES_MAX },
    { "extraArgs", JSON_TEXTS, .offset = offsetof(struct node_settings, extra_args),
      .count_offset = offsetof(struct node_settings, extra_args_count), .max = SPEC_EXTRA_ARGS_MAX,
      .rule = &rule_argument },
    { "restartMs", JSON_U64, .offset = offsetof(struct node_settings, restart_ms),
      .max = JSON_NUMBER_MAX, .optional = true },
};

static int settings_check(const void *value, struct err *err)
{
    return node_settings_check(value, err);
}

const struct json_table json_table_settings = { sizeof(struct node_settings), settings_fields,
                                                ARRAY_COUNT(settings_fields), settings_check,
                                                NULL };

/* Checked with the spec, whose messages name its own fields. */
static const struct json_table spec_settings = { sizeof(struct node_settings), settings_fields,
                                                 ARRAY_COUNT(settings_fields), NULL, NULL };

static const struct json_field spec_fields_json[] = {
    { "name", JSON_TEXT, .offset = offsetof(struct spec, name), .rule = &json_rule_cluster },
    { "labels", JSON_LABELS, .offset = offsetof(struct spec, labels),
      .count_offset = offsetof(struct spec, labels_count), .max = SPEC_LABELS_MAX },
    { "nodes", JSON_U32, .offset = offsetof(struct spec, nodes), .min = 1, .max = SPEC_NODES_MAX },
    { "membership", JSON_ENUM, .offset = offsetof(struct spec, membership),
      .max = ARRAY_COUNT(memberships), .words = memberships, .optional = true },
    { "maxNodes", JSON_U32, .offset = offsetof(struct spec, nodes_max), .max = SPEC_NODES_MAX,
      .optional = true },
    { "settings", JSON_OBJECT, .offset = offsetof(struct spec, settings), .table = &spec_settings },
    { "spreadBy", JSON_ENUM, .offset = offsetof(struct spec, spread_by),
      .max = ARRAY_COUNT(spreads), .words = spreads },
    { "hosts", JSON_TEXTS, .offset = offsetof(struct spec, hosts),
      .count_offset = offsetof(struct spec, hosts_count), .max = SPEC_HOSTS_MAX,
      .rule = &json_rule_host },
    { "hostLabels", JSON_LABELS, .offset = offsetof(struct spec, host_labels),
      .count_offset = offsetof(struct spec, host_labels_count), .max = SPEC_LABELS_MAX },
    { "maxUnavailable", JSON_U32, .offset = offsetof(struct spec, unavailable_max),
      .max = SPEC_NODES_MAX },
    { "maxSurge", JSON_U32, .offset = offsetof(struct spec, surge_max), .max = SPEC_NODES_MAX },
    { "drainMs", JSON_U64, .offset = offsetof(struct spec, drain_ms), .max = SPEC_DURATION_MS_MAX },
    { "drainEnds", JSON_ENUM, .offset = offsetof(struct spec, drain_ends),
      .max = ARRAY_COUNT(drain_ends), .words = drain_ends, .optional = true },
    { "convergeTimeoutMs", JSON_U64, .offset = offsetof(struct spec, converge_timeout_ms),
      .min = SPEC_TIMEOUT_MS_MIN, .max = SPEC_DURATION_MS_MAX },
    { "progressDeadlineMs", JSON_U64, .offset = offsetof(struct spec, progress_deadline_ms),
      .min = SPEC_TIMEOUT_MS_MIN, .max = SPEC_DURATION_MS_MAX },
    { "failAfterMs", JSON_U64, .offset = offsetof(struct spec, fail_after_ms),
      .min = SPEC_TIMEOUT_MS_MIN, .max = SPEC_DURATION_MS_MAX },
    { "domain", JSON_TEXT, .offset = offsetof(struct spec, domain), .rule = &rule_domain },
    { "hashing", JSON_ENUM, .offset = offsetof(struct spec, hashing), .max = ARRAY_COUNT(hashings),
      .words = hashings, .optional = true },
};

static const struct json_table table_spec = { sizeof(struct spec), spec_fields_json,
                                              ARRAY_COUNT(spec_fields_json), NULL, NULL };

static bool is_manager(const char *text)
{
    size_t size = strlen(text);

    return 1 <= size && size <= SPEC_MANAGER_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size;
}

static bool is_path(const char *text)
{
    size_t size = strlen(text);

    return 1 <= size && size < SPEC_PATH_SIZE && strspn(text, FIELD_CHARACTERS) == size;
}

static bool is_managed_value(const char *text)
{
    return strlen(text) <= SPEC_MANAGED_BYTES_MAX;
}

static const struct json_rule rule_manager = { is_manager, "a manager's name" };
static const struct json_rule rule_path = { is_path, "a field's path" };
static const struct json_rule rule_managed_value = { is_managed_value, "a value" };

static const struct json_field managed_fields[] = {
    { "path", JSON_TEXT, .offset = offsetof(struct managed_field, path), .rule = &rule_path },
    { "value", JSON_TEXT, .offset = offsetof(struct managed_field, value),
      .rule = &rule_managed_value },
};

static const struct json_table table_managed = { sizeof(struct managed_field), managed_fields,
                                                 ARRAY_COUNT(managed_fields), NULL, NULL };

static const struct json_field manager_fields[] = {
    { "name", JSON_TEXT, .offset = offsetof(struct spec_manager, name), .rule = &rule_manager },
    { "applies", JSON_BOOL, .offset = offsetof(struct spec_manager, applies), .optional = true },
    { "fields", JSON_OBJECTS, .offset = offsetof(struct spec_manager, fields),
      .count_offset = offsetof(struct spec_manager, fields_count), .max = SPEC_MANAGED_MAX,
      .table = &table_managed },
};

static const struct json_table table_manager = { sizeof(struct spec_manager), manager_fields,
                                                 ARRAY_COUNT(manager_fields), NULL, NULL };

static const struct json_field record_fields[] = {
    { "uid", JSON_TEXT, .offset = offsetof(struct spec_record, uid), .rule = &json_rule_uid },
    { "generation", JSON_U64, .offset = offsetof(struct spec_record, generation), .min = 1,
      .max = JSON_NUMBER_MAX },
    { "createdMs", JSON_U64, .offset = offsetof(struct spec_record, created_ms),
      .max = JSON_NUMBER_MAX },
    { "changedMs", JSON_U64, .offset = offsetof(struct spec_record, changed_ms),
      .max = JSON_NUMBER_MAX },
    { "deleting", JSON_BOOL, .offset = offsetof(struct spec_record, deleting) },
    { "paused", JSON_BOOL, .offset = offsetof(struct spec_record, paused) },
    { "resumedMs", JSON_U64, .offset = offsetof(struct spec_record, resumed_ms),
      .max = JSON_NUMBER_MAX },
    { "confirmedMs", JSON_U64, .offset = offsetof(struct spec_record, confirmed_ms),
      .max = JSON_NUMBER_MAX },
    { "spec", JSON_OBJECT, .offset = offsetof(struct spec_record, spec), .table = &table_spec },
    { "managers", JSON_OBJECTS, .offset = offsetof(struct spec_record, managers),
      .count_offset = offsetof(struct spec_record, managers_count), .max = SPEC_MANAGERS_MAX,
      .table = &table_manager, .optional = true },
};

static int record_check(const void *value, struct err *err)
{
    const struct spec_record *record = value;

    return spec_check(&record->spec, err);
}

const struct json_table json_table_spec_record = { sizeof(struct spec_record), record_fields,
                                                   ARRAY_COUNT(record_fields), record_check, NULL };
