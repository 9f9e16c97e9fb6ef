/*
 * account - why a cluster is as it is, and what comes next.
 *
 * Made by the controller's own pass on what the keys say, and told as text or JSON. Pure. A
 * controller also knows which pushes are on their way; where its status names another rule than
 * found here, both are told.
 */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/effect.h"
#include "model/view.h"
#include "reconciler/forecast.h"

struct explanation;
struct account_then;

#define ACCOUNT_WAKES_MAX 64 /* that are looked ahead to */
#define ACCOUNT_STEPS_MAX 12 /* of the forecast, that a text tells */

struct account {
    const struct view *view;
    bool led; /* a controller leads */
    struct plan plan;
    const struct explanation *explanation;
    const struct account_then *then; /* of the wake-ups, up to ACCOUNT_WAKES_MAX */
    struct forecast forecast;
};

/* What is told in detail. */
struct account_scope {
    uint32_t slot; /* only this one; 0: all */
    bool facts;    /* the facts of nodes in order, too */
};

/* Account for the cluster of `view`. ERR_NOT_FOUND when nothing is known of it; ERR_NOMEM. */
MUST_USE int account_make(const struct view *view, bool led, struct arena *arena,
                          struct account *out, struct err *err);

MUST_USE int account_text(const struct account *account, const struct account_scope *scope,
                          struct arena *arena, struct str *out, struct err *err);
/* The line of the budgets, and what comes next, alone. */
void account_text_budgets(const struct account *account, struct str *out);
MUST_USE int account_text_next(const struct account *account, struct arena *arena, struct str *out,
                               struct err *err);
MUST_USE int account_json(const struct account *account, const struct account_scope *scope,
                          struct str *out, struct err *err);

/* Whether the cluster has, or is to have, the slot. */
bool account_has_slot(const struct account *account, uint32_t slot);

#endif
