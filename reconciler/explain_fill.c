#include "reconciler/explain_fill.h"

#include "model/name.h"
#include "reconciler/node_rules.h"
#include "reconciler/placement.h"
#include "reconciler/push.h"

static const char *host_name(const struct node *node)
{
    if (node->intent != NULL) {
        return node->intent->host;
    }
    return node->report == NULL ? "" : node->report->host;
}

static const struct explained_place *place_of(const struct node *node, struct plan_builder *plan)
{
    struct explained_place *place;
    char ip[IPV4_TEXT_SIZE];

    if (node->place == NULL) {
        return NULL;
    }
    place = plan_alloc(plan, 1, sizeof(*place));
    if (place == NULL) {
        return NULL;
    }
    ipv4_format(node->place->ip, ip);
    *place = (struct explained_place){ .host = node->place->host->host.name,
                                       .ip = plan_text(plan, "%s", ip),
                                       .data_port = node->place->data_port };
    return place;
}

static struct explained_rule push_of(const struct facts *facts, const struct node *node)
{
    struct explained_rule push = { .table = &push_rules };

    if (facts->config != NULL) {
        push.facts = push_facts(facts, node);
        push.rule = rule_match(&push_rules, push.facts);
    }
    return push;
}

static void find_next(const struct plan_builder *plan, const struct node *node,
                      struct explained_node *out)
{
    size_t i;

    out->next_ms = UINT64_MAX;
    out->next_why = "";
    for (i = 0; i < plan->wakes_count; i++) {
        const struct wake *wake = &plan->wakes[i];

        if (wake->node == node && wake->at_ms < out->next_ms) {
            out->next_ms = wake->at_ms;
            out->next_why = wake->why;
        }
    }
}

static void fill_wakes(struct plan_builder *plan, struct explanation *out)
{
    struct explained_wake *wakes = plan_alloc(plan, plan->wakes_count, sizeof(*wakes));
    size_t i;

    if (wakes == NULL) {
        return;
    }
    for (i = 0; i < plan->wakes_count; i++) {
        const struct wake *wake = &plan->wakes[i];

        wakes[i] = (struct explained_wake){ .slot = wake->node == NULL ? 0 : wake->node->slot,
                                            .host = wake->node == NULL ? "" : host_name(wake->node),
                                            .at_ms = wake->at_ms,
                                            .why = wake->why };
    }
    out->wakes = wakes;
    out->wakes_count = plan->wakes_count;
}

static void fill_nodes(const struct facts *facts, struct plan_builder *plan,
                       struct explanation *out)
{
    struct explained_node *nodes = plan_alloc(plan, facts->nodes_count, sizeof(*nodes));
    size_t i;

    if (nodes == NULL) {
        return;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        nodes[i] = (struct explained_node){
            .slot = node->slot,
            .host = host_name(node),
            .intent = node->intent,
            .report = node->report,
            .decision = { &node_rules, node->facts, node->rule },
            .push = push_of(facts, node),
            .place = place_of(node, plan),
        };
        find_next(plan, node, &nodes[i]);
    }
    out->nodes = nodes;
    out->nodes_count = facts->nodes_count;
}

static void fill_joins(const struct joins *joins, struct plan_builder *plan,
                       struct explanation *out)
{
    struct explained_join *list = plan_alloc(plan, joins->count, sizeof(*list));
    size_t i;

    if (list == NULL) {
        return;
    }
    for (i = 0; i < joins->count; i++) {
        const struct join_case *found = &joins->cases[i];

        list[i] = (struct explained_join){ .view = found->view,
                                           .decision = { &join_rules, found->facts, found->rule },
                                           .slot = found->slot };
    }
    out->joins = list;
    out->joins_count = joins->count;
}

void explain_fill(const struct outcome *outcome, const struct status *status,
                  struct plan_builder *plan, struct explanation *out)
{
    const struct facts *facts = outcome->facts;
    const struct membership *membership = outcome->membership;

    *out = (struct explanation){
        .known = true,
        .frozen = facts->frozen,
        .membership = { &membership_rules, membership->facts, membership->rule },
        .alias = { &alias_rules, outcome->alias->facts, outcome->alias->rule },
        .members = membership->members,
        .members_count = membership->members_count,
        .version_next = facts->law.next,
        .epoch_next = facts->law.epoch,
        .acks_missing = facts->acks_missing,
        .acks_unknown = facts->acks_unknown,
        .budget = { .unavailable = facts->unavailable,
                    .unavailable_max = facts->spec->unavailable_max,
                    .surge = facts->surge,
                    .surge_max = facts->spec->surge_max },
        .mass = facts->mass,
        .progress = facts->progress,
        .obstacle = *outcome->obstacle,
        .no_place = outcome->rollout->no_place,
        .status = status,
    };
    fill_nodes(facts, plan, out);
    fill_joins(outcome->joins, plan, out);
    fill_wakes(plan, out);
}
