/* P2: what is not at rest yet. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"
#include "sim/sim_joiner.h"
#include "sim/sim_operator.h"

struct rest_look {
    struct sim_check *check;
    const char *cluster;
    const struct spec_record *spec;
    const struct config *config;
    const struct member *member;
    bool found;
    size_t guests;
};

static void unrest(struct sim_check *check, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The first thing is enough. */
static void unrest(struct sim_check *check, const char *fmt, ...)
{
    char text[512];
    va_list args;

    if (check->unrest.size != 0) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_append_text(&check->unrest, text);
}

/* ---- A cluster ---- */

/* Where the module is, and its switch is on, it answers. */
static bool tells_mode(const struct rest_look *look, const struct node_report *report)
{
    struct sim_nodes *nodes = look->check->world->nodes;
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        struct sim_machine *machine = &nodes->hosts[i].machine;
        const struct sim_memcached *it = sim_memcached_at(machine, report->ip, report->data_port);
        const struct sim_partition *partition =
            it == NULL || it->partition_dir == NULL
                ? NULL
                : sim_partition_find(machine, it->partition_dir);

        if (it != NULL) {
            return report->partition ==
                   (partition == NULL || partition->off ? PARTITION_BESIDE : PARTITION_IN_PROCESS);
        }
    }
    return true;
}

static void look_for_member(void *ctx, const struct node_report *report)
{
    struct rest_look *look = ctx;
    struct intent intent;

    if (report->slot == look->member->slot && strcmp(report->ip, look->member->ip) == 0 &&
        report->data_port == look->member->port && report->state == NODE_UP &&
        report->served.version == look->config->head.version && tells_mode(look, report) &&
        (report->attached || node_settings_meet(&report->settings, &look->spec->spec.settings)) &&
        sim_read_intent(look->check, look->cluster, report->slot, report->host, &intent) &&
        intent.phase == INTENT_RUN && strcmp(intent.ip, report->ip) == 0) {
        look->found = true;
    }
}

static void count_guest(void *ctx, const struct intent *intent)
{
    struct rest_look *look = ctx;

    look->guests += intent->attached && intent->phase == INTENT_RUN &&
                            spec_placed(&look->spec->spec) < intent->slot &&
                            strcmp(intent->cluster, look->cluster) == 0
                        ? 1
                        : 0;
}

/* Those that joined, in slots beyond the spec's. */
static size_t count_guests(struct rest_look *look)
{
    look->guests = 0;
    sim_each_intent(look->check, count_guest, look);
    return look->guests;
}

static void look_at_members(struct rest_look *look)
{
    const struct config_draft *head = &look->config->head;
    size_t wanted = spec_placed(&look->spec->spec) + count_guests(look);
    size_t i;

    if (head->members_count != wanted || strcmp(head->uid, look->spec->uid) != 0) {
        unrest(look->check, "%s lists %zu of %zu nodes, or of another incarnation", look->cluster,
               head->members_count, wanted);
    }
    for (i = 0; i < head->members_count; i++) {
        look->member = &head->members[i];
        look->found = false;
        sim_each_report(look->check, look->cluster, look_for_member, look);
        if (!look->found || (i < spec_placed(&look->spec->spec) && look->member->slot != i + 1)) {
            unrest(look->check, "%s: slot %u at %s does not serve version %u as it is wanted",
                   look->cluster, look->member->slot, look->member->ip, head->version);
        }
    }
}

static bool tells_of_slot(const struct rest_look *look, const struct member *member,
                          const struct slot_status *slot)
{
    struct node_report report;
    struct intent intent;

    return slot->slot == member->slot && slot->listed &&
           sim_read_intent(look->check, look->cluster, slot->slot, slot->host, &intent) &&
           sim_read_report(look->check, look->cluster, slot->slot, slot->host, &report) &&
           strcmp(slot->ip, intent.ip) == 0 && slot->data_port == intent.data_port &&
           strcmp(slot->phase, intent_phase_text(intent.phase)) == 0 &&
           strcmp(slot->state, node_state_text(report.state)) == 0 &&
           strcmp(slot->partition, partition_mode_text(report.partition)) == 0 &&
           slot->version == report.served.version;
}

/* Each member has one line, and that is about the node which is intended and reported; what joined
 * and is away may have one until it has heard that it is let go. */
