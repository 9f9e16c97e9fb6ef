#include "reconciler/whole.h"

#include <string.h>

#include "reconciler/alias.h"
#include "reconciler/failure.h"
#include "reconciler/node_facts.h"
#include "reconciler/progress.h"
#include "reconciler/slots.h"

/*
 * A member counts when it can answer; a node that is no member counts when it serves something,
 * because that may list whom the current configuration does not.
 */
static bool owes_ack(const struct facts *facts, const struct node *node)
{
    bool listed = (node->facts & FACT(LISTED)) != 0;
    bool wanted = (node->facts & FACT(WANTED)) != 0;

    if (listed && (node->facts & FACT(BLOCKED)) != 0) {
        return true;
    }
    if (node->report == NULL || node->report->state != NODE_UP || node_has_acked(facts, node)) {
        return false;
    }
    return listed || (wanted && 0 < node->report->served.version);
}

/*
 * A member that is down keeps what it held and serves that when it comes up again. One of which
 * nobody reports may be up all the same: it counts until probes have long said that it can't be
 * reached.
 */
static bool may_list_anybody(const struct facts *facts, const struct node *node)
{
    const struct node_report *report = node->report;

    if ((node->facts & FACT(LISTED)) == 0) {
        return false;
    }
    if (report == NULL) {
        return facts->view->now_ms < node_out_of_reach_at_ms(facts, node);
    }
    return facts->config != NULL &&
           (report->state == NODE_DOWN || report->state == NODE_STARTING) &&
           report->version_seen < facts->config->head.version;
}

static void count_acks(struct facts *facts)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        facts->acks_missing += owes_ack(facts, &facts->nodes[i]) ? 1 : 0;
        facts->acks_unknown += may_list_anybody(facts, &facts->nodes[i]) ? 1 : 0;
    }
}

bool node_is_missed(const struct node *node)
{
    const uint64_t serving = FACT(PROVEN) | FACT(LISTED);

    return (node->facts & FACT(WANTED)) != 0 && node->member != NULL &&
           (node->facts & serving) != serving;
}

/* Whether it runs, or is told to; one that stops counts until its intent is gone. */
static bool runs(const struct node *node)
{
    if (node->report == NULL) {
        return (node->facts & (FACT(PLACED) | FACT(STOPPING) | FACT(HOST))) ==
               (FACT(PLACED) | FACT(HOST));
    }
    return node->report->state != NODE_DOWN;
}

/* Nodes of wanted slots beyond the first one that runs. Nodes of a slot stand together. */
static void count_surge(struct facts *facts)
{
    bool wanted = false;
    bool taken = false;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(SUPERSEDED)) == 0) {
            wanted = (node->facts & FACT(WANTED)) != 0;
            taken = false;
        }
        if (wanted && runs(node)) {
            facts->surge += taken ? 1 : 0;
            taken = true;
        }
    }
}

/* Whether the node was told to go, and somebody is there who has not done so yet. */
static bool is_dismissed(const struct node *node)
{
    return (node->facts & FACT(ATTACHED)) != 0 &&
           (node->facts & (FACT(DRAINING) | FACT(STOPPING))) != 0 &&
           (node->facts & (FACT(HOST) | FACT(REPORTED))) != 0;
}

static void count_guests(struct facts *facts)
{
    const uint64_t guest = FACT(WANTED) | FACT(BEYOND);
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        facts->wanted += (facts->nodes[i].facts & FACT(WANTED)) == 0 ? 0 : 1;
        facts->guests += (facts->nodes[i].facts & guest) == guest ? 1 : 0;
        facts->dismissed += is_dismissed(&facts->nodes[i]) ? 1 : 0;
    }
}

static void count_availability(struct facts *facts)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        facts->unavailable += node_is_missed(node) ? 1 : 0;
    }
}

/* Whether so much looks dead at once that the fault is rather with who looks. */
static bool is_mass_failure(const struct facts *facts)
{
    const struct view *view = facts->view;
    size_t placed = 0;
    size_t dead = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(WANTED)) != 0 && node->intent != NULL) {
            placed++;
            dead += node_dead_at_ms(facts, node) <= view->now_ms ? 1 : 0;
        }
    }
    return (MASS_MIN <= dead && placed < 2 * dead) ||
           (MASS_MIN <= view->fleet_gone && view->fleet_hosts < 2 * view->fleet_gone);
}

/*
 * Since when the node is what it is, as far as anybody knows: this process may look at it for less
 * long than the one before, which wrote the status.
 */
static uint64_t state_since_ms(const struct facts *facts, const struct node *node)
{
    const struct status *status = facts->view->status;
    const char *state = node_status_state(node);
    size_t i;

    for (i = 0; status != NULL && i < status->slots_count; i++) {
        const struct slot_status *slot = &status->slots[i];

        if (slot->slot == node->slot && slot->since_ms != 0 &&
            strcmp(slot->host, node->intent->host) == 0 && strcmp(slot->state, state) == 0) {
            return slot->since_ms;
        }
    }
    return UINT64_MAX;
}

