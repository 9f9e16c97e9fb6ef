/*
 * fleet - many converged clusters in a real etcd, under a real muster-controller, with one double
 * of all their watchers.
 *
 * The keys are a keyset's. The double answers every order to run a node, and every configuration,
 * with reports as good watchers would write them; no memcached is behind. Addresses are loopback
 * ones where nobody listens, so that a push is refused at once. Everything that was started ends
 * with fleet_free(), or with the benchmark.
 */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "bench/child.h"
#include "model/name.h"

struct fleet;

struct fleet_shape {
    const char *bin_dir; /* where muster-controller is */
    unsigned clusters;
    unsigned nodes; /* of each */
    unsigned hosts;
};

/* etcd with all keys of a converged fleet, and its watchers; no controller yet. */
MUST_USE int fleet_new(const struct fleet_shape *shape, struct fleet **out, struct err *err);
void fleet_free(struct fleet *fleet);
DEFINE_CLEANUP(struct fleet, fleet_free);

/* Start the controller. */
MUST_USE int fleet_control(struct fleet *fleet, struct err *err);

/* How long one change took, from sending the spec. */
struct fleet_times {
    double first_ms;     /* until the order to run the new node was heard of */
    double converged_ms; /* until the status said that all was done, watchers answering at once */
};

/* One more node for the cluster with this number. */
MUST_USE int fleet_grow(struct fleet *fleet, unsigned cluster, struct fleet_times *out,
                        struct err *err);

/* What one process needs for the same at the least: put the spec, hear of it, put the order, hear
 * of it; values of the same sizes. */
MUST_USE int fleet_floor(struct fleet *fleet, double *ms, struct err *err);

/* A host's watcher writes its key again, with another version of memcached. */
MUST_USE int fleet_touch_host(struct fleet *fleet, unsigned host, struct err *err);

/* A cluster's first node is reported again, as restarted once more. */
MUST_USE int fleet_touch_report(struct fleet *fleet, unsigned cluster, struct err *err);

/* Let time pass. */
MUST_USE int fleet_run(struct fleet *fleet, uint64_t ms, struct err *err);

/* Until nothing was written for `quiet_ms`; ERR_TIMEOUT when that does not come to be. */
MUST_USE int fleet_settle(struct fleet *fleet, uint64_t quiet_ms, struct err *err);

/* Writes to keys of muster since the keys were there, whoever wrote. */
uint64_t fleet_writes(const struct fleet *fleet);

/* The name of the cluster with this number, from 0. */
void fleet_cluster_name(unsigned cluster, char out[CLUSTER_NAME_MAX + 1]);

/* Where its etcd is. */
const char *fleet_etcd_url(void);

/* Where its controller's metrics are. */
const char *fleet_metrics_url(void);

pid_t fleet_controller_pid(const struct fleet *fleet);

#endif
