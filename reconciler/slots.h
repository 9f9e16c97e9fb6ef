/*
 * slots - all that a view holds, slot by slot, and which intent holds a slot.
 *
 * The lists of a view are in slot order; one walk merges them. It visits each slot that the spec
 * asks for or that any key tells about.
 */
#ifndef RECONCILER_SLOTS_H
#define RECONCILER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/view.h"

struct slot_walk {
    const struct view *view;
    const struct config *config; /* of this incarnation; NULL: none */
    const char *uid;             /* of this incarnation */
    uint32_t wanted_max;         /* the spec asks for the slots 1..wanted_max */
    /* where it stands */
    uint32_t wanted;
    size_t intent;
    size_t report;
    size_t member;
    size_t observation;
};

struct slot_keys {
    uint32_t slot;
    bool wanted;
    const struct intent *intents; /* one per host */
    size_t intents_count;
    const struct node_report *report;    /* NULL: none */
    const struct member *member;         /* of the configuration; NULL: none */
    const struct slot_observation *seen; /* NULL: none */
};

/* The next slot in `*out`, lowest first. Returns whether there was one. */
bool slot_walk_next(struct slot_walk *walk, struct slot_keys *out);

/* The intent that holds the slot, or NULL; the others of the slot are superseded by it. */
const struct intent *slot_owner(const struct slot_walk *walk, const struct slot_keys *keys);

/* What runs of the slot on a host that has no intent for it, or NULL. */
const struct node_report *slot_orphan(const struct slot_keys *keys);

/* The host in the view, or NULL. */
const struct host_view *host_find(const struct view *view, const char *name);
bool host_is_there(const struct host_view *host);

/* Whether the report is about what the intent asks for; `report` may be NULL. */
bool intent_is_reported(const struct intent *intent, const struct node_report *report);

/* Whether the member names the intent's address; `member` may be NULL. */
bool intent_is_listed(const struct intent *intent, const struct member *member);

#endif
