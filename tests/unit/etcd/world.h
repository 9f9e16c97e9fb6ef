/*
 * world - a real etcd, perhaps behind relays, and a client of it on a loop.
 */
#ifndef TESTS_ETCD_WORLD_H
#define TESTS_ETCD_WORLD_H

#include "base/arena.h"
#include "etcd/etcd.h"
#include "etcd/etcd_wait.h"
#include "loop/loop.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/relay.h"
#include "support/scene.h"

#define RELAY_PORT 2379

struct world {
    struct etcd_server *server;
    struct relay *relay;
    struct loop *loop;
    struct etcd *etcd;
    struct arena arena;
};

/* One etcd, and a client that talks to it directly. */
void world_start(struct world *w);

/* The same by a client that gives a try up after WORLD_TRY_MS: longer than a busy machine makes
 * an etcd wait that is there, and no longer than a test can wait for one that is not. */
#define WORLD_TRY_MS UINT64_C(1000)
void world_start_impatient(struct world *w);

/* The same through w->relay. */
void world_start_relayed(struct world *w);

/* A client as the options want it; the loop is made when there is none. */
void world_open(struct world *w, const struct etcd_options *options);
void world_end(struct world *w);

/* Write by the client under test and wait: the revision. */
uint64_t world_put(struct world *w, const char *key, const char *value, uint64_t lease);

/* A transaction of one operation: what etcd_wait_txn() says. */
int world_write(struct world *w, const struct etcd_compare *compare, const struct etcd_op *op,
                struct etcd_txn_result *result, struct err *err);

struct etcd_range_result world_list(struct world *w, const char *prefix);

/* What etcd_wait_range() says of a single key. */
int world_read(struct world *w, const char *key, struct etcd_range_result *result, struct err *err);

#endif
