#include "sim/sim_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define ENTRIES_FIRST 64

/* ---- Entries ---- */

static struct sim_entry *entry_new(const char *key, const char *value, size_t value_bytes)
{
    size_t key_size = strlen(key) + 1;
    struct sim_entry *entry = mem_alloc(sizeof(*entry) + key_size + value_bytes + 1);

    CHECK(entry != NULL);
    memcpy(entry->texts, key, key_size);
    if (0 < value_bytes) {
        memcpy(entry->texts + key_size, value, value_bytes);
    }
    entry->refs = 1;
    entry->key = entry->texts;
    entry->value = entry->texts + key_size;
    entry->value_bytes = value_bytes;
    return entry;
}

struct sim_entry *sim_entry_ref(struct sim_entry *entry)
{
    entry->refs++;
    return entry;
}

void sim_entry_unref(struct sim_entry *entry)
{
    if (--entry->refs == 0) {
        free(entry);
    }
}

struct etcd_kv sim_entry_kv(const struct sim_entry *entry)
{
    return (struct etcd_kv){ .key = entry->key,
                             .value = entry->value,
                             .value_bytes = entry->value_bytes,
                             .create_revision = entry->create_revision,
                             .mod_revision = entry->mod_revision,
                             .lease = entry->lease };
}

/* ---- Lists ---- */

static void insert(struct sim_entries *entries, size_t i, struct sim_entry *entry)
{
    if (entries->count == entries->capacity) {
        size_t capacity = entries->capacity == 0 ? ENTRIES_FIRST : 2 * entries->capacity;
        struct sim_entry **grown =
            mem_realloc(entries->list, capacity * sizeof(struct sim_entry *));

        CHECK(grown != NULL);
        entries->list = grown;
        entries->capacity = capacity;
    }
    if (i < entries->count) {
        memmove(entries->list + i + 1, entries->list + i,
                (entries->count - i) * sizeof(struct sim_entry *));
    }
    entries->list[i] = entry;
    entries->count++;
}

static void remove_at(struct sim_entries *entries, size_t i)
{
    sim_entry_unref(entries->list[i]);
    entries->count--;
    memmove(entries->list + i, entries->list + i + 1,
            (entries->count - i) * sizeof(struct sim_entry *));
}

static void clear(struct sim_entries *entries)
{
    size_t i;

    for (i = 0; i < entries->count; i++) {
        sim_entry_unref(entries->list[i]);
    }
    free(entries->list);
    *entries = (struct sim_entries){ .list = NULL };
}

void sim_store_init(struct sim_store *store)
{
    *store = (struct sim_store){ .revision = 1 };
}

void sim_store_deinit(struct sim_store *store)
{
    clear(&store->keys);
    clear(&store->history);
}

void sim_store_copy(const struct sim_store *from, struct sim_store *to)
{
    size_t i;

    *to = (struct sim_store){ .revision = from->revision, .compacted = from->revision };
    for (i = 0; i < from->keys.count; i++) {
        insert(&to->keys, i, sim_entry_ref(from->keys.list[i]));
    }
}

/* ---- Looking ---- */

