#include "view/object_decode.h"

#include <string.h>

#include "codec/model_json.h"

/* Whether a value belongs where it stands: else a copied key could speak for another one. */
static int same_text(const char *what, const char *got, const char *wanted, struct err *err)
{
    if (strcmp(got, wanted) == 0) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s: is '%s', but the key says '%s'", what, got, wanted);
}

static int same_number(const char *what, uint64_t got, uint64_t wanted, struct err *err)
{
    if (got == wanted) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s: is %llu, but the key says %llu", what,
                   (unsigned long long)got, (unsigned long long)wanted);
}

static int decode_spec(struct object *object, struct err *err)
{
    int rv = json_decode_spec_record(object->bytes, object->bytes_count, &object->arena,
                                     &object->of.spec, err);

    return rv < 0 ? rv : same_text("name", object->of.spec.spec.name, object->key.cluster, err);
}

static int decode_report(struct object *object, struct err *err)
{
    int rv = json_decode_node_report(object->bytes, object->bytes_count, &object->arena,
                                     &object->of.report, err);

    if (0 <= rv) {
        rv = same_text("cluster", object->of.report.cluster, object->key.cluster, err);
    }
    if (0 <= rv) {
        rv = same_text("host", object->of.report.host, object->key.host, err);
    }
    return rv < 0 ? rv : same_number("slot", object->of.report.slot, object->key.slot, err);
}

static int decode_join(struct object *object, struct err *err)
{
    const struct join_report *seen = &object->of.join;
    int rv = json_decode_join_report(object->bytes, object->bytes_count, &object->arena,
                                     &object->of.join, err);

    if (0 <= rv) {
        rv = same_text("join.cluster", seen->join.cluster, object->key.cluster, err);
    }
    if (0 <= rv) {
        rv = same_text("join.uid", seen->join.uid, object->key.id, err);
    }
    return rv < 0 ? rv : same_text("seenBy", seen->seen_by, object->key.host, err);
}

static int decode_intent(struct object *object, struct err *err)
{
    int rv = json_decode_intent(object->bytes, object->bytes_count, &object->arena,
                                &object->of.intent, err);

    if (0 <= rv) {
        rv = same_text("cluster", object->of.intent.cluster, object->key.cluster, err);
    }
    if (0 <= rv) {
        rv = same_text("host", object->of.intent.host, object->key.host, err);
    }
    return rv < 0 ? rv : same_number("slot", object->of.intent.slot, object->key.slot, err);
}

static int decode_host(struct object *object, struct err *err)
{
    int rv =
        json_decode_host(object->bytes, object->bytes_count, &object->arena, &object->of.host, err);

    return rv < 0 ? rv : same_text("name", object->of.host.name, object->key.host, err);
}

static int decode_cordon(struct object *object, struct err *err)
{
    int rv = json_decode_cordon(object->bytes, object->bytes_count, &object->arena,
                                &object->of.cordon, err);

    return rv < 0 ? rv : same_text("host", object->of.cordon.host, object->key.host, err);
}

/* Of a former spec, only the CLI makes use. */
static int decode_generation(struct object *object, struct err *err)
{
    struct spec_record record;
    int rv =
        json_decode_spec_record(object->bytes, object->bytes_count, &object->arena, &record, err);

    if (0 <= rv) {
        rv = same_text("name", record.spec.name, object->key.cluster, err);
    }
    if (0 <= rv) {
        rv = same_number("generation", record.generation, object->key.version, err);
    }
    arena_deinit(&object->arena);
    return rv;
}

/* Records of another key (before a change of keys) are watchers' to judge. */
static int decode_config(const struct trusted_keys *own_key, struct object *object, struct err *err)
{
    const struct config *config = &object->of.config;
    int rv = json_decode_config(object->bytes, object->bytes_count, &object->arena,
                                &object->of.config, err);

    if (0 <= rv) {
        rv = same_text("cluster", config->head.cluster, object->key.cluster, err);
    }
    if (rv < 0 || own_key->count == 0 || strcmp(config->key_id, own_key->keys[0].id) != 0) {
        return rv;
    }
    return envelope_verify(config, own_key, err);
}

/* The signature is left to those who bring a version back. */
static int decode_history(struct object *object, struct err *err)
{
    const struct config_draft *head = &object->of.config.head;
    int rv = json_decode_config(object->bytes, object->bytes_count, &object->arena,
                                &object->of.config, err);

    if (0 <= rv) {
        rv = same_text("cluster", head->cluster, object->key.cluster, err);
    }
    if (0 <= rv) {
        rv = same_number("version", head->version, object->key.version, err);
    }
    arena_deinit(&object->arena);
    return rv;
}

static int decode_event(struct object *object, struct err *err)
{
    struct event event;
    int rv = json_decode_event(object->bytes, object->bytes_count, &object->arena, &event, err);

    arena_deinit(&object->arena);
    return rv;
}

int object_decode(const struct trusted_keys *own_key, struct object *object, struct err *err)
{
    const char *bytes = object->bytes;
    size_t size = object->bytes_count;

    switch (object->key.kind) {
    case KEY_SPEC:
        return decode_spec(object, err);
    case KEY_NODE:
        return decode_report(object, err);
    case KEY_JOIN_REPORT:
        return decode_join(object, err);
    case KEY_CONFIG:
        return decode_config(own_key, object, err);
    case KEY_HISTORY:
        return decode_history(object, err);
    case KEY_ALIAS:
        return json_decode_alias(bytes, size, &object->arena, &object->of.alias, err);
    case KEY_STATUS:
        return json_decode_status(bytes, size, &object->arena, &object->of.status, err);
    case KEY_LINEAGE:
        return json_decode_lineage(bytes, size, &object->arena, &object->of.lineage, err);
    case KEY_INTENT:
        return decode_intent(object, err);
    case KEY_HOST:
        return decode_host(object, err);
    case KEY_CORDON:
        return decode_cordon(object, err);
    case KEY_GENERATION:
        return decode_generation(object, err);
    case KEY_EVENT:
        return decode_event(object, err);
    case KEY_LEADER:
    case KEY_SOURCE: /* concerns those who apply specs, and who look at them */
        return 0;
    case KEY_UNKNOWN:
        break;
    }
    return err_set(err, ERR_INVALID, "no key of muster has this name");
}
