#include "etcd/etcd_wait.h"

#include <string.h>

struct wait {
    bool done;
    int rv;
    struct err *err;
    struct arena *arena;
    struct etcd_range_result range;
    struct etcd_txn_result txn;
};

static int wait_for(struct loop *loop, struct etcd *etcd, struct wait *wait, struct err *err)
{
    int rv = loop_run_until(loop, &wait->done, UINT64_MAX, err);

    if (rv < 0) {
        etcd_cancel(etcd, wait);
        return rv;
    }
    return wait->rv;
}

static bool copy_kv(struct arena *arena, const struct etcd_kv *kv, struct etcd_kv *out)
{
    struct etcd_kv copy = *kv;

    copy.key = arena_strdup(arena, kv->key);
    copy.value = arena_strndup(arena, kv->value, kv->value_bytes);
    *out = copy;
    return copy.key != NULL && copy.value != NULL;
}

static int copy_result(struct arena *arena, const struct etcd_range_result *result,
                       struct etcd_range_result *out, struct err *err)
{
    struct etcd_kv *kvs = arena_calloc(arena, result->count, sizeof(*kvs));
    size_t i;

    for (i = 0; i < result->count && kvs != NULL; i++) {
        if (!copy_kv(arena, &result->kvs[i], &kvs[i])) {
            kvs = NULL;
        }
    }
    if (kvs == NULL) {
        return err_set(err, ERR_NOMEM, "%zu keys do not fit into memory", result->count);
    }
    *out = *result;
    out->kvs = kvs;
    return 0;
}

static void on_range(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct wait *wait = ctx;

    wait->done = true;
    if (err != NULL) {
        *wait->err = *err;
        wait->rv = err->code;
        return;
    }
    wait->rv = copy_result(wait->arena, result, &wait->range, wait->err);
}

int etcd_wait_range(struct loop *loop, struct etcd *etcd, const struct etcd_range *range,
                    struct arena *arena, struct etcd_range_result *out, struct err *err)
{
    struct err own;
    struct wait wait = { .err = err == NULL ? &own : err, .arena = arena };
    int rv = etcd_range(etcd, range, on_range, &wait, wait.err);

    if (rv == 0) {
        rv = wait_for(loop, etcd, &wait, wait.err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = wait.range;
    return 0;
}

int etcd_wait_get(struct loop *loop, struct etcd *etcd, const char *key, struct arena *arena,
                  struct etcd_kv *out, struct err *err)
{
    struct etcd_range range = { .key = key };
    struct etcd_range_result result;
    int rv = etcd_wait_range(loop, etcd, &range, arena, &result, err);

    if (rv < 0) {
        return rv;
    }
    if (result.count == 0) {
        return err_set(err, ERR_NOT_FOUND, "no key %s", key);
    }
    *out = result.kvs[0];
    return 0;
}

static void on_txn(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct wait *wait = ctx;

    wait->done = true;
    if (err != NULL) {
        *wait->err = *err;
        wait->rv = err->code;
        return;
    }
    wait->txn = *result;
}

int etcd_wait_txn(struct loop *loop, struct etcd *etcd, const struct etcd_txn *txn,
                  struct etcd_txn_result *out, struct err *err)
{
    struct err own;
    struct wait wait = { .err = err == NULL ? &own : err };
    int rv = etcd_txn(etcd, txn, on_txn, &wait, wait.err);

    if (rv == 0) {
        rv = wait_for(loop, etcd, &wait, wait.err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = wait.txn;
    return 0;
}
