/*
 * rehearsal - a cluster in memory that does what it is told.
 *
 * Made from a view; what passes ask for is put into force, and hosts that are there obey: nodes
 * start and come up, take the configurations that they are given, lose their clients when they
 * drain, and stop. What the view shows as broken stays so: a host that is gone, a key that can't
 * be read, a node that is not reported up and whose data port fails probes, until it is told
 * something new. Time moves only by a step per round, and by rehearsal_wait().
 *
 * Pure. The view must outlive the rehearsal, and so must the arena, which also holds what it made.
 */
#ifndef RECONCILER_REHEARSAL_H
#define RECONCILER_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/effect.h"
#include "model/view.h"

#define REHEARSAL_ROUND_MS 100

/* A node of one slot on one host; what became of it. */
struct rehearsed {
    struct node_report report; /* slot and host are set in any case */
    bool told;                 /* the report is there */
    bool was_up;               /* in the view */
    bool ending;               /* its process was asked to end, and has not yet */
    uint64_t memory_before;    /* of a node that was up: for items */
    size_t starts;
    size_t restarts;
    size_t stops;
};

/* What is put anew again and again, with all that belongs to it; the former stays for a round. */
struct shelf {
    struct arena arenas[2];
    size_t at;
};

struct rehearsal {
    struct arena *arena;
    struct view view; /* as the next pass sees it; effects refer to it until the hosts act */
    struct lineage lineage;
    struct alias alias;
    struct config config;
    struct intent *intents; /* as they are now */
    size_t intents_count;
    size_t intents_capacity;
    struct intent *shown; /* as the next pass sees them */
    size_t shown_capacity;
    struct rehearsed *nodes; /* in the order of (slot, host), like the lists of the view */
    size_t nodes_count;
    size_t nodes_capacity;
    struct node_report *reports;
    size_t reports_capacity;
    struct slot_observation *observations;
    struct shelf configs;
    struct shelf statuses;
    enum partition_mode partition; /* of new nodes: that of the others */
    bool forgotten;                /* all keys of the cluster are gone: this is the end */
};

MUST_USE int rehearsal_init(struct rehearsal *rehearsal, const struct view *view,
                            struct arena *arena, struct err *err);
void rehearsal_deinit(struct rehearsal *rehearsal);

/*
 * Put an effect into force. Returns 1 when it changed anything, 0 (wakes, events, and a push that
 * nobody takes), ERR_NOMEM.
 */
MUST_USE int rehearsal_effect(struct rehearsal *rehearsal, const struct effect *effect,
                              struct err *err);

/* All hosts act once, and a round's time is over. Returns 1 when anything changed, 0, ERR_NOMEM. */
MUST_USE int rehearsal_obey(struct rehearsal *rehearsal, struct err *err);

/* Let time pass. */
void rehearsal_wait(struct rehearsal *rehearsal, uint64_t until_ms);

/* The node, or NULL. */
const struct rehearsed *rehearsal_node(const struct rehearsal *rehearsal, uint32_t slot,
                                       const char *host);

/* The intent, or NULL. */
const struct intent *rehearsal_intent(const struct rehearsal *rehearsal, uint32_t slot,
                                      const char *host);

/* A copy with the texts that a pass makes anew each time, or NULL: no memory. */
struct status *rehearsal_keep_status(const struct status *status, struct arena *arena);

/* What stands for the slot: of its intents that are not to stop the one that is listed, else the
 * newest to run; NULL: none. */
const struct intent *view_holder(const struct view *view, uint32_t slot);

#endif
