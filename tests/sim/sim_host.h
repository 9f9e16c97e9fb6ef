/*
 * sim_host - a modelled machine with the whole of muster-watcher on it.
 *
 * The watcher is production code; what supervises it (and starts it again after its death) and the
 * machine are modelled. Whatever happens to either is done here.
 */
#ifndef SIM_SIM_HOST_H
#define SIM_SIM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "sim/sim.h"
#include "sim/sim_machine.h"
#include "watcher/config.h"
#include "watcher/watcher.h"

/* A memcached that somebody else runs, and that is to join a cluster. */
struct sim_sidecar_options {
    const char *cluster;
    const char *token_file;
    uint32_t slot;                                 /* that it wishes; 0: any */
    struct join_host hosts[CONFIG_JOIN_HOSTS_MAX]; /* whom it asks */
    size_t hosts_count;                            /* 0: it registers in etcd itself */
};

struct sim_host_options {
    const char *name;
    const char *zone;
    const char *ip_first;
    uint32_t ip_count; /* 1: one address with many ports */
    uint32_t nodes_max;
    uint64_t memory_bytes;
    bool module; /* memcached runs with it */
    const char *prefix;
    uint64_t lease_ttl_ms;
    const struct trusted_keys *keys; /* copied */
    bool sidecar;                    /* one memcached runs there, which muster did not start */
};

/* The slot that a node stands in; 0: none. */
struct sim_place {
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
};

struct sim_host {
    struct sim *sim;
    struct sim_machine machine;
    struct sim_party party;
    struct watcher_config config;
    struct loop *loop;
    struct watcher *watcher;
    struct sim_event supervisor; /* starts the watcher, or has asked it to end */
    struct sim_event power;      /* the machine comes back */
    bool ending;
    /* of a sidecar: */
    bool sidecar;
    bool wanted;             /* its watcher is to run */
    bool leaves;             /* ... until it has left */
    uint32_t leaving;        /* the incarnation that was told so */
    bool serves;             /* its memcached is to run, */
    bool module;             /* with the module */
    struct sim_event keeper; /* who runs both looks after them */
    char token_file[64];
    char cluster[CLUSTER_NAME_MAX + 1]; /* that it asks to join */
    struct sim_place placed;            /* where an intent puts it */
};

/* The machine is up, and its watcher starts soon. It stays where it is in memory. */
void sim_host_init(struct sim_host *host, struct sim *sim, const struct sim_host_options *options,
                   const struct sim_machine_world *world);
void sim_host_deinit(struct sim_host *host);

bool sim_host_is_up(const struct sim_host *host);

/* The watcher dies: now, or at its `effects`th effect from now on (or just behind it). It is
 * started again after a moment, or after `down_ms`. */
void sim_host_crash_watcher(struct sim_host *host, uint32_t effects, bool after, uint64_t down_ms);

/* The watcher is asked to end, and started again. */
void sim_host_restart_watcher(struct sim_host *host);

/* Power is lost, and is back after `down_ms`. */
void sim_host_crash(struct sim_host *host, uint64_t down_ms);

/* A sidecar's memcached runs from now on, and its watcher asks to join. */
void sim_host_join(struct sim_host *host, const struct sim_sidecar_options *options);
/* It is asked to leave (SIGTERM), and asked again when it dies before; it ends when it is let go.
 */
void sim_host_leave(struct sim_host *host);
/* Its memcached and its watcher are gone for good. */
void sim_host_abandon(struct sim_host *host);
/* It has another address when it joins next. */
void sim_host_move(struct sim_host *host);
/* An intent puts it there, or (slot 0) none does. */
void sim_host_place(struct sim_host *host, const char *cluster, uint32_t slot);

/* Nothing is wrong any more: machine and watcher run, no memcached hangs. */
void sim_host_heal(struct sim_host *host);

#endif
