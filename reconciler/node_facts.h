/*
 * node_facts - what the keys and the observations say about one node, whatever its slot's other
 * nodes and the rest of the cluster are like.
 */
#ifndef RECONCILER_NODE_FACTS_H
#define RECONCILER_NODE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/facts.h"

/* The facts that the node shows by itself. */
uint64_t node_own_facts(const struct facts *facts, const struct node *node);

/* What the status says of its state: as reported, or "silent". */
const char *node_status_state(const struct node *node);

/* Whether `node` serves exactly the current configuration. */
bool node_has_acked(const struct facts *facts, const struct node *node);

#endif
