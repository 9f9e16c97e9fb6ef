/*
 * watcher_metrics - what a watcher tells Prometheus: of its host, and of each node here.
 *
 * A node's series end when the watcher lets go of it. What memcached itself counts (hits, memory,
 * evictions) is not told here: memcached_exporter does that, and asking every node for each scrape
 * would let a scraper load the caches.
 */
#ifndef WATCHER_WATCHER_METRICS_H
#define WATCHER_WATCHER_METRICS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "metrics/metric.h"
#include "watcher/watcher.h"

/* clang-format off */
#define WATCHER_METRICS(X)                                                                        \
    X(ETCD_HEARD, GAUGE, "muster_watcher_synced", "", NULL,                                       \
      "1 while what etcd asks of this host is known and followed.")                               \
    X(MEMCACHED, GAUGE, "muster_watcher_memcached_usable", "", NULL,                              \
      "1 while there is a memcached that nodes can be started with; always 1 in sidecar mode.")   \
    X(REPORTS, GAUGE, "muster_watcher_reports_written", "", NULL,                                 \
      "1 while everything that this watcher reports stands in etcd.")                             \
    X(WATCHER_EVENTS, COUNTER, "muster_watcher_events_total", "reason", NULL,                     \
      "Events that this watcher had to tell, by reason (docs/events.md).")                        \
    X(EVENTS_DROPPED, COUNTER, "muster_watcher_events_dropped_total", "", NULL,                   \
      "Events that were not written, because etcd was away for too long.")                        \
    X(JOIN_REQUESTS, COUNTER, "muster_watcher_join_requests_total", "verdict", NULL,              \
      "Requests to join that were seen, by what became of them.")                                 \
    X(JOINS_HELD, GAUGE, "muster_watcher_joins_held", "", NULL,                                   \
      "Requests to join that wait.")                                                              \
    X(NODES, GAUGE, "muster_watcher_nodes", "", NULL,                                             \
      "Nodes that this watcher looks after.")                                                     \
    X(NODE_STATE, GAUGE, "muster_node_state", "cluster,slot,state", NULL,                         \
      "1 for the state that the node is in, 0 for the others.")                                   \
    X(NODE_IN_PROCESS, GAUGE, "muster_node_in_process", "cluster,slot", NULL,                     \
      "1 while discovery is answered inside memcached, on the node's data port.")                 \
    X(NODE_VERSION, GAUGE, "muster_node_served_version", "cluster,slot", NULL,                    \
      "Version of the configuration that the node was last seen to serve; 0: none.")              \
    X(NODE_CURRENT, GAUGE, "muster_node_current", "cluster,slot", NULL,                           \
      "1 while the node serves the newest configuration that is known here.")                     \
    X(NODE_RESTARTS, COUNTER, "muster_node_restarts_total", "cluster,slot", NULL,                 \
      "How often the node's memcached was started again.")                                        \
    X(RECORDS, COUNTER, "muster_node_records_total", "cluster,slot", NULL,                        \
      "Records that were written to the node's partition and looked at.")                         \
    X(RECORDS_REFUSED, COUNTER, "muster_node_records_refused_total", "cluster,slot,reason", NULL, \
      "Records, written here or read from peers, that were not put in force, and why.")           \
    X(RECORDS_DROPPED, COUNTER, "muster_node_records_dropped_total", "cluster,slot", NULL,        \
      "Records that nobody looked at, because too many were written at once.")                    \
    X(RECORD_CONFLICTS, COUNTER, "muster_node_record_conflicts_total", "cluster,slot", NULL,      \
      "Verified records of the version in force with another content.")                           \
    X(PARTITION_REPAIRS, COUNTER, "muster_node_partition_repairs_total", "cluster,slot", NULL,    \
      "How often the partition's files were damaged or changed, and put right.")                  \
    X(PARTITION_CLOSED, GAUGE, "muster_node_partition_closed", "cluster,slot", NULL,              \
      "1 while somebody has switched writes to the partition off.")                               \
    X(PEERS, GAUGE, "muster_node_peers", "cluster,slot", NULL,                                    \
      "Other nodes whose partitions this one watches.")                                           \
    X(PEERS_REACHABLE, GAUGE, "muster_node_peers_reachable", "cluster,slot", NULL,                \
      "Of these, those whose data port answers.")                                                 \
    X(PEERS_LAG, GAUGE, "muster_node_peer_lag_seconds", "cluster,slot", NULL,                     \
      "How long after this node the last of these was seen to have its version.")                 \
    X(REPAIRS_GIVEN, COUNTER, "muster_node_peer_repairs_given_total", "cluster,slot", NULL,       \
      "Peers that had missed a configuration and got it from this node.")                         \
    X(REPAIRS_TAKEN, COUNTER, "muster_node_peer_repairs_taken_total", "cluster,slot", NULL,       \
      "Configurations that this node had missed and read at a peer.")                             \
    X(DISCOVERY_REQUESTS, COUNTER, "muster_node_discovery_requests_total", "cluster,slot", NULL,  \
      "Discovery requests at the watcher's port of the node.")                                    \
    X(DISCOVERY_WRITES, COUNTER, "muster_node_discovery_writes_total", "cluster,slot", NULL,      \
      "Values that were written to the partition at the watcher's port of the node.")             \
    X(DISCOVERY_CONNECTIONS, GAUGE, "muster_node_discovery_connections", "cluster,slot", NULL,    \
      "Connections to the watcher's port of the node.")                                           \
    X(DISCOVERY_SUBSCRIBERS, GAUGE, "muster_node_discovery_subscribers", "cluster,slot", NULL,    \
      "Of these, those that wait for changes.")                                                   \
    X(DISCOVERY_OPENED, COUNTER, "muster_node_discovery_connections_opened_total",                \
      "cluster,slot", NULL,                                                                       \
      "Connections to the watcher's port of the node so far.")                                    \
    X(DISCOVERY_CUT, COUNTER, "muster_node_discovery_connections_cut_total",                      \
      "cluster,slot,reason", NULL,                                                                \
      "Of these, those that the watcher ended, and why.")                                         \
    X(MODULE, COUNTER, "muster_node_module_total", "cluster,slot,what", NULL,                     \
      "What the module inside the node's memcached has counted since that was started.")
/* clang-format on */

enum watcher_metric { WATCHER_METRICS(METRIC_ID) WATCHER_METRIC_COUNT };

extern const struct metric_table watcher_metrics;

/* Append all that this watcher tells, of its process and its etcd client too. */
MUST_USE int watcher_metrics_text(struct watcher *watcher, struct arena *arena, struct str *out,
                                  struct err *err);

#endif
