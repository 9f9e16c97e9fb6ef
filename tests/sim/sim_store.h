/*
 * sim_store - what etcd keeps: keys with revisions, transactions, history. Pure, no time.
 *
 * Entries are immutable and shared by reference between the keys, the history, backups and whoever
 * sends them somewhere.
 */
#ifndef SIM_SIM_STORE_H
#define SIM_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd.h"

/* One key as it was since `mod_revision`. */
struct sim_entry {
    unsigned refs;
    bool deleted; /* the key went away at `mod_revision` */
    const char *key;
    const char *value;
    size_t value_bytes;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t lease;
    char texts[];
};

struct sim_entries {
    struct sim_entry **list;
    size_t count;
    size_t capacity;
};

struct sim_store {
    uint64_t revision;
    uint64_t compacted;         /* history begins behind it */
    struct sim_entries keys;    /* ascending */
    struct sim_entries history; /* ascending by revision */
};

void sim_store_init(struct sim_store *store);
void sim_store_deinit(struct sim_store *store);
/* A backup: the keys and their revisions, without history. */
void sim_store_copy(const struct sim_store *from, struct sim_store *to);

/* The keys as they were at `revision`; for a store whose history was never compacted. */
void sim_store_copy_at(const struct sim_store *from, uint64_t revision, struct sim_store *to);

const struct sim_entry *sim_store_get(const struct sim_store *store, const char *key);
/* Index of the first key that is not before `key`. */
size_t sim_store_seek(const struct sim_store *store, const char *key);

/*
 * Run a transaction. Returns whether its compares held. The entries that it made are those of the
 * history with the new revision; none, and no new revision, when nothing was there to be changed.
 */
bool sim_store_txn(struct sim_store *store, const struct etcd_txn *txn);

/* Index of the first entry of the history at or after `revision`. */
size_t sim_store_since(const struct sim_store *store, uint64_t revision);

/* Forget the history up to `revision`. */
void sim_store_compact(struct sim_store *store, uint64_t revision);

struct sim_entry *sim_entry_ref(struct sim_entry *entry);
void sim_entry_unref(struct sim_entry *entry);
struct etcd_kv sim_entry_kv(const struct sim_entry *entry);

#endif
