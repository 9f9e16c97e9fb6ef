#include "sim/sim_operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "model/spec_field.h"
#include "sim/sim_edges.h"
#include "sim/sim_joiner.h"
#include "store/keys.h"

#define MEMORY_BYTES (UINT64_C(64) << 20)
#define FEW_NODES_MAX 5
#define MANY_NODES_MAX 30
#define MANY_PER_MILLE 40
#define HOST_ROOM 10 /* nodes; a host takes 16 */
#define DRAIN_MS_MAX 8000
#define EVIDENCE_FACTOR 10
#define TIMEOUT_MS_MAX 12000
#define DEADLINE_MS 60000
#define JOINABLE_PER_MILLE 700
#define JOINED_PER_MILLE 300
#define FOREIGN_PER_MILLE 300 /* how often a spec names the hosts it may use */

struct sim_operator {
    struct sim_world *world;
    struct arena arena; /* of the act under way */
};

/* ---- Drawing ---- */

static uint64_t draw(struct sim_world *world, uint64_t min, uint64_t max)
{
    return sim_between(world->sim, SIM_CHANCE_STEPS, min, max);
}

void sim_host_name(size_t index, char out[SIM_HOST_NAME_SIZE])
{
    (void)snprintf(out, SIM_HOST_NAME_SIZE, "h%02u", (unsigned)(index + 1) % 1000);
}

void sim_cluster_name(size_t index, char out[SIM_CLUSTER_NAME_SIZE])
{
    (void)snprintf(out, SIM_CLUSTER_NAME_SIZE, "c%u", (unsigned)(index + 1) % 1000);
}

static uint64_t now_ms(const struct sim_world *world)
{
    return SIM_EPOCH_MS + sim_now_ms(world->sim);
}

/* What that many hosts hold of one cluster, with room for successors. */
static uint64_t room_on(const struct sim_world *world, size_t hosts)
{
    uint64_t room = HOST_ROOM * hosts / world->clusters_count;

    return room == 0 ? 1 : room;
}

static uint32_t draw_nodes(struct sim_world *world)
{
    uint64_t max =
        sim_chance(world->sim, SIM_CHANCE_STEPS, MANY_PER_MILLE) ? MANY_NODES_MAX : FEW_NODES_MAX;
    uint64_t room = room_on(world, world->hosts_count);

    return (uint32_t)draw(world, 1, max < room ? max : room);
}

/* ---- Records ---- */

static void key_of(const char *cluster, char out[KEY_TEXT_SIZE])
{
    struct key key = { .kind = KEY_SPEC };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    key_format(SIM_PREFIX, &key, out);
}

/* Whether there is a spec; its texts live in the act's arena. */
static bool read_record(struct sim_operator *people, const char *cluster, struct spec_record *out)
{
    const struct sim_entry *entry;
    char key[KEY_TEXT_SIZE];
    struct err err;

    key_of(cluster, key);
    entry = sim_store_get(sim_etcd_store(sim_etcd(people->world->sim)), key);
    return entry != NULL && 0 <= json_decode_spec_record(entry->value, entry->value_bytes,
                                                         &people->arena, out, &err);
}

static void put(struct sim_world *world, const char *key, const struct str *json)
{
    struct etcd_op op = {
        .kind = ETCD_PUT, .key = key, .value = str_text(json), .value_bytes = json->size
    };
    struct etcd_txn txn = { .ops = &op, .ops_count = 1 };

    sim_trace(world->sim, "the operator puts %s %s", key, str_text(json));
    (void)sim_etcd_write(sim_etcd(world->sim), &txn);
}

static void write_record(struct sim_operator *people, const struct spec_record *record)
{
    CLEANUP(str_deinit) struct str json;
    char key[KEY_TEXT_SIZE];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    key_of(record->spec.name, key);
    CHECK(spec_check(&record->spec, &err) == 0);
    CHECK(json_encode_spec_record(record, &json, &err) == 0);
    put(people->world, key, &json);
}

static void changed(struct sim_operator *people, struct spec_record *record)
{
    record->generation++;
    record->changed_ms = now_ms(people->world);
    write_record(people, record);
}

/* ---- What may be wanted ---- */

static void draw_settings(struct sim_world *world, struct spec *spec)
{
    spec->settings.memory_bytes = MEMORY_BYTES;
    spec->settings.threads = (uint32_t)draw(world, 1, 4);
}

static void draw_rollout(struct sim_world *world, struct spec *spec)
{
    spec->unavailable_max = (uint32_t)draw(world, 0, 2);
    spec->surge_max = (uint32_t)draw(world, spec->unavailable_max == 0 ? 1 : 0, 2);
    spec->drain_ms = draw(world, 0, DRAIN_MS_MAX);
    spec->drain_ends = (enum spec_drain_ends)(spec->drain_ms % (SPEC_DRAIN_TIME + 1));
    /* Long enough for clients to ask again. */
    spec->drain_ms *= spec->drain_ends == SPEC_DRAIN_EVIDENCE ? EVIDENCE_FACTOR : 1;
    spec->converge_timeout_ms = draw(world, SPEC_TIMEOUT_MS_MIN, TIMEOUT_MS_MAX);
    spec->fail_after_ms = draw(world, SPEC_TIMEOUT_MS_MIN, TIMEOUT_MS_MAX);
    spec->progress_deadline_ms = DEADLINE_MS;
}

