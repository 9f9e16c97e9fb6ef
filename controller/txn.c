#include "controller/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "controller/txn_builder.h"
#include "controller/txn_names.h"

#define HISTORY_DELETES_MAX 16 /* per commit; one is the rule */
#define EVIDENCE_MAX 96        /* reports that are compared; more would leave no room */

/* ---- What a decision rests on ---- */

/* The host of the slot's node at an address, as its report or else its intent says; NULL: none. */
static const char *host_at(const struct view *view, uint32_t slot, const char *ip, uint16_t port)
{
    size_t i;

    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];

        if (report->slot == slot && strcmp(report->ip, ip) == 0 &&
            (report->data_port == port || report->discovery_port == port)) {
            return report->host;
        }
    }
    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (intent->slot == slot && strcmp(intent->ip, ip) == 0 &&
            (intent->data_port == port || intent->discovery_port == port)) {
            return intent->host;
        }
    }
    return NULL;
}

/* A node that gets listed or aliased has proved itself by the report that was read. */
static int expect_report(struct builder *b, uint32_t slot, const char *ip, uint16_t port,
                         struct err *err)
{
    const char *host = host_at(b->env->view, slot, ip, port);
    struct key key = builder_cluster_key(b, KEY_NODE);

    if (host == NULL) {
        return 0;
    }
    key.slot = slot;
    (void)snprintf(key.host, sizeof(key.host), "%s", host);
    return builder_expect(b, b->main, &key, err);
}

static int expect_no_other_report(struct builder *b, struct err *err)
{
    struct etcd_compare compare = { .target = ETCD_NOTHING_NEWER, .revision = b->env->revision };

    compare.key = arena_printf(b->env->arena, "%s/clusters/%s/nodes/", b->env->objects->prefix,
                               b->env->view->cluster);
    if (compare.key == NULL) {
        return builder_full(err);
    }
    batch_compare(b->main, &compare);
    return 0;
}

/* Who is to restart goes down beside those that were reported up, which must be so still. */
static int expect_members(struct builder *b, struct err *err)
{
    const struct config *config = b->env->view->config;
    size_t i;
    int rv = 0;

    if (b->members_expected) {
        return 0;
    }
    b->members_expected = true;
    for (i = 0; config != NULL && 0 <= rv && i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];

        if (EVIDENCE_MAX <= b->main->used.compares_count) {
            return expect_no_other_report(b, err);
        }
        rv = expect_report(b, member->slot, member->ip, member->port, err);
    }
    return rv;
}

/* ---- Effects ---- */

static struct key intent_key(const struct intent *intent)
{
    struct key key = { .kind = KEY_INTENT, .slot = intent->slot };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", intent->cluster);
    (void)snprintf(key.host, sizeof(key.host), "%s", intent->host);
    return key;
}

/* The intent that is to be written anew; NULL: there is none yet. */
static const struct intent *former(const struct view *view, const struct intent *intent)
{
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        if (view->intents[i].slot == intent->slot &&
            strcmp(view->intents[i].host, intent->host) == 0) {
            return &view->intents[i];
        }
    }
    return NULL;
}

/* Who joins does so by a request that watchers still report, and from a host that is well: they may
 * have dropped it meanwhile, and it may have left. */
static int expect_join(struct builder *b, const struct intent *intent, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(b->env->objects, intent->cluster);
    const struct object *object = own == NULL ? NULL : own->lists[KEY_JOIN_REPORT];
    struct key host = { .kind = KEY_HOST };
    int rv;

    (void)snprintf(host.host, sizeof(host.host), "%s", intent->host);
    rv = builder_expect(b, b->main, &host, err);

    for (; 0 <= rv && object != NULL; object = object->next) {
        if (object->problem == NULL && strcmp(object->of.join.join.uid, intent->join) == 0 &&
            object->of.join.join.issued_ms == intent->join_issued_ms) {
            rv = builder_expect(b, b->main, &object->key, err);
        }
    }
    return rv;
}

