/*
 * sim_world - what there is in one run: controllers, hosts, clusters; and what may happen to it.
 *
 * The world is drawn from the seed. Then come the steps: each is an act, drawn by weight from the
 * lists of acts of all parts, and a while of time. Then all faults end, operators clear up what
 * only they can, and everything has to come to rest.
 */
#ifndef SIM_SIM_WORLD_H
#define SIM_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"
#include "sim/sim_controller.h"
#include "sim/sim_etcd.h"

#define SIM_HOSTS_MAX 50
#define SIM_CLUSTERS_MAX 8

struct sim_nodes;
struct sim_check;
struct sim_operator;

/* How all hosts are made alike. */
struct sim_hosts_plan {
    unsigned zones; /* "z1", "z2", … in turn; 0: nothing is planned, each host is drawn */
    bool one_address;
    bool beside; /* memcached runs without the module */
};

struct sim_world {
    struct sim *sim;
    struct sim_hosts_plan plan;
    struct sim_controller controllers[SIM_CONTROLLERS_MAX];
    size_t controllers_count;
    size_t hosts_count; /* their names are "h01", "h02", … */
    size_t clusters_count;
    size_t joiners_count; /* machines with a memcached that muster does not start; sim_joiner.h */
    struct sim_nodes *nodes;     /* hosts, watchers, memcacheds, clients: sim_nodes.h */
    struct sim_operator *people; /* sim_operator.h */
    struct sim_check *check;     /* sim_check.h */
    bool restored;               /* etcd went back to a backup at least once */
    bool orders_lost;            /* a stranger spoilt an order, perhaps for a host that is away */
};

/* Something that a step may do. */
struct sim_act {
    const char *name;
    enum sim_fault fault; /* that must be switched on; SIM_FAULT_COUNT: it is no fault */
    unsigned weight;
    void (*run)(struct sim_world *world);
};

/* Write "h07" for 6. */
#define SIM_HOST_NAME_SIZE 8
void sim_host_name(size_t index, char out[SIM_HOST_NAME_SIZE]);

/* Make what the counts and the plan say; no cluster is wanted yet. */
void sim_world_begin(struct sim_world *world);
void sim_world_end(struct sim_world *world);

bool sim_world_is_broken(const struct sim_world *world);

/* Run all that is due, and look at what may be looked at any time. */
void sim_world_pass(struct sim_world *world, uint64_t for_ms);

/*
 * Until nothing is written for a while; when `converged`, also until sim_check_unrest() is content.
 * Returns "", or what is left to do after a very long time.
 */
const char *sim_world_rest(struct sim_world *world, bool converged);

/* Run one whole run. Returns true when all promises hold; else sim_broken_text() tells. */
bool sim_run(struct sim *sim);

#endif
