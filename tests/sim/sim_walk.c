#include "sim/sim_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"
#include "sim/sim_edges.h"
#include "sim/sim_end.h"
#include "sim/sim_hand.h"
#include "sim/sim_nodes.h"
#include "sim/sim_operator.h"
#include "store/keys.h"

#define CLUSTER "c1"
#define SPEC_KEY "clusters/" CLUSTER "/spec"
#define BESIDE "c2" /* the cluster that nobody touches */
#define BESIDE_NODES 2
#define ARENA_BYTES (64U << 20)
#define SETTLE_MS 5000
#define HOSTS_MIN 2
#define HOSTS_MAX 5
#define NODES_MAX 6
#define FIELDS_AT_ONCE_MAX 3
#define DRAIN_MS_MAX 8000
#define TIMEOUT_MS_MAX 12000
#define DEADLINE_MS 60000
#define AT_ONCE_MS_MAX 300
#define SOON_MS_MAX 15000
#define LATE_MS 60000
#define AT_ONCE_PER_MILLE 300
#define LATE_PER_MILLE 200
#define ENDS_DELETED_PER_MILLE 100
#define GENERATIONS_KEPT 20
#define KEY_SIZE 64

struct walk {
    struct sim *sim;
    struct sim_world world;
    struct arena arena;        /* of all specs of the walk */
    struct spec_record record; /* the last one that is valid */
    struct spec former;        /* the one before */
    bool exists;               /* it was applied, and not deleted since */
    bool spoiled;              /* its key can't be read */
    bool drained;              /* a host was, so that nodes of the other cluster moved */
    uint32_t version_max;      /* that was ever committed */
};

static uint64_t draw(struct walk *walk, uint64_t min, uint64_t max)
{
    return sim_between(walk->sim, SIM_CHANCE_STEPS, min, max);
}

/* ---- The world ---- */

static void on_commit(void *ctx, const struct sim_commit *commit)
{
    struct walk *walk = ctx;
    struct key key;
    struct config config;
    size_t i;

    for (i = 0; i < commit->count; i++) {
        const struct sim_entry *entry = commit->entries[i];

        if (entry->deleted || !key_parse(SIM_PREFIX, entry->key, &key) || key.kind != KEY_CONFIG ||
            strcmp(key.cluster, CLUSTER) != 0 ||
            !sim_read_config(walk->world.check, CLUSTER, &config)) {
            continue;
        }
        if (config.head.version <= walk->version_max) {
            sim_broken(walk->sim, "P3", "version %u is committed after version %u",
                       config.head.version, walk->version_max);
        }
        walk->version_max = config.head.version;
    }
}

static void apply_beside(struct walk *walk)
{
    struct spec_record record;

    sim_hand_new(walk->sim, BESIDE, &walk->arena, &record);
    record.spec.nodes = BESIDE_NODES;
    record.spec.drain_ms = 0;
    sim_hand_apply(walk->sim, &record);
}

/* The same seed gives the same hosts. */
static void begin(struct walk *walk, const struct sim_options *options)
{
    struct sim_world *world = &walk->world;

    *walk = (struct walk){ .sim = sim_new(options) };
    arena_init(&walk->arena, ARENA_BYTES);
    world->sim = walk->sim;
    world->controllers_count = (size_t)sim_between(walk->sim, SIM_CHANCE_WORLD, 1, 2);
    world->hosts_count = (size_t)sim_between(walk->sim, SIM_CHANCE_WORLD, HOSTS_MIN, HOSTS_MAX);
    world->clusters_count = 2;
    world->plan.zones = (unsigned)sim_between(walk->sim, SIM_CHANCE_WORLD, 1, 3);
    world->plan.one_address = sim_chance(walk->sim, SIM_CHANCE_WORLD, 250);
    world->plan.beside = sim_chance(walk->sim, SIM_CHANCE_WORLD, 150);
    sim_world_begin(world);
    sim_etcd_observe(sim_etcd(walk->sim), on_commit, walk);
    sim_world_pass(world, SETTLE_MS);
    apply_beside(walk);
    sim_world_pass(world, SETTLE_MS);
}

static void end(struct walk *walk)
{
    sim_world_end(&walk->world);
    arena_deinit(&walk->arena);
    sim_free(walk->sim);
}

