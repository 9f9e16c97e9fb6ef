#include "client/facts.h"

#include <stdio.h>
#include <string.h>

#include "codec/model_json.h"
#include "store/keys.h"

#define NODES_CAPACITY_MIN 8

void facts_init(struct facts *facts, struct arena *arena, const char *prefix)
{
    *facts = (struct facts){ .arena = arena, .prefix = prefix };
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for what etcd holds");
}

static int cluster_of(struct facts *facts, const char *name, struct cluster_facts **out,
                      struct err *err)
{
    struct cluster_facts **at = &facts->clusters;
    struct cluster_facts *made;

    if (facts->recent != NULL && strcmp(facts->recent->name, name) == 0) {
        *out = facts->recent;
        return 0;
    }
    while (*at != NULL && strcmp((*at)->name, name) < 0) {
        at = &(*at)->next;
    }
    if (*at == NULL || strcmp((*at)->name, name) != 0) {
        if (facts->clusters_count == FACTS_CLUSTERS_MAX) {
            return err_set(err, ERR_NOMEM, "more than %d clusters", FACTS_CLUSTERS_MAX);
        }
        made = arena_alloc(facts->arena, sizeof(*made));
        if (made == NULL) {
            return no_memory(err);
        }
        (void)snprintf(made->name, sizeof(made->name), "%s", name);
        made->next = *at;
        *at = made;
        facts->clusters_count++;
    }
    facts->recent = *at;
    *out = *at;
    return 0;
}

static int grow_nodes(struct facts *facts, struct cluster_facts *cluster, struct err *err)
{
    size_t capacity =
        cluster->nodes_capacity == 0 ? NODES_CAPACITY_MIN : cluster->nodes_capacity * 2;
    struct node_facts *grown;

    if (cluster->nodes_count < cluster->nodes_capacity) {
        return 0;
    }
    grown = arena_calloc(facts->arena, capacity, sizeof(*grown));
    if (grown == NULL) {
        return no_memory(err);
    }
    if (0 < cluster->nodes_count) {
        memcpy(grown, cluster->nodes, cluster->nodes_count * sizeof(*grown));
    }
    cluster->nodes = grown;
    cluster->nodes_capacity = capacity;
    return 0;
}

static int node_compare(const struct node_facts *node, uint32_t slot, const char *host)
{
    if (node->slot != slot) {
        return node->slot < slot ? -1 : 1;
    }
    return strcmp(node->host, host);
}

/* The node that the key is about. Keys come mostly in order, so it is looked for from the end. */
static int node_of(struct facts *facts, const struct key *key, struct node_facts **out,
                   struct err *err)
{
    struct cluster_facts *cluster;
    size_t i;
    int rv = cluster_of(facts, key->cluster, &cluster, err);

    if (rv < 0) {
        return rv;
    }
    for (i = cluster->nodes_count; 0 < i; i--) {
        int order = node_compare(&cluster->nodes[i - 1], key->slot, key->host);

        if (order == 0) {
            *out = &cluster->nodes[i - 1];
            return 0;
        }
        if (order < 0) {
            break;
        }
    }
    rv = grow_nodes(facts, cluster, err);
    if (rv < 0) {
        return rv;
    }
    memmove(&cluster->nodes[i + 1], &cluster->nodes[i],
            (cluster->nodes_count - i) * sizeof(*cluster->nodes));
    cluster->nodes[i] = (struct node_facts){ .slot = key->slot };
    (void)snprintf(cluster->nodes[i].host, sizeof(cluster->nodes[i].host), "%s", key->host);
    cluster->nodes_count++;
    *out = &cluster->nodes[i];
    return 0;
}

/* Where a decoded value goes, by the kind of its key. */
struct target {
    struct facts *facts;
    const struct key *key;
    const char *bytes;
    size_t size;
    uint64_t mod_revision;
};

