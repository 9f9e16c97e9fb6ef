#include "view/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "view/object_decode.h"

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
    list_free(objects->cordons);
    list_free(objects->strays);
    fleet_hosts_deinit(&objects->fleet_hosts);
    free(objects->reservations);
    *objects = (struct objects){ .clusters = NULL };
}

/* ---- Objects ---- */

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
    if (object->key.kind == KEY_CORDON) {
        *out = &objects->cordons;
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

static bool tells_to_run(const struct object *object)
{
    return object->key.kind == KEY_INTENT && object->problem == NULL &&
           object->of.intent.phase != INTENT_STOP;
}

static int fleet_count(struct objects *objects, const struct object *object, struct err *err)
{
    if (object->key.kind == KEY_HOST) {
        return fleet_hosts_arrive(&objects->fleet_hosts, object->key.host, err);
    }
    return tells_to_run(object) ? fleet_hosts_tell(&objects->fleet_hosts, object->key.host, err)
                                : 0;
}

static void fleet_uncount(struct objects *objects, const struct object *object)
{
    if (object->key.kind == KEY_HOST) {
        fleet_hosts_leave(&objects->fleet_hosts, object->key.host);
    } else if (tells_to_run(object)) {
        fleet_hosts_untell(&objects->fleet_hosts, object->key.host);
    }
}

static void object_drop(struct objects *objects, struct object *object)
{
    struct cluster_objects *cluster = NULL;

    if (object->key.kind != KEY_HOST) {
        cluster = cluster_find(objects, object->key.cluster);
    }
    fleet_uncount(objects, object);
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

/* Enter a new object wherever it is listed or counted. */
static int object_enter(struct objects *objects, struct object *object, struct err *err)
{
    struct object **list;
    int rv = fleet_count(objects, object, err);

    if (rv < 0) {
        return rv;
    }
    rv = list_of(objects, object, &list, err);
    if (rv < 0) {
        fleet_uncount(objects, object);
        return rv;
    }
    object_link(list, object);
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
    if (0 <= rv && object->problem == NULL && (key->kind == KEY_LEADER || key->kind == KEY_EVENT)) {
        object_free(object);
    } else if (0 <= rv) {
        rv = object_enter(objects, object, err);
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
