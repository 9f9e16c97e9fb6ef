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
struct etcd_pager;

struct etcd_call_kind {
    const char *path;
    const char *name; /* for messages */
    enum etcd_request request;
    unsigned patience; /* how many times a try's length it waits; 0: once */
    bool once;         /* not to be sent again when it may have been carried out */
    bool login;        /* needs no token, it fetches one */
    /* Understand the reply; fill call->reply. 1: a part of it only, call->body asks for more. */
    int (*read)(struct etcd_call *call, const char *body, size_t size, struct err *err);
    /* Call the user back; `err` is NULL after a successful read. Releases call->reply then. */
    void (*tell)(struct etcd_call *call, const struct err *err);
};

union etcd_done {
    etcd_range_fn *range;
    etcd_txn_fn *txn;
    etcd_lease_fn *lease;
};

union etcd_reply {
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
    struct etcd_pager *pager; /* of a read; released with the call */
    struct etcd_waiter waiter;
    struct http_request *request;
    struct loop_timer *timer; /* between tries */
    size_t endpoint;          /* of the try that is on its way */
    unsigned failures;
    unsigned refusals; /* of tokens */
    unsigned login;    /* that brought the token of the try */
    size_t received;   /* bytes of all replies */
    uint64_t begun_ns;
    uint64_t try_start_ms;
    uint64_t deadline_ms;
};

/* What a call begins with. */
struct etcd_ask {
    const struct etcd_call_kind *kind;
    struct str *body;         /* taken over in any case */
    struct etcd_pager *pager; /* likewise; NULL for all but reads */
    union etcd_done done;
    void *ctx;
};

/* Start a call; `*out` is valid until its kind's `tell`. */
MUST_USE int etcd_call_start(struct etcd *etcd, const struct etcd_ask *ask, struct etcd_call **out,
                             struct err *err);

/* Drop all, or those that were made with `ctx`, without telling. */
void etcd_calls_drop(struct etcd *etcd);
void etcd_calls_drop_of(struct etcd *etcd, const void *ctx);

/* etcd_range.c */
void etcd_pager_free(struct etcd_pager *pager);
/* The page that `body` asks for was not answered: ask for a smaller one, if that can be. */
void etcd_pager_step_back(struct etcd_pager *pager, struct str *body);

#endif
