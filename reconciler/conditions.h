/*
 * conditions - what a pass found, in the terms in which operators and kstatus read it.
 *
 * Every condition has a reason of one word and a message for a human that names slots, hosts and
 * keys. Messages hold nothing that changes by itself (no durations, no times): an idle cluster's
 * status stays as it is. A condition without reason is not shown.
 */
#ifndef RECONCILER_CONDITIONS_H
#define RECONCILER_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/status.h"
#include "reconciler/alias.h"
#include "reconciler/facts.h"
#include "reconciler/membership.h"
#include "reconciler/plan.h"
#include "reconciler/rollout.h"

/* What the parts of a pass found. */
struct outcome {
    const struct facts *facts;
    const struct membership *membership;
    const struct alias_choice *alias;
    const struct rollout *rollout;
};

/* Fill `out`[CONDITION_COUNT] but for the times. Texts live in the arena of `plan`. */
void conditions_find(const struct outcome *outcome, struct plan_builder *plan,
                     struct condition *out);

#endif
