#include "reconciler/facts.h"

#include <string.h>

#include "base/check.h"
#include "reconciler/slots.h"

static bool is_blocked(const struct facts *facts, uint32_t slot)
{
    const struct view *view = facts->view;
    size_t i;

    for (i = 0; i < view->bad_keys_count; i++) {
        const struct bad_key *key = &view->bad_keys[i];

        if (key->kind == BAD_KEY_ANY ||
            ((key->kind == BAD_KEY_INTENT || key->kind == BAD_KEY_REPORT) && key->slot == slot)) {
            return true;
        }
    }
    return false;
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

/* Up where and as it was asked for, and discovery is answered there. */
static bool serves_as_asked(const struct node *node)
{
    const struct intent *intent = node->intent;
    const struct node_report *report = node->report;

    return report->state == NODE_UP && report->partition != PARTITION_NONE &&
           report->data_port == intent->data_port &&
           report->discovery_port == intent->discovery_port &&
           strcmp(report->ip, intent->ip) == 0 &&
           node_settings_equal(&report->settings, &intent->settings);
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

static bool is_aliased(const struct alias *alias, const struct intent *intent)
{
    return alias != NULL && strcmp(alias->ip, intent->ip) == 0 &&
           (alias->port == intent->data_port || alias->port == intent->discovery_port);
}

/* Two signals, or nobody left to ask: silence alone is no proof that nobody uses the node. */
static bool is_drained(const struct facts *facts, const struct node *node)
{
    if (node->report != NULL && (node->report->clients == 0 || node->report->state == NODE_DOWN ||
                                 node->report->state == NODE_STOPPED)) {
        return true;
    }
    if (node->report == NULL && node->seen != NULL && node->seen->unreachable_since_ms != 0) {
        return true;
    }
    return node->intent->phase_since_ms + facts->spec->drain_ms <= facts->view->now_ms;
}

uint64_t node_fails_at_ms(const struct facts *facts, const struct node *node)
{
    const struct slot_observation *seen = node->seen;
    uint64_t since;

    if (node->intent == NULL || seen == NULL || seen->unreachable_since_ms == 0 ||
        (node->report != NULL && node->report->state == NODE_UP)) {
        return UINT64_MAX;
    }
    since = seen->unreachable_since_ms;
    if (node->report == NULL) {
        since = since < seen->report_gone_since_ms ? seen->report_gone_since_ms : since;
    }
    /* What was observed before the intent changed was about another node. */
    since = since < node->intent->phase_since_ms ? node->intent->phase_since_ms : since;
    return since + facts->spec->fail_after_ms;
}

uint64_t node_dead_at_ms(const struct facts *facts, const struct node *node)
{
    return node_fails_at_ms(facts, node) == UINT64_MAX
               ? UINT64_MAX
               : node->intent->phase_since_ms + facts->spec->fail_after_ms;
}

static uint32_t intent_facts(const struct facts *facts, const struct node *node)
{
    const struct intent *intent = node->intent;

    return FACT(PLACED) | fact_if(strcmp(intent->uid, facts->record->uid) != 0, FACT(FOREIGN)) |
           fact_if(intent->phase == INTENT_DRAIN, FACT(DRAINING)) |
           fact_if(intent->phase == INTENT_STOP, FACT(STOPPING)) |
           fact_if(facts->record->deleting ||
                       intent->phase_since_ms + LOST_AFTER_MS <= facts->view->now_ms,
                   FACT(LOST)) |
           fact_if(!node_settings_equal(&intent->settings, &facts->spec->settings),
                   FACT(SETTINGS_OLD)) |
           fact_if(intent_is_listed(intent, node->member), FACT(LISTED)) |
           fact_if(is_aliased(facts->view->alias, intent), FACT(ALIASED)) |
           fact_if(intent->phase == INTENT_DRAIN && is_drained(facts, node), FACT(DRAINED)) |
           fact_if(node_fails_at_ms(facts, node) <= facts->view->now_ms, FACT(FAILED));
}

static uint32_t report_facts(const struct facts *facts, const struct node *node)
{
    const struct node_report *report = node->report;

    return FACT(REPORTED) | fact_if(report->state == NODE_STOPPED, FACT(STOPPED)) |
           fact_if(report->state == NODE_DOWN, FACT(DOWN)) |
           fact_if(report->state == NODE_UP, FACT(UP)) |
           fact_if(is_proven(facts, node), FACT(PROVEN));
}

static void node_find_facts(const struct facts *facts, struct node *node)
{
    bool deleting = facts->record->deleting;

    node->facts |=
        fact_if(deleting, FACT(DELETING)) | fact_if(host_is_there(node->host), FACT(HOST));
    if (node->intent == NULL) {
        node->facts |= fact_if(node->member != NULL, FACT(LISTED)) |
                       fact_if(node->report != NULL, FACT(ORPHANED));
    } else {
        node->facts |= intent_facts(facts, node);
        /* What may be stopped or changed depends on what members list. */
        node->facts |= fact_if(facts->config_blocked && !deleting, FACT(BLOCKED));
    }
    if (node->intent != NULL && node->report != NULL) {
        node->facts |= report_facts(facts, node);
    }
    node->facts |= fact_if(facts->frozen || is_blocked(facts, node->slot), FACT(BLOCKED));
}

static struct node *node_new(struct facts *facts, const struct slot_keys *keys, uint32_t role)
{
    struct node *node = &facts->nodes[facts->nodes_count++];

    *node = (struct node){
        .slot = keys->slot,
        .facts = role,
        .member = keys->member,
        .seen = keys->seen,
        .slot_intents = keys->intents,
        .slot_intents_count = keys->intents_count,
    };
    return node;
}

static void node_add(struct facts *facts, const struct slot_keys *keys, const struct intent *intent,
                     uint32_t role)
{
    struct node *node = node_new(facts, keys, role);

    node->intent = intent;
    node->report = intent_is_reported(intent, keys->report) ? keys->report : NULL;
    node->host = host_find(facts->view, intent->host);
    node_find_facts(facts, node);
}

/* What runs without an intent, or (without a report) a slot where nothing is yet. */
static void orphan_add(struct facts *facts, const struct slot_keys *keys,
                       const struct node_report *report, uint32_t role)
{
    struct node *node = node_new(facts, keys, role);

    node->report = report;
    node->host = report == NULL ? NULL : host_find(facts->view, report->host);
    node_find_facts(facts, node);
}

/* First the node that holds the slot, then those that other intents or hosts keep of it. */
static void slot_add(struct facts *facts, const struct slot_walk *walk,
                     const struct slot_keys *keys)
{
    const struct intent *owner = slot_owner(walk, keys);
    const struct node_report *orphan = slot_orphan(keys);
    uint32_t others = owner != NULL || keys->wanted ? FACT(SUPERSEDED) : 0;
    uint32_t wanted = keys->wanted ? FACT(WANTED) : 0;
    size_t i;

    if (owner != NULL) {
        node_add(facts, keys, owner, wanted);
    } else if (keys->wanted || orphan != NULL || keys->intents_count == 0) {
        orphan_add(facts, keys, orphan, wanted);
        orphan = NULL;
    }
    for (i = 0; i < keys->intents_count; i++) {
        const struct intent *intent = &keys->intents[i];

        if (intent != owner) {
            node_add(facts, keys, intent, others);
        }
    }
    if (orphan != NULL) {
        orphan_add(facts, keys, orphan, others);
    }
}

static bool config_is_blocked(const struct view *view)
{
    size_t i;

    for (i = 0; i < view->bad_keys_count; i++) {
        if (view->bad_keys[i].kind == BAD_KEY_ANY || view->bad_keys[i].kind == BAD_KEY_CONFIG ||
            view->bad_keys[i].kind == BAD_KEY_LINEAGE) {
            return true;
        }
    }
    return false;
}

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
    if ((node->facts & FACT(UP)) == 0 || node_has_acked(facts, node)) {
        return false;
    }
    return listed || (wanted && 0 < node->report->served.version);
}

/* Whether no host reports any node of the slot. Nodes stand in slot order. */
static bool slot_is_silent(const struct facts *facts, size_t i)
{
    uint32_t slot = facts->nodes[i].slot;

    while (0 < i && facts->nodes[i - 1].slot == slot) {
        i--;
    }
    while (i < facts->nodes_count && facts->nodes[i].slot == slot) {
        if (facts->nodes[i].report != NULL) {
            return false;
        }
        i++;
    }
    return true;
}

/*
 * A member whose watcher is gone may live all the same, with an older list. It counts until probes
 * say that it can't be reached.
 */
static bool may_list_anybody(const struct facts *facts, size_t i)
{
    const struct node *node = &facts->nodes[i];

    return (node->facts & FACT(LISTED)) != 0 && slot_is_silent(facts, i) &&
           (node->seen == NULL || node->seen->unreachable_since_ms == 0);
}

static void count_acks(struct facts *facts)
{
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        facts->acks_missing += owes_ack(facts, &facts->nodes[i]) ? 1 : 0;
        facts->acks_unknown += may_list_anybody(facts, i) ? 1 : 0;
    }
}

