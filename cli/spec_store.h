/*
 * spec_store - reading and changing the spec keys, which the command line alone writes.
 *
 * Decisions are pure; every write compares the mod_revision that the decision was made on, so
 * that two operators never undo each other's change unseen.
 */
#ifndef CLI_SPEC_STORE_H
#define CLI_SPEC_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/context.h"
#include "model/spec.h"

#define SPEC_STORE_TRIES_MAX 5
/* Specs per transaction: below etcd's limits of operations and bytes. */
#define SPEC_STORE_BATCH_MAX 100

enum spec_change { SPEC_UNCHANGED, SPEC_CONFIGURED, SPEC_CREATED };

/* One spec as it is and as it is to be. */
struct spec_edit {
    const char *name;
    const struct spec_record *current; /* NULL: no such cluster */
    uint64_t revision;                 /* mod_revision of `current`; 0: no such key */
    enum spec_change change;           /* what was decided on `current` */
    struct spec_record next;           /* when `change` is not SPEC_UNCHANGED */
    enum spec_change done;             /* what was written in the end, for the operator */
};

const char *spec_change_text(enum spec_change change);

/*
 * What applying `wanted` changes. `uid` and `now_ms` are those of a cluster that is created.
 * ERR_CONFLICT while a cluster of this name is being deleted.
 */
MUST_USE int spec_edit_apply(struct spec_edit *edit, const struct spec *wanted, const char *uid,
                             uint64_t now_ms, struct err *err);

/* What another count of nodes changes. ERR_NOT_FOUND, ERR_CONFLICT as above. */
MUST_USE int spec_edit_scale(struct spec_edit *edit, uint32_t nodes, struct err *err);

/* What asking for the deletion changes: nothing when it was asked for already. ERR_NOT_FOUND. */
MUST_USE int spec_edit_delete(struct spec_edit *edit, struct err *err);

/* Decide on what was read: set `change` and `next`. */
typedef int spec_decide_fn(void *ctx, size_t index, struct spec_edit *edit, struct err *err);

/*
 * Read, decide and write until nobody interferes, SPEC_STORE_TRIES_MAX times at most, then
 * ERR_CONFLICT. Nothing is written unless all decisions were made; at most SPEC_STORE_BATCH_MAX
 * specs are written in one transaction, all of them or none. After a write of unknown outcome what
 * is there is read again.
 */
MUST_USE int spec_store_change(struct context *context, struct spec_edit *edits, size_t count,
                               spec_decide_fn *decide, void *ctx, struct err *err);

#endif
