/* What a story may expect. */
#include "sim/sim_story_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_operator.h"

const char *sim_fact_argument(const struct sim_facts *facts, size_t i)
{
    size_t at = i + 2;

    return at < facts->line->count && strchr(facts->line->words[at], '=') == NULL
               ? facts->line->words[at]
               : NULL;
}

uint32_t sim_fact_number(const struct sim_facts *facts, size_t i)
{
    const char *word = sim_fact_argument(facts, i);

    return word == NULL ? 0 : (uint32_t)strtoul(word, NULL, 10);
}

static bool read_config(const struct sim_facts *facts, struct config *out)
{
    if (sim_read_config(facts->check, facts->cluster, out)) {
        return true;
    }
    str_appendf(facts->why, "%s has no configuration", facts->cluster);
    return false;
}

/* ---- A cluster ---- */

/* "c1 lists 1 2 3" */
static bool lists(const struct sim_facts *facts)
{
    struct config config;
    bool equal = true;
    size_t i;

    if (!read_config(facts, &config)) {
        return false;
    }
    str_appendf(facts->why, "%s lists", facts->cluster);
    for (i = 0; i < config.head.members_count; i++) {
        str_appendf(facts->why, " %u", config.head.members[i].slot);
        equal = equal && config.head.members[i].slot == sim_fact_number(facts, i);
    }
    return equal && sim_fact_argument(facts, i) == NULL;
}

/* "c1 version 4" */
static bool version(const struct sim_facts *facts)
{
    struct config config;

    if (!read_config(facts, &config)) {
        return false;
    }
    str_appendf(facts->why, "%s has version %u", facts->cluster, config.head.version);
    return config.head.version == sim_fact_number(facts, 0);
}

static bool epoch(const struct sim_facts *facts)
{
    struct config config;

    if (!read_config(facts, &config)) {
        return false;
    }
    str_appendf(facts->why, "%s has epoch %llu", facts->cluster,
                (unsigned long long)config.head.epoch);
    return config.head.epoch == sim_fact_number(facts, 0);
}

static const struct sim_entry *find(const struct sim_facts *facts, const char *name)
{
    char key[sizeof(SIM_PREFIX "/") + KEY_TEXT_SIZE];

    (void)snprintf(key, sizeof(key), SIM_PREFIX "/%s", name);
    return sim_store_get(sim_etcd_store(sim_etcd(facts->play->sim)), key);
}

/* Its condition; NULL, with a reason, when there is none. */
static const struct condition *condition(const struct sim_facts *facts, struct status *status)
{
    char name[KEY_TEXT_SIZE];
    const char *word = sim_fact_argument(facts, 0);
    const struct sim_entry *entry;
    enum condition_type type;
    struct err err;

    (void)snprintf(name, sizeof(name), "clusters/%s/status", facts->cluster);
    entry = find(facts, name);
    if (word == NULL || !condition_type_parse(word, &type)) {
        str_appendf(facts->why, "there is no condition %s", word == NULL ? "" : word);
        return NULL;
    }
    if (entry == NULL || json_decode_status(entry->value, entry->value_bytes, &facts->check->arena,
                                            status, &err) < 0) {
        str_appendf(facts->why, "%s has no status", facts->cluster);
        return NULL;
    }
    str_appendf(facts->why, "%s is %s%s: %s, %s", facts->cluster,
                status->conditions[type].status ? "" : "not ", word,
                status->conditions[type].reason, status->conditions[type].message);
    return &status->conditions[type];
}

static bool has_reason(const struct sim_facts *facts, const struct condition *is)
{
    const char *reason = sim_fact_argument(facts, 1);

    return reason == NULL || strcmp(reason, is->reason) == 0;
}

/* "c1 is Stalled MassFailure" */
static bool is_so(const struct sim_facts *facts)
{
    struct status status;
    const struct condition *is = condition(facts, &status);

    return is != NULL && is->status && has_reason(facts, is);
}

/* "c1 isn't Progressing RolloutPaused" */
static bool is_not_so(const struct sim_facts *facts)
{
    struct status status;
    const struct condition *is = condition(facts, &status);

    return is != NULL && !is->status && has_reason(facts, is);
}

