/*
 * plan - collects the effects of one pass.
 *
 * Effects keep their order; the wish for a later pass is kept once, for the earliest time. A lack
 * of memory sticks, so that callers look at it once, at the end.
 */
#ifndef RECONCILER_PLAN_H
#define RECONCILER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/effect.h"
#include "model/view.h"

struct node;

/* A pass is due at `at_ms`, should nothing change until then. */
struct wake {
    const struct node *node; /* that it is for; NULL: for the cluster */
    uint64_t at_ms;
    const char *why;
};

struct plan_builder {
    const struct view *view;
    struct arena *arena;
    struct effect *effects;
    size_t count;
    size_t capacity;
    struct wake wake; /* the earliest; at UINT64_MAX: no need */
    bool explains;    /* keep all of them */
    struct wake *wakes;
    size_t wakes_count;
    size_t wakes_capacity;
    bool failed;
};

void plan_init(struct plan_builder *plan, const struct view *view, struct arena *arena);

void plan_intent(struct plan_builder *plan, enum effect_kind kind, const struct intent *intent,
                 const char *why);
void plan_config(struct plan_builder *plan, const struct config_draft *draft, const char *why);
void plan_push(struct plan_builder *plan, uint32_t slot, struct push_target target,
               const char *why);
void plan_alias(struct plan_builder *plan, const struct alias *alias, const char *why);
void plan_status(struct plan_builder *plan, const struct status *status, const char *why);
/* ALIAS_CLEAR or CLUSTER_FORGET. */
void plan_plain(struct plan_builder *plan, enum effect_kind kind, const char *why);

/* Tell operators about the effect before this one. `slot` 0: about the cluster. */
void plan_event(struct plan_builder *plan, uint32_t slot, bool warning, const char *reason,
                const char *why, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* A pass is due at `at_ms`, should nothing change until then. `node` NULL: for the cluster. */
void plan_wake(struct plan_builder *plan, const struct node *node, uint64_t at_ms, const char *why);

/*
 * Formatted text in the arena; "" after a failure, which sticks. What is not printable ASCII
 * becomes
 * '?', so that the text reads back from any store as it was written.
 */
const char *plan_text(struct plan_builder *plan, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Zeroed memory, or NULL, which sticks. */
void *plan_alloc(struct plan_builder *plan, size_t count, size_t size);

/* Add the wake-up and yield the plan. ERR_NOMEM when anything was lost. */
MUST_USE int plan_finish(struct plan_builder *builder, struct plan *out, struct err *err);

#endif
