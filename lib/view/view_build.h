/*
 * view_build - what a reconcile pass for one cluster may know, made from the objects.
 *
 * Pure: reads nothing but its arguments. The lists are new, in the arena; texts and values are
 * borrowed from the objects and hold until one of them changes.
 */
#ifndef VIEW_VIEW_BUILD_H
#define VIEW_VIEW_BUILD_H

#include "base/arena.h"
#include "base/err.h"
#include "model/view.h"
#include "view/objects.h"

/* What the process found out about a cluster besides the keys. */
struct cluster_observations {
    const struct slot_observation *slots; /* in the order of (slot, host) */
    size_t slots_count;
    uint64_t config_since_ms;
    uint32_t polled_version; /* see struct view */
};

/*
 * The view of `cluster` at `now_ms`. Places on hosts count as taken when another cluster has
 * an intent, a reservation, or a node that was not stopped there.
 * ERR_NOMEM, also when the arena is full; `*out` is untouched then.
 */
MUST_USE int view_build(const struct objects *objects, const char *cluster,
                        const struct cluster_observations *observations, uint64_t now_ms,
                        struct arena *arena, struct view *out, struct err *err);

#endif