size_t sim_store_seek(const struct sim_store *store, const char *key)
{
    size_t low = 0;
    size_t high = store->keys.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(store->keys.list[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const struct sim_store *store, size_t i, const char *key)
{
    return i < store->keys.count && strcmp(store->keys.list[i]->key, key) == 0;
}

const struct sim_entry *sim_store_get(const struct sim_store *store, const char *key)
{
    size_t i = sim_store_seek(store, key);

    return holds(store, i, key) ? store->keys.list[i] : NULL;
}

void sim_store_copy_at(const struct sim_store *from, uint64_t revision, struct sim_store *to)
{
    size_t i;

    CHECK(from->compacted == 0);
    *to = (struct sim_store){ .revision = revision };
    for (i = 0; i < from->history.count && from->history.list[i]->mod_revision <= revision; i++) {
        struct sim_entry *entry = from->history.list[i];
        size_t at = sim_store_seek(to, entry->key);

        if (holds(to, at, entry->key)) {
            remove_at(&to->keys, at);
        }
        if (!entry->deleted) {
            insert(&to->keys, at, sim_entry_ref(entry));
        }
    }
}

size_t sim_store_since(const struct sim_store *store, uint64_t revision)
{
    size_t i = store->history.count;

    while (0 < i && revision <= store->history.list[i - 1]->mod_revision) {
        i--;
    }
    return i;
}

void sim_store_compact(struct sim_store *store, uint64_t revision)
{
    size_t gone = sim_store_since(store, revision + 1);
    size_t i;

    for (i = 0; i < gone; i++) {
        sim_entry_unref(store->history.list[i]);
    }
    if (0 < gone) {
        memmove(store->history.list, store->history.list + gone,
                (store->history.count - gone) * sizeof(struct sim_entry *));
        store->history.count -= gone;
    }
    store->compacted = revision;
}

/* ---- Changes ---- */

static void put(struct sim_store *store, const struct etcd_op *op, uint64_t revision)
{
    size_t i = sim_store_seek(store, op->key);
    struct sim_entry *entry = entry_new(op->key, op->value, op->value_bytes);

    entry->mod_revision = revision;
    entry->create_revision = revision;
    entry->lease = op->lease;
    if (holds(store, i, op->key)) {
        entry->create_revision = store->keys.list[i]->create_revision;
        sim_entry_unref(store->keys.list[i]);
        store->keys.list[i] = entry;
    } else {
        insert(&store->keys, i, entry);
    }
    insert(&store->history, store->history.count, sim_entry_ref(entry));
}

static void delete_at(struct sim_store *store, size_t i, uint64_t revision)
{
    struct sim_entry *former = store->keys.list[i];
    struct sim_entry *entry = entry_new(former->key, "", 0);

    entry->deleted = true;
    entry->mod_revision = revision;
    insert(&store->history, store->history.count, entry);
    remove_at(&store->keys, i);
}

static void apply(struct sim_store *store, const struct etcd_op *op, uint64_t revision)
{
    size_t i;

    switch (op->kind) {
    case ETCD_PUT:
        put(store, op, revision);
        break;
    case ETCD_DELETE:
        i = sim_store_seek(store, op->key);
        if (holds(store, i, op->key)) {
            delete_at(store, i, revision);
        }
        break;
    case ETCD_DELETE_PREFIX:
        i = sim_store_seek(store, op->key);
        while (i < store->keys.count &&
               strncmp(store->keys.list[i]->key, op->key, strlen(op->key)) == 0) {
            delete_at(store, i, revision);
        }
        break;
    }
}

static bool nothing_is_newer(const struct sim_store *store, const struct etcd_compare *compare)
{
    size_t i = sim_store_seek(store, compare->key);

    while (i < store->keys.count &&
           strncmp(store->keys.list[i]->key, compare->key, strlen(compare->key)) == 0) {
        if (compare->revision < store->keys.list[i]->mod_revision) {
            return false;
        }
        i++;
    }
    return true;
}

static bool compare_holds(const struct sim_store *store, const struct etcd_compare *compare)
{
    const struct sim_entry *entry = sim_store_get(store, compare->key);
    uint64_t revision = 0;

    if (compare->target == ETCD_NOTHING_NEWER) {
        return nothing_is_newer(store, compare);
    }
    if (entry != NULL) {
        revision =
            compare->target == ETCD_CREATE_REVISION ? entry->create_revision : entry->mod_revision;
    }
    return revision == compare->revision;
}

bool sim_store_txn(struct sim_store *store, const struct etcd_txn *txn)
{
    size_t before = store->history.count;
    size_t i;

    for (i = 0; i < txn->compares_count; i++) {
        if (!compare_holds(store, &txn->compares[i])) {
            return false;
        }
    }
    for (i = 0; i < txn->ops_count; i++) {
        apply(store, &txn->ops[i], store->revision + 1);
    }
    if (before < store->history.count) {
        store->revision++;
    }
    return true;
}
