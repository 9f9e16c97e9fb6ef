/*
 * What a controller may ask of hosts: no more than there is need for (P9), at no more nodes at once
 * than it may (P6), and no node's end before its clients had their time (P5). And the endpoint goes
 * with its cluster only (P4).
 *
 * What a controller may not have heard yet is not held against it: its watch may have been silent
 * for minutes. So these look at what has been so for longer, or at one commit in itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"
#include "sim/sim_nodes.h"

/* Who may decide has heard of it, and seen it: no watch stalls for longer. */
#define KNOWN_MS 120000
/* Who polled within this may ask again. */
#define POLLED_MS 180000
#define TELLERS_MAX 32
/* So many replaced at once, and more than half, are a mass failure, which asks for a human. */
#define MASS_MIN 2

/* A node's report: since when it says that clients may use it, or that they don't. */
struct use_check {
    char cluster[CLUSTER_NAME_MAX + 1];
    char host[HOST_NAME_TEXT_MAX + 1];
    uint32_t slot;
    bool used;
    uint64_t since_ms;
};

struct commit_look {
    struct sim_check *check;
    const struct sim_party *leader;
    struct spec_record spec;
    struct intent intent; /* that is new, or goes */
    /* other nodes of its slot that are to run */
    size_t others;
    struct intent other;
    /* of the whole commit */
    char cluster[CLUSTER_NAME_MAX + 1];
    size_t successors;
    size_t replacements;
    struct intent begun[ETCD_TXN_OPS_MAX];
    size_t begun_count;
};

static uint64_t now_ms(const struct sim_check *check)
{
    return sim_now_ms(check->world->sim);
}

/* ---- Whether clients use a node, as its report says ---- */

static struct use_check *use_of(struct sim_check *check, const char *cluster, uint32_t slot,
                                const char *host)
{
    struct use_check *use;
    size_t i;

    for (i = 0; i < check->uses_count; i++) {
        use = &check->uses[i];
        if (use->slot == slot && strcmp(use->host, host) == 0 &&
            strcmp(use->cluster, cluster) == 0) {
            return use;
        }
    }
    if (check->uses_count == check->uses_capacity) {
        size_t capacity = 2 * check->uses_capacity + 32;
        struct use_check *grown = mem_realloc(check->uses, capacity * sizeof(*grown));

        CHECK(grown != NULL);
        check->uses = grown;
        check->uses_capacity = capacity;
    }
    use = &check->uses[check->uses_count++];
    *use = (struct use_check){ .slot = slot, .since_ms = now_ms(check) };
    (void)snprintf(use->cluster, sizeof(use->cluster), "%s", cluster);
    (void)snprintf(use->host, sizeof(use->host), "%s", host);
    return use;
}

static void note_report(struct sim_check *check, const struct key *key,
                        const struct sim_entry *entry)
{
    struct use_check *use = use_of(check, key->cluster, key->slot, key->host);
    struct node_report report;
    struct err err;
    bool used = !entry->deleted &&
                json_decode_node_report(entry->value, entry->value_bytes, &check->arena, &report,
                                        &err) == 0 &&
                report.state == NODE_UP && report.clients != 0;

    if (used != use->used) {
        use->used = used;
        use->since_ms = now_ms(check);
    }
}

void sim_check_orders_restored(struct sim_check *check)
{
    size_t i;

    for (i = 0; i < check->uses_count; i++) {
        check->uses[i].since_ms = now_ms(check);
    }
}

/* Whether it is known to everybody that clients may use the node. */
static bool is_known_used(struct sim_check *check, const struct intent *intent)
{
    const struct use_check *use = use_of(check, intent->cluster, intent->slot, intent->host);

    return use->used && use->since_ms + KNOWN_MS <= now_ms(check);
}

/* ---- P5: a node is to be stopped ---- */

/* Keys from a backup may give two nodes one address: only one of them can be there. */
struct namesake_look {
    const struct intent *intent;
    uint32_t slot;
    bool found;
};

static void look_at_namesake(void *ctx, const struct intent *other)
{
    struct namesake_look *look = ctx;

    look->found =
        look->found ||
        (other->slot == look->slot && strcmp(other->cluster, look->intent->cluster) == 0 &&
         strcmp(other->ip, look->intent->ip) == 0 && other->data_port == look->intent->data_port);
}