static void draw_membership(struct sim_world *world, struct spec *spec)
{
    bool joinable =
        world->joiners_count != 0 && sim_chance(world->sim, SIM_CHANCE_STEPS, JOINABLE_PER_MILLE);

    spec->membership = joinable ? SPEC_MEMBERSHIP_JOINABLE : SPEC_MEMBERSHIP_MANAGED;
    if (joinable && sim_chance(world->sim, SIM_CHANCE_STEPS, JOINED_PER_MILLE)) {
        spec->membership = SPEC_MEMBERSHIP_JOINED;
    }
    spec->nodes_max = joinable ? spec->nodes + (uint32_t)draw(world, 0, SIM_JOINERS_MAX) : 0;
}

static void draw_hosts(struct sim_operator *people, struct spec *spec)
{
    struct sim_world *world = people->world;
    size_t count = (size_t)draw(world, 1, world->hosts_count);
    size_t first = (size_t)draw(world, 0, world->hosts_count - count);
    const char **hosts = arena_calloc(&people->arena, count, sizeof(const char *));
    size_t i;

    spec->hosts = NULL;
    spec->hosts_count = 0;
    if (!sim_chance(world->sim, SIM_CHANCE_STEPS, FOREIGN_PER_MILLE) ||
        room_on(world, count) < spec->nodes) {
        return;
    }
    CHECK(hosts != NULL);
    for (i = 0; i < count; i++) {
        char name[SIM_HOST_NAME_SIZE];

        sim_host_name(first + i, name);
        hosts[i] = arena_strdup(&people->arena, name);
    }
    spec->hosts = hosts;
    spec->hosts_count = count;
}

static void apply_new(struct sim_operator *people, const char *cluster)
{
    struct sim_world *world = people->world;
    struct spec_record record = { .generation = 1 };

    spec_init(&record.spec);
    record.spec.name = cluster;
    record.spec.nodes = draw_nodes(world);
    draw_settings(world, &record.spec);
    draw_rollout(world, &record.spec);
    draw_membership(world, &record.spec);
    draw_hosts(people, &record.spec);
    record.uid = arena_printf(&people->arena, "%016llx",
                              (unsigned long long)sim_random(world->sim, SIM_CHANCE_STEPS));
    record.created_ms = now_ms(world);
    record.changed_ms = record.created_ms;
    write_record(people, &record);
}

/* ---- Acts ---- */

static struct sim_operator *begin(struct sim_world *world)
{
    arena_clear(&world->people->arena);
    return world->people;
}

/* Some cluster's record; false: it has none, or is being deleted. */
static bool draw_record(struct sim_world *world, struct spec_record *out)
{
    char cluster[SIM_CLUSTER_NAME_SIZE];

    sim_cluster_name((size_t)draw(world, 0, world->clusters_count - 1), cluster);
    return read_record(begin(world), cluster, out) && !out->deleting;
}

static void act_apply(struct sim_world *world)
{
    struct sim_operator *people = begin(world);
    char cluster[SIM_CLUSTER_NAME_SIZE];
    struct spec_record record;
    size_t i;

    for (i = 0; i < world->clusters_count; i++) {
        sim_cluster_name(i, cluster);
        if (!read_record(people, cluster, &record)) {
            apply_new(people, cluster);
            return;
        }
    }
}

static void act_scale(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        record.spec.nodes = draw_nodes(world);
        if (spec_is_open(&record.spec) && record.spec.nodes_max < record.spec.nodes) {
            record.spec.nodes_max = record.spec.nodes;
        }
        record.spec.hosts = NULL;
        record.spec.hosts_count = 0;
        changed(world->people, &record);
    }
}

static void act_settings(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        draw_settings(world, &record.spec);
        changed(world->people, &record);
    }
}

static void act_restart(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        record.spec.settings.restart_ms = now_ms(world);
        changed(world->people, &record);
    }
}

static void act_rollout(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        draw_rollout(world, &record.spec);
        changed(world->people, &record);
    }
}

static void act_membership(struct sim_world *world)
{
    struct spec_record record;

    if (world->joiners_count != 0 && draw_record(world, &record)) {
        draw_membership(world, &record.spec);
        changed(world->people, &record);
    }
}

static void act_place(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        draw_hosts(world->people, &record.spec);
        changed(world->people, &record);
    }
}

static void act_pause(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        record.paused = !record.paused;
        write_record(world->people, &record);
    }
}

static void act_delete(struct sim_world *world)
{
    struct spec_record record;

    if (draw_record(world, &record)) {
        record.deleting = true;
        changed(world->people, &record);
    }
}

