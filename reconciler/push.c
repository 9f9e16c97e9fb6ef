#include "reconciler/push.h"

#include <string.h>

#include "base/cleanup.h"

#define F(name) PUSH(name)

/* clang-format off */
static const struct rule rules[] = {
    { "push-unable",         0,                                 F(ABLE),                             PUSH_KEEP,
      "it can't take a configuration now" },
    { "push-in-step",        0,                                 F(BEHIND),                           PUSH_KEEP,
      "it has the current configuration" },
    { "push-underway",       F(UNDERWAY),                       0,                                   PUSH_KEEP,
      "a push is on its way" },
    { "push-early",          F(EARLY),                          0,                                   PUSH_AWAIT,
      "the last push is to have its time" },
    { "push",                0,                                 0,                                   PUSH_SEND,
      "it serves an older configuration" },
};
/* clang-format on */

const struct rule_table push_rules = { .rules = rules,
                                       .count = ARRAY_COUNT(rules),
                                       .facts = PUSH_FACT_COUNT };

static uint32_t push_facts(const struct facts *facts, const struct node *node)
{
    const uint32_t deny = FACT(STOPPING) | FACT(BLOCKED) | FACT(DELETING);
    const struct node_report *report = node->report;
    uint32_t version = facts->config->head.version;

    if (report == NULL || node->intent == NULL) {
        return 0;
    }
    return fact_if((node->facts & FACT(UP)) != 0 && (node->facts & deny) == 0 &&
                       report->partition != PARTITION_NONE &&
                       strcmp(report->uid, facts->config->head.uid) == 0,
                   F(ABLE)) |
           fact_if(report->served.version < version && report->version_seen <= version, F(BEHIND)) |
           fact_if(node->seen != NULL && node->seen->pushing_version == version, F(UNDERWAY)) |
           fact_if(node->seen != NULL && facts->view->now_ms < node->seen->push_retry_at_ms,
                   F(EARLY));
}

static struct push_target target_of(const struct facts *facts, const struct node_report *report)
{
    return (struct push_target){
        .ip = report->ip,
        .port =
            report->partition == PARTITION_IN_PROCESS ? report->data_port : report->discovery_port,
        .version = facts->config->head.version,
    };
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

        switch ((enum push_act)rule->act) {
        case PUSH_KEEP:
            break;
        case PUSH_AWAIT:
            plan_wake(plan, node->seen->push_retry_at_ms, rule->name);
            break;
        case PUSH_SEND:
            plan_push(plan, node->slot, target_of(facts, node->report), rule->name);
            break;
        }
    }
}
