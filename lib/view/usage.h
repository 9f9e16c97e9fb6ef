/*
 * usage - the places on hosts that clusters take.
 */
#ifndef VIEW_USAGE_H
#define VIEW_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "view/objects.h"

/* Texts are borrowed from the objects. */
struct use {
    const char *host;
    const char *ip;
    uint16_t data_port;
    uint64_t memory_bytes;
};

struct uses {
    struct use *list; /* in the arena */
    size_t count;
    size_t capacity;
};

/*
 * The places that all clusters but `cluster` take by an intent, a reservation or a node that was
 * not stopped: each once, in the order of the hosts. `uses` is empty before.
 */
MUST_USE int uses_collect(const struct objects *objects, const char *cluster, struct arena *arena,
                          struct uses *uses, struct err *err);

#endif
