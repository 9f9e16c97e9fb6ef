#include "reconciler/push.h"

#include <string.h>

#include "base/cleanup.h"

#define F(name) PUSH(name)

/* clang-format off */
static const struct rule rules[] = {
    { "push-underway",       F(UNDERWAY),                       0,                                   PUSH_KEEP,
      "a push is on its way" },
    { "remind",              F(MISSED),                         F(EARLY),                            PUSH_REMIND,
      "its report is missing" },
    { "remind-early",        F(MISSED),                         0,                                   PUSH_AWAIT,
      "the last push is to have its time" },
    { "push-unable",         0,                                 F(ABLE),                             PUSH_KEEP,
      "it can't take a configuration now" },
    { "push-in-step",        0,                                 F(BEHIND),                           PUSH_KEEP,
      "it has the current configuration" },
    { "push-early",          F(EARLY),                          0,                                   PUSH_AWAIT,
      "the last push is to have its time" },
    { "push",                0,                                 0,                                   PUSH_SEND,
      "it serves an older configuration" },
};

static const struct rule_law laws[] = {
    { F(MISSED)|F(ABLE),       0,            "a node that is missed has no report" },
    { F(MISSED)|F(BEHIND),     0,            "a node that is missed has no report" },
};
/* clang-format on */

RULE_TABLE(push_rules, PUSH_FACTS, PUSH_ACTS);

/* When a node without a report counts as missed; UINT64_MAX: it does not. */
static uint64_t missed_at_ms(const struct facts *facts, const struct node *node)
{
    const uint64_t need = FACT(PLACED) | FACT(HOST);
    const uint64_t deny = FACT(REPORTED) | FACT(FOREIGN) | FACT(STOPPING) | FACT(BLOCKED);
    uint64_t since;

    if ((node->facts & need) != need || (node->facts & deny) != 0 || node->seen == NULL ||
        (node->facts & (FACT(WANTED) | FACT(SUCCESSOR))) == 0) {
        return UINT64_MAX;
    }
    since = node->seen->report_gone_since_ms;
    if (since < node->intent->phase_since_ms) {
        since = node->intent->phase_since_ms;
    }
    return since + facts->spec->converge_timeout_ms;
}

/* A member that is not up serves what its partition holds as soon as it comes up again. */
static bool takes_beside(const struct node *node)
{
    return (node->facts & FACT(LISTED)) != 0 && (node->facts & (FACT(UP) | FACT(STOPPED))) == 0;
}

static bool is_able(const struct facts *facts, const struct node *node)
{
    const uint64_t need = FACT(PLACED) | FACT(REPORTED);
    const uint64_t deny = FACT(STOPPING) | FACT(BLOCKED) | FACT(DELETING);

    if ((node->facts & need) != need || (node->facts & deny) != 0 ||
        strcmp(node->report->uid, facts->config->head.uid) != 0) {
        return false;
    }
    return takes_beside(node) ||
           ((node->facts & FACT(UP)) != 0 && node->report->partition != PARTITION_NONE);
}

static bool is_behind(const struct facts *facts, const struct node *node)
{
    uint32_t version = facts->config->head.version;

    if (node->report == NULL) {
        return false;
    }
    /* What it serves is known of a node that is up only. */
    return takes_beside(node)
               ? node->report->version_seen < version
               : node->report->served.version < version && node->report->version_seen <= version;
}

uint64_t push_facts(const struct facts *facts, const struct node *node)
{
    uint64_t now_ms = facts->view->now_ms;

    return fact_if(is_able(facts, node), F(ABLE)) | fact_if(is_behind(facts, node), F(BEHIND)) |
           fact_if(missed_at_ms(facts, node) <= now_ms, F(MISSED)) |
           fact_if(node->seen != NULL && node->seen->pushing_version == facts->config->head.version,
                   F(UNDERWAY)) |
           fact_if(node->seen != NULL && now_ms < node->seen->push_retry_at_ms, F(EARLY));
}

static struct push_target target_of(const struct facts *facts, const struct node *node)
{
    const struct node_report *report = node->report;
    bool in_process = report->partition == PARTITION_IN_PROCESS && !takes_beside(node);

    return (struct push_target){
        .host = report->host,
        .ip = report->ip,
        .port = in_process ? report->data_port : report->discovery_port,
        .beside = !in_process,
        .version = facts->config->head.version,
    };
}

static struct push_target reminder_of(const struct facts *facts, const struct intent *intent)
{
    return (struct push_target){
        .host = intent->host,
        .ip = intent->ip,
        .port = intent->discovery_port,
        .beside = true,
        .version = facts->config->head.version,
    };
}

/* A node that is silent is looked at again when it counts as missed. */
static void watch_silence(const struct facts *facts, const struct node *node,
                          struct plan_builder *plan)
{
    uint64_t at_ms = missed_at_ms(facts, node);

    if (at_ms != UINT64_MAX && facts->view->now_ms < at_ms) {
        plan_wake(plan, node, at_ms, "remind");
    }
}

void push_plan(const struct facts *facts, struct plan_builder *plan)
{
    size_t i;

    if (facts->config == NULL) {
        return;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        const struct rule *rule = rule_match(&push_rules, push_facts(facts, node));

        watch_silence(facts, node, plan);
        switch ((enum push_act)rule->act) {
        case PUSH_KEEP:
            break;
        case PUSH_AWAIT:
            plan_wake(plan, node, node->seen->push_retry_at_ms, rule->name);
            break;
        case PUSH_SEND:
            plan_push(plan, node->slot, target_of(facts, node), rule->name);
            break;
        case PUSH_REMIND:
            plan_push(plan, node->slot, reminder_of(facts, node->intent), rule->name);
            break;
        }
    }
}
