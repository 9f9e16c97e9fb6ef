/*
 * facts - what the keys of etcd say, put together per cluster.
 *
 * Fed with keys and values in any order; decodes those kinds that it knows and joins the intent
 * and the report of each node. A value that can't be read is left out and noted. Everything lives
 * in the arena. No input or output: the same code serves a single listing and a live mirror.
 */
#ifndef CLIENT_FACTS_H
#define CLIENT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/config.h"
#include "model/join.h"
#include "model/name.h"
#include "model/node.h"
#include "model/source.h"
#include "model/spec.h"
#include "model/status.h"

#define FACTS_CLUSTERS_MAX 100000
#define FACTS_EVENTS_MAX 1000000
#define FACTS_ENDPOINT_SIZE (CLUSTER_NAME_MAX + DOMAIN_MAX + 16) /* with ".cfg." and ":65535" */

/* A slot on a host. While one takes another's place, a slot has two. */
struct node_facts {
    uint32_t slot;
    char host[HOST_NAME_TEXT_MAX + 1];
    const struct intent *intent;      /* NULL: none */
    const struct node_report *report; /* NULL: silent */
};

struct generation_facts {
    struct generation_facts *next; /* in the order they were added: that of the keys */
    struct spec_record record;
};

struct cluster_facts {
    struct cluster_facts *next; /* in order of the names */
    char name[CLUSTER_NAME_MAX + 1];
    const struct spec_record *spec; /* NULL each: no such key, or it can't be read */
    uint64_t spec_revision;         /* mod_revision of the spec's key; 0: no such key */
    const struct config *config;
    const struct alias *alias;
    const struct status *status;
    struct node_facts *nodes; /* ascending by slot, then by host */
    size_t nodes_count;
    size_t nodes_capacity;
    struct generation_facts *generations;
    struct generation_facts *generations_last;
    struct join_facts *joins;
    struct join_facts *joins_last;
    const struct join_verdict *verdicts; /* join_verdicts.h; entered by who lists joins */
    const struct clients_told *clients;  /* clients_told.h; entered by who lists clients */
};

struct intent_facts {
    struct intent_facts *next;
    struct intent intent;
};

/* A join request as one watcher saw it. */
struct join_facts {
    struct join_facts *next; /* in the order they were added: that of the keys */
    struct join_report seen;
};

struct host_facts {
    struct host_facts *next; /* in the order they were added: that of the keys */
    struct host host;
};

struct cordon_facts {
    struct cordon_facts *next; /* in the order they were added: that of the keys */
    struct cordon cordon;
};

struct source_facts {
    struct source_facts *next; /* in the order they were added: that of the keys */
    struct source source;
};

struct event_facts {
    struct event_facts *next; /* in the order they were added: that of the keys */
    const char *id;
    struct event event;
};

struct facts {
    struct arena *arena;
    const char *prefix;
    struct cluster_facts *clusters;
    struct cluster_facts *recent; /* keys of one cluster come in a row */
    size_t clusters_count;
    struct intent_facts *intents; /* all of them, in the order they were added */
    struct intent_facts *intents_last;
    struct host_facts *hosts;
    struct host_facts *hosts_last;
    struct cordon_facts *cordons;
    struct cordon_facts *cordons_last;
    struct source_facts *sources;
    struct source_facts *sources_last;
    struct event_facts *events;
    struct event_facts *events_last;
    size_t events_count;
    bool led; /* a controller leads */
    size_t bad_count;
    char bad[ERR_MSG_MAX]; /* the first value that can't be read, and why; "" : none */
};

/* Nothing known. `prefix` is that of the keys and outlives the facts. */
void facts_init(struct facts *facts, struct arena *arena, const char *prefix);

/* Take one key in. ERR_NOMEM only, also beyond a limit: a bad value is noted and passed over. */
MUST_USE int facts_add(struct facts *facts, const char *key, const char *value, size_t value_bytes,
                       uint64_t mod_revision, struct err *err);

/* The cluster, or NULL. */
const struct cluster_facts *facts_cluster(const struct facts *facts, const char *name);

/*
 * HOST:PORT to give to clients: the name of the endpoint's DNS record where the spec has a domain,
 * else the address that the alias is set to. "" while the alias is not set.
 */
void facts_endpoint(const struct cluster_facts *cluster, char out[FACTS_ENDPOINT_SIZE]);

/*
 * The node that stands for the slot: that which is up, of several the one that the configuration
 * lists, else the one that is to run. NULL: the slot has none.
 */
const struct node_facts *facts_slot(const struct cluster_facts *cluster, uint32_t slot);

/* The slot's node on the host, or NULL. */
const struct node_facts *facts_node(const struct cluster_facts *cluster, uint32_t slot,
                                    const char *host);

/* Whether it is a memcached that joined, rather than one that muster runs. */
bool facts_has_joined(const struct node_facts *node);

/* Whether the configuration lists the node: it names its address. */
bool facts_is_listed(const struct cluster_facts *cluster, const struct node_facts *node);

/* The `i`-th of the nodes as they are shown: of one slot the listed one comes first. */
const struct node_facts *facts_shown(const struct cluster_facts *cluster, size_t i);

/* The cordon of a host, or NULL. */
const struct cordon_facts *facts_cordon(const struct facts *facts, const char *host);

#endif
