#include "view/view_build.h"

#include <stdlib.h>
#include <string.h>

static int full(struct err *err)
{
    return err_set(err, ERR_NOMEM, "view of the cluster");
}

static size_t list_length(const struct object *list)
{
    size_t n = 0;

    for (; list != NULL; list = list->next) {
        n++;
    }
    return n;
}

/* ---- The cluster's own keys ---- */

static int take_intents(const struct cluster_objects *objects, struct arena *arena,
                        struct view *view, struct err *err)
{
    const struct object *object = objects->lists[KEY_INTENT];
    struct intent *intents = arena_calloc(arena, list_length(object) + 1, sizeof(*intents));
    size_t n = 0;

    if (intents == NULL) {
        return full(err);
    }
    for (; object != NULL; object = object->next) {
        if (object->problem == NULL) {
            intents[n++] = object->of.intent;
        }
    }
    view->intents = intents;
    view->intents_count = n;
    return 0;
}

static int take_reports(const struct cluster_objects *objects, struct arena *arena,
                        struct view *view, struct err *err)
{
    const struct object *object = objects->lists[KEY_NODE];
    struct node_report *reports = arena_calloc(arena, list_length(object) + 1, sizeof(*reports));
    size_t n = 0;

    if (reports == NULL) {
        return full(err);
    }
    for (; object != NULL; object = object->next) {
        if (object->problem == NULL) {
            reports[n++] = object->of.report;
        }
    }
    view->reports = reports;
    view->reports_count = n;
    return 0;
}

static int compare_joins(const void *a, const void *b)
{
    const struct join_report *left = a;
    const struct join_report *right = b;
    int order = strcmp(left->join.uid, right->join.uid);

    if (order == 0 && left->join.issued_ms != right->join.issued_ms) {
        order = left->join.issued_ms < right->join.issued_ms ? 1 : -1; /* the newest first */
    }
    if (order == 0) {
        order = strcmp(left->join.nonce, right->join.nonce);
    }
    return order != 0 ? order : strcmp(left->seen_by, right->seen_by);
}

/* One watcher more saw the request that came first, or a former one, which no longer counts. */
static void join_merge(struct join_view *join, const struct join_report *seen)
{
    if (strcmp(join->join.nonce, seen->join.nonce) != 0 ||
        join->join.issued_ms != seen->join.issued_ms) {
        return;
    }
    join->watchers++;
    join->seen_ms = seen->seen_ms < join->seen_ms ? seen->seen_ms : join->seen_ms;
}

static int take_joins(const struct cluster_objects *objects, struct arena *arena, struct view *view,
                      struct err *err)
{
    const struct object *object = objects->lists[KEY_JOIN_REPORT];
    size_t length = list_length(object);
    struct join_report *seen = arena_calloc(arena, length + 1, sizeof(*seen));
    struct join_view *joins = arena_calloc(arena, length + 1, sizeof(*joins));
    size_t count = 0;
    size_t n = 0;
    size_t i;

    if (seen == NULL || joins == NULL) {
        return full(err);
    }
    for (; object != NULL; object = object->next) {
        if (object->problem == NULL) {
            seen[count++] = object->of.join;
        }
    }
    qsort(seen, count, sizeof(*seen), compare_joins);
    for (i = 0; i < count; i++) {
        if (0 < n && strcmp(joins[n - 1].join.uid, seen[i].join.uid) == 0) {
            join_merge(&joins[n - 1], &seen[i]);
        } else if (n < JOINS_MAX) {
            joins[n++] = (struct join_view){ seen[i].join, 1, seen[i].seen_by, seen[i].seen_ms };
        } else {
            break;
        }
    }
    view->joins = joins;
    view->joins_count = n;
    return 0;
}

/*
 * The lineage, or what the history tells when that is more: a version that was ever committed is
 * never given out again, whichever keys were lost.
 */
static int take_lineage(const struct cluster_objects *objects, struct arena *arena,
                        struct view *view, struct err *err)
{
    const struct object *object = object_single(objects, KEY_LINEAGE);
    struct lineage *lineage = arena_alloc(arena, sizeof(*lineage));

