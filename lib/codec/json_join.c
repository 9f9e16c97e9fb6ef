/* The stored form of a request to join, and of a watcher's report of one. */
#include <string.h>

#include "codec/json_table.h"
#include "model/join.h"
#include "model/name.h"

static bool is_nonce(const char *text)
{
    return strspn(text, "0123456789abcdef") == JOIN_NONCE_SIZE - 1 &&
           text[JOIN_NONCE_SIZE - 1] == '\0';
}

static const struct json_rule rule_nonce = { is_nonce, "32 hex digits" };

static const struct json_field join_fields[] = {
    { "cluster", JSON_TEXT, .offset = offsetof(struct join, cluster), .rule = &json_rule_cluster },
    { "clusterUid", JSON_TEXT, .offset = offsetof(struct join, cluster_uid),
      .rule = &json_rule_uid },
    { "uid", JSON_TEXT, .offset = offsetof(struct join, uid), .rule = &json_rule_uid },
    { "host", JSON_TEXT, .offset = offsetof(struct join, host), .rule = &json_rule_host },
    { "ip", JSON_TEXT, .offset = offsetof(struct join, ip), .rule = &json_rule_ipv4 },
    { "dataPort", JSON_U16, .offset = offsetof(struct join, data_port), .min = 2,
      .max = UINT16_MAX },
    { "discoveryPort", JSON_U16, .offset = offsetof(struct join, discovery_port), .min = 1,
      .max = UINT16_MAX },
    { "slotWanted", JSON_U32, .offset = offsetof(struct join, slot_wanted), .max = SLOT_MAX },
    { "settings", JSON_OBJECT, .offset = offsetof(struct join, settings),
      .table = &json_table_settings },
    { "issuedMs", JSON_U64, .offset = offsetof(struct join, issued_ms), .max = JSON_NUMBER_MAX },
    { "nonce", JSON_TEXT, .offset = offsetof(struct join, nonce), .rule = &rule_nonce },
    { "mac", JSON_TEXT, .offset = offsetof(struct join, mac), .rule = &json_rule_digest_or_none },
};

static int join_check(const void *value, struct err *err)
{
    const struct join *join = value;

    if (join->discovery_port + 1 != join->data_port) {
        return err_set(err, ERR_INVALID, "discoveryPort: must be the data port - 1, got %u",
                       join->discovery_port);
    }
    return 0;
}

const struct json_table json_table_join = { sizeof(struct join), join_fields,
                                            ARRAY_COUNT(join_fields), join_check, NULL };

static const struct json_field report_fields[] = {
    { "join", JSON_OBJECT, .offset = offsetof(struct join_report, join),
      .table = &json_table_join },
    { "seenBy", JSON_TEXT, .offset = offsetof(struct join_report, seen_by),
      .rule = &json_rule_host },
    { "seenInSlot", JSON_U32, .offset = offsetof(struct join_report, seen_in_slot),
      .max = SLOT_MAX },
    { "seenMs", JSON_U64, .offset = offsetof(struct join_report, seen_ms), .max = JSON_NUMBER_MAX },
};

const struct json_table json_table_join_report = { sizeof(struct join_report), report_fields,
                                                   ARRAY_COUNT(report_fields), NULL, NULL };