/* Whether the intent is the first that this request leads to. */
static bool is_admission(const struct view *view, const struct intent *intent)
{
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *there = &view->intents[i];

        if (there->attached && strcmp(there->join, intent->join) == 0 &&
            there->join_issued_ms == intent->join_issued_ms) {
            return false;
        }
    }
    return intent->attached;
}

/* An order that changes is about the node as it was reported: one that is down may be restarted at
 * no cost, and may be up by now. */
static int intent_put(struct builder *b, const struct intent *intent, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = intent_key(intent);
    struct key report = key;
    const struct intent *before = former(b->env->view, intent);
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = builder_put(b, &key, json_encode_intent(intent, &json, err), &json, err);
    if (0 <= rv && before != NULL) {
        report.kind = KEY_NODE;
        rv = builder_expect(b, b->main, &report, err);
    }
    if (0 <= rv && before != NULL && !node_settings_equal(&before->settings, &intent->settings)) {
        rv = expect_members(b, err);
    }
    if (0 <= rv && is_admission(b->env->view, intent)) {
        rv = expect_join(b, intent, err);
    }
    if (0 <= rv) {
        b->intents[b->out.intents_count++] = intent;
    }
    return rv;
}

/* The report that says that the node is stopped, or its absence, must still be there: the host may
 * have started the node again for an order that came and went meanwhile. */
static int intent_delete(struct builder *b, const struct intent *intent, struct err *err)
{
    struct key key = intent_key(intent);
    struct key report = key;
    int rv = builder_expect(b, b->main, &key, err);

    report.kind = KEY_NODE;
    if (0 <= rv) {
        rv = builder_expect(b, b->main, &report, err);
    }
    if (0 <= rv) {
        rv = builder_delete(b->main, builder_key(b, &key), err);
    }
    return rv < 0 ? rv : names_delete_node(b, intent, err);
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
        return builder_full(err);
    }
    for (; object != NULL; object = object->next) {
        versions[n++] = object->key.version;
    }
    qsort(versions, n, sizeof(*versions), compare_versions);
    for (i = 0; 0 <= rv && i + CONFIG_HISTORY_MAX <= n && i < HISTORY_DELETES_MAX; i++) {
        struct key key = builder_cluster_key(b, KEY_HISTORY);

        key.version = versions[i];
        rv = builder_delete(b->main, builder_key(b, &key), err);
    }
    return rv;
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
            rv = expect_report(b, member->slot, member->ip, member->port, err);
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
    struct key key = builder_cluster_key(b, KEY_CONFIG);
    struct config config;
    int rv = envelope_seal(draft, b->env->key, b->env->arena, &config, err);

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    str_init(&lineage_json, JSON_VALUE_BYTES_MAX);
    if (0 <= rv) {
        rv = builder_put(b, &key, json_encode_config(&config, &json, err), &json, err);
    }
    if (0 <= rv) {
        key.kind = KEY_HISTORY;
        key.version = draft->version;
        rv = builder_put(b, &key, 0, &json, err);
    }
    if (0 <= rv) {
        key.kind = KEY_LINEAGE;
        key.version = 0;
        rv = builder_put(b, &key, json_encode_lineage(&lineage, &lineage_json, err), &lineage_json,
                         err);
    }
    return rv;
}

static int config_commit(struct builder *b, const struct config_draft *draft, struct err *err)
{
    int rv = put_record(b, draft, err);

    /* The version was made from all reports. One that is not seen yet may know of a higher one:
     * after etcd went back to a backup, reports are all that is left of what was committed since.
     */
    if (0 <= rv) {
        rv = expect_no_other_report(b, err);
    }
    if (0 <= rv) {
        rv = expect_new_members(b, draft, err);
    }
    if (0 <= rv) {
        rv = trim_history(b, err);
    }
    return rv < 0 ? rv : names_commit(b, draft, err);
}

static int alias_set(struct builder *b, const struct alias *alias, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = builder_cluster_key(b, KEY_ALIAS);
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = builder_put(b, &key, json_encode_alias(alias, &json, err), &json, err);
    if (0 <= rv) {
        rv = expect_report(b, alias->slot, alias->ip, alias->port, err);
    }
    return rv < 0 ? rv : names_put_alias(b, alias, err);
}

