/*
 * sim_etcd - the run's etcd: the store, its leases and watches, and what can happen to it.
 *
 * The functions of lib/etcd/etcd.h are clients of it through the network. The rest of the simulator
 * reads the store at will, and writes by hand as an operator would: at once, without the network.
 */
#ifndef SIM_SIM_ETCD_H
#define SIM_SIM_ETCD_H

#include <stdbool.h>
#include <stdint.h>

#include "etcd/etcd.h"
#include "sim/sim.h"
#include "sim/sim_store.h"

/* A transaction that changed something. */
struct sim_commit {
    struct sim_party *writer; /* NULL: a lease ended, or it was written by hand */
    uint32_t incarnation;     /* of the writer, when it asked */
    uint64_t revision;
    struct sim_entry *const *entries; /* as they are now, in the order of the transaction */
    size_t count;
};

/* Told right after each commit; those who observe, in their order. */
typedef void sim_commit_fn(void *ctx, const struct sim_commit *commit);

struct sim_etcd *sim_etcd_new(struct sim *sim, unsigned place);
void sim_etcd_free(struct sim_etcd *server);

void sim_etcd_observe(struct sim_etcd *server, sim_commit_fn *fn, void *ctx);
const struct sim_store *sim_etcd_store(const struct sim_etcd *server);

/* Write by hand. Returns whether the compares held. */
bool sim_etcd_write(struct sim_etcd *server, const struct etcd_txn *txn);

/* For `for_ms` nothing is answered; what was asked may be done all the same, later. */
void sim_etcd_lose_quorum(struct sim_etcd *server, uint64_t for_ms);
void sim_etcd_compact(struct sim_etcd *server);
/* Keep a copy; only the newest few are kept. */
void sim_etcd_backup(struct sim_etcd *server);
/* Go back to a kept copy, if there is one. Returns whether. */
bool sim_etcd_restore(struct sim_etcd *server);
/* Go back to the newest backup, which there is; or to nothing. */
void sim_etcd_restore_last(struct sim_etcd *server);
void sim_etcd_empty(struct sim_etcd *server);
/* End every watch that is stalled or broken, and the loss of quorum. */
void sim_etcd_heal(struct sim_etcd *server);

#endif
