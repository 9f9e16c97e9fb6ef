/*
 * clients_told - what the nodes of a cluster tell of the clients that asked them for the list.
 * Pure, but for clients_ask(), which asks them (`stats clients` at their discovery ports).
 *
 * A client is an address, and what one node knows of it completes what another knows. Who did not
 * ask for long has given way to others: each node knows some 2,000 addresses.
 */
#ifndef SHOW_CLIENTS_TOLD_H
#define SHOW_CLIENTS_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/ask_nodes.h"
#include "client/facts.h"
#include "discovery/pollers.h"

#define CLIENTS_TOLD_MAX 16384 /* of a cluster; those that asked last are shown */

struct clients_of_node {
    const struct node_facts *node;
    struct node_answer answer;
    const struct poller *rows; /* in the order of their peers; times on the wall clock */
    size_t count;
};

struct clients_told {
    struct clients_of_node *nodes;
    size_t nodes_count;
    const struct poller *rows; /* of all nodes together: the lowest version first */
    size_t count;
};

/* Ask all nodes of the cluster that have a report. */
MUST_USE int clients_ask(const struct node_asker *asker, const struct cluster_facts *cluster,
                         uint64_t now_ms, struct arena *arena, struct clients_told *out,
                         struct err *err);

/* Put the answers of `told->nodes` together; those that can't be read become problems. */
MUST_USE int clients_gather(struct clients_told *told, uint64_t now_ms, struct arena *arena,
                            struct err *err);

/* Whether there are nodes, and none of them has told anything. */
bool clients_nobody_tells(const struct clients_told *told);

/* Whether the client has asked that node. */
bool clients_knows(const struct clients_of_node *node, const struct poller *client);

#endif
