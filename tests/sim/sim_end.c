#include "sim/sim_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_operator.h"

#define LINES_MAX 8192

struct look {
    struct sim_world *world;
    bool of_way; /* also what depends on the way there */
    struct sim_check *check;
    struct str *out;
    const char *cluster;
    const struct config *config; /* NULL: none */
};

/* ---- A cluster ---- */

static void tell_settings(struct str *out, const struct node_settings *settings)
{
    size_t i;

    str_appendf(out, " memory=%llu threads=%u connections=%u item=%llu",
                (unsigned long long)settings->memory_bytes, settings->threads,
                settings->connections_max, (unsigned long long)settings->item_bytes_max);
    for (i = 0; i < settings->extra_args_count; i++) {
        str_appendf(out, " %s", settings->extra_args[i]);
    }
}

static void tell_spec(struct look *look)
{
    struct spec_record record;
    size_t i;

    if (!sim_read_spec(look->check, look->cluster, &record)) {
        return;
    }
    str_appendf(look->out, "%s spec generation=%llu nodes=%u%s%s", look->cluster,
                (unsigned long long)(look->of_way ? record.generation : 0), record.spec.nodes,
                record.deleting ? " deleting" : "", record.paused ? " paused" : "");
    tell_settings(look->out, &record.spec.settings);
    for (i = 0; i < record.spec.hosts_count; i++) {
        str_appendf(look->out, " %s", record.spec.hosts[i]);
    }
    str_append_char(look->out, '\n');
}

static void tell_members(struct look *look)
{
    size_t i;

    for (i = 0; look->config != NULL && i < look->config->head.members_count; i++) {
        const struct member *member = &look->config->head.members[i];

        str_appendf(look->out, "%s lists %04u %s %s:%u\n", look->cluster, member->slot,
                    member->hostname, member->ip, member->port);
    }
}

static const struct sim_entry *find(const struct look *look, const char *form)
{
    char key[KEY_TEXT_SIZE];

    (void)snprintf(key, sizeof(key), SIM_PREFIX "/clusters/%s/%s", look->cluster, form);
    return sim_store_get(sim_etcd_store(sim_etcd(look->world->sim)), key);
}

static void tell_alias(struct look *look)
{
    const struct sim_entry *entry = find(look, "alias");
    const struct member *member = NULL;
    struct alias alias;
    struct err err;

    if (entry == NULL) {
        return;
    }
    if (json_decode_alias(entry->value, entry->value_bytes, &look->check->arena, &alias, &err) ==
        0) {
        member = look->config == NULL ? NULL : config_member(look->config, alias.slot);
    }
    str_appendf(look->out, "%s alias at %s\n", look->cluster,
                member != NULL && strcmp(member->ip, alias.ip) == 0 ? "a member" : "nobody");
}

static void tell_slots(struct look *look, const struct status *status)
{
    size_t i;

    for (i = 0; i < status->slots_count; i++) {
        const struct slot_status *slot = &status->slots[i];

        str_appendf(look->out, "%s status %04u %s %s:%u %s %s%s %s %s%s\n", look->cluster,
                    slot->slot, slot->host, slot->ip, slot->data_port, slot->phase, slot->state,
                    slot->listed ? " listed" : "", slot->partition, slot->rule,
                    slot->version == status->version ? " current" : "");
    }
}

static void tell_status(struct look *look)
{
    const struct sim_entry *entry = find(look, "status");
    struct status status;
    struct err err;
    size_t i;

    if (entry == NULL) {
        return;
    }
    if (json_decode_status(entry->value, entry->value_bytes, &look->check->arena, &status, &err) !=
        0) {
        str_appendf(look->out, "%s status: %s\n", look->cluster, err.msg);
        return;
    }
    str_appendf(look->out,
                "%s status of generation %llu: %u wanted, %u ready, %u converged, %u "
                "updated, of the current version%s, rollout%s\n",
                look->cluster, (unsigned long long)(look->of_way ? status.observed_generation : 0),
                status.nodes_wanted, status.nodes_ready, status.nodes_converged,
                status.nodes_updated,
                look->config != NULL && look->config->head.version == status.version ? "" : " not",
                status.progress_ms == 0 ? " none" : " under way");
    for (i = 0; i < CONDITION_COUNT; i++) {
        const struct condition *condition = &status.conditions[i];

        if (condition->reason[0] != '\0') {
            str_appendf(look->out, "%s %s=%s %s\n", look->cluster,
                        condition_type_text((enum condition_type)i),
                        condition->status ? "True" : "False", condition->reason);
        }
    }
    tell_slots(look, &status);
}

