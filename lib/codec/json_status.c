/* The stored forms of a cluster's status and of an event. */
#include <string.h>

#include <cjson/cJSON.h>

#include "codec/json_table.h"
#include "model/config.h"
#include "model/name.h"
#include "model/status.h"

#define STATE_TEXT_MAX 32
#define RULE_TEXT_MAX 64
#define SUBJECT_TEXT_MAX 512

static const char *const condition_types[] = {
#define X(name, text, meaning) text,
    CONDITION_TYPES(X)
#undef X
};

static const char *const event_types[] = { "Normal", "Warning" };

/* A condition as it stands in the list. */
struct listed_condition {
    unsigned type;
    struct condition condition;
};

static const struct json_field condition_fields[] = {
    { "type", JSON_ENUM, .offset = offsetof(struct listed_condition, type),
      .max = ARRAY_COUNT(condition_types), .words = condition_types },
    { "status", JSON_BOOL, .offset = offsetof(struct listed_condition, condition.status) },
    { "reason", JSON_TEXT, .offset = offsetof(struct listed_condition, condition.reason),
      .rule = &json_rule_word },
    { "message", JSON_FREE, .offset = offsetof(struct listed_condition, condition.message),
      .max = JSON_FREE_TEXT_MAX },
    { "sinceMs", JSON_U64, .offset = offsetof(struct listed_condition, condition.since_ms),
      .max = JSON_NUMBER_MAX },
};

static const struct json_table table_condition = { sizeof(struct listed_condition),
                                                   condition_fields, ARRAY_COUNT(condition_fields),
                                                   NULL, NULL };

static int conditions_encode(struct json_encoder *encoder, const void *place)
{
    const struct condition *conditions = place;
    bool first = true;
    unsigned i;

    str_append_char(encoder->out, '[');
    for (i = 0; i < CONDITION_COUNT; i++) {
        const struct listed_condition listed = { i, conditions[i] };
        const struct json_path path = { encoder->path, NULL, i };
        struct json_encoder inner = { encoder->out, encoder->err, &path };
        int rv;

        if (conditions[i].reason == NULL || conditions[i].reason[0] == '\0') {
            continue;
        }
        str_append_text(encoder->out, first ? "" : ",");
        first = false;
        rv = json_encode_object(&inner, &table_condition, &listed);
        if (rv < 0) {
            return rv;
        }
    }
    str_append_char(encoder->out, ']');
    return 0;
}

/* Whether the element is a condition of a type that is not known here: a newer release's. */
static bool is_foreign(const cJSON *node)
{
    const cJSON *type =
        cJSON_IsObject(node) ? cJSON_GetObjectItemCaseSensitive(node, "type") : NULL;
    enum condition_type known;

    return type != NULL && cJSON_IsString(type) && !condition_type_parse(type->valuestring, &known);
}