static bool is_of_another(const struct commit_look *look, const struct alias *alias)
{
    struct namesake_look namesake = { .intent = &look->intent, .slot = alias->slot };

    if (alias->slot != look->intent.slot) {
        sim_each_intent(look->check, look_at_namesake, &namesake);
    }
    return namesake.found;
}

static void check_alias(const struct commit_look *look)
{
    const struct intent *intent = &look->intent;
    struct alias alias;

    if (sim_read_alias(look->check, intent->cluster, &alias) && strcmp(alias.ip, intent->ip) == 0 &&
        (alias.port == intent->data_port || alias.port == intent->discovery_port) &&
        !is_of_another(look, &alias) && !sim_is_last(look->check, &look->spec.spec, intent)) {
        sim_broken(look->check->world->sim, "P5",
                   "%s: slot %u on %s is to stop while the endpoint points to it", intent->cluster,
                   intent->slot, intent->host);
    }
}

static void check_drained(const struct commit_look *look, const struct intent *before)
{
    const struct intent *intent = &look->intent;
    bool had_time = before->phase == INTENT_DRAIN &&
                    before->phase_since_ms + look->spec.spec.drain_ms <= intent->phase_since_ms;

    if (!had_time && is_known_used(look->check, intent)) {
        sim_broken(look->check->world->sim, "P5",
                   "%s: slot %u on %s is to stop before its clients had their time",
                   intent->cluster, intent->slot, intent->host);
    }
}

static bool pollers_know(const struct commit_look *look, const struct intent *before)
{
    struct sim_teller tellers[TELLERS_MAX];
    struct sim_check *check = look->check;
    struct config config;
    size_t count = 0;
    size_t i;

    if (before->left_version == 0 || !sim_read_config(check, before->cluster, &config)) {
        return true;
    }
    for (i = 0; i < config.head.members_count && count + 1 < TELLERS_MAX; i++) {
        tellers[count].slot = config.head.members[i].slot;
        count += ipv4_parse(config.head.members[i].ip, &tellers[count].ip) ? 1 : 0;
    }
    tellers[count].slot = before->slot;
    count += ipv4_parse(before->ip, &tellers[count].ip) ? 1 : 0;
    return sim_clients_know(check->world->nodes, before->cluster, before->left_version, tellers,
                            count, POLLED_MS);
}

/* Before its time a leaver that is up is stopped for the reason alone that the spec allows. */
static void check_drain_ends(const struct commit_look *look, const struct intent *before)
{
    const struct intent *intent = &look->intent;
    enum spec_drain_ends ends = look->spec.spec.drain_ends;
    struct node_report report;

    if (before->phase != INTENT_DRAIN ||
        before->phase_since_ms + look->spec.spec.drain_ms <= intent->phase_since_ms ||
        !sim_read_report(look->check, intent->cluster, intent->slot, intent->host, &report) ||
        report.state != NODE_UP) {
        return;
    }
    if (report.clients != 0 || ends == SPEC_DRAIN_TIME) {
        sim_broken(look->check->world->sim, "P5", "%s: slot %u on %s is to stop before its time",
                   intent->cluster, intent->slot, intent->host);
    }
    if (ends == SPEC_DRAIN_EVIDENCE && !pollers_know(look, before)) {
        sim_broken(look->check->world->sim, "P5",
                   "%s: slot %u on %s is to stop, and a client that polled was not told of it",
                   intent->cluster, intent->slot, intent->host);
    }
}

/* ---- P9: an intent goes ---- */

static void check_forgotten(const struct commit_look *look)
{
    const struct intent *intent = &look->intent;
    struct node_report report;

    if (intent->phase != INTENT_STOP ||
        (sim_read_report(look->check, intent->cluster, intent->slot, intent->host, &report) &&
         report.state != NODE_STOPPED)) {
        sim_broken(look->check->world->sim, "P9",
                   "%s: the intent of slot %u on %s goes before that is stopped", intent->cluster,
                   intent->slot, intent->host);
    }
}

/* ---- P6, P9: a node is to be started beside another one of its slot ---- */

static void look_for_other(void *ctx, const struct intent *other)
{
    struct commit_look *look = ctx;
    const struct intent *intent = &look->intent;

    if (other->slot == intent->slot && strcmp(other->cluster, intent->cluster) == 0 &&
        strcmp(other->host, intent->host) != 0) {
        look->others++;
        look->other = *other;
    }
}

