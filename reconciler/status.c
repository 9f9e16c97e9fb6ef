#include "reconciler/status.h"

#include <string.h>

#include "base/cleanup.h"
#include "reconciler/node_facts.h"

#define WHY "status"

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
}

static struct slot_status slot_of(const struct node *node)
{
    const struct intent *intent = node->intent;
    const struct node_report *report = node->report;
    const struct slot_observation *seen = node->seen;

    return (struct slot_status){
        .slot = node->slot,
        .host = intent != NULL   ? intent->host
                : report != NULL ? report->host
                                 : "",
        .ip = intent != NULL ? intent->ip : "",
        .data_port = intent != NULL ? intent->data_port : 0,
        .phase = intent != NULL ? intent_phase_text(intent->phase) : "",
        .state = node_status_state(node),
        .partition = partition_mode_text(report != NULL ? report->partition : PARTITION_NONE),
        .version = report != NULL ? report->served.version : 0,
        .listed = has(node, FACT(LISTED)),
        .rule = node->rule->name,
        .silent_since_ms = seen != NULL ? seen->report_gone_since_ms : 0,
        .unreachable_since_ms = seen != NULL ? seen->unreachable_since_ms : 0,
    };
}

/* A slot of which nothing is left is not worth a line. */
static bool is_shown(const struct node *node)
{
    return node->intent != NULL || (node->facts & (FACT(WANTED) | FACT(REPORTED))) != 0;
}

/* Both lists are in slot order; `at` is where the search of the former slot began. */
static uint64_t slot_since_ms(const struct status *before, size_t *at,
                              const struct slot_status *slot, uint64_t now_ms)
{
    size_t i;

    if (before == NULL) {
        return now_ms;
    }
    while (*at < before->slots_count && before->slots[*at].slot < slot->slot) {
        (*at)++;
    }
    for (i = *at; i < before->slots_count && before->slots[i].slot == slot->slot; i++) {
        const struct slot_status *former = &before->slots[i];

        if (strcmp(former->host, slot->host) == 0 && strcmp(former->state, slot->state) == 0) {
            return former->since_ms == 0 ? now_ms : former->since_ms;
        }
    }
    return now_ms;
}

static void date_slots(const struct status *before, const struct status *now,
                       struct slot_status *slots, uint64_t now_ms)
{
    size_t at = 0;
    size_t i;

    for (i = 0; i < now->slots_count; i++) {
        slots[i].since_ms = slot_since_ms(before, &at, &slots[i], now_ms);
    }
}

static void count_slots(const struct outcome *outcome, struct status *status,
                        struct slot_status *slots)
{
    const struct facts *facts = outcome->facts;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (is_shown(node)) {
            slots[status->slots_count++] = slot_of(node);
        }
        status->nodes_ready += has(node, FACT(WANTED) | FACT(UP)) ? 1 : 0;
        status->nodes_converged +=
            has(node, FACT(WANTED) | FACT(LISTED)) && node_has_acked(facts, node) ? 1 : 0;
    }
    status->slots = slots;
}

/* Whether a condition is shown, and is `wanted`. */
static bool stands(const struct status *status, size_t type, bool wanted)
{
    return status != NULL && status->conditions[type].reason[0] != '\0' &&
           status->conditions[type].status == wanted;
}

static void date_conditions(const struct status *before, struct status *now, uint64_t now_ms)
{
    size_t i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        bool same = before != NULL && before->conditions[i].reason[0] != '\0' &&
                    before->conditions[i].status == now->conditions[i].status;

        now->conditions[i].since_ms = same ? before->conditions[i].since_ms : now_ms;
    }
}

/*
 * Which conditions are worth an event when they become `status` or get another reason, and whether
 * as a warning.
 */
static const struct {
    enum condition_type type;
    bool status;
    bool warning;
} told[] = {
    { CONDITION_CONVERGED, true, false },
    { CONDITION_DEGRADED, true, true },
    { CONDITION_STALLED, true, true },
    { CONDITION_UNSCHEDULABLE, true, true },
    { CONDITION_PARTITION_IN_PROCESS, false, true },
    { CONDITION_PAYLOAD_LARGE, true, true },
    { CONDITION_KEY_INVALID, true, true },
};

static void tell_changes(const struct status *before, const struct status *now,
                         struct plan_builder *plan)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(told); i++) {
        const struct condition *condition = &now->conditions[told[i].type];

        if (stands(now, told[i].type, told[i].status) &&
            (!stands(before, told[i].type, told[i].status) ||
             strcmp(before->conditions[told[i].type].reason, condition->reason) != 0)) {
            plan_event(plan, 0, told[i].warning, condition_type_text(told[i].type), WHY, "%s: %s",
                       condition->reason, condition->message);
        }
    }
}

/* Each time that others are refused, or for other reasons. */
static void tell_joins(const struct status *before, const struct status *now,
                       struct plan_builder *plan)
{
    const struct condition *condition = &now->conditions[CONDITION_JOINS_PENDING];

    if (stands(now, CONDITION_JOINS_PENDING, true) &&
        strcmp(condition->reason, "JoinsRefused") == 0 &&
        (!stands(before, CONDITION_JOINS_PENDING, true) ||
         strcmp(before->conditions[CONDITION_JOINS_PENDING].message, condition->message) != 0)) {
        plan_event(plan, 0, true, "JoinRefused", WHY, "%s", condition->message);
    }
}

const struct status *status_plan(const struct outcome *outcome, struct plan_builder *plan)
{
    const struct facts *facts = outcome->facts;
    const struct status *before = facts->view->status;
    struct status *now = plan_alloc(plan, 1, sizeof(*now));
    struct slot_status *slots = plan_alloc(plan, facts->nodes_count, sizeof(*slots));

    if (now == NULL || slots == NULL) {
        return NULL;
    }
    *now = (struct status){
        .observed_generation = facts->record->generation,
        .uid = facts->record->uid,
        .version = facts->config == NULL ? 0 : facts->config->head.version,
        .nodes_wanted = facts->placed + facts->guests,
        .nodes_updated = facts->progress.updated,
        .progress_ms = facts->progress.since_ms,
        .resumed_ms = facts->record->resumed_ms,
    };
    if (facts->frozen && before != NULL) {
        now->nodes_wanted = before->nodes_wanted;
    }
    count_slots(outcome, now, slots);
    conditions_find(outcome, plan, now->conditions);
    date_conditions(before, now, facts->view->now_ms);
    date_slots(before, now, slots, facts->view->now_ms);
    if (before != NULL && status_equal(before, now)) {
        return now;
    }
    plan_status(plan, now, WHY);
    tell_changes(before, now, plan);
    tell_joins(before, now, plan);
    return now;
}
