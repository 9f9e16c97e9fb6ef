/*
 * fleet - the clusters that the controller keeps in mind, by name, and the queue of those for which
 * a pass is due.
 */
#ifndef CONTROLLER_FLEET_H
#define CONTROLLER_FLEET_H

#include <stddef.h>

#include "base/err.h"
#include "controller/cluster.h"

struct fleet {
    struct cluster **clusters; /* ascending by name */
    size_t count;
    size_t capacity;
    struct cluster *due; /* first in the queue */
    struct cluster *due_last;
    size_t due_count;
};

/* Release the list; the clusters must be gone. */
void fleet_deinit(struct fleet *fleet);

/* The cluster, or NULL. */
struct cluster *fleet_find(const struct fleet *fleet, const char *name);

/* The cluster, a new one (all zero but the name) when it is not there yet. */
MUST_USE int fleet_get(struct fleet *fleet, const char *name, struct cluster **out,
                       struct err *err);

/* Into the queue, behind all others; one that is in it keeps its place. */
void fleet_queue(struct fleet *fleet, struct cluster *cluster);

/* The first one out of the queue; NULL: it is empty. */
struct cluster *fleet_next(struct fleet *fleet);

/* Take it out, of the queue too, and free it. */
void fleet_remove(struct fleet *fleet, struct cluster *cluster);

#endif
