/*
 * reconcile - compare what is wanted with what was observed; say what to do.
 *
 * Pure: same view, same plan. No I/O, clock, randomness, logging or static state; the time is a
 * field of the view. Level-triggered: a pass needs no memory of the previous pass, so a lost event
 * or a restarted controller costs one extra pass and nothing else. The controller executes a plan
 * in its order, stops at the first failure, and runs the next pass on fresh facts.
 */
#ifndef RECONCILER_RECONCILE_H
#define RECONCILER_RECONCILE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/effect.h"
#include "model/view.h"

/*
 * Make the plan for `view`; all of it lives in `arena`. Returns 0 (an empty plan: nothing to do),
 * or ERR_NOMEM / ERR_LIMIT with `*plan` untouched.
 */
MUST_USE int reconcile(const struct view *view, struct arena *arena, struct plan *plan,
                       struct err *err);

#endif
