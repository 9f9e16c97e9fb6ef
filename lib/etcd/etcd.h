/*
 * etcd - a client of etcd v3 on the event loop.
 *
 * All calls are asynchronous: the request is copied, and `done` comes later on the loop, once,
 * never from inside the call. A call itself fails only for want of memory or a bad request.
 * Requests try the endpoints in turn with a time limit per try, backoff and jitter, until
 * `request_timeout_ms` went without progress; then ERR_UNAVAILABLE. Reads and compares are
 * linearizable.
 *
 * A write whose answer was lost has an unknown outcome: it is not tried again behind the caller's
 * back, and fails with ERR_TIMEOUT ("outcome unknown"); the caller reads what is there. Because
 * that is dear, the answer to a write is waited for four times as long as that to a read. A write
 * that surely was not sent is tried at the next endpoint.
 *
 * etcd_free() and etcd_cancel() drop what is pending without calling back. All of it may be called
 * from callbacks.
 *
 * Facts about etcd's JSON gateway, which the implementation speaks, stand in etcd_wire.h.
 */
#ifndef ETCD_ETCD_H
#define ETCD_ETCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/histogram.h"
#include "loop/loop.h"

#define ETCD_ENDPOINTS_MAX 16
#define ETCD_TXN_OPS_MAX 128         /* etcd's default limit per list */
#define ETCD_VALUE_BYTES_MAX 1500000 /* of all values in a transaction together */
#define ETCD_LEASE_TTL_S_MIN 2

struct etcd;

struct etcd_options {
    const char *endpoints; /* "http://127.0.0.1:2379,https://…", comma separated */
    const char *ca_file;   /* NULL: the system's */
    const char *cert_file; /* client certificate; NULL: none */
    const char *key_file;
    const char *user; /* NULL: no authentication */
    const char *password;
    uint64_t try_timeout_ms;     /* 0: 500 */
    uint64_t request_timeout_ms; /* 0: 5,000; UINT64_MAX: try for ever */
};

/* ERR_INVALID for endpoints that are none. Nothing is connected yet. */
MUST_USE int etcd_new(struct loop *loop, const struct etcd_options *options, struct etcd **out,
                      struct err *err);
void etcd_free(struct etcd *etcd);
DEFINE_CLEANUP(struct etcd, etcd_free);

/* Drop all reads, transactions and lease requests that were made with `ctx`. */
void etcd_cancel(struct etcd *etcd, const void *ctx);

struct etcd_kv {
    const char *key;
    const char *value; /* NUL-terminated behind value_bytes */
    size_t value_bytes;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t lease; /* 0: none */
};

/* ---- Reads ---- */

/* Long lists are read in pages, all of one revision. Keys that hold a NUL are passed over. */
struct etcd_range {
    const char *key;
    bool prefix;       /* all keys that begin with `key` */
    const char *end;   /* all keys from `key` on that are below `end`; NULL: by `prefix` */
    uint64_t revision; /* 0: now. ERR_COMPACTED when it is gone, perhaps between two pages */
    uint64_t limit;    /* 0: all */
    bool keys_only;
};

struct etcd_range_result {
    uint64_t revision;         /* of the store at the read */
    const struct etcd_kv *kvs; /* ascending by key */
    size_t count;
    bool more;      /* `limit` cut the list */
    uint64_t total; /* keys there are, cut off or not */
};

/* On failure `result` is NULL and `err` says why; valid during the call only. */
typedef void etcd_range_fn(void *ctx, const struct etcd_range_result *result,
                           const struct err *err);
MUST_USE int etcd_range(struct etcd *etcd, const struct etcd_range *range, etcd_range_fn *done,
                        void *ctx, struct err *err);

/*
 * Several keys or short lists in one request, all of the first one's revision, ascending within
 * each range and in the order of the ranges. There are no pages: what is read must be small.
 * `total` is that of all together. ERR_LIMIT for more than ETCD_TXN_OPS_MAX ranges.
 */
MUST_USE int etcd_ranges(struct etcd *etcd, const struct etcd_range *ranges, size_t count,
                         etcd_range_fn *done, void *ctx, struct err *err);

/* ---- Transactions: all writes go through them ---- */

enum etcd_compare_target {
    ETCD_CREATE_REVISION, /* equals `revision`; 0: the key does not exist */
    ETCD_MOD_REVISION,    /* the same */
    ETCD_NOTHING_NEWER,   /* no key that begins with `key` was put after `revision` */
};