bool node_is_missed(const struct node *node)
{
    const uint32_t serving = FACT(PROVEN) | FACT(LISTED);

    return (node->facts & FACT(WANTED)) != 0 && node->member != NULL &&
           (node->facts & serving) != serving;
}

static void count_troubles(struct facts *facts)
{
    uint64_t now_ms = facts->view->now_ms;
    size_t placed = 0;
    size_t dead = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if ((node->facts & FACT(WANTED)) == 0) {
            continue;
        }
        facts->unavailable += node_is_missed(node) ? 1 : 0;
        if (node->intent == NULL) {
            continue;
        }
        if ((node->facts & FACT(UP)) != 0 &&
            node_settings_equal(&node->report->settings, &facts->spec->settings)) {
            facts->settings_tried = true;
        }
        placed++;
        dead += node_dead_at_ms(facts, node) <= now_ms ? 1 : 0;
    }
    facts->mass = 2 <= dead && placed < 2 * dead;
}

/* Whether the node's failure may be the settings' fault rather than its host's. */
static bool is_suspect(const struct facts *facts, const struct node *node)
{
    return host_is_there(node->host) && node->host->host.problem[0] == '\0' &&
           !facts->settings_tried;
}

/*
 * Keys from a backup may give one address of a host to two nodes; only one of them can run there.
 * Looked for where a node is down, so that a cluster in order does not pay for it.
 */
