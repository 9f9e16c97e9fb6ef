#include "controller/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"

void objects_init(struct objects *objects, const char *prefix, const struct signing_key *key)
{
    CHECK(strlen(prefix) <= KEYS_PREFIX_MAX);
    *objects = (struct objects){ .clusters = NULL };
    memcpy(objects->prefix, prefix, strlen(prefix));
    if (key != NULL) {
        objects->own_key.count = 1;
        memcpy(objects->own_key.keys[0].public_key, key->public_key, sizeof(key->public_key));
        memcpy(objects->own_key.keys[0].id, key->id, sizeof(key->id));
    }
}

/* ---- Lists ---- */

static void object_link(struct object **list, struct object *object)
{
    object->next = *list;
    object->link = list;
    if (object->next != NULL) {
        object->next->link = &object->next;
    }
    *list = object;
}

static void object_unlink(struct object *object)
{
    *object->link = object->next;
    if (object->next != NULL) {
        object->next->link = object->link;
    }
    object->next = NULL;
    object->link = NULL;
}

static void object_free(struct object *object)
{
    arena_deinit(&object->arena);
    free(object->problem);
    free(object);
}

static void list_free(struct object *list)
{
    while (list != NULL) {
        struct object *next = list->next;

        object_free(list);
        list = next;
    }
}

