/*
 * sim_etcd_state - what is inside the modelled etcd and its clients; for sim_etcd*.c only.
 */
#ifndef SIM_SIM_ETCD_STATE_H
#define SIM_SIM_ETCD_STATE_H

#include "base/str.h"
#include "sim/sim_etcd.h"

#define SIM_BACKUPS_MAX 4
#define SIM_OBSERVERS_MAX 4
#define SIM_WATCH_PREFIX_MAX 256

struct call;

struct sim_lease {
    struct sim_etcd *server;
    struct sim_lease *next;
    uint64_t id;
    uint64_t ttl_ms;
    struct sim_event end;
};

struct sim_backup {
    struct sim_store store;
    uint64_t *leases; /* id and TTL in turn */
    size_t leases_count;
};

struct sim_etcd {
    struct sim *sim;
    unsigned place;
    struct sim_store store;
    struct sim_lease *leases;
    uint64_t leases_made;
    struct etcd *clients;
    uint64_t clients_made;
    uint64_t quorum_at_ms; /* there is none before */
    struct sim_event quorum_back;
    uint32_t history; /* one more with each restore: what was under way is lost then */
    struct sim_backup backups[SIM_BACKUPS_MAX];
    size_t backups_count;
    struct {
        sim_commit_fn *fn;
        void *ctx;
    } observers[SIM_OBSERVERS_MAX];
    size_t observers_count;
};

/* The client of lib/etcd/etcd.h. */
struct etcd {
    struct sim_etcd *server;
    struct sim_party *party;
    uint32_t incarnation;
    uint64_t id;
    struct etcd *next;
    struct call *calls;
    uint64_t calls_made;
    struct etcd_watch *watches;
    char old_prefix[SIM_WATCH_PREFIX_MAX]; /* the next list of it is made as of then */
    uint64_t old_revision;                 /* 0: lists are made as of now */
    struct str doing;                      /* what the last transaction does, or batch tells */
    unsigned watch_failures;               /* in a row */
};

/* ---- Server ---- */

bool sim_etcd_has_quorum(const struct sim_etcd *server);
/* Run a transaction of `writer` and tell everybody. */
bool sim_etcd_commit(struct sim_etcd *server, const struct etcd_txn *txn, struct sim_party *writer,
                     uint32_t incarnation);
uint64_t sim_lease_grant(struct sim_etcd *server, uint64_t ttl_ms);
/* NULL: no such lease. */
struct sim_lease *sim_lease_find(struct sim_etcd *server, uint64_t id);
void sim_lease_prolong(struct sim_lease *lease);
void sim_lease_revoke(struct sim_lease *lease);
struct etcd *sim_etcd_client(struct sim_etcd *server, uint64_t id);

/* ---- Watches ---- */

/* Tell all watches of the newest `count` entries of the history, which are of one revision. */
void sim_watches_tell(struct sim_etcd *server, size_t count);
/* End all watches: their connections broke. */
void sim_watches_break(struct sim_etcd *server, const char *why);
/* End those that hear nothing. */
void sim_watches_renew(struct sim_etcd *server);
void sim_watches_drop(struct etcd *etcd);

#endif