    if (lineage == NULL) {
        return full(err);
    }
    if (object != NULL) {
        *lineage = object->of.lineage;
        view->lineage = lineage;
    }
    for (object = objects->lists[KEY_HISTORY]; object != NULL; object = object->next) {
        if (lineage->version < object->key.version) {
            lineage->version = object->key.version;
            view->lineage = lineage;
        }
    }
    return 0;
}

static enum bad_key_kind bad_kind(enum key_kind kind)
{
    switch (kind) {
    case KEY_SPEC:
        return BAD_KEY_SPEC;
    case KEY_CONFIG:
        return BAD_KEY_CONFIG;
    case KEY_LINEAGE:
        return BAD_KEY_LINEAGE;
    case KEY_ALIAS:
        return BAD_KEY_ALIAS;
    case KEY_INTENT:
        return BAD_KEY_INTENT;
    case KEY_NODE:
        return BAD_KEY_REPORT;
    case KEY_JOIN_REPORT: /* who can't be understood is not admitted */
    case KEY_LEADER:
    case KEY_HISTORY:
    case KEY_STATUS:
    case KEY_HOST:
    case KEY_CORDON:
    case KEY_GENERATION:
    case KEY_SOURCE:
    case KEY_EVENT:
    case KEY_UNKNOWN:
        break;
    }
    return BAD_KEY_OTHER;
}

static int compare_bad_keys(const void *a, const void *b)
{
    return strcmp(((const struct bad_key *)a)->key, ((const struct bad_key *)b)->key);
}

/* The bad keys of a list, from `out` on (NULL: they are only counted); how many. */
static size_t list_bad_keys(const struct object *list, enum key_kind kind, struct bad_key *out)
{
    size_t n = 0;

    for (; list != NULL; list = list->next) {
        if (list->problem == NULL) {
            continue;
        }
        if (out != NULL) {
            out[n] = (struct bad_key){ .kind = bad_kind(kind),
                                       .slot = list->key.slot,
                                       .host = list->key.host,
                                       .key = list->text,
                                       .problem = list->problem };
        }
        n++;
    }
    return n;
}

static int take_bad_keys(const struct cluster_objects *objects, struct arena *arena,
                         struct view *view, struct err *err)
{
    struct bad_key *list;
    size_t count = 0;
    size_t kind;
    size_t n = 0;

    for (kind = 0; kind <= KEY_UNKNOWN; kind++) {
        count += list_bad_keys(objects->lists[kind], (enum key_kind)kind, NULL);
    }
    list = arena_calloc(arena, count + 1, sizeof(*list));
    if (list == NULL) {
        return full(err);
    }
    for (kind = 0; kind <= KEY_UNKNOWN; kind++) {
        n += list_bad_keys(objects->lists[kind], (enum key_kind)kind, list + n);
    }
    qsort(list, n, sizeof(*list), compare_bad_keys);
    view->bad_keys = list;
    view->bad_keys_count = n;
    return 0;
}

static int take_cluster(const struct cluster_objects *objects, struct arena *arena,
                        struct view *view, struct err *err)
{
    const struct object *spec = object_single(objects, KEY_SPEC);
    const struct object *config = object_single(objects, KEY_CONFIG);
    const struct object *alias = object_single(objects, KEY_ALIAS);
    const struct object *status = object_single(objects, KEY_STATUS);
    int rv = take_intents(objects, arena, view, err);

    view->spec = spec == NULL ? NULL : &spec->of.spec;
    view->config = config == NULL ? NULL : &config->of.config;
    view->alias = alias == NULL ? NULL : &alias->of.alias;
    view->status = status == NULL ? NULL : &status->of.status;
    if (0 <= rv) {
        rv = take_reports(objects, arena, view, err);
    }
    if (0 <= rv) {
        rv = take_joins(objects, arena, view, err);
    }
    if (0 <= rv) {
        rv = take_lineage(objects, arena, view, err);
    }
    if (0 <= rv) {
        rv = take_bad_keys(objects, arena, view, err);
    }
    return rv;
}

/* ---- Hosts ---- */

