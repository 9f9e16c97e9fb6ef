#include "bench/keyset.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "codec/spec_yaml.h"
#include "controller/cluster.h"
#include "reconciler/reconcile.h"

#define ZONES 3
#define UID "0123456789abcdef"
#define HOST_FIRST 0x7f5b0101U /* 127.91.1.1; nobody listens there */
#define HOST_MEMORY_BYTES (UINT64_C(1) << 40)
#define PASS_BYTES_MAX (256U << 20)
#define SPEC_TEXT_SIZE 256
#define PASSES_MAX 16 /* until a new cluster has converged */

struct keyset {
    struct objects objects;
    const struct signing_key *key;
    void *items; /* tsearch(3) of struct mirror_item, by key */
    uint64_t revision;
    uint64_t made_ms;
};

/* ---- Keys ---- */

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct mirror_item *)a)->key, ((const struct mirror_item *)b)->key);
}

static void item_free(void *p)
{
    struct mirror_item *item = p;

    free((char *)(uintptr_t)item->key);
    free((char *)(uintptr_t)item->value);
    free(item);
}

/* The item of that key, a new one without value when there is none; NULL: out of memory. */
static struct mirror_item *item_of(struct keyset *keyset, const char *text)
{
    struct mirror_item *item = mem_alloc(sizeof(*item));
    struct mirror_item **found;

    if (item == NULL) {
        return NULL;
    }
    item->key = mem_strdup(text);
    found = item->key == NULL ? NULL : tsearch(item, &keyset->items, compare_items);
    if (found == NULL || *found != item) {
        item_free(item);
    }
    return found == NULL ? NULL : *found;
}

int keyset_put(struct keyset *keyset, const struct key *key, const char *value, size_t value_bytes,
               struct err *err)
{
    char text[KEY_TEXT_SIZE];
    struct mirror_item *item;
    struct key parsed;
    char *former;
    char *copy;
    int rv;

    key_format(KEYSET_PREFIX, key, text);
    item = item_of(keyset, text);
    copy = mem_alloc(value_bytes + 1);
    if (item == NULL || copy == NULL) {
        free(copy);
        return err_set(err, ERR_NOMEM, "key %s", text);
    }
    memcpy(copy, value, value_bytes);
    former = (char *)(uintptr_t)item->value;
    item->value = copy;
    item->value_bytes = value_bytes;
    item->mod_revision = ++keyset->revision;
    rv = objects_put(&keyset->objects, item, &parsed, err);
    free(former);
    if (0 <= rv && item->user != NULL && ((struct object *)item->user)->problem != NULL) {
        return err_set(err, ERR_FAILED, "%s: %s", text, ((struct object *)item->user)->problem);
    }
    return rv;
}

static struct mirror_item *item_find(const struct keyset *keyset, const struct key *key)
{
    char text[KEY_TEXT_SIZE];
    const struct mirror_item wanted = { .key = text };
    struct mirror_item *const *found;

    key_format(KEYSET_PREFIX, key, text);
    found = tfind(&wanted, &keyset->items, compare_items);
    return found == NULL ? NULL : *found;
}

void keyset_remove(struct keyset *keyset, const struct key *key)
{
    struct mirror_item *item = item_find(keyset, key);
    struct key parsed;

    if (item == NULL) {
        return;
    }
    objects_gone(&keyset->objects, item, &parsed);
    tdelete(item, &keyset->items, compare_items);
    item_free(item);
}

const struct object *keyset_object(const struct keyset *keyset, const struct key *key)
{
    const struct mirror_item *item = item_find(keyset, key);

    return item == NULL ? NULL : item->user;
}

struct walk {
    keyset_fn *fn;
    void *ctx;
    struct err *err;
    int rv;
};

static void walk_one(const void *node, VISIT visit, void *closure)
{
    const struct mirror_item *item = *(const struct mirror_item *const *)node;
    struct walk *walk = closure;

    if (0 <= walk->rv && (visit == postorder || visit == leaf)) {
        walk->rv = walk->fn(walk->ctx, item->key, item->value, item->value_bytes, walk->err);
    }
}

