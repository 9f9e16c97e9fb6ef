#include "reconciler/reconcile.h"

#include "reconciler/alias.h"
#include "reconciler/facts.h"
#include "reconciler/membership.h"
#include "reconciler/plan.h"
#include "reconciler/push.h"
#include "reconciler/rollout.h"

/* A key that can't be read may be about a node that still runs. */
static bool intent_is_unreadable(const struct view *view)
{
    size_t i;

    for (i = 0; i < view->bad_keys_count; i++) {
        if (view->bad_keys[i].kind == BAD_KEY_ANY || view->bad_keys[i].kind == BAD_KEY_INTENT) {
            return true;
        }
    }
    return false;
}

/* All of the cluster is stopped and out of the keys: the rest of them goes in one transaction. */
static bool may_forget(const struct facts *facts)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        if ((facts->nodes[i].facts & (FACT(PLACED) | FACT(ORPHANED) | FACT(BLOCKED))) != 0) {
            return false;
        }
    }
    return view->spec->deleting && view->alias == NULL && !intent_is_unreadable(view);
}

/* Pushes first: they wait for no write of this pass, and clients wait for them. */
int reconcile(const struct view *view, struct arena *arena, struct plan *plan, struct err *err)
{
    struct plan_builder builder;
    struct membership membership;
    struct alias_choice alias;
    struct rollout rollout;
    struct facts facts;
    int rv;

    plan_init(&builder, view, arena);
    if (view->spec == NULL) {
        return plan_finish(&builder, plan, err);
    }
    rv = facts_gather(view, arena, &facts, err);
    if (rv < 0) {
        return rv;
    }
    rollout_judge(&facts);
    alias_find(&facts, &alias);
    membership_find(&facts, &builder, &membership);
    push_plan(&facts, &builder);
    alias_plan(&facts, &alias, &builder);
    rollout_plan(&facts, &builder, &rollout);
    if (!view->spec->deleting) {
        membership_plan(&facts, &membership, &builder);
    } else if (may_forget(&facts)) {
        plan_plain(&builder, EFFECT_CLUSTER_FORGET, "forget");
    }
    return plan_finish(&builder, plan, err);
}
