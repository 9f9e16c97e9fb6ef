/*
 * specs - specs, documents and records for the tests of lib/apply.
 */
#ifndef TESTS_UNIT_APPLY_SPECS_H
#define TESTS_UNIT_APPLY_SPECS_H

#include "apply/merge.h"
#include "base/arena.h"
#include "model/spec.h"

/* A document: what stands in `spec:` in flow style ("{ nodes: 3 }"), and the labels likewise ("":
 * none). */
struct merge_wish specs_wish(struct arena *arena, const char *source, const char *fields,
                             const char *labels);

/* The record after the wish was merged into `live` (NULL: nothing); asserts that it can be. */
struct spec_record specs_apply(struct arena *arena, const struct spec_record *live,
                               const struct merge_wish *wish);

/* The record after a verb has set the count of nodes. */
struct spec_record specs_scale(struct arena *arena, const struct spec_record *live, const char *who,
                               uint32_t nodes);

#endif
