/* The stored forms of a node's intent and report, and of a host. */
#include "codec/json_table.h"
#include "model/config.h"
#include "model/name.h"
#include "model/node.h"

#define VERSION_TEXT_MAX 64

static const char *const phases[] = {
#define X(name, text) text,
    INTENT_PHASES(X)
#undef X
};

static const char *const states[] = {
#define X(name, text) text,
    NODE_STATES(X)
#undef X
};

static const char *const modes[] = {
#define X(name, text) text,
    PARTITION_MODES(X)
#undef X
};

_Static_assert(sizeof(enum intent_phase) == sizeof(unsigned), "JSON_ENUM copies an unsigned");
_Static_assert(sizeof(enum node_state) == sizeof(unsigned), "JSON_ENUM copies an unsigned");
_Static_assert(sizeof(enum partition_mode) == sizeof(unsigned), "JSON_ENUM copies an unsigned");

static const struct json_field intent_fields[] = {
    { "host", JSON_TEXT, .offset = offsetof(struct intent, host), .rule = &json_rule_host },
    { "cluster", JSON_TEXT, .offset = offsetof(struct intent, cluster),
      .rule = &json_rule_cluster },
    { "slot", JSON_U32, .offset = offsetof(struct intent, slot), .min = 1, .max = SLOT_MAX },
    { "uid", JSON_TEXT, .offset = offsetof(struct intent, uid), .rule = &json_rule_uid },
    { "phase", JSON_ENUM, .offset = offsetof(struct intent, phase), .max = ARRAY_COUNT(phases),
      .words = phases },
    { "phaseSinceMs", JSON_U64, .offset = offsetof(struct intent, phase_since_ms),
      .max = JSON_NUMBER_MAX },
    { "leftVersion", JSON_U32, .offset = offsetof(struct intent, left_version),
      .max = CONFIG_VERSION_MAX, .optional = true },
    { "ip", JSON_TEXT, .offset = offsetof(struct intent, ip), .rule = &json_rule_ipv4 },
    { "dataPort", JSON_U16, .offset = offsetof(struct intent, data_port), .min = 1,
      .max = UINT16_MAX },
    { "discoveryPort", JSON_U16, .offset = offsetof(struct intent, discovery_port), .min = 1,
      .max = UINT16_MAX },
    { "settings", JSON_OBJECT, .offset = offsetof(struct intent, settings),
      .table = &json_table_settings },
    { "settingsTurn", JSON_U32, .offset = offsetof(struct intent, settings_turn), .max = UINT32_MAX,
      .optional = true },
    { "flaps", JSON_U32, .offset = offsetof(struct intent, flaps), .max = INTENT_FLAPS_MAX },
    { "flappedMs", JSON_U64, .offset = offsetof(struct intent, flapped_ms),
      .max = JSON_NUMBER_MAX },
    { "attached", JSON_BOOL, .offset = offsetof(struct intent, attached), .optional = true },
    { "join", JSON_TEXT, .offset = offsetof(struct intent, join), .rule = &json_rule_uid_or_none,
      .optional = true },
    { "joinIssuedMs", JSON_U64, .offset = offsetof(struct intent, join_issued_ms),
      .max = JSON_NUMBER_MAX, .optional = true },
};

static int join_check(bool attached, const char *join, struct err *err)
{
    bool joined = join != NULL && join[0] != '\0';

    if (attached == joined) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "join: %s",
                   joined ? "is there, but the node is not attached" : "is missing");
}

static int intent_check(const void *value, struct err *err)
{
    const struct intent *intent = value;

    return join_check(intent->attached, intent->join, err);
}

_Static_assert(REPORT_CLIENTS_UNKNOWN + 1 == 0, "JSON_I64_OR_NULL writes that as null");

const struct json_table json_table_intent = { sizeof(struct intent), intent_fields,
                                              ARRAY_COUNT(intent_fields), intent_check, NULL };

static const struct json_field served_fields[] = {
    { "epoch", JSON_U64, .offset = offsetof(struct served, epoch), .max = JSON_NUMBER_MAX },
    { "version", JSON_U32, .offset = offsetof(struct served, version), .max = CONFIG_VERSION_MAX },
    { "digest", JSON_TEXT, .offset = offsetof(struct served, digest),
      .rule = &json_rule_digest_or_none },
};

static const struct json_table table_served = { sizeof(struct served), served_fields,
                                                ARRAY_COUNT(served_fields), NULL, NULL };

