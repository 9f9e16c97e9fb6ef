/*
 * host_list - the hosts that are known, each with what is known of it.
 *
 * A host is known when its watcher lives, when something is to run there, or when an operator has
 * cordoned it: one that is away is told, not forgotten. Everything is borrowed from the facts or
 * lives in the arena.
 */
#ifndef SHOW_HOST_LIST_H
#define SHOW_HOST_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/context.h"
#include "client/facts.h"

#define HOST_LIST_NAMED_MAX 8 /* hosts that a message names */

struct host_entry {
    const char *name;
    const struct host *host;     /* NULL: it is away */
    const struct cordon *cordon; /* NULL: none */
    uint32_t nodes;              /* that intents ask to be there */
    uint64_t memory_bytes;       /* and what they take */
};

struct host_list {
    struct host_entry *entries; /* in order of their names */
    size_t count;
};

MUST_USE int host_list_make(const struct facts *facts, struct arena *arena, struct host_list *out,
                            struct err *err);

/*
 * The ranges to read for it: all hosts, cordons and intents, or (`name` not NULL) those of one.
 * Their keys are in the context's arena. ERR_NOMEM.
 */
#define HOST_LIST_RANGES 3
MUST_USE int host_list_ranges(struct context *context, const char *name,
                              struct etcd_range ranges[HOST_LIST_RANGES], struct err *err);

/* The host, or NULL. */
const struct host_entry *host_list_find(const struct host_list *list, const char *name);

/* "ready", "cordoned", "draining", "drained" (no node is left), and "away" before each. */
const char *host_entry_state(const struct host_entry *entry);

/* ERR_NOT_FOUND: there is no such host, and which there are. */
int host_list_unknown(const struct host_list *list, const char *name, struct err *err);

#endif
