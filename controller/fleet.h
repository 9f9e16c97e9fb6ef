/*
 * fleet - the clusters that the controller keeps in mind, by name.
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
};

/* Release the list; the clusters must be gone. */
void fleet_deinit(struct fleet *fleet);

/* The cluster, or NULL. */
struct cluster *fleet_find(const struct fleet *fleet, const char *name);

/* The cluster, a new one (all zero but the name) when it is not there yet. */
MUST_USE int fleet_get(struct fleet *fleet, const char *name, struct cluster **out,
                       struct err *err);

/* Take it out and free it. */
void fleet_remove(struct fleet *fleet, struct cluster *cluster);

#endif
