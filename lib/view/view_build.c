#include "view/view_build.h"

#include <stdlib.h>
#include <string.h>

#include "view/usage.h"

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

static int compare_nodes(uint32_t a_slot, const char *a_host, uint32_t b_slot, const char *b_host)
{
    if (a_slot != b_slot) {
        return a_slot < b_slot ? -1 : 1;
    }
    return strcmp(a_host, b_host);
}

static int compare_intents(const void *a, const void *b)
{
    const struct intent *x = a;
    const struct intent *y = b;

    return compare_nodes(x->slot, x->host, y->slot, y->host);
}

static int compare_reports(const void *a, const void *b)
{
    const struct node_report *x = a;
    const struct node_report *y = b;

    return compare_nodes(x->slot, x->host, y->slot, y->host);
}

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
    qsort(intents, n, sizeof(*intents), compare_intents);
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
    qsort(reports, n, sizeof(*reports), compare_reports);
    view->reports = reports;
    view->reports_count = n;
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
    case KEY_LEADER:
    case KEY_HISTORY:
    case KEY_STATUS:
    case KEY_HOST:
    case KEY_CORDON:
    case KEY_GENERATION:
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

/* The index of an endpoint in the host's pool; false when it lies outside. */
static bool host_index(const struct host *host, const struct use *use, uint32_t *out)
{
    uint32_t first;
    uint32_t ip;
    uint32_t found_ip;
    uint16_t found_port;
    uint32_t i;

    if (!ipv4_parse(host->ip_first, &first) || !ipv4_parse(use->ip, &ip)) {
        return false;
    }
    i = 1 < host->ip_count ? ip - first : ((uint32_t)use->data_port - host->data_port) / 2;
    if (host->nodes_max <= i || !host_endpoint(host, i, &found_ip, &found_port) || found_ip != ip ||
        found_port != use->data_port) {
        return false;
    }
    *out = i;
    return true;
}

static int compare_indexes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Enter the `count` uses of this host. */
static int host_uses(struct host_view *host, const struct use *uses, size_t count,
                     struct arena *arena, struct err *err)
{
    uint32_t *indexes = arena_calloc(arena, count, sizeof(*indexes));
    size_t i;

    if (indexes == NULL) {
        return full(err);
    }
    host->nodes_used = (uint32_t)count;
    host->indexes_used = indexes;
    for (i = 0; i < count; i++) {
        host->memory_used += uses[i].memory_bytes;
        if (host->present &&
            host_index(&host->host, &uses[i], &indexes[host->indexes_used_count])) {
            host->indexes_used_count++;
        }
    }
    qsort(indexes, host->indexes_used_count, sizeof(*indexes), compare_indexes);
    return 0;
}

/* Hosts that are there, and those that are not but have intents of this cluster; by name. */
static int hosts_list(const struct objects *objects, const struct view *view, struct arena *arena,
                      struct host_view **out, size_t *out_count, struct err *err)
{
    const struct object *object = objects->hosts;
    struct host_view *hosts =
        arena_calloc(arena, list_length(object) + view->intents_count + 1, sizeof(*hosts));
    size_t present = 0;
    size_t n;
    size_t i;

    if (hosts == NULL) {
        return full(err);
    }
    for (; object != NULL; object = object->next) {
        if (object->problem == NULL) {
            hosts[present++] = (struct host_view){ .host = object->of.host, .present = true };
        }
    }
    qsort(hosts, present, sizeof(*hosts), compare_hosts);
    n = present;
    for (i = 0; i < view->intents_count; i++) {
        struct host_view gone = { .host = { .name = view->intents[i].host,
                                            .zone = "",
                                            .ip_first = "",
                                            .watcher_version = "",
                                            .memcached_version = "",
                                            .problem = "" } };

        if (bsearch(&gone, hosts, present, sizeof(*hosts), compare_hosts) == NULL) {
            hosts[n++] = gone;
        }
    }
    qsort(hosts, n, sizeof(*hosts), compare_hosts);
    *out_count = 0;
    for (i = 0; i < n; i++) { /* an absent host may have several intents */
        if (*out_count == 0 || compare_hosts(&hosts[*out_count - 1], &hosts[i]) != 0) {
            hosts[(*out_count)++] = hosts[i];
        }
    }
    *out = hosts;
    return 0;
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
        }
    }
}

static int take_hosts(const struct objects *objects, struct arena *arena, struct view *view,
                      struct err *err)
{
    struct uses uses = { .list = NULL };
    struct host_view *hosts;
    size_t count;
    size_t at = 0;
    size_t i;
    int rv = hosts_list(objects, view, arena, &hosts, &count, err);

    if (0 <= rv) {
        rv = uses_collect(objects, view->cluster, arena, &uses, err);
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        size_t first;

        while (at < uses.count && strcmp(uses.list[at].host, hosts[i].host.name) < 0) {
            at++;
        }
        first = at;
        while (at < uses.count && strcmp(uses.list[at].host, hosts[i].host.name) == 0) {
            at++;
        }
        if (first < at) {
            rv = host_uses(&hosts[i], uses.list + first, at - first, arena, err);
        }
    }
    if (rv < 0) {
        return rv;
    }
    take_cordons(objects, hosts, count);
    view->hosts = hosts;
    view->hosts_count = count;
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
        .fleet_hosts = objects->fleet_hosts.told,
        .fleet_gone = objects->fleet_hosts.gone,
        .observations = observations->slots,
        .observations_count = observations->slots_count,
    };
    int rv = 0;

    if (own != NULL) {
        rv = take_cluster(own, arena, &view, err);
    }
    if (0 <= rv) {
        rv = take_hosts(objects, arena, &view, err);
    }
    if (0 <= rv) {
        *out = view;
    }
    return rv;
}
