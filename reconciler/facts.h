/*
 * facts - a view, sorted out: every node of the cluster with all that the keys say about it.
 *
 * A node is an intent, or a slot that should have one, or something that runs without one. Nodes
 * stand in slot order; of several nodes of one slot the one that holds the slot stands first, the
 * others are superseded. What the node's facts are decides the rule for it (node_rules.h).
 */
#ifndef RECONCILER_FACTS_H
#define RECONCILER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/view.h"
#include "reconciler/node_rules.h"
#include "reconciler/version.h"

/*
 * An order to stop waits for a host that is gone for so long: what runs there, should the host
 * return, must learn that it is over, and its address is not free until then. Nobody is woken for
 * the end of that time; the next pass for whatever reason finds it.
 */
#define LOST_AFTER_MS UINT64_C(86400000)

struct node {
    uint32_t slot;
    uint32_t facts;
    const struct intent *intent;         /* NULL: none */
    const struct node_report *report;    /* of this very node; NULL: none */
    const struct member *member;         /* of its slot, whichever node it names; NULL: none */
    const struct slot_observation *seen; /* of its slot; NULL: none */
    const struct host_view *host;        /* where its intent or report says; NULL: none */
    const struct intent *slot_intents;   /* all intents of its slot */
    size_t slot_intents_count;
    const struct rule *rule;
};

struct facts {
    const struct view *view;
    const struct spec_record *record; /* never NULL */
    const struct spec *spec;          /* that of the record */
    const struct config *config;      /* of this incarnation; NULL: none */
    struct version_law law;
    struct node *nodes;
    size_t nodes_count;
    bool frozen;          /* the spec is missing: nothing is wanted, all nodes are blocked */
    bool config_blocked;  /* config or lineage can't be read: nothing that needs them is done */
    bool settings_tried;  /* a node is up with the spec's settings */
    bool mass;            /* more than half looks dead */
    size_t acks_missing;  /* members that are up without the current configuration */
    size_t acks_unknown;  /* members of which nobody reports, and that may answer all the same */
    uint32_t unavailable; /* slots whose listed node is missed */
};

/* Sort out `view`; without a spec everything is frozen. ERR_NOMEM. */
MUST_USE int facts_gather(const struct view *view, struct arena *arena, struct facts *out,
                          struct err *err);

/* Whether `node` serves exactly the current configuration. */
bool node_has_acked(const struct facts *facts, const struct node *node);

/* Whether clients are told of the node's slot, and nothing proven serves where they are told. */
bool node_is_missed(const struct node *node);

/* When the node counts as failed, should nothing change; UINT64_MAX: it shows no sign of it. */
uint64_t node_fails_at_ms(const struct facts *facts, const struct node *node);

/* When the same node looks dead: as soon as it had its time to start. */
uint64_t node_dead_at_ms(const struct facts *facts, const struct node *node);

#endif
