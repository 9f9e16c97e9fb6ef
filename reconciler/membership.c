#include "reconciler/membership.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/name.h"

#define F(name) MEMBERSHIP(name)

/* In the payload: "|", "|", five digits of port and a space for each, ten digits and two newlines.
 */
#define PAYLOAD_BYTES_PER_MEMBER 8
#define PAYLOAD_BYTES_OTHER 12

/* clang-format off */
static const struct rule rules[] = {
    { "frozen",              F(FROZEN),                         0,                                   MEMBERSHIP_KEEP,
      "the configuration stays as it is" },
    { "config-unreadable",   F(BLOCKED),                        0,                                   MEMBERSHIP_KEEP,
      "the configuration or its lineage can't be read" },
    { "no-members",          F(EMPTY),                          0,                                   MEMBERSHIP_KEEP,
      "an empty list would be the clients' new world" },
    { "in-step",             0,                                 F(CHANGED)|F(RENEW),                 MEMBERSHIP_KEEP,
      "the configuration is as it should be" },
    { "no-reports",          F(SILENT),                         0,                                   MEMBERSHIP_KEEP,
      "no node reports which versions it has seen, nor could take a new one" },
    { "versions-used-up",    F(EXHAUSTED),                      0,                                   MEMBERSHIP_KEEP,
      "no higher version is left" },
    { "list-too-large",      F(LARGE),                          0,                                   MEMBERSHIP_KEEP,
      "the list would be larger than a configuration may be" },
    { "await-adoption",      F(ADOPTING),                       0,                                   MEMBERSHIP_KEEP,
      "a node that runs already is to be in the list from the start" },
    { "renew",               F(RENEW),                          0,                                   MEMBERSHIP_COMMIT,
      "nodes serve more, or another content, than etcd knows" },
    { "take-out",            F(REMOVING),                       0,                                   MEMBERSHIP_COMMIT,
      "a listed member is not wanted any more" },
    { "await-joiners",       F(WAITING),                        F(OVERDUE),                          MEMBERSHIP_WAIT,
      "more nodes are on their way" },
    { "commit",              0,                                 0,                                   MEMBERSHIP_COMMIT,
      "the members changed" },
};

static const struct rule_law laws[] = {
    { F(FROZEN),               F(EMPTY),     "nobody is wanted where nothing may be decided" },
    { F(EMPTY)|F(LARGE),       0,            "an empty list is not large" },
    { F(REMOVING),             F(CHANGED),   "a list without a member that was in it is another list" },
    { F(OVERDUE),              F(WAITING),   "who is overdue is waited for" },
    { F(WAITING)|F(FROZEN),    0,            "nobody is wanted where nothing may be decided" },
    { F(ADOPTING)|F(FROZEN),   0,            "nobody is wanted where nothing may be decided" },
    { F(ADOPTING)|F(SILENT),   0,            "a node that runs without an intent is known by its report" },
    { F(RENEW)|F(SILENT),      0,            "what nodes serve is known by their reports" },
};
/* clang-format on */

RULE_TABLE(membership_rules, MEMBERSHIP_FACTS, MEMBERSHIP_ACTS);

static const char *hostname_of(const struct facts *facts, struct plan_builder *plan, uint32_t slot,
                               const char *ip)
{
    char text[SLOT_TEXT_SIZE];

    if (facts->spec->domain[0] == '\0') {
        return ip;
    }
    slot_format(slot, text);
    return plan_text(plan, "%s.%s.%s", text, facts->view->cluster, facts->spec->domain);
}

/* Proven, and this very pass does not tell it to start again. */
static bool serves_on(const struct node *node)
{
    return (node->facts & FACT(PROVEN)) != 0 && node->rule->act != ACT_SETTINGS;
}

/* Who serves on is named where it runs; one that does not keeps the place that it had. */
static struct member member_of(const struct facts *facts, struct plan_builder *plan,
                               const struct node *node)
{
    bool proven = serves_on(node);
    const char *ip = proven ? node->intent->ip : node->member->ip;

    return (struct member){
        .slot = node->slot,
        .ip = ip,
        .port = proven ? node->intent->data_port : node->member->port,
        .hostname = hostname_of(facts, plan, node->slot, ip),
    };
}

static bool is_on_its_way(const struct node *node)
{
    return node->member == NULL && node->intent != NULL && (node->facts & FACT(BLOCKED)) == 0;
}

/* Take in what one wanted node means for the next list; `oldest_ms` is the oldest waiting one's. */
static void node_take_in(const struct facts *facts, struct plan_builder *plan,
                         const struct node *node, struct membership *out, uint64_t *oldest_ms)
{
    if (node->member != NULL || serves_on(node)) {
        out->members[out->members_count++] = member_of(facts, plan, node);
    } else if (is_on_its_way(node)) {
        out->facts |= F(WAITING);
        if (node->intent->phase_since_ms < *oldest_ms) {
            *oldest_ms = node->intent->phase_since_ms;
        }
    }
}

