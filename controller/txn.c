#include "controller/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "controller/batch.h"
#include "store/keys.h"

#define DNS_INLINE_MAX 64      /* more records than that get transactions of their own */
#define HISTORY_DELETES_MAX 16 /* per commit; one is the rule */
#define EVIDENCE_MAX 96        /* reports that are compared; more would leave no room */

struct builder {
    const struct txn_env *env;
    struct batch *main;
    struct txn_plan out;
    size_t txns_capacity;
    const struct intent **intents;
};

static int full_arena(struct err *err)
{
    return err_set(err, ERR_NOMEM, "transaction");
}

/* ---- Keys and values ---- */

static const char *key_text(const struct builder *b, const struct key *key)
{
    char text[KEY_TEXT_SIZE];

    key_format(b->env->objects->prefix, key, text);
    return arena_strdup(b->env->arena, text);
}

static struct key cluster_key(const struct builder *b, enum key_kind kind)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", b->env->view->cluster);
    return key;
}

static struct key intent_key(const struct intent *intent)
{
    struct key key = { .kind = KEY_INTENT, .slot = intent->slot };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", intent->cluster);
    (void)snprintf(key.host, sizeof(key.host), "%s", intent->host);
    return key;
}

/* The key must be as the objects show it. */
static int expect(const struct builder *b, struct batch *batch, const struct key *key,
                  struct err *err)
{
    struct etcd_compare compare = { .target = ETCD_MOD_REVISION };

    compare.key = key_text(b, key);
    if (compare.key == NULL) {
        return full_arena(err);
    }
    compare.revision = object_revision(b->env->objects, key);
    batch_compare(batch, &compare);
    return 0;
}

static int batch_new(const struct builder *b, struct batch **out, struct err *err)
{
    static const enum key_kind bases[] = { KEY_SPEC, KEY_CONFIG, KEY_LINEAGE };
    struct batch *batch = arena_alloc(b->env->arena, sizeof(*batch));
    struct etcd_compare fence = { .target = ETCD_CREATE_REVISION, .revision = b->env->fence };
    struct key leader = { .kind = KEY_LEADER };
    size_t i;

    fence.key = key_text(b, &leader);
    if (batch == NULL || fence.key == NULL) {
        return full_arena(err);
    }
    batch_compare(batch, &fence);
    for (i = 0; strcmp(b->env->view->cluster, NO_CLUSTER) != 0 && i < ARRAY_COUNT(bases); i++) {
        struct key key = cluster_key(b, bases[i]);
        int rv = expect(b, batch, &key, err);

        if (rv < 0) {
            return rv;
        }
    }
    *out = batch;
    return 0;
}

static int put_text(const struct builder *b, struct batch *batch, const char *key,
                    const char *value, size_t value_bytes, uint64_t lease, struct err *err)
{
    struct etcd_op op = { .kind = ETCD_PUT, .value_bytes = value_bytes, .lease = lease };

    op.key = key;
    op.value = arena_strndup(b->env->arena, value, value_bytes);
    if (op.key == NULL || op.value == NULL) {
        return full_arena(err);
    }
    batch_op(batch, &op);
    return 0;
}

static int delete_text(struct batch *batch, const char *key, struct err *err)
{
    if (key == NULL) {
        return full_arena(err);
    }
    batch_op(batch, &(struct etcd_op){ .kind = ETCD_DELETE, .key = key });
    return 0;
}

/* Put an encoded value under a key that must be as it was read. */
static int put(struct builder *b, const struct key *key, int encoded, const struct str *json,
               struct err *err)
{
    int rv = encoded;

    if (0 <= rv) {
        rv = expect(b, b->main, key, err);
    }
    if (0 <= rv) {
        rv = put_text(b, b->main, key_text(b, key), str_text(json), json->size, 0, err);
    }
    return rv;
}

