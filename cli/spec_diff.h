/*
 * spec_diff - what differs between two specs, field by field. Pure.
 */
#ifndef CLI_SPEC_DIFF_H
#define CLI_SPEC_DIFF_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
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

#endif
