#include "reconciler/conditions.h"

#include <stdio.h>
#include <string.h>

#include "model/name.h"

#define NAMED_MAX 8 /* slots and keys that a message names */
#define LIST_TEXT_MAX 768
#define ITEM_TEXT_MAX 192

/* What keeps a cluster from being converged; `reason` is NULL when nothing does. */
struct obstacle {
    const char *reason;
    const char *message;
    bool stalled; /* it needs something from outside, or has taken longer than it may */
};

/* A list of things in a message, cut after NAMED_MAX. */
struct naming {
    char text[LIST_TEXT_MAX];
    size_t count;
};

static void name_one(struct naming *naming, const char *item)
{
    size_t used = strlen(naming->text);

    if (naming->count < NAMED_MAX) {
        (void)snprintf(naming->text + used, sizeof(naming->text) - used, "%s%s",
                       naming->count == 0 ? "" : ", ", item);
    } else if (naming->count == NAMED_MAX) {
        (void)snprintf(naming->text + used, sizeof(naming->text) - used, ", ...");
    }
    naming->count++;
}

static struct condition condition(bool status, const char *reason, const char *message)
{
    return (struct condition){ .status = status, .reason = reason, .message = message };
}

static const struct condition hidden = { .reason = "", .message = "" };

static bool has(const struct node *node, uint32_t facts)
{
    return (node->facts & facts) == facts;
}

/*
 * Up to when the node may take for what is asked of it: since the configuration was made, its
 * intent was changed, its process was started. UINT64_MAX: it is not its turn.
 */
static uint64_t due_at_ms(const struct facts *facts, const struct node *node)
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

/* A listed node that can't answer holds nothing up for longer than convergeTimeout. */
static bool is_excused(const struct facts *facts, const struct node *node)
{
    const uint32_t deny = FACT(UP) | FACT(SETTINGS_OLD) | FACT(BLOCKED);

    return has(node, FACT(LISTED)) && (node->facts & deny) == 0 &&
           due_at_ms(facts, node) <= facts->view->now_ms;
}

static bool is_in_order(const struct node *node)
{
    return has(node, FACT(WANTED) | FACT(PROVEN) | FACT(LISTED)) && !has(node, FACT(BLOCKED)) &&
           !has(node, FACT(SETTINGS_OLD)) && !has(node, FACT(FOREIGN));
}

static const char *problem_text(const struct node *node)
{
    return node->report == NULL ? "" : node->report->problem;
}

static const char *node_text(struct plan_builder *plan, const struct node *node)
{
    char slot[SLOT_TEXT_SIZE];
    const char *problem = problem_text(node);

    slot_format(node->slot, slot);
    return plan_text(plan, "slot %s: %s%s%s", slot, node->rule->sentence,
                     problem[0] == '\0' ? "" : ": ", problem);
}

/* What one node means: nothing when it is in order, or excused. */
static struct obstacle judge_node(const struct facts *facts, struct plan_builder *plan,
                                  const struct node *node)
{
    uint64_t due_ms = due_at_ms(facts, node);
    bool stalled = has(node, FACT(BLOCKED)) || due_ms <= facts->view->now_ms;

    if (!has(node, FACT(WANTED)) || is_in_order(node) || is_excused(facts, node)) {
        return (struct obstacle){ 0 };
    }
    if (!stalled && due_ms != UINT64_MAX) {
        plan_wake(plan, due_ms, node->rule->name);
    }
    return (struct obstacle){
        .reason = stalled ? "NodeNotReady" : "NodesPending",
        .message = node_text(plan, node),
        .stalled = stalled,
    };
}

/* The first node that is in the way, one that is so for too long before any other. */
static struct obstacle node_obstacle(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    const struct node *excused = NULL;
    struct obstacle found = { 0 };
    bool changing = false;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        struct obstacle one = judge_node(facts, plan, node);

        if (one.reason != NULL && (found.reason == NULL || (one.stalled && !found.stalled))) {
            found = one;
        }
        changing = changing || has(node, FACT(WANTED) | FACT(SETTINGS_OLD));
        if (excused == NULL && has(node, FACT(WANTED)) && is_excused(facts, node)) {
            excused = node;
        }
    }
    /* New settings wait for the nodes that are down, however long that takes. */
    if (changing && excused != NULL && !found.stalled) {
        found.reason = "NodeNotReady";
        found.message = node_text(plan, excused);
        found.stalled = true;
    }
    return found;
}

