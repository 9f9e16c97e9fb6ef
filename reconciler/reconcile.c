#include "reconciler/reconcile.h"

#include "reconciler/alias.h"
#include "reconciler/explain_fill.h"
#include "reconciler/facts.h"
#include "reconciler/joins.h"
#include "reconciler/membership.h"
#include "reconciler/plan.h"
#include "reconciler/push.h"
#include "reconciler/rollout.h"
#include "reconciler/status.h"

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

/* Whether nothing of the node is left but, for a host that is away, the order to stop it. */
static bool is_over(const struct node *node)
{
    const uint64_t deny = FACT(REPORTED) | FACT(BLOCKED);

    if ((node->facts & deny) != 0) {
        return false;
    }
    return (node->facts & FACT(PLACED)) == 0 ||
           ((node->facts & FACT(STOPPING)) != 0 && (node->facts & FACT(HOST)) == 0);
}

/*
 * All of the cluster that can be stopped is: the rest of its keys goes in one transaction, but for
 * the orders that hosts are to find when they return.
 */
static bool may_forget(const struct facts *facts)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        if (!is_over(&facts->nodes[i])) {
            return false;
        }
    }
    return view->alias == NULL && !intent_is_unreadable(view);
}

/* Whether there is anything that a pass could be about. */
static bool is_known(const struct view *view)
{
    return view->spec != NULL || view->config != NULL || 0 < view->intents_count;
}

/* Pushes first: they wait for no write of this pass, and clients wait for them. */
static void decide(struct facts *facts, struct plan_builder *plan, struct explanation *explanation)
{
    struct membership membership;
    struct alias_choice alias;
    struct rollout rollout;
    struct joins joins;
    struct obstacle obstacle;
    const struct status *status = NULL;
    const struct outcome outcome = { .facts = facts,
                                     .membership = &membership,
                                     .alias = &alias,
                                     .rollout = &rollout,
                                     .joins = &joins,
                                     .obstacle = &obstacle };

    rollout_judge(facts, plan, &rollout);
    joins_find(facts, plan, &joins);
    alias_find(facts, &alias);
    membership_find(facts, plan, &membership);
    push_plan(facts, plan);
    alias_plan(facts, &alias, plan);
    rollout_plan(facts, plan);
    joins_plan(facts, &joins, plan);
    membership_plan(facts, &membership, plan);
    obstacle = obstacle_find(&outcome, plan);
    if (facts->record->deleting && !facts->remnant && may_forget(facts)) {
        plan_event(plan, 0, false, "Deleted", "forget", "all of its nodes are stopped");
        plan_plain(plan, EFFECT_CLUSTER_FORGET, "forget");
    } else if (!facts->deleted) { /* else there is no cluster to say it of */
        status = status_plan(&outcome, plan);
    }
    if (explanation != NULL) {
        explain_fill(&outcome, status, plan, explanation);
    }
}

static int run(const struct view *view, struct arena *arena, struct plan *plan,
               struct explanation *explanation, struct err *err)
{
    struct plan_builder builder;
    struct facts facts;
    int rv;

    plan_init(&builder, view, arena);
    builder.explains = explanation != NULL;
    if (is_known(view)) {
        rv = facts_gather(view, arena, &facts, err);
        if (rv < 0) {
            return rv;
        }
        decide(&facts, &builder, explanation);
    }
    return plan_finish(&builder, plan, err);
}

int reconcile(const struct view *view, struct arena *arena, struct plan *plan, struct err *err)
{
    return run(view, arena, plan, NULL, err);
}

int reconcile_explained(const struct view *view, struct arena *arena, struct plan *plan,
                        struct explanation *out, struct err *err)
{
    struct explanation explanation = { .known = false };
    int rv = run(view, arena, plan, &explanation, err);

    if (0 <= rv) {
        *out = explanation;
    }
    return rv;
}
