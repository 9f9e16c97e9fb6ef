/*
 * slots - all that a view holds, slot by slot.
 *
 * The lists of a view are in the order of slot and host; one walk merges them. It visits each slot
 * that the spec asks for or that any key tells about.
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
    uint32_t wanted_max;         /* the spec asks for the slots 1..wanted_max */
    /* where it stands */
    uint32_t wanted;
    size_t intent;
    size_t report;
    size_t member;
    size_t observation;
};

/* Those of the lists that are about one slot, in the order of their hosts. */
struct slot_keys {
    uint32_t slot;
    bool wanted;
    const struct intent *intents;
    size_t intents_count;
    const struct node_report *reports;
    size_t reports_count;
    const struct slot_observation *seen;
    size_t seen_count;
    const struct member *member; /* of the configuration; NULL: none */
};

/* The next slot in `*out`, lowest first. Returns whether there was one. */
bool slot_walk_next(struct slot_walk *walk, struct slot_keys *out);

/* What there is of the slot on a host; NULL: nothing. */
const struct intent *slot_intent(const struct slot_keys *keys, const char *host);
const struct node_report *slot_report(const struct slot_keys *keys, const char *host);
/* Of host "": the member's address, when neither an intent nor a report has it. */
const struct slot_observation *slot_seen(const struct slot_keys *keys, const char *host);

/* The host in the view, or NULL. */
const struct host_view *host_find(const struct view *view, const char *name);
bool host_is_there(const struct host_view *host);

/* Whether the member names the address of the intent, or this one; `member` may be NULL. */
bool intent_is_listed(const struct intent *intent, const struct member *member);
bool member_is_at(const struct member *member, const char *ip, uint16_t data_port);

#endif