static int alias_clear(struct builder *b, struct err *err)
{
    struct key key = builder_cluster_key(b, KEY_ALIAS);
    int rv = builder_expect(b, b->main, &key, err);

    if (0 <= rv) {
        rv = builder_delete(b->main, builder_key(b, &key), err);
    }
    return rv < 0 ? rv : names_delete_alias(b, err);
}

static int status_put(struct builder *b, const struct status *status, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = builder_cluster_key(b, KEY_STATUS);

    str_init(&json, JSON_VALUE_BYTES_MAX);
    return builder_put(b, &key, json_encode_status(status, &json, err), &json, err);
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
    return builder_put_text(b, b->main, builder_key(b, &key), str_text(&json), json.size,
                            b->env->event_lease, err);
}

/*
 * All that is left of the cluster but its lineage, its events, and its orders to stop for hosts
 * that are away, which must be what the decision saw.
 */
static int cluster_forget(struct builder *b, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(b->env->objects, b->env->view->cluster);
    const struct object *object = own == NULL ? NULL : own->lists[KEY_INTENT];
    const char *prefix = arena_printf(b->env->arena, "%s/clusters/%s/", b->env->objects->prefix,
                                      b->env->view->cluster);
    int rv = prefix == NULL ? builder_full(err) : 0;

    if (0 <= rv) {
        batch_op(b->main, &(struct etcd_op){ .kind = ETCD_DELETE_PREFIX, .key = prefix });
    }
    for (; 0 <= rv && object != NULL; object = object->next) {
        rv = builder_expect(b, b->main, &object->key, err);
    }
    if (0 <= rv) {
        rv = names_delete_alias(b, err);
    }
    return rv < 0 ? rv : names_delete_nodes(b, err);
}

static int config_push(struct builder *b, const struct effect *effect, struct err *err)
{
    struct txn_push *push = &b->out.pushes[b->out.pushes_count];

    push->slot = effect->slot;
    push->host = arena_strdup(b->env->arena, effect->of.push.host);
    push->ip = arena_strdup(b->env->arena, effect->of.push.ip);
    push->port = effect->of.push.port;
    push->beside = effect->of.push.beside;
    push->version = effect->of.push.version;
    if (push->host == NULL || push->ip == NULL) {
        return builder_full(err);
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
    if (effect->kind == EFFECT_EVENT_ADD) {
        note->reason = arena_strdup(b->env->arena, effect->of.event->reason);
    }
    if (note->why == NULL || note->detail == NULL) {
        return builder_full(err);
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
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    b->intents = arena_calloc(arena, plan->count + 1, sizeof(*b->intents));
    if (b->out.pushes == NULL || b->out.notes == NULL || b->intents == NULL) {
        return builder_full(err);
    }
    b->out.intents = b->intents;
    return builder_batch(b, &b->main, err);
}

/* Whether somebody waits for the effect, other than people. */
static bool is_urgent(enum effect_kind kind)
{
    return kind != EFFECT_STATUS_PUT && kind != EFFECT_EVENT_ADD && kind != EFFECT_CONFIG_PUSH &&
           kind != EFFECT_WAKE_AT;
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
        b->out.urgent = b->out.urgent || is_urgent(plan->effects[i].kind);
    }
    return 0;
}

int txn_build(const struct txn_env *env, const struct plan *plan, struct txn_plan *out,
              struct err *err)
{
    struct builder b = { .env = env };
    int rv = builder_init(&b, plan, err);

    if (rv < 0) {
        return rv;
    }
    CHECK(b.main != NULL);
    if (env->names_due) {
        rv = names_put_all(&b, err);
    }
    if (0 <= rv) {
        rv = add_effects(&b, plan, err);
    }
    if (0 <= rv && 0 < b.main->used.ops_count) {
        rv = builder_finish(&b, b.main, err);
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
