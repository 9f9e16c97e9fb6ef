/*
 * counting - what the module counts and whom it answered, on its way into the tally.
 *
 * Counters are in memcached's own memory, as are the pollers, and go to <partition>/tally
 * (discovery/tally.h): a poller's row when it has news, the counters a few times a second at most.
 * What is not written yet is written when a thread next waits for events, and memcached's clock
 * sees to it that one does each second. A request that is not ours costs one look at a flag per
 * wait. Without a file, everything is counted and nothing is written.
 *
 * Any thread may call.
 */
#ifndef MODULE_COUNTING_H
#define MODULE_COUNTING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "discovery/names.h"
#include "discovery/pollers.h"
#include "discovery/request.h"
#include "discovery/tally.h"
#include "watcher/module/conn.h"

struct counting {
    atomic_uint_fast64_t counts[TALLY_COUNT];
    atomic_bool dirty;           /* something is not written yet */
    atomic_uint_fast64_t due_ms; /* not before */
    pthread_mutex_t lock;        /* of what follows */
    uint64_t started_s;
    char path[PARTITION_PATH_MAX + 16];
    int fd; /* of the tally; -1: none is open */
    struct pollers pollers;
    uint64_t written_s[POLLERS_MAX]; /* `seen_s` of a row as the file has it */
};

/* Count from zero, and tell nobody until counting_follow(). */
void counting_begin(struct counting *counting);

/* Count from zero into the tally at `path`, and go on with the pollers that it knows. Once, before
 * there are other threads. */
void counting_follow(struct counting *counting, const char *path);

void counting_add(struct counting *counting, enum tally_counter counter, uint64_t n);

/* A read of the partition at `conn` was answered with `version`; 0: there was nothing to serve.
 * `sent`: all of the answer; else the client may never get it, and counts as told nothing. */
void counting_read(struct counting *counting, struct conn *conn, enum request_kind kind,
                   uint32_t version, bool sent);

/* Write what is due. */
void counting_write(struct counting *counting);

/* The same, to be called before each wait for events. */
static inline void counting_tick(struct counting *counting)
{
    if (atomic_load_explicit(&counting->dirty, memory_order_relaxed)) {
        counting_write(counting);
    }
}

#endif
