/*
 * sim_joiner - memcacheds that muster did not start: they join clusters, leave, die, come back.
 *
 * Each has a machine of its own behind those of the world ("j01", "j02", …), with a whole watcher
 * in sidecar mode beside it. Whoever runs both starts them again when they die; what was let go
 * stays ended.
 *
 * Whatever they ask is kept, so that a request that somebody replays, changes or makes up is told
 * from theirs when a watcher reports it (P8).
 */
#ifndef SIM_SIM_JOINER_H
#define SIM_SIM_JOINER_H

#include "sim/sim_nodes_state.h"

#define SIM_JOINERS_MAX 4

/* Write "j02" for 1. */
void sim_joiner_name(size_t index, char out[SIM_HOST_NAME_SIZE]);

/* What may happen to them. */
const struct sim_act *sim_joiner_acts(size_t *count);

/* The joiner at `index` asks to join a cluster, whose tokens it has or has not. */
void sim_joiner_joins(struct sim_nodes *nodes, size_t index, const char *cluster, uint32_t slot,
                      bool by_etcd, bool forged);

/* P2: who asks, may join and is not a node, or the other way round, in words; "" when there is
 * nobody. Valid until the next call. */
const char *sim_joiner_unrest(struct sim_check *check, struct sim_nodes *nodes);
/* Whether that is the host of one that was given up. */
bool sim_joiner_is_away(const struct sim_nodes *nodes, const char *host);
/* Whether somebody asks in vain, and goes on asking. */
bool sim_joiner_asks(const struct sim_nodes *nodes);

/* ---- Requests ---- */

/* A program writes one. */
void sim_joiner_asked(struct sim_nodes *nodes, const struct sim_party *party, const char *value,
                      size_t value_bytes);
/* A watcher reports one. */
void sim_joiner_reported(struct sim_nodes *nodes, const struct sim_party *writer,
                         const struct sim_entry *entry);
/* Somebody writes one again, as it was or changed: the `index`th newest; false: there is none. */
bool sim_joiner_replayed(struct sim_nodes *nodes, size_t index, const char *field,
                         const struct sim_memcached *at);
void sim_joiner_deinit(struct sim_nodes *nodes);

#endif