/* A transaction is ready to go. */
static int finish(struct builder *b, const struct batch *batch, struct err *err)
{
    if (b->out.txns_count == b->txns_capacity) {
        size_t capacity = b->txns_capacity == 0 ? 2 : b->txns_capacity * 2;
        struct etcd_txn *grown = arena_calloc(b->env->arena, capacity, sizeof(*grown));

        if (grown == NULL) {
            return full_arena(err);
        }
        if (0 < b->out.txns_count) {
            memcpy(grown, b->out.txns, b->out.txns_count * sizeof(*grown));
        }
        b->out.txns = grown;
        b->txns_capacity = capacity;
    }
    b->out.txns[b->out.txns_count++] =
        (struct etcd_txn){ .compares = batch->compares,
                           .compares_count = batch->used.compares_count,
                           .ops = batch->ops,
                           .ops_count = batch->used.ops_count };
    return 0;
}

/* ---- DNS ---- */

static bool names_wanted(const struct builder *b)
{
    const struct spec_record *spec = b->env->view->spec;

    return spec != NULL && spec->spec.domain[0] != '\0' && b->env->dns.prefix[0] != '\0';
}

/* Write and remove records: with the rest when they are few, else ahead of it. */
static int change_names(struct builder *b, const struct dns_change *change, struct err *err)
{
    size_t total = change->puts_count + change->deletes_count;
    struct batch *batch = b->main;
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < total; i++) {
        const struct dns_record *record = &change->puts[i];

        if (DNS_INLINE_MAX < total && i % DNS_INLINE_MAX == 0) {
            rv = 0 < i ? finish(b, batch, err) : 0;
            if (0 <= rv) {
                rv = batch_new(b, &batch, err);
            }
        }
        if (0 <= rv && i < change->puts_count) {
            rv = put_text(b, batch, record->key, record->value, strlen(record->value), 0, err);
        } else if (0 <= rv) {
            rv = delete_text(batch, change->deletes[i - change->puts_count], err);
        }
    }
    if (0 <= rv && batch != b->main) {
        rv = finish(b, batch, err);
    }
    return rv;
}

static int delete_alias_name(struct builder *b, struct err *err)
{
    const char *name;

    if (!names_wanted(b)) {
        return 0;
    }
    name = dns_alias_name(b->env->view->cluster, b->env->view->spec->spec.domain, b->env->arena);
    if (name == NULL) {
        return full_arena(err);
    }
    return delete_text(b->main, dns_key(&b->env->dns, name, b->env->arena), err);
}

/* Whether the slot's name is still somebody's: listed, or placed on another host. */
static bool name_in_use(const struct view *view, const struct intent *gone)
{
    size_t i;

    if (view->spec->deleting) {
        return false;
    }
    if (view->config != NULL && config_member(view->config, gone->slot) != NULL) {
        return true;
    }
    for (i = 0; i < view->intents_count; i++) {
        if (view->intents[i].slot == gone->slot && strcmp(view->intents[i].host, gone->host) != 0) {
            return true;
        }
    }
    return false;
}

/* ---- Effects ---- */

static int intent_put(struct builder *b, const struct intent *intent, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = intent_key(intent);
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = put(b, &key, json_encode_intent(intent, &json, err), &json, err);
    if (0 <= rv) {
        b->intents[b->out.intents_count++] = intent;
    }
    return rv;
}

static int intent_delete(struct builder *b, const struct intent *intent, struct err *err)
{
    struct key key = intent_key(intent);
    int rv = expect(b, b->main, &key, err);

    if (0 <= rv) {
        rv = delete_text(b->main, key_text(b, &key), err);
    }
    if (0 <= rv && names_wanted(b) && !name_in_use(b->env->view, intent)) {
        const char *name = dns_node_name(intent->slot, intent->cluster,
                                         b->env->view->spec->spec.domain, b->env->arena);

        rv = name == NULL ? full_arena(err)
                          : delete_text(b->main, dns_key(&b->env->dns, name, b->env->arena), err);
    }
    return rv;
}

