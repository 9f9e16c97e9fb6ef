/*
 * batch - an etcd transaction in the making, within etcd's limits.
 *
 * What does not fit (too many operations or compares, too many bytes, a key that is put and
 * touched again) is not added and makes the batch full; with a mark taken before, what belongs
 * together is taken back together. Keys and values are borrowed.
 */
#ifndef CONTROLLER_BATCH_H
#define CONTROLLER_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "etcd/etcd.h"

#define BATCH_BYTES_MAX 1300000U /* etcd's request limit is 1.5 MiB */

struct batch_mark {
    size_t ops_count;
    size_t compares_count;
    size_t bytes;
};

struct batch {
    struct etcd_op ops[ETCD_TXN_OPS_MAX];
    struct etcd_compare compares[ETCD_TXN_OPS_MAX];
    struct batch_mark used;
    bool full;
};

void batch_op(struct batch *batch, const struct etcd_op *op);

/* The first compare of a key counts. */
void batch_compare(struct batch *batch, const struct etcd_compare *compare);

/* Back to what it was at the mark, and not full. */
void batch_roll_back(struct batch *batch, const struct batch_mark *mark);

#endif
