/*
 * controller_metrics - what a controller tells Prometheus.
 *
 * Every controller tells of the clusters, from its mirror of etcd; what it does itself is told by
 * the leader. Queries therefore take the maximum over controllers. A cluster's series end with it.
 */
#ifndef CONTROLLER_CONTROLLER_METRICS_H
#define CONTROLLER_CONTROLLER_METRICS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "controller/controller.h"
#include "controller/counts.h"
#include "metrics/metric.h"

/* clang-format off */
#define CONTROLLER_METRICS(X)                                                                     \
    X(LEADER, GAUGE, "muster_controller_leader", "", NULL,                                        \
      "1 while this controller leads.")                                                           \
    X(LEADER_CHANGES, COUNTER, "muster_controller_leader_changes_total", "", NULL,                \
      "How often another controller was seen to lead, or this one; the first one counts.")        \
    X(SYNCED, GAUGE, "muster_controller_synced", "", NULL,                                        \
      "1 while the copy of etcd's keys is whole and followed.")                                   \
    X(REVISION, GAUGE, "muster_controller_revision", "", NULL,                                    \
      "etcd's revision up to which the copy is whole; behind etcd's own by what the watch lags.") \
    X(PASSES, HISTOGRAM, "muster_controller_pass_duration_seconds", "", &pass_seconds_bounds,     \
      "How long it took to decide what to do for one cluster; etcd's part not counted.")          \
    X(PASS_FAILURES, COUNTER, "muster_controller_pass_failures_total", "", NULL,                  \
      "Passes that failed and are made again later.")                                             \
    X(PASS_CONFLICTS, COUNTER, "muster_controller_pass_conflicts_total", "", NULL,                \
      "Passes whose transaction found other facts than those decided on.")                        \
    X(QUEUE, GAUGE, "muster_controller_queue_clusters", "", NULL,                                 \
      "Clusters for which a pass is due.")                                                        \
    X(BUSY, GAUGE, "muster_controller_busy_clusters", "", NULL,                                   \
      "Clusters with a transaction under way.")                                                   \
    X(EFFECTS, COUNTER, "muster_controller_effects_total", "effect", NULL,                        \
      "What passes have done, by kind; alias-set counts moves of endpoints.")                     \
    X(EVENTS, COUNTER, "muster_controller_events_total", "reason", NULL,                          \
      "Events that this controller wrote, by reason (docs/events.md).")                           \
    X(PUSHES, COUNTER, "muster_controller_pushes_total", "", NULL,                                \
      "Configurations that nodes took from this controller.")                                     \
    X(PUSH_FAILURES, COUNTER, "muster_controller_push_failures_total", "", NULL,                  \
      "Configurations that could not be brought to a node.")                                      \
    X(CONVERGENCE, HISTOGRAM, "muster_controller_convergence_seconds", "",                        \
      &converge_seconds_bounds,                                                                   \
      "Time from a cluster's first deviation from its spec to Converged.")                        \
    X(KEYS_INVALID, GAUGE, "muster_controller_stray_keys", "", NULL,                              \
      "Keys that can't be read and belong to no cluster.")                                        \
    X(CLUSTERS, GAUGE, "muster_clusters", "", NULL,                                               \
      "Clusters that have a spec.")                                                               \
    X(HOSTS, GAUGE, "muster_hosts", "", NULL,                                                     \
      "Hosts whose watcher is alive; those of sidecars count.")                                   \
    X(HOSTS_CORDONED, GAUGE, "muster_hosts_cordoned", "", NULL,                                   \
      "Hosts on which nothing is placed because an operator said so.")                            \
    X(HOSTS_UNFIT, GAUGE, "muster_hosts_unfit", "", NULL,                                         \
      "Hosts on which nothing can be placed; muster get hosts says why.")                         \
    X(WANTED, GAUGE, "muster_cluster_nodes_wanted", "cluster", NULL,                              \
      "Nodes that the cluster is to have.")                                                       \
    X(READY, GAUGE, "muster_cluster_nodes_ready", "cluster", NULL,                                \
      "Wanted nodes that are up.")                                                                \
    X(CONVERGED, GAUGE, "muster_cluster_nodes_converged", "cluster", NULL,                        \
      "Wanted nodes that are listed and serve the current configuration.")                        \
    X(UPDATED, GAUGE, "muster_cluster_nodes_updated", "cluster", NULL,                            \
      "Wanted nodes that run with the spec's settings.")                                          \
    X(SLOT_STATE, GAUGE, "muster_cluster_nodes_in_state", "cluster,state", NULL,                  \
      "Nodes of the cluster, leaving ones too, by state; silent: nobody reports of it.")          \
    X(SLOT_PARTITION, GAUGE, "muster_cluster_nodes_partition", "cluster,mode", NULL,              \
      "Nodes of the cluster by where they answer discovery: on the data port (in-process), "      \
      "on the watcher's port only (beside), nowhere (none).")                                     \
    X(GENERATION, GAUGE, "muster_cluster_generation", "cluster", NULL,                            \
      "Generation of the spec.")                                                                  \
    X(OBSERVED, GAUGE, "muster_cluster_observed_generation", "cluster", NULL,                     \
      "Generation of the spec that the leader has taken up.")                                     \
    X(VERSION, GAUGE, "muster_cluster_configuration_version", "cluster", NULL,                    \
      "Version of the current configuration; 0: none yet.")                                       \
    X(AGE, GAUGE, "muster_cluster_configuration_age_seconds", "cluster", NULL,                    \
      "Time since the leader first saw the current configuration; a new leader begins anew.")     \
    X(ENDPOINT, GAUGE, "muster_cluster_endpoint", "cluster", NULL,                                \
      "1 while the endpoint points to a node.")                                                   \
    X(CONDITION, GAUGE, "muster_cluster_condition", "cluster,type", NULL,                         \
      "1 while the condition is true; one that does not apply is 0.")                             \
    X(BRAKE, GAUGE, "muster_cluster_brake", "cluster", NULL,                                      \
      "1 while nothing is replaced because suspiciously many nodes look dead.")                   \
    X(JOINS, GAUGE, "muster_cluster_joins", "cluster", NULL,                                      \
      "Requests to join, as watchers report them; several may report one.")
/* clang-format on */

enum controller_metric { CONTROLLER_METRICS(METRIC_ID) CONTROLLER_METRIC_COUNT };

extern const struct metric_table controller_metrics;

/* Append all that this controller tells, of its process and its etcd client too. */
MUST_USE int controller_metrics_text(struct controller *controller, struct arena *arena,
                                     struct str *out, struct err *err);

#endif
