/* What a commit may do: P3 to P7. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "controller/cluster.h"
#include "sim/sim_check_state.h"
#include "sim/sim_nodes.h"

#define PROMISE(check, cond, name, ...)                           \
    do {                                                          \
        if (!(cond)) {                                            \
            sim_broken((check)->world->sim, (name), __VA_ARGS__); \
        }                                                         \
    } while (0)

#define LEADER_KEY SIM_PREFIX "/leader"

/* ---- P7 ---- */

static uint64_t value_hash(const struct sim_entry *entry)
{
    uint64_t sum = 1;
    size_t i;

    for (i = 0; i < entry->value_bytes; i++) {
        sum = sum * 31 + (unsigned char)entry->value[i];
    }
    return sum;
}

static void note_leader(struct sim_check *check, const struct sim_commit *commit,
                        const struct sim_entry *entry)
{
    if (check->leaders_count == check->leaders_capacity) {
        size_t capacity = 2 * check->leaders_capacity + 16;
        struct leader_check *grown = mem_realloc(check->leaders, capacity * sizeof(*grown));

        CHECK(grown != NULL);
        check->leaders = grown;
        check->leaders_capacity = capacity;
    }
    check->leaders[check->leaders_count++] = (struct leader_check){
        .value = value_hash(entry), .party = commit->writer, .incarnation = commit->incarnation
    };
}

bool sim_check_is_controller(const struct sim_check *check, const struct sim_party *party)
{
    size_t i;

    for (i = 0; i < check->world->controllers_count; i++) {
        if (party == &check->world->controllers[i].party) {
            return true;
        }
    }
    return false;
}

static const struct leader_check *leader_now(const struct sim_check *check)
{
    const struct sim_entry *entry =
        sim_store_get(sim_etcd_store(sim_etcd(check->world->sim)), LEADER_KEY);
    size_t i;

    for (i = check->leaders_count; entry != NULL && 0 < i; i--) {
        if (check->leaders[i - 1].value == value_hash(entry)) {
            return &check->leaders[i - 1];
        }
    }
    return NULL;
}

void sim_check_fence(struct sim_check *check, const struct sim_commit *commit)
{
    const struct leader_check *leader;
    size_t i;

    if (commit->writer == NULL || !sim_check_is_controller(check, commit->writer)) {
        return;
    }
    for (i = 0; i < commit->count; i++) {
        if (strcmp(commit->entries[i]->key, LEADER_KEY) == 0) {
            if (!commit->entries[i]->deleted) {
                note_leader(check, commit, commit->entries[i]);
            }
            return;
        }
    }
    leader = leader_now(check);
    PROMISE(check,
            leader != NULL && leader->party == commit->writer &&
                leader->incarnation == commit->incarnation,
            "P7", "%s writes %s and does not lead", commit->writer->name, commit->entries[0]->key);
}

/* ---- P3, P4: a configuration is committed ---- */

struct number_look {
    struct sim_check *check;
    uint32_t version;
};

static void check_seen(void *ctx, const struct node_report *report)
{
    const struct number_look *look = ctx;

    PROMISE(look->check, report->version_seen < look->version, "P3",
            "version %u of %s is committed, and slot %u on %s has seen version %u", look->version,
            report->cluster, report->slot, report->host, report->version_seen);
}

/*
 * Only an etcd that went back, while every node that saw more was silent, may give a number away
 * again: nothing is left then from which it could be known.
 */
static void check_number(struct sim_check *check, const struct config *config)
{
    struct cluster_check *cluster = sim_check_cluster(check, config->head.cluster);
    struct number_look look = { .check = check, .version = config->head.version };

    if (SIM_VERSIONS_MAX <= config->head.version) {
        return; /* sim_check_content() tells */
    }
    sim_each_report(check, config->head.cluster, check_seen, &look);
    if (cluster->restored && *sim_check_known(cluster, config->head.version) != 0 &&
        config->head.version < cluster->forked_from) {
        cluster->forked_from = config->head.version;
    }
}

struct proof_look {
    const struct config *config;
    const struct config *before; /* NULL: none */
    const struct member *member;
    bool found;
};

static void look_for_proof(void *ctx, const struct node_report *report)
{
    struct proof_look *look = ctx;
    const struct config *before = look->before;

    look->found =
        look->found ||
        (report->slot == look->member->slot && report->state == NODE_UP &&
         report->partition != PARTITION_NONE && strcmp(report->ip, look->member->ip) == 0 &&
         report->data_port == look->member->port &&
         strcmp(report->uid, look->config->head.uid) == 0 &&
         (before == NULL || strcmp(before->head.uid, look->config->head.uid) != 0 ||
          before->head.version <= report->served.version));
}

