#include "watcher/bygone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "store/keys.h"

#define LINEAGE_ARENA_BYTES (64U << 10)

struct bygone {
    struct etcd *etcd;
    const char *prefix;
    const struct bygone_events *events;
    void *ctx;
    struct loop_timer *pause;
    char cluster[CLUSTER_NAME_MAX + 1]; /* that is asked about */
};

static void ask_later(struct bygone *bygone)
{
    loop_timer_start(bygone->pause, BYGONE_PAUSE_MS);
}

/* ---- Its lineage ---- */

static bool read_version(const struct etcd_range_result *result, uint32_t *out)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct lineage lineage = { .version = 0 };
    struct err err;

    arena_init(&arena, LINEAGE_ARENA_BYTES);
    if (0 < result->count && json_decode_lineage(result->kvs[0].value, result->kvs[0].value_bytes,
                                                 &arena, &lineage, &err) < 0) {
        return false;
    }
    *out = lineage.version;
    return true;
}

static void on_lineage(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct bygone *bygone = ctx;
    uint32_t version;

    ask_later(bygone);
    if (err == NULL && read_version(result, &version)) {
        bygone->events->gone(bygone->ctx, bygone->cluster, version);
    }
}

static int ask_for_lineage(struct bygone *bygone)
{
    struct key key = { .kind = KEY_LINEAGE };
    char text[KEY_TEXT_SIZE];
    struct etcd_range range = { .key = text };
    struct err err;

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", bygone->cluster);
    key_format(bygone->prefix, &key, text);
    return etcd_range(bygone->etcd, &range, on_lineage, bygone, &err);
}

/* ---- Its keys ---- */

/* The status is what a controller makes of the reports. */
static bool is_left_over(const struct bygone *bygone, const struct etcd_kv *kv)
{
    struct key key;

    return key_parse(bygone->prefix, kv->key, &key) &&
           (key.kind == KEY_NODE || key.kind == KEY_STATUS);
}

static bool is_gone(const struct bygone *bygone, const struct etcd_range_result *result)
{
    size_t i;

    for (i = 0; i < result->count; i++) {
        if (!is_left_over(bygone, &result->kvs[i])) {
            return false;
        }
    }
    return true;
}

static void on_keys(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct bygone *bygone = ctx;

    if (err != NULL || !is_gone(bygone, result) || ask_for_lineage(bygone) < 0) {
        ask_later(bygone);
    }
}

static int ask_for_keys(struct bygone *bygone)
{
    char text[KEY_TEXT_SIZE];
    struct etcd_range range = { .key = text, .prefix = true, .keys_only = true };
    struct err err;

    (void)snprintf(text, sizeof(text), "%s/clusters/%s/", bygone->prefix, bygone->cluster);
    return etcd_range(bygone->etcd, &range, on_keys, bygone, &err);
}

static void on_pause_over(void *ctx)
{
    struct bygone *bygone = ctx;
    const char *cluster = bygone->events->next(bygone->ctx);

    if (cluster != NULL) {
        (void)snprintf(bygone->cluster, sizeof(bygone->cluster), "%s", cluster);
    }
    if (cluster == NULL || ask_for_keys(bygone) < 0) {
        ask_later(bygone);
    }
}

/* ---- Lifecycle ---- */

int bygone_new(struct loop *loop, struct etcd *etcd, const char *prefix,
               const struct bygone_events *events, void *ctx, struct bygone **out, struct err *err)
{
    CLEANUP(bygone_free_p) struct bygone *bygone = mem_alloc(sizeof(*bygone));
    int rv;

    if (bygone == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    bygone->etcd = etcd;
    bygone->prefix = prefix;
    bygone->events = events;
    bygone->ctx = ctx;
    rv = loop_timer_new(loop, on_pause_over, bygone, &bygone->pause, err);
    if (rv < 0) {
        return rv;
    }
    ask_later(bygone);
    *out = TAKE(bygone);
    return 0;
}

void bygone_free(struct bygone *bygone)
{
    if (bygone == NULL) {
        return;
    }
    etcd_cancel(bygone->etcd, bygone);
    loop_timer_free(bygone->pause);
    free(bygone);
}
