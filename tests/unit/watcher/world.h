/*
 * world - a real etcd, a real watcher with real memcacheds, and a test in the controller's place.
 *
 * Slot n has the scene's address n. Whatever can't be done stops the test.
 */
#ifndef TEST_WATCHER_WORLD_H
#define TEST_WATCHER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/envelope.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "model/config.h"
#include "model/node.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

#define WORLD_CLUSTER "demo"
#define WORLD_HOST "w1"
#define WORLD_UID "00000000000000aa"
#define WORLD_DATA_PORT 11211
#define WORLD_DISCOVERY_PORT 11210

struct world {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct arena arena; /* of everything that was read */
    struct signing_key key;
    struct process *watcher;
    unsigned watchers; /* started so far */
};

/* etcd and keys; no watcher yet. */
void world_init(struct world *w);
void world_deinit(struct world *w);

/* Start a watcher with the usual options and these (NULL-terminated; may be NULL). */
void world_start_watcher(struct world *w, const char *const *more);

/* What it logged so far; on the heap. */
bool world_watcher_says(struct world *w, const char *text);

/* ---- In the controller's place ---- */

struct intent world_intent(uint32_t slot, enum intent_phase phase);
void world_put_intent(struct world *w, const struct intent *intent);
void world_delete_intent(struct world *w, uint32_t slot);
bool world_has_intent(struct world *w, uint32_t slot);

/* The slot's report in etcd; false: there is none. */
bool world_report(struct world *w, uint32_t slot, struct node_report *out);

typedef bool world_report_fn(const struct node_report *report, const void *ctx);

/* Wait for a report that pleases `fn`; that report. */
struct node_report world_await(struct world *w, uint32_t slot, world_report_fn *fn,
                               const void *ctx);
struct node_report world_await_up(struct world *w, uint32_t slot);
struct node_report world_await_served(struct world *w, uint32_t slot, uint32_t version);

/* world_init(), and a watcher with one node, with the module, up; that serves `version`. */
struct node_report world_begin(struct world *w);
struct node_report world_begin_serving(struct world *w, uint32_t version);
/* Up and serving `version` after at least `restarts`. */
struct node_report world_await_restarted(struct world *w, uint32_t slot, uint32_t version,
                                         uint32_t restarts);
struct node_report world_await_problem(struct world *w, uint32_t slot, const char *text);
void world_await_no_report(struct world *w, uint32_t slot);

bool world_host(struct world *w, struct host *out);

/* Wait until an event with this reason is there. */
void world_await_event(struct world *w, const char *reason);

/* ---- Configurations ---- */

/* What to make of a record; zeroed: a good one of WORLD_CLUSTER. */
struct world_record {
    uint32_t version;
    uint64_t epoch;
    const char *cluster;
    const char *uid;
    const struct signing_key *key;
};

/* A sealed record with slots 1 and 2 as members; the text lives in the arena. */
const char *world_seal(struct world *w, const struct world_record *record);

/* Store it in a partition through a port, as a client of memcached; the node's answer. */
void world_push(struct world *w, uint32_t slot, uint16_t port, const char *record);

/* Make, seal and push version `version` to the slot's data port. */
void world_push_version(struct world *w, uint32_t slot, uint32_t version);

/* What a port answers to a request, up to `end`; on the heap. */
char *world_ask(uint32_t slot, uint16_t port, const char *request, const char *end);

/* Whether `config get cluster` at the port tells this version (0: END). */
bool world_serves(uint32_t slot, uint16_t port, uint32_t version);

/* Whether there is such a process. */
bool world_lives(int64_t pid);
void world_await_end(int64_t pid);

#endif