static int compare_versions(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Of the former records only as many stay as make CONFIG_HISTORY_MAX with the new one. */
static int trim_history(struct builder *b, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(b->env->objects, b->env->view->cluster);
    const struct object *object = own == NULL ? NULL : own->lists[KEY_HISTORY];
    uint32_t *versions =
        arena_calloc(b->env->arena, own == NULL ? 1 : own->count, sizeof(uint32_t));
    size_t n = 0;
    size_t i;
    int rv = 0;

    if (versions == NULL) {
        return full_arena(err);
    }
    for (; object != NULL; object = object->next) {
        versions[n++] = object->key.version;
    }
    qsort(versions, n, sizeof(*versions), compare_versions);
    for (i = 0; 0 <= rv && i + CONFIG_HISTORY_MAX <= n && i < HISTORY_DELETES_MAX; i++) {
        struct key key = cluster_key(b, KEY_HISTORY);

        key.version = versions[i];
        rv = delete_text(b->main, key_text(b, &key), err);
    }
    return rv;
}

/* A slot that gets listed or aliased has proved itself by the report that was read. */
static int expect_report(struct builder *b, uint32_t slot, struct err *err)
{
    struct key key = cluster_key(b, KEY_NODE);

    key.slot = slot;
    return expect(b, b->main, &key, err);
}

static int expect_new_members(struct builder *b, const struct config_draft *draft, struct err *err)
{
    const struct config *former = b->env->view->config;
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < draft->members_count; i++) {
        const struct member *member = &draft->members[i];
        const struct member *was = former == NULL ? NULL : config_member(former, member->slot);

        if (EVIDENCE_MAX <= b->main->used.compares_count) {
            return 0;
        }
        if (was == NULL || strcmp(was->ip, member->ip) != 0 || was->port != member->port) {
            rv = expect_report(b, member->slot, err);
        }
    }
    return rv;
}

/* The record, the same bytes in the history, and the lineage. */
static int put_record(struct builder *b, const struct config_draft *draft, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str lineage_json;
    struct lineage lineage = { .epoch = draft->epoch, .version = draft->version };
    struct key key = cluster_key(b, KEY_CONFIG);
    struct config config;
    int rv = envelope_seal(draft, b->env->key, b->env->arena, &config, err);

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    str_init(&lineage_json, JSON_VALUE_BYTES_MAX);
    if (0 <= rv) {
        rv = put(b, &key, json_encode_config(&config, &json, err), &json, err);
    }
    if (0 <= rv) {
        key.kind = KEY_HISTORY;
        key.version = draft->version;
        rv = put(b, &key, 0, &json, err);
    }
    if (0 <= rv) {
        key.kind = KEY_LINEAGE;
        key.version = 0;
        rv = put(b, &key, json_encode_lineage(&lineage, &lineage_json, err), &lineage_json, err);
    }
    return rv;
}

static int config_commit(struct builder *b, const struct config_draft *draft, struct err *err)
{
    const struct config *former = b->env->view->config;
    struct dns_change change;
    int rv = put_record(b, draft, err);

    if (0 <= rv) {
        rv = expect_new_members(b, draft, err);
    }
    if (0 <= rv) {
        rv = trim_history(b, err);
    }
    if (0 <= rv) {
        rv = dns_change(&b->env->dns, former == NULL ? NULL : &former->head, draft, b->env->arena,
                        &change, err);
    }
    return rv < 0 ? rv : change_names(b, &change, err);
}

static int alias_set(struct builder *b, const struct alias *alias, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = cluster_key(b, KEY_ALIAS);
    struct dns_record record;
    const char *name;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = put(b, &key, json_encode_alias(alias, &json, err), &json, err);
    if (0 <= rv) {
        rv = expect_report(b, alias->slot, err);
    }
    if (rv < 0 || !names_wanted(b)) {
        return rv;
    }
    name = dns_alias_name(b->env->view->cluster, b->env->view->spec->spec.domain, b->env->arena);
    if (name == NULL) {
        return full_arena(err);
    }
    rv = dns_record(&b->env->dns, name, alias->ip, alias->port, b->env->arena, &record, err);
    if (rv < 0) {
        return rv;
    }
    return put_text(b, b->main, record.key, record.value, strlen(record.value), 0, err);
}

static int alias_clear(struct builder *b, struct err *err)
{
    struct key key = cluster_key(b, KEY_ALIAS);
    int rv = expect(b, b->main, &key, err);

    if (0 <= rv) {
        rv = delete_text(b->main, key_text(b, &key), err);
    }
    return rv < 0 ? rv : delete_alias_name(b, err);
}