struct etcd_compare {
    const char *key;
    enum etcd_compare_target target;
    uint64_t revision;
};

struct etcd_op {
    enum { ETCD_PUT, ETCD_DELETE, ETCD_DELETE_PREFIX } kind;
    const char *key;
    const char *value; /* ETCD_PUT */
    size_t value_bytes;
    uint64_t lease; /* ETCD_PUT; 0: none */
};

/* ERR_LIMIT for more than ETCD_TXN_OPS_MAX of a kind, or values of more than ETCD_VALUE_BYTES_MAX.
 */
struct etcd_txn {
    const struct etcd_compare *compares;
    size_t compares_count;
    const struct etcd_op *ops; /* when all compares hold; else nothing happens */
    size_t ops_count;
};

struct etcd_txn_result {
    bool succeeded; /* false: a compare did not hold, nothing was written */
    uint64_t revision;
};

typedef void etcd_txn_fn(void *ctx, const struct etcd_txn_result *result, const struct err *err);
MUST_USE int etcd_txn(struct etcd *etcd, const struct etcd_txn *txn, etcd_txn_fn *done, void *ctx,
                      struct err *err);

/* ---- Leases ---- */

/* `lease` is 0 on failure; `ttl_s` is what etcd granted, 0 for a keepalive of a lease that is gone.
 */
typedef void etcd_lease_fn(void *ctx, uint64_t lease, uint64_t ttl_s, const struct err *err);
MUST_USE int etcd_lease_grant(struct etcd *etcd, uint64_t ttl_s, etcd_lease_fn *done, void *ctx,
                              struct err *err);
MUST_USE int etcd_lease_keepalive(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                                  struct err *err);
MUST_USE int etcd_lease_revoke(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                               struct err *err);

/* ---- Watch ---- */

struct etcd_event {
    bool deleted;
    struct etcd_kv kv; /* of a deletion: key and mod_revision only */
};

struct etcd_watch;

/* Events of one or more whole revisions, in order; `revision` is the last one. */
typedef void etcd_events_fn(void *ctx, const struct etcd_event *events, size_t count,
                            uint64_t revision);
/*
 * The watch ended, always with a reason, and is to be freed: ERR_COMPACTED (list again),
 * ERR_DENIED, ERR_UNAVAILABLE (watch again from the next revision; the client has already
 * waited its backoff and turned to another endpoint).
 */
typedef void etcd_watch_end_fn(void *ctx, const struct err *err);

/* Watch all keys that begin with `prefix`, from `revision` on (inclusive). Loss of quorum ends it
 * too. */
MUST_USE int etcd_watch_new(struct etcd *etcd, const char *prefix, uint64_t revision,
                            etcd_events_fn *events, etcd_watch_end_fn *end, void *ctx,
                            struct etcd_watch **out, struct err *err);
void etcd_watch_free(struct etcd_watch *watch);
DEFINE_CLEANUP(struct etcd_watch, etcd_watch_free);

/* ---- State, for logs, status and metrics ---- */

/* name, text */
#define ETCD_REQUESTS(X)                  \
    X(RANGE, "range")                     \
    X(TXN, "txn")                         \
    X(LEASE_GRANT, "lease_grant")         \
    X(LEASE_KEEPALIVE, "lease_keepalive") \
    X(LEASE_REVOKE, "lease_revoke")       \
    X(LOGIN, "login")

enum etcd_request {
#define X(name, text) ETCD_REQUEST_##name,
    ETCD_REQUESTS(X)
#undef X
        ETCD_REQUEST_COUNT
};

/* Since etcd_new(). */
struct etcd_counts {
    /* Of each request from the call to its end, with all tries; failed ones too. */
    struct histogram seconds[ETCD_REQUEST_COUNT];
    uint64_t failures[ETCD_REQUEST_COUNT]; /* of these: that ended with a failure */
    uint64_t failed_tries;                 /* of requests and watches */
    uint64_t watches_ended;                /* each for a reason, and followed by another one */
    uint64_t watch_events;
};

extern const struct histogram_bounds etcd_seconds_bounds;

const char *etcd_request_text(enum etcd_request request);
const struct etcd_counts *etcd_counts(const struct etcd *etcd);

/* Since when nothing has come from any member: milliseconds. A watch looks for life
 * every few seconds, so more than that is silence. */
uint64_t etcd_silence_ms(const struct etcd *etcd);

/* The last failure of any try, "" when the last one went well. */
const char *etcd_trouble(const struct etcd *etcd);

#endif
