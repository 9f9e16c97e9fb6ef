#include "reconciler/rollout.h"

#include <stdio.h>
#include <string.h>

#include "model/name.h"

/* What an act needs besides its node. */
struct work {
    const struct facts *facts;
    struct plan_builder *plan;
    struct placement *placement;
    struct rollout *out;
};

/* Nodes that are missed besides this one leave room for it. */
static bool within_budget(const struct facts *facts, const struct node *node)
{
    return facts->unavailable - (node_is_missed(node) ? 1 : 0) < facts->spec->unavailable_max;
}

static bool has(const struct node *node, uint32_t facts)
{
    return (node->facts & facts) == facts;
}

/* The alias moves once when its node is the last one to restart. */
static bool others_are_configured(const struct facts *facts)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (has(node, FACT(WANTED) | FACT(SETTINGS_OLD)) && !has(node, FACT(ALIASED))) {
            return false;
        }
    }
    return true;
}

void rollout_judge(struct facts *facts)
{
    bool alias_may = others_are_configured(facts);
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        struct node *node = &facts->nodes[i];

        if (has(node, FACT(WANTED)) && within_budget(facts, node) &&
            (alias_may || !has(node, FACT(ALIASED)))) {
            node->facts |= FACT(BUDGET);
        }
        node->rule = rule_match(&node_rules, node->facts);
        if (node->rule->act == ACT_SETTINGS && node->member != NULL && has(node, FACT(PROVEN))) {
            facts->unavailable++;
        }
    }
}

static struct intent *intent_new(const struct work *work, const struct node *node)
{
    struct intent *intent = plan_alloc(work->plan, 1, sizeof(*intent));

    if (intent != NULL && node->intent != NULL) {
        *intent = *node->intent;
    }
    return intent;
}

static void place(const struct work *work, const struct node *node)
{
    bool again = node->rule->act == ACT_REPLACE;
    struct placement_choice choice;
    char ip[IPV4_TEXT_SIZE];
    struct intent *intent;

    if (!placement_pick(work->placement, node, &choice)) {
        if (work->out->no_place == NULL) {
            work->out->no_place = placement_reasons(work->placement, node);
            work->out->no_place_slot = node->slot;
        }
        work->out->unplaced += again ? 0 : 1;
        work->out->unreplaced += again ? 1 : 0;
        return;
    }
    intent = plan_alloc(work->plan, 1, sizeof(*intent));
    if (intent == NULL) {
        return;
    }
    ipv4_format(choice.ip, ip);
    *intent = (struct intent){
        .host = choice.host->host.name,
        .cluster = work->facts->view->cluster,
        .slot = node->slot,
        .uid = work->facts->record->uid,
        .phase = INTENT_RUN,
        .phase_since_ms = work->facts->view->now_ms,
        .ip = plan_text(work->plan, "%s", ip),
        .data_port = choice.data_port,
        .discovery_port = (uint16_t)(choice.data_port - 1),
        .settings = work->facts->spec->settings,
    };
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, again, again ? "Replaced" : "Placed", node->rule->name,
               "on host %s at %s:%u: %s", intent->host, intent->ip, (unsigned int)intent->data_port,
               node->rule->sentence);
}

static void move(const struct work *work, const struct node *node)
{
    struct placement_choice choice;
    char ip[IPV4_TEXT_SIZE];
    struct intent *intent = intent_new(work, node);

    if (intent == NULL || !placement_move(work->placement, node, &choice)) {
        return;
    }
    ipv4_format(choice.ip, ip);
    intent->ip = plan_text(work->plan, "%s", ip);
    intent->data_port = choice.data_port;
    intent->discovery_port = (uint16_t)(choice.data_port - 1);
    intent->phase_since_ms = work->facts->view->now_ms;
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, true, "Moved", node->rule->name, "on host %s to %s:%u: %s",
               intent->host, intent->ip, (unsigned int)intent->data_port, node->rule->sentence);
}

