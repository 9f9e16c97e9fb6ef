/*
 * spec_diff - what differs between two specs, field by field. Pure.
 */
#ifndef APPLY_SPEC_DIFF_H
#define APPLY_SPEC_DIFF_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/spec.h"
#include "model/spec_field.h"

struct spec_diff_line {
    const char *name;   /* of the field, without "spec." and "metadata.": "rollout.drain" */
    const char *before; /* as in YAML, in one line; "" where it is left out */
    const char *after;
};

struct spec_diff {
    struct spec_diff_line lines[SPEC_FIELDS_COUNT]; /* in the order of a document */
    size_t count;
};

/*
 * The fields that differ. Without `before` (NULL) it is compared with a spec of which nothing is
 * said, so that what stands in a short document is told. Texts are in `arena`; ERR_NOMEM.
 */
MUST_USE int spec_diff(const struct spec *before, const struct spec *after, struct arena *arena,
                       struct spec_diff *out, struct err *err);

/* Append all of it as one line: "nodes 3 -> 5, rollout.drain 2m -> 30s". */
void spec_diff_line(const struct spec_diff *diff, struct str *out);

#endif
