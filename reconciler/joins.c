#include "reconciler/joins.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/name.h"
#include "reconciler/slots.h"

#define F(name) JOIN(name)
#define PORTS 2U /* that a node takes: data, and discovery just below */

/* clang-format off */
static const struct rule rules[] = {
    { "join-frozen",         F(FROZEN),                         0,                                   JOIN_KEEP,
      "the spec is missing, or the cluster is being deleted" },
    { "join-blocked",        F(BLOCKED),                        0,                                   JOIN_AWAIT,
      "a key can't be read that may tell of its joiner" },
    { "join-foreign",        F(FOREIGN),                        0,                                   JOIN_REFUSE,
      "it asks to join another incarnation of the cluster" },
    { "join-expired",        F(EXPIRED),                        0,                                   JOIN_REFUSE,
      "it was seen when it no longer counted, or before it was made" },
    { "join-admitted",       F(KNOWN)|F(STALE),                 0,                                   JOIN_KEEP,
      "it was admitted" },
    { "join-in-place",       F(KNOWN)|F(RUNNING)|F(SAME),       0,                                   JOIN_KEEP,
      "its joiner has its node already" },
    { "join-stopping",       F(STOPPING),                       0,                                   JOIN_AWAIT,
      "its joiner's former node has to stop first" },
    { "join-adopting",       F(UNASKED),                        0,                                   JOIN_AWAIT,
      "its joiner's node, which runs without an intent, gets one first" },
    { "join-not-joinable",   0,                                 F(JOINABLE),                         JOIN_REFUSE,
      "spec.membership lets nobody join" },
    { "join-host-taken",     F(HOST_TAKEN),                     0,                                   JOIN_REFUSE,
      "its host is not a sidecar's, or has a node of somebody else" },
    { "join-address-taken",  F(ADDRESS_TAKEN),                  0,                                   JOIN_REFUSE,
      "another node has its address, or a host has it to give away" },
    { "join-twice",          F(KNOWN)|F(UP),                    F(SAME),                             JOIN_REFUSE,
      "its joiner's node is up at another address" },
    { "join-host-away",      0,                                 F(HOST),                             JOIN_AWAIT,
      "its watcher has not registered its host, or says what is wrong there" },
    { "join-cordoned",       F(CORDONED),                       0,                                   JOIN_REFUSE,
      "its host is cordoned" },
    { "join-move",           F(KNOWN)|F(RUNNING),               0,                                   JOIN_RETURN,
      "its joiner came back with another address, and keeps its slot" },
    { "join-full",           0,                                 F(ROOM),                             JOIN_REFUSE,
      "there are as many nodes as spec.maxNodes allows" },
    { "join-return",         F(KNOWN),                          0,                                   JOIN_RETURN,
      "its joiner came back, and keeps its slot" },
    { "join-no-slot",        0,                                 F(SLOT),                             JOIN_REFUSE,
      "no slot is left" },
    { "join",                0,                                 0,                                   JOIN_ADMIT,
      "it asks to join, and there is room" },
};

static const struct rule_law laws[] = {
    { F(RUNNING),              F(KNOWN),     "what is told to run is there" },
    { F(STALE),                F(KNOWN),     "a node was admitted by a request" },
    { F(SAME),                 F(KNOWN),     "a node that is there has an address" },
    { F(UP),                   F(KNOWN),     "what is reported up is there" },
};
/* clang-format on */

RULE_TABLE(join_rules, JOIN_FACTS, JOIN_ACTS);

/* What has been found so far. */
struct finding {
    const struct facts *facts;
    struct join_case *cases;
    size_t count;
    uint32_t nodes; /* wanted, those included that this pass admits */
};

/* ---- The joiner's own nodes ---- */

static bool is_own(const struct intent *intent, const struct join *join)
{
    return intent->attached && strcmp(intent->join, join->uid) == 0;
}

/* Of those that are to run or to drain the one to run, of several the newest. */
static const struct intent *known_find(const struct view *view, const struct join *join)
{
    const struct intent *known = NULL;
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (!is_own(intent, join) || intent->phase == INTENT_STOP) {
            continue;
        }
        if (known == NULL || intent->phase < known->phase ||
            (intent->phase == known->phase && known->phase_since_ms < intent->phase_since_ms)) {
            known = intent;
        }
    }
    return known;
}