static int status_put(struct builder *b, const struct status *status, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = cluster_key(b, KEY_STATUS);

    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put(b, &key, json_encode_status(status, &json, err), &json, err);
}

static int event_add(struct builder *b, const struct event *event, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = { .kind = KEY_EVENT };
    char id[UID_TEXT_SIZE];
    int rv;

    CHECK(b->env->event_lease != 0);
    random_hex16(id);
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", event->cluster);
    (void)snprintf(key.id, sizeof(key.id), "%013llu-%s", (unsigned long long)event->at_ms, id);
    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_event(event, &json, err);
    if (rv < 0) {
        return rv;
    }
    return put_text(b, b->main, key_text(b, &key), str_text(&json), json.size, b->env->event_lease,
                    err);
}

/* Names of nodes whose intents did not go one by one. */
static int forget_names(struct builder *b, struct err *err)
{
    const struct config *config = b->env->view->config;
    struct dns_change change = { .puts_count = 0 };
    size_t n = config == NULL ? 0 : config->head.members_count;
    size_t i;

    change.deletes = arena_calloc(b->env->arena, n + 1, sizeof(*change.deletes));
    if (change.deletes == NULL) {
        return full_arena(err);
    }
    for (i = 0; b->env->dns.prefix[0] != '\0' && i < n; i++) {
        const struct member *member = &config->head.members[i];

        if (strcmp(member->hostname, member->ip) != 0) {
            change.deletes[change.deletes_count++] =
                dns_key(&b->env->dns, member->hostname, b->env->arena);
        }
    }
    return change_names(b, &change, err);
}

/* All that is left of the cluster but its lineage and its events. */
static int cluster_forget(struct builder *b, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(b->env->objects, b->env->view->cluster);
    const struct object *object = own == NULL ? NULL : own->lists[KEY_INTENT];
    const char *prefix = arena_printf(b->env->arena, "%s/clusters/%s/", b->env->objects->prefix,
                                      b->env->view->cluster);
    int rv = prefix == NULL ? full_arena(err) : 0;

    if (0 <= rv) {
        batch_op(b->main, &(struct etcd_op){ .kind = ETCD_DELETE_PREFIX, .key = prefix });
    }
    for (; 0 <= rv && object != NULL; object = object->next) {
        rv = expect(b, b->main, &object->key, err);
        if (0 <= rv) {
            rv = delete_text(b->main, key_text(b, &object->key), err);
        }
    }
    if (0 <= rv) {
        rv = delete_alias_name(b, err);
    }
    return rv < 0 ? rv : forget_names(b, err);
}

static int config_push(struct builder *b, const struct effect *effect, struct err *err)
{
    struct txn_push *push = &b->out.pushes[b->out.pushes_count];

    push->slot = effect->slot;
    push->ip = arena_strdup(b->env->arena, effect->of.push.ip);
    push->port = effect->of.push.port;
    push->version = effect->of.push.version;
    if (push->ip == NULL) {
        return full_arena(err);
    }
    b->out.pushes_count++;
    return 0;
}

static int add_effect(struct builder *b, const struct effect *effect, struct err *err)
{
    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        return intent_put(b, effect->of.intent, err);
    case EFFECT_INTENT_DELETE:
        return intent_delete(b, effect->of.intent, err);
    case EFFECT_CONFIG_COMMIT:
        return config_commit(b, effect->of.config, err);
    case EFFECT_CONFIG_PUSH:
        return config_push(b, effect, err);
    case EFFECT_ALIAS_SET:
        return alias_set(b, effect->of.alias, err);
    case EFFECT_ALIAS_CLEAR:
        return alias_clear(b, err);
    case EFFECT_STATUS_PUT:
        return status_put(b, effect->of.status, err);
    case EFFECT_EVENT_ADD:
        return event_add(b, effect->of.event, err);
    case EFFECT_CLUSTER_FORGET:
        return cluster_forget(b, err);
    case EFFECT_WAKE_AT:
        if (b->out.wake_at_ms == 0 || effect->of.at_ms < b->out.wake_at_ms) {
            b->out.wake_at_ms = effect->of.at_ms;
        }
        return 0;
    }
    return err_set(err, ERR_INVALID, "effect %d is none", (int)effect->kind);
}

/* ---- Notes for the log ---- */

