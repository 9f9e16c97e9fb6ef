#include "controller/batch.h"

#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* etcd refuses a transaction that puts a key and touches it again. */
static bool collide(const struct etcd_op *a, const struct etcd_op *b)
{
    if (a->kind != ETCD_PUT && b->kind != ETCD_PUT) {
        return false;
    }
    if (a->kind == ETCD_DELETE_PREFIX) {
        return starts_with(b->key, a->key);
    }
    if (b->kind == ETCD_DELETE_PREFIX) {
        return starts_with(a->key, b->key);
    }
    return strcmp(a->key, b->key) == 0;
}

void batch_op(struct batch *batch, const struct etcd_op *op)
{
    size_t bytes = strlen(op->key) + op->value_bytes;
    size_t i;

    if (batch->used.ops_count == ETCD_TXN_OPS_MAX || BATCH_BYTES_MAX < batch->used.bytes + bytes) {
        batch->full = true;
        return;
    }
    for (i = 0; i < batch->used.ops_count; i++) {
        if (collide(&batch->ops[i], op)) {
            batch->full = true;
            return;
        }
    }
    batch->ops[batch->used.ops_count++] = *op;
    batch->used.bytes += bytes;
}

void batch_compare(struct batch *batch, const struct etcd_compare *compare)
{
    size_t i;

    for (i = 0; i < batch->used.compares_count; i++) {
        if (batch->compares[i].target == compare->target &&
            strcmp(batch->compares[i].key, compare->key) == 0) {
            return;
        }
    }
    if (batch->used.compares_count == ETCD_TXN_OPS_MAX) {
        batch->full = true;
        return;
    }
    batch->compares[batch->used.compares_count++] = *compare;
    batch->used.bytes += strlen(compare->key);
}

void batch_roll_back(struct batch *batch, const struct batch_mark *mark)
{
    batch->used = *mark;
    batch->full = false;
}
