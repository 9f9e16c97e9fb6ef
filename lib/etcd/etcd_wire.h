/*
 * etcd_wire - reading what etcd's JSON gateway answers.
 *
 * Pure: a text goes in, a struct comes out. Facts that this relies on (etcd 3.4):
 * - Numbers of 64 bits come as texts, keys and values in base64, and zero values are left out: a
 *   transaction that did not succeed has no "succeeded", an event that is a put has no "type", the
 *   keepalive of a dead lease no "TTL".
 * - A refused request is HTTP 4xx or 5xx with {"error","message","code"}; a stream is ended by
 *   {"error":{"grpc_code",…}} behind HTTP 200.
 * - A watch is one JSON object a line, in chunks whose borders mean nothing. A watch that starts at
 *   a compacted revision, or is not permitted, is "created", then "canceled", and stays open.
 *
 * Keys that hold a NUL cannot be named by this interface and are passed over.
 */
#ifndef ETCD_ETCD_WIRE_H
#define ETCD_ETCD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"

struct etcd_header {
    uint64_t cluster_id;
    uint64_t revision;
    uint64_t raft_term;
};

/* ---- Failures ---- */

/* What a failed try means for the next one. */
enum etcd_advice {
    ETCD_GIVE_UP,   /* the answer is final */
    ETCD_TRY_AGAIN, /* another try may help; a write may have been carried out */
    ETCD_TRY_CLEAN, /* another try may help; nothing was carried out */
    ETCD_LOG_IN,    /* a (new) token is needed; nothing was carried out */
};

/* Whether a reply says that the request failed. */
bool etcd_wire_is_failure(unsigned status, const char *body);

/* Understand such a reply; `err` gets etcd's own words. */
enum etcd_advice etcd_wire_failure(unsigned status, const char *body, size_t size, struct err *err);

/* ---- Replies; ERR_PROTOCOL when they can't be understood ---- */

/* `result` and `last_key` borrow from `tree`. */
struct etcd_wire_range {
    struct etcd_header header;
    struct etcd_range_result result;
    struct etcd_kv *kvs;
    const char *last_key; /* of all that came, those that were passed over too; may hold NULs */
    size_t last_key_bytes;
    void *tree;
};

MUST_USE int etcd_wire_range(const char *body, size_t size, struct etcd_wire_range *out,
                             struct err *err);
/* Of a transaction that holds nothing but ranges. */
MUST_USE int etcd_wire_ranges(const char *body, size_t size, struct etcd_wire_range *out,
                              struct err *err);
void etcd_wire_range_deinit(struct etcd_wire_range *range);

MUST_USE int etcd_wire_txn(const char *body, size_t size, struct etcd_txn_result *out,
                           struct err *err);

/* Of a grant or a keepalive; `ttl_s` is 0 when the lease is gone. */
MUST_USE int etcd_wire_lease(const char *body, size_t size, uint64_t *lease, uint64_t *ttl_s,
                             struct err *err);

/* The token of a login, on the heap. */
MUST_USE int etcd_wire_token(const char *body, size_t size, char **out, struct err *err);

/* ---- Watch ---- */

struct etcd_wire_watch {
    struct etcd_header header;
    bool created;
    bool ended; /* `end` says why, `advice` what helps */
    enum etcd_advice advice;
    struct err end;
    struct etcd_event *events;
    size_t count;
    void *tree;
};

/* Read one line of a watch, without its line end. */
MUST_USE int etcd_wire_watch(const char *line, size_t size, struct etcd_wire_watch *out,
                             struct err *err);
void etcd_wire_watch_deinit(struct etcd_wire_watch *watch);

#endif