static int conditions_decode(struct json_decoder *decoder, const cJSON *node, void *place)
{
    struct condition *conditions = place;
    const cJSON *child;
    size_t i;

    if (!cJSON_IsArray(node)) {
        return json_fail(decoder->err, decoder->path, "must be a list");
    }
    for (i = 0; i < CONDITION_COUNT; i++) {
        conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    for (child = node->child, i = 0; child != NULL; child = child->next, i++) {
        const struct json_path path = { decoder->path, NULL, i };
        struct json_decoder inner = { decoder->arena, decoder->err, &path };
        struct listed_condition listed = { 0 };
        int rv;

        if (is_foreign(child)) {
            continue;
        }
        rv = json_decode_object(&inner, &table_condition, child, &listed);
        if (rv < 0) {
            return rv;
        }
        if (conditions[listed.type].reason[0] != '\0') {
            return json_fail(decoder->err, &path, "is there twice");
        }
        conditions[listed.type] = listed.condition;
    }
    return 0;
}

static const struct json_custom conditions_custom = { conditions_encode, conditions_decode };

static const struct json_field slot_fields[] = {
    { "slot", JSON_U32, .offset = offsetof(struct slot_status, slot), .min = 1, .max = SLOT_MAX },
    { "host", JSON_TEXT, .offset = offsetof(struct slot_status, host),
      .rule = &json_rule_host_or_none },
    { "ip", JSON_TEXT, .offset = offsetof(struct slot_status, ip),
      .rule = &json_rule_ipv4_or_none },
    { "dataPort", JSON_U16, .offset = offsetof(struct slot_status, data_port), .max = UINT16_MAX },
    { "phase", JSON_FREE, .offset = offsetof(struct slot_status, phase), .max = STATE_TEXT_MAX },
    { "state", JSON_FREE, .offset = offsetof(struct slot_status, state), .max = STATE_TEXT_MAX },
    { "partition", JSON_FREE, .offset = offsetof(struct slot_status, partition),
      .max = STATE_TEXT_MAX },
    { "version", JSON_U32, .offset = offsetof(struct slot_status, version),
      .max = CONFIG_VERSION_MAX },
    { "listed", JSON_BOOL, .offset = offsetof(struct slot_status, listed) },
    { "rule", JSON_FREE, .offset = offsetof(struct slot_status, rule), .max = RULE_TEXT_MAX },
    { "sinceMs", JSON_U64, .offset = offsetof(struct slot_status, since_ms),
      .max = JSON_NUMBER_MAX },
    { "silentSinceMs", JSON_U64, .offset = offsetof(struct slot_status, silent_since_ms),
      .max = JSON_NUMBER_MAX },
    { "unreachableSinceMs", JSON_U64, .offset = offsetof(struct slot_status, unreachable_since_ms),
      .max = JSON_NUMBER_MAX },
};

static const struct json_table table_slot = { sizeof(struct slot_status), slot_fields,
                                              ARRAY_COUNT(slot_fields), NULL, NULL };

static const struct json_field status_fields[] = {
    { "observedGeneration", JSON_U64, .offset = offsetof(struct status, observed_generation),
      .max = JSON_NUMBER_MAX },
    { "uid", JSON_TEXT, .offset = offsetof(struct status, uid), .rule = &json_rule_uid_or_none },
    { "version", JSON_U32, .offset = offsetof(struct status, version), .max = CONFIG_VERSION_MAX },
    { "nodesWanted", JSON_U32, .offset = offsetof(struct status, nodes_wanted), .max = SLOT_MAX },
    { "nodesReady", JSON_U32, .offset = offsetof(struct status, nodes_ready), .max = SLOT_MAX },
    { "nodesConverged", JSON_U32, .offset = offsetof(struct status, nodes_converged),
      .max = SLOT_MAX },
    { "nodesUpdated", JSON_U32, .offset = offsetof(struct status, nodes_updated), .max = SLOT_MAX },
    { "progressMs", JSON_U64, .offset = offsetof(struct status, progress_ms),
      .max = JSON_NUMBER_MAX },
    { "resumedMs", JSON_U64, .offset = offsetof(struct status, resumed_ms),
      .max = JSON_NUMBER_MAX },
    { "conditions", JSON_CUSTOM, .offset = offsetof(struct status, conditions),
      .custom = &conditions_custom },
    { "slots", JSON_OBJECTS, .offset = offsetof(struct status, slots),
      .count_offset = offsetof(struct status, slots_count), .max = SLOT_MAX, .table = &table_slot },
};

const struct json_table json_table_status = { sizeof(struct status), status_fields,
                                              ARRAY_COUNT(status_fields), NULL, NULL };

static bool is_cluster_or_dash(const char *text)
{
    return strcmp(text, "-") == 0 || name_is_label(text, CLUSTER_NAME_MAX);
}

static bool is_event_type(const char *text)
{
    return strcmp(text, event_types[0]) == 0 || strcmp(text, event_types[1]) == 0;
}

static const struct json_rule rule_cluster_or_dash = { is_cluster_or_dash,
                                                       "a cluster's name or \"-\"" };
static const struct json_rule rule_event_type = { is_event_type, "Normal or Warning" };

static const struct json_field event_fields[] = {
    { "cluster", JSON_TEXT, .offset = offsetof(struct event, cluster),
      .rule = &rule_cluster_or_dash },
    { "atMs", JSON_U64, .offset = offsetof(struct event, at_ms), .max = JSON_NUMBER_MAX },
    { "program", JSON_FREE, .offset = offsetof(struct event, program), .max = STATE_TEXT_MAX },
    { "type", JSON_TEXT, .offset = offsetof(struct event, type), .rule = &rule_event_type },
    { "reason", JSON_TEXT, .offset = offsetof(struct event, reason), .rule = &json_rule_word },
    { "subject", JSON_FREE, .offset = offsetof(struct event, subject), .max = SUBJECT_TEXT_MAX },
    { "message", JSON_FREE, .offset = offsetof(struct event, message), .max = JSON_FREE_TEXT_MAX },
};

const struct json_table json_table_event = { sizeof(struct event), event_fields,
                                             ARRAY_COUNT(event_fields), NULL, NULL };