/* Where the cluster is or belongs. */
static size_t cluster_place(const struct objects *objects, const char *name)
{
    size_t low = 0;
    size_t high = objects->clusters_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(objects->clusters[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct cluster_objects *cluster_find(const struct objects *objects, const char *name)
{
    size_t place = cluster_place(objects, name);

    if (place < objects->clusters_count && strcmp(objects->clusters[place]->name, name) == 0) {
        return objects->clusters[place];
    }
    return NULL;
}

const struct cluster_objects *objects_cluster(const struct objects *objects, const char *name)
{
    return cluster_find(objects, name);
}

static int clusters_grow(struct objects *objects, struct err *err)
{
    size_t capacity = objects->clusters_capacity == 0 ? 8 : objects->clusters_capacity * 2;
    struct cluster_objects **grown;

    if (objects->clusters_count == OBJECT_CLUSTERS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d clusters", OBJECT_CLUSTERS_MAX);
    }
    if (objects->clusters_count < objects->clusters_capacity) {
        return 0;
    }
    grown = mem_realloc(objects->clusters, capacity * sizeof(struct cluster_objects *));
    if (grown == NULL) {
        return err_set(err, ERR_NOMEM, "list of clusters");
    }
    objects->clusters = grown;
    objects->clusters_capacity = capacity;
    return 0;
}

static int cluster_of(struct objects *objects, const char *name, struct cluster_objects **out,
                      struct err *err)
{
    struct cluster_objects *cluster = cluster_find(objects, name);
    size_t place;
    int rv;

    if (cluster != NULL) {
        *out = cluster;
        return 0;
    }
    rv = clusters_grow(objects, err);
    if (rv < 0) {
        return rv;
    }
    cluster = mem_alloc(sizeof(*cluster));
    if (cluster == NULL) {
        return err_set(err, ERR_NOMEM, "cluster %s", name);
    }
    (void)snprintf(cluster->name, sizeof(cluster->name), "%s", name);
    place = cluster_place(objects, name);
    memmove(objects->clusters + place + 1, objects->clusters + place,
            (objects->clusters_count - place) * sizeof(struct cluster_objects *));
    objects->clusters[place] = cluster;
    objects->clusters_count++;
    *out = cluster;
    return 0;
}

static void cluster_remove(struct objects *objects, struct cluster_objects *cluster)
{
    size_t place = cluster_place(objects, cluster->name);

    objects->clusters_count--;
    memmove(objects->clusters + place, objects->clusters + place + 1,
            (objects->clusters_count - place) * sizeof(struct cluster_objects *));
    free(cluster);
}

void objects_deinit(struct objects *objects)
{
    size_t i;
    size_t kind;

    for (i = 0; i < objects->clusters_count; i++) {
        for (kind = 0; kind <= KEY_UNKNOWN; kind++) {
            list_free(objects->clusters[i]->lists[kind]);
        }
        free(objects->clusters[i]);
    }
    free(objects->clusters);
    list_free(objects->hosts);
    list_free(objects->strays);
    free(objects->reservations);
    *objects = (struct objects){ .clusters = NULL };
}

/* ---- Decoding ---- */

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
    return rv < 0 ? rv : same_number("slot", object->of.report.slot, object->key.slot, err);
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

/* Records of another key (before a change of keys) are watchers' to judge. */
static int decode_config(const struct objects *objects, struct object *object, struct err *err)
{
    const struct config *config = &object->of.config;
    int rv = json_decode_config(object->bytes, object->bytes_count, &object->arena,
                                &object->of.config, err);

    if (0 <= rv) {
        rv = same_text("cluster", config->head.cluster, object->key.cluster, err);
    }
    if (rv < 0 || objects->own_key.count == 0 ||
        strcmp(config->key_id, objects->own_key.keys[0].id) != 0) {
        return rv;
    }
    return envelope_verify(config, &objects->own_key, err);
}

static int decode_history(const struct objects *objects, struct object *object, struct err *err)
{
    int rv = decode_config(objects, object, err);

    if (0 <= rv) {
        rv = same_number("version", object->of.config.head.version, object->key.version, err);
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

static int decode(const struct objects *objects, struct object *object, struct err *err)
{
    const char *bytes = object->bytes;
    size_t size = object->bytes_count;

    switch (object->key.kind) {
    case KEY_SPEC:
        return decode_spec(object, err);
    case KEY_NODE:
        return decode_report(object, err);
    case KEY_CONFIG:
        return decode_config(objects, object, err);
    case KEY_HISTORY:
        return decode_history(objects, object, err);
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
    case KEY_EVENT:
        return decode_event(object, err);
    case KEY_LEADER:
        return 0;
    case KEY_UNKNOWN:
        break;
    }
    return err_set(err, ERR_INVALID, "no key of muster has this name");
}

/* Where an object is listed; NULL for a new cluster without memory. */
static int list_of(struct objects *objects, const struct object *object, struct object ***out,
                   struct err *err)
{
    struct cluster_objects *cluster;
    int rv;

    if (object->key.kind == KEY_HOST) {
        *out = &objects->hosts;
        return 0;
    }
    /* Events may be about "-", no one cluster. */
    if (!name_is_label(object->key.cluster, CLUSTER_NAME_MAX)) {
        *out = &objects->strays;
        return 0;
    }
    rv = cluster_of(objects, object->key.cluster, &cluster, err);
    if (0 <= rv) {
        *out = &cluster->lists[object->key.kind];
        cluster->count++;
    }
    return rv;
}

static void object_drop(struct objects *objects, struct object *object)
{
    struct cluster_objects *cluster = NULL;

    if (object->key.kind != KEY_HOST) {
        cluster = cluster_find(objects, object->key.cluster);
    }
    object_unlink(object);
    object_free(object);
    if (cluster == NULL) {
        return;
    }
    cluster->count--;
    if (cluster->count == 0) {
        cluster_remove(objects, cluster);
    }
}

static int object_new(const struct objects *objects, const struct mirror_item *item,
                      const struct key *key, struct object **out, struct err *err)
{
    struct object *object = mem_alloc(sizeof(*object));
    struct err problem;
    int rv;

    if (object == NULL) {
        return err_set(err, ERR_NOMEM, "%s", item->key);
    }
    object->key = *key;
    object->text = item->key;
    object->bytes = item->value;
    object->bytes_count = item->value_bytes;
    object->mod_revision = item->mod_revision;
    arena_init(&object->arena, OBJECT_BYTES_MAX);
    rv = decode(objects, object, &problem);
    if (rv < 0) {
        object->problem = mem_strdup(problem.msg);
        if (object->problem == NULL || rv == ERR_NOMEM) {
            object_free(object);
            return err_set(err, ERR_NOMEM, "%s", item->key);
        }
    }
    *out = object;
    return 0;
}

int objects_put(struct objects *objects, struct mirror_item *item, struct key *key, struct err *err)
{
    struct object *former = item->user;
    struct object *object;
    struct object **list;
    int rv;

    item->user = NULL;
    if (!key_parse(objects->prefix, item->key, key)) {
        *key = (struct key){ .kind = KEY_UNKNOWN };
    }
    rv = object_new(objects, item, key, &object, err);
    if (0 <= rv && object->problem == NULL && (key->kind == KEY_LEADER || key->kind == KEY_EVENT)) {
        object_free(object);
    } else if (0 <= rv) {
        rv = list_of(objects, object, &list, err);
        if (rv < 0) {
            object_free(object);
        } else {
            object_link(list, object);
            item->user = object;
        }
    }
    /* Last: a cluster whose only object this was is not removed and made again. */
    if (former != NULL) {
        object_drop(objects, former);
    }
    return rv;
}

void objects_gone(struct objects *objects, struct mirror_item *item, struct key *key)
{
    if (!key_parse(objects->prefix, item->key, key)) {
        *key = (struct key){ .kind = KEY_UNKNOWN };
    }
    if (item->user != NULL) {
        object_drop(objects, item->user);
        item->user = NULL;
    }
}

/* ---- Looking up ---- */

const struct object *object_single(const struct cluster_objects *cluster, enum key_kind kind)
{
    const struct object *object = cluster->lists[kind];

    return object != NULL && object->problem == NULL ? object : NULL;
}

uint64_t object_revision(const struct objects *objects, const struct key *key)
{
    const struct cluster_objects *cluster = cluster_find(objects, key->cluster);
    const struct object *object;

    if (cluster == NULL) {
        return 0;
    }
    for (object = cluster->lists[key->kind]; object != NULL; object = object->next) {
        if (object->key.slot == key->slot && object->key.version == key->version &&
            strcmp(object->key.host, key->host) == 0) {
            return object->mod_revision;
        }
    }
    return 0;
}

/* ---- Reservations ---- */

int objects_reserve(struct objects *objects, const struct intent *intent, struct err *err)
{
    struct reservation *place;

    if (objects->reservations_count == OBJECT_RESERVATIONS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d places are being taken",
                       OBJECT_RESERVATIONS_MAX);
    }
    if (objects->reservations_count == objects->reservations_capacity) {
        size_t capacity =
            objects->reservations_capacity == 0 ? 8 : objects->reservations_capacity * 2;
        struct reservation *grown = mem_realloc(objects->reservations, capacity * sizeof(*grown));

        if (grown == NULL) {
            return err_set(err, ERR_NOMEM, "place on %s", intent->host);
        }
        objects->reservations = grown;
        objects->reservations_capacity = capacity;
    }
    place = &objects->reservations[objects->reservations_count++];
    *place = (struct reservation){ .data_port = intent->data_port,
                                   .memory_bytes = intent->settings.memory_bytes };
    (void)snprintf(place->cluster, sizeof(place->cluster), "%s", intent->cluster);
    (void)snprintf(place->host, sizeof(place->host), "%s", intent->host);
    (void)snprintf(place->ip, sizeof(place->ip), "%s", intent->ip);
    return 0;
}

void objects_release(struct objects *objects, const char *cluster)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < objects->reservations_count; i++) {
        if (strcmp(objects->reservations[i].cluster, cluster) != 0) {
            objects->reservations[kept++] = objects->reservations[i];
        }
    }
    objects->reservations_count = kept;
    if (kept == 0) {
        free(objects->reservations);
        objects->reservations = NULL;
        objects->reservations_capacity = 0;
    }
}