/* ---- What may be wanted ---- */

static void draw_hosts(struct walk *walk, struct spec *spec)
{
    size_t max = walk->world.hosts_count;
    size_t count = (size_t)draw(walk, 0, max);
    size_t first = (size_t)draw(walk, 0, max - count);
    const char **hosts = arena_calloc(&walk->arena, max, sizeof(char *));
    size_t i;

    CHECK(hosts != NULL);
    for (i = 0; i < count; i++) {
        char name[SIM_HOST_NAME_SIZE];

        sim_host_name(first + i, name);
        hosts[i] = arena_strdup(&walk->arena, name);
        CHECK(hosts[i] != NULL);
    }
    spec->hosts = hosts;
    spec->hosts_count = count;
}

static void draw_field(struct walk *walk, struct spec *spec)
{
    static const char *const domains[] = { "", "cache.test", "other.test" };

    switch (draw(walk, 0, 8)) {
    case 0:
    case 1:
        spec->nodes = (uint32_t)draw(walk, 1, NODES_MAX);
        break;
    case 2:
        spec->settings.threads = (uint32_t)draw(walk, 1, 4);
        break;
    case 3:
        spec->settings.memory_bytes = draw(walk, 1, 3) << 26;
        break;
    case 4:
        spec->unavailable_max = (uint32_t)draw(walk, 0, 2);
        spec->surge_max = (uint32_t)draw(walk, 0, 2);
        break;
    case 5:
        spec->drain_ms = draw(walk, 0, DRAIN_MS_MAX);
        spec->drain_ends = (enum spec_drain_ends)(spec->drain_ms % (SPEC_DRAIN_TIME + 1));
        spec->converge_timeout_ms = draw(walk, SPEC_TIMEOUT_MS_MIN, TIMEOUT_MS_MAX);
        break;
    case 6:
        draw_hosts(walk, spec);
        break;
    case 7:
        spec->domain = domains[draw(walk, 0, ARRAY_COUNT(domains) - 1)];
        break;
    default:
        spec->spread_by = draw(walk, 0, 1) == 0 ? SPEC_SPREAD_ZONE : SPEC_SPREAD_HOST;
        break;
    }
}

/* Where no node may be taken down, a successor needs another host. */
static void make_possible(const struct walk *walk, struct spec *spec)
{
    size_t hosts = spec->hosts_count == 0 ? walk->world.hosts_count : spec->hosts_count;

    if (hosts < 2 && spec->unavailable_max == 0) {
        spec->unavailable_max = 1;
    }
    if (spec->unavailable_max == 0 && spec->surge_max == 0) {
        spec->surge_max = 1;
    }
}

static void draw_spec(struct walk *walk, struct spec *spec)
{
    uint64_t fields = draw(walk, 1, FIELDS_AT_ONCE_MAX);
    struct err err;

    for (; 0 < fields; fields--) {
        draw_field(walk, spec);
    }
    make_possible(walk, spec);
    CHECK(spec_check(spec, &err) == 0);
}

/* ---- Steps ---- */

/* Also what repairs a key that can't be read. */
static void apply(struct walk *walk, const struct spec *spec)
{
    walk->former = walk->record.spec;
    walk->record.spec = *spec;
    sim_hand_apply(walk->sim, &walk->record);
    walk->exists = true;
    walk->spoiled = false;
}

/* Once nothing is left of the former one. */
static void apply_first(struct walk *walk)
{
    struct spec spec;

    if (sim_store_get(sim_etcd_store(sim_etcd(walk->sim)), SIM_PREFIX "/" SPEC_KEY) != NULL) {
        return;
    }
    sim_hand_new(walk->sim, CLUSTER, &walk->arena, &walk->record);
    spec = walk->record.spec;
    spec.nodes = (uint32_t)draw(walk, 1, NODES_MAX);
    spec.progress_deadline_ms = DEADLINE_MS;
    spec.drain_ms = draw(walk, 0, DRAIN_MS_MAX);
    draw_spec(walk, &spec);
    apply(walk, &spec);
    walk->former = spec;
}

static void change(struct walk *walk)
{
    struct spec spec = walk->record.spec;

    draw_spec(walk, &spec);
    apply(walk, &spec);
}