static bool is_crowded(const struct facts *facts, const struct node *node)
{
    size_t i;

    if ((node->facts & FACT(WANTED)) == 0 || (node->facts & FACT(DOWN)) == 0) {
        return false;
    }
    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *other = &facts->nodes[i];

        if ((other->facts & FACT(UP)) != 0 && other->host == node->host &&
            other->intent->data_port == node->intent->data_port &&
            strcmp(other->intent->ip, node->intent->ip) == 0) {
            return true;
        }
    }
    return false;
}

static void spread_counts(struct facts *facts)
{
    uint32_t common =
        fact_if(facts->mass, FACT(MASS)) |
        fact_if(0 < facts->acks_missing + facts->acks_unknown || facts->config_blocked,
                FACT(EXPOSED));
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        facts->nodes[i].facts |= common |
                                 fact_if(is_suspect(facts, &facts->nodes[i]), FACT(SUSPECT)) |
                                 fact_if(is_crowded(facts, &facts->nodes[i]), FACT(CROWDED));
    }
}

/* What stands for a spec that is missing: it asks for nothing. */
static const struct spec_record *frozen_record(const struct view *view, struct arena *arena)
{
    struct spec_record *record = arena_alloc(arena, sizeof(*record));

    if (record == NULL) {
        return NULL;
    }
    record->spec.name = view->cluster;
    record->spec.domain = "";
    record->uid = "";
    if (view->config != NULL) {
        record->uid = view->config->head.uid;
    } else if (0 < view->intents_count) {
        record->uid = view->intents[0].uid;
    } else if (view->status != NULL) {
        record->uid = view->status->uid;
    }
    if (view->status != NULL) {
        record->generation = view->status->observed_generation;
    }
    return record;
}

int facts_gather(const struct view *view, struct arena *arena, struct facts *out, struct err *err)
{
    struct slot_walk walk;
    struct slot_keys keys;
    const struct spec_record *record = view->spec;
    size_t nodes_max;

    if (record == NULL) {
        record = frozen_record(view, arena);
    }
    if (record == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a spec");
    }
    *out = (struct facts){
        .view = view, .record = record, .spec = &record->spec, .frozen = view->spec == NULL
    };
    if (view->config != NULL && strcmp(view->config->head.uid, record->uid) == 0) {
        out->config = view->config;
    }
    out->config_blocked = config_is_blocked(view);
    out->law = version_law_find(view, out->config);
    walk = (struct slot_walk){ .view = view,
                               .config = out->config,
                               .uid = record->uid,
                               .wanted_max = record->deleting ? 0 : out->spec->nodes,
                               .wanted = 1 };
    nodes_max = walk.wanted_max + view->intents_count + view->reports_count +
                (out->config == NULL ? 0 : out->config->head.members_count);
    out->nodes = arena_calloc(arena, nodes_max, sizeof(*out->nodes));
    if (out->nodes == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", nodes_max);
    }
    while (slot_walk_next(&walk, &keys)) {
        slot_add(out, &walk, &keys);
        CHECK(out->nodes_count <= nodes_max);
    }
    count_acks(out);
    count_troubles(out);
    spread_counts(out);
    return 0;
}
