/*
 * node_load - what memcacheds themselves tell of their work (`stats` at their data ports), and what
 * two samples of it come to. Pure, but for node_load_ask(), which asks them.
 */
#ifndef SHOW_NODE_LOAD_H
#define SHOW_NODE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/ask_nodes.h"
#include "client/facts.h"
#include "show/table.h"

/* name in `stats`, member */
#define LOAD_COUNTERS(X)              \
    X("uptime", uptime_s)             \
    X("cmd_get", gets)                \
    X("cmd_set", sets)                \
    X("cmd_touch", touches)           \
    X("cmd_flush", flushes)           \
    X("delete_hits", delete_hits)     \
    X("delete_misses", delete_misses) \
    X("get_hits", hits)               \
    X("get_misses", misses)           \
    X("evictions", evictions)         \
    X("bytes", bytes)                 \
    X("limit_maxbytes", bytes_max)    \
    X("curr_items", items)            \
    X("curr_connections", connections)

struct load_counters {
#define X(name, member) uint64_t member;
    LOAD_COUNTERS(X)
#undef X
};

/* One node at one time. */
struct node_load {
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
    char host[HOST_NAME_TEXT_MAX + 1];
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    bool answers;
    const char *problem; /* why it does not; "" */
    uint64_t at_ns;      /* monotonic clock, when it was asked */
    struct load_counters now;
    /* What came since the sample before; false: there is none, or the node has started anew. */
    bool compared;
    uint64_t passed_ns;
    struct load_counters since; /* gets, sets, hits, misses, evictions, … of that time */
};

struct load_sample {
    struct node_load *nodes; /* by cluster, then as `get nodes` shows them */
    size_t count;
};

/* The nodes of the facts' clusters that have a report, of one (`name`) or of all. ERR_NOMEM. */
MUST_USE int load_sample_of(const struct facts *facts, const char *name, struct arena *arena,
                            struct load_sample *out, struct err *err);

/* Ask all of them, several at a time. Who does not answer says why. */
MUST_USE int load_sample_ask(struct loop *loop, struct load_sample *sample, struct arena *arena,
                             struct err *err);

/* Read the rows of `stats`. */
void load_read(const char *rows, struct load_counters *out);

/* Compare with the sample before. */
void load_compare(struct load_sample *sample, const struct load_sample *before);

/* Append a table of the nodes or (`of_clusters`) of what they come to together; and, a line each,
 * the nodes that don't answer. */
MUST_USE int load_table(const struct load_sample *sample, bool of_clusters, struct arena *arena,
                        struct str *out, struct err *err);
void load_json(const struct load_sample *sample, bool of_clusters, struct str *out);

#endif
