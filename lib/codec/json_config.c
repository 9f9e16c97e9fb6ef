/* The stored forms of a configuration (its envelope, too), the lineage, and the alias. */
#include <string.h>

#include "codec/json_table.h"
#include "model/config.h"
#include "model/name.h"

static bool is_payload(const char *text)
{
    size_t size = strlen(text);

    return 1 <= size && size <= CONFIG_PAYLOAD_BYTES_MAX;
}

static const struct json_rule rule_payload = { is_payload, "a payload of at most 65536 bytes" };

static const struct json_field member_fields[] = {
    { "slot", JSON_U32, .offset = offsetof(struct member, slot), .min = 1, .max = SLOT_MAX },
    { "hostname", JSON_TEXT, .offset = offsetof(struct member, hostname),
      .rule = &json_rule_hostname },
    { "ip", JSON_TEXT, .offset = offsetof(struct member, ip), .rule = &json_rule_ipv4 },
    { "port", JSON_U16, .offset = offsetof(struct member, port), .min = 1, .max = UINT16_MAX },
};

static const struct json_table table_member = { sizeof(struct member), member_fields,
                                                ARRAY_COUNT(member_fields), NULL, NULL };

static const struct json_field config_fields[] = {
    { "cluster", JSON_TEXT, .offset = offsetof(struct config, head.cluster),
      .rule = &json_rule_cluster },
    { "uid", JSON_TEXT, .offset = offsetof(struct config, head.uid), .rule = &json_rule_uid },
    { "epoch", JSON_U64, .offset = offsetof(struct config, head.epoch), .max = JSON_NUMBER_MAX },
    { "version", JSON_U32, .offset = offsetof(struct config, head.version), .min = 1,
      .max = CONFIG_VERSION_MAX },
    { "members", JSON_OBJECTS, .offset = offsetof(struct config, head.members),
      .count_offset = offsetof(struct config, head.members_count), .min = 1,
      .max = CONFIG_MEMBERS_MAX, .table = &table_member },
    { "payload", JSON_TEXT, .offset = offsetof(struct config, payload), .rule = &rule_payload },
    { "digest", JSON_TEXT, .offset = offsetof(struct config, digest), .rule = &json_rule_digest },
    { "keyId", JSON_TEXT, .offset = offsetof(struct config, key_id), .rule = &json_rule_uid },
    { "signature", JSON_TEXT, .offset = offsetof(struct config, signature),
      .rule = &json_rule_signature },
};

static int config_check(const void *value, struct err *err)
{
    const struct config *config = value;
    size_t i;

    for (i = 1; i < config->head.members_count; i++) {
        if (config->head.members[i].slot <= config->head.members[i - 1].slot) {
            return err_set(err, ERR_INVALID, "members[%zu].slot: must be in order", i);
        }
    }
    if (config->payload_bytes != strlen(config->payload)) {
        return err_set(err, ERR_INVALID, "payload: has %zu bytes, not %zu", strlen(config->payload),
                       config->payload_bytes);
    }
    return 0;
}

static void config_complete(void *value)
{
    struct config *config = value;

    config->payload_bytes = strlen(config->payload);
}

const struct json_table json_table_config = { sizeof(struct config), config_fields,
                                              ARRAY_COUNT(config_fields), config_check,
                                              config_complete };

static const struct json_field lineage_fields[] = {
    { "epoch", JSON_U64, .offset = offsetof(struct lineage, epoch), .max = JSON_NUMBER_MAX },
    { "version", JSON_U32, .offset = offsetof(struct lineage, version), .max = CONFIG_VERSION_MAX },
};

const struct json_table json_table_lineage = { sizeof(struct lineage), lineage_fields,
                                               ARRAY_COUNT(lineage_fields), NULL, NULL };

static const struct json_field alias_fields[] = {
    { "host", JSON_TEXT, .offset = offsetof(struct alias, host), .rule = &json_rule_hostname },
    { "ip", JSON_TEXT, .offset = offsetof(struct alias, ip), .rule = &json_rule_ipv4 },
    { "port", JSON_U16, .offset = offsetof(struct alias, port), .min = 1, .max = UINT16_MAX },
    { "slot", JSON_U32, .offset = offsetof(struct alias, slot), .min = 1, .max = SLOT_MAX },
    { "version", JSON_U32, .offset = offsetof(struct alias, version), .min = 1,
      .max = CONFIG_VERSION_MAX },
};

const struct json_table json_table_alias = { sizeof(struct alias), alias_fields,
                                             ARRAY_COUNT(alias_fields), NULL, NULL };