static struct obstacle membership_obstacle(const struct outcome *outcome)
{
    const struct membership *membership = outcome->membership;
    struct obstacle found = { .reason = "ConfigurationPending",
                              .message = membership->rule->sentence };

    if ((membership->facts & (MEMBERSHIP(CHANGED) | MEMBERSHIP(RENEW) | MEMBERSHIP(BLOCKED))) ==
        0) {
        return (struct obstacle){ 0 };
    }
    if ((membership->facts & MEMBERSHIP(BLOCKED)) != 0) {
        found.reason = "ConfigurationUnreadable";
        found.stalled = true;
    } else if ((membership->facts & MEMBERSHIP(EXHAUSTED)) != 0) {
        found.reason = "VersionsUsedUp";
        found.stalled = true;
    } else if ((membership->facts & MEMBERSHIP(LARGE)) != 0) {
        found.reason = "ListTooLarge";
        found.stalled = true;
    }
    return found;
}

static struct obstacle obstacle_find(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    const struct rollout *rollout = outcome->rollout;
    struct obstacle found;
    struct obstacle other;

    if (facts->frozen) {
        return (struct obstacle){ .reason = "SpecMissing",
                                  .message = plan_text(plan,
                                                       "the key clusters/%s/spec is gone or can't "
                                                       "be read: nothing is changed",
                                                       facts->view->cluster),
                                  .stalled = true };
    }
    if (facts->record->deleting) {
        return (struct obstacle){ .reason = "Deleting", .message = "the cluster is being deleted" };
    }
    if (0 < rollout->unplaced) {
        return (struct obstacle){ .reason = "Unschedulable",
                                  .message = rollout->no_place,
                                  .stalled = true };
    }
    other = membership_obstacle(outcome);
    found = other.stalled ? other : node_obstacle(outcome, plan);
    found = found.reason == NULL ? other : found;
    if (found.reason == NULL && (outcome->alias->facts & ALIAS(RIGHT)) == 0) {
        found = (struct obstacle){ .reason = "EndpointPending",
                                   .message = outcome->alias->rule->sentence };
    }
    return found;
}

static struct condition key_invalid(const struct facts *facts, struct plan_builder *plan)
{
    struct naming naming = { .text = "" };
    size_t i;

    if (facts->view->bad_keys_count == 0) {
        return hidden;
    }
    for (i = 0; i < facts->view->bad_keys_count; i++) {
        const struct bad_key *bad = &facts->view->bad_keys[i];
        char item[ITEM_TEXT_MAX];

        (void)snprintf(item, sizeof(item), "%s: %s", bad->key, bad->problem);
        name_one(&naming, item);
    }
    return condition(true, "KeyUnreadable", plan_text(plan, "%s", naming.text));
}

static struct condition unschedulable(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct rollout *rollout = outcome->rollout;
    size_t others = rollout->unplaced + rollout->unreplaced;
    char slot[SLOT_TEXT_SIZE];
    char more[ITEM_TEXT_MAX] = "";

    if (rollout->no_place == NULL) {
        return hidden;
    }
    slot_format(rollout->no_place_slot, slot);
    if (1 < others) {
        (void)snprintf(more, sizeof(more), " (and %zu more)", others - 1);
    }
    return condition(
        true, rollout->unplaced == 0 ? "NoHostForReplacement" : "NoHostFits",
        plan_text(plan, "slot %s%s fits on no host: %s", slot, more, rollout->no_place));
}

static struct condition ready(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    const struct alias *alias = facts->view->alias;
    size_t i;

    if (alias == NULL) {
        return condition(false, "NoEndpoint", "the endpoint is not set yet");
    }
    for (i = 0; i < facts->nodes_count; i++) {
        if (has(&facts->nodes[i], FACT(LISTED) | FACT(UP))) {
            return condition(
                true, "Serving",
                plan_text(plan, "the endpoint is %s:%u", alias->host, (unsigned int)alias->port));
        }
    }
    return condition(false, "NoNodeServes", "no listed node is up");
}

static const char *state_text(const struct node *node)
{
    if (has(node, FACT(UP))) {
        return "up at another address";
    }
    return node->report == NULL ? "silent" : node_state_text(node->report->state);
}

