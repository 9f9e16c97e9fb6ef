/*
 * show - the kinds of objects that `muster get` lists: how each is read and printed.
 *
 * Printing is pure: facts in, text out. Rows of the table, elements of the JSON list and lines of
 * names are of the same objects in the same order.
 */
#ifndef SHOW_SHOW_H
#define SHOW_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/clusters.h"
#include "client/context.h"
#include "client/facts.h"
#include "show/selector.h"
#include "show/table.h"

struct peers_told;

struct show_request {
    const char
        *name; /* of one object, or of the cluster that it belongs to; NULL: all, or `names` */
    const char *const *names; /* several; `name` is NULL then */
    size_t names_count;
    const struct selector *selector; /* of clusters by their labels; NULL: all */
    uint64_t since_ms;               /* events: none that is older; wall clock */
    bool wide;                       /* more columns */
    uint64_t now_ms;
    struct arena *arena;
    const struct peers_told *peers; /* describing a cluster: what its nodes tell; NULL: not asked */
};

typedef int show_fn(const struct facts *facts, const struct show_request *request, struct str *out,
                    struct err *err);

#define SHOW_FOLLOWS_MAX 3

struct show_kind {
    const char *name;     /* "clusters" */
    const char *singular; /* "cluster" */
    const char *brief;    /* "cl" */
    bool of_cluster;      /* none is an answer where the cluster of the name is there */
    bool fleeting;        /* that one is gone is not worth a word */
    bool labelled;        /* takes a selector */
    /* What to follow for changes, below the prefix; "%s" stands for the cluster, its slash included
     * ("" : all). None: the kind can't be followed. */
    const char *follows[SHOW_FOLLOWS_MAX];
    /* Read what `request` asks for. */
    int (*read)(struct context *context, const struct show_request *request, struct facts *facts,
                struct err *err);
    size_t (*count)(const struct facts *facts, const struct show_request *request);
    const struct table_column *columns;
    size_t columns_count;
    int (*rows)(const struct facts *facts, const struct show_request *request, struct table *table,
                struct err *err);
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
extern const struct show_kind show_sources;

/* All kinds, in the order in which help names them; NULL ends the list. */
extern const struct show_kind *const show_kinds[];

/* The kind by any of its names. ERR_USAGE names the nearest. */
MUST_USE int show_kind_find(const char *text, const struct show_kind **out, struct err *err);

/* Whether an object, or a cluster's objects, of that name are asked for. */
bool show_wants(const struct show_request *request, const char *name);

/* The same for a cluster; its labels count. */
bool show_wants_cluster(const struct show_request *request, const struct cluster_facts *cluster);

/* Read what `query` says of the clusters of the request: those that were named, else all. */
MUST_USE int show_read(struct context *context, const struct show_request *request,
                       const struct clusters_query *query, struct facts *facts, struct err *err);

/* Append the table of the objects asked for, the heading first. */
MUST_USE int show_table(const struct show_kind *kind, const struct facts *facts,
                        const struct show_request *request, struct str *out, struct err *err);

/* The rows alone, in `table`, which is begun here. */
MUST_USE int show_rows(const struct show_kind *kind, const struct facts *facts,
                       const struct show_request *request, struct table *table, struct err *err);

/* "10.0.0.1:11211" in `arena`; "" without a port, NULL: no memory. */
const char *show_address(struct arena *arena, const char *ip, uint16_t port);

/* "disk=ssd,rack=7" in `arena`; NULL: no memory. */
const char *show_labels(struct arena *arena, const struct label *labels, size_t count);

/* Append "cordoned for 5m: new kernel". */
void show_cordon(const struct cordon *cordon, uint64_t now_ms, struct str *out);

#endif