static bool list_is_large(const struct membership *next)
{
    size_t bytes = PAYLOAD_BYTES_OTHER;
    size_t i;

    for (i = 0; i < next->members_count; i++) {
        bytes += strlen(next->members[i].hostname) + strlen(next->members[i].ip) +
                 PAYLOAD_BYTES_PER_MEMBER;
    }
    return CONFIG_PAYLOAD_BYTES_MAX < bytes;
}

static bool list_changes(const struct facts *facts, const struct membership *next)
{
    const struct config *config = facts->config;

    return config == NULL || !members_equal(next->members, next->members_count,
                                            config->head.members, config->head.members_count);
}

/*
 * Nodes that have seen more than etcd knows take only what is newer still, and prove themselves by
 * that alone. While no other can be listed, the list stays, and gets the version that they wait
 * for.
 */
static size_t keep_list(const struct facts *facts, struct plan_builder *plan,
                        struct membership *out)
{
    const struct config_draft *head = &facts->config->head;
    struct member *members = plan_alloc(plan, head->members_count, sizeof(*members));

    if (members == NULL) {
        return 0;
    }
    memcpy(members, head->members, head->members_count * sizeof(*members));
    out->members = members;
    out->members_count = head->members_count;
    return head->members_count;
}

void membership_find(const struct facts *facts, struct plan_builder *plan, struct membership *out)
{
    uint64_t oldest_ms = UINT64_MAX;
    size_t kept = 0;
    size_t i;

    *out = (struct membership){ .wait_until_ms = UINT64_MAX };
    out->members = plan_alloc(plan, facts->nodes_count, sizeof(*out->members));
    if (out->members == NULL) {
        out->rule = rule_match(&membership_rules, F(FROZEN) | F(EMPTY));
        return;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(WANTED)) != 0) {
            kept += node->member != NULL ? 1 : 0;
            out->facts |= fact_if(node->rule->act == ACT_ADOPT, F(ADOPTING));
            node_take_in(facts, plan, node, out, &oldest_ms);
        }
    }
    if (out->members_count == 0 && facts->law.renew && !facts->frozen && !facts->record->deleting) {
        kept = keep_list(facts, plan, out);
    }
    if (oldest_ms != UINT64_MAX) {
        out->wait_until_ms = oldest_ms + facts->spec->converge_timeout_ms;
    }
    out->facts |=
        fact_if(facts->frozen || facts->record->deleting, F(FROZEN)) |
        fact_if(facts->config_blocked, F(BLOCKED)) | fact_if(out->members_count == 0, F(EMPTY)) |
        fact_if(facts->view->reports_count == 0, F(SILENT)) |
        fact_if(list_changes(facts, out), F(CHANGED)) | fact_if(facts->law.renew, F(RENEW)) |
        fact_if(facts->law.next == 0, F(EXHAUSTED)) | fact_if(list_is_large(out), F(LARGE)) |
        fact_if(facts->config != NULL && kept < facts->config->head.members_count, F(REMOVING)) |
        fact_if(out->wait_until_ms <= facts->view->now_ms, F(OVERDUE));
    out->rule = rule_match(&membership_rules, out->facts);
}

static void commit(const struct facts *facts, const struct membership *membership,
                   struct plan_builder *plan)
{
    struct config_draft *draft = plan_alloc(plan, 1, sizeof(*draft));

    if (draft == NULL) {
        return;
    }
    *draft = (struct config_draft){
        .cluster = facts->view->cluster,
        .uid = facts->record->uid,
        .epoch = facts->law.epoch,
        .version = facts->law.next,
        .members = membership->members,
        .members_count = membership->members_count,
    };
    plan_config(plan, draft, membership->rule->name);
    plan_event(plan, 0, (membership->facts & F(RENEW)) != 0, "ConfigurationCommitted",
               membership->rule->name, "version %u lists %zu nodes: %s", draft->version,
               draft->members_count, membership->rule->sentence);
}

void membership_plan(const struct facts *facts, const struct membership *membership,
                     struct plan_builder *plan)
{
    switch ((enum membership_act)membership->rule->act) {
    case MEMBERSHIP_KEEP:
        break;
    case MEMBERSHIP_WAIT:
        plan_wake(plan, NULL, membership->wait_until_ms, membership->rule->name);
        break;
    case MEMBERSHIP_COMMIT:
        commit(facts, membership, plan);
        break;
    }
}
