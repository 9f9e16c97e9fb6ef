#include "controller/txn_builder.h"

#include <stdio.h>
#include <string.h>

int builder_full(struct err *err)
{
    return err_set(err, ERR_NOMEM, "transaction");
}

const char *builder_key(const struct builder *b, const struct key *key)
{
    char text[KEY_TEXT_SIZE];

    key_format(b->env->objects->prefix, key, text);
    return arena_strdup(b->env->arena, text);
}

struct key builder_cluster_key(const struct builder *b, enum key_kind kind)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", b->env->view->cluster);
    return key;
}

int builder_expect(const struct builder *b, struct batch *batch, const struct key *key,
                   struct err *err)
{
    struct etcd_compare compare = { .target = ETCD_MOD_REVISION };

    compare.key = builder_key(b, key);
    if (compare.key == NULL) {
        return builder_full(err);
    }
    compare.revision = object_revision(b->env->objects, key);
    batch_compare(batch, &compare);
    return 0;
}

int builder_batch(const struct builder *b, struct batch **out, struct err *err)
{
    static const enum key_kind bases[] = { KEY_SPEC, KEY_CONFIG, KEY_LINEAGE };
    struct batch *batch = arena_alloc(b->env->arena, sizeof(*batch));
    struct etcd_compare fence = { .target = ETCD_CREATE_REVISION, .revision = b->env->fence };
    struct key leader = { .kind = KEY_LEADER };
    size_t i;

    fence.key = builder_key(b, &leader);
    if (batch == NULL || fence.key == NULL) {
        return builder_full(err);
    }
    batch_compare(batch, &fence);
    for (i = 0; strcmp(b->env->view->cluster, NO_CLUSTER) != 0 && i < ARRAY_COUNT(bases); i++) {
        struct key key = builder_cluster_key(b, bases[i]);
        int rv = builder_expect(b, batch, &key, err);

        if (rv < 0) {
            return rv;
        }
    }
    *out = batch;
    return 0;
}

int builder_put_text(const struct builder *b, struct batch *batch, const char *key,
                     const char *value, size_t value_bytes, uint64_t lease, struct err *err)
{
    struct etcd_op op = { .kind = ETCD_PUT, .value_bytes = value_bytes, .lease = lease };

    op.key = key;
    op.value = arena_strndup(b->env->arena, value, value_bytes);
    if (op.key == NULL || op.value == NULL) {
        return builder_full(err);
    }
    batch_op(batch, &op);
    return 0;
}

int builder_delete(struct batch *batch, const char *key, struct err *err)
{
    if (key == NULL) {
        return builder_full(err);
    }
    batch_op(batch, &(struct etcd_op){ .kind = ETCD_DELETE, .key = key });
    return 0;
}

int builder_put(struct builder *b, const struct key *key, int encoded, const struct str *json,
                struct err *err)
{
    int rv = encoded;

    if (0 <= rv) {
        rv = builder_expect(b, b->main, key, err);
    }
    if (0 <= rv) {
        rv = builder_put_text(b, b->main, builder_key(b, key), str_text(json), json->size, 0, err);
    }
    return rv;
}

int builder_finish(struct builder *b, const struct batch *batch, struct err *err)
{
    if (b->out.txns_count == b->txns_capacity) {
        size_t capacity = b->txns_capacity == 0 ? 2 : b->txns_capacity * 2;
        struct etcd_txn *grown = arena_calloc(b->env->arena, capacity, sizeof(*grown));

        if (grown == NULL) {
            return builder_full(err);
        }
        if (0 < b->out.txns_count) {
            memcpy(grown, b->out.txns, b->out.txns_count * sizeof(*grown));
        }
        b->out.txns = grown;
        b->txns_capacity = capacity;
    }
    b->out.txns[b->out.txns_count++] =
        (struct etcd_txn){ .compares = batch->compares,
                           .compares_count = batch->used.compares_count,
                           .ops = batch->ops,
                           .ops_count = batch->used.ops_count };
    return 0;
}
