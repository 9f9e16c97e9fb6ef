/*
 * rehearsal_parts - what the parts of a rehearsal share, and nobody else uses.
 */
#ifndef RECONCILER_REHEARSAL_PARTS_H
#define RECONCILER_REHEARSAL_PARTS_H

#include "reconciler/rehearsal.h"

/* Record ERR_NOMEM. */
MUST_USE int rehearsal_no_memory(const struct rehearsal *rehearsal, struct err *err);

/* Where the intent is (returns true) or belongs. */
bool rehearsal_intent_find(const struct rehearsal *rehearsal, uint32_t slot, const char *host,
                           size_t *at);

/* Room for one more intent. */
MUST_USE int rehearsal_intents_grow(struct rehearsal *rehearsal, struct err *err);

/* The node of the place, made when there is none yet; NULL: no memory. */
struct rehearsed *rehearsal_node_at(struct rehearsal *rehearsal, uint32_t slot, const char *host);

/* What was observed of the place, or NULL. */
struct slot_observation *rehearsal_observation(const struct rehearsal *rehearsal, uint32_t slot,
                                               const char *host);

/* The node serves the current configuration. */
void rehearsal_serve(const struct rehearsal *rehearsal, struct rehearsed *node);

/* Have the next pass see what is there now. */
MUST_USE int rehearsal_show(struct rehearsal *rehearsal, struct err *err);

/* Empty room for the next content of a shelf; the former content stays until the next turn. */
struct arena *shelf_turn(struct shelf *shelf);

#endif
