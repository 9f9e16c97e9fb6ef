/*
 * spec_edit - what an operator's wish changes of a cluster's spec record.
 *
 * Pure: looks at the record as it is and says what it is to be. spec_store.h reads and writes.
 */
#ifndef APPLY_SPEC_EDIT_H
#define APPLY_SPEC_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/merge.h"
#include "base/arena.h"
#include "base/err.h"
#include "client/facts.h"
#include "model/spec.h"

enum spec_change {
    SPEC_UNCHANGED, /* nothing is written */
    SPEC_RECORDED,  /* only who manages what */
    SPEC_CONFIGURED,
    SPEC_CREATED,
};

/* One spec as it is and as it is to be. */
struct spec_edit {
    const char *name;
    const struct spec_record *current;      /* NULL: no such cluster */
    uint64_t revision;                      /* mod_revision of `current`; 0: no such key */
    bool wants_history;                     /* `history` is to be read */
    bool may_be_bad;                        /* a spec that can't be read is as good as none */
    const struct generation_facts *history; /* former specs and the current one, ascending */
    enum spec_change change;                /* what was decided on `current` */
    uint64_t undone;                        /* the generation whose spec an undo brings back */
    struct spec_record next;                /* when `change` is not SPEC_UNCHANGED */
    enum spec_change done;                  /* what was written in the end, for the operator */
    struct merge merge;                     /* of spec_edit_apply(), on ERR_CONFLICT as well */
};

const char *spec_change_text(enum spec_change change);

/* A document that is applied; `uid` and `now_ms` are those of a cluster that is created. */
struct spec_wish {
    struct merge_wish merge;
    const char *uid;
    uint64_t now_ms;
};

/*
 * What applying a document changes. Texts and lists of `next` live in `arena`, with the wish, or
 * with `current`. ERR_CONFLICT names a field that somebody else manages, all of them are in
 * `merge`; or it says that a cluster of this name is being deleted. ERR_LIMIT as merge.h has it.
 */
MUST_USE int spec_edit_apply(struct spec_edit *edit, const struct spec_wish *wish,
                             struct arena *arena, struct err *err);

/*
 * What another spec changes, which `manager` (a verb) wants: it then holds the fields that differ.
 * ERR_NOT_FOUND, ERR_CONFLICT as above.
 */
MUST_USE int spec_edit_change(struct spec_edit *edit, const struct spec *wanted,
                              const char *manager, uint64_t now_ms, struct arena *arena,
                              struct err *err);

/*
 * What a wish for a new start of all nodes changes: a new generation with the same fields. Each
 * wish counts, whatever this clock says. ERR_NOT_FOUND, ERR_CONFLICT as above.
 */
MUST_USE int spec_edit_restart(struct spec_edit *edit, uint64_t now_ms, struct err *err);

/* What another count of nodes changes; as above, by "scale". */
MUST_USE int spec_edit_scale(struct spec_edit *edit, uint32_t nodes, uint64_t now_ms,
                             struct arena *arena, struct err *err);

/* What asking for the deletion changes: nothing when it was asked for already. ERR_NOT_FOUND. */
MUST_USE int spec_edit_delete(struct spec_edit *edit, uint64_t now_ms, struct err *err);

/*
 * What going back to the spec of a former generation changes: a new generation with that spec.
 * `generation` 0: the one before the current one. Needs `history`; ERR_NOT_FOUND when that
 * generation is not kept, and as above; by "rollout".
 */
MUST_USE int spec_edit_undo(struct spec_edit *edit, uint64_t generation, uint64_t now_ms,
                            struct arena *arena, struct err *err);

/*
 * What an operator says about the cluster besides its spec: no new generation. Pausing twice
 * changes nothing; resuming counts each time, because it also lets a stalled rollout go on;
 * `confirmed_ms` counts when it is later than the one that is there. Failures as above.
 */
MUST_USE int spec_edit_pause(struct spec_edit *edit, struct err *err);
MUST_USE int spec_edit_resume(struct spec_edit *edit, uint64_t now_ms, struct err *err);
MUST_USE int spec_edit_confirm(struct spec_edit *edit, uint64_t confirmed_ms, struct err *err);

/*
 * The former generation of this cluster with that number; 0: the newest one before the current
 * one. NULL: it is not kept.
 */
const struct spec_record *spec_edit_former(const struct spec_edit *edit, uint64_t generation);

#endif
