#include "store/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "loop/loop.h"

#define ENTRIES_FIRST 64
#define PAUSE_MS 500 /* before another list, after a failure that the client does not pace */
/* A list that is older than what is known is asked for again before it is believed. */
#define DOUBTS_MAX 3
#define DOUBT_MS 300

/* An item and its texts, in one block. */
struct entry {
    struct mirror_item item; /* first: an item's address is its entry's */
    bool gone;               /* an own delete that the watch has not told yet */
    uint64_t list;           /* the last list that held it */
    char texts[];
};

struct mirror {
    struct etcd *etcd;
    char *prefix;
    struct mirror_events events;
    void *ctx;
    struct entry **entries; /* ascending by key; those that are gone too */
    size_t count;
    size_t capacity;
    size_t gone_count;
    size_t hint; /* where the last item was found */
    struct etcd_watch *watch;
    struct loop_timer *timer;
    uint64_t revision;     /* all events up to here were told; what comes again is not news */
    uint64_t own_revision; /* newest own write */
    uint64_t known;        /* what the list on its way must have reached */
    unsigned doubts;       /* lists in a row that had not */
    uint64_t list;         /* number of the list */
    bool synced;
    bool troubled;
    bool telling;
};

/* ---- The sorted entries ---- */

/* Index of the first entry at or after `key`. */
static size_t lower_bound(const struct mirror *mirror, const char *key)
{
    size_t low = 0;
    size_t high = mirror->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(mirror->entries[middle]->item.key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const struct mirror *mirror, size_t i, const char *key)
{
    return i < mirror->count && strcmp(mirror->entries[i]->item.key, key) == 0;
}

static struct entry *entry_new(const struct etcd_kv *kv)
{
    size_t key_size = strlen(kv->key) + 1;
    struct entry *entry = mem_alloc(sizeof(*entry) + key_size + kv->value_bytes + 1);

    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->texts, kv->key, key_size);
    if (0 < kv->value_bytes) {
        memcpy(entry->texts + key_size, kv->value, kv->value_bytes);
    }
    entry->item.key = entry->texts;
    entry->item.value = entry->texts + key_size;
    entry->item.value_bytes = kv->value_bytes;
    entry->item.create_revision = kv->create_revision;
    entry->item.mod_revision = kv->mod_revision;
    return entry;
}

static bool make_room(struct mirror *mirror)
{
    size_t capacity = mirror->capacity == 0 ? ENTRIES_FIRST : 2 * mirror->capacity;
    struct entry **grown;

    if (mirror->count < mirror->capacity) {
        return true;
    }
    grown = mem_realloc(mirror->entries, capacity * sizeof(struct entry *));
    if (grown == NULL) {
        return false;
    }
    mirror->entries = grown;
    mirror->capacity = capacity;
    return true;
}

static void entry_insert(struct mirror *mirror, size_t i, struct entry *entry)
{
    memmove(mirror->entries + i + 1, mirror->entries + i,
            (mirror->count - i) * sizeof(struct entry *));
    mirror->entries[i] = entry;
    mirror->count++;
}

static void entry_remove(struct mirror *mirror, size_t i)
{
    struct entry *entry = mirror->entries[i];

    mirror->gone_count -= entry->gone ? 1 : 0;
    mirror->count--;
    memmove(mirror->entries + i, mirror->entries + i + 1,
            (mirror->count - i) * sizeof(struct entry *));
    free(entry);
}

/* ---- Changes ---- */

static void tell(struct mirror *mirror, void (*fn)(void *ctx, struct mirror_item *item),
                 struct mirror_item *item)
{
    mirror->telling = true;
    fn(mirror->ctx, item);
    mirror->telling = false;
}

static bool same_content(const struct mirror_item *item, const struct etcd_kv *kv)
{
    return item->mod_revision == kv->mod_revision && item->value_bytes == kv->value_bytes &&
           memcmp(item->value, kv->value, kv->value_bytes) == 0;
}

/* Put `kv` at index `i`, in the place of the entry there when that has the same key. false: out of
 * memory, nothing changed. */