static void take_back(struct walk *walk)
{
    struct spec former = walk->former;

    apply(walk, &former);
}

static void restart(struct walk *walk)
{
    struct spec spec = walk->record.spec;

    spec.settings.restart_ms = SIM_EPOCH_MS + sim_now_ms(walk->sim);
    apply(walk, &spec);
}

static void write_garbage(struct walk *walk)
{
    sim_hand_put(walk->sim, SPEC_KEY, "{\"spec\":");
    walk->spoiled = true;
}

/* It is JSON, and no spec that may be: the record with no nodes. */
static void write_refused(struct walk *walk)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str wrong;
    const char *at;
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    str_init(&wrong, JSON_VALUE_BYTES_MAX);
    CHECK(json_encode_spec_record(&walk->record, &json, &err) == 0);
    at = strstr(str_text(&json), "\"nodes\":");
    CHECK(at != NULL);
    at += strlen("\"nodes\":");
    str_append(&wrong, str_text(&json), (size_t)(at - str_text(&json)));
    str_append_char(&wrong, '0');
    str_append_text(&wrong, at + strspn(at, "0123456789"));
    sim_hand_put(walk->sim, SPEC_KEY, str_text(&wrong));
    walk->spoiled = true;
}

static void pause_or_resume(struct walk *walk)
{
    walk->record.paused = !walk->record.paused;
    walk->record.resumed_ms =
        walk->record.paused ? walk->record.resumed_ms : SIM_EPOCH_MS + sim_now_ms(walk->sim);
    sim_hand_write(walk->sim, &walk->record);
    walk->spoiled = false;
}

static void cordon(struct walk *walk)
{
    char host[SIM_HOST_NAME_SIZE];
    bool drain = draw(walk, 0, 1) == 1;

    sim_host_name((size_t)draw(walk, 0, walk->world.hosts_count - 1), host);
    walk->drained = walk->drained || drain;
    sim_hand_cordon(walk->sim, host, drain);
}

static void uncordon_all(struct walk *walk)
{
    char host[SIM_HOST_NAME_SIZE];
    size_t i;

    for (i = 0; i < walk->world.hosts_count; i++) {
        sim_host_name(i, host);
        sim_hand_uncordon(walk->sim, host);
    }
}

static void delete_it(struct walk *walk)
{
    sim_hand_delete(walk->sim, &walk->record);
    walk->exists = false;
    walk->spoiled = false;
}

static const struct {
    const char *name;
    unsigned weight;
    void (*run)(struct walk *walk);
} acts[] = {
    { "change", 50, change },        { "take back", 15, take_back },
    { "restart", 6, restart },       { "garbage", 6, write_garbage },
    { "refused", 6, write_refused }, { "pause or resume", 8, pause_or_resume },
    { "cordon", 8, cordon },         { "uncordon", 8, uncordon_all },
    { "delete", 6, delete_it },
};

static void act(struct walk *walk)
{
    uint64_t sum = 0;
    uint64_t drawn;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(acts); i++) {
        sum += acts[i].weight;
    }
    drawn = draw(walk, 0, sum - 1);
    for (i = 0; acts[i].weight <= drawn; i++) {
        drawn -= acts[i].weight;
    }
    sim_trace(walk->sim, "---- %s ----", acts[i].name);
    acts[i].run(walk);
}

static void step(struct walk *walk)
{
    uint64_t chance = draw(walk, 0, 999);

    if (walk->exists) {
        act(walk);
    } else {
        apply_first(walk);
    }
    sim_world_pass(&walk->world, chance < AT_ONCE_PER_MILLE ? draw(walk, 0, AT_ONCE_MS_MAX)
                                 : chance < AT_ONCE_PER_MILLE + LATE_PER_MILLE
                                     ? LATE_MS
                                     : draw(walk, 0, SOON_MS_MAX));
}

/* ---- The end ---- */

static void rest(struct walk *walk)
{
    const char *unrest = sim_world_rest(&walk->world, true);

    if (unrest[0] != '\0') {
        sim_broken(walk->sim, "P2", "%s", unrest);
    }
}