/* Until its host has nothing more to say about that: else what was let go would join again at once.
 */
static bool is_stopping(const struct view *view, const struct join *join)
{
    size_t i;

    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];

        if (report->attached && report->state == NODE_STOPPED &&
            strcmp(report->join, join->uid) == 0 && strcmp(report->host, join->host) == 0) {
            return true;
        }
    }

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (is_own(intent, join) && intent->phase == INTENT_STOP &&
            strcmp(intent->host, join->host) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_unasked(const struct facts *facts, const struct join *join)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (node->intent == NULL && node->report != NULL && node->report->attached &&
            strcmp(node->report->join, join->uid) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_up(const struct facts *facts, const struct intent *known)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        if (facts->nodes[i].intent == known) {
            return (facts->nodes[i].facts & FACT(UP)) != 0;
        }
    }
    return false;
}

static bool is_same_place(const struct intent *intent, const struct join *join)
{
    return strcmp(intent->host, join->host) == 0 && strcmp(intent->ip, join->ip) == 0 &&
           intent->data_port == join->data_port;
}

/* ---- Hosts, addresses and slots ---- */

/* A sidecar stands beside one memcached. */
static bool host_is_taken(const struct finding *finding, const struct join *join)
{
    const struct view *view = finding->facts->view;
    const struct host_view *host = host_find(view, join->host);
    size_t i;

    if (host_is_there(host) && (!host->host.sidecar || 0 < host->nodes_used)) {
        return true;
    }
    for (i = 0; i < view->intents_count; i++) {
        if (strcmp(view->intents[i].host, join->host) == 0 && !is_own(&view->intents[i], join)) {
            return true;
        }
    }
    for (i = 0; i < finding->count; i++) {
        const struct join_case *other = &finding->cases[i];

        if (other->rule->act == JOIN_ADMIT && strcmp(other->view->join.host, join->host) == 0) {
            return true;
        }
    }
    return false;
}

static bool ports_meet(uint32_t a, uint32_t b)
{
    return a < b + PORTS && b < a + PORTS;
}

/* Whether two nodes would want a port of one address. */
static bool address_meets(const struct join *join, const char *ip, uint16_t data_port)
{
    return strcmp(join->ip, ip) == 0 && ports_meet(join->data_port, data_port);
}

/* Whether the address, or a port next to it, is one that the host gives to nodes. */
static bool pool_has(const struct host *host, const struct join *join)
{
    uint32_t nodes = host->nodes_max;
    uint32_t last_port;
    uint32_t first;
    uint32_t ip;

    if (host->sidecar || nodes == 0 || !ipv4_parse(join->ip, &ip) ||
        !ipv4_parse(host->ip_first, &first) || ip < first) {
        return false;
    }
    if (1 < host->ip_count) {
        uint32_t count = host->ip_count < nodes ? host->ip_count : nodes;

        return ip - first < count && ports_meet(join->data_port, host->data_port);
    }
    last_port = host->data_port + PORTS * (nodes - 1);
    return ip == first && host->data_port < join->data_port + PORTS &&
           join->data_port < last_port + PORTS;
}

/*
 * Whether nothing but the list is left of a slot: the last ones of a cluster in which muster places
 * nothing go without a list that leaves them out. They keep neither slot nor address.
 */
static bool is_gone(const struct facts *facts, uint32_t slot)
{
    size_t i;

    for (i = 0; facts->placed == 0 && i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (node->slot == slot && (node->intent != NULL || node->report != NULL)) {
            return false;
        }
    }
    return facts->placed == 0;
}

static bool member_is_other(const struct finding *finding, const struct join *join,
                            const struct member *member)
{
    const struct intent *known = known_find(finding->facts->view, join);

    return address_meets(join, member->ip, member->port) &&
           (known == NULL || known->slot != member->slot) && !is_gone(finding->facts, member->slot);
}