static void cordon_key(size_t host, char out[KEY_TEXT_SIZE])
{
    struct key key = { .kind = KEY_CORDON };
    char name[SIM_HOST_NAME_SIZE];

    sim_host_name(host, name);
    (void)snprintf(key.host, sizeof(key.host), "%s", name);
    key_format(SIM_PREFIX, &key, out);
}

static void act_cordon(struct sim_world *world)
{
    CLEANUP(str_deinit) struct str json;
    size_t host = (size_t)draw(world, 0, world->hosts_count - 1);
    char name[SIM_HOST_NAME_SIZE];
    struct cordon cordon = { .host = name, .reason = "", .since_ms = now_ms(world) };
    char key[KEY_TEXT_SIZE];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    sim_host_name(host, name);
    cordon.drain = draw(world, 0, 1) == 1;
    cordon_key(host, key);
    CHECK(json_encode_cordon(&cordon, &json, &err) == 0);
    put(world, key, &json);
}

static void uncordon(struct sim_world *world, size_t host)
{
    char key[KEY_TEXT_SIZE];
    struct etcd_op op = { .kind = ETCD_DELETE, .key = key };
    struct etcd_txn txn = { .ops = &op, .ops_count = 1 };

    cordon_key(host, key);
    if (sim_store_get(sim_etcd_store(sim_etcd(world->sim)), key) != NULL) {
        sim_trace(world->sim, "the operator deletes %s", key);
        (void)sim_etcd_write(sim_etcd(world->sim), &txn);
    }
}

static void act_uncordon(struct sim_world *world)
{
    uncordon(world, (size_t)draw(world, 0, world->hosts_count - 1));
}

const struct sim_act *sim_operator_acts(size_t *count)
{
    static const struct sim_act acts[] = {
        { "apply", SIM_FAULT_COUNT, 60, act_apply },
        { "scale", SIM_FAULT_COUNT, 100, act_scale },
        { "settings", SIM_FAULT_COUNT, 60, act_settings },
        { "restart", SIM_FAULT_COUNT, 15, act_restart },
        { "rollout", SIM_FAULT_COUNT, 20, act_rollout },
        { "place", SIM_FAULT_COUNT, 20, act_place },
        { "membership", SIM_FAULT_COUNT, 15, act_membership },
        { "pause", SIM_FAULT_COUNT, 15, act_pause },
        { "delete", SIM_FAULT_COUNT, 15, act_delete },
        { "cordon", SIM_FAULT_COUNT, 30, act_cordon },
        { "uncordon", SIM_FAULT_COUNT, 30, act_uncordon },
    };

    *count = ARRAY_COUNT(acts);
    return acts;
}

/* ---- Life ---- */

void sim_operator_begin(struct sim_operator *people)
{
    size_t i;

    for (i = 0; i < people->world->clusters_count; i++) {
        act_apply(people->world);
    }
}

/* Whether there is anything below the cluster. */
static bool has_keys(const struct sim_world *world, const char *cluster)
{
    const struct sim_store *store = sim_etcd_store(sim_etcd(world->sim));
    char prefix[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(prefix, sizeof(prefix), SIM_PREFIX "/clusters/%s/", cluster);
    i = sim_store_seek(store, prefix);
    return i < store->keys.count && strncmp(store->keys.list[i]->key, prefix, strlen(prefix)) == 0;
}

static void heal_cluster(struct sim_operator *people, const char *cluster)
{
    struct spec_record record;

    if (!read_record(people, cluster, &record) || record.deleting) {
        return;
    }
    record.paused = false;
    record.resumed_ms = now_ms(people->world);
    if (record.spec.unavailable_max == 0 &&
        (people->world->hosts_count == 1 || record.spec.hosts_count == 1)) {
        record.spec.unavailable_max = 1; /* a successor needs another host */
        changed(people, &record);
        return;
    }
    write_record(people, &record);
}

void sim_operator_find_lost(struct sim_operator *people)
{
    struct sim_world *world = begin(people->world)->world;
    char cluster[SIM_CLUSTER_NAME_SIZE];
    struct spec_record record;
    size_t i;

    for (i = 0; i < world->clusters_count; i++) {
        sim_cluster_name(i, cluster);
        if (!read_record(people, cluster, &record) && has_keys(world, cluster)) {
            apply_new(people, cluster);
        }
    }
}

void sim_operator_heal(struct sim_operator *people)
{
    struct sim_world *world = begin(people->world)->world;
    char cluster[SIM_CLUSTER_NAME_SIZE];
    size_t i;

    for (i = 0; i < world->hosts_count; i++) {
        uncordon(world, i);
    }
    for (i = 0; i < world->clusters_count; i++) {
        sim_cluster_name(i, cluster);
        heal_cluster(people, cluster);
    }
}

struct sim_operator *sim_operator_new(struct sim_world *world)
{
    struct sim_operator *people = mem_alloc(sizeof(*people));

    CHECK(people != NULL);
    people->world = world;
    arena_init(&people->arena, 1U << 24);
    return people;
}

void sim_operator_free(struct sim_operator *people)
{
    if (people != NULL) {
        arena_deinit(&people->arena);
        free(people);
    }
}
