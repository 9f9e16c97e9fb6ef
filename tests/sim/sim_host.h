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

/* Nothing is wrong any more: machine and watcher run, no memcached hangs. */
void sim_host_heal(struct sim_host *host);

#endif
