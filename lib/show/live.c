#include "show/live.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/clusters.h"
#include "codec/model_json.h"
#include "view/view_build.h"
#include "view/view_recall.h"

/* What the controller calls the event of a new version. */
#define COMMITTED_REASON "ConfigurationCommitted"

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for what etcd holds");
}

/* ---- Reading ---- */

static size_t index_of(const struct live *live, const char *name)
{
    size_t i = 0;

    while (i < live->count && strcmp(live->names[i], name) != 0) {
        i++;
    }
    return i;
}

/* Events come in the order of their time: the last one counts. */
static int take_event(struct live *live, const struct key *key, const struct etcd_kv *kv,
                      struct err *err)
{
    size_t i = index_of(live, key->cluster);
    struct event event;
    struct err ignored;
    int rv = json_decode_event(kv->value, kv->value_bytes, &live->context->arena, &event, &ignored);

    if (rv == ERR_NOMEM) {
        return no_memory(err);
    }
    if (0 <= rv && i < live->count && strcmp(event.reason, COMMITTED_REASON) == 0) {
        live->committed_ms[i] = event.at_ms;
    }
    return 0;
}

static int add_object(struct live *live, const char *text, const char *bytes, size_t size,
                      uint64_t mod_revision, struct err *err)
{
    struct arena *arena = &live->context->arena;
    struct mirror_item *item = arena_alloc(arena, sizeof(*item));
    struct key key;

    if (item == NULL) {
        return no_memory(err);
    }
    *item = (struct mirror_item){ .key = arena_strdup(arena, text),
                                  .value = arena_strndup(arena, bytes, size),
                                  .value_bytes = size,
                                  .mod_revision = mod_revision };
    if (item->key == NULL || item->value == NULL) {
        return no_memory(err);
    }
    return objects_put(&live->objects, item, &key, err);
}

static int take_key(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    struct live *live = ctx;
    struct key key;

    if (!key_parse(live->context->prefix, kv->key, &key)) {
        return 0;
    }
    live->led = live->led || key.kind == KEY_LEADER;
    if (key.kind == KEY_EVENT && take_event(live, &key, kv, err) < 0) {
        return err->code;
    }
    return add_object(live, kv->key, kv->value, kv->value_bytes, kv->mod_revision, err);
}

struct range_list {
    struct etcd_range *ranges;
    size_t count;
    bool failed;
};

static void range_add(struct range_list *list, const char *key, bool prefix)
{
    list->failed = list->failed || key == NULL;
    list->ranges[list->count++] = (struct etcd_range){ .key = key, .prefix = prefix };
}

#define RANGES_PER_CLUSTER 3 /* at most */
#define RANGES_OF_ALL 4

/* All of the clusters at hand, and what the others run. */
static int ranges_list(struct live *live, const char **all, size_t all_count,
                       struct range_list *list, struct err *err)
{
    struct context *context = live->context;
    size_t i;

    list->ranges =
        arena_calloc(&context->arena, RANGES_OF_ALL + RANGES_PER_CLUSTER * live->count + all_count,
                     sizeof(*list->ranges));
    if (list->ranges == NULL) {
        return no_memory(err);
    }
    range_add(list, context_key(context, "intent/"), true);
    range_add(list, context_key(context, "leader"), false);
    range_add(list, context_key(context, "hosts/"), true);
    range_add(list, context_key(context, "cordons/"), true);
    for (i = 0; i < live->count; i++) {
        range_add(list, context_key(context, "clusters/%s/", live->names[i]), true);
        range_add(list, context_key(context, "lineage/%s", live->names[i]), false);
        range_add(list, context_key(context, "events/%s/", live->names[i]), true);
    }
    for (i = 0; i < all_count; i++) {
        if (index_of(live, all[i]) == live->count) {
            range_add(list, context_key(context, "clusters/%s/nodes/", all[i]), true);
        }
    }
    return list->failed ? no_memory(err) : 0;
}

int live_read(struct live *live, struct context *context, const char *const *names, size_t count,
              struct err *err)
{
    struct range_list list = { .count = 0 };
    const char **all;
    size_t all_count;
    int rv;

    *live = (struct live){
        .context = context, .names = names, .count = count, .now_ms = clock_wall_ms()
    };
    objects_init(&live->objects, context->prefix, NULL);
    live->committed_ms = arena_calloc(&context->arena, count + 1, sizeof(*live->committed_ms));
    if (live->committed_ms == NULL) {
        return no_memory(err);
    }
    rv = clusters_list(context, &all, &all_count, err);
    if (0 <= rv) {
        rv = ranges_list(live, all, all_count, &list, err);
    }
    return rv < 0 ? rv : context_each(context, list.ranges, list.count, take_key, live, err);
}

void live_deinit(struct live *live)
{
    objects_deinit(&live->objects);
}

/* ---- Views ---- */

/*
 * Since when the configuration is there. Its event goes after a while; then only that it is old is
 * known, and the time since the cluster is as it is will do.
 */
static uint64_t config_since_ms(const struct live *live, size_t index, const struct view *view)
{
    const struct status *status = view->status;

    if (view->config == NULL || live->committed_ms[index] != 0) {
        return view->config == NULL ? 0 : live->committed_ms[index];
    }
    if (status == NULL || status->version != view->config->head.version) {
        return 0;
    }
    return status->conditions[CONDITION_CONVERGED].since_ms;
}

int live_view(const struct live *live, size_t index, struct view *out, struct err *err)
{
    static const struct cluster_observations none = { .slots = NULL };
    struct view view;
    int rv = view_build(&live->objects, live->names[index], &none, live->now_ms,
                        &live->context->arena, &view, err);

    if (0 <= rv) {
        view.config_since_ms = config_since_ms(live, index, &view);
        rv = view_recall(&view, &live->context->arena, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = view;
    return 0;
}

int live_suppose(struct live *live, const struct intent *intent, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = { .kind = KEY_INTENT, .slot = intent->slot };
    char text[KEY_TEXT_SIZE];
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_intent(intent, &json, err);
    if (rv < 0) {
        return rv;
    }
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", intent->cluster);
    (void)snprintf(key.host, sizeof(key.host), "%s", intent->host);
    key_format(live->context->prefix, &key, text);
    return add_object(live, text, str_text(&json), json.size, 0, err);
}