static struct condition degraded(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    struct naming naming = { .text = "" };
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        char slot[SLOT_TEXT_SIZE];
        char item[ITEM_TEXT_MAX];

        if (node->member == NULL || has(node, FACT(SUPERSEDED)) ||
            has(node, FACT(UP) | FACT(LISTED))) {
            continue;
        }
        slot_format(node->slot, slot);
        (void)snprintf(item, sizeof(item), "%s (%s%s%s)", slot, state_text(node),
                       problem_text(node)[0] == '\0' ? "" : ": ", problem_text(node));
        name_one(&naming, item);
    }
    if (naming.count == 0) {
        return condition(false, "NodesUp", "every listed node is up");
    }
    return condition(true, facts->mass ? "MassFailure" : "NodesDown",
                     plan_text(plan, "listed but not up: %s", naming.text));
}

static struct condition partition_in_process(const struct outcome *outcome,
                                             struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    struct naming naming = { .text = "" };
    size_t up = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        char slot[SLOT_TEXT_SIZE];
        char item[ITEM_TEXT_MAX];

        if (!has(node, FACT(UP)) || has(node, FACT(SUPERSEDED))) {
            continue;
        }
        up++;
        if (node->report->partition != PARTITION_IN_PROCESS) {
            slot_format(node->slot, slot);
            (void)snprintf(item, sizeof(item), "%s (%s)", slot,
                           partition_mode_text(node->report->partition));
            name_one(&naming, item);
        }
    }
    if (up == 0) {
        return hidden;
    }
    if (naming.count == 0) {
        return condition(true, "InProcess", "every node answers discovery on its data port");
    }
    return condition(false, "NotInProcess",
                     plan_text(plan, "without a partition in memcached: %s", naming.text));
}

static struct condition payload_large(const struct facts *facts, struct plan_builder *plan)
{
    if (facts->config == NULL || facts->config->payload_bytes <= CONFIG_PAYLOAD_BYTES_WARN) {
        return hidden;
    }
    return condition(true, "ClientsMayCutIt",
                     plan_text(plan,
                               "the node list has %zu bytes; some clients read no more "
                               "than 4096",
                               facts->config->payload_bytes));
}

/* An order to stop that its lost host will find, should it return: nobody waits for it. */
static bool is_tombstone(const struct node *node)
{
    return has(node, FACT(STOPPING)) && (node->facts & (FACT(HOST) | FACT(REPORTED))) == 0;
}

static size_t leavers_count(const struct facts *facts)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (has(node, FACT(PLACED)) && !has(node, FACT(WANTED)) && !is_tombstone(node)) {
            count++;
        }
    }
    return count;
}

static struct condition progressing(const struct outcome *outcome, struct plan_builder *plan,
                                    const struct obstacle *obstacle)
{
    size_t leavers = leavers_count(outcome->facts);

    if (obstacle->reason != NULL) {
        return obstacle->stalled ? condition(false, "Stalled", obstacle->message)
                                 : condition(true, obstacle->reason, obstacle->message);
    }
    if (0 < leavers) {
        return condition(true, "NodesLeaving",
                         plan_text(plan, "nodes on their way out: %zu", leavers));
    }
    return condition(false, "Converged", "nothing is left to do");
}

static struct condition stalled(const struct outcome *outcome, const struct obstacle *obstacle)
{
    const struct facts *facts = outcome->facts;

    if (facts->mass) {
        return condition(true, "MassFailure",
                         "more than half of the nodes look dead at once: nothing is replaced");
    }
    return obstacle->reason != NULL && obstacle->stalled
               ? condition(true, obstacle->reason, obstacle->message)
               : condition(false, "NotStalled", "nothing keeps the cluster from going on");
}

void conditions_find(const struct outcome *outcome, struct plan_builder *plan,
                     struct condition *out)
{
    struct obstacle obstacle = obstacle_find(outcome, plan);

    out[CONDITION_READY] = ready(outcome, plan);
    out[CONDITION_CONVERGED] = obstacle.reason == NULL
                                   ? condition(true, "Converged",
                                               plan_text(plan, "version %u is served",
                                                         outcome->facts->config->head.version))
                                   : condition(false, obstacle.reason, obstacle.message);
    out[CONDITION_PROGRESSING] = progressing(outcome, plan, &obstacle);
    out[CONDITION_DEGRADED] = degraded(outcome, plan);
    out[CONDITION_STALLED] = stalled(outcome, &obstacle);
    out[CONDITION_UNSCHEDULABLE] = unschedulable(outcome, plan);
    out[CONDITION_PARTITION_IN_PROCESS] = partition_in_process(outcome, plan);
    out[CONDITION_PAYLOAD_LARGE] = payload_large(outcome->facts, plan);
    out[CONDITION_KEY_INVALID] = key_invalid(outcome->facts, plan);
}
