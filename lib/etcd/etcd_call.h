/*
 * etcd_call - one request to etcd, through as many tries as it takes.
 *
 * A call is told about once, by its kind's `tell`, and is gone then. What a kind of request does
 * with a good reply stands in its table entry (etcd.c); this file only knows tries.
 */
#ifndef ETCD_ETCD_CALL_H
#define ETCD_ETCD_CALL_H

#include "etcd/etcd_client.h"

struct etcd_call;

struct etcd_call_kind {
    const char *path;
    const char *name; /* for messages */
    bool once;        /* not to be sent again when it may have been carried out */
    bool login;       /* needs no token, it fetches one */
    /* Understand the reply; fill call->reply. */
    int (*read)(struct etcd_call *call, const char *body, size_t size, struct err *err);
    /* Call the user back; `err` is NULL after a successful read. Releases call->reply. */
    void (*tell)(struct etcd_call *call, const struct err *err);
};

union etcd_done {
    etcd_range_fn *range;
    etcd_txn_fn *txn;
    etcd_lease_fn *lease;
};

union etcd_reply {
    struct etcd_wire_range range;
    struct etcd_txn_result txn;
    struct {
        uint64_t id;
        uint64_t ttl_s;
    } lease;
    char *token;
};

struct etcd_call {
    struct etcd *etcd;
    struct etcd_call *next; /* in etcd->calls */
    struct etcd_call **link;
    const struct etcd_call_kind *kind;
    struct str body;
    union etcd_done done;
    void *ctx;
    union etcd_reply reply;
    struct etcd_waiter waiter;
    struct http_request *request;
    struct loop_timer *timer; /* between tries */
    size_t endpoint;          /* of the try that is on its way */
    unsigned failures;
    unsigned refusals; /* of tokens */
    unsigned login;    /* that brought the token of the try */
    uint64_t try_start_ms;
    uint64_t deadline_ms;
};

/* Start the call, whose body is written already; takes `body` over in any case. */
MUST_USE int etcd_call_start(struct etcd *etcd, const struct etcd_call_kind *kind, struct str *body,
                             union etcd_done done, void *ctx, struct err *err);

/* Drop it without telling. */
void etcd_call_drop(struct etcd_call *call);

#endif
