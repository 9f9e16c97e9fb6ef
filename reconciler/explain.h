/*
 * explain - a pass, with all that it rests on: for whoever asks why nothing happens, or what will.
 *
 * Made by the very pass that makes the plan: reconcile() is this without the explanation. Which
 * facts there are and what they mean stands in the rule tables (`node_rules.facts` and the like).
 */
#ifndef RECONCILER_EXPLAIN_H
#define RECONCILER_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/effect.h"
#include "model/view.h"
#include "reconciler/obstacle.h"
#include "reconciler/plan.h"
#include "reconciler/rule.h"

/* Facts, and the rule that they lead to. */
struct explained_rule {
    const struct rule_table *table;
    uint64_t facts;
    const struct rule *rule;
};

/* Where a new node would run. */
struct explained_place {
    const char *host;
    const char *ip;
    uint16_t data_port;
};

/* A node: of several of one slot, the one that holds it comes first. */
struct explained_node {
    uint32_t slot;
    const char *host;                 /* "" : none yet, or nobody knows */
    const struct intent *intent;      /* NULL: none */
    const struct node_report *report; /* NULL: none */
    struct explained_rule decision;
    struct explained_rule push;          /* without a rule while there is no configuration */
    const struct explained_place *place; /* of the new node that the rule asks for; NULL: none */
    uint64_t next_ms;     /* when its time alone changes something next; UINT64_MAX: never */
    const char *next_why; /* the rule that waits for that */
};

/* A request to join. */
struct explained_join {
    const struct join_view *view;
    struct explained_rule decision;
    uint32_t slot; /* that its joiner has, or gets; 0: none */
};

struct explained_wake {
    uint32_t slot;    /* 0: about the cluster */
    const char *host; /* "" likewise */
    uint64_t at_ms;
    const char *why; /* a rule, or "remind", "progress-deadline" */
};

/* How many nodes may change at once, and how many do. */
struct explained_budget {
    uint32_t unavailable;
    uint32_t unavailable_max;
    uint32_t surge;
    uint32_t surge_max; /* for new settings; at least one node more may run where a host is left */
};

struct explanation {
    bool known;  /* there is anything to decide about; else nothing else is set */
    bool frozen; /* the spec is missing */
    const struct explained_node *nodes;
    size_t nodes_count;
    const struct explained_join *joins; /* in the order of their uids */
    size_t joins_count;
    struct explained_rule membership;
    struct explained_rule alias;
    const struct member *members; /* of the next configuration, whether it is due or not */
    size_t members_count;
    uint32_t version_next; /* 0: the versions are used up */
    uint64_t epoch_next;
    size_t acks_missing; /* members that are up without the current configuration */
    size_t acks_unknown; /* members that may answer with an older one all the same */
    struct explained_budget budget;
    bool mass; /* so much looks dead that nothing is replaced */
    struct progress progress;
    struct obstacle obstacle;
    const char *no_place;               /* why a node fits on no host; NULL: all fit */
    const struct status *status;        /* what this pass says; NULL: the cluster is at its end */
    const struct explained_wake *wakes; /* every time that the pass waits for */
    size_t wakes_count;
};

/* As reconcile(), and in `*out` why; that lives in `arena` too and borrows from `view`. */
MUST_USE int reconcile_explained(const struct view *view, struct arena *arena, struct plan *plan,
                                 struct explanation *out, struct err *err);

#endif
