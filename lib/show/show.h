/*
 * show - the kinds of objects that `muster get` lists: how each is read and printed.
 *
 * Printing is pure: facts in, text out.
 */
#ifndef SHOW_SHOW_H
#define SHOW_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/context.h"
#include "client/facts.h"

struct peers_told;

struct show_request {
    const char *name; /* of one object, or of the cluster that it belongs to; NULL: all */
    uint64_t now_ms;
    struct arena *arena;
    const struct peers_told *peers; /* describing a cluster: what its nodes tell; NULL: not asked */
};

typedef int show_fn(const struct facts *facts, const struct show_request *request, struct str *out,
                    struct err *err);

struct show_kind {
    const char *name;     /* "clusters" */
    const char *singular; /* "cluster" */
    bool of_cluster;      /* none is an answer where the cluster of the name is there */
    int (*read)(struct context *context, const char *name, struct facts *facts, struct err *err);
    size_t (*count)(const struct facts *facts, const struct show_request *request);
    show_fn *table;
    show_fn *json; /* a list; of one object under its own name, the object */
    show_fn *yaml; /* NULL: that of the JSON */
    show_fn *names;
};

extern const struct show_kind show_clusters;
extern const struct show_kind show_nodes;
extern const struct show_kind show_joins;
extern const struct show_kind show_clients;
extern const struct show_kind show_hosts;
extern const struct show_kind show_events;

/* "10.0.0.1:11211" in `arena`; "" without a port, NULL: no memory. */
const char *show_address(struct arena *arena, const char *ip, uint16_t port);

/* Append "cordoned for 5m: new kernel". */
void show_cordon(const struct cordon *cordon, uint64_t now_ms, struct str *out);

#endif