/* Also by another joiner of this very pass. */
static bool address_is_taken(const struct finding *finding, const struct join *join)
{
    const struct facts *facts = finding->facts;
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (!is_own(intent, join) && address_meets(join, intent->ip, intent->data_port)) {
            return true;
        }
    }
    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];
        bool own = report->attached && strcmp(report->join, join->uid) == 0;

        if (!own && report->state != NODE_STOPPED &&
            address_meets(join, report->ip, report->data_port)) {
            return true;
        }
    }
    for (i = 0; facts->config != NULL && i < facts->config->head.members_count; i++) {
        if (member_is_other(finding, join, &facts->config->head.members[i])) {
            return true;
        }
    }
    for (i = 0; i < view->hosts_count; i++) {
        if (view->hosts[i].present && pool_has(&view->hosts[i].host, join)) {
            return true;
        }
    }
    for (i = 0; i < finding->count; i++) {
        const struct join *other = &finding->cases[i].view->join;
        enum join_act act = (enum join_act)finding->cases[i].rule->act;

        if ((act == JOIN_ADMIT || act == JOIN_RETURN) &&
            address_meets(join, other->ip, other->data_port)) {
            return true;
        }
    }
    return false;
}

/* Of the slot nothing is left but, at most, orders to stop for this very joiner. */
static bool slot_is_free(const struct finding *finding, const struct join *join, uint32_t slot)
{
    const struct facts *facts = finding->facts;
    size_t i;

    if (slot <= facts->placed || SLOT_MAX < slot) {
        return false;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];
        bool own = node->intent != NULL && is_own(node->intent, join) &&
                   node->intent->phase == INTENT_STOP && node->report == NULL;

        if (node->slot == slot && !own && !is_gone(facts, slot)) {
            return false;
        }
    }
    for (i = 0; i < finding->count; i++) {
        if (finding->cases[i].rule->act == JOIN_ADMIT && finding->cases[i].slot == slot) {
            return false;
        }
    }
    return true;
}

/* The slot that the joiner had: an order to stop, for a host that is away, tells of it. */
static uint32_t former_slot(const struct view *view, const struct join *join)
{
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        if (is_own(&view->intents[i], join)) {
            return view->intents[i].slot;
        }
    }
    return 0;
}

/* Its old slot, else the one that it wishes, else the lowest free one; 0: none is left. */
static uint32_t slot_pick(const struct finding *finding, const struct join *join)
{
    const uint32_t wishes[] = { former_slot(finding->facts->view, join), join->slot_wanted };
    uint32_t slot;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(wishes); i++) {
        if (slot_is_free(finding, join, wishes[i])) {
            return wishes[i];
        }
    }
    for (slot = finding->facts->placed + 1; slot <= SLOT_MAX; slot++) {
        if (slot_is_free(finding, join, slot)) {
            return slot;
        }
    }
    return 0;
}

/* ---- Finding ---- */

static bool is_blocked(const struct facts *facts)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < view->bad_keys_count; i++) {
        enum bad_key_kind kind = view->bad_keys[i].kind;

        if (kind == BAD_KEY_ANY || kind == BAD_KEY_INTENT || kind == BAD_KEY_REPORT) {
            return true;
        }
    }
    return facts->config_blocked;
}

/* On the clocks of the joiner and of the watcher that saw it. */
static bool is_expired(const struct join_view *view)
{
    uint64_t issued_ms = view->join.issued_ms;

    return issued_ms + JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS < view->seen_ms ||
           view->seen_ms + JOIN_CLOCK_SKEW_MS < issued_ms;
}

/* A watcher that is about to end says so there: who left is not let in by an old request. */
static bool is_well(const struct view *view, const char *name)
{
    const struct host_view *host = host_find(view, name);

    return host_is_there(host) && host->host.problem[0] == '\0';
}

static bool is_cordoned(const struct view *view, const char *name)
{
    const struct host_view *host = host_find(view, name);

    return host != NULL && host->cordoned;
}

static uint64_t known_facts(const struct facts *facts, const struct join *join,
                            const struct intent *known)
{
    if (known == NULL) {
        return 0;
    }
    return F(KNOWN) | fact_if(known->phase == INTENT_RUN, F(RUNNING)) |
           fact_if(join->issued_ms <= known->join_issued_ms, F(STALE)) |
           fact_if(is_same_place(known, join), F(SAME)) | fact_if(is_up(facts, known), F(UP));
}

