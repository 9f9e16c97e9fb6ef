/*
 * facts - a view, sorted out: every node of the cluster with all that the keys say about it.
 *
 * A node is a slot on a host: an intent, or something that runs without one. There is also one for
 * a slot that should have a node and has none, and one for a member that nobody runs. Nodes stand
 * in slot order; of several nodes of one slot the one that holds the slot (owner.h) stands first,
 * the others are superseded. What the node's facts are decides the rule for it (node_rules.h).
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
 * return, must learn that it is over, and its address is not free until then. That order also
 * outlives the cluster. Nobody is woken for the end of that time; the next pass for whatever reason
 * finds it.
 */
#define LOST_AFTER_MS UINT64_C(86400000)

struct placement_choice;

struct node {
    uint32_t slot;
    uint64_t facts;
    const struct intent *intent;         /* NULL: none */
    const struct node_report *report;    /* of this very node; NULL: none */
    const struct member *member;         /* of its slot, whichever node it names; NULL: none */
    const struct slot_observation *seen; /* of this very node; NULL: none */
    const struct host_view *host;        /* where its intent or report says; NULL: none */
    const struct intent *slot_intents;   /* all intents of its slot */
    size_t slot_intents_count;
    const struct rule *rule;
    const struct placement_choice *place; /* for the new node that the rule asks for; NULL: none */
};

/* How far the rollout is. */
struct progress {
    bool active;          /* there is one */
    bool stalled;         /* it has shown no progress for progressDeadline */
    uint32_t updated;     /* nodes that are proven as they should be */
    uint64_t since_ms;    /* it began or last came nearer; 0: there is none */
    uint64_t deadline_ms; /* UINT64_MAX: there is none */
};

struct facts {
    const struct view *view;
    const struct spec_record *record; /* never NULL */
    const struct spec *spec;          /* that of the record */
    uint32_t placed;                  /* spec_placed() */
    const struct config *config;      /* of this incarnation; NULL: none */
    struct version_law law;
    struct node *nodes;
    size_t nodes_count;
    const bool *hosts_allowed; /* by index in the view: the spec's placement lets nodes run there;
                                  NULL: on any */
    struct progress progress;
    bool frozen;          /* the spec is missing: nothing is wanted, all nodes are blocked */
    bool deleted;         /* no order is left but to stop, for hosts that were away */
    bool remnant;         /* so it is, and nothing else is left that can't be read */
    bool config_blocked;  /* config or lineage can't be read: nothing that needs them is done */
    bool mass;            /* nodes are left as they are because too much looks dead at once */
    size_t acks_missing;  /* members that are up without the current configuration */
    size_t acks_unknown;  /* members that may answer with an older one all the same */
    uint32_t unavailable; /* slots whose listed node is missed */
    uint32_t surge;       /* nodes that run beyond one a slot */
    uint32_t wanted;      /* nodes that are */
    uint32_t guests;      /* wanted slots beyond those that the spec asks for */
    uint32_t dismissed;   /* nodes that joined, were sent away, and are not gone yet */
};

/* Sort out `view`; without a spec everything is frozen. ERR_NOMEM. */
MUST_USE int facts_gather(const struct view *view, struct arena *arena, struct facts *out,
                          struct err *err);

/* Whether the spec's placement lets nodes run on that host of the view. */
bool host_is_allowed(const struct facts *facts, const struct host_view *host);

/* The first of placement.labels that the host does not have, or NULL. */
const struct label *host_label_missing(const struct spec *spec, const struct host *host);

#endif
