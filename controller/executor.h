/*
 * executor - does the transactions of a pass, one after another, and enters them in the mirror.
 *
 * Stops at the first that does not succeed. What etcd confirmed is in the mirror before `done` is
 * called; what it refused, or left in the dark, is not, and only fresh facts can tell.
 */
#ifndef CONTROLLER_EXECUTOR_H
#define CONTROLLER_EXECUTOR_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "controller/txn.h"
#include "etcd/etcd.h"
#include "store/mirror.h"

struct executor;

struct executor_deps {
    struct etcd *etcd;
    struct mirror *mirror;
    const char *prefix; /* keys below it are the mirror's */
};

/*
 * All done: `err` is NULL. ERR_CONFLICT: a compare did not hold; others: etcd's failures. The
 * execution is freed afterwards; `plan` is valid during the call.
 */
typedef void executor_fn(void *ctx, const struct txn_plan *plan, const struct err *err);

/* Begin with a plan that has transactions. The arena, in which it lives, becomes the execution's
 * (unless this fails). */
MUST_USE int executor_start(const struct executor_deps *deps, struct arena *arena,
                            const struct txn_plan *plan, executor_fn *done, void *ctx,
                            struct executor **out, struct err *err);

/* Forget it, without callback; after etcd_free(). */
void executor_free(struct executor *executor);
DEFINE_CLEANUP(struct executor, executor_free);

#endif