/* An operator said that what was dead then is dead. */
static bool is_confirmed(const struct facts *facts, const struct node *node)
{
    uint64_t confirmed_ms = facts->record->confirmed_ms;
    uint64_t since_ms = node_trouble_since_ms(node);

    return confirmed_ms != 0 && since_ms != UINT64_MAX &&
           (since_ms <= confirmed_ms || state_since_ms(facts, node) <= confirmed_ms);
}

static void spread_mass(struct facts *facts)
{
    size_t i;

    if (!is_mass_failure(facts)) {
        return;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        struct node *node = &facts->nodes[i];

        if (is_confirmed(facts, node)) {
            continue;
        }
        node->facts |= FACT(MASS);
        facts->mass = facts->mass || ((node->facts & FACT(WANTED)) != 0 &&
                                      node_dead_at_ms(facts, node) <= facts->view->now_ms);
    }
}

/* While the rollout is held, what is replaced stays what it was. */
const struct node_settings *node_settings_for_replacement(const struct facts *facts,
                                                          const struct node *node)
{
    bool held =
        (facts->record->paused || facts->progress.stalled) && (node->facts & FACT(ATTACHED)) == 0;

    return held && node->intent != NULL ? &node->intent->settings : &facts->spec->settings;
}

/* Whether a node of the cluster shows that these settings work. */
static bool are_tried(const struct facts *facts, const struct node_settings *settings)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(UP)) != 0 &&
            node_settings_meet(&node->report->settings, settings)) {
            return true;
        }
    }
    return false;
}

/*
 * Whether the node's failure may be the settings' fault rather than its host's. Looked for where a
 * node has failed, so that a cluster in order does not pay for it.
 */
static bool is_suspect(const struct facts *facts, const struct node *node)
{
    return (node->facts & FACT(FAILED)) != 0 && (node->facts & FACT(ATTACHED)) == 0 &&
           host_is_there(node->host) && node->host->host.problem[0] == '\0' &&
           !are_tried(facts, node_settings_for_replacement(facts, node));
}

/* Whether a node of another cluster has the address, too. */
static bool is_taken(const struct node *node)
{
    const struct host_view *host = node->host;
    uint32_t own_ip;
    size_t i;

    if (host == NULL || !host->present || !ipv4_parse(node->intent->ip, &own_ip)) {
        return false;
    }
    for (i = 0; i < host->indexes_used_count; i++) {
        uint32_t ip;
        uint16_t port;

        if (host_endpoint(&host->host, host->indexes_used[i], &ip, &port) && ip == own_ip &&
            port == node->intent->data_port) {
            return true;
        }
    }
    return false;
}

/*
 * Keys from a backup, or a write that came through late, may give one address of a host to two
 * nodes; only one of them can run there. Looked for where a node is down, so that a cluster in
 * order does not pay for it.
 */
static bool is_crowded(const struct facts *facts, const struct node *node)
{
    size_t i;

    if ((node->facts & FACT(WANTED)) == 0 || (node->facts & FACT(DOWN)) == 0 ||
        (node->facts & FACT(ATTACHED)) != 0 || node->intent == NULL) {
        return false;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *other = &facts->nodes[i];

        if ((other->facts & FACT(UP)) != 0 && other->host == node->host && other->intent != NULL &&
            other->intent->data_port == node->intent->data_port &&
            strcmp(other->intent->ip, node->intent->ip) == 0) {
            return true;
        }
    }
    return is_taken(node);
}

/* Whether the alias that points to the node can go to another one. */
static bool is_relieved(const struct facts *facts, const struct node *node)
{
    size_t i;

    if ((node->facts & FACT(ALIASED)) == 0) {
        return false;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        if (&facts->nodes[i] != node && alias_may_hold(facts, &facts->nodes[i])) {
            return true;
        }
    }
    return false;
}

static void spread_counts(struct facts *facts)
{
    uint64_t common =
        fact_if(facts->progress.stalled, FACT(STALLED)) | fact_if(facts->wanted == 0, FACT(LAST)) |
        fact_if(0 < facts->acks_missing + facts->acks_unknown || facts->config_blocked,
                FACT(EXPOSED));
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        struct node *node = &facts->nodes[i];

        node->facts |= common | fact_if(is_suspect(facts, node), FACT(SUSPECT)) |
                       fact_if(is_crowded(facts, node), FACT(CROWDED)) |
                       fact_if(is_relieved(facts, node), FACT(RELIEVED));
    }
}

void whole_find(struct facts *facts)
{
    count_acks(facts);
    count_availability(facts);
    count_surge(facts);
    count_guests(facts);
    facts->progress = progress_find(facts);
    spread_mass(facts);
    spread_counts(facts);
}
