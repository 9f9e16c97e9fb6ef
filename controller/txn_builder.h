/*
 * txn_builder - what the effects of a plan add to its transactions with.
 *
 * Everything lives in the arena of the pass. Functions that return int give 0 or ERR_NOMEM (or the
 * failure that they were handed); what does not fit makes the batch full, which is no failure.
 */
#ifndef CONTROLLER_TXN_BUILDER_H
#define CONTROLLER_TXN_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "controller/batch.h"
#include "controller/txn.h"
#include "store/keys.h"

struct builder {
    const struct txn_env *env;
    struct batch *main; /* the one transaction of the plan */
    struct txn_plan out;
    size_t txns_capacity;
    const struct intent **intents;
    bool members_expected; /* the reports of all listed nodes are compared already */
};

/* Record that the arena is full. */
int builder_full(struct err *err);

/* The text of a key; NULL: the arena is full. */
const char *builder_key(const struct builder *b, const struct key *key);

/* A key of the plan's cluster. */
struct key builder_cluster_key(const struct builder *b, enum key_kind kind);

/* An empty batch that holds only under the fence, and while spec, configuration and lineage are as
 * they were read. */
MUST_USE int builder_batch(const struct builder *b, struct batch **out, struct err *err);

/* The key must be as the objects show it. */
MUST_USE int builder_expect(const struct builder *b, struct batch *batch, const struct key *key,
                            struct err *err);

/* Put and delete any key (NULL: the arena was full). */
MUST_USE int builder_put_text(const struct builder *b, struct batch *batch, const char *key,
                              const char *value, size_t value_bytes, uint64_t lease,
                              struct err *err);
MUST_USE int builder_delete(struct batch *batch, const char *key, struct err *err);

/* Into the main batch: put a value, unless its encoding failed, under a key that must be as it was
 * read. */
MUST_USE int builder_put(struct builder *b, const struct key *key, int encoded,
                         const struct str *json, struct err *err);

/* The batch is complete: it goes after those that were finished before. */
MUST_USE int builder_finish(struct builder *b, const struct batch *batch, struct err *err);

#endif
