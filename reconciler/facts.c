#include "reconciler/facts.h"

#include <string.h>

#include "base/check.h"
#include "reconciler/node_facts.h"
#include "reconciler/owner.h"
#include "reconciler/slots.h"
#include "reconciler/whole.h"

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

bool host_is_allowed(const struct facts *facts, const struct host_view *host)
{
    return facts->hosts_allowed == NULL || facts->hosts_allowed[host - facts->view->hosts];
}

static bool has_label(const struct host *host, const struct label *label)
{
    size_t i;

    for (i = 0; i < host->labels_count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of those that are counted */
        if (strcmp(host->labels[i].name, label->name) == 0) {
            return strcmp(host->labels[i].value, label->value) == 0;
        }
    }
    return false;
}

const struct label *host_label_missing(const struct spec *spec, const struct host *host)
{
    size_t i;

    for (i = 0; i < spec->host_labels_count; i++) {
        if (!has_label(host, &spec->host_labels[i])) {
            return &spec->host_labels[i];
        }
    }
    return NULL;
}

/* What holds for every node of the slot. */
static uint64_t slot_facts(const struct facts *facts, uint32_t slot)
{
    return fact_if(facts->record->deleting, FACT(DELETING)) |
           fact_if(facts->record->paused, FACT(PAUSED)) |
           fact_if(facts->spec->unavailable_max == 0, FACT(STATIC)) |
           fact_if(facts->frozen || is_blocked(facts, slot), FACT(BLOCKED));
}

static struct node *node_add(struct facts *facts, const struct slot_keys *keys, const char *host,
                             const struct intent *intent, const struct node_report *report)
{
    struct node *node = &facts->nodes[facts->nodes_count++];

    *node = (struct node){
        .slot = keys->slot,
        .intent = intent,
        .report = report,
        .member = keys->member,
        .seen = slot_seen(keys, host),
        .host = host_find(facts->view, host),
        .slot_intents = keys->intents,
        .slot_intents_count = keys->intents_count,
    };
    node->facts = slot_facts(facts, keys->slot) | node_own_facts(facts, node);
    /* It may be of a later cluster of this name, which etcd has lost. */
    node->facts |= fact_if(intent == NULL && facts->remnant, FACT(BLOCKED));
    /* What may be stopped or changed depends on what members list. */
    node->facts |=
        fact_if(intent != NULL && facts->config_blocked && !facts->record->deleting, FACT(BLOCKED));
    return node;
}

/*
 * What a host says of another incarnation is not about what it is asked for; but what has stopped
 * as it was asked to has stopped, whichever incarnation it was of.
 */
static const struct node_report *report_on(const struct slot_keys *keys,
                                           const struct intent *intent)
{
    const struct node_report *report = slot_report(keys, intent->host);
    bool stopped = report != NULL && report->state == NODE_STOPPED && intent->phase == INTENT_STOP;

    return report != NULL && (stopped || strcmp(report->uid, intent->uid) == 0) ? report : NULL;
}

/* The nodes of a slot with their own facts. Each member has one. */
static void nodes_add(struct facts *facts, const struct slot_keys *keys)
{
    bool listed = false;
    size_t first = facts->nodes_count;
    size_t i;

    for (i = 0; i < keys->intents_count; i++) {
        const struct intent *intent = &keys->intents[i];

        (void)node_add(facts, keys, intent->host, intent, report_on(keys, intent));
    }
    for (i = 0; i < keys->reports_count; i++) {
        const struct node_report *report = &keys->reports[i];

        if (report->state != NODE_STOPPED && slot_intent(keys, report->host) == NULL) {
            (void)node_add(facts, keys, report->host, NULL, report);
        }
    }
    for (i = first; i < facts->nodes_count; i++) {
        listed = listed || (facts->nodes[i].facts & FACT(LISTED)) != 0;
    }
    if (keys->member != NULL && !listed) {
        node_add(facts, keys, "", NULL, NULL)->facts |= FACT(LISTED);
    }
}

/* A slot that nobody holds: its member that nobody runs stands for it, or nothing does. */
static struct node *vacancy_find(struct facts *facts, const struct slot_keys *keys, size_t first)
{
    struct node *last = &facts->nodes[facts->nodes_count] - 1;

    if (first < facts->nodes_count && last->intent == NULL && last->report == NULL) {
        return last;
    }
    return node_add(facts, keys, "", NULL, NULL);
}

static void swap(struct node *a, struct node *b)
{
    struct node kept = *a;

    *a = *b;
    *b = kept;
}

/* Whether a node keeps its slot although the spec does not ask for that: it joined, and is to stay.
 */
static bool keeps_slot(const struct facts *facts, const struct node *node)
{
    return !facts->record->deleting && !facts->frozen && (node->facts & FACT(ATTACHED)) != 0 &&
           (node->facts & (FACT(DRAINING) | FACT(STOPPING))) == 0;
}

/* The facts that a node needs to hold the slot; `*wanted`: whether it is to be held at all. */
static uint64_t slot_need(const struct facts *facts, const struct slot_keys *keys, size_t first,
                          bool *wanted)
{
    size_t i;

    *wanted = keys->wanted;
    for (i = first; !keys->wanted && i < facts->nodes_count; i++) {
        if (keeps_slot(facts, &facts->nodes[i])) {
            *wanted = true;
            return FACT(ATTACHED);
        }
    }
    return 0;
}

