/*
 * sim_nodes_state - the node side from inside; for the files that make it up only.
 *
 *     sim_nodes.c       hosts, and what may happen to them
 *     sim_client.c      discovery clients
 *     sim_stranger.c    who writes into partitions without being asked
 *     sim_node_check.c  what nodes and clients were promised
 *     sim_spread.c      what nodes promise each other
 */
#ifndef SIM_SIM_NODES_STATE_H
#define SIM_SIM_NODES_STATE_H

#include "base/arena.h"
#include "codec/envelope.h"
#include "model/config.h"
#include "sim/sim_host.h"
#include "sim/sim_nodes.h"
#include "sim/sim_spread.h"

#define SIM_CLIENTS_MAX 24

/* A configuration that was committed once, whatever became of it. */
struct sim_record {
    struct sim_record *next;
    struct arena arena;
    struct config config;
    char *json;
    size_t json_bytes;
};

/* What was ever ordered of a slot on a host. */
struct sim_order {
    struct sim_order *next;
    char host[HOST_NAME_TEXT_MAX + 1];
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
    bool stop;            /* it was to be stopped once */
    bool changed;         /* it was to be started in different ways */
    uint32_t version_max; /* that was ever in force there */
    uint32_t starts;      /* of its memcached, since the count began */
    uint32_t ends;        /* how often it was made to end */
    struct arena arena;   /* of: */
    struct intent start;  /* what it was to be started with last */
};

enum sim_client_kind {
    SIM_CLIENT_BY_ALIAS, /* asks the endpoint each time */
    SIM_CLIENT_BY_NODE,  /* asks the nodes that it knows in turn, and the endpoint when they fail */
};

#define SIM_LISTED_MAX 64

struct sim_listed {
    uint32_t ip;
    uint16_t port;
};

/* What one node has handed to a client. */
struct sim_handed {
    uint64_t partition; /* its id */
    uint32_t version;
    uint64_t at_ms;
};

/* More nodes never are in one cluster; the oldest gives way. */
#define SIM_HANDED_MAX 32

struct sim_client {
    struct sim_nodes *nodes;
    struct sim_party party;
    struct sim_event poll;
    struct sim_ask *ask;
    enum sim_client_kind kind;
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t ip;
    uint64_t period_ms;
    uint32_t version; /* the highest that it was told */
    bool fleeting;    /* it connects anew for each request */
    struct sim_handed handed[SIM_HANDED_MAX];
    size_t handed_count;
    struct sim_listed listed[SIM_LISTED_MAX];
    size_t listed_count;
    size_t turn;
    size_t failures; /* in a row */
};

struct sim_nodes {
    struct sim_world *world;
    struct sim *sim;
    struct trusted_keys keys;
    struct sim_host *hosts;
    size_t hosts_count;
    unsigned clients_place;
    struct sim_client clients[SIM_CLIENTS_MAX];
    size_t clients_count;
    struct sim_record *records; /* newest first */
    size_t records_count;
    struct sim_order *orders;
    struct sim_party stranger;
    struct sim_port taken; /* by it; `port` is 0: none is */
    bool put_back;         /* an old record was put into a segment, past its watcher */
    struct sim_writes writes;
    uint64_t commits;        /* of programs */
    uint64_t changes;        /* that say more than that somebody asks to join */
    char lag[256];           /* what sim_spread_lag() said last */
    struct sim_asked *asked; /* requests to join, newest first; sim_joiner.c */
    char joins[256];         /* what sim_joiner_unrest() said last */
};

/* ---- sim_client.c ---- */

/* Clients of a cluster appear when it is configured for the first time. */
void sim_clients_welcome(struct sim_nodes *nodes, const char *cluster);
void sim_clients_deinit(struct sim_nodes *nodes);
/* A node has handed a version to the client of that address. */
void sim_client_handed(struct sim_nodes *nodes, uint32_t client,
                       const struct sim_partition *partition, uint32_t version);
/* How many are connected there. */
size_t sim_clients_at(const struct sim_nodes *nodes, uint32_t ip, uint16_t port);

/* ---- sim_stranger.c ---- */

void sim_stranger_init(struct sim_nodes *nodes);
void sim_stranger_writes(struct sim_world *world);
/* That value, where the partition of that memcached takes writes. */
void sim_stranger_write(struct sim_nodes *nodes, const struct sim_memcached *at, const char *key,
                        const char *value, size_t value_bytes);
void sim_stranger_breaks(struct sim_world *world);
/* The kill switch of a partition is removed, or made again. */
void sim_stranger_flips(struct sim_world *world);
void sim_stranger_flips_back(struct sim_nodes *nodes);
void sim_stranger_loses_note(struct sim_world *world);
void sim_stranger_scribbles(struct sim_world *world);
void sim_stranger_cleans_up(struct sim_nodes *nodes);
/* It takes a port that a node may want, for as long as it likes; or leaves it. */
void sim_stranger_listens(struct sim_world *world);
void sim_stranger_leaves(struct sim_nodes *nodes);

/* ---- sim_node_check.c ---- */

/* Somebody committed something. */
void sim_nodes_committed(void *ctx, const struct sim_commit *commit);
struct sim_machine_world sim_nodes_machine_world(struct sim_nodes *nodes);
/* What was told to a client. Returns whether it is a list that may be used, which is then in
 * `config`. */
const struct config *sim_nodes_told(struct sim_nodes *nodes, const char *cluster,
                                    const struct sim_reply *reply);
/* The one that is served; NULL: it was never committed. */
const struct sim_record *sim_record_of(const struct sim_nodes *nodes,
                                       const struct segment_cell *cell);
struct segment_cell sim_record_cell(const struct sim_record *record);
/* NULL: no such version of it was ever committed. */
const struct sim_record *sim_record_find(const struct sim_nodes *nodes, const char *cluster,
                                         uint32_t version);
/* NULL: nothing was ever ordered there. */
struct sim_order *sim_order_of(const struct sim_nodes *nodes, const char *host, const char *cluster,
                               uint32_t slot);
void sim_records_deinit(struct sim_nodes *nodes);

#endif
