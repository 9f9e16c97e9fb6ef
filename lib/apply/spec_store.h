/*
 * spec_store - reading and changing the spec keys, which operators' programs alone write.
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

/*
 * Read `current`, `revision` and, where it is wanted, `history` of each edit. ERR_CONFLICT: a spec
 * can't be read, unless the edit's `may_be_bad` has it taken for none.
 */
MUST_USE int spec_store_read(struct context *context, struct spec_edit *edits, size_t count,
                             struct err *err);

/*
 * Write what was decided, and note it in `done`. ERR_CONFLICT: somebody else was faster;
 * ERR_TIMEOUT: the outcome is unknown. In both cases what went before may be written; read again
 * and decide anew.
 */
MUST_USE int spec_store_write(struct context *context, struct spec_edit *edits, size_t count,
                              struct err *err);

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