static bool is_named(const struct spec *spec, const char *host)
{
    size_t i;

    for (i = 0; i < spec->hosts_count; i++) {
        if (strcmp(spec->hosts[i], host) == 0) {
            return true;
        }
    }
    return spec->hosts_count == 0;
}

/* A leader may not have heard yet that a cordon was taken away. */
static bool is_drained(struct sim_check *check, const char *host)
{
    struct cordon cordon;

    return (sim_read_cordon(check, host, &cordon) && cordon.drain) ||
           (check->cordons_ms != 0 && now_ms(check) < check->cordons_ms + KNOWN_MS);
}

struct crowd_look {
    const struct intent *intent;
    bool found;
};

static void look_who_is_there(void *ctx, const struct sim_node *node)
{
    struct crowd_look *look = ctx;
    const struct intent *intent = look->intent;

    look->found = look->found ||
                  (strcmp(node->ip, intent->ip) == 0 && node->data_port == intent->data_port &&
                   (node->slot != intent->slot || strcmp(node->cluster, intent->cluster) != 0));
}

/* Keys from a backup may give its address to another node. */
static bool is_crowded(const struct commit_look *look)
{
    struct crowd_look crowd = { .intent = &look->other };

    sim_nodes_each(look->check->world->nodes, look_who_is_there, &crowd);
    return crowd.found;
}

/*
 * Whether something else than a failure asks for another node of the slot. Which labels a host has
 * is not looked at: where the spec wants some, that may be it.
 */
static bool has_to_go(const struct commit_look *look)
{
    return is_drained(look->check, look->other.host) || is_crowded(look) ||
           !is_named(&look->spec.spec, look->other.host) || 0 < look->spec.spec.host_labels_count ||
           !node_settings_meet(&look->other.settings, &look->spec.spec.settings);
}

struct answer_look {
    const struct commit_look *look;
    const struct sim_party *leader;
    bool answers;
};

/* Whether the leader must know, by having asked it, that the node is there. */
static void look_whether_it_answers(void *ctx, const struct sim_node *node)
{
    struct answer_look *look = ctx;
    const struct intent *intent = &look->look->other;
    struct sim *sim = look->look->check->world->sim;
    uint32_t ip;

    if (node->slot == intent->slot && strcmp(node->cluster, intent->cluster) == 0 &&
        strcmp(node->ip, intent->ip) == 0 && node->data_port == intent->data_port &&
        node->answers && node->steady_ms + KNOWN_MS <= sim_now_ms(sim) &&
        ipv4_parse(node->ip, &ip)) {
        look->answers = sim_probed_in_vain(sim, look->leader, ip, node->data_port) == 0;
    }
}

static void check_need(const struct commit_look *look)
{
    const struct intent *other = &look->other;
    struct answer_look answer = { .look = look, .leader = look->leader };

    sim_nodes_each(look->check->world->nodes, look_whether_it_answers, &answer);
    if (is_known_used(look->check, other) || answer.answers) {
        sim_broken(look->check->world->sim, "P9", "%s: slot %u on %s is replaced while it %s",
                   other->cluster, other->slot, other->host,
                   answer.answers ? "answers" : "is reported up");
    }
}

static void look_at_new(struct commit_look *look)
{
    const struct intent *intent = &look->intent;
    struct node_report report;

    look->others = 0;
    sim_each_intent(look->check, look_for_other, look);
    if (look->others != 1 || look->other.phase != INTENT_RUN ||
        strcmp(look->other.uid, look->spec.uid) != 0 ||
        spec_placed(&look->spec.spec) < intent->slot ||
        sim_read_report(look->check, intent->cluster, intent->slot, intent->host, &report)) {
        return;
    }
    (void)snprintf(look->cluster, sizeof(look->cluster), "%s", intent->cluster);
    if (has_to_go(look)) {
        /* One that has failed besides is replaced, which waits for no room. */
        look->successors += is_known_used(look->check, &look->other) ? 1 : 0;
    } else {
        look->replacements++;
        check_need(look);
    }
}

/* With faults a node may get the address of one that was forgotten; but not both by one plan. */
static void check_address(struct commit_look *look)
{
    const struct intent *intent = &look->intent;
    size_t i;

    for (i = 0; i < look->begun_count; i++) {
        const struct intent *other = &look->begun[i];

        if (strcmp(other->ip, intent->ip) == 0 && other->data_port == intent->data_port) {
            sim_broken(look->check->world->sim, "address",
                       "%s: slots %u and %u on %s get one address at once", intent->cluster,
                       other->slot, intent->slot, intent->host);
        }
    }
    CHECK(look->begun_count < ARRAY_COUNT(look->begun));
    look->begun[look->begun_count++] = *intent;
}

