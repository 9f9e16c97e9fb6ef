/*
 * merge - who manages which field of a spec, and what a document changes of it. Pure.
 *
 * A spec record keeps, per manager, which fields that manager set last and to what
 * (struct spec_manager in model/spec.h). There are two kinds of managers. A source applies
 * documents; what its last one said is the base of a three-way merge with the next one. Any other
 * (scale, edit, label, ...) has changed single fields.
 *
 * A manager holds a field while the field lives with the value which that manager has set. What
 * nobody holds may be changed by everybody.
 *
 * Of a document that is merged (`set` in the wish), each field that it sets
 *   - and that lives as it says is from now on held by its source as well;
 *   - and that it sets as this source did last time stays as it lives, and is told as drift where
 *     that differs: it was changed by hand, by an autoscaler, or by another source;
 *   - and that it sets to something new is changed, unless another manager holds it: a conflict.
 * A field that this source's last document set and the new one doesn't goes back to its default,
 * unless another manager holds it. With `force` a document wins in all that it sets.
 *
 * A record to which no document was applied yet since managers are kept (of an older release)
 * counts as applied as a whole by whoever applies first; until then `unknown` is told as the
 * manager of its fields.
 *
 * The labels of a cluster, and those a host must have, are fields of their own each:
 * "metadata.labels.team". The cluster's name is none.
 */
#ifndef APPLY_MERGE_H
#define APPLY_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/spec.h"

#define MERGE_MANAGER_UNKNOWN "unknown"
#define MERGE_SOURCE_DEFAULT "cli"

struct merge_wish {
    const char *source;
    const struct spec *spec;
    uint32_t set; /* bit i: the document sets spec_fields[i] */
    bool force;
};

/* A field that is not as a document says. */
struct merge_other {
    const char *path;    /* "spec.nodes" */
    const char *wanted;  /* what the document says, as in YAML */
    const char *live;    /* what it is; "" : it is left out */
    const char *manager; /* who holds that; "" : nobody */
};

struct merge {
    struct spec spec; /* without regard to conflicts: what they concern stays as it lives */
    const struct spec_manager *managers;
    size_t managers_count;
    const struct merge_other *conflicts;
    size_t conflicts_count;
    const struct merge_other *drift;
    size_t drift_count;
};

/*
 * Merge a document into what lives; `live` NULL: nothing does. Results live in `arena` or with what
 * was given. ERR_LIMIT when the record has no place for one more manager; ERR_CONFLICT when the
 * outcome would be no valid spec, for a reason that lies in several fields of several managers.
 */
MUST_USE int merge_document(const struct spec_record *live, const struct merge_wish *wish,
                            struct arena *arena, struct merge *out, struct err *err);

/*
 * The managers after `manager`, which applies no documents, changed the spec to `after`: it holds
 * what it changed, but for what is now as a source's last document says.
 */
MUST_USE int merge_act(const struct spec_record *live, const struct spec *after,
                       const char *manager, struct arena *arena, struct merge *out,
                       struct err *err);

/* A field, and who has a say in it. */
struct merge_held {
    const char *path;
    const char *value;    /* as it lives; "" : it is left out */
    const char *managers; /* who hold it: "cli", "cli, gitops"; "unknown"; "" : nobody */
    const char *others;   /* sources whose last documents say something else: "cli: 3"; or "" */
};

/*
 * Tell who holds what: every field that a manager has set, or that isn't its default, in the order
 * of a document. ERR_NOMEM.
 */
MUST_USE int merge_tell(const struct spec_record *live, struct arena *arena,
                        const struct merge_held **out, size_t *count, struct err *err);

/* Whether the cluster was applied by that source and by no other. */
bool merge_is_source_alone(const struct spec_record *live, const char *source);

#endif
