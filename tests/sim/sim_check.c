#include "sim/sim_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_check_state.h"

/* ---- What was there before the commit that is looked at ---- */

static size_t lower_bound(const struct sim_entries *entries, const char *key)
{
    size_t low = 0;
    size_t high = entries->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(entries->list[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct sim_entry *sim_check_before(const struct sim_check *check, const char *key)
{
    size_t i = lower_bound(&check->before, key);

    return i < check->before.count && strcmp(check->before.list[i]->key, key) == 0
               ? check->before.list[i]
               : NULL;
}

static void forget(struct sim_check *check)
{
    size_t i;

    for (i = 0; i < check->before.count; i++) {
        sim_entry_unref(check->before.list[i]);
    }
    check->before.count = 0;
}

static void remember(struct sim_check *check, struct sim_entry *entry)
{
    struct sim_entries *before = &check->before;
    size_t i = lower_bound(before, entry->key);
    bool there = i < before->count && strcmp(before->list[i]->key, entry->key) == 0;

    if (there) {
        sim_entry_unref(before->list[i]);
        if (entry->deleted) {
            before->count--;
            memmove(before->list + i, before->list + i + 1,
                    (before->count - i) * sizeof(struct sim_entry *));
            return;
        }
    } else if (entry->deleted) {
        return;
    } else {
        if (before->count == before->capacity) {
            size_t capacity = 2 * before->capacity + 64;
            struct sim_entry **grown =
                mem_realloc(before->list, capacity * sizeof(struct sim_entry *));

            CHECK(grown != NULL);
            before->list = grown;
            before->capacity = capacity;
        }
        memmove(before->list + i + 1, before->list + i,
                (before->count - i) * sizeof(struct sim_entry *));
        before->count++;
    }
    before->list[i] = sim_entry_ref(entry);
}

void sim_check_restored(struct sim_check *check)
{
    const struct sim_entries *keys = &sim_etcd_store(sim_etcd(check->world->sim))->keys;
    size_t i;

    forget(check);
    sim_check_orders_restored(check);
    for (i = 0; i < keys->count; i++) {
        remember(check, keys->list[i]);
    }
    for (i = 0; i < check->clusters_count; i++) {
        check->clusters[i].restored = true;
    }
}

/* ---- P3: contents ---- */

struct cluster_check *sim_check_cluster(struct sim_check *check, const char *name)
{
    struct cluster_check *cluster;
    size_t i;

    for (i = 0; i < check->clusters_count; i++) {
        if (strcmp(check->clusters[i].name, name) == 0) {
            return &check->clusters[i];
        }
    }
    CHECK(check->clusters_count < ARRAY_COUNT(check->clusters));
    cluster = &check->clusters[check->clusters_count++];
    (void)snprintf(cluster->name, sizeof(cluster->name), "%s", name);
    cluster->forked_from = UINT32_MAX;
    cluster->restored = check->world->restored;
    return cluster;
}

uint64_t *sim_check_known(struct cluster_check *cluster, uint32_t version)
{
    if (cluster->versions_capacity <= version) {
        size_t capacity = 2 * (size_t)version + 64;
        uint64_t *grown = mem_realloc(cluster->versions, capacity * sizeof(uint64_t));

        CHECK(grown != NULL);
        memset(grown + cluster->versions_capacity, 0,
               (capacity - cluster->versions_capacity) * sizeof(uint64_t));
        cluster->versions = grown;
        cluster->versions_capacity = capacity;
    }
    return &cluster->versions[version];
}

void sim_check_content(struct sim_check *check, const char *cluster_name, uint32_t version,
                       const char *payload, size_t payload_bytes, const char *where)
{
    struct cluster_check *cluster = sim_check_cluster(check, cluster_name);
    uint64_t content = sim_hash(payload, payload_bytes);
    uint64_t *known;

    if (version == 0 || SIM_VERSIONS_MAX <= version) {
        sim_broken(check->world->sim, "P3", "version %u of %s, seen at %s", version, cluster_name,
                   where);
        return;
    }
    known = sim_check_known(cluster, version);
    if (*known != 0 && *known != content && version < cluster->forked_from) {
        sim_broken(check->world->sim, "P3", "version %u of %s has two contents, seen at %s",
                   version, cluster_name, where);
    }
    if (*known == 0) {
        *known = content;
    }
}

/* ---- Commits ---- */

static void on_commit(void *ctx, const struct sim_commit *commit)
{
    struct sim_check *check = ctx;
    size_t i;

    arena_clear(&check->arena);
    sim_check_fence(check, commit);
    sim_check_orders(check, commit);
    for (i = 0; i < commit->count; i++) {
        if (commit->writer != NULL) { /* what somebody else writes there promises nothing */
            sim_check_entry(check, commit->entries[i]);
        }
    }
    for (i = 0; i < commit->count; i++) {
        remember(check, commit->entries[i]);
    }
}

/* ---- Life ---- */

struct sim_check *sim_check_new(struct sim_world *world)
{
    struct sim_check *check = mem_alloc(sizeof(*check));

    CHECK(check != NULL);
    check->world = world;
    arena_init(&check->arena, 1U << 26);
    str_init(&check->unrest, 4096);
    sim_etcd_observe(sim_etcd(world->sim), on_commit, check);
    return check;
}

void sim_check_free(struct sim_check *check)
{
    size_t i;

    if (check == NULL) {
        return;
    }
    forget(check);
    free(check->before.list);
    for (i = 0; i < check->clusters_count; i++) {
        free(check->clusters[i].versions);
    }
    free(check->leaders);
    free(check->uses);
    arena_deinit(&check->arena);
    str_deinit(&check->unrest);
    free(check);
}