/* Whatever holds a cluster up is cleared away; a deleted one may come back. */
static void heal(struct walk *walk)
{
    bool ends_deleted = draw(walk, 0, 999) < ENDS_DELETED_PER_MILLE;

    sim_trace(walk->sim, "---- the end ----");
    sim_heal(walk->sim);
    sim_etcd_heal(sim_etcd(walk->sim));
    uncordon_all(walk);
    if (walk->exists) {
        walk->record.paused = false;
        walk->record.resumed_ms = SIM_EPOCH_MS + sim_now_ms(walk->sim);
        sim_hand_write(walk->sim, &walk->record);
        rest(walk);
    } else {
        rest(walk);
        if (!ends_deleted && !sim_world_is_broken(&walk->world)) {
            apply_first(walk);
            rest(walk);
        }
    }
}

struct look {
    struct walk *walk;
    size_t generations;
};

static void check_place(void *ctx, const struct sim_node *node)
{
    const struct look *look = ctx;
    const struct spec *spec = &look->walk->record.spec;
    bool allowed = spec->hosts_count == 0;
    size_t i;

    for (i = 0; i < spec->hosts_count; i++) {
        allowed = allowed || strcmp(spec->hosts[i], node->host) == 0;
    }
    if (strcmp(node->cluster, CLUSTER) == 0 && !allowed) {
        sim_broken(look->walk->sim, "walk", "slot %u runs on %s, where it may not", node->slot,
                   node->host);
    }
}

static void check_end(struct walk *walk)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(walk->sim))->keys;
    struct look look = { .walk = walk };
    uint32_t starts;
    uint32_t ends;
    size_t i;

    sim_nodes_each(walk->world.nodes, check_place, &look);
    for (i = 0; i < keys->count; i++) {
        look.generations += strstr(keys->list[i]->key, "/" CLUSTER "/generations/") != NULL ? 1 : 0;
    }
    if (look.generations != 0 && (GENERATIONS_KEPT < look.generations || !walk->exists)) {
        sim_broken(walk->sim, "walk", "%zu generations are kept", look.generations);
    }
    sim_nodes_counts(walk->world.nodes, BESIDE, &starts, &ends);
    if (!walk->drained && sim_options(walk->sim)->faults == 0 &&
        (starts != BESIDE_NODES || ends != 0)) {
        sim_broken(walk->sim, "walk", "the other cluster was started %u times, ended %u times",
                   starts, ends);
    }
}

/* The same spec in a world without a past. */
static void deploy(const struct sim_options *options, const struct walk *walked, struct str *why,
                   struct str *out)
{
    struct walk walk;

    begin(&walk, options);
    if (walked->exists) {
        sim_hand_new(walk.sim, CLUSTER, &walk.arena, &walk.record);
        walk.record.spec = walked->record.spec;
        sim_hand_apply(walk.sim, &walk.record);
    }
    rest(&walk);
    str_append_text(why, sim_broken_text(walk.sim));
    sim_end_describe_state(&walk.world, out);
    end(&walk);
}

/* `out` is how it ends. */
static void walk_on(struct walk *walk, struct str *why, struct str *out)
{
    uint32_t i;

    for (i = 0; i < sim_options(walk->sim)->steps && !sim_world_is_broken(&walk->world); i++) {
        step(walk);
    }
    if (!sim_world_is_broken(&walk->world)) {
        heal(walk);
    }
    if (!sim_world_is_broken(&walk->world)) {
        check_end(walk);
        sim_end_describe_state(&walk->world, out);
    }
    str_append_text(why, sim_broken_text(walk->sim));
}

bool sim_walk(const struct sim_options *options, struct str *why)
{
    CLEANUP(str_deinit) struct str found;
    CLEANUP(str_deinit) struct str wanted;
    struct sim_options quiet = *options;
    struct walk walk;

    str_init(&found, SIM_END_BYTES_MAX);
    str_init(&wanted, SIM_END_BYTES_MAX);
    begin(&walk, options);
    walk_on(&walk, why, &found);
    sim_world_end(&walk.world);
    sim_free(walk.sim);
    if (why->size == 0) {
        quiet.faults = 0;
        quiet.tracing = false;
        deploy(&quiet, &walk, why, &wanted);
        sim_end_compare(str_text(&wanted), str_text(&found), why);
    }
    arena_deinit(&walk.arena);
    return why->size == 0;
}