/* What the kind alone does not tell. */
static const char *detail(const struct effect *effect, struct arena *arena)
{
    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        return arena_printf(arena, "%s on %s at %s:%u", intent_phase_text(effect->of.intent->phase),
                            effect->of.intent->host, effect->of.intent->ip,
                            effect->of.intent->data_port);
    case EFFECT_INTENT_DELETE:
        return arena_printf(arena, "on %s", effect->of.intent->host);
    case EFFECT_CONFIG_COMMIT:
        return arena_printf(arena, "version %u with %zu members", effect->of.config->version,
                            effect->of.config->members_count);
    case EFFECT_ALIAS_SET:
        return arena_printf(arena, "%s:%u serves version %u", effect->of.alias->host,
                            effect->of.alias->port, effect->of.alias->version);
    case EFFECT_EVENT_ADD:
        return arena_printf(arena, "%s: %s", effect->of.event->reason, effect->of.event->message);
    case EFFECT_CONFIG_PUSH:
    case EFFECT_ALIAS_CLEAR:
    case EFFECT_STATUS_PUT:
    case EFFECT_CLUSTER_FORGET:
    case EFFECT_WAKE_AT:
        break;
    }
    return "";
}

static int add_note(struct builder *b, const struct effect *effect, struct err *err)
{
    struct txn_note *note = &b->out.notes[b->out.notes_count];

    if (effect->kind == EFFECT_WAKE_AT || effect->kind == EFFECT_CONFIG_PUSH) {
        return 0;
    }
    note->kind = effect->kind;
    note->slot = effect->slot;
    note->why = arena_strdup(b->env->arena, effect->why);
    note->detail = detail(effect, b->env->arena);
    if (note->why == NULL || note->detail == NULL) {
        return full_arena(err);
    }
    b->out.notes_count++;
    return 0;
}

/* ---- The whole ---- */

static int builder_init(struct builder *b, const struct plan *plan, struct err *err)
{
    struct arena *arena = b->env->arena;

    b->out.pushes = arena_calloc(arena, plan->count + 1, sizeof(*b->out.pushes));
    b->out.notes = arena_calloc(arena, plan->count + 1, sizeof(*b->out.notes));
    b->intents = arena_calloc(arena, plan->count + 1, sizeof(*b->intents));
    if (b->out.pushes == NULL || b->out.notes == NULL || b->intents == NULL) {
        return full_arena(err);
    }
    b->out.intents = b->intents;
    return batch_new(b, &b->main, err);
}

/* Add the effects in their order, up to the first that does not fit. */
static int add_effects(struct builder *b, const struct plan *plan, struct err *err)
{
    size_t i;

    for (i = 0; i < plan->count; i++) {
        struct batch_mark mark = b->main->used;
        struct txn_plan before = b->out;
        int rv = add_effect(b, &plan->effects[i], err);

        if (rv < 0) {
            return err_wrap(err, "%s", effect_kind_text(plan->effects[i].kind));
        }
        if (b->main->full && mark.ops_count == 0) {
            return err_set(err, ERR_LIMIT, "%s does not fit into a transaction",
                           effect_kind_text(plan->effects[i].kind));
        }
        if (b->main->full) {
            batch_roll_back(b->main, &mark);
            b->out = before;
            b->out.cut = true;
            return 0;
        }
        rv = add_note(b, &plan->effects[i], err);
        if (rv < 0) {
            return rv;
        }
    }
    return 0;
}

int txn_build(const struct txn_env *env, const struct plan *plan, struct txn_plan *out,
              struct err *err)
{
    struct builder b = { .env = env };
    int rv = builder_init(&b, plan, err);

    if (0 <= rv) {
        rv = add_effects(&b, plan, err);
    }
    if (0 <= rv && 0 < b.main->used.ops_count) {
        rv = finish(&b, b.main, err);
    }
    if (0 <= rv) {
        *out = b.out;
    }
    return rv;
}

bool txn_needs_event_lease(const struct plan *plan)
{
    size_t i;

    for (i = 0; i < plan->count; i++) {
        if (plan->effects[i].kind == EFFECT_EVENT_ADD) {
            return true;
        }
    }
    return false;
}
