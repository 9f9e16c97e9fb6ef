/*
 * live - the keys as a controller sees them, read once: for what the command line decides by the
 * reconciler itself.
 *
 * All of some clusters is read, and of the others what they take on hosts; at one revision.
 * Nothing is followed, and nothing is ever written. Texts of views live as long as the context.
 */
#ifndef SHOW_LIVE_H
#define SHOW_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/context.h"
#include "model/view.h"
#include "view/objects.h"

struct live {
    struct context *context;
    struct objects objects;
    uint64_t now_ms;
    bool led;                 /* a controller leads */
    const char *const *names; /* of the clusters that it was read for; the caller's */
    size_t count;
    uint64_t *committed_ms; /* when each one's configuration was; 0: longer ago than events last */
};

/* Read. `names` outlive it. */
MUST_USE int live_read(struct live *live, struct context *context, const char *const *names,
                       size_t count, struct err *err);

/* For CLEANUP; fine on a zeroed one. Views end with it. */
void live_deinit(struct live *live);

/* The view of the cluster at `index` in `names`, with what its controller has observed. */
MUST_USE int live_view(const struct live *live, size_t index, struct view *out, struct err *err);

/* From now on, have views of other clusters see the place of `intent` taken. ERR_NOMEM. */
MUST_USE int live_suppose(struct live *live, const struct intent *intent, struct err *err);

#endif