/* "c1 gone": nothing is left of it. */
static bool gone(const struct sim_facts *facts)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(facts->play->sim))->keys;
    char part[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(part, sizeof(part), "/%s/", facts->cluster);
    for (i = 0; i < keys->count; i++) {
        const char *key = keys->list[i]->key;

        if (strstr(key, part) != NULL && strstr(key, "/events/") == NULL) {
            str_appendf(facts->why, "%s is there", key);
            return false;
        }
    }
    return true;
}

/* ---- A slot ---- */

/* "c1/2 at h03": the configuration names it there. */
static bool at(const struct sim_facts *facts)
{
    size_t wanted;
    const struct member *member = NULL;
    struct config config;
    char former[SIM_CLUSTER_TEXT_SIZE + 16];
    size_t found;

    if (!read_config(facts, &config)) {
        return false;
    }
    member = config_member(&config, facts->slot);
    (void)snprintf(former, sizeof(former), "@%s/%u", facts->cluster, facts->slot);
    if (member == NULL || !sim_host_parse(facts->play, former, &found)) {
        str_appendf(facts->why, "%s/%u is not listed", facts->cluster, facts->slot);
        return false;
    }
    str_appendf(facts->why, "%s/%u is at %s", facts->cluster, facts->slot, member->ip);
    return sim_fact_argument(facts, 0) != NULL &&
           sim_host_parse(facts->play, sim_fact_argument(facts, 0), &wanted) && wanted == found;
}

struct runs_look {
    const struct sim_facts *facts;
    size_t count;
    bool elsewhere;
};

static void look_where_it_runs(void *ctx, const struct sim_node *node)
{
    struct runs_look *look = ctx;
    const struct sim_facts *facts = look->facts;
    bool here = false;
    size_t i;

    if (strcmp(node->cluster, facts->cluster) != 0 || node->slot != facts->slot) {
        return;
    }
    str_appendf(facts->why, " %s", node->host);
    for (i = 0; sim_fact_argument(facts, i) != NULL; i++) {
        here = here || strcmp(node->host, sim_fact_argument(facts, i)) == 0;
    }
    look->count++;
    look->elsewhere = look->elsewhere || !here;
}

/* "c1/2 runs h02 h03": there, and nowhere else. */
static bool runs(const struct sim_facts *facts)
{
    struct runs_look look = { .facts = facts };
    size_t wanted = 0;

    while (sim_fact_argument(facts, wanted) != NULL) {
        wanted++;
    }
    str_appendf(facts->why, "%s/%u runs on", facts->cluster, facts->slot);
    sim_nodes_each(facts->play->world.nodes, look_where_it_runs, &look);
    return look.count == wanted && !look.elsewhere;
}

/* ---- The world ---- */

/* "world starts 3": since the mark. */
static bool starts(const struct sim_facts *facts)
{
    uint32_t started;
    uint32_t ended;

    sim_nodes_counts(facts->play->world.nodes, NULL, &started, &ended);
    str_appendf(facts->why, "%u were started", started);
    return started == sim_fact_number(facts, 0);
}

static bool ends(const struct sim_facts *facts)
{
    uint32_t started;
    uint32_t ended;

    sim_nodes_counts(facts->play->world.nodes, NULL, &started, &ended);
    str_appendf(facts->why, "%u were ended", ended);
    return ended == sim_fact_number(facts, 0);
}

/* "world has cordons/h02", a key */
static bool has(const struct sim_facts *facts)
{
    const char *name = sim_fact_argument(facts, 0);

    str_appendf(facts->why, "there is no %s", name == NULL ? "" : name);
    return name != NULL && find(facts, name) != NULL;
}

static bool has_not(const struct sim_facts *facts)
{
    const char *name = sim_fact_argument(facts, 0);

    str_appendf(facts->why, "there is %s", name == NULL ? "" : name);
    return name != NULL && find(facts, name) == NULL;
}

/* "world led-by ctl1" */
static bool is_led_by(const struct sim_facts *facts)
{
    const struct sim_entry *leader = find(facts, "leader");
    const char *name = sim_fact_argument(facts, 0);
    char text[64];

    str_appendf(facts->why, "the leader is %s", leader == NULL ? "nobody" : leader->value);
    (void)snprintf(text, sizeof(text), "\"identity\":\"%s\"", name == NULL ? "" : name);
    return leader != NULL && strstr(leader->value, text) != NULL;
}

