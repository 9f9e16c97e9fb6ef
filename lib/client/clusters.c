#include "client/clusters.h"

#include <stdlib.h>
#include <string.h>

#include "client/cluster_plan.h"
#include "store/keys.h"

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for the names of the clusters");
}

/* ---- Names ---- */

struct name_list {
    struct context *context;
    enum key_kind kind; /* of which keys; KEY_UNKNOWN: of all */
    const char **names;
    size_t count;
    size_t capacity;
};

static int grow_names(struct name_list *list, struct err *err)
{
    size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    const char **grown;

    if (list->count < list->capacity) {
        return 0;
    }
    grown = arena_calloc(&list->context->arena, capacity, sizeof(*grown));
    if (grown == NULL) {
        return no_memory(err);
    }
    if (0 < list->count) {
        memcpy(grown, list->names, list->count * sizeof(*grown));
    }
    list->names = grown;
    list->capacity = capacity;
    return 0;
}

/* Those of a cluster stand together. */
static int take_name(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    struct name_list *list = ctx;
    struct key key;
    int rv;

    if (!key_parse(list->context->prefix, kv->key, &key) || key.cluster[0] == '\0' ||
        (list->kind != KEY_UNKNOWN && list->kind != key.kind)) {
        return 0;
    }
    if (0 < list->count && strcmp(list->names[list->count - 1], key.cluster) == 0) {
        return 0;
    }
    rv = grow_names(list, err);
    if (rv < 0) {
        return rv;
    }
    list->names[list->count] = arena_strdup(&list->context->arena, key.cluster);
    if (list->names[list->count] == NULL) {
        return no_memory(err);
    }
    list->count++;
    return 0;
}

/* ---- The first look: who may be there, and how many keys that would be ---- */

struct look {
    struct name_list names;
    uint64_t revision;
    uint64_t lineages;
    uint64_t keys;
    bool done;
    struct err err; /* code 0: none */
};

static void take_look(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct look *look = ctx;
    size_t i;
    int rv = 0;

    look->done = true;
    if (result == NULL) {
        look->err = *err;
        return;
    }
    look->revision = result->revision;
    for (i = 0; i < result->count && 0 <= rv; i++) {
        struct key key;

        if (key_parse(look->names.context->prefix, result->kvs[i].key, &key) &&
            key.kind == KEY_LINEAGE) {
            look->lineages++;
            rv = take_name(&look->names, &result->kvs[i], &look->err);
        }
    }
    look->keys = result->total - look->lineages;
}