static int compare_hosts(const void *a, const void *b)
{
    return strcmp(((const struct host_view *)a)->host.name,
                  ((const struct host_view *)b)->host.name);
}

/* What the cluster has on a host. */
enum share { SHARE_NONE, SHARE_PLACE, SHARE_INTENT };

static void share_list(const struct object *list, enum share share, unsigned char *shares)
{
    for (; list != NULL; list = list->next) {
        if (list->place != NULL && shares[list->place->at] < share) {
            shares[list->place->at] = (unsigned char)share;
        }
    }
}

/* What the cluster has on each host of the fleet; NULL: the arena is full. */
static unsigned char *shares_find(const struct objects *objects, const struct cluster_objects *own,
                                  struct arena *arena)
{
    unsigned char *shares = arena_calloc(arena, objects->places.count, 1);
    size_t i;

    if (shares == NULL || own == NULL) {
        return shares;
    }
    share_list(own->lists[KEY_INTENT], SHARE_INTENT, shares);
    share_list(own->lists[KEY_NODE], SHARE_PLACE, shares);
    for (i = 0; i < objects->reservations_count; i++) {
        const struct reservation *place = &objects->reservations[i];

        if (place->claim.cluster == own->number && shares[place->place->at] == SHARE_NONE) {
            shares[place->place->at] = SHARE_PLACE;
        }
    }
    return shares;
}

/* A cordon that can't be read still keeps new nodes away. */
static void take_cordons(const struct objects *objects, struct host_view *hosts, size_t count)
{
    const struct object *object = objects->cordons;

    for (; object != NULL; object = object->next) {
        const struct host_view wanted = { .host = { .name = object->key.host } };
        struct host_view *host = bsearch(&wanted, hosts, count, sizeof(*hosts), compare_hosts);

        if (host != NULL) {
            host->cordoned = true;
            host->draining = object->problem == NULL && object->of.cordon.drain;
            host->drain_since_ms = host->draining ? object->of.cordon.since_ms : 0;
        }
    }
}

/*
 * Hosts that are there, and those that are not but have intents of this cluster; by name. Only
 * where the cluster itself has something, what others take differs from what all take.
 */
static int take_hosts(const struct objects *objects, const struct cluster_objects *own,
                      struct arena *arena, struct view *view, struct err *err)
{
    const struct places *places = &objects->places;
    const unsigned char *shares = shares_find(objects, own, arena);
    struct host_view *hosts = arena_calloc(arena, places->count, sizeof(*hosts));
    size_t n = 0;
    size_t i;
    int rv = 0;

    if (shares == NULL || hosts == NULL) {
        return full(err);
    }
    for (i = 0; 0 <= rv && i < places->count; i++) {
        const struct host_places *host = places->hosts[i];

        if (host->host == NULL && shares[i] != SHARE_INTENT) {
            continue;
        }
        hosts[n] = host->taken;
        if (own != NULL && shares[i] != SHARE_NONE) {
            rv = places_of_others(host, own->number, arena, &hosts[n], err);
        }
        n++;
    }
    if (rv < 0) {
        return rv;
    }
    take_cordons(objects, hosts, n);
    view->hosts = hosts;
    view->hosts_count = n;
    return 0;
}

int view_build(const struct objects *objects, const char *cluster,
               const struct cluster_observations *observations, uint64_t now_ms,
               struct arena *arena, struct view *out, struct err *err)
{
    const struct cluster_objects *own = objects_cluster(objects, cluster);
    struct view view = {
        .cluster = cluster,
        .now_ms = now_ms,
        .config_since_ms = observations->config_since_ms,
        .polled_version = observations->polled_version,
        .fleet_hosts = objects->places.told,
        .fleet_gone = objects->places.gone,
        .observations = observations->slots,
        .observations_count = observations->slots_count,
    };
    int rv = 0;

    if (own != NULL) {
        rv = take_cluster(own, arena, &view, err);
    }
    if (0 <= rv) {
        rv = take_hosts(objects, own, arena, &view, err);
    }
    if (0 <= rv) {
        *out = view;
    }
    return rv;
}
