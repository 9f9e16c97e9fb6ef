/*
 * health - the one connection to a node's data port: does it answer, who answers discovery there,
 * what is served, how many clients are connected.
 *
 * After health_start() it asks at short intervals until the port answers for the first time
 * (memcached takes some milliseconds), then every HEALTH_MS. Callbacks come on the loop, never from
 * inside a call; it may be freed inside its own callbacks.
 */
#ifndef WATCHER_HEALTH_H
#define WATCHER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "model/node.h"

#define HEALTH_MS 2000U
#define HEALTH_TIMEOUT_MS 1000U
#define HEALTH_FIRST_MS 2U
#define HEALTH_FIRST_MAX_MS 250U
#define HEALTH_CLIENTS_MS 1000U
#define HEALTH_ANYBODY 0

struct health;

struct health_events {
    /* The process answered. The first time after a start, and when that has changed, `mode` says
     * whether it knows discovery (IN_PROCESS) or not (BESIDE); else it is NONE: as before. */
    void (*answered)(void *ctx, enum partition_mode mode);
    /* An answer did not come. */
    void (*silent)(void *ctx, const struct err *err);
    /* How many clients are connected, this connection left out; REPORT_CLIENTS_UNKNOWN. */
    void (*clients)(void *ctx, int64_t clients);
};

MUST_USE int health_new(struct loop *loop, const char *ip, uint16_t port,
                        const struct health_events *events, void *ctx, struct health **out,
                        struct err *err);
void health_free(struct health *health);
DEFINE_CLEANUP(struct health, health_free);

/* Process `pid` was started or adopted: find out anew. An answer of any other process that holds
 * the port is none. With pid HEALTH_ANYBODY, whoever answers will do: `answered` tells the
 * mode when another process does, and after each silence. */
void health_start(struct health *health, pid_t pid);

/* Who answered last, as it says itself; 0: it did not say, or nobody has answered. */
int64_t health_pid(const struct health *health);
/* And for how long it had run then. */
uint64_t health_uptime_s(const struct health *health);

/* Nothing runs. */
void health_stop(struct health *health);

/* Whether to count clients, every HEALTH_CLIENTS_MS. */
void health_count_clients(struct health *health, bool on);

/* `record` is NULL when none is served (or on failure). */
typedef void health_record_fn(void *ctx, const char *record, size_t record_bytes,
                              const struct err *err);

/* Ask the data port what it serves as muster:config. health_start() and health_stop() drop the
 * question. */
MUST_USE int health_read_record(struct health *health, health_record_fn *done, void *ctx,
                                struct err *err);

/* The client connections in an answer to `stats`, this one left out;
 * REPORT_CLIENTS_UNKNOWN. */
int64_t health_clients_in(const char *stats);

/* Who gave an answer to `stats`; 0: it does not say. */
int64_t health_pid_in(const char *stats);

#endif
