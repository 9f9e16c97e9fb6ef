#include "reconciler/alias.h"

#include <string.h>

#include "base/cleanup.h"
#include "reconciler/node_facts.h"

#define F(name) ALIAS(name)

/* clang-format off */
static const struct rule rules[] = {
    { "alias-clear",         F(DELETING)|F(SET),                0,                                   ALIAS_REMOVE,
      "the cluster is being deleted" },
    { "alias-gone",          F(DELETING),                       0,                                   ALIAS_KEEP,
      "the cluster is being deleted" },
    { "alias-frozen",        F(FROZEN),                         0,                                   ALIAS_KEEP,
      "nothing is changed while that can't be read" },
    { "alias-in-place",      F(SET)|F(RIGHT),                   0,                                   ALIAS_KEEP,
      "it points to a node that acknowledged the current configuration" },
    { "alias-no-target",     0,                                 F(TARGET),                           ALIAS_KEEP,
      "no node has acknowledged the current configuration" },
    { "alias-leave",         F(SET),                            F(SOUND),                            ALIAS_POINT,
      "its node is in trouble" },
    { "alias-await",         0,                                 F(SETTLED),                          ALIAS_AWAIT,
      "a member has yet to acknowledge the current configuration" },
    { "alias-follow",        F(SET),                            0,                                   ALIAS_POINT,
      "a newer configuration is served, or its node is about to go" },
    { "alias-first",         0,                                 0,                                   ALIAS_POINT,
      "the members acknowledged the first configuration" },
};

static const struct rule_law laws[] = {
    { F(RIGHT),                F(TARGET),    "an alias that is right has a node to point to" },
    { F(RIGHT),                F(SOUND),     "a node that may hold the alias is up and serves its version" },
    { F(SOUND),                F(SET),       "an alias that is sound is there" },
    { F(DELETING)|F(TARGET),   0,            "nothing is wanted of a cluster that is being deleted" },
    { F(FROZEN)|F(TARGET),     0,            "nobody may hold the alias while that can't be known" },
};
/* clang-format on */

RULE_TABLE(alias_rules, ALIAS_FACTS, ALIAS_ACTS);

bool alias_may_hold(const struct facts *facts, const struct node *node)
{
    const uint64_t need = FACT(WANTED) | FACT(LISTED) | FACT(UP) | FACT(PROVEN);

    return (node->facts & need) == need && (node->facts & FACT(BLOCKED)) == 0 &&
           node_has_acked(facts, node);
}

static bool is_target(const struct facts *facts, const struct node *node)
{
    return alias_may_hold(facts, node) && node->rule->act != ACT_SETTINGS &&
           node->rule->act != ACT_YIELD;
}

/* The node that holds the alias now, when it is good; else the lowest good slot. */
static const struct node *target_pick(const struct facts *facts)
{
    const struct node *first = NULL;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (!is_target(facts, node)) {
            continue;
        }
        if (facts->view->alias != NULL && node->slot == facts->view->alias->slot) {
            return node;
        }
        first = first == NULL ? node : first;
    }
    return first;
}

static struct alias alias_at(const struct facts *facts, const struct node *node)
{
    const struct node_report *report = node->report;
    bool in_process = report->partition == PARTITION_IN_PROCESS;

    return (struct alias){
        .host = node->member->hostname,
        .ip = report->ip,
        .port = in_process ? report->data_port : report->discovery_port,
        .slot = node->slot,
        .version = facts->config->head.version,
    };
}

static bool alias_equal(const struct alias *a, const struct alias *b)
{
    return a->port == b->port && a->slot == b->slot && a->version == b->version &&
           strcmp(a->host, b->host) == 0 && strcmp(a->ip, b->ip) == 0;
}

/* Whether clients that come through the alias still get what it promises. */
static bool is_sound(const struct facts *facts)
{
    const struct alias *alias = facts->view->alias;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(ALIASED)) != 0 && (node->facts & FACT(UP)) != 0 &&
            alias->version <= node->report->served.version) {
            return true;
        }
    }
    return false;
}

void alias_find(const struct facts *facts, struct alias_choice *out)
{
    const struct view *view = facts->view;

    *out = (struct alias_choice){ .settles_at_ms = UINT64_MAX };
    if (view->config_since_ms != 0) {
        out->settles_at_ms = view->config_since_ms + facts->spec->converge_timeout_ms;
    }
    out->target = target_pick(facts);
    if (out->target != NULL) {
        out->wanted = alias_at(facts, out->target);
    }
    out->facts =
        fact_if(facts->frozen || facts->config_blocked, F(FROZEN)) |
        fact_if(facts->record->deleting, F(DELETING)) | fact_if(view->alias != NULL, F(SET)) |
        fact_if(view->alias != NULL && is_sound(facts), F(SOUND)) |
        fact_if(out->target != NULL, F(TARGET)) |
        fact_if(view->alias != NULL && out->target != NULL &&
                    alias_equal(view->alias, &out->wanted),
                F(RIGHT)) |
        fact_if(facts->acks_missing == 0 || out->settles_at_ms <= view->now_ms, F(SETTLED));
    out->rule = rule_match(&alias_rules, out->facts);
}

static void point(const struct facts *facts, const struct alias_choice *choice,
                  struct plan_builder *plan)
{
    const struct alias *before = facts->view->alias;
    struct alias *alias = plan_alloc(plan, 1, sizeof(*alias));

    if (alias == NULL) {
        return;
    }
    *alias = choice->wanted;
    plan_alias(plan, alias, choice->rule->name);
    if (before == NULL || before->slot != alias->slot || before->port != alias->port ||
        strcmp(before->ip, alias->ip) != 0) {
        plan_event(plan, alias->slot, false, before == NULL ? "AliasSet" : "AliasMoved",
                   choice->rule->name, "the endpoint points to %s:%u: %s", alias->ip,
                   (unsigned int)alias->port, choice->rule->sentence);
    }
}

void alias_plan(const struct facts *facts, const struct alias_choice *choice,
                struct plan_builder *plan)
{
    switch ((enum alias_act)choice->rule->act) {
    case ALIAS_KEEP:
        break;
    case ALIAS_AWAIT:
        plan_wake(plan, NULL, choice->settles_at_ms, choice->rule->name);
        break;
    case ALIAS_POINT:
        point(facts, choice, plan);
        break;
    case ALIAS_REMOVE:
        plan_plain(plan, EFFECT_ALIAS_CLEAR, choice->rule->name);
        plan_event(plan, 0, false, "AliasCleared", choice->rule->name, "the endpoint is gone: %s",
                   choice->rule->sentence);
        break;
    }
}