int keyset_each(const struct keyset *keyset, keyset_fn *fn, void *ctx, struct err *err)
{
    struct walk walk = { .fn = fn, .ctx = ctx, .err = err };

    twalk_r(keyset->items, walk_one, &walk);
    return walk.rv;
}

/* Put a value unless its encoding failed. */
static int put_json(struct keyset *keyset, const struct key *key, int encoded,
                    const struct str *json, struct err *err)
{
    return encoded < 0 ? encoded : keyset_put(keyset, key, str_text(json), json->size, err);
}

static struct key cluster_key(enum key_kind kind, const char *cluster)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    return key;
}

static struct key node_key(enum key_kind kind, const struct intent *intent)
{
    struct key key = cluster_key(kind, intent->cluster);

    key.slot = intent->slot;
    (void)snprintf(key.host, sizeof(key.host), "%s", intent->host);
    return key;
}

/* ---- What watchers write ---- */

struct key keyset_report_key(const struct intent *intent)
{
    return node_key(KEY_NODE, intent);
}

struct node_report keyset_report(const struct intent *intent, const struct config *config)
{
    struct node_report report = {
        .cluster = intent->cluster,
        .slot = intent->slot,
        .host = intent->host,
        .uid = intent->uid,
        .state = NODE_UP,
        .partition = PARTITION_IN_PROCESS,
        .ip = intent->ip,
        .data_port = intent->data_port,
        .discovery_port = intent->discovery_port,
        .settings = intent->settings,
        .served = { .digest = "" },
        .pid = 1000,
        .started_ms = intent->phase_since_ms,
        .clients = REPORT_CLIENTS_UNKNOWN,
        .problem = "",
    };

    if (config != NULL) {
        report.served = (struct served){ config->head.epoch, config->head.version, config->digest };
        report.version_seen = config->head.version;
    }
    return report;
}

static int put_report(struct keyset *keyset, const struct intent *intent,
                      const struct config *config, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct node_report report = keyset_report(intent, config);
    struct key key = keyset_report_key(intent);

    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_json(keyset, &key, json_encode_node_report(&report, &json, err), &json, err);
}

struct key keyset_host_key(unsigned host)
{
    struct key key = { .kind = KEY_HOST };

    (void)snprintf(key.host, sizeof(key.host), "h%03u", host);
    return key;
}

static int put_host(struct keyset *keyset, unsigned i, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = keyset_host_key(i);
    char zone[8];
    char ip[IPV4_TEXT_SIZE];
    struct host host = {
        .name = key.host,
        .zone = zone,
        .memory_bytes = HOST_MEMORY_BYTES,
        .nodes_max = HOST_NODES_MAX,
        .ip_first = ip,
        .ip_count = 1,
        .data_port = NODE_DATA_PORT,
        .watcher_version = "0.1.0",
        .memcached_version = "1.6.18",
        .problem = "",
    };

    (void)snprintf(zone, sizeof(zone), "z%u", i % ZONES);
    ipv4_format(HOST_FIRST + i, ip);
    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_json(keyset, &key, json_encode_host(&host, &json, err), &json, err);
}

/* ---- What operators and the controller write ---- */

/* A spec as operators write it, the rest being defaults. */
static int spec_make(const char *name, uint32_t nodes, struct arena *arena, struct spec *out,
                     struct err *err)
{
    CLEANUP(str_deinit) struct str mistakes;
    const struct spec *specs;
    char text[SPEC_TEXT_SIZE];
    size_t count;
    int n = snprintf(text, sizeof(text),
                     "apiVersion: " SPEC_YAML_API_VERSION "\nkind: " SPEC_YAML_KIND "\n"
                     "metadata:\n  name: %s\nspec:\n  nodes: %u\n",
                     name, nodes);
    int rv;

