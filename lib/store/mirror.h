/*
 * mirror - a live copy of all keys below a prefix.
 *
 * Lists once, then follows one watch. After a compaction, or any interruption of the watch (the
 * store may have been restored from a backup meanwhile, and its history be another one), it lists
 * again and tells the difference, so that the user sees changes only. A list that is older than
 * what is known already is asked for some times more: a store that went back says the same again, a
 * member of it that lags behind does not. Items stay valid until the
 * next change of the same key; nobody is told of their end by mirror_free(). Own writes are entered
 * at once (mirror_wrote, mirror_deleted), so that the next decision sees them; an older watch event
 * never undoes them.
 */
#ifndef STORE_MIRROR_H
#define STORE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"

struct mirror;

struct mirror_item {
    const char *key;
    const char *value; /* NUL-terminated behind value_bytes */
    size_t value_bytes;
    uint64_t create_revision;
    uint64_t mod_revision;
    void *user; /* the owner's; mirror never looks at it */
};

/* None of these may free the mirror; `put` and `gone` must not enter own writes either. */
struct mirror_events {
    /* A key was put; `item` is in the mirror. `item->user` is kept from the former value. */
    void (*put)(void *ctx, struct mirror_item *item);
    /* A key is gone; `item` is valid during the call only. */
    void (*gone)(void *ctx, struct mirror_item *item);
    /* The first list, or one after an interruption, was taken in: the copy is whole. */
    void (*synced)(void *ctx);
    /* The store can't be heard (`err`), or is heard again (NULL). May be NULL. */
    void (*trouble)(void *ctx, const struct err *err);
};

/* Start following `prefix`. `events` is copied. */
MUST_USE int mirror_new(struct loop *loop, struct etcd *etcd, const char *prefix,
                        const struct mirror_events *events, void *ctx, struct mirror **out,
                        struct err *err);
void mirror_free(struct mirror *mirror);
DEFINE_CLEANUP(struct mirror, mirror_free);

/* List again now: what is here seems not to be what is there. */
void mirror_refresh(struct mirror *mirror);

bool mirror_is_synced(const struct mirror *mirror);

/* The revision up to which the copy is whole. */
uint64_t mirror_revision(const struct mirror *mirror);

/* The item, or NULL. */
struct mirror_item *mirror_get(struct mirror *mirror, const char *key);

/* The first item at or after `key` in key order, or NULL; and the one after an item. */
struct mirror_item *mirror_seek(struct mirror *mirror, const char *key);
struct mirror_item *mirror_next(struct mirror *mirror, const struct mirror_item *item);

/* Enter an own write that etcd has confirmed at `revision`; put/gone are called as for a watch
 * event, unless the watch was faster. */
MUST_USE int mirror_wrote(struct mirror *mirror, const char *key, const char *value,
                          size_t value_bytes, uint64_t revision, struct err *err);
void mirror_deleted(struct mirror *mirror, const char *key, uint64_t revision);

#endif
