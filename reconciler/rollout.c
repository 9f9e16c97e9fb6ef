#include "reconciler/rollout.h"

#include <stdio.h>
#include <string.h>

#include "model/name.h"
#include "reconciler/failure.h"
#include "reconciler/node_facts.h"
#include "reconciler/whole.h"

/* What an act needs besides its node. */
struct work {
    const struct facts *facts;
    struct plan_builder *plan;
    struct placement *placement;
};

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
}

/* ---- Judging ---- */

/* Nodes that are missed besides this one leave room for it. One that is the only one is down
 * anyway. */
static bool within_unavailable(const struct facts *facts, const struct node *node)
{
    bool missed = node_is_missed(node);
    uint32_t others = facts->unavailable - (missed ? 1 : 0);

    return others < facts->spec->unavailable_max || (missed && others == 0);
}

uint32_t rollout_surge_max(const struct facts *facts, const struct node *node)
{
    uint32_t surge_max = facts->spec->surge_max;

    return surge_max == 0 && has(node, FACT(LEAVING)) ? 1 : surge_max;
}

/* Who is sent away takes its items along: as many at once as may be missed, but one in any case. */
static bool may_dismiss(const struct facts *facts)
{
    uint32_t most = facts->spec->unavailable_max == 0 ? 1 : facts->spec->unavailable_max;

    return facts->unavailable + facts->dismissed < most;
}

/* Whether the node's change is a successor rather than a restart. */
static bool needs_successor(const struct node *node)
{
    const uint64_t settings = FACT(SETTINGS_OLD) | FACT(STATIC) | FACT(LISTED);

    return has(node, FACT(LEAVING)) || (has(node, settings) && !has(node, FACT(DOWN)));
}

/* A succession takes nothing down, but costs a slot its items: not while others are missed. */
static bool has_room(const struct facts *facts, const struct node *node)
{
    uint32_t others = facts->unavailable - (node_is_missed(node) ? 1 : 0);

    if (has(node, FACT(UNWELCOME))) {
        return may_dismiss(facts);
    }
    if (!needs_successor(node)) {
        return within_unavailable(facts, node);
    }
    return facts->surge < rollout_surge_max(facts, node) &&
           (has(node, FACT(LEAVING)) || others <= facts->spec->unavailable_max);
}

/* Nodes are judged in rounds: repair finds its places first, and the alias moves only once. */
enum round { ROUND_REPAIR, ROUND_CHANGE, ROUND_CHANGE_ALIASED, ROUND_COUNT };

static enum round round_of(const struct node *node)
{
    bool changes =
        has(node, FACT(WANTED)) && (node->facts & (FACT(SETTINGS_OLD) | FACT(LEAVING))) != 0;

    if (!changes || has(node, FACT(FAILED))) {
        return ROUND_REPAIR;
    }
    return has(node, FACT(ALIASED)) ? ROUND_CHANGE_ALIASED : ROUND_CHANGE;
}

/* Whether the node is about to change, or in the middle of it. */
static bool is_changing(const struct node *node)
{
    if (!has(node, FACT(WANTED)) || (node->facts & (FACT(ALIASED) | FACT(FAILED))) != 0) {
        return false;
    }
    return has(node, FACT(SUCCEEDED)) || node->place != NULL || node_is_missed(node) ||
           node->rule->act == ACT_SETTINGS;
}

static bool others_change(const struct facts *facts)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (round_of(node) != ROUND_CHANGE_ALIASED && is_changing(node)) {
            return true;
        }
    }
    return false;
}

static void note_no_place(const struct work *work, const struct node *node, struct rollout *out)
{
    enum act act = (enum act)node->rule->act;

    out->unplaced += act == ACT_PLACE ? 1 : 0;
    out->unreplaced += act == ACT_REPLACE ? 1 : 0;
    out->unsucceeded += act == ACT_SUCCEED ? 1 : 0;
    if (out->no_place == NULL && act != ACT_MOVE) {
        out->no_place = placement_reasons(work->placement, node,
                                          node_settings_for_replacement(work->facts, node));
        out->no_place_slot = node->slot;
    }
}

