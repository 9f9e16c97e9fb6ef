/* Hosts that obey. */
#include <string.h>

#include "reconciler/rehearsal_parts.h"
#include "reconciler/slots.h"

static void report_begin(const struct rehearsal *r, struct rehearsed *node,
                         const struct intent *intent)
{
    struct node_report *report = &node->report;

    *report = (struct node_report){
        .cluster = r->view.cluster,
        .slot = intent->slot,
        .host = report->host,
        .uid = intent->uid,
        .state = NODE_STARTING,
        .partition = PARTITION_NONE,
        .ip = intent->ip,
        .data_port = intent->data_port,
        .discovery_port = intent->discovery_port,
        .settings = intent->settings,
        .settings_turn = intent->settings_turn,
        /* The partition outlives its process. */
        .served = node->told && report->served.version != 0 ? report->served
                                                            : (struct served){ .digest = "" },
        .version_seen = report->version_seen,
        .started_ms = r->view.now_ms,
        .restarts = report->restarts,
        .clients = REPORT_CLIENTS_UNKNOWN,
        .problem = "",
        .attached = intent->attached,
        .join = intent->attached ? intent->join : "",
        .join_issued_ms = intent->join_issued_ms,
    };
    node->told = true;
    node->ending = false;
}

/* Broken as the view shows it, and nothing new was asked of it since. */
static bool is_stuck(const struct rehearsal *r, const struct rehearsed *node)
{
    const struct slot_observation *seen =
        rehearsal_observation(r, node->report.slot, node->report.host);

    return node->report.state == NODE_DOWN && seen != NULL && seen->unreachable_since_ms != 0;
}

static bool as_asked(const struct node_report *report, const struct intent *intent)
{
    return report->data_port == intent->data_port &&
           report->discovery_port == intent->discovery_port &&
           strcmp(report->ip, intent->ip) == 0 &&
           (intent->attached || node_settings_equal(&report->settings, &intent->settings));
}

void rehearsal_serve(const struct rehearsal *rehearsal, struct rehearsed *node)
{
    const struct config *config = rehearsal->view.config;

    node->report.served = (struct served){ .epoch = config->head.epoch,
                                           .version = config->head.version,
                                           .digest = config->digest };
}

static bool is_running(const struct rehearsed *node)
{
    return node->told && (node->report.state == NODE_UP || node->report.state == NODE_STARTING);
}

/* A process takes its time to end, and is reported down meanwhile. */
static void end_begin(struct rehearsed *node)
{
    node->ending = true;
    node->report.state = NODE_DOWN;
    node->report.partition = PARTITION_NONE;
}

/* What runs otherwise than asked ends first. */
static void node_restart(const struct rehearsal *r, struct rehearsed *node,
                         const struct intent *intent)
{
    if (is_running(node)) {
        end_begin(node);
        return;
    }
    node->restarts += node->ending && !intent->attached ? 1 : 0;
    node->starts += node->ending || intent->attached ? 0 : 1;
    report_begin(r, node, intent);
}

static void node_come_up(const struct rehearsal *r, struct rehearsed *node)
{
    node->report.state = NODE_UP;
    node->report.partition = r->partition;
    if (r->view.config != NULL && node->report.version_seen == r->view.config->head.version) {
        rehearsal_serve(r, node);
    }
}

static bool node_run(const struct rehearsal *r, struct rehearsed *node, const struct intent *intent)
{
    struct node_report *report = &node->report;

    if (!node->told || report->state == NODE_STOPPED) {
        report_begin(r, node, intent);
        node->starts += intent->attached ? 0 : 1;
    } else if (!as_asked(report, intent)) {
        node_restart(r, node, intent);
    } else if (report->settings_turn != intent->settings_turn) {
        report->settings_turn = intent->settings_turn;
    } else if (strcmp(report->uid, intent->uid) != 0) {
        report->uid = intent->uid;
        report->served = (struct served){ .digest = "" };
    } else if (report->state == NODE_STARTING) {
        node_come_up(r, node);
    } else if (report->state == NODE_DOWN && !is_stuck(r, node)) {
        report->state = NODE_STARTING;
    } else if (intent->phase == INTENT_DRAIN && report->clients != 0) {
        report->clients = 0;
    } else {
        return false;
    }
    return true;
}

static bool node_stop(const struct rehearsal *r, struct rehearsed *node,
                      const struct intent *intent)
{
    if (node->told && node->report.state == NODE_STOPPED) {
        return false;
    }
    if (is_running(node)) {
        end_begin(node);
        return true;
    }
    node->stops += node->ending && !intent->attached ? 1 : 0;
    node->ending = false;
    if (!node->told) {
        report_begin(r, node, intent);
    }
    node->report.uid = intent->uid;
    node->report.state = NODE_STOPPED;
    node->report.partition = PARTITION_NONE;
    return true;
}

/* Returns whether anything changed. */
static bool node_obey(const struct rehearsal *r, struct rehearsed *node)
{
    const struct intent *intent = rehearsal_intent(r, node->report.slot, node->report.host);
    struct slot_observation *seen = rehearsal_observation(r, node->report.slot, node->report.host);
    bool changed = false;

    if (!host_is_there(host_find(&r->view, node->report.host))) {
        return false;
    }
    if (intent == NULL) {
        /* What was stopped is forgotten; what runs runs on. */
        changed = node->told && node->report.state == NODE_STOPPED;
        node->told = node->told && !changed;
        return changed;
    }
    changed = intent->phase == INTENT_STOP ? node_stop(r, node, intent) : node_run(r, node, intent);
    if (seen != NULL && changed) {
        seen->report_gone_since_ms = 0;
        seen->unreachable_since_ms = 0;
    }
    return changed;
}

int rehearsal_obey(struct rehearsal *rehearsal, struct err *err)
{
    bool changed = false;
    size_t i;
    int rv;

    for (i = 0; i < rehearsal->intents_count; i++) {
        if (rehearsal_node_at(rehearsal, rehearsal->intents[i].slot, rehearsal->intents[i].host) ==
            NULL) {
            return rehearsal_no_memory(rehearsal, err);
        }
    }
    for (i = 0; i < rehearsal->nodes_count; i++) {
        changed = node_obey(rehearsal, &rehearsal->nodes[i]) || changed;
    }
    rehearsal->view.now_ms += REHEARSAL_ROUND_MS;
    rv = rehearsal_show(rehearsal, err);
    return rv < 0 ? rv : (int)changed;
}

void rehearsal_wait(struct rehearsal *rehearsal, uint64_t until_ms)
{
    if (rehearsal->view.now_ms < until_ms) {
        rehearsal->view.now_ms = until_ms;
    }
}
