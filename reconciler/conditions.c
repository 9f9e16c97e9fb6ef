#include "reconciler/conditions.h"

#include <string.h>

#include "model/name.h"
#include "reconciler/naming.h"
#include "reconciler/node_facts.h"

static struct condition condition(bool status, const char *reason, const char *message)
{
    return (struct condition){ .status = status, .reason = reason, .message = message };
}

static const struct condition hidden = { .reason = "", .message = "" };

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
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

        naming_add(&naming, "%s: %s", bad->key, bad->problem);
    }
    return condition(true, "KeyUnreadable", plan_text(plan, "%s", naming.text));
}

static struct condition unschedulable(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct rollout *rollout = outcome->rollout;
    const char *reason = "NoHostFits";

    if (rollout->no_place == NULL) {
        return hidden;
    }
    if (rollout->unplaced == 0) {
        reason = rollout->unreplaced == 0 ? "NoHostForSuccessor" : "NoHostForReplacement";
    }
    return condition(true, reason, no_place_text(outcome, plan));
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

static const char *problem_text(const struct node *node)
{
    return node->report == NULL ? "" : node->report->problem;
}

/* Not up because its intent asks for another start, which may take some time. */
static bool restarts_as_asked(const struct facts *facts, const struct node *node,
                              struct plan_builder *plan)
{
    uint64_t until_ms;

    if (node->intent == NULL || node->report == NULL) {
        return false;
    }
    until_ms = node->intent->phase_since_ms + facts->spec->converge_timeout_ms;
    if (until_ms <= facts->view->now_ms ||
        (node->report->state != NODE_STARTING &&
         node->intent->phase_since_ms <= node->report->started_ms)) {
        return false;
    }
    plan_wake(plan, node, until_ms, node->rule->name);
    return true;
}

static struct condition degraded(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    struct naming naming = { .text = "" };
    size_t i;

    if (facts->record->deleting) {
        return condition(false, "Deleting", "its nodes are stopped because it is being deleted");
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        char slot[SLOT_TEXT_SIZE];

        if (!has(node, FACT(LISTED)) || has(node, FACT(UP)) ||
            restarts_as_asked(facts, node, plan)) {
            continue;
        }
        slot_format(node->slot, slot);
        naming_add(&naming, "%s (%s%s%s)", slot, node_status_state(node),
                   problem_text(node)[0] == '\0' ? "" : ": ", problem_text(node));
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

        if (!has(node, FACT(UP)) || has(node, FACT(SUPERSEDED))) {
            continue;
        }
        up++;
        if (node->report->partition != PARTITION_IN_PROCESS) {
            slot_format(node->slot, slot);
            naming_add(&naming, "%s (%s)", slot, partition_mode_text(node->report->partition));
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

/* How many there are is for those who join to say; that the spec tells another number is told. */
static struct condition nodes_differ(const struct facts *facts, struct plan_builder *plan)
{
    uint32_t nodes = facts->spec->nodes;

    if (facts->spec->membership != SPEC_MEMBERSHIP_JOINED || facts->record->deleting ||
        facts->guests == nodes) {
        return hidden;
    }
    return condition(true, facts->guests < nodes ? "FewerNodes" : "MoreNodes",
                     plan_text(plan, "%u node%s joined, spec.nodes is %u", facts->guests,
                               facts->guests == 1 ? " has" : "s have", nodes));
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

static struct condition progressing(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct obstacle *obstacle = outcome->obstacle;
    size_t leavers = leavers_count(outcome->facts);

    switch (obstacle->kind) {
    case OBSTACLE_STALLED:
        return condition(false,
                         outcome->facts->progress.stalled ? "ProgressDeadlineExceeded" : "Stalled",
                         obstacle->message);
    case OBSTACLE_PENDING:
        return condition(true, obstacle->reason, obstacle->message);
    case OBSTACLE_HELD:
    case OBSTACLE_NONE:
        break;
    }
    if (0 < leavers) {
        return condition(true, "NodesLeaving",
                         plan_text(plan, "nodes on their way out: %zu", leavers));
    }
    return obstacle->kind == OBSTACLE_HELD ? condition(false, obstacle->reason, obstacle->message)
                                           : condition(false, "Converged", "nothing is left to do");
}

static struct condition stalled(const struct outcome *outcome)
{
    const struct obstacle *obstacle = outcome->obstacle;

    return obstacle->kind == OBSTACLE_STALLED
               ? condition(true, obstacle->reason, obstacle->message)
               : condition(false, "NotStalled", "nothing keeps the cluster from going on");
}

/* Members that are excused are named, so that nobody has to compare lists. */
static struct condition converged(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct obstacle *obstacle = outcome->obstacle;
    const struct facts *facts = outcome->facts;
    struct naming naming = { .text = "" };
    size_t i;

    if (obstacle->kind != OBSTACLE_NONE) {
        return condition(false, obstacle->reason, obstacle->message);
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        char slot[SLOT_TEXT_SIZE];

        if (has(node, FACT(WANTED)) && node_is_excused(facts, node)) {
            slot_format(node->slot, slot);
            naming_add(&naming, "%s (%s)", slot, node_status_state(node));
        }
    }
    return condition(true, "Converged",
                     plan_text(plan, "version %u is served%s%s", facts->config->head.version,
                               naming.count == 0 ? "" : " by all but slot ", naming.text));
}

/* Who asks in vain, and why: those who are refused before those who wait. */
static struct condition joins_pending(const struct joins *joins, struct plan_builder *plan)
{
    static const enum join_act acts[] = { JOIN_REFUSE, JOIN_AWAIT };
    struct naming naming = { .text = "" };
    size_t refused = 0;
    size_t k;
    size_t i;

    for (k = 0; k < ARRAY_COUNT(acts); k++) {
        for (i = 0; i < joins->count; i++) {
            const struct join *join = &joins->cases[i].view->join;

            if (joins->cases[i].rule->act == (int)acts[k]) {
                refused += acts[k] == JOIN_REFUSE ? 1 : 0;
                naming_add(&naming, "%s on host %s at %s:%u: %s", join->uid, join->host, join->ip,
                           (unsigned int)join->data_port, joins->cases[i].rule->sentence);
            }
        }
    }
    if (naming.count == 0) {
        return hidden;
    }
    return condition(true, 0 < refused ? "JoinsRefused" : "JoinsAwaited",
                     plan_text(plan, "%s", naming.text));
}

void conditions_find(const struct outcome *outcome, struct plan_builder *plan,
                     struct condition *out)
{
    out[CONDITION_READY] = ready(outcome, plan);
    out[CONDITION_CONVERGED] = converged(outcome, plan);
    out[CONDITION_PROGRESSING] = progressing(outcome, plan);
    out[CONDITION_DEGRADED] = degraded(outcome, plan);
    out[CONDITION_STALLED] = stalled(outcome);
    out[CONDITION_UNSCHEDULABLE] = unschedulable(outcome, plan);
    out[CONDITION_PARTITION_IN_PROCESS] = partition_in_process(outcome, plan);
    out[CONDITION_PAYLOAD_LARGE] = payload_large(outcome->facts, plan);
    out[CONDITION_KEY_INVALID] = key_invalid(outcome->facts, plan);
    out[CONDITION_JOINS_PENDING] = joins_pending(outcome->joins, plan);
    out[CONDITION_NODES_DIFFER] = nodes_differ(outcome->facts, plan);
}
