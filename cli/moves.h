/*
 * moves - how the nodes of a host that is being drained leave it, step by step.
 *
 * Looked at again after each change of the keys; what is new since the last look is put into lines.
 * Pure: facts in, text out.
 */
#ifndef CLI_MOVES_H
#define CLI_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "cli/stages.h"
#include "client/facts.h"

/* Nodes and clusters that are followed; of any more only the number is told. */
#define MOVES_NODES_MAX HOST_NODES_MAX
#define MOVES_CLUSTERS_MAX 256

#define MOVES_NAMED_MAX 3 /* nodes that a sentence names */

/* How far a node has come; each one has those before it behind it. */
#define MOVE_STEPS(X)                                     \
    X(UNASKED, "runs there unasked, until it is stopped") \
    X(STAYS, "waits for its turn")                        \
    X(PLACED, "waits for its successor to start")         \
    X(STARTED, "waits for its successor to be listed")    \
    X(TAKEN_OVER, "waits until nobody lists it")          \
    X(DRAINS, "drains: clients may still use it")         \
    X(STOPS, "stops")                                     \
    X(GONE, "has left the host")

enum move_step {
#define X(name, text) MOVE_##name,
    MOVE_STEPS(X)
#undef X
};

struct move_node {
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
    enum move_step step;
    bool told; /* any step of it */
    bool seen; /* at this look */
};

/* What keeps a cluster's nodes from moving, as it was told last. */
struct move_cluster {
    char name[CLUSTER_NAME_MAX + 1];
    char hindrance[STAGES_WHY_SIZE];
};

/* Zeroed but for `host`: nothing seen yet. Large: for the heap or an arena. */
struct moves {
    const char *host;
    struct move_node nodes[MOVES_NODES_MAX];
    size_t nodes_count;
    struct move_cluster clusters[MOVES_CLUSTERS_MAX];
    size_t clusters_count;
    /* At the last look: */
    size_t left;    /* nodes that are to run, run or report on the host */
    size_t stopped; /* those of them that only wait for the host to take its order to stop */
    bool draining;  /* the host is asked to be drained */
    bool led;       /* a controller leads; else nothing goes on */
    bool away;      /* no watcher of the host lives */
};

/* Look at the facts, and append a line for each step that is new. */
void moves_look(struct moves *moves, const struct facts *facts, struct str *out);

/* What is left, and what it waits for. */
void moves_why(const struct moves *moves, struct str *out);

/* Whether no node is left that could still leave: those of a host that is away can't be stopped. */
bool moves_done(const struct moves *moves);

#endif
