#include "reconciler/obstacle.h"

#include "model/name.h"
#include "reconciler/naming.h"
#include "reconciler/node_facts.h"

static const struct obstacle none = { .kind = OBSTACLE_NONE, .reason = "", .message = "" };

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
}

uint64_t node_due_at_ms(const struct facts *facts, const struct node *node)
{
    uint64_t since = facts->view->config_since_ms;

    if (node->intent == NULL || has(node, FACT(SETTINGS_OLD)) || has(node, FACT(PROVEN))) {
        return UINT64_MAX;
    }
    if (since < node->intent->phase_since_ms) {
        since = node->intent->phase_since_ms;
    }
    /* One that dies again and again gets no new time by that. */
    if (has(node, FACT(UP)) && since < node->report->started_ms) {
        since = node->report->started_ms;
    }
    return since + facts->spec->converge_timeout_ms;
}

bool node_is_excused(const struct facts *facts, const struct node *node)
{
    const uint64_t deny = FACT(UP) | FACT(SETTINGS_OLD) | FACT(LEAVING) | FACT(BLOCKED);

    return has(node, FACT(LISTED)) && (node->facts & deny) == 0 &&
           node_due_at_ms(facts, node) <= facts->view->now_ms;
}

static bool is_in_order(const struct node *node)
{
    const uint64_t deny =
        FACT(BLOCKED) | FACT(SETTINGS_OLD) | FACT(LEAVING) | FACT(FOREIGN) | FACT(UNWELCOME);

    return has(node, FACT(WANTED) | FACT(PROVEN) | FACT(LISTED)) && (node->facts & deny) == 0;
}

static const char *node_text(struct plan_builder *plan, const struct node *node)
{
    char slot[SLOT_TEXT_SIZE];
    const char *problem = node->report == NULL ? "" : node->report->problem;

    slot_format(node->slot, slot);
    return plan_text(plan, "slot %s%s%s: %s%s%s", slot, has(node, FACT(SUCCESSOR)) ? " on " : "",
                     has(node, FACT(SUCCESSOR)) ? node->intent->host : "", node->rule->sentence,
                     problem[0] == '\0' ? "" : ": ", problem);
}

/* New settings alone, and an operator holds them back. */
static bool is_held(const struct node *node)
{
    return has(node,
               FACT(WANTED) | FACT(PROVEN) | FACT(LISTED) | FACT(SETTINGS_OLD) | FACT(PAUSED)) &&
           (node->facts & (FACT(BLOCKED) | FACT(LEAVING) | FACT(FOREIGN))) == 0;
}

/* What one node means: nothing when it is in order, or excused. */
static struct obstacle judge_node(const struct facts *facts, struct plan_builder *plan,
                                  const struct node *node)
{
    uint64_t due_ms = node_due_at_ms(facts, node);
    bool stalled = has(node, FACT(BLOCKED)) || due_ms <= facts->view->now_ms;

    /* Of a node that is being succeeded, its successor tells how far that is. */
    if ((node->facts & (FACT(WANTED) | FACT(SUCCESSOR))) == 0 || has(node, FACT(SUCCEEDED)) ||
        is_in_order(node) || node_is_excused(facts, node)) {
        return none;
    }
    if (is_held(node)) {
        return (struct obstacle){ .kind = OBSTACLE_HELD,
                                  .reason = "RolloutPaused",
                                  .message = node_text(plan, node) };
    }
    if (!stalled && due_ms != UINT64_MAX) {
        plan_wake(plan, node, due_ms, node->rule->name);
    }
    return (struct obstacle){
        .kind = stalled ? OBSTACLE_STALLED : OBSTACLE_PENDING,
        .reason = stalled ? "NodeNotReady" : "NodesPending",
        .message = node_text(plan, node),
    };
}

/* The first node that is in the way, one that is so for too long before any other. */
static struct obstacle node_obstacle(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    const struct node *excused = NULL;
    struct obstacle found = none;
    bool changing = false;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        struct obstacle one = judge_node(facts, plan, node);

        if (found.kind < one.kind) {
            found = one;
        }
        changing =
            changing || (has(node, FACT(WANTED) | FACT(SETTINGS_OLD)) && !has(node, FACT(PAUSED)));
        if (excused == NULL && has(node, FACT(WANTED)) && !has(node, FACT(SUCCEEDED)) &&
            node_is_excused(facts, node)) {
            excused = node;
        }
    }
    /* New settings wait for the nodes that are down, however long that takes. */
    if (changing && excused != NULL && found.kind != OBSTACLE_STALLED) {
        found = (struct obstacle){ .kind = OBSTACLE_STALLED,
                                   .reason = "NodeNotReady",
                                   .message = node_text(plan, excused) };
    }
    return found;
}

static struct obstacle membership_obstacle(const struct outcome *outcome)
{
    const struct membership *membership = outcome->membership;
    struct obstacle found = { .kind = OBSTACLE_STALLED, .message = membership->rule->sentence };

