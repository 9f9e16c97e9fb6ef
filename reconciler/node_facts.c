#include "reconciler/node_facts.h"

#include <string.h>

#include "reconciler/failure.h"
#include "reconciler/slots.h"

const char *node_status_state(const struct node *node)
{
    return node->report == NULL ? "silent" : node_state_text(node->report->state);
}

bool node_has_acked(const struct facts *facts, const struct node *node)
{
    const struct served *served;

    if (facts->config == NULL || node->report == NULL) {
        return false;
    }
    /* The digest covers the incarnation too. */
    served = &node->report->served;
    return served->version == facts->config->head.version &&
           strcmp(served->digest, facts->config->digest) == 0;
}

/* What joined runs with settings that are its own affair. */
static bool settings_fit(const struct node *node)
{
    return node->intent->attached ||
           (node->report->settings_turn == node->intent->settings_turn &&
            node_settings_equal(&node->report->settings, &node->intent->settings));
}

/* Up where and as it was asked for, and discovery is answered there. */
static bool serves_as_asked(const struct node *node)
{
    const struct intent *intent = node->intent;
    const struct node_report *report = node->report;

    return report->state == NODE_UP && report->partition != PARTITION_NONE &&
           report->data_port == intent->data_port &&
           report->discovery_port == intent->discovery_port &&
           strcmp(report->ip, intent->ip) == 0 && settings_fit(node);
}

/* A node that serves more than etcd knows waits for the renewed version: it proved itself. */
static bool is_proven(const struct facts *facts, const struct node *node)
{
    const struct config *config = facts->config;

    if (strcmp(node->intent->uid, facts->record->uid) != 0 || !serves_as_asked(node)) {
        return false;
    }
    return config == NULL || node_has_acked(facts, node) ||
           config->head.version < node->report->served.version;
}

static bool is_at_alias(const struct alias *alias, const struct intent *intent)
{
    return alias != NULL && strcmp(alias->ip, intent->ip) == 0 &&
           (alias->port == intent->data_port || alias->port == intent->discovery_port);
}

/* Of two nodes with one address it is the one whose slot the alias names. */
static bool is_aliased(const struct view *view, const struct intent *intent)
{
    size_t i;

    if (!is_at_alias(view->alias, intent)) {
        return false;
    }
    for (i = 0; i < view->intents_count && view->alias->slot != intent->slot; i++) {
        const struct intent *other = &view->intents[i];

        if (other->slot == view->alias->slot && is_at_alias(view->alias, other)) {
            return false;
        }
    }
    return true;
}

/* Two signals: silence alone is no proof that nobody uses the node. */
static bool is_unused(const struct facts *facts, const struct node *node)
{
    if (node->report != NULL) {
        return node->report->state == NODE_DOWN || node->report->state == NODE_STOPPED;
    }
    return node_out_of_reach_at_ms(facts, node) <= facts->view->now_ms;
}

/* Whether it had its time to lose its clients, or nobody is left who could use it. */
static bool had_its_time(const struct facts *facts, const struct node *node)
{
    return is_unused(facts, node) ||
           (node->intent->phase == INTENT_DRAIN &&
            node->intent->phase_since_ms + facts->spec->drain_ms <= facts->view->now_ms);
}

static bool has_lost_clients(const struct node *node)
{
    return node->intent->phase == INTENT_DRAIN && node->report != NULL &&
           node->report->clients == 0;
}

/* Whether all that polled lately were told a configuration without the node. */
static bool pollers_know(const struct facts *facts, const struct node *node)
{
    uint32_t left_version = node->intent->left_version;

    if (left_version == 0 && facts->config != NULL) {
        left_version = facts->config->head.version; /* it is not in there, either */
    }
    return facts->view->polled_version != 0 && left_version <= facts->view->polled_version;
}

static bool is_drained(const struct facts *facts, const struct node *node)
{
    switch (facts->spec->drain_ends) {
    case SPEC_DRAIN_CLIENTS:
        return had_its_time(facts, node) || has_lost_clients(node);
    case SPEC_DRAIN_EVIDENCE:
        return had_its_time(facts, node) || (has_lost_clients(node) && pollers_know(facts, node));
    case SPEC_DRAIN_TIME:
        break;
    }
    return had_its_time(facts, node);
}

static bool is_untold(const struct facts *facts, const struct node *node)
{
    return facts->spec->drain_ends == SPEC_DRAIN_EVIDENCE && has_lost_clients(node) &&
           !is_drained(facts, node);
}