static bool tells_of_slots(const struct rest_look *look, const struct status *status)
{
    const struct config_draft *head = &look->config->head;
    size_t found = 0;
    size_t i;

    for (i = 0; i < status->slots_count; i++) {
        const struct slot_status *slot = &status->slots[i];

        if (found < head->members_count && tells_of_slot(look, &head->members[found], slot)) {
            found++;
        } else if (slot->listed || strcmp(slot->phase, intent_phase_text(INTENT_STOP)) != 0 ||
                   (slot->slot <= spec_placed(&look->spec->spec) &&
                    strcmp(slot->state, "silent") != 0)) {
            return false; /* but joiners that are gone for good leave an order for their return */
        }
    }
    return found == head->members_count;
}

static void look_at_status(const struct rest_look *look, const struct status *status)
{
    static const struct {
        enum condition_type type;
        bool status;
    } wanted[] = {
        { CONDITION_READY, true },        { CONDITION_CONVERGED, true },
        { CONDITION_PROGRESSING, false }, { CONDITION_DEGRADED, false },
        { CONDITION_STALLED, false },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(wanted); i++) {
        if (status->conditions[wanted[i].type].status != wanted[i].status) {
            unrest(look->check, "%s: %s is %s in its status", look->cluster,
                   condition_type_text(wanted[i].type), wanted[i].status ? "false" : "true");
        }
    }
    if (status->version != look->config->head.version ||
        strcmp(status->uid, look->spec->uid) != 0 ||
        status->nodes_wanted != look->config->head.members_count ||
        status->nodes_ready != status->nodes_wanted ||
        status->nodes_converged != status->nodes_wanted || !tells_of_slots(look, status)) {
        unrest(look->check, "the status of %s does not tell what its other keys do", look->cluster);
    }
}

static size_t keys_below(const struct sim_store *store, const char *prefix)
{
    size_t first = sim_store_seek(store, prefix);
    size_t end = first;

    while (end < store->keys.count &&
           strncmp(store->keys.list[end]->key, prefix, strlen(prefix)) == 0) {
        end++;
    }
    return end - first;
}

/* What outlives the configuration: its versions, some with their lists, the last by number alone.
 */
static void look_at_past(struct rest_look *look)
{
    const struct sim_store *store = sim_etcd_store(sim_etcd(look->check->world->sim));
    char key[KEY_TEXT_SIZE];
    const struct sim_entry *entry;
    struct lineage lineage;
    struct err err;

    (void)snprintf(key, sizeof(key), SIM_PREFIX "/clusters/%s/history/", look->cluster);
    if (CONFIG_HISTORY_MAX < keys_below(store, key)) {
        unrest(look->check, "%s keeps more than %d former versions", look->cluster,
               CONFIG_HISTORY_MAX);
    }
    (void)snprintf(key, sizeof(key), SIM_PREFIX "/lineage/%s", look->cluster);
    entry = sim_store_get(store, key);
    if (entry == NULL ||
        json_decode_lineage(entry->value, entry->value_bytes, &look->check->arena, &lineage, &err) <
            0 ||
        lineage.version != look->config->head.version ||
        lineage.epoch != look->config->head.epoch) {
        unrest(look->check, "the lineage of %s is not at version %u", look->cluster,
               look->config->head.version);
    }
}

static void look_at_rest(struct sim_check *check, const struct rest_look *look)
{
    const struct sim_store *store = sim_etcd_store(sim_etcd(check->world->sim));
    char key[KEY_TEXT_SIZE];
    const struct sim_entry *entry;
    struct alias alias;
    struct status status;
    struct err err;

    (void)snprintf(key, sizeof(key), SIM_PREFIX "/clusters/%s/alias", look->cluster);
    entry = sim_store_get(store, key);
    if (entry == NULL ||
        json_decode_alias(entry->value, entry->value_bytes, &check->arena, &alias, &err) < 0 ||
        config_member(look->config, alias.slot) == NULL ||
        strcmp(config_member(look->config, alias.slot)->ip, alias.ip) != 0) {
        unrest(check, "%s has no endpoint at a member", look->cluster);
    }
    (void)snprintf(key, sizeof(key), SIM_PREFIX "/clusters/%s/status", look->cluster);
    entry = sim_store_get(store, key);
    if (entry == NULL ||
        json_decode_status(entry->value, entry->value_bytes, &check->arena, &status, &err) < 0 ||
        status.observed_generation != look->spec->generation) {
        unrest(check, "%s has no status for its generation", look->cluster);
    } else {
        look_at_status(look, &status);
    }
}

