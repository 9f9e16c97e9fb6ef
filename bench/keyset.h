/*
 * keyset - all keys of an installation whose clusters have nothing to do, in memory.
 *
 * Nobody writes down here what a converged cluster looks like: the reconciler is asked until it
 * asks for nothing more, what it asks for is entered as the keys that the controller would write,
 * and for every node that it places a report is entered as a good watcher would write it. Hosts
 * have one address each, and zones take turns.
 */
#ifndef BENCH_KEYSET_H
#define BENCH_KEYSET_H

#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "codec/envelope.h"
#include "view/objects.h"
#include "view/view_build.h"

#define KEYSET_PREFIX "/muster/v1"
#define KEYSET_HOSTS_MAX 1000
#define KEYSET_VALUE_BYTES_MAX CONFIG_RECORD_BYTES_MAX
/* So that a view's age tells nothing: this long after everything happened nothing is awaited. */
#define KEYSET_SETTLED_MS UINT64_C(3600000)

struct keyset;

/* An installation of `hosts` hosts without clusters. `key` must outlive it. */
MUST_USE int keyset_new(const struct signing_key *key, unsigned hosts, struct keyset **out,
                        struct err *err);
void keyset_free(struct keyset *keyset);
DEFINE_CLEANUP(struct keyset, keyset_free);

/* Add a cluster and let it converge. ERR_FAILED when it does not: that is a fault of this file. */
MUST_USE int keyset_add_cluster(struct keyset *keyset, const char *name, uint32_t nodes,
                                struct err *err);

/* The wall clock at which all of it happened. */
uint64_t keyset_made_ms(const struct keyset *keyset);

struct objects *keyset_objects(struct keyset *keyset);

/* Put and remove any key. */
MUST_USE int keyset_put(struct keyset *keyset, const struct key *key, const char *value,
                        size_t value_bytes, struct err *err);
void keyset_remove(struct keyset *keyset, const struct key *key);

/* The object of that key; NULL: none is kept. It lives until the key changes. */
const struct object *keyset_object(const struct keyset *keyset, const struct key *key);

/* Every key with its value, in the order of the keys. A failure ends it. */
typedef int keyset_fn(void *ctx, const char *key, const char *value, size_t value_bytes,
                      struct err *err);
MUST_USE int keyset_each(const struct keyset *keyset, keyset_fn *fn, void *ctx, struct err *err);

/* The key of the host with this number, from 0. */
struct key keyset_host_key(unsigned host);

/* The key of the report about the node that `intent` asks for. */
struct key keyset_report_key(const struct intent *intent);

/* The report of a node that runs as its intent says and serves `config` (NULL: nothing yet). Texts
 * are borrowed. */
struct node_report keyset_report(const struct intent *intent, const struct config *config);

#endif