static const struct json_field report_fields[] = {
    { "cluster", JSON_TEXT, .offset = offsetof(struct node_report, cluster),
      .rule = &json_rule_cluster },
    { "slot", JSON_U32, .offset = offsetof(struct node_report, slot), .min = 1, .max = SLOT_MAX },
    { "host", JSON_TEXT, .offset = offsetof(struct node_report, host), .rule = &json_rule_host },
    { "uid", JSON_TEXT, .offset = offsetof(struct node_report, uid), .rule = &json_rule_uid },
    { "state", JSON_ENUM, .offset = offsetof(struct node_report, state), .max = ARRAY_COUNT(states),
      .words = states },
    { "partition", JSON_ENUM, .offset = offsetof(struct node_report, partition),
      .max = ARRAY_COUNT(modes), .words = modes },
    { "ip", JSON_TEXT, .offset = offsetof(struct node_report, ip), .rule = &json_rule_ipv4 },
    { "dataPort", JSON_U16, .offset = offsetof(struct node_report, data_port), .min = 1,
      .max = UINT16_MAX },
    { "discoveryPort", JSON_U16, .offset = offsetof(struct node_report, discovery_port), .min = 1,
      .max = UINT16_MAX },
    { "settings", JSON_OBJECT, .offset = offsetof(struct node_report, settings),
      .table = &json_table_settings },
    { "settingsTurn", JSON_U32, .offset = offsetof(struct node_report, settings_turn),
      .max = UINT32_MAX, .optional = true },
    { "served", JSON_OBJECT, .offset = offsetof(struct node_report, served),
      .table = &table_served },
    { "versionSeen", JSON_U32, .offset = offsetof(struct node_report, version_seen),
      .max = CONFIG_VERSION_MAX },
    { "versionBegun", JSON_U32, .offset = offsetof(struct node_report, version_begun),
      .max = CONFIG_VERSION_MAX, .optional = true },
    { "pid", JSON_I64, .offset = offsetof(struct node_report, pid), .max = INT32_MAX },
    { "startedMs", JSON_U64, .offset = offsetof(struct node_report, started_ms),
      .max = JSON_NUMBER_MAX },
    { "restarts", JSON_U32, .offset = offsetof(struct node_report, restarts), .max = UINT32_MAX },
    { "clients", JSON_I64_OR_NULL, .offset = offsetof(struct node_report, clients),
      .max = UINT32_MAX },
    { "problem", JSON_FREE, .offset = offsetof(struct node_report, problem),
      .max = JSON_FREE_TEXT_MAX },
    { "attached", JSON_BOOL, .offset = offsetof(struct node_report, attached), .optional = true },
    { "join", JSON_TEXT, .offset = offsetof(struct node_report, join),
      .rule = &json_rule_uid_or_none, .optional = true },
    { "joinIssuedMs", JSON_U64, .offset = offsetof(struct node_report, join_issued_ms),
      .max = JSON_NUMBER_MAX, .optional = true },
    { "leaving", JSON_BOOL, .offset = offsetof(struct node_report, leaving), .optional = true },
    { "unreachable", JSON_TEXTS, .offset = offsetof(struct node_report, unreachable),
      .count_offset = offsetof(struct node_report, unreachable_count), .max = REPORT_PEERS_MAX,
      .rule = &json_rule_slot, .optional = true },
};

static int report_check(const void *value, struct err *err)
{
    const struct node_report *report = value;

    return join_check(report->attached, report->join, err);
}

const struct json_table json_table_node_report = { sizeof(struct node_report), report_fields,
                                                   ARRAY_COUNT(report_fields), report_check, NULL };

static const struct json_field host_fields[] = {
    { "name", JSON_TEXT, .offset = offsetof(struct host, name), .rule = &json_rule_host },
    { "zone", JSON_TEXT, .offset = offsetof(struct host, zone), .rule = &json_rule_zone },
    { "labels", JSON_LABELS, .offset = offsetof(struct host, labels),
      .count_offset = offsetof(struct host, labels_count), .max = SPEC_LABELS_MAX },
    { "memoryBytes", JSON_U64, .offset = offsetof(struct host, memory_bytes),
      .max = JSON_NUMBER_MAX },
    { "nodesMax", JSON_U32, .offset = offsetof(struct host, nodes_max), .max = HOST_NODES_MAX },
    { "ipFirst", JSON_TEXT, .offset = offsetof(struct host, ip_first),
      .rule = &json_rule_ipv4_or_none },
    { "ipCount", JSON_U32, .offset = offsetof(struct host, ip_count), .max = UINT32_MAX },
    { "dataPort", JSON_U16, .offset = offsetof(struct host, data_port), .min = 1,
      .max = UINT16_MAX },
    { "watcherVersion", JSON_FREE, .offset = offsetof(struct host, watcher_version),
      .max = VERSION_TEXT_MAX },
    { "memcachedVersion", JSON_FREE, .offset = offsetof(struct host, memcached_version),
      .max = VERSION_TEXT_MAX },
    { "problem", JSON_FREE, .offset = offsetof(struct host, problem), .max = JSON_FREE_TEXT_MAX },
    { "sidecar", JSON_BOOL, .offset = offsetof(struct host, sidecar), .optional = true },
};

const struct json_table json_table_host = { sizeof(struct host), host_fields,
                                            ARRAY_COUNT(host_fields), NULL, NULL };

static const struct json_field cordon_fields[] = {
    { "host", JSON_TEXT, .offset = offsetof(struct cordon, host), .rule = &json_rule_host },
    { "drain", JSON_BOOL, .offset = offsetof(struct cordon, drain) },
    { "sinceMs", JSON_U64, .offset = offsetof(struct cordon, since_ms), .max = JSON_NUMBER_MAX },
    { "reason", JSON_FREE, .offset = offsetof(struct cordon, reason), .max = CORDON_REASON_MAX },
};

const struct json_table json_table_cordon = { sizeof(struct cordon), cordon_fields,
                                              ARRAY_COUNT(cordon_fields), NULL, NULL };