static bool has_keys(const struct sim_check *check, const char *cluster)
{
    const struct sim_store *store = sim_etcd_store(sim_etcd(check->world->sim));
    char prefix[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(prefix, sizeof(prefix), SIM_PREFIX "/clusters/%s/", cluster);
    i = sim_store_seek(store, prefix);
    return i < store->keys.count && strncmp(store->keys.list[i]->key, prefix, strlen(prefix)) == 0;
}

static void look_at_cluster(struct sim_check *check, const char *cluster)
{
    struct spec_record spec;
    struct config config;
    struct rest_look look = {
        .check = check, .cluster = cluster, .spec = &spec, .config = &config
    };

    if (!sim_read_spec(check, cluster, &spec)) {
        if (has_keys(check, cluster)) {
            unrest(check, "%s has keys and no spec", cluster);
        }
        return;
    }
    if (spec.deleting) {
        unrest(check, "%s is still being deleted", cluster);
    } else if (spec_placed(&spec.spec) + count_guests(&look) == 0) {
        return; /* no list can tell that nobody has joined yet, or that all have left */
    } else if (!sim_read_config(check, cluster, &config)) {
        unrest(check, "%s has no configuration", cluster);
    } else {
        look_at_members(&look);
        look_at_rest(check, &look);
        look_at_past(&look);
    }
}

/* ---- What is left over ---- */

static void look_at_intent(void *ctx, const struct intent *intent)
{
    struct sim_check *check = ctx;
    struct spec_record spec;
    struct config config;

    if (intent->phase == INTENT_STOP && sim_joiner_is_away(check->world->nodes, intent->host)) {
        return; /* the order waits for its host */
    }
    if (!sim_read_spec(check, intent->cluster, &spec) ||
        !sim_read_config(check, intent->cluster, &config) || intent->phase != INTENT_RUN ||
        strcmp(intent->uid, spec.uid) != 0 ||
        !sim_lists(&config, intent->slot, intent->ip, intent->data_port)) {
        unrest(check, "the intent of %s slot %u on %s is left over", intent->cluster, intent->slot,
               intent->host);
    }
}

static void look_at_node(void *ctx, const struct sim_node *node)
{
    struct sim_check *check = ctx;
    struct intent intent;

    if (node->joins && node->slot == 0) {
        return;
    }
    if (!sim_read_intent(check, node->cluster, node->slot, node->host, &intent) ||
        strcmp(intent.ip, node->ip) != 0 || intent.data_port != node->data_port) {
        unrest(check, "%s slot %u on %s runs, and no key knows of it", node->cluster, node->slot,
               node->host);
    }
}

/* A host keeps nothing of a node that no key knows of. */
static void look_at_trace(void *ctx, const struct sim_node_trace *trace)
{
    struct sim_check *check = ctx;
    struct intent intent;
    struct node_report report;

    if (sim_joiner_is_away(check->world->nodes, trace->host)) {
        return; /* who has ended tidies up when it begins */
    }
    if (!sim_read_intent(check, trace->cluster, trace->slot, trace->host, &intent) &&
        !sim_read_report(check, trace->cluster, trace->slot, trace->host, &report)) {
        unrest(check, "%s is left over on %s", trace->path, trace->host);
    }
}

const char *sim_check_unrest(struct sim_check *check)
{
    char cluster[SIM_CLUSTER_NAME_SIZE];
    size_t i;

    str_clear(&check->unrest);
    arena_clear(&check->arena);
    for (i = 0; i < check->world->clusters_count; i++) {
        sim_cluster_name(i, cluster);
        look_at_cluster(check, cluster);
    }
    sim_each_intent(check, look_at_intent, check);
    sim_nodes_each(check->world->nodes, look_at_node, check);
    sim_nodes_each_trace(check->world->nodes, look_at_trace, check);
    unrest(check, "%s", sim_joiner_unrest(check, check->world->nodes));
    return str_text(&check->unrest);
}
