/*
 * whole - what is so of the cluster as a whole: who has acknowledged, how many nodes are missed or
 * too many, whether so much looks dead that the observer is in doubt.
 */
#ifndef RECONCILER_WHOLE_H
#define RECONCILER_WHOLE_H

#include <stdbool.h>

#include "reconciler/facts.h"

/* One dead node, or one host that is gone, is no mass. */
#define MASS_MIN 2

/* Count what is to be counted of the nodes, and add to their facts what follows from that. */
void whole_find(struct facts *facts);

/* Whether clients are told of the node's slot, and nothing proven serves where they are told. */
bool node_is_missed(const struct node *node);

/* What a node is started with that takes the place of this one because it failed. */
const struct node_settings *node_settings_for_replacement(const struct facts *facts,
                                                          const struct node *node);

#endif
