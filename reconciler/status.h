/*
 * status - what the controller says about the cluster, written when it says something new.
 */
#ifndef RECONCILER_STATUS_H
#define RECONCILER_STATUS_H

#include "reconciler/conditions.h"
#include "reconciler/plan.h"

/*
 * Add the status to `plan` when it differs from the view's, with the events that go with it.
 * Returns it in any case, or NULL for want of memory, which shows in `plan`.
 */
const struct status *status_plan(const struct outcome *outcome, struct plan_builder *plan);

#endif
