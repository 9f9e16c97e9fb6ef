#include "controller/executor.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct executor {
    struct executor_deps deps;
    struct arena arena;
    struct txn_plan plan;
    size_t next; /* transaction */
    executor_fn *done;
    void *ctx;
};

static bool below(const char *prefix, const char *key)
{
    size_t size = strlen(prefix);

    return strncmp(key, prefix, size) == 0 && key[size] == '/';
}

/* Enter the deletion of all keys with a prefix. Items that are newer stay, and are passed over. */
static void enter_deletions(struct executor *e, const char *prefix, uint64_t revision)
{
    struct mirror_item *item = mirror_seek(e->deps.mirror, prefix);

    while (item != NULL && strncmp(item->key, prefix, strlen(prefix)) == 0) {
        const char *key = arena_strdup(&e->arena, item->key);

        if (key == NULL) {
            return; /* the watch tells it too */
        }
        mirror_deleted(e->deps.mirror, key, revision);
        item = mirror_seek(e->deps.mirror, key);
        if (item != NULL && strcmp(item->key, key) == 0) {
            item = mirror_next(e->deps.mirror, item);
        }
    }
}

static void enter(struct executor *e, const struct etcd_txn *txn, uint64_t revision)
{
    size_t i;

    for (i = 0; i < txn->ops_count; i++) {
        const struct etcd_op *op = &txn->ops[i];
        struct err ignored; /* for want of memory: the watch tells it too */

        if (!below(e->deps.prefix, op->key)) {
            continue;
        }
        switch (op->kind) {
        case ETCD_PUT:
            (void)!mirror_wrote(e->deps.mirror, op->key, op->value, op->value_bytes, revision,
                                &ignored);
            break;
        case ETCD_DELETE:
            mirror_deleted(e->deps.mirror, op->key, revision);
            break;
        case ETCD_DELETE_PREFIX:
            enter_deletions(e, op->key, revision);
            break;
        }
    }
}

static void finish(struct executor *e, const struct err *err)
{
    e->done(e->ctx, &e->plan, err);
    executor_free(e);
}

static int begin(struct executor *e, struct err *err);

static void on_txn(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct executor *e = ctx;
    struct err own;

    if (err != NULL) {
        finish(e, err);
        return;
    }
    if (!result->succeeded) {
        (void)err_set(&own, ERR_CONFLICT, "a key has changed since it was read");
        finish(e, &own);
        return;
    }
    enter(e, &e->plan.txns[e->next], result->revision);
    e->next++;
    if (e->next == e->plan.txns_count) {
        finish(e, NULL);
    } else if (begin(e, &own) < 0) {
        finish(e, &own);
    }
}

static int begin(struct executor *e, struct err *err)
{
    return etcd_txn(e->deps.etcd, &e->plan.txns[e->next], on_txn, e, err);
}

int executor_start(const struct executor_deps *deps, struct arena *arena,
                   const struct txn_plan *plan, executor_fn *done, void *ctx, struct executor **out,
                   struct err *err)
{
    struct executor *e = mem_alloc(sizeof(*e));
    int rv;

    CHECK(0 < plan->txns_count);
    if (e == NULL) {
        return err_set(err, ERR_NOMEM, "transaction");
    }
    e->deps = *deps;
    e->plan = *plan;
    e->done = done;
    e->ctx = ctx;
    rv = begin(e, err);
    if (rv < 0) {
        free(e);
        return rv;
    }
    e->arena = *arena;
    arena_init(arena, 0);
    *out = e;
    return 0;
}

void executor_free(struct executor *executor)
{
    if (executor == NULL) {
        return;
    }
    arena_deinit(&executor->arena);
    free(executor);
}
