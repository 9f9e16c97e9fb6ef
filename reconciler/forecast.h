/*
 * forecast - what a view comes to, pass by pass, when the world obeys.
 *
 * Pure: reconcile() is asked again and again, and what it asks for is put into force in a
 * rehearsal (rehearsal.h), until a pass has nothing left to do. So what is told here is what the
 * controller decides, by the same code; real hosts may be slower, or fail.
 *
 * Everything lives in the arena that it was made with; texts may also be the view's.
 */
#ifndef RECONCILER_FORECAST_H
#define RECONCILER_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/view.h"

#define FORECAST_STEPS_MAX 65536
#define FORECAST_WAITS_MAX 32 /* in a row, for times that change nothing but the status */

/* act, its name */
#define FORECAST_ACTS(X)                                                              \
    X(START, "start")         /* a node where none was */                             \
    X(JOIN, "join")           /* a memcached that asked becomes a node */             \
    X(ADOPT, "adopt")         /* an intent for what runs already */                   \
    X(TAKE_OVER, "take-over") /* a node of a former cluster of this name */           \
    X(RESTART, "restart")     /* the same node, otherwise or elsewhere on its host */ \
    X(RESUME, "resume")                                                               \
    X(DRAIN, "drain")                                                                 \
    X(STOP, "stop")                                                                   \
    X(LET_GO, "let-go")     /* one that joined: it is a node no longer */             \
    X(REMOVE, "remove")     /* the intent of a node that is stopped */                \
    X(COMMIT, "commit")     /* the next version of the configuration */               \
    X(PUSH, "push")         /* the current version, to nodes */                       \
    X(ENDPOINT, "endpoint") /* it points to another node */                           \
    X(VOUCH, "vouch")       /* it stays, for a newer version */                       \
    X(ENDPOINT_GO, "no-endpoint")                                                     \
    X(WAIT, "wait") /* until a time-out */                                            \
    X(END, "end")   /* all keys of the cluster go */

enum forecast_act {
#define X(name, text) FORECAST_##name,
    FORECAST_ACTS(X)
#undef X
        FORECAST_ACT_COUNT
};

/* Slots, ascending. */
struct forecast_slots {
    uint32_t *list;
    size_t count;
};

struct forecast_step {
    enum forecast_act act;
    uint32_t slot;                /* 0: about the cluster */
    const char *rule;             /* that asked for it; "" : none */
    const char *sentence;         /* of the rule; "" */
    const struct intent *before;  /* acts on a node: its intent so far; NULL: none */
    const struct intent *after;   /* ... and then; NULL: none */
    const struct alias *alias;    /* ENDPOINT, VOUCH */
    uint32_t version;             /* COMMIT, PUSH */
    size_t nodes;                 /* COMMIT: that are listed; PUSH: that take it */
    struct forecast_slots joined; /* COMMIT: who was not listed, is not any more, ... */
    struct forecast_slots left;
    struct forecast_slots moved; /* ... and is listed at another address than before */
    uint64_t wait_ms;            /* WAIT: how long, in vain so far */
};

/* change, its name */
#define FORECAST_CHANGES(X)                                     \
    X(SAME, "unchanged")                                        \
    X(NEW, "new")                                               \
    X(GONE, "gone")                                             \
    X(MOVED, "moved") /* to another host, or another address */ \
    X(RESTARTED, "restarted")                                   \
    X(UNPLACED, "unplaced") /* wanted, and nowhere */

enum forecast_change {
#define X(name, text) FORECAST_##name,
    FORECAST_CHANGES(X)
#undef X
};

/* A slot, before and after. */
struct forecast_slot {
    uint32_t slot;
    enum forecast_change change;
    const struct intent *before; /* NULL: none */
    const struct intent *after;  /* NULL: none */
    bool was_up;                 /* the node before */
    bool emptied;                /* what it holds in its cache goes */
    const char *rule;            /* the node's, in the end; "" : none */
    const char *sentence;
};

struct forecast {
    const struct forecast_step *steps;
    size_t steps_count;
    const struct forecast_slot *slots; /* ascending; those that are wanted, were there or will be */
    size_t slots_count;
    size_t starts; /* of processes; what joined runs by itself */
    size_t restarts;
    size_t stops;
    size_t moves; /* slots that change their place */
    size_t pushes;
    size_t versions;                  /* that are committed */
    size_t endpoint_moves;            /* the first setting included */
    const struct alias *alias_before; /* NULL: none */
    const struct alias *alias_after;  /* NULL: none */
    const struct member *members_before;
    size_t members_before_count;
    const struct member *members_after;
    size_t members_after_count;
    uint32_t version_before; /* 0: none */
    uint32_t version_after;
    uint64_t memory_up;          /* of the nodes that are up, for items */
    uint64_t memory_lost;        /* of those among them that start empty or go */
    const struct status *status; /* in the end; NULL: none */
    uint64_t waited_ms;          /* for time-outs */
    bool converged;              /* in the end; or all of it is gone, as asked */
    bool ended;                  /* the cluster is gone */
    bool settled;                /* nothing is left to do; else the forecast broke off */
};

/* ERR_NOMEM, ERR_LIMIT for more than FORECAST_STEPS_MAX steps; `*out` is untouched then. */
MUST_USE int forecast_make(const struct view *view, struct arena *arena, struct forecast *out,
                           struct err *err);

const char *forecast_act_text(enum forecast_act act);
const char *forecast_change_text(enum forecast_change change);

/* The sentence of a rule of any table, by its name; "" when there is none. */
const char *forecast_sentence(const char *rule);

#endif
