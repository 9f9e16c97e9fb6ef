/*
 * owner - which of the nodes of one slot holds it, and which one is to take it over.
 *
 * The node that clients are told about keeps its slot as long as it may. Another one gets it only
 * once that is proven, so that the slot goes from one node that serves to another one. While the
 * owner has to go (its host is drained or not allowed any more, it failed, or it needs new settings
 * and must not be taken down), one other node of the slot is its successor: the newest that is fit.
 */
#ifndef RECONCILER_OWNER_H
#define RECONCILER_OWNER_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/facts.h"

/*
 * Of `count` nodes of one slot with their own facts, of those that have all of `need`, the one that
 * holds it, or NULL.
 */
struct node *owner_find(struct node *nodes, size_t count, uint64_t need);

/* The node with all of `need` that is to succeed `owner`, or NULL: nobody has to, or nobody is fit
 * yet. */
struct node *owner_successor(const struct node *owner, struct node *nodes, size_t count,
                             uint64_t need);

#endif
