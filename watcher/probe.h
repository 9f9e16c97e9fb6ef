/*
 * probe - the one connection to a node's data port: does it answer, who answers discovery there,
 * what is served, how many clients are connected.
 *
 * After probe_start() it asks at short intervals until the port answers for the first time
 * (memcached takes some milliseconds), then every PROBE_MS. Callbacks come on the loop, never from
 * inside a call; a probe may be freed inside its own callbacks.
 */
#ifndef WATCHER_PROBE_H
#define WATCHER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "model/node.h"

#define PROBE_MS 2000U
#define PROBE_TIMEOUT_MS 1000U
#define PROBE_FIRST_MS 2U
#define PROBE_FIRST_MAX_MS 250U
#define PROBE_CLIENTS_MS 1000U

struct probe;

struct probe_events {
    /* The port answered. The first time after a start `mode` says whether it knows discovery
     * (IN_PROCESS) or not (BESIDE); later it is NONE: as before. */
    void (*answered)(void *ctx, enum partition_mode mode);
    /* An answer did not come. */
    void (*silent)(void *ctx, const struct err *err);
    /* How many clients are connected, this probe left out; REPORT_CLIENTS_UNKNOWN. */
    void (*clients)(void *ctx, int64_t clients);
};

MUST_USE int probe_new(struct loop *loop, const char *ip, uint16_t port,
                       const struct probe_events *events, void *ctx, struct probe **out,
                       struct err *err);
void probe_free(struct probe *probe);
DEFINE_CLEANUP(struct probe, probe_free);

/* A process was started or adopted: find out anew. */
void probe_start(struct probe *probe);

/* Nothing runs. */
void probe_stop(struct probe *probe);

/* Whether to count clients, every PROBE_CLIENTS_MS. */
void probe_count_clients(struct probe *probe, bool on);

/* `record` is NULL when none is served (or on failure). */
typedef void probe_record_fn(void *ctx, const char *record, size_t record_bytes,
                             const struct err *err);

/* Ask the data port what it serves as muster:config. probe_start() and probe_stop() drop the
 * question. */
MUST_USE int probe_read_record(struct probe *probe, probe_record_fn *done, void *ctx,
                               struct err *err);

/* The client connections in an answer to `stats`, this probe's left out;
 * REPORT_CLIENTS_UNKNOWN. */
int64_t probe_clients_in(const char *stats);

#endif