/* "world joins 2": so many requests to join are reported, each by one watcher or more. */
static bool joins(const struct sim_facts *facts)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(facts->play->sim))->keys;
    char former[KEY_TEXT_SIZE] = "";
    uint32_t count = 0;
    struct key key;
    size_t i;

    for (i = 0; i < keys->count; i++) {
        if (key_parse(SIM_PREFIX, keys->list[i]->key, &key) && key.kind == KEY_JOIN_REPORT) {
            count += strcmp(former, key.id) == 0 ? 0 : 1;
            (void)snprintf(former, sizeof(former), "%s", key.id);
        }
    }
    str_appendf(facts->why, "%u are reported", count);
    return count == sim_fact_number(facts, 0);
}

/* ---- Names ---- */

/* Some record begins so. */
static bool find_record(const struct sim_facts *facts)
{
    const struct sim_store *store = sim_etcd_store(sim_etcd(facts->play->sim));
    const char *name = sim_fact_argument(facts, 0) == NULL ? "" : sim_fact_argument(facts, 0);
    size_t i = sim_store_seek(store, name);
    bool found =
        i < store->keys.count && strncmp(store->keys.list[i]->key, name, strlen(name)) == 0;

    str_appendf(facts->why, "there is %s", found ? store->keys.list[i]->key : "no such record");
    return found;
}

/* "dns has /skydns/test/cache/cfg/c1" */
static bool record_is_there(const struct sim_facts *facts)
{
    return find_record(facts);
}

static bool record_is_missing(const struct sim_facts *facts)
{
    return !find_record(facts);
}

/* ---- Finding the fact ---- */

enum subject { SUBJECT_CLUSTER, SUBJECT_SLOT, SUBJECT_WORLD, SUBJECT_DNS };

static const struct {
    enum subject subject;
    const char *name;
    bool (*holds)(const struct sim_facts *facts);
} predicates[] = {
    { SUBJECT_CLUSTER, "lists", lists },
    { SUBJECT_CLUSTER, "version", version },
    { SUBJECT_CLUSTER, "epoch", epoch },
    { SUBJECT_CLUSTER, "is", is_so },
    { SUBJECT_CLUSTER, "isn't", is_not_so },
    { SUBJECT_CLUSTER, "gone", gone },
    { SUBJECT_CLUSTER, "serves", sim_fact_serves },
    { SUBJECT_SLOT, "at", at },
    { SUBJECT_SLOT, "runs", runs },
    { SUBJECT_SLOT, "serves", sim_fact_serves },
    { SUBJECT_WORLD, "starts", starts },
    { SUBJECT_WORLD, "ends", ends },
    { SUBJECT_WORLD, "has", has },
    { SUBJECT_WORLD, "lacks", has_not },
    { SUBJECT_WORLD, "spread", sim_fact_spread },
    { SUBJECT_WORLD, "writes", sim_fact_writes },
    { SUBJECT_WORLD, "joins", joins },
    { SUBJECT_WORLD, "led-by", is_led_by },
    { SUBJECT_DNS, "has", record_is_there },
    { SUBJECT_DNS, "lacks", record_is_missing },
};

bool sim_fact_holds(struct sim_play *play, const struct sim_line *line, struct str *why)
{
    struct sim_facts facts = { .play = play, .line = line, .check = play->world.check, .why = why };
    char cluster[SIM_CLUSTER_TEXT_SIZE];
    enum subject subject = SUBJECT_CLUSTER;
    size_t i;

    (void)snprintf(cluster, sizeof(cluster), "%s", line->words[0]);
    if (strcmp(cluster, "world") == 0) {
        subject = SUBJECT_WORLD;
    } else if (strcmp(cluster, "dns") == 0) {
        subject = SUBJECT_DNS;
    } else if (sim_slot_parse(line->words[0], cluster, &facts.slot)) {
        subject = SUBJECT_SLOT;
    }
    facts.cluster = cluster;
    arena_clear(&facts.check->arena);
    for (i = 0; i < ARRAY_COUNT(predicates); i++) {
        if (predicates[i].subject == subject && 2 <= line->count &&
            strcmp(predicates[i].name, line->words[1]) == 0) {
            return predicates[i].holds(&facts);
        }
    }
    sim_line_fails(play, line, "no such fact");
    return false;
}
