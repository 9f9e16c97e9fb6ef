#include "view/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "view/object_decode.h"
#include "view/object_place.h"

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
    cluster->number = ++objects->numbers;
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
    list_free(objects->cordons);
    list_free(objects->strays);
    free(objects->reservations);
    places_deinit(&objects->places);
    *objects = (struct objects){ .clusters = NULL };
}

/* ---- Objects ---- */

/* Whether it lies below a cluster. Events may be about "-", no one cluster. */
static bool has_cluster(const struct object *object)
{
    return object->key.kind != KEY_HOST && object->key.kind != KEY_CORDON &&
           name_is_label(object->key.cluster, CLUSTER_NAME_MAX);
}

static bool is_before(const struct object *a, const struct object *b)
{
    if (a->key.slot != b->key.slot) {
        return a->key.slot < b->key.slot;
    }
    return strcmp(a->key.host, b->key.host) < 0;
}

/* Where it belongs among those of its cluster and kind. */
static struct object **node_place(struct cluster_objects *cluster, const struct object *object)
{
    struct object **place = &cluster->lists[object->key.kind];
    struct object *near = cluster->near;

    if (near != NULL && near->key.kind == object->key.kind && is_before(near, object)) {
        place = &near->next;
    }
    while (*place != NULL && is_before(*place, object)) {
        place = &(*place)->next;
    }
    return place;
}

/* Where to list it; `cluster` is NULL when it lies below none. */
static struct object **list_of(struct objects *objects, const struct object *object,
                               struct cluster_objects *cluster)
{
    if (object->key.kind == KEY_HOST && object->problem == NULL) {
        return &objects->hosts;
    }
    if (object->key.kind == KEY_CORDON) {
        return &objects->cordons;
    }
    if (cluster == NULL) {
        return &objects->strays;
    }
    if (object->key.kind == KEY_INTENT || object->key.kind == KEY_NODE) {
        return node_place(cluster, object);
    }
    return &cluster->lists[object->key.kind];
}

static void cluster_trim(struct objects *objects, struct cluster_objects *cluster)
{
    if (cluster != NULL && cluster->count == 0) {
        cluster_remove(objects, cluster);
    }
}

/* `former` is that of the same key, or NULL; it stays. */
static int object_enter(struct objects *objects, struct object *object, struct object *former,
                        struct err *err)
{
    struct cluster_objects *cluster = NULL;
    int rv = 0;

    if (has_cluster(object)) {
        rv = cluster_of(objects, object->key.cluster, &cluster, err);
    }
    if (0 <= rv) {
        rv = object_place_enter(&objects->places, object, cluster, err);
    }
    if (rv < 0) {
        cluster_trim(objects, cluster);
        return rv;
    }
    if (cluster != NULL && former != NULL) {
        object_link(former->link, object);
    } else {
        object_link(list_of(objects, object, cluster), object);
    }
    if (cluster != NULL) {
        cluster->near = object;
        cluster->count++;
    }
    return 0;
}

static void object_drop(struct objects *objects, struct object *object)
{
    struct cluster_objects *cluster =
        has_cluster(object) ? cluster_find(objects, object->key.cluster) : NULL;

    object_place_leave(&objects->places, object, cluster);
    if (cluster != NULL) {
        cluster->near = cluster->near == object ? NULL : cluster->near;
        cluster->count--;
    }
    object_unlink(object);
    object_free(object);
    cluster_trim(objects, cluster);
}

/* What most values take when they are decoded: hardly more than as text. */
static size_t decoded_bytes(size_t text_bytes)
{
    return text_bytes + text_bytes / 8;
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
    arena_init_small(&object->arena, OBJECT_BYTES_MAX, decoded_bytes(item->value_bytes));
    rv = object_decode(&objects->own_key, object, &problem);
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
    int rv;

    item->user = NULL;
    if (!key_parse(objects->prefix, item->key, key)) {
        *key = (struct key){ .kind = KEY_UNKNOWN };
    }
    rv = object_new(objects, item, key, &object, err);
    if (0 <= rv && object->problem == NULL &&
        (key->kind == KEY_LEADER || key->kind == KEY_EVENT || key->kind == KEY_SOURCE)) {
        object_free(object);
    } else if (0 <= rv) {
        rv = object_enter(objects, object, former, err);
        if (rv < 0) {
            object_free(object);
        } else {
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
    const struct object *object = objects->hosts;

    if (key->kind != KEY_HOST) {
        object = cluster == NULL ? NULL : cluster->lists[key->kind];
    }
    for (; object != NULL; object = object->next) {
        if (object->key.slot == key->slot && object->key.version == key->version &&
            strcmp(object->key.host, key->host) == 0 && strcmp(object->key.id, key->id) == 0) {
            return object->mod_revision;
        }
    }
    return 0;
}

/* ---- Reservations ---- */

static int reservations_grow(struct objects *objects, struct err *err)
{
    size_t capacity = objects->reservations_capacity == 0 ? 8 : objects->reservations_capacity * 2;
    struct reservation *grown;

    if (objects->reservations_count < objects->reservations_capacity) {
        return 0;
    }
    if (OBJECT_RESERVATIONS_MAX <= objects->reservations_count) {
        return err_set(err, ERR_LIMIT, "more than %d places are being taken",
                       OBJECT_RESERVATIONS_MAX);
    }
    grown = mem_realloc(objects->reservations, capacity * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_NOMEM, "list of places that are being taken");
    }
    objects->reservations = grown;
    objects->reservations_capacity = capacity;
    return 0;
}

int objects_reserve(struct objects *objects, const struct intent *intent, struct err *err)
{
    const struct cluster_objects *cluster = cluster_find(objects, intent->cluster);
    struct reservation place = { .claim = object_place_of_intent(intent) };
    int rv = reservations_grow(objects, err);

    (void)snprintf(place.cluster, sizeof(place.cluster), "%s", intent->cluster);
    place.claim.told = false; /* not yet */
    place.claim.cluster = cluster == NULL ? PLACES_NO_CLUSTER : cluster->number;
    if (0 <= rv) {
        rv = places_claim(&objects->places, intent->host, &place.claim, &place.place, err);
    }
    if (0 <= rv) {
        objects->reservations[objects->reservations_count++] = place;
    }
    return rv;
}

void objects_release(struct objects *objects, const char *cluster)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < objects->reservations_count; i++) {
        struct reservation *place = &objects->reservations[i];

        if (strcmp(place->cluster, cluster) != 0) {
            objects->reservations[kept++] = *place;
        } else {
            places_release(&objects->places, place->place, &place->claim);
        }
    }
    objects->reservations_count = kept;
    if (kept == 0) {
        free(objects->reservations);
        objects->reservations = NULL;
        objects->reservations_capacity = 0;
    }
}