    if ((membership->facts & (MEMBERSHIP(CHANGED) | MEMBERSHIP(RENEW) | MEMBERSHIP(BLOCKED))) ==
        0) {
        return none;
    }
    if ((membership->facts & MEMBERSHIP(BLOCKED)) != 0) {
        found.reason = "ConfigurationUnreadable";
    } else if ((membership->facts & MEMBERSHIP(EXHAUSTED)) != 0) {
        found.reason = "VersionsUsedUp";
    } else if ((membership->facts & MEMBERSHIP(LARGE)) != 0) {
        found.reason = "ListTooLarge";
    } else {
        found.reason = "ConfigurationPending";
        found.kind = OBSTACLE_PENDING;
    }
    return found;
}

const char *no_place_text(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct rollout *rollout = outcome->rollout;
    size_t all = rollout->unplaced + rollout->unreplaced + rollout->unsucceeded;
    char slot[SLOT_TEXT_SIZE];

    slot_format(rollout->no_place_slot, slot);
    return plan_text(plan, "slot %s%s fits on no host: %s", slot,
                     all < 2 ? "" : plan_text(plan, " (and %zu more)", all - 1), rollout->no_place);
}

/* What the cluster as a whole waits for, whatever its nodes are like. */
static struct obstacle whole_obstacle(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;

    if (facts->frozen) {
        return (struct obstacle){ .kind = OBSTACLE_STALLED,
                                  .reason = "SpecMissing",
                                  .message = plan_text(plan,
                                                       "the key clusters/%s/spec is gone or can't "
                                                       "be read: nothing is changed",
                                                       facts->view->cluster) };
    }
    if (facts->record->deleting) {
        return (struct obstacle){ .kind = OBSTACLE_PENDING,
                                  .reason = "Deleting",
                                  .message = "the cluster is being deleted" };
    }
    if (facts->mass) {
        return (struct obstacle){
            .kind = OBSTACLE_STALLED,
            .reason = "MassFailure",
            .message = plan_text(plan,
                                 "too much looks dead at once: nothing is replaced until part of "
                                 "it returns, or an operator confirms that it is dead: muster "
                                 "repair confirm %s",
                                 facts->view->cluster)
        };
    }
    if (0 < outcome->rollout->unplaced) {
        return (struct obstacle){ .kind = OBSTACLE_STALLED,
                                  .reason = "Unschedulable",
                                  .message = no_place_text(outcome, plan) };
    }
    return none;
}

/* Nobody is excused where most are gone: what is left does not stand for the cluster. */
static struct obstacle majority_obstacle(const struct facts *facts, struct plan_builder *plan)
{
    struct naming naming = { .text = "" };
    size_t wanted = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        char slot[SLOT_TEXT_SIZE];

        wanted += has(node, FACT(WANTED)) ? 1 : 0;
        if (has(node, FACT(WANTED)) && node_is_excused(facts, node)) {
            slot_format(node->slot, slot);
            naming_add(&naming, "%s (%s)", slot, node_status_state(node));
        }
    }
    if (2 * naming.count <= wanted) {
        return none;
    }
    return (struct obstacle){ .kind = OBSTACLE_STALLED,
                              .reason = "MostNodesGone",
                              .message = plan_text(plan, "most nodes can't be reached: slot %s",
                                                   naming.text) };
}

/* A rollout that has stopped says so before it says what of. */
static struct obstacle rollout_obstacle(const struct outcome *outcome, struct plan_builder *plan,
                                        const struct obstacle *node)
{
    const struct facts *facts = outcome->facts;
    bool unplaced = outcome->rollout->no_place != NULL && node->kind != OBSTACLE_STALLED;
    const char *cause = unplaced ? no_place_text(outcome, plan) : node->message;

    if (facts->progress.stalled) {
        return (struct obstacle){
            .kind = OBSTACLE_STALLED,
            .reason = "ProgressDeadlineExceeded",
            .message = plan_text(plan, "the rollout has made no progress for progressDeadline%s%s",
                                 cause[0] == '\0' ? "" : "; ", cause)
        };
    }
    if (0 < outcome->rollout->unsucceeded && unplaced) {
        return (struct obstacle){ .kind = OBSTACLE_STALLED,
                                  .reason = "Unschedulable",
                                  .message = cause };
    }
    return *node;
}

struct obstacle obstacle_find(const struct outcome *outcome, struct plan_builder *plan)
{
    struct obstacle found = whole_obstacle(outcome, plan);
    struct obstacle other;

    if (found.kind != OBSTACLE_NONE) {
        return found;
    }
    other = membership_obstacle(outcome);
    if (other.kind == OBSTACLE_STALLED) {
        return other;
    }
    found = node_obstacle(outcome, plan);
    found = rollout_obstacle(outcome, plan, &found);
    found = found.kind <= OBSTACLE_HELD && other.kind != OBSTACLE_NONE ? other : found;
    if (found.kind != OBSTACLE_STALLED) {
        other = majority_obstacle(outcome->facts, plan);
        found = other.kind == OBSTACLE_NONE ? found : other;
    }
    if (found.kind == OBSTACLE_NONE && (outcome->alias->facts & ALIAS(RIGHT)) == 0) {
        found = (struct obstacle){ .kind = OBSTACLE_PENDING,
                                   .reason = "EndpointPending",
                                   .message = outcome->alias->rule->sentence };
    }
    return found;
}
