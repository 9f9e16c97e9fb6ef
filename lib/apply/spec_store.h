/*
 * spec_store - reading and changing the spec keys, which the command line alone writes.
 *
 * What is written was decided by spec_edit.h. Every write compares the mod_revision that the
 * decision was made on, so that two operators never undo each other's change unseen. A new
 * generation of a spec is also kept as a key of its own, written in the same transaction; the last
 * SPEC_GENERATIONS_KEPT are.
 */
#ifndef APPLY_SPEC_STORE_H
#define APPLY_SPEC_STORE_H

#include <stddef.h>

#include "apply/spec_edit.h"
#include "base/err.h"
#include "client/context.h"

#define SPEC_STORE_TRIES_MAX 5
/* Operations for one spec: its key, its generation's, and that of the generation that goes. */
#define SPEC_STORE_OPS_MAX 3
#define SPEC_GENERATIONS_KEPT 20

/* Decide on what was read: set `change` and `next`. */
typedef int spec_decide_fn(void *ctx, size_t index, struct spec_edit *edit, struct err *err);

/*
 * Read, decide and write until nobody interferes, SPEC_STORE_TRIES_MAX times at most, then
 * ERR_CONFLICT. Nothing is written unless all decisions were made; what fits into one transaction
 * of etcd (at least 42 specs of usual size) is written all or not at all. After a write of unknown
 * outcome what is there is read again.
 */
MUST_USE int spec_store_change(struct context *context, struct spec_edit *edits, size_t count,
                               spec_decide_fn *decide, void *ctx, struct err *err);

#endif