static void find_place(const struct work *work, struct node *node, struct rollout *out)
{
    struct placement_choice *choice = plan_alloc(work->plan, 1, sizeof(*choice));
    bool found;

    if (choice == NULL) {
        return;
    }
    found = node->rule->act == ACT_MOVE
                ? placement_move(work->placement, node, choice)
                : placement_pick(work->placement, node,
                                 node_settings_for_replacement(work->facts, node), choice);
    if (found) {
        node->place = choice;
    } else {
        note_no_place(work, node, out);
    }
}

static bool needs_place(enum act act)
{
    return act == ACT_PLACE || act == ACT_REPLACE || act == ACT_SUCCEED || act == ACT_MOVE;
}

static void match(const struct work *work, struct node *node, struct rollout *out)
{
    node->rule = rule_match(&node_rules, node->facts);
    if (needs_place((enum act)node->rule->act)) {
        find_place(work, node, out);
    }
}

static void judge(const struct work *work, struct facts *facts, struct node *node,
                  struct rollout *out)
{
    enum act act;

    if (has(node, FACT(WANTED)) && has_room(facts, node) &&
        (round_of(node) != ROUND_CHANGE_ALIASED || !others_change(facts))) {
        node->facts |= FACT(BUDGET);
    }
    match(work, node, out);
    if (node->rule->act == ACT_MOVE && node->place == NULL) { /* no address is left on its host */
        node->facts = (node->facts & ~FACT(CROWDED)) | FACT(LEAVING);
        match(work, node, out);
    }
    act = (enum act)node->rule->act;
    if (act == ACT_SUCCEED && node->place != NULL) {
        facts->surge++;
    }
    facts->dismissed += act == ACT_DISMISS ? 1 : 0;
    if (act == ACT_SETTINGS && has(node, FACT(WANTED) | FACT(PROVEN)) && node->member != NULL) {
        facts->unavailable++;
    }
}

void rollout_judge(struct facts *facts, struct plan_builder *plan, struct rollout *out)
{
    struct placement placement;
    const struct work work = { .facts = facts, .plan = plan, .placement = &placement };
    enum round round;
    size_t i;

    *out = (struct rollout){ 0 };
    placement_init(&placement, facts, plan);
    for (round = ROUND_REPAIR; round < ROUND_COUNT; round++) {
        for (i = 0; i < facts->nodes_count; i++) {
            if (round_of(&facts->nodes[i]) == round) {
                judge(&work, facts, &facts->nodes[i], out);
            }
        }
    }
}

/* ---- Acting ---- */

static struct intent *intent_new(const struct work *work, const struct node *node)
{
    struct intent *intent = plan_alloc(work->plan, 1, sizeof(*intent));

    if (intent != NULL && node->intent != NULL) {
        *intent = *node->intent;
    }
    return intent;
}

/* The node failed, or another one that was to take its slot over did. */
static bool is_flap(const struct work *work, const struct node *node)
{
    const struct node *end = work->facts->nodes + work->facts->nodes_count;
    const struct node *other;

    for (other = node; other < end && other->slot == node->slot; other++) {
        if (has(other, FACT(FAILED))) {
            return true;
        }
    }
    return false;
}

/* Whether `a` has more of its flaps left, or as many for longer. */
static bool flaps_more(const struct intent *a, const struct intent *b, uint64_t now_ms)
{
    uint32_t a_flaps = intent_flaps_at(a, now_ms);
    uint32_t b_flaps = intent_flaps_at(b, now_ms);

    return b_flaps < a_flaps || (b_flaps == a_flaps && b->flapped_ms < a->flapped_ms);
}

/*
 * How often the slot was replaced lately. Where it is replaced for a failure, this time counts;
 * else what was counted goes on to decay from when it was.
 */
static void count_flaps(const struct work *work, const struct node *node, struct intent *intent)
{
    uint64_t now_ms = work->facts->view->now_ms;
    const struct intent *most = NULL;
    uint32_t flaps;
    size_t i;

    for (i = 0; i < node->slot_intents_count; i++) {
        const struct intent *one = &node->slot_intents[i];

        if (most == NULL || flaps_more(one, most, now_ms)) {
            most = one;
        }
    }
    flaps = most == NULL ? 0 : intent_flaps_at(most, now_ms);
    if (is_flap(work, node)) {
        intent->flaps = flaps < INTENT_FLAPS_MAX ? flaps + 1 : flaps;
        intent->flapped_ms = now_ms;
    } else {
        intent->flaps = flaps == 0 ? 0 : most->flaps;
        intent->flapped_ms = flaps == 0 ? 0 : most->flapped_ms;
    }
}

