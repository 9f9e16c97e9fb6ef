/*
 * clusters - read keys of all clusters, or of some.
 *
 * Everything is of one revision. All are found without listing their keys (cluster_plan.h): names
 * and revision are asked for first; then what is wanted of each, together with whether there are
 * others; these, if any, are listed and read last. Memory is the context's arena.
 */
#ifndef CLIENT_CLUSTERS_H
#define CLIENT_CLUSTERS_H

#include <stddef.h>

#include "base/err.h"
#include "client/context.h"

struct clusters_query {
    const char *const *names; /* of whom; NULL: all that have keys */
    size_t names_count;
    const struct etcd_range *leaves; /* of each: a key below "clusters/<name>/", or a prefix */
    size_t leaves_count;
    const char *besides; /* what else is read: a prefix, below the context's; NULL: nothing */
};

/* Have `take` told of the keys, in no order. A cluster that is named need not exist. */
MUST_USE int clusters_each(struct context *context, const struct clusters_query *query,
                           context_kv_fn *take, void *ctx, struct err *err);

/* The same, into `facts`. */
MUST_USE int clusters_read(struct context *context, const struct clusters_query *query,
                           struct facts *facts, struct err *err);

/* The names of all clusters that have keys, in order. */
MUST_USE int clusters_list(struct context *context, const char ***names, size_t *count,
                           struct err *err);

#endif
