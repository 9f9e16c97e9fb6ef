/*
 * explain_fill - what a pass found, written down for explain.h.
 */
#ifndef RECONCILER_EXPLAIN_FILL_H
#define RECONCILER_EXPLAIN_FILL_H

#include "reconciler/explain.h"

/* Fill `out` from what the parts of a pass found. A lack of memory shows in `plan`. */
void explain_fill(const struct outcome *outcome, const struct status *status,
                  struct plan_builder *plan, struct explanation *out);

#endif