struct slots_look {
    const char *cluster;
    bool seen[SLOT_MAX + 1];
    size_t count;
};

static void count_slot(void *ctx, const struct intent *intent)
{
    struct slots_look *look = ctx;

    if (strcmp(intent->cluster, look->cluster) == 0 && !look->seen[intent->slot]) {
        look->seen[intent->slot] = true;
        look->count++;
    }
}

/* What one commit begins together rests on one view. */
static void check_together(const struct commit_look *look)
{
    struct slots_look slots = { .cluster = look->cluster };
    uint32_t surge_max = look->spec.spec.surge_max == 0 ? 1 : look->spec.spec.surge_max;

    if (surge_max < look->successors) {
        sim_broken(look->check->world->sim, "P6", "%s: %zu successors are started at once, of %u",
                   look->cluster, look->successors, surge_max);
    }
    if (look->replacements < MASS_MIN || look->spec.confirmed_ms != 0) {
        return;
    }
    sim_each_intent(look->check, count_slot, &slots);
    if (slots.count < 2 * look->replacements) {
        sim_broken(look->check->world->sim, "P9", "%s: %zu of %zu nodes are replaced at once",
                   look->cluster, look->replacements, slots.count);
    }
}

/* ---- A commit ---- */

/* Whether the entry is about a node of a cluster that goes on; its intent is `look->intent`. */
static bool reads(struct commit_look *look, const struct key *key, const struct sim_entry *entry)
{
    struct err err;

    return entry != NULL &&
           json_decode_intent(entry->value, entry->value_bytes, &look->check->arena, &look->intent,
                              &err) == 0 &&
           sim_read_spec(look->check, key->cluster, &look->spec) && !look->spec.deleting &&
           strcmp(look->spec.uid, look->intent.uid) == 0;
}

static void look_at_intent(struct commit_look *look, const struct key *key,
                           const struct sim_entry *entry)
{
    const struct sim_entry *before = sim_check_before(look->check, entry->key);
    struct intent former = { 0 };

    if (reads(look, key, before)) {
        former = look->intent;
    }
    if (entry->deleted) {
        if (former.host != NULL) {
            check_forgotten(look);
        }
        return;
    }
    if (!reads(look, key, entry)) {
        return;
    }
    if (before == NULL && look->intent.phase == INTENT_RUN) {
        check_address(look);
        look_at_new(look);
    } else if (former.host != NULL && former.phase != INTENT_STOP &&
               look->intent.phase == INTENT_STOP) {
        check_alias(look);
        check_drained(look, &former);
        check_drain_ends(look, &former);
    }
}

/* P4: the endpoint goes with its cluster only. */
static void check_alias_gone(struct sim_check *check, const struct key *key)
{
    struct spec_record spec;

    if (sim_read_spec(check, key->cluster, &spec) && !spec.deleting) {
        sim_broken(check->world->sim, "P4", "the endpoint of %s is removed", key->cluster);
    }
}

static void look_at_entry(struct commit_look *look, const struct key *key,
                          const struct sim_entry *entry)
{
    if (key->kind == KEY_INTENT) {
        look_at_intent(look, key, entry);
    } else if (key->kind == KEY_ALIAS && entry->deleted) {
        check_alias_gone(look->check, key);
    }
}

void sim_check_orders(struct sim_check *check, const struct sim_commit *commit)
{
    struct commit_look look = { .check = check, .leader = commit->writer };
    size_t i;

    for (i = 0; i < commit->count; i++) {
        struct key key;

        if (!key_parse(SIM_PREFIX, commit->entries[i]->key, &key)) {
            continue;
        }
        if (key.kind == KEY_NODE) {
            note_report(check, &key, commit->entries[i]);
        } else if (key.kind == KEY_CORDON && commit->entries[i]->deleted) {
            check->cordons_ms = now_ms(check);
        } else if (sim_check_is_controller(check, commit->writer)) {
            look_at_entry(&look, &key, commit->entries[i]);
        }
    }
    if (0 < look.successors + look.replacements) {
        check_together(&look);
    }
}