static bool entry_set(struct mirror *mirror, size_t i, const struct etcd_kv *kv)
{
    struct entry *entry = entry_new(kv);
    bool is_new = !holds(mirror, i, kv->key);

    if (entry == NULL || (is_new && !make_room(mirror))) {
        free(entry);
        return false;
    }
    if (is_new) {
        entry_insert(mirror, i, entry);
    } else {
        struct entry *former = mirror->entries[i];

        mirror->gone_count -= former->gone ? 1 : 0;
        entry->item.user = former->item.user;
        mirror->entries[i] = entry;
        free(former);
    }
    entry->list = mirror->list;
    tell(mirror, mirror->events.put, &entry->item);
    return true;
}

/* A put that the watch, or an own write, tells. */
static bool change_put(struct mirror *mirror, const struct etcd_kv *kv)
{
    size_t i = lower_bound(mirror, kv->key);

    if (holds(mirror, i, kv->key) && kv->mod_revision <= mirror->entries[i]->item.mod_revision) {
        struct mirror_item *item = &mirror->entries[i]->item;

        if (kv->mod_revision == item->mod_revision) {
            item->create_revision = kv->create_revision; /* an own write did not know it */
        }
        return true;
    }
    return entry_set(mirror, i, kv);
}

static void change_gone(struct mirror *mirror, const char *key, uint64_t revision)
{
    size_t i = lower_bound(mirror, key);
    struct entry *entry;

    if (!holds(mirror, i, key) || revision < mirror->entries[i]->item.mod_revision) {
        return;
    }
    entry = mirror->entries[i];
    if (!entry->gone) {
        tell(mirror, mirror->events.gone, &entry->item);
    }
    entry_remove(mirror, i);
}

/* Own deletes that the watch has passed need no memory any more. */
static void forget_gone(struct mirror *mirror, uint64_t revision)
{
    size_t i = mirror->gone_count == 0 ? 0 : mirror->count;

    while (0 < i) {
        i--;
        if (mirror->entries[i]->gone && mirror->entries[i]->item.mod_revision <= revision) {
            entry_remove(mirror, i);
        }
    }
}

/* ---- Trouble ---- */

static void trouble(struct mirror *mirror, const struct err *err)
{
    bool is_news = (err != NULL) != mirror->troubled;

    mirror->troubled = err != NULL;
    if (is_news && mirror->events.trouble != NULL) {
        mirror->events.trouble(mirror->ctx, err);
    }
}

/* Begin again after a pause: with a list, which tells the difference to what is here. */
static void list_later(struct mirror *mirror, uint64_t pause_ms)
{
    etcd_watch_free(TAKE(mirror->watch));
    loop_timer_start(mirror->timer, pause_ms);
}

static void start_over(struct mirror *mirror, const struct err *err)
{
    list_later(mirror, PAUSE_MS);
    trouble(mirror, err);
}

static void start_over_for_memory(struct mirror *mirror)
{
    struct err err;

    err_record(&err, ERR_NOMEM, "out of memory");
    start_over(mirror, &err);
}

/* ---- The watch ---- */

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct mirror *mirror = ctx;
    uint64_t told = mirror->revision;
    size_t i;

    (void)revision; /* of a watch that has more to tell it is already beyond that */
    for (i = 0; i < count; i++) {
        const struct etcd_kv *kv = &events[i].kv;

        /* A watch tells in order and once; one that does not may also have left something out. */
        if (kv->mod_revision <= mirror->revision) {
            list_later(mirror, 0);
            return;
        }
        if (events[i].deleted) {
            change_gone(mirror, kv->key, kv->mod_revision);
        } else if (!change_put(mirror, kv)) {
            start_over_for_memory(mirror);
            return;
        }
        told = kv->mod_revision;
    }
    mirror->revision = told;
    forget_gone(mirror, told);
}

/*
 * Also after a mere interruption the next thing is a list: meanwhile the store may have been
 * restored from a backup and have grown past the revision where the watch stopped, and a watch
 * cannot tell.
 */