static const char *place_event(enum act act)
{
    if (act == ACT_REPLACE) {
        return "Replaced";
    }
    return act == ACT_SUCCEED ? "SuccessorPlaced" : "Placed";
}

static void place(const struct work *work, const struct node *node)
{
    const struct placement_choice *choice = node->place;
    enum act act = (enum act)node->rule->act;
    char ip[IPV4_TEXT_SIZE];
    struct intent *intent;

    if (choice == NULL) {
        return;
    }
    intent = plan_alloc(work->plan, 1, sizeof(*intent));
    if (intent == NULL) {
        return;
    }
    ipv4_format(choice->ip, ip);
    *intent = (struct intent){
        .host = choice->host->host.name,
        .cluster = work->facts->view->cluster,
        .slot = node->slot,
        .uid = work->facts->record->uid,
        .phase = INTENT_RUN,
        .phase_since_ms = work->facts->view->now_ms,
        .ip = plan_text(work->plan, "%s", ip),
        .data_port = choice->data_port,
        .discovery_port = (uint16_t)(choice->data_port - 1),
        .settings = *choice->settings,
        .join = "",
    };
    count_flaps(work, node, intent);
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, act == ACT_REPLACE, place_event(act), node->rule->name,
               "on host %s at %s:%u: %s", intent->host, intent->ip, (unsigned int)intent->data_port,
               node->rule->sentence);
}

/*
 * The count of flaps goes with both: whichever of them keeps the slot, should the failed one come
 * back, waits longer the next time.
 */
static void replace(const struct work *work, const struct node *node)
{
    struct intent *intent;

    if (node->place == NULL) {
        return;
    }
    place(work, node);
    intent = has(node, FACT(LISTED)) ? intent_new(work, node) : NULL;
    if (intent != NULL) {
        count_flaps(work, node, intent);
        plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    }
}

static void move(const struct work *work, const struct node *node)
{
    char ip[IPV4_TEXT_SIZE];
    struct intent *intent;

    if (node->place == NULL) {
        return;
    }
    intent = intent_new(work, node);
    if (intent == NULL) {
        return;
    }
    ipv4_format(node->place->ip, ip);
    intent->ip = plan_text(work->plan, "%s", ip);
    intent->data_port = node->place->data_port;
    intent->discovery_port = (uint16_t)(node->place->data_port - 1);
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
        .settings_turn = report->settings_turn,
        .attached = report->attached,
        .join = report->attached ? report->join : "",
        .join_issued_ms = report->join_issued_ms,
    };
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, true, "Adopted", node->rule->name, "on host %s at %s:%u: %s",
               intent->host, intent->ip, (unsigned int)intent->data_port, node->rule->sentence);
}

static void set_phase(const struct work *work, const struct node *node, enum intent_phase phase,
                      bool warning, const char *reason)
{
    const struct config *config = work->facts->config;
    uint32_t version = config == NULL ? 0 : config->head.version;
    struct intent *intent = intent_new(work, node);

    if (intent == NULL) {
        return;
    }
    intent->phase = phase;
    intent->phase_since_ms = work->facts->view->now_ms;
    intent->left_version = phase == INTENT_DRAIN ? version : 0;
    if (phase == INTENT_RUN) {
        intent->uid = work->facts->record->uid;
    }
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    plan_event(work->plan, node->slot, warning, reason, node->rule->name, "on host %s: %s",
               intent->host, node->rule->sentence);
}

/* It goes on as a node that nobody wants: out of the list, out of the alias, drained, let go. */
static void dismiss(const struct work *work, const struct node *node)
{
    bool dead = has(node, FACT(FAILED));

    set_phase(work, node, INTENT_DRAIN, dead, dead ? "NodeRemoved" : "NodeLeaving");
}