static void tell_report(void *ctx, const struct node_report *report)
{
    struct look *look = ctx;
    bool current = look->config != NULL && report->served.version == look->config->head.version;

    str_appendf(look->out, "%s report %04u %s %s %s %s:%u%s", report->cluster, report->slot,
                report->host, node_state_text(report->state),
                partition_mode_text(report->partition), report->ip, report->data_port,
                current ? " current" : "");
    tell_settings(look->out, &report->settings);
    str_append_char(look->out, '\n');
}

static void tell_cluster(struct look *look)
{
    struct config config;

    look->config = sim_read_config(look->check, look->cluster, &config) ? &config : NULL;
    tell_spec(look);
    tell_members(look);
    tell_alias(look);
    tell_status(look);
    sim_each_report(look->check, look->cluster, tell_report, look);
    look->config = NULL;
}

/* ---- Keys that belong to no one cluster, or are only there or not ---- */

static void tell_intent(void *ctx, const struct intent *intent)
{
    struct look *look = ctx;

    str_appendf(look->out, "%s intent %04u %s %s %s:%u flaps=%u", intent->cluster, intent->slot,
                intent->host, intent_phase_text(intent->phase), intent->ip, intent->data_port,
                look->of_way ? intent->flaps : 0);
    tell_settings(look->out, &intent->settings);
    str_append_char(look->out, '\n');
}

/* The endpoint's record points to some node: its name alone is told. */
static void tell_record(const struct look *look, const struct sim_entry *entry)
{
    bool with_value = look->of_way && strstr(entry->key, "/cfg/") == NULL;

    str_appendf(look->out, "record %s %.*s\n", entry->key, with_value ? (int)entry->value_bytes : 0,
                entry->value);
}

static bool is_told(const struct look *look, const struct key *key)
{
    if (key->kind == KEY_GENERATION || key->kind == KEY_LINEAGE) {
        return look->of_way;
    }
    return key->kind == KEY_UNKNOWN || key->kind == KEY_CORDON || key->kind == KEY_HOST;
}

static void tell_key(struct look *look, const struct sim_entry *entry)
{
    struct key key;

    if (!key_parse(SIM_PREFIX, entry->key, &key)) {
        tell_record(look, entry);
    } else if (is_told(look, &key)) {
        str_appendf(look->out, "key %s\n", entry->key);
    }
}

static void tell_keys(struct look *look)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(look->world->sim))->keys;
    size_t i;

    for (i = 0; i < keys->count; i++) {
        tell_key(look, keys->list[i]);
    }
}

/* ---- Machines ---- */

static void tell_process(void *ctx, const struct sim_node *node)
{
    struct look *look = ctx;

    str_appendf(look->out, "process %s %s/%04u %s:%u %s\n", node->host, node->cluster, node->slot,
                node->ip, node->data_port, node->answers ? "answers" : "is silent");
}

/* Which requests to join a host has seen is up to chance, and who has ended tidies up when it
 * begins. */
static bool is_file_told(const struct look *look, const struct sim_host *host,
                         const struct sim_file *file)
{
    return host->wanted && strcmp(file->path, SIM_STATE_DIR "/joins") != 0 &&
           (look->of_way || strstr(file->path, ".log") == NULL);
}

static void tell_machine(struct look *look, const struct sim_host *host)
{
    const struct sim_partition *partition;
    const struct sim_file *file;

    for (partition = host->machine.partitions; partition != NULL; partition = partition->next) {
        str_appendf(look->out, "partition %s %s\n", host->config.host_name, partition->dir);
    }
    for (file = host->machine.files; file != NULL; file = file->next) {
        if (is_file_told(look, host, file)) {
            str_appendf(look->out, "file %s %s\n", host->config.host_name, file->path);
        }
    }
    if (!sim_host_is_up(host)) {
        str_appendf(look->out, "machine %s is down\n", host->config.host_name);
    }
}

static void tell_counts(struct look *look)
{
    const struct sim_order *order;

    for (order = look->world->nodes->orders; order != NULL; order = order->next) {
        if (order->starts != 0 || order->ends != 0) {
            str_appendf(look->out, "count %s %s/%04u starts=%u ends=%u\n", order->host,
                        order->cluster, order->slot, order->starts, order->ends);
        }
    }
}