static int add_intent(const struct target *t, struct err *err)
{
    struct intent_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    struct node_facts *node;
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_intent(t->bytes, t->size, t->facts->arena, &made->intent, err);
    if (0 <= rv) {
        rv = node_of(t->facts, t->key, &node, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (t->facts->intents_last == NULL) {
        t->facts->intents = made;
    } else {
        t->facts->intents_last->next = made;
    }
    t->facts->intents_last = made;
    node->intent = &made->intent;
    return 0;
}

static int add_report(const struct target *t, struct err *err)
{
    struct node_report *report = arena_alloc(t->facts->arena, sizeof(*report));
    struct node_facts *node;
    int rv;

    if (report == NULL) {
        return no_memory(err);
    }
    rv = json_decode_node_report(t->bytes, t->size, t->facts->arena, report, err);
    if (0 <= rv) {
        rv = node_of(t->facts, t->key, &node, err);
    }
    if (rv < 0) {
        return rv;
    }
    node->report = report;
    return 0;
}

static int add_join(const struct target *t, struct err *err)
{
    struct join_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    struct cluster_facts *cluster;
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_join_report(t->bytes, t->size, t->facts->arena, &made->seen, err);
    if (0 <= rv && strcmp(made->seen.join.uid, t->key->id) != 0) {
        rv = err_set(err, ERR_INVALID, "join.uid: is '%s'", made->seen.join.uid);
    }
    if (0 <= rv) {
        rv = cluster_of(t->facts, t->key->cluster, &cluster, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (cluster->joins_last == NULL) {
        cluster->joins = made;
    } else {
        cluster->joins_last->next = made;
    }
    cluster->joins_last = made;
    return 0;
}

static int add_host(const struct target *t, struct err *err)
{
    struct host_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_host(t->bytes, t->size, t->facts->arena, &made->host, err);
    if (rv < 0) {
        return rv;
    }
    if (t->facts->hosts_last == NULL) {
        t->facts->hosts = made;
    } else {
        t->facts->hosts_last->next = made;
    }
    t->facts->hosts_last = made;
    return 0;
}

static int add_cordon(const struct target *t, struct err *err)
{
    struct cordon_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_cordon(t->bytes, t->size, t->facts->arena, &made->cordon, err);
    if (rv < 0) {
        return rv;
    }
    if (strcmp(made->cordon.host, t->key->host) != 0) {
        return err_set(err, ERR_INVALID, "host: is '%s'", made->cordon.host);
    }
    if (t->facts->cordons_last == NULL) {
        t->facts->cordons = made;
    } else {
        t->facts->cordons_last->next = made;
    }
    t->facts->cordons_last = made;
    return 0;
}

static int add_source(const struct target *t, struct err *err)
{
    struct source_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_source(t->bytes, t->size, t->facts->arena, &made->source, err);
    if (rv < 0) {
        return rv;
    }
    if (strcmp(made->source.name, t->key->id) != 0) {
        return err_set(err, ERR_INVALID, "name: is '%s'", made->source.name);
    }
    if (t->facts->sources_last == NULL) {
        t->facts->sources = made;
    } else {
        t->facts->sources_last->next = made;
    }
    t->facts->sources_last = made;
    return 0;
}

static int add_generation(const struct target *t, struct err *err)
{
    struct generation_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    struct cluster_facts *cluster;
    int rv;

    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_spec_record(t->bytes, t->size, t->facts->arena, &made->record, err);
    if (0 <= rv && made->record.generation != t->key->version) {
        rv = err_set(err, ERR_INVALID, "generation: is %llu",
                     (unsigned long long)made->record.generation);
    }
    if (0 <= rv) {
        rv = cluster_of(t->facts, t->key->cluster, &cluster, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (cluster->generations_last == NULL) {
        cluster->generations = made;
    } else {
        cluster->generations_last->next = made;
    }
    cluster->generations_last = made;
    return 0;
}

static int add_event(const struct target *t, struct err *err)
{
    struct event_facts *made = arena_alloc(t->facts->arena, sizeof(*made));
    int rv;

    if (t->facts->events_count == FACTS_EVENTS_MAX) {
        return err_set(err, ERR_NOMEM, "more than %d events", FACTS_EVENTS_MAX);
    }
    if (made == NULL) {
        return no_memory(err);
    }
    rv = json_decode_event(t->bytes, t->size, t->facts->arena, &made->event, err);
    if (rv < 0) {
        return rv;
    }
    made->id = arena_strdup(t->facts->arena, t->key->id);
    if (made->id == NULL) {
        return no_memory(err);
    }
    if (t->facts->events_last == NULL) {
        t->facts->events = made;
    } else {
        t->facts->events_last->next = made;
    }
    t->facts->events_last = made;
    t->facts->events_count++;
    return 0;
}

static int add_spec(const struct target *t, struct cluster_facts *cluster, struct err *err)
{
    struct spec_record *value = arena_alloc(t->facts->arena, sizeof(*value));
    int rv = value == NULL
                 ? no_memory(err)
                 : json_decode_spec_record(t->bytes, t->size, t->facts->arena, value, err);

    if (rv < 0) {
        return rv;
    }
    cluster->spec = value;
    return 0;
}

static int add_config(const struct target *t, struct cluster_facts *cluster, struct err *err)
{
    struct config *value = arena_alloc(t->facts->arena, sizeof(*value));
    int rv = value == NULL ? no_memory(err)
                           : json_decode_config(t->bytes, t->size, t->facts->arena, value, err);

    if (rv < 0) {
        return rv;
    }
    cluster->config = value;
    return 0;
}

static int add_alias(const struct target *t, struct cluster_facts *cluster, struct err *err)
{
    struct alias *value = arena_alloc(t->facts->arena, sizeof(*value));
    int rv = value == NULL ? no_memory(err)
                           : json_decode_alias(t->bytes, t->size, t->facts->arena, value, err);

    if (rv < 0) {
        return rv;
    }
    cluster->alias = value;
    return 0;
}

static int add_status(const struct target *t, struct cluster_facts *cluster, struct err *err)
{
    struct status *value = arena_alloc(t->facts->arena, sizeof(*value));
    int rv = value == NULL ? no_memory(err)
                           : json_decode_status(t->bytes, t->size, t->facts->arena, value, err);

    if (rv < 0) {
        return rv;
    }
    cluster->status = value;
    return 0;
}

/* The values of which a cluster has one each. */
static int add_of_cluster(const struct target *t, struct err *err)
{
    struct cluster_facts *cluster;
    int rv = cluster_of(t->facts, t->key->cluster, &cluster, err);

    if (rv < 0) {
        return rv;
    }
    switch ((int)t->key->kind) {
    case KEY_SPEC:
        cluster->spec_revision = t->mod_revision; /* writers compare it, readable or not */
        return add_spec(t, cluster, err);
    case KEY_CONFIG:
        return add_config(t, cluster, err);
    case KEY_ALIAS:
        return add_alias(t, cluster, err);
    default:
        return add_status(t, cluster, err);
    }
}

static int add_value(const struct target *t, struct err *err)
{
    switch (t->key->kind) {
    case KEY_SPEC:
    case KEY_CONFIG:
    case KEY_ALIAS:
    case KEY_STATUS:
        return add_of_cluster(t, err);
    case KEY_NODE:
        return add_report(t, err);
    case KEY_INTENT:
        return add_intent(t, err);
    case KEY_JOIN_REPORT:
        return add_join(t, err);
    case KEY_HOST:
        return add_host(t, err);
    case KEY_CORDON:
        return add_cordon(t, err);
    case KEY_SOURCE:
        return add_source(t, err);
    case KEY_GENERATION:
        return add_generation(t, err);
    case KEY_EVENT:
        return add_event(t, err);
    case KEY_LEADER:
        t->facts->led = true;
        break;
    case KEY_HISTORY:
    case KEY_LINEAGE:
    case KEY_UNKNOWN:
        break;
    }
    return 0;
}

int facts_add(struct facts *facts, const char *key, const char *value, size_t value_bytes,
              uint64_t mod_revision, struct err *err)
{
    struct key parsed;
    struct target target = { .facts = facts,
                             .key = &parsed,
                             .bytes = value,
                             .size = value_bytes,
                             .mod_revision = mod_revision };
    struct err reason = { 0 };
    int rv;

    if (!key_parse(facts->prefix, key, &parsed)) {
        return 0;
    }
    rv = add_value(&target, &reason);
    if (rv == ERR_NOMEM) {
        return err_set(err, rv, "%s", reason.msg);
    }
    if (rv < 0) {
        if (facts->bad_count == 0) {
            err_wrap(&reason, "key %s can't be read", key);
            (void)snprintf(facts->bad, sizeof(facts->bad), "%s", reason.msg);
        }
        facts->bad_count++;
    }
    return 0;
}

const struct cluster_facts *facts_cluster(const struct facts *facts, const char *name)
{
    const struct cluster_facts *cluster = facts->clusters;

    while (cluster != NULL && strcmp(cluster->name, name) != 0) {
        cluster = cluster->next;
    }
    return cluster;
}

void facts_endpoint(const struct cluster_facts *cluster, char out[FACTS_ENDPOINT_SIZE])
{
    const struct alias *alias = cluster->alias;

    if (alias == NULL) {
        out[0] = '\0';
    } else if (cluster->spec != NULL && cluster->spec->spec.domain[0] != '\0') {
        (void)snprintf(out, FACTS_ENDPOINT_SIZE, "%s.cfg.%s:%u", cluster->name,
                       cluster->spec->spec.domain, alias->port);
    } else {
        (void)snprintf(out, FACTS_ENDPOINT_SIZE, "%s:%u", alias->ip, alias->port);
    }
}

bool facts_has_joined(const struct node_facts *node)
{
    return (node->intent != NULL && node->intent->attached) ||
           (node->report != NULL && node->report->attached);
}

bool facts_is_listed(const struct cluster_facts *cluster, const struct node_facts *node)
{
    const struct node_report *report = node->report;
    const struct intent *intent = node->intent;
    const struct member *member =
        cluster->config == NULL ? NULL : config_member(cluster->config, node->slot);

    if (member == NULL) {
        return false;
    }
    return (report != NULL && report->data_port == member->port &&
            strcmp(report->ip, member->ip) == 0) ||
           (intent != NULL && intent->data_port == member->port &&
            strcmp(intent->ip, member->ip) == 0);
}

/* How well a node stands for its slot. */
enum standing {
    STANDING_WANTED = 1,
    STANDING_LISTED = 2,
    STANDING_UP = 4,
};

static unsigned standing_of(const struct cluster_facts *cluster, const struct node_facts *node)
{
    unsigned standing = 0;

    if (node->intent != NULL && node->intent->phase == INTENT_RUN) {
        standing |= STANDING_WANTED;
    }
    if (facts_is_listed(cluster, node)) {
        standing |= STANDING_LISTED;
    }
    if (node->report != NULL && node->report->state == NODE_UP) {
        standing |= STANDING_UP;
    }
    return standing;
}

/* The index of the first node of a slot that is not below `slot`. */
static size_t slot_place(const struct cluster_facts *cluster, uint32_t slot)
{
    size_t low = 0;
    size_t high = cluster->nodes_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cluster->nodes[middle].slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct node_facts *facts_slot(const struct cluster_facts *cluster, uint32_t slot)
{
    const struct node_facts *best = NULL;
    unsigned best_standing = 0;
    size_t i = slot_place(cluster, slot);

    for (; i < cluster->nodes_count && cluster->nodes[i].slot == slot; i++) {
        unsigned standing = standing_of(cluster, &cluster->nodes[i]);

        if (best == NULL || best_standing < standing) {
            best = &cluster->nodes[i];
            best_standing = standing;
        }
    }
    return best;
}

const struct node_facts *facts_node(const struct cluster_facts *cluster, uint32_t slot,
                                    const char *host)
{
    size_t i = slot_place(cluster, slot);

    for (; i < cluster->nodes_count && cluster->nodes[i].slot == slot; i++) {
        if (strcmp(cluster->nodes[i].host, host) == 0) {
            return &cluster->nodes[i];
        }
    }
    return NULL;
}

const struct node_facts *facts_shown(const struct cluster_facts *cluster, size_t i)
{
    size_t first = slot_place(cluster, cluster->nodes[i].slot);
    size_t listed = first;

    while (listed < cluster->nodes_count && cluster->nodes[listed].slot == cluster->nodes[i].slot &&
           !facts_is_listed(cluster, &cluster->nodes[listed])) {
        listed++;
    }
    if (listed == cluster->nodes_count || cluster->nodes[listed].slot != cluster->nodes[i].slot ||
        listed < i) {
        return &cluster->nodes[i];
    }
    return i == first ? &cluster->nodes[listed] : &cluster->nodes[i - 1];
}

const struct cordon_facts *facts_cordon(const struct facts *facts, const char *host)
{
    const struct cordon_facts *at = facts->cordons;

    while (at != NULL && strcmp(at->cordon.host, host) != 0) {
        at = at->next;
    }
    return at;
}