/* An intent that says of the node what its report says; a superseded one gets no claim by age. */
static void adopt(const struct work *work, const struct node *node)
{
    const struct node_report *report = node->report;
    bool superseded = (node->facts & FACT(SUPERSEDED)) != 0;
    struct intent *intent = intent_new(work, node);

    if (intent == NULL) {
        return;
    }
    *intent = (struct intent){
        .host = report->host,
        .cluster = work->facts->view->cluster,
        .slot = node->slot,
        .uid = work->facts->record->uid,
        .phase = node->rule->act == ACT_CATCH ? INTENT_STOP : INTENT_RUN,
        .phase_since_ms = superseded ? 0 : work->facts->view->now_ms,
        .ip = report->ip,
        .data_port = report->data_port,
        .discovery_port = report->discovery_port,
        .settings = report->settings,
    };
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, true, "Adopted", node->rule->name, "on host %s at %s:%u: %s",
               intent->host, intent->ip, (unsigned int)intent->data_port, node->rule->sentence);
}

static void set_phase(const struct work *work, const struct node *node, enum intent_phase phase,
                      const char *reason)
{
    struct intent *intent = intent_new(work, node);

    if (intent == NULL) {
        return;
    }
    intent->phase = phase;
    intent->phase_since_ms = work->facts->view->now_ms;
    if (phase == INTENT_RUN) {
        intent->uid = work->facts->record->uid;
    }
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, false, reason, node->rule->name, "on host %s: %s",
               intent->host, node->rule->sentence);
}

static void configure(const struct work *work, const struct node *node)
{
    struct intent *intent = intent_new(work, node);

    if (intent == NULL) {
        return;
    }
    intent->settings = work->facts->spec->settings;
    intent->phase_since_ms = work->facts->view->now_ms;
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, false, "SettingsChanged", node->rule->name,
               "on host %s, with a restart: %s", intent->host, node->rule->sentence);
}

static void forget(const struct work *work, const struct node *node)
{
    plan_intent(work->plan, EFFECT_INTENT_DELETE, node->intent, node->rule->name);
    plan_event(work->plan, node->slot, false, "Removed", node->rule->name, "from host %s: %s",
               node->intent->host, node->rule->sentence);
}

static void node_act(const struct work *work, const struct node *node)
{
    switch ((enum act)node->rule->act) {
    case ACT_NOTHING:
        break;
    case ACT_PLACE:
    case ACT_REPLACE:
        place(work, node);
        break;
    case ACT_MOVE:
        move(work, node);
        break;
    case ACT_ADOPT:
    case ACT_CATCH:
        adopt(work, node);
        break;
    case ACT_RUN:
        set_phase(work, node, INTENT_RUN, "Resumed");
        break;
    case ACT_SETTINGS:
        configure(work, node);
        break;
    case ACT_DRAIN:
        set_phase(work, node, INTENT_DRAIN, "Draining");
        break;
    case ACT_AWAIT:
        plan_wake(work->plan, node->intent->phase_since_ms + work->facts->spec->drain_ms,
                  node->rule->name);
        break;
    case ACT_STOP:
        set_phase(work, node, INTENT_STOP, "Stopping");
        break;
    case ACT_DELETE:
        forget(work, node);
        break;
    }
}

/* A node in trouble is looked at again when it may count as dead, and when it counts as failed. */
static void watch_failure(const struct facts *facts, struct plan_builder *plan,
                          const struct node *node)
{
    uint64_t now_ms = facts->view->now_ms;
    uint64_t fails_ms = node_fails_at_ms(facts, node);
    uint64_t dead_ms;

    if (!has(node, FACT(WANTED)) || fails_ms == UINT64_MAX) {
        return;
    }
    dead_ms = node_dead_at_ms(facts, node);
    if (now_ms < dead_ms) {
        plan_wake(plan, dead_ms, node->rule->name);
    } else if (now_ms < fails_ms) {
        plan_wake(plan, fails_ms, node->rule->name);
    }
}

void rollout_plan(const struct facts *facts, struct plan_builder *plan, struct rollout *out)
{
    struct placement placement;
    const struct work work = { .facts = facts, .plan = plan, .placement = &placement, .out = out };
    size_t i;

    *out = (struct rollout){ 0 };
    placement_init(&placement, facts, plan);
    for (i = 0; i < facts->nodes_count; i++) {
        node_act(&work, &facts->nodes[i]);
        watch_failure(facts, plan, &facts->nodes[i]);
    }
}