/* `look` lives in the arena: a wait that is broken off leaves the request on its way. */
static int look_around(struct context *context, struct look *look, struct err *err)
{
    const struct etcd_range ranges[] = {
        { .key = context_key(context, "lineage/"),
          .prefix = true,
          .keys_only = true,
          .limit = CLUSTER_PLAN_NAMES_MAX + 1 },
        { .key = context_key(context, "clusters/"), .prefix = true, .keys_only = true, .limit = 1 }
    };
    int rv;

    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return no_memory(err);
    }
    *look = (struct look){ .names = { .context = context, .kind = KEY_LINEAGE } };
    rv = etcd_ranges(context->etcd, ranges, ARRAY_COUNT(ranges), take_look, look, err);
    if (0 <= rv) {
        /* etcd's own time limit ends every request. */
        rv = loop_run_until(context->loop, &look->done, UINT64_MAX, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (look->err.code < 0) {
        *err = look->err;
        return context_name_etcd(context, err);
    }
    return 0;
}

/* ---- Reading ---- */

struct reader {
    struct context *context;
    const struct clusters_query *query;
    uint64_t revision; /* 0: that of the first answer */
    context_kv_fn *take;
    void *ctx;                /* of `take` */
    struct cluster_plan plan; /* its gaps are asked for while `gaps` */
    bool *found;              /* of each gap: something lies in it */
    bool gaps;
};

static int take_one(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    struct reader *reader = ctx;
    size_t gap = SIZE_MAX;

    if (reader->gaps &&
        strncmp(kv->key, reader->plan.gaps[0].from, strlen(reader->plan.gaps[0].from)) == 0) {
        gap = cluster_plan_gap(&reader->plan, kv->key);
    }
    if (gap != SIZE_MAX) {
        reader->found[gap] = true;
        return 0;
    }
    return reader->take(reader->ctx, kv, err);
}

/* Ranges that are gathered; room is for all. */
struct wishes {
    struct context *context;
    struct etcd_range *ranges;
    size_t count;
    bool failed;
};

static void wish_for_gap(struct wishes *wishes, const struct cluster_gap *gap)
{
    wishes->ranges[wishes->count++] =
        (struct etcd_range){ .key = gap->from, .end = gap->end, .limit = 1, .keys_only = true };
}

/* Those leaves of a cluster that are lists, or those that are not. */
static void wish_for_leaves(struct wishes *wishes, const struct clusters_query *query,
                            const char *name, bool lists)
{
    size_t i;

    for (i = 0; i < query->leaves_count; i++) {
        const struct etcd_range *leaf = &query->leaves[i];
        struct etcd_range *range = &wishes->ranges[wishes->count];

        if ((leaf->prefix && leaf->limit == 0) == lists) {
            *range = *leaf;
            range->key = context_key(wishes->context, "clusters/%s/%s", name, leaf->key);
            wishes->failed = wishes->failed || range->key == NULL;
            wishes->count++;
        }
    }
}

/* What the query wants of each name, what it wants besides, and the gaps. Keys are read together:
 * so lists stand behind them. */
static int read_names(struct reader *reader, const char *const *names, size_t names_count,
                      const char *besides, struct err *err)
{
    struct context *context = reader->context;
    const struct clusters_query *query = reader->query;
    struct wishes wishes = { .context = context };
    size_t i;

    wishes.ranges = arena_calloc(&context->arena, names_count * (query->leaves_count + 1) + 2,
                                 sizeof(*wishes.ranges));
    if (wishes.ranges == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < names_count; i++) {
        if (reader->gaps) {
            wish_for_gap(&wishes, &reader->plan.gaps[i]);
        }
        wish_for_leaves(&wishes, query, names[i], false);
    }
    if (reader->gaps) {
        wish_for_gap(&wishes, &reader->plan.gaps[names_count]);
    }
    if (besides != NULL) {
        struct etcd_range *range = &wishes.ranges[wishes.count++];

        *range = (struct etcd_range){ .key = context_key(context, "%s", besides), .prefix = true };
        wishes.failed = wishes.failed || range->key == NULL;
    }
    for (i = 0; i < names_count; i++) {
        wish_for_leaves(&wishes, query, names[i], true);
    }
    if (wishes.failed) {
        return no_memory(err);
    }
    if (0 < wishes.count) {
        wishes.ranges[0].revision = reader->revision;
    }
    return context_each(context, wishes.ranges, wishes.count, take_one, reader, err);
}

/* The names of those that lie in gaps where something was found. */
static int list_gaps(struct reader *reader, struct name_list *list, struct err *err)
{
    struct etcd_range *ranges =
        arena_calloc(&reader->context->arena, reader->plan.count + 1, sizeof(*ranges));
    size_t count = 0;
    size_t i;
    int rv = 0;

    if (ranges == NULL) {
        return no_memory(err);
    }
    for (i = 0; i <= reader->plan.count; i++) {
        if (reader->found[i]) {
            ranges[count++] = (struct etcd_range){ .key = reader->plan.gaps[i].from,
                                                   .end = reader->plan.gaps[i].end,
                                                   .revision = reader->revision,
                                                   .keys_only = true };
        }
    }
    /* One after the other, for their keys to stay together. */
    for (i = 0; i < count && 0 <= rv; i++) {
        rv = context_each(reader->context, &ranges[i], 1, take_name, list, err);
    }
    return rv;
}

/* By the names that have a lineage, and then those that have none. */
static int read_planned(struct reader *reader, struct err *err)
{
    struct name_list more = { .context = reader->context, .kind = KEY_UNKNOWN };
    int rv;

    reader->found = arena_calloc(&reader->context->arena, reader->plan.count + 1, sizeof(bool));
    if (reader->found == NULL) {
        return no_memory(err);
    }
    reader->gaps = true;
    rv = read_names(reader, reader->plan.names, reader->plan.count, reader->query->besides, err);
    reader->gaps = false;
    if (0 <= rv) {
        rv = list_gaps(reader, &more, err);
    }
    return rv < 0 || more.count == 0 ? rv : read_names(reader, more.names, more.count, NULL, err);
}

static int read_listed(struct reader *reader, struct err *err)
{
    struct name_list all = { .context = reader->context, .kind = KEY_UNKNOWN };
    struct etcd_range range = { .key = context_key(reader->context, "clusters/"),
                                .prefix = true,
                                .revision = reader->revision,
                                .keys_only = true };
    int rv;

    if (range.key == NULL) {
        return no_memory(err);
    }
    rv = context_each(reader->context, &range, 1, take_name, &all, err);
    return rv < 0 ? rv : read_names(reader, all.names, all.count, reader->query->besides, err);
}

int clusters_each(struct context *context, const struct clusters_query *query, context_kv_fn *take,
                  void *ctx, struct err *err)
{
    struct reader reader = { .context = context, .query = query, .take = take, .ctx = ctx };
    struct look *look;
    int rv;

    if (query->names != NULL) {
        return read_names(&reader, query->names, query->names_count, query->besides, err);
    }
    look = arena_alloc(&context->arena, sizeof(*look));
    rv = look == NULL ? no_memory(err) : look_around(context, look, err);
    if (rv < 0) {
        return rv;
    }
    reader.revision = look->revision;
    if (look->keys == 0 && query->besides == NULL) {
        return 0;
    }
    if (!cluster_plan_pays(look->lineages, look->keys)) {
        return read_listed(&reader, err);
    }
    rv = cluster_plan_make(&context->arena, context->prefix, look->names.names, look->names.count,
                           &reader.plan, err);
    return rv < 0 ? rv : read_planned(&reader, err);
}

static int take_fact(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    return facts_add(ctx, kv->key, kv->value, kv->value_bytes, kv->mod_revision, err);
}

int clusters_read(struct context *context, const struct clusters_query *query, struct facts *facts,
                  struct err *err)
{
    return clusters_each(context, query, take_fact, facts, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int clusters_list(struct context *context, const char ***names, size_t *count, struct err *err)
{
    static const struct etcd_range any = {
        .key = "", .prefix = true, .limit = 1, .keys_only = true
    };
    const struct clusters_query query = { .leaves = &any, .leaves_count = 1 };
    struct name_list list = { .context = context, .kind = KEY_UNKNOWN };
    int rv = clusters_each(context, &query, take_name, &list, err);

    if (rv < 0) {
        return rv;
    }
    if (0 < list.count) {
        qsort(list.names, list.count, sizeof(*list.names), compare_names);
    }
    *names = list.names;
    *count = list.count;
    return 0;
}
