/*
 * cluster_plan - where to look for all clusters without listing all of their keys.
 *
 * Of a cluster stand dozens of keys below "clusters/", and one below "lineage/", which comes with
 * its first configuration and outlives it. So names are taken from there; a cluster that is too new
 * to have a lineage lies in one of the gaps between the keys of those that have one. Asking each
 * gap for one key proves that there is none, or tells where to look. Pure.
 */
#ifndef CLIENT_CLUSTER_PLAN_H
#define CLIENT_CLUSTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define CLUSTER_PLAN_NAMES_MAX 10000U

/* Keys from `from` on that are below `end`. */
struct cluster_gap {
    const char *from;
    const char *end;
};

/* Lives in the arena. The gap `i` lies before the keys of the name `i`, the last one behind all. */
struct cluster_plan {
    const char **names; /* in the order of the clusters' keys, which differs from that of the names:
                           "a-b/" comes before "a/" */
    size_t count;
    struct cluster_gap *gaps; /* count + 1 */
};

/*
 * Whether asking for each name costs less than listing all keys below "clusters/": not when most
 * clusters that ever were are gone.
 */
bool cluster_plan_pays(uint64_t names, uint64_t keys);

/* Plan by names in any order, each once; they are copied as pointers. ERR_NOMEM. */
MUST_USE int cluster_plan_make(struct arena *arena, const char *prefix, const char *const *names,
                               size_t count, struct cluster_plan *out, struct err *err);

/* The gap that a key below "clusters/" lies in; SIZE_MAX: it belongs to one of the names. */
size_t cluster_plan_gap(const struct cluster_plan *plan, const char *key);

#endif