/* ---- The whole ---- */

static int compare_lines(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

/* Cut into lines at their ends; returns how many. */
static size_t cut_lines(char *text, char **lines)
{
    size_t count = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, "\n");

        CHECK(count < LINES_MAX);
        lines[count++] = text;
        text += size;
        if (*text != '\0') {
            *text++ = '\0';
        }
    }
    return count;
}

/* "h01" */
static bool is_host(const char *word, size_t size)
{
    return size == 3 && word[0] == 'h' && word[1] <= '9' && word[2] <= '9';
}

/* Hosts and their addresses become "-". */
static void append_without_places(struct str *out, const char *text)
{
    while (*text != '\0') {
        size_t blanks = strspn(text, " \n");
        const char *word = text + blanks;
        size_t size = strcspn(word, " \n");
        bool hides = is_host(word, size) || strncmp(word, "10.", 3) == 0;

        str_append(out, text, blanks);
        str_append(out, hides ? "-" : word, hides ? 1 : size);
        text = word + size;
    }
}

/* Things are found in the order in which they came to be. */
static void append_sorted(struct str *out, const char *text)
{
    CLEANUP(mem_free_p) char *copy = mem_strdup(text);
    CLEANUP(mem_free_p) char **lines = mem_calloc(LINES_MAX, sizeof(char *));
    size_t count;
    size_t i;

    CHECK(copy != NULL);
    CHECK(lines != NULL);
    count = cut_lines(copy, lines);
    qsort(lines, count, sizeof(char *), compare_lines);
    for (i = 0; i < count; i++) {
        str_appendf(out, "%s\n", lines[i]);
    }
    CHECK(!str_failed(out));
}

static void gather(struct look *look)
{
    struct sim_world *world = look->world;
    size_t i;

    arena_clear(&world->check->arena);
    for (i = 0; i < world->clusters_count; i++) {
        char cluster[SIM_CLUSTER_NAME_SIZE];

        sim_cluster_name(i, cluster);
        look->cluster = cluster;
        tell_cluster(look);
    }
    sim_each_intent(world->check, tell_intent, look);
    tell_keys(look);
    sim_nodes_each(world->nodes, tell_process, look);
    for (i = 0; i < world->nodes->hosts_count; i++) {
        tell_machine(look, &world->nodes->hosts[i]);
    }
}

void sim_end_describe(struct sim_world *world, struct str *out)
{
    CLEANUP(str_deinit) struct str text;
    struct look look = { .world = world, .of_way = true, .check = world->check, .out = &text };

    str_init(&text, SIM_END_BYTES_MAX);
    gather(&look);
    tell_counts(&look);
    CHECK(!str_failed(&text));
    append_sorted(out, str_text(&text));
}

void sim_end_describe_state(struct sim_world *world, struct str *out)
{
    CLEANUP(str_deinit) struct str text;
    CLEANUP(str_deinit) struct str hidden;
    struct look look = { .world = world, .check = world->check, .out = &text };

    str_init(&text, SIM_END_BYTES_MAX);
    str_init(&hidden, SIM_END_BYTES_MAX);
    gather(&look);
    CHECK(!str_failed(&text));
    append_without_places(&hidden, str_text(&text));
    CHECK(!str_failed(&hidden));
    append_sorted(out, str_text(&hidden));
}

void sim_end_compare(const char *wanted, const char *found, struct str *out)
{
    while (*wanted != '\0' || *found != '\0') {
        size_t wanted_size = strcspn(wanted, "\n");
        size_t found_size = strcspn(found, "\n");
        size_t less = wanted_size < found_size ? wanted_size : found_size;
        int order = memcmp(wanted, found, less);

        if (order == 0 && wanted_size == found_size) {
            wanted += wanted_size + (wanted[wanted_size] == '\n' ? 1 : 0);
            found += found_size + (found[found_size] == '\n' ? 1 : 0);
            continue;
        }
        order = order != 0 ? order : wanted_size < found_size ? -1 : 1;
        if (*found == '\0' || (*wanted != '\0' && order < 0)) {
            str_appendf(out, "missing: %.*s", (int)wanted_size, wanted);
        } else {
            str_appendf(out, "unlooked for: %.*s", (int)found_size, found);
        }
        return;
    }
}