/* First the node that holds the slot, then the others of it. */
static void slot_add(struct facts *facts, const struct slot_keys *keys)
{
    size_t first = facts->nodes_count;
    struct node *nodes = &facts->nodes[first];
    struct node *successor;
    struct node *owner;
    uint64_t need;
    bool wanted;
    size_t i;

    nodes_add(facts, keys);
    need = slot_need(facts, keys, first, &wanted);
    owner = owner_find(nodes, facts->nodes_count - first, need);
    if (owner == NULL && keys->wanted) {
        owner = vacancy_find(facts, keys, first);
    }
    if (owner == NULL) {
        return;
    }
    swap(owner, nodes);
    nodes[0].facts |= fact_if(wanted, FACT(WANTED));
    for (i = first + 1; i < facts->nodes_count; i++) {
        facts->nodes[i].facts |= FACT(SUPERSEDED);
    }
    successor = wanted ? owner_successor(nodes, nodes, facts->nodes_count - first, need) : NULL;
    if (successor != NULL) {
        successor->facts |= FACT(SUCCESSOR);
        nodes[0].facts |= FACT(SUCCEEDED);
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

/* Those that placement.hosts names: the view's are in the order of their names. */
static void name_hosts(const struct facts *facts, bool *allowed)
{
    const struct spec *spec = facts->spec;
    size_t i;

    for (i = 0; i < facts->view->hosts_count; i++) {
        allowed[i] = spec->hosts_count == 0;
    }
    for (i = 0; i < spec->hosts_count; i++) {
        const struct host_view *host = host_find(facts->view, spec->hosts[i]);

        if (host != NULL) {
            allowed[host - facts->view->hosts] = true;
        }
    }
}

/* The labels of a host that is gone are not known, and don't speak against it. */
static int allow_hosts(struct facts *facts, struct arena *arena, struct err *err)
{
    const struct spec *spec = facts->spec;
    bool *allowed;
    size_t i;

    if (spec->hosts_count == 0 && spec->host_labels_count == 0) {
        return 0;
    }
    allowed = arena_calloc(arena, facts->view->hosts_count + 1, sizeof(*allowed));
    if (allowed == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu hosts", facts->view->hosts_count);
    }
    name_hosts(facts, allowed);
    for (i = 0; i < facts->view->hosts_count; i++) {
        const struct host_view *host = &facts->view->hosts[i];

        if (host->present && host_label_missing(spec, &host->host) != NULL) {
            allowed[i] = false;
        }
    }
    facts->hosts_allowed = allowed;
    return 0;
}

/* A deleted cluster leaves nothing but orders to stop for hosts that were away. */
static bool is_deleted(const struct view *view)
{
    size_t i;

    if (view->spec != NULL || view->config != NULL || view->status != NULL || view->alias != NULL) {
        return false;
    }
    for (i = 0; i < view->intents_count; i++) {
        if (view->intents[i].phase != INTENT_STOP) {
            return false;
        }
    }
    return true;
}

static bool is_remnant(const struct view *view)
{
    return is_deleted(view) && view->bad_keys_count == 0;
}

/* What stands for a spec that is missing: it asks for nothing. */
static const struct spec_record *missing_record(const struct view *view, struct arena *arena)
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
        record->resumed_ms = view->status->resumed_ms;
    }
    record->deleting = is_remnant(view);
    return record;
}

int facts_gather(const struct view *view, struct arena *arena, struct facts *out, struct err *err)
{
    struct slot_walk walk;
    struct slot_keys keys;
    const struct spec_record *record = view->spec;
    size_t nodes_max;
    int rv;

    if (record == NULL) {
        record = missing_record(view, arena);
    }
    if (record == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a spec");
    }
    *out = (struct facts){ .view = view,
                           .record = record,
                           .spec = &record->spec,
                           .placed = spec_placed(&record->spec),
                           .frozen = view->spec == NULL && !is_remnant(view),
                           .deleted = is_deleted(view),
                           .remnant = is_remnant(view) };
    if (view->config != NULL && strcmp(view->config->head.uid, record->uid) == 0) {
        out->config = view->config;
    }
    out->config_blocked = config_is_blocked(view);
    out->law = version_law_find(view, out->config);
    walk = (struct slot_walk){ .view = view,
                               .config = out->config,
                               .wanted_max = record->deleting ? 0 : out->placed,
                               .wanted = 1 };
    rv = allow_hosts(out, arena, err);
    if (rv < 0) {
        return rv;
    }
    nodes_max = walk.wanted_max + view->intents_count + view->reports_count +
                (out->config == NULL ? 0 : out->config->head.members_count);
    out->nodes = arena_calloc(arena, nodes_max, sizeof(*out->nodes));
    if (out->nodes == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", nodes_max);
    }
    while (slot_walk_next(&walk, &keys)) {
        slot_add(out, &keys);
        CHECK(out->nodes_count <= nodes_max);
    }
    whole_find(out);
    return 0;
}