    str_init(&mistakes, SPEC_YAML_BYTES_MAX);
    rv = spec_yaml_parse("-", text, (size_t)n, arena, &specs, &count, &mistakes, err);
    if (0 <= rv) {
        *out = specs[0];
    }
    return rv;
}

static int put_spec(struct keyset *keyset, const char *name, uint32_t nodes, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(arena_deinit) struct arena arena;
    struct key key = cluster_key(KEY_SPEC, name);
    struct spec_record record = { .uid = UID, .generation = 1, .created_ms = keyset->made_ms };
    int rv;

    arena_init(&arena, SPEC_YAML_BYTES_MAX);
    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = spec_make(name, nodes, &arena, &record.spec, err);
    return rv < 0
               ? rv
               : put_json(keyset, &key, json_encode_spec_record(&record, &json, err), &json, err);
}

static int put_intent(struct keyset *keyset, const struct intent *intent,
                      const struct config *config, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = node_key(KEY_INTENT, intent);
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = put_json(keyset, &key, json_encode_intent(intent, &json, err), &json, err);
    return rv < 0 ? rv : put_report(keyset, intent, config, err);
}

/* Every node of the cluster acknowledges `config`. */
static int acknowledge(struct keyset *keyset, const struct config *config, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(&keyset->objects, config->head.cluster);
    const struct object *object = own->lists[KEY_INTENT];
    int rv = 0;

    for (; 0 <= rv && object != NULL; object = object->next) {
        rv = put_report(keyset, &object->of.intent, config, err);
    }
    return rv;
}

static int put_config(struct keyset *keyset, const struct config_draft *draft, struct arena *arena,
                      struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str lineage_json;
    struct lineage lineage = { .epoch = draft->epoch, .version = draft->version };
    struct key key = cluster_key(KEY_CONFIG, draft->cluster);
    struct config config;
    int rv = envelope_seal(draft, keyset->key, arena, &config, err);

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    str_init(&lineage_json, JSON_VALUE_BYTES_MAX);
    if (0 <= rv) {
        rv = put_json(keyset, &key, json_encode_config(&config, &json, err), &json, err);
    }
    if (0 <= rv) {
        key.kind = KEY_HISTORY;
        key.version = draft->version;
        rv = put_json(keyset, &key, 0, &json, err);
    }
    if (0 <= rv) {
        key = cluster_key(KEY_LINEAGE, draft->cluster);
        rv = put_json(keyset, &key, json_encode_lineage(&lineage, &lineage_json, err),
                      &lineage_json, err);
    }
    return rv < 0 ? rv : acknowledge(keyset, &config, err);
}

static int put_alias(struct keyset *keyset, const char *cluster, const struct alias *alias,
                     struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = cluster_key(KEY_ALIAS, cluster);

    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_json(keyset, &key, json_encode_alias(alias, &json, err), &json, err);
}

static int put_status(struct keyset *keyset, const char *cluster, const struct status *status,
                      struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = cluster_key(KEY_STATUS, cluster);

    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_json(keyset, &key, json_encode_status(status, &json, err), &json, err);
}

/* Enter what one effect writes. Returns 1 when it was a write, 0 when it is none. */
static int enter(struct keyset *keyset, const struct view *view, const struct effect *effect,
                 struct arena *arena, struct err *err)
{
    int rv = 0;

    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        rv = put_intent(keyset, effect->of.intent, view->config, err);
        break;
    case EFFECT_CONFIG_COMMIT:
        rv = put_config(keyset, effect->of.config, arena, err);
        break;
    case EFFECT_ALIAS_SET:
        rv = put_alias(keyset, view->cluster, effect->of.alias, err);
        break;
    case EFFECT_STATUS_PUT:
        rv = put_status(keyset, view->cluster, effect->of.status, err);
        break;
    case EFFECT_CONFIG_PUSH:
    case EFFECT_EVENT_ADD:
    case EFFECT_WAKE_AT:
        return 0;
    case EFFECT_INTENT_DELETE:
    case EFFECT_ALIAS_CLEAR:
    case EFFECT_CLUSTER_FORGET:
        return err_set(err, ERR_FAILED, "a new cluster asks for %s (%s)",
                       effect_kind_text(effect->kind), effect->why);
    }
    return rv < 0 ? rv : 1;
}