static void on_watch_end(void *ctx, const struct err *err)
{
    struct mirror *mirror = ctx;

    switch (err->code) {
    case ERR_COMPACTED:
        list_later(mirror, 0);
        break;
    case ERR_UNAVAILABLE: /* the client has waited already */
        list_later(mirror, 0);
        trouble(mirror, err);
        break;
    default:
        start_over(mirror, err);
        break;
    }
}

/* ---- The list ---- */

/* What is newer than `valid` was written by ourselves after the list was made, and stays. */
static bool take_in(struct mirror *mirror, const struct etcd_kv *kv, uint64_t valid)
{
    size_t i = lower_bound(mirror, kv->key);

    if (holds(mirror, i, kv->key)) {
        struct entry *entry = mirror->entries[i];

        entry->list = mirror->list;
        if (valid < entry->item.mod_revision) {
            return true;
        }
        if (!entry->gone && same_content(&entry->item, kv)) {
            entry->item.create_revision = kv->create_revision;
            return true;
        }
    }
    return entry_set(mirror, i, kv);
}

/* What the list did not hold is gone, but for what is newer than `valid`. */
static void drop_unlisted(struct mirror *mirror, uint64_t valid)
{
    size_t i = mirror->count;

    while (0 < i) {
        struct entry *entry = mirror->entries[--i];

        if (entry->list == mirror->list || valid < entry->item.mod_revision) {
            continue;
        }
        if (!entry->gone) {
            tell(mirror, mirror->events.gone, &entry->item);
        }
        entry_remove(mirror, i);
    }
}

static bool take_in_all(struct mirror *mirror, const struct etcd_range_result *result)
{
    uint64_t valid = result->revision;
    size_t i;

    if (result->revision < mirror->known) {
        /* The store's history is another one: what we wrote into the former one is not in it. */
        valid = UINT64_MAX;
        mirror->own_revision = 0;
    }
    mirror->list++;
    for (i = 0; i < result->count; i++) {
        if (!take_in(mirror, &result->kvs[i], valid)) {
            return false;
        }
    }
    drop_unlisted(mirror, valid);
    mirror->revision = result->revision;
    forget_gone(mirror, result->revision);
    return true;
}

static void on_list(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct mirror *mirror = ctx;
    struct err own;

    if (err != NULL && err->code == ERR_COMPACTED) {
        list_later(mirror, 0); /* between two pages */
        return;
    }
    if (err != NULL) {
        start_over(mirror, err);
        return;
    }
    if (result->revision < mirror->known && mirror->doubts < DOUBTS_MAX) {
        mirror->doubts++;
        list_later(mirror, DOUBT_MS);
        return;
    }
    mirror->doubts = 0;
    if (!take_in_all(mirror, result)) {
        start_over_for_memory(mirror);
        return;
    }
    if (etcd_watch_new(mirror->etcd, mirror->prefix, mirror->revision + 1, on_events, on_watch_end,
                       mirror, &mirror->watch, &own) < 0) {
        start_over(mirror, &own);
        return;
    }
    mirror->synced = true;
    trouble(mirror, NULL);
    mirror->events.synced(mirror->ctx);
}

static int list_start(struct mirror *mirror, struct err *err)
{
    struct etcd_range range = { .key = mirror->prefix, .prefix = true };

    mirror->known =
        mirror->revision < mirror->own_revision ? mirror->own_revision : mirror->revision;
    return etcd_range(mirror->etcd, &range, on_list, mirror, err);
}

static void on_timer(void *ctx)
{
    struct mirror *mirror = ctx;
    struct err err;

    if (list_start(mirror, &err) < 0) {
        start_over(mirror, &err);
    }
}

void mirror_refresh(struct mirror *mirror)
{
    CHECK(!mirror->telling);
    if (mirror->watch != NULL) { /* else a list is on its way */
        list_later(mirror, 0);
    }
}

/* ---- Own writes ---- */