static void configure(const struct work *work, const struct node *node)
{
    struct intent *intent = intent_new(work, node);
    bool asked; /* for a new start, and nothing else */

    if (intent == NULL) {
        return;
    }
    asked = node_settings_meet(&work->facts->spec->settings, &intent->settings);
    intent->settings = work->facts->spec->settings;
    intent->settings_turn++;
    intent->phase_since_ms = work->facts->view->now_ms;
    plan_intent(work->plan, EFFECT_INTENT_PUT, intent, node->rule->name);
    if (asked) {
        plan_event(work->plan, node->slot, false, "Restarting", node->rule->name,
                   "on host %s: an operator asked for it", intent->host);
        return;
    }
    plan_event(work->plan, node->slot, false, "SettingsChanged", node->rule->name,
               "on host %s, with a restart: %s", intent->host, node->rule->sentence);
}

static void forget(const struct work *work, const struct node *node)
{
    plan_intent(work->plan, EFFECT_INTENT_DELETE, node->intent, node->rule->name);
    plan_event(work->plan, node->slot, false, node->intent->attached ? "NodeLeft" : "Removed",
               node->rule->name, "from host %s: %s", node->intent->host, node->rule->sentence);
}

static void node_act(const struct work *work, const struct node *node)
{
    switch ((enum act)node->rule->act) {
    case ACT_NOTHING:
    case ACT_YIELD:
        break;
    case ACT_PLACE:
    case ACT_SUCCEED:
        place(work, node);
        break;
    case ACT_REPLACE:
        replace(work, node);
        break;
    case ACT_MOVE:
        move(work, node);
        break;
    case ACT_ADOPT:
    case ACT_CATCH:
        adopt(work, node);
        break;
    case ACT_RUN:
        set_phase(work, node, INTENT_RUN, false, "Resumed");
        break;
    case ACT_SETTINGS:
        configure(work, node);
        break;
    case ACT_DISMISS:
        dismiss(work, node);
        break;
    case ACT_DRAIN:
        set_phase(work, node, INTENT_DRAIN, false, "Draining");
        break;
    case ACT_AWAIT:
        plan_wake(work->plan, node, node->intent->phase_since_ms + work->facts->spec->drain_ms,
                  node->rule->name);
        break;
    case ACT_STOP:
        set_phase(work, node, INTENT_STOP, false, "Stopping");
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

    if ((node->facts & (FACT(WANTED) | FACT(SUCCESSOR))) == 0 || fails_ms == UINT64_MAX) {
        return;
    }
    dead_ms = node_dead_at_ms(facts, node);
    if (now_ms < dead_ms) {
        plan_wake(plan, node, dead_ms, node->rule->name);
    } else if (now_ms < fails_ms) {
        plan_wake(plan, node, fails_ms, node->rule->name);
    }
}

/* What waits for a node that nobody reports goes on when that is out of reach for good. */
static void watch_silence(const struct facts *facts, struct plan_builder *plan,
                          const struct node *node)
{
    uint64_t at_ms = node_out_of_reach_at_ms(facts, node);
    bool matters =
        has(node, FACT(LISTED)) ||
        (has(node, FACT(PLACED)) && (node->facts & (FACT(WANTED) | FACT(STOPPING))) == 0);

    if (matters && at_ms != UINT64_MAX && facts->view->now_ms < at_ms) {
        plan_wake(plan, node, at_ms, node->rule->name);
    }
}

/* An order to stop is given up when its host stays away for too long. */
static void watch_return(const struct facts *facts, struct plan_builder *plan,
                         const struct node *node)
{
    uint64_t at_ms;

    if (!has(node, FACT(STOPPING)) || has(node, FACT(HOST)) || has(node, FACT(REPORTED))) {
        return;
    }
    at_ms = node->intent->phase_since_ms + LOST_AFTER_MS;
    if (facts->view->now_ms < at_ms) {
        plan_wake(plan, node, at_ms, node->rule->name);
    }
}

/* A rollout that makes no progress is looked at again when its time is over. */
static void watch_progress(const struct facts *facts, struct plan_builder *plan)
{
    if (facts->progress.active && !facts->progress.stalled) {
        plan_wake(plan, NULL, facts->progress.deadline_ms, "progress-deadline");
    }
}

void rollout_plan(const struct facts *facts, struct plan_builder *plan)
{
    const struct work work = { .facts = facts, .plan = plan };
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        node_act(&work, &facts->nodes[i]);
        watch_failure(facts, plan, &facts->nodes[i]);
        watch_silence(facts, plan, &facts->nodes[i]);
        watch_return(facts, plan, &facts->nodes[i]);
    }
    watch_progress(facts, plan);
}