static void ignore_slot(void *ctx, struct slot_state *slot)
{
    (void)ctx;
    (void)slot;
}

/*
 * One pass and what it asks for. Returns 1 when something was written. A commit replaces what the
 * view has borrowed: the next pass asks for the rest.
 */
static int step(struct keyset *keyset, struct cluster *cluster, struct arena *arena,
                struct err *err)
{
    const struct cluster_objects *keys = objects_cluster(&keyset->objects, cluster->name);
    struct cluster_observations observations;
    struct view view;
    struct plan plan;
    int wrote = 0;
    size_t i;
    int rv = cluster_observe(cluster, keys, keyset->made_ms, ignore_slot, NULL, err);

    if (0 <= rv) {
        rv = cluster_observations(cluster, arena, &observations, err);
    }
    if (0 <= rv) {
        rv = view_build(&keyset->objects, cluster->name, &observations, keyset->made_ms, arena,
                        &view, err);
    }
    if (0 <= rv) {
        rv = reconcile(&view, arena, &plan, err);
    }
    for (i = 0; 0 <= rv && i < plan.count; i++) {
        rv = enter(keyset, &view, &plan.effects[i], arena, err);
        wrote = wrote == 1 || rv == 1 ? 1 : 0;
        if (plan.effects[i].kind == EFFECT_CONFIG_COMMIT) {
            break;
        }
    }
    return rv < 0 ? rv : wrote;
}

int keyset_add_cluster(struct keyset *keyset, const char *name, uint32_t nodes, struct err *err)
{
    struct cluster cluster = { .state = CLUSTER_IDLE };
    unsigned passes = 0;
    int rv = put_spec(keyset, name, nodes, err);

    (void)snprintf(cluster.name, sizeof(cluster.name), "%s", name);
    rv = rv < 0 ? rv : 1;
    while (rv == 1 && passes < PASSES_MAX) {
        struct arena arena;

        arena_init(&arena, PASS_BYTES_MAX);
        rv = step(keyset, &cluster, &arena, err);
        arena_deinit(&arena);
        passes++;
    }
    cluster_deinit(&cluster);
    if (rv == 1) {
        return err_set(err, ERR_FAILED, "does not converge in %d passes", PASSES_MAX);
    }
    return rv < 0 ? err_wrap(err, "cluster %s", name) : 0;
}

/* ---- Life ---- */

uint64_t keyset_made_ms(const struct keyset *keyset)
{
    return keyset->made_ms;
}

struct objects *keyset_objects(struct keyset *keyset)
{
    return &keyset->objects;
}

int keyset_new(const struct signing_key *key, unsigned hosts, struct keyset **out, struct err *err)
{
    CLEANUP(keyset_free_p) struct keyset *keyset = mem_alloc(sizeof(*keyset));
    unsigned i;
    int rv = 0;

    if (keyset == NULL) {
        return err_set(err, ERR_NOMEM, "keys");
    }
    keyset->key = key;
    keyset->made_ms = clock_wall_ms() - KEYSET_SETTLED_MS;
    objects_init(&keyset->objects, KEYSET_PREFIX, NULL); /* what it signs it need not verify */
    if (KEYSET_HOSTS_MAX < hosts) {
        return err_set(err, ERR_LIMIT, "more than %d hosts", KEYSET_HOSTS_MAX);
    }
    for (i = 0; 0 <= rv && i < hosts; i++) {
        rv = put_host(keyset, i, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(keyset);
    return 0;
}

void keyset_free(struct keyset *keyset)
{
    if (keyset == NULL) {
        return;
    }
    objects_deinit(&keyset->objects);
    tdestroy(keyset->items, item_free);
    free(keyset);
}
