/*
 * pieces - a spec taken apart into what can be managed: its fields, and each label by itself.
 *
 * Pure. Texts live in the arena or with the spec. The cluster's name is no piece.
 */
#ifndef APPLY_PIECES_H
#define APPLY_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/spec.h"
#include "model/spec_field.h"

#define PIECES_ALL UINT32_MAX

struct piece {
    const char *path;  /* "spec.nodes", "metadata.labels.team" */
    const char *value; /* as in a document, in one line; a label's as it is */
};

struct pieces {
    struct piece list[SPEC_MANAGED_MAX];
    size_t count;
};
_Static_assert(SPEC_FIELDS_COUNT + 2 * SPEC_LABELS_MAX <= SPEC_MANAGED_MAX, "all pieces fit");

/*
 * The pieces of those fields whose bit is in `set` (bit i: spec_fields[i]). A field is one also
 * where it has its default; a label where it is there. ERR_NOMEM.
 */
MUST_USE int pieces_of(const struct spec *spec, uint32_t set, struct arena *arena,
                       struct pieces *out, struct err *err);

/* The value of a piece; NULL: there is none of that path. */
const char *pieces_value(const struct pieces *pieces, const char *path);

/*
 * Make the piece be in `to` as it is in `from`: a label that is not there goes. A path that this
 * release does not know changes nothing. ERR_NOMEM; ERR_SPEC beyond SPEC_LABELS_MAX labels.
 */
MUST_USE int piece_copy(const char *path, const struct spec *from, struct arena *arena,
                        struct spec *to, struct err *err);

#endif