static void judge(struct finding *finding, const struct join_view *view, struct join_case *out)
{
    const struct facts *facts = finding->facts;
    const struct join *join = &view->join;

    *out = (struct join_case){ .view = view, .known = known_find(facts->view, join) };
    out->slot = out->known != NULL ? out->known->slot : slot_pick(finding, join);
    out->facts = known_facts(facts, join, out->known) |
                 fact_if(facts->frozen || facts->record->deleting, F(FROZEN)) |
                 fact_if(is_blocked(facts), F(BLOCKED)) |
                 fact_if(strcmp(join->cluster_uid, facts->record->uid) != 0, F(FOREIGN)) |
                 fact_if(is_expired(view), F(EXPIRED)) |
                 fact_if(is_stopping(facts->view, join), F(STOPPING)) |
                 fact_if(is_unasked(facts, join), F(UNASKED)) |
                 fact_if(spec_is_open(facts->spec), F(JOINABLE)) |
                 fact_if(is_well(facts->view, join->host), F(HOST)) |
                 fact_if(is_cordoned(facts->view, join->host), F(CORDONED)) |
                 fact_if(host_is_taken(finding, join), F(HOST_TAKEN)) |
                 fact_if(address_is_taken(finding, join), F(ADDRESS_TAKEN)) |
                 fact_if(finding->nodes < facts->spec->nodes_max, F(ROOM)) |
                 fact_if(out->slot != 0, F(SLOT));
    out->rule = rule_match(&join_rules, out->facts);
}

static bool adds_a_node(const struct join_case *found)
{
    return found->rule->act == JOIN_ADMIT ||
           (found->rule->act == JOIN_RETURN && (found->facts & F(RUNNING)) == 0);
}

void joins_find(const struct facts *facts, struct plan_builder *plan, struct joins *out)
{
    const struct view *view = facts->view;
    struct finding finding = { .facts = facts, .nodes = facts->placed + facts->guests };
    size_t i;

    *out = (struct joins){ .count = 0 };
    finding.cases = plan_alloc(plan, view->joins_count, sizeof(*finding.cases));
    if (finding.cases == NULL) {
        return;
    }
    for (i = 0; i < view->joins_count; i++) {
        judge(&finding, &view->joins[i], &finding.cases[i]);
        finding.count++;
        finding.nodes += adds_a_node(&finding.cases[i]) ? 1 : 0;
    }
    out->cases = finding.cases;
    out->count = finding.count;
}

/* ---- Acting ---- */

static void admit(const struct facts *facts, const struct join_case *found,
                  struct plan_builder *plan)
{
    const struct join *join = &found->view->join;
    struct intent *intent = plan_alloc(plan, 1, sizeof(*intent));

    if (intent == NULL) {
        return;
    }
    *intent = (struct intent){
        .host = join->host,
        .cluster = facts->view->cluster,
        .slot = found->slot,
        .uid = facts->record->uid,
        .phase = INTENT_RUN,
        .phase_since_ms = facts->view->now_ms,
        .ip = join->ip,
        .data_port = join->data_port,
        .discovery_port = join->discovery_port,
        .settings = join->settings,
        .attached = true,
        .join = join->uid,
        .join_issued_ms = join->issued_ms,
    };
    plan_intent(plan, EFFECT_INTENT_PUT, intent, found->rule->name);
    plan_event(plan, intent->slot, false, "NodeJoined", found->rule->name,
               "joiner %s on host %s at %s:%u, seen by %s: %s", join->uid, intent->host, intent->ip,
               (unsigned int)intent->data_port, found->view->seen_by, found->rule->sentence);
}

void joins_plan(const struct facts *facts, const struct joins *joins, struct plan_builder *plan)
{
    size_t i;

    for (i = 0; i < joins->count; i++) {
        switch ((enum join_act)joins->cases[i].rule->act) {
        case JOIN_KEEP:
        case JOIN_AWAIT:
        case JOIN_REFUSE:
            break;
        case JOIN_ADMIT:
        case JOIN_RETURN:
            admit(facts, &joins->cases[i], plan);
            break;
        }
    }
}
