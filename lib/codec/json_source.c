/* The stored form of what a repository's follower says. */
#include <string.h>

#include "codec/json_table.h"
#include "model/name.h"
#include "model/source.h"

#define FIELD_TEXT_MAX 64
#define VALUE_TEXT_MAX 512
#define SIGNER_TEXT_MAX 256
#define INTERVAL_MS_MAX (366LL * 24 * 3600 * 1000)

static const char *const states[] = {
#define X(name, text, meaning) text,
    SOURCE_STATES(X)
#undef X
};

_Static_assert(sizeof(enum source_state) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static bool is_source(const char *text)
{
    return name_is_label(text, SOURCE_NAME_MAX);
}

static bool is_revision_or_none(const char *text)
{
    size_t size = strlen(text);

    return (size == 0 || size == 40 || size == SOURCE_REVISION_SIZE - 1) &&
           strspn(text, "0123456789abcdef") == size;
}

static const struct json_rule rule_source = { is_source, "a source's name" };
static const struct json_rule rule_revision_or_none = { is_revision_or_none,
                                                        "a commit's hex digits or empty" };

static const struct json_field drift_fields[] = {
    { "cluster", JSON_TEXT, .offset = offsetof(struct source_drift, cluster),
      .rule = &json_rule_cluster },
    { "field", JSON_FREE, .offset = offsetof(struct source_drift, field), .max = FIELD_TEXT_MAX },
    { "wanted", JSON_FREE, .offset = offsetof(struct source_drift, wanted), .max = VALUE_TEXT_MAX },
    { "found", JSON_FREE, .offset = offsetof(struct source_drift, found), .max = VALUE_TEXT_MAX },
    { "manager", JSON_FREE, .offset = offsetof(struct source_drift, manager),
      .max = FIELD_TEXT_MAX },
    { "sinceMs", JSON_U64, .offset = offsetof(struct source_drift, since_ms),
      .max = JSON_NUMBER_MAX },
};

static const struct json_table table_drift = { sizeof(struct source_drift), drift_fields,
                                               ARRAY_COUNT(drift_fields), NULL, NULL };

static const struct json_field source_fields[] = {
    { "name", JSON_TEXT, .offset = offsetof(struct source, name), .rule = &rule_source },
    { "repository", JSON_FREE, .offset = offsetof(struct source, repository),
      .max = SOURCE_LOCATION_MAX },
    { "branch", JSON_FREE, .offset = offsetof(struct source, branch), .max = SOURCE_LOCATION_MAX },
    { "path", JSON_FREE, .offset = offsetof(struct source, path), .max = SOURCE_LOCATION_MAX },
    { "state", JSON_ENUM, .offset = offsetof(struct source, state), .max = ARRAY_COUNT(states),
      .words = states },
    { "sinceMs", JSON_U64, .offset = offsetof(struct source, since_ms), .max = JSON_NUMBER_MAX },
    { "revision", JSON_TEXT, .offset = offsetof(struct source, revision),
      .rule = &rule_revision_or_none },
    { "title", JSON_FREE, .offset = offsetof(struct source, title), .max = SOURCE_TITLE_MAX },
    { "signer", JSON_FREE, .offset = offsetof(struct source, signer), .max = SIGNER_TEXT_MAX },
    { "appliedMs", JSON_U64, .offset = offsetof(struct source, applied_ms),
      .max = JSON_NUMBER_MAX },
    { "head", JSON_TEXT, .offset = offsetof(struct source, head), .rule = &rule_revision_or_none },
    { "error", JSON_FREE, .offset = offsetof(struct source, error), .max = JSON_FREE_TEXT_MAX },
    { "checkedMs", JSON_U64, .offset = offsetof(struct source, checked_ms),
      .max = JSON_NUMBER_MAX },
    { "intervalMs", JSON_U64, .offset = offsetof(struct source, interval_ms),
      .max = INTERVAL_MS_MAX },
    { "running", JSON_BOOL, .offset = offsetof(struct source, running) },
    { "clusters", JSON_U32, .offset = offsetof(struct source, clusters), .max = UINT32_MAX },
    { "driftTotal", JSON_U32, .offset = offsetof(struct source, drift_total), .max = UINT32_MAX },
    { "drift", JSON_OBJECTS, .offset = offsetof(struct source, drift),
      .count_offset = offsetof(struct source, drift_count), .max = SOURCE_DRIFT_MAX,
      .table = &table_drift },
};

const struct json_table json_table_source = { sizeof(struct source), source_fields,
                                              ARRAY_COUNT(source_fields), NULL, NULL };