int mirror_wrote(struct mirror *mirror, const char *key, const char *value, size_t value_bytes,
                 uint64_t revision, struct err *err)
{
    const struct mirror_item *item = mirror_get(mirror, key);
    struct etcd_kv kv = {
        .key = key,
        .value = value,
        .value_bytes = value_bytes,
        .create_revision = item == NULL ? revision : item->create_revision,
        .mod_revision = revision,
    };

    CHECK(!mirror->telling);
    if (revision <= mirror->revision) {
        return 0; /* the watch was faster */
    }
    mirror->own_revision = revision;
    if (!change_put(mirror, &kv)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

void mirror_deleted(struct mirror *mirror, const char *key, uint64_t revision)
{
    struct etcd_kv kv = { .key = key, .value = "", .mod_revision = revision };
    size_t i = lower_bound(mirror, key);
    struct entry *entry;

    CHECK(!mirror->telling);
    if (revision <= mirror->revision) {
        return;
    }
    mirror->own_revision = revision;
    if (holds(mirror, i, key)) {
        entry = mirror->entries[i];
        if (entry->gone || revision <= entry->item.mod_revision) {
            return;
        }
        tell(mirror, mirror->events.gone, &entry->item);
        entry->item.user = NULL;
        entry->item.mod_revision = revision;
    } else {
        /* Without memory an older event may show the key until the delete is told. */
        entry = make_room(mirror) ? entry_new(&kv) : NULL;
        if (entry == NULL) {
            return;
        }
        entry_insert(mirror, i, entry);
    }
    entry->gone = true;
    mirror->gone_count++;
}

/* ---- Looking ---- */

/* The first entry from `i` on that is not gone. */
static struct mirror_item *item_from(struct mirror *mirror, size_t i)
{
    while (i < mirror->count && mirror->entries[i]->gone) {
        i++;
    }
    mirror->hint = i;
    return i < mirror->count ? &mirror->entries[i]->item : NULL;
}

struct mirror_item *mirror_get(struct mirror *mirror, const char *key)
{
    size_t i = lower_bound(mirror, key);

    return holds(mirror, i, key) && !mirror->entries[i]->gone ? &mirror->entries[i]->item : NULL;
}

struct mirror_item *mirror_seek(struct mirror *mirror, const char *key)
{
    return item_from(mirror, lower_bound(mirror, key));
}

struct mirror_item *mirror_next(struct mirror *mirror, const struct mirror_item *item)
{
    size_t i = mirror->hint;

    if (mirror->count <= i || &mirror->entries[i]->item != item) {
        i = lower_bound(mirror, item->key);
    }
    return item_from(mirror, holds(mirror, i, item->key) ? i + 1 : i);
}

bool mirror_is_synced(const struct mirror *mirror)
{
    return mirror->synced;
}

uint64_t mirror_revision(const struct mirror *mirror)
{
    return mirror->revision;
}

/* ---- Lifecycle ---- */

int mirror_new(struct loop *loop, struct etcd *etcd, const char *prefix,
               const struct mirror_events *events, void *ctx, struct mirror **out, struct err *err)
{
    CLEANUP(mirror_free_p) struct mirror *mirror = mem_alloc(sizeof(*mirror));
    int rv;

    if (mirror == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    mirror->etcd = etcd;
    mirror->events = *events;
    mirror->ctx = ctx;
    mirror->prefix = mem_strdup(prefix);
    if (mirror->prefix == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = loop_timer_new(loop, on_timer, mirror, &mirror->timer, err);
    if (rv < 0) {
        return rv;
    }
    rv = list_start(mirror, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(mirror);
    return 0;
}

void mirror_free(struct mirror *mirror)
{
    size_t i;

    if (mirror == NULL) {
        return;
    }
    CHECK(!mirror->telling);
    etcd_cancel(mirror->etcd, mirror);
    etcd_watch_free(mirror->watch);
    loop_timer_free(mirror->timer);
    for (i = 0; i < mirror->count; i++) {
        free(mirror->entries[i]);
    }
    free(mirror->entries);
    free(mirror->prefix);
    free(mirror);
}
