/*
 * join_list - requests to join, one for each joiner, and what the controller makes of them.
 *
 * Of several requests of one joiner the newest counts. Pure.
 */
#ifndef SHOW_JOIN_LIST_H
#define SHOW_JOIN_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/facts.h"
#include "show/join_verdicts.h"

struct join_entry {
    const char *cluster;
    const struct join *join;
    const char *seen_by;                /* the hosts whose watchers saw it: "h1,h2" */
    uint64_t seen_ms;                   /* when the first of them did */
    const struct join_verdict *verdict; /* NULL: nobody asked */
};

struct join_list {
    struct join_entry *entries; /* by cluster and joiner */
    size_t count;
};

/* Those of one cluster, or (NULL) of all. ERR_NOMEM. */
MUST_USE int join_list_make(const struct facts *facts, const char *cluster, struct arena *arena,
                            struct join_list *out, struct err *err);

#endif