static bool is_beyond(const struct facts *facts, const struct node *node)
{
    return facts->placed < node->slot;
}

static bool may_join(const struct facts *facts)
{
    return spec_is_open(facts->spec);
}

/*
 * Keys from a backup may give one joiner two slots; the older one goes. Few nodes joined, and only
 * of those the others are looked at.
 */
static bool has_newer_slot(const struct facts *facts, const struct intent *intent)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *other = &view->intents[i];

        if (other->attached && other->slot != intent->slot && other->phase == INTENT_RUN &&
            strcmp(other->join, intent->join) == 0 &&
            (intent->phase_since_ms < other->phase_since_ms ||
             (intent->phase_since_ms == other->phase_since_ms && other->slot < intent->slot))) {
            return true;
        }
    }
    return false;
}

/* A sidecar that has lost its files, and came back with another address, doesn't know what it was.
 */
static bool is_disowned(const struct facts *facts, const struct intent *intent)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; intent->attached && i < view->joins_count; i++) {
        const struct join *join = &view->joins[i].join;

        if (strcmp(join->host, intent->host) == 0 && strcmp(join->uid, intent->join) != 0) {
            return true;
        }
    }
    return false;
}

/* Whether the node has to leave its host. What joined was not placed by the spec's placement. */
static bool is_leaving(const struct facts *facts, const struct node *node)
{
    if (node->intent->attached) {
        return (node->report != NULL && node->report->leaving) ||
               (node->host != NULL && node->host->draining) ||
               (!is_beyond(facts, node) && !may_join(facts)) || has_newer_slot(facts, node->intent);
    }
    return node->host != NULL && (node->host->draining || !host_is_allowed(facts, node->host));
}

static uint64_t intent_facts(const struct facts *facts, const struct node *node)
{
    const struct intent *intent = node->intent;

    return FACT(PLACED) | fact_if(strcmp(intent->uid, facts->record->uid) != 0, FACT(FOREIGN)) |
           fact_if(intent->phase == INTENT_DRAIN, FACT(DRAINING)) |
           fact_if(intent->phase == INTENT_STOP, FACT(STOPPING)) |
           fact_if(intent->phase == INTENT_STOP &&
                       intent->phase_since_ms + LOST_AFTER_MS <= facts->view->now_ms,
                   FACT(LOST)) |
           fact_if(!intent->attached &&
                       !node_settings_meet(&intent->settings, &facts->spec->settings),
                   FACT(SETTINGS_OLD)) |
           fact_if(intent->attached, FACT(ATTACHED)) |
           fact_if(intent->attached && is_beyond(facts, node) && !may_join(facts),
                   FACT(UNWELCOME)) |
           fact_if(is_disowned(facts, intent), FACT(DISOWNED)) |
           fact_if(is_leaving(facts, node), FACT(LEAVING)) |
           fact_if(intent_is_listed(intent, node->member), FACT(LISTED)) |
           fact_if(is_aliased(facts->view, intent), FACT(ALIASED)) |
           fact_if(is_drained(facts, node), FACT(DRAINED)) |
           fact_if(is_untold(facts, node), FACT(UNTOLD)) |
           fact_if(node_fails_at_ms(facts, node) <= facts->view->now_ms, FACT(FAILED));
}

static uint64_t report_facts(const struct facts *facts, const struct node *node)
{
    const struct node_report *report = node->report;

    return fact_if(report->state == NODE_STOPPED, FACT(STOPPED)) |
           fact_if(report->state == NODE_DOWN, FACT(DOWN)) |
           fact_if(report->state == NODE_UP, FACT(UP)) |
           fact_if(is_proven(facts, node), FACT(PROVEN));
}

uint64_t node_own_facts(const struct facts *facts, const struct node *node)
{
    uint64_t found = fact_if(host_is_there(node->host), FACT(HOST)) |
                     fact_if(node->report != NULL, FACT(REPORTED)) |
                     fact_if(is_beyond(facts, node), FACT(BEYOND));

    if (node->intent != NULL) {
        found |= intent_facts(facts, node);
        return node->report == NULL ? found : found | report_facts(facts, node);
    }
    if (node->report != NULL) {
        return found | fact_if(node->report->attached, FACT(ATTACHED)) |
               fact_if(member_is_at(node->member, node->report->ip, node->report->data_port),
                       FACT(LISTED));
    }
    return found;
}
