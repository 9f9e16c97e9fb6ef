/*
 * conditions - what a pass found, in the terms in which operators and kstatus read it.
 *
 * Every condition has a reason of one word and a message for a human that names slots, hosts and
 * keys. Messages hold nothing that changes by itself (no durations, no times): an idle cluster's
 * status stays as it is. A condition without reason is not shown.
 */
#ifndef RECONCILER_CONDITIONS_H
#define RECONCILER_CONDITIONS_H

#include "model/status.h"
#include "reconciler/obstacle.h"
#include "reconciler/plan.h"

/* Fill `out`[CONDITION_COUNT] but for the times. Texts live in the arena of `plan`. */
void conditions_find(const struct outcome *outcome, struct plan_builder *plan,
                     struct condition *out);

#endif
