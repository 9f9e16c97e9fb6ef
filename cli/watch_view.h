/*
 * watch_view - a cluster on one screen: how it is, its nodes, its conditions, what happened last.
 * Pure: facts in, text out.
 *
 * Nodes that are not in order come first; of those that are, so many are told that there is room
 * for the rest.
 */
#ifndef CLI_WATCH_VIEW_H
#define CLI_WATCH_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/facts.h"

#define WATCH_NODES_MAX 16
#define WATCH_EVENTS_MAX 8

struct watch_request {
    const char *name;
    uint64_t now_ms;
    bool colour;
    struct arena *arena;
};

/* Append name, state, endpoint and a bar; and the nodes. */
MUST_USE int watch_view_head(const struct facts *facts, const struct watch_request *request,
                             struct str *out, struct err *err);

/* Append conditions and events. */
MUST_USE int watch_view_tail(const struct facts *facts, const struct watch_request *request,
                             struct str *out, struct err *err);

/* All that a decision about the cluster rests on, as a text to compare; in the arena. NULL: no
 * memory. */
const char *watch_view_print(const struct facts *facts, const struct watch_request *request);

#endif