static void check_member(struct sim_check *check, const struct config *config,
                         const struct config *before, const struct member *member)
{
    struct proof_look look = { .config = config, .before = before, .member = member };

    if (before != NULL && strcmp(before->head.uid, config->head.uid) == 0 &&
        sim_lists(before, member->slot, member->ip, member->port)) {
        return;
    }
    sim_each_report(check, config->head.cluster, look_for_proof, &look);
    PROMISE(check, look.found, "P4", "%s lists slot %u at %s:%u without proof",
            config->head.cluster, member->slot, member->ip, member->port);
}

static bool decode_config(struct sim_check *check, const struct sim_entry *entry,
                          struct config *out)
{
    struct err err;

    return entry != NULL &&
           json_decode_config(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

/* A slot that is wanted keeps its place in the list, also while its node is down. */
static void check_slots(struct sim_check *check, const struct config *config,
                        const struct config *before)
{
    struct spec_record spec;
    size_t i;

    if (before == NULL || strcmp(before->head.uid, config->head.uid) != 0 ||
        !sim_read_spec(check, config->head.cluster, &spec)) {
        return;
    }
    for (i = 0; i < before->head.members_count; i++) {
        uint32_t slot = before->head.members[i].slot;

        PROMISE(check, spec_placed(&spec.spec) < slot || config_member(config, slot) != NULL,
                "slots", "%s drops slot %u, which is wanted", config->head.cluster, slot);
    }
}

/* The time of a condition is that of the last change of its status, and of nothing else. */
static void check_status(struct sim_check *check, const struct sim_entry *entry)
{
    const struct sim_entry *former = sim_check_before(check, entry->key);
    struct status before;
    struct status now;
    struct err err;
    size_t i;

    if (former == NULL ||
        json_decode_status(former->value, former->value_bytes, &check->arena, &before, &err) < 0 ||
        json_decode_status(entry->value, entry->value_bytes, &check->arena, &now, &err) < 0) {
        return;
    }
    for (i = 0; i < CONDITION_COUNT; i++) {
        const struct condition *a = &before.conditions[i];
        const struct condition *b = &now.conditions[i];

        PROMISE(check,
                a->reason[0] == '\0' || b->reason[0] == '\0' || a->status != b->status ||
                    a->since_ms == b->since_ms,
                "status", "%s: %s has another time and the same status", entry->key,
                condition_type_text((enum condition_type)i));
    }
}

static void check_config(struct sim_check *check, const struct sim_entry *entry)
{
    struct config config;
    struct config former;
    const struct config *before =
        decode_config(check, sim_check_before(check, entry->key), &former) ? &former : NULL;
    size_t i;

    if (!decode_config(check, entry, &config)) {
        PROMISE(check, false, "P3", "%s can't be read", entry->key);
        return;
    }
    PROMISE(check, before == NULL || before->head.version < config.head.version, "P3",
            "version %u of %s after version %u", config.head.version, config.head.cluster,
            before == NULL ? 0 : before->head.version);
    PROMISE(check, 0 < config.head.members_count, "P4", "%s lists nobody", config.head.cluster);
    check_slots(check, &config, before);
    check_number(check, &config);
    sim_check_content(check, config.head.cluster, config.head.version, config.payload,
                      config.payload_bytes, "a commit");
    for (i = 0; i < config.head.members_count; i++) {
        PROMISE(check, i == 0 || config.head.members[i - 1].slot < config.head.members[i].slot,
                "P7", "%s lists slot %u twice or out of order", config.head.cluster,
                config.head.members[i].slot);
        check_member(check, &config, before, &config.head.members[i]);
    }
}

/* ---- P4: the endpoint ---- */

struct alias_look {
    const struct alias *alias;
    const struct config *config;
    bool found;
};

/* The same transaction may commit the next version: then the alias carries the one before. */
static void look_for_acknowledgement(void *ctx, const struct node_report *report)
{
    struct alias_look *look = ctx;
    bool is_current = look->alias->version == look->config->head.version;

    look->found =
        look->found || (report->slot == look->alias->slot && report->state == NODE_UP &&
                        report->served.version == look->alias->version &&
                        (!is_current || strcmp(report->served.digest, look->config->digest) == 0) &&
                        strcmp(report->ip, look->alias->ip) == 0 &&
                        sim_lists(look->config, report->slot, report->ip, report->data_port));
}

static void check_alias(struct sim_check *check, const struct key *key,
                        const struct sim_entry *entry)
{
    struct alias alias;
    struct config config;
    struct alias_look look = { .alias = &alias, .config = &config };
    struct err err;

    if (json_decode_alias(entry->value, entry->value_bytes, &check->arena, &alias, &err) < 0 ||
        !sim_read_config(check, key->cluster, &config)) {
        PROMISE(check, false, "P4", "%s can't be read, or without a configuration", entry->key);
        return;
    }
    sim_each_report(check, key->cluster, look_for_acknowledgement, &look);
    PROMISE(check, look.found, "P4",
            "the endpoint of %s is set to slot %u at %s, which has not acknowledged version %u",
            key->cluster, alias.slot, alias.ip, alias.version);
}

/* ---- P5: a node is to be stopped ---- */

struct stop_look {
    struct sim_check *check;
    const struct intent *intent;
    struct config config;
    bool has_config;
    bool runs;
    char needle[64]; /* how the payload lists it */
};

static void look_whether_it_runs(void *ctx, const struct sim_node *node)
{
    struct stop_look *look = ctx;

    look->runs = look->runs || (node->answers && node->slot == look->intent->slot &&
                                strcmp(node->host, look->intent->host) == 0 &&
                                strcmp(node->cluster, look->intent->cluster) == 0 &&
                                strcmp(node->ip, look->intent->ip) == 0 &&
                                node->data_port == look->intent->data_port);
}

/* Whether the leader can know that the node is there, and must therefore count with it. */
static bool is_reachable(struct sim_check *check, const struct sim_node *node)
{
    struct sim *sim = check->world->sim;
    const struct leader_check *leader = leader_now(check);
    struct node_report report;
    uint32_t ip;

    if (sim_read_report(check, node->cluster, node->slot, node->host, &report)) {
        return report.state == NODE_UP;
    }
    return leader != NULL && node->answers && ipv4_parse(node->ip, &ip) &&
           sim_probed_in_vain(sim, leader->party, ip, node->data_port) < PROBE_FAILURES_MIN;
}

static bool payload_lists(const struct sim_node *node, const char *needle)
{
    return node->payload != NULL &&
           memmem(node->payload, node->payload_bytes, needle, strlen(needle)) != NULL;
}

static void check_exposure(void *ctx, const struct sim_node *node)
{
    struct stop_look *look = ctx;

    if (!node->answers || strcmp(node->cluster, look->intent->cluster) != 0 ||
        !sim_lists(&look->config, node->slot, node->ip, node->data_port) ||
        !payload_lists(node, look->needle) || !is_reachable(look->check, node)) {
        return;
    }
    PROMISE(look->check, false, "P5", "%s: slot %u on %s is to stop while slot %u on %s lists it",
            look->intent->cluster, look->intent->slot, look->intent->host, node->slot, node->host);
}

static void check_stop(struct sim_check *check, const struct intent *intent)
{
    struct stop_look look = { .check = check, .intent = intent };
    struct spec_record spec;

    if (!sim_read_spec(check, intent->cluster, &spec) || spec.deleting ||
        sim_is_last(check, &spec.spec, intent)) {
        return;
    }
    look.has_config = sim_read_config(check, intent->cluster, &look.config);
    (void)snprintf(look.needle, sizeof(look.needle), "|%s|%u", intent->ip, intent->data_port);
    sim_nodes_each(check->world->nodes, look_whether_it_runs, &look);
    if (look.runs && look.has_config && strcmp(look.config.head.uid, intent->uid) == 0) {
        sim_nodes_each(check->world->nodes, check_exposure, &look);
    }
}

/* ---- P6: a node is to be restarted ---- */

struct budget_look {
    struct sim_check *check;
    const struct intent *intent;
    const struct config *config;
    uint32_t nodes;
    size_t unavailable;
    const struct member *member;
    bool available;
};

/*
 * A node that is up goes on until an order to restart it can be read; a report that was made under
 * an older order does not tell what became of it since.
 */
static void look_at_availability(void *ctx, const struct node_report *report)
{
    struct budget_look *look = ctx;
    struct intent intent;
    bool is_to_restart;

    if (report->slot != look->member->slot || report->state != NODE_UP ||
        strcmp(report->ip, look->member->ip) != 0 || report->data_port != look->member->port) {
        return;
    }
    is_to_restart =
        sim_read_intent(look->check, report->cluster, report->slot, report->host, &intent) &&
        (intent.settings_turn != report->settings_turn ||
         !node_settings_equal(&intent.settings, &report->settings));
    look->available = look->available || !is_to_restart;
}

static void count_unavailable(struct budget_look *look)
{
    size_t i;

    for (i = 0; i < look->config->head.members_count; i++) {
        look->member = &look->config->head.members[i];
        if (look->nodes < look->member->slot || look->member->slot == look->intent->slot) {
            continue;
        }
        look->available = false;
        sim_each_report(look->check, look->intent->cluster, look_at_availability, look);
        look->unavailable += look->available ? 0 : 1;
    }
}

static void check_restart(struct sim_check *check, const struct intent *intent,
                          const struct intent *before)
{
    struct budget_look look = { .check = check, .intent = intent };
    struct spec_record spec;
    struct config config;
    struct node_report report;
    char key[KEY_TEXT_SIZE];

    /* Who was listed before: the same transaction may begin to list others. */
    (void)snprintf(key, sizeof(key), SIM_PREFIX "/clusters/%s/config", intent->cluster);
    if (node_settings_equal(&intent->settings, &before->settings) ||
        !sim_read_spec(check, intent->cluster, &spec) ||
        !decode_config(check, sim_check_before(check, key), &config) ||
        !sim_read_report(check, intent->cluster, intent->slot, intent->host, &report) ||
        report.state != NODE_UP || node_settings_equal(&report.settings, &intent->settings) ||
        strcmp(config.head.uid, intent->uid) != 0 ||
        !sim_lists(&config, intent->slot, intent->ip, intent->data_port)) {
        return;
    }
    look.config = &config;
    look.nodes = spec_placed(&spec.spec);
    count_unavailable(&look);
    PROMISE(check, look.unavailable < spec.spec.unavailable_max, "P6",
            "%s: slot %u on %s is to restart while %zu others are unavailable, of %u",
            intent->cluster, intent->slot, intent->host, look.unavailable,
            spec.spec.unavailable_max);
}

/* ---- Intents ---- */

static bool decode_intent(struct sim_check *check, const struct sim_entry *entry,
                          struct intent *out)
{
    struct err err;

    return entry != NULL &&
           json_decode_intent(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

struct address_look {
    struct sim_check *check;
    const struct intent *intent;
};

static void check_address(void *ctx, const struct intent *other)
{
    const struct address_look *look = ctx;
    const struct intent *intent = look->intent;

    if (strcmp(other->cluster, intent->cluster) == 0 && other->slot == intent->slot &&
        strcmp(other->host, intent->host) == 0) {
        return;
    }
    PROMISE(look->check,
            strcmp(other->ip, intent->ip) != 0 || other->data_port != intent->data_port, "address",
            "%s slot %u on %s gets the address of %s slot %u on %s", intent->cluster, intent->slot,
            intent->host, other->cluster, other->slot, other->host);
}

static void check_intent(struct sim_check *check, const struct sim_entry *entry)
{
    struct intent intent;
    struct intent former;
    const struct intent *before =
        decode_intent(check, sim_check_before(check, entry->key), &former) ? &former : NULL;
    struct address_look look = { .check = check, .intent = &intent };

    if (!decode_intent(check, entry, &intent)) {
        PROMISE(check, false, "P10", "%s can't be read", entry->key);
    } else if (intent.phase == INTENT_STOP && (before == NULL || before->phase != INTENT_STOP)) {
        check_stop(check, &intent);
    } else if (before == NULL && sim_options(check->world->sim)->faults == 0) {
        /* With faults two may get one; the later one can't start then, and moves. */
        sim_each_intent(check, check_address, &look);
    } else if (before != NULL) {
        check_restart(check, &intent, before);
    }
}

void sim_check_entry(struct sim_check *check, const struct sim_entry *entry)
{
    struct key key;

    if (entry->deleted || !key_parse(SIM_PREFIX, entry->key, &key)) {
        return;
    }
    if (key.kind == KEY_CONFIG) {
        check_config(check, entry);
    } else if (key.kind == KEY_ALIAS) {
        check_alias(check, &key, entry);
    } else if (key.kind == KEY_INTENT) {
        check_intent(check, entry);
    } else if (key.kind == KEY_STATUS) {
        check_status(check, entry);
    }
}
