/*
 * sim_nodes - the node side of a run: hosts with their watchers and memcacheds, and the clients.
 */
#ifndef SIM_SIM_NODES_H
#define SIM_SIM_NODES_H

#include "discovery/segment.h"
#include "sim/sim_world.h"

/* `world->hosts_count` machines, each with a watcher that runs under the name sim_host_name(). */
struct sim_nodes *sim_nodes_new(struct sim_world *world);
/* End all of it without telling anybody. */
void sim_nodes_free(struct sim_nodes *nodes);

/* What may happen to hosts, watchers, memcacheds. */
const struct sim_act *sim_nodes_acts(size_t *count);

/* All faults end: machines and watchers come up again, what hangs is killed, clocks go right. */
void sim_nodes_heal(struct sim_nodes *nodes);

/* A memcached as it truly is. */
struct sim_node {
    const char *host;
    const char *cluster;
    uint32_t slot;
    const char *ip;
    uint16_t data_port;
    bool answers;        /* it runs, answers, and its machine is up */
    uint64_t steady_ms;  /* since when it does, or does not */
    unsigned place;      /* of its machine */
    const char *payload; /* what discovery clients get there; NULL: nothing yet */
    size_t payload_bytes;
    uint32_t version;                /* of that */
    bool watched;                    /* its watcher runs, and looks after it */
    bool joins;                      /* muster did not start it; slot 0: it is no node now */
    const struct segment_cell *cell; /* the same as `payload`, whole */
};

/* Tell of each memcached that runs, in the order of hosts. */
typedef void sim_node_fn(void *ctx, const struct sim_node *node);
void sim_nodes_each(struct sim_nodes *nodes, sim_node_fn *fn, void *ctx);

/* What a host keeps of a node: its partition, or a file. */
struct sim_node_trace {
    const char *host;
    const char *cluster;
    uint32_t slot;
    const char *path;
};
typedef void sim_node_trace_fn(void *ctx, const struct sim_node_trace *trace);
void sim_nodes_each_trace(struct sim_nodes *nodes, sim_node_trace_fn *fn, void *ctx);

/* Promises about nodes and clients that must hold at any time; called after each step. */
void sim_nodes_check(struct sim_nodes *nodes);

/* How often watchers wrote to nodes of others; how often any program wrote to etcd; and how often
 * anything changed there but for events and requests to join, which go on while somebody asks. */
uint64_t sim_nodes_writes(const struct sim_nodes *nodes);
uint64_t sim_nodes_commits(const struct sim_nodes *nodes);
uint64_t sim_nodes_changes(const struct sim_nodes *nodes);

/* How often memcacheds were started, and made to end, and others' partitions written to, is counted
 * from now on. */
void sim_nodes_count_anew(struct sim_nodes *nodes);
/* Of one cluster; NULL: of all. */
void sim_nodes_counts(const struct sim_nodes *nodes, const char *cluster, uint32_t *starts,
                      uint32_t *ends);

/* A node, for sim_clients_know(). */
struct sim_teller {
    uint32_t ip;
    uint32_t slot;
};

/*
 * Whether each client of the cluster that polled one of these nodes within `window_ms`, but not
 * just now, was ever handed `version` or a newer one.
 */
bool sim_clients_know(const struct sim_nodes *nodes, const char *cluster, uint32_t version,
                      const struct sim_teller *tellers, size_t count, uint64_t window_ms);

#endif
