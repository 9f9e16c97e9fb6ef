/*
 * strays - bad keys that belong to no cluster, and hosts that can't be read: who tells of them.
 *
 * There is no status to carry them, so each gets one event when it turns bad.
 */
#ifndef CONTROLLER_STRAYS_H
#define CONTROLLER_STRAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/effect.h"
#include "view/objects.h"

/* Whether some were not announced yet. */
bool strays_pending(const struct objects *objects);

/* An event for each of these; they count as announced from here on. */
MUST_USE int strays_plan(struct objects *objects, uint64_t now_ms, struct arena *arena,
                         struct plan *plan, struct err *err);

/* The events were not written: none counts as announced. */
void strays_retry(struct objects *objects);

#endif
