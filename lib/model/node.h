/*
 * node - one slot of a cluster as the keys show it: what a host must run for it
 * (intent), what its watcher says about it (report), and the host itself.
 *
 * A node is a slot on a host: while one replaces another, two of one slot may run, each
 * with its own intent and its own report.
 *
 * Plain data; texts belong to the arena they were decoded into. NULL is never a
 * text here; what is unknown is "".
 */
#ifndef MODEL_NODE_H
#define MODEL_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/spec.h"

/*
 * What the host must do. A missing intent asks for nothing: a node that runs without one goes on
 * running (an emptied or restored etcd must not stop caches); only STOP stops.
 */
#define INTENT_PHASES(X) \
    X(RUN, "run")        \
    X(DRAIN, "drain")    \
    X(STOP, "stop")

enum intent_phase {
#define X(name, text) INTENT_##name,
    INTENT_PHASES(X)
#undef X
};

/* `intent/<host>/<cluster>/<slot>`; the only writer is the controller. */
struct intent {
    const char *host;
    const char *cluster;
    uint32_t slot;
    const char *uid; /* of the cluster's incarnation */
    enum intent_phase phase;
    uint64_t phase_since_ms; /* wall clock of the controller that set the phase */
    uint32_t left_version; /* DRAIN: that version and all newer ones don't list it; 0: not noted */
    const char *ip;
    uint16_t data_port;
    uint16_t discovery_port;
    struct node_settings settings;
    uint32_t settings_turn; /* counts how often they were changed; a report repeats it */
    /* How often the slot had to be replaced lately, counted when this node was placed; each time
     * doubles the wait before the next. Halves with every FLAP_DECAY_MS since `flapped_ms`. */
    uint32_t flaps;
    uint64_t flapped_ms; /* 0: never */
    /* It joined: its memcached is not muster's to start or to stop. The settings are then those
     * that it came with, and STOP means: it is a node no longer. */
    bool attached;
    const char *join;        /* uid of the joiner, with `attached`; else "" */
    uint64_t join_issued_ms; /* of the request that it was admitted by: only a newer one counts */
};

#define INTENT_FLAPS_MAX 16

#define NODE_STATES(X)      \
    X(STARTING, "starting") \
    X(UP, "up")             \
    X(DOWN, "down")         \
    X(STOPPED, "stopped")

/* STARTING: not yet proven since its start. UP: data port and discovery answer. STOPPED: as asked.
 */
enum node_state {
#define X(name, text) NODE_##name,
    NODE_STATES(X)
#undef X
};

#define PARTITION_MODES(X)      \
    X(NONE, "none")             \
    X(IN_PROCESS, "in-process") \
    X(BESIDE, "beside")

/* Where discovery is answered: nowhere, by the module on the data port, by the watcher's port only.
 */
enum partition_mode {
#define X(name, text) PARTITION_##name,
    PARTITION_MODES(X)
#undef X
};

/* A configuration as a node serves it; version 0 is none yet. */
struct served {
    uint64_t epoch;
    uint32_t version;
    const char *digest;
};

#define REPORT_CLIENTS_UNKNOWN (-1)
#define REPORT_PEERS_MAX 3 /* so many others a node watches */

/* `clusters/<cluster>/nodes/<slot>/<host>` (lease); the only writer is the watcher of that host. */
struct node_report {
    const char *cluster;
    uint32_t slot;
    const char *host;
    const char *uid;
    enum node_state state;
    enum partition_mode partition;
    const char *ip;
    uint16_t data_port;
    uint16_t discovery_port;
    struct node_settings settings; /* what the process was started with */
    /* Of the intent that the report was made under: with an older one, it says nothing about the
     * settings of now, even if they are those of before again. */
    uint32_t settings_turn;
    struct served served;   /* read back from where clients ask: the acknowledgement */
    uint32_t version_seen;  /* the highest valid version it ever held; at least served.version */
    uint32_t version_begun; /* that it began to take, maybe in vain, and below which it takes none;
                               0: none above `version_seen` */
    int64_t pid;            /* of memcached; 0: none */
    uint64_t started_ms;
    uint32_t restarts; /* since the watcher first ran the slot */
    int64_t clients;   /* client connections; counted while draining, else REPORT_CLIENTS_UNKNOWN */
    const char *problem;     /* why it is not up, for a human; "" */
    bool attached;           /* as its intent: joined, not placed */
    const char *join;        /* as its intent: uid of the joiner, with `attached`; else "" */
    uint64_t join_issued_ms; /* as its intent */
    bool leaving;            /* attached only: it wants to be a node no longer, and awaits STOP */
    /* Slots that it watches (docs/discovery.md) whose data port does not answer it. */
    const char *const *unreachable;
    size_t unreachable_count;
};

/*
 * `hosts/<host>` (lease). Nodes get their address from the pool: the node at index i of `nodes_max`
 * has, with more than one address, address ip_first + i and data port data_port; with one address,
 * data port data_port + 2 i. The discovery port is always the data port - 1.
 */
struct host {
    const char *name;
    const char *zone;
    const struct label *labels;
    size_t labels_count;
    uint64_t memory_bytes; /* for nodes */
    uint32_t nodes_max;
    const char *ip_first;
    uint32_t ip_count;
    uint16_t data_port;
    const char *watcher_version;
    const char *memcached_version; /* "" when it can't be run */
    const char *problem;           /* why no node can be placed here; "" */
    bool sidecar; /* its watcher stands beside one memcached that runs anyhow: nothing is placed */
};

/* `cordons/<host>`: no new node is placed there; the only writer is the CLI. */
struct cordon {
    const char *host;
    bool drain; /* and the nodes that are there move away */
    uint64_t since_ms;
    const char *reason; /* for humans; "" */
};

#define CORDON_REASON_MAX 256

#define NODE_DATA_PORT 11211
#define HOST_NODES_MAX 1024

/* Address and data port of index `i` < nodes_max; false when it is outside of the pool. */
bool host_endpoint(const struct host *host, uint32_t i, uint32_t *ip, uint16_t *data_port);

const char *intent_phase_text(enum intent_phase phase);
const char *node_state_text(enum node_state state);
const char *partition_mode_text(enum partition_mode mode);

/* Each returns whether `out` was set. */
MUST_USE bool intent_phase_parse(const char *text, enum intent_phase *out);
MUST_USE bool node_state_parse(const char *text, enum node_state *out);
MUST_USE bool partition_mode_parse(const char *text, enum partition_mode *out);

#endif
