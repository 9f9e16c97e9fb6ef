/*
 * etcd_client - the inside of struct etcd: endpoints, login, and how long to wait.
 *
 * For etcd.c, etcd_call.c and etcd_watch.c only. One endpoint is the current one; everything new
 * goes there until it fails, so that a client uses one member and few connections.
 */
#ifndef ETCD_ETCD_CLIENT_H
#define ETCD_ETCD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd.h"
#include "etcd/etcd_wire.h"
#include "loop/http.h"
#include "loop/loop.h"

#define ETCD_REPLY_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define ETCD_REQUEST_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct etcd_call;
struct etcd_watch;

struct etcd_endpoint {
    char *url; /* without trailing slash */
    uint64_t heard_ms;
};

/* Who waits for a token. Embedded in calls and watches; `fn` is called once, off the list. */
struct etcd_waiter {
    struct etcd_waiter *next;
    bool waiting;
    void (*fn)(struct etcd_waiter *waiter, enum etcd_advice advice, const struct err *err);
};

struct etcd {
    struct loop *loop;
    struct http *http;
    struct etcd_endpoint endpoints[ETCD_ENDPOINTS_MAX];
    size_t endpoints_count;
    size_t current;
    uint64_t begun_ms;
    uint64_t try_timeout_ms;
    uint64_t request_timeout_ms;
    char *user;
    char *password;
    char *token;                 /* header line; NULL: not logged in */
    bool tokenless;              /* etcd asks for none */
    struct etcd_call *login;     /* on its way */
    struct etcd_waiter *waiters; /* for the token */
    struct etcd_waiter *told;    /* those of them that are being called just now */
    unsigned logins;             /* so far: tells tokens apart */
    struct etcd_call *calls;
    struct etcd_watch *watches;
    struct etcd_header seen; /* newest header of a linearizable read */
    unsigned watch_failures; /* in a row */
    struct etcd_counts counts;
    uint64_t random;
    bool *freed; /* set by etcd_free() while the client itself is calling back */
    char trouble[ERR_MSG_MAX];
};

/* ---- Endpoints ---- */

/* A try at `endpoint` failed: the next one goes elsewhere. */
void etcd_endpoint_failed(struct etcd *etcd, size_t endpoint, const struct err *err);

/* A member has answered, whatever it said. */
void etcd_endpoint_heard(struct etcd *etcd, size_t endpoint);

/* How long to wait after `failures` in a row: nothing while there are untried endpoints, then
 * doubling, with jitter. */
uint64_t etcd_backoff_ms(struct etcd *etcd, unsigned failures);

/* ---- Requests ---- */

struct etcd_send {
    size_t endpoint;
    const char *path;
    const char *body;
    size_t body_bytes;
    uint64_t timeout_ms; /* 0: none */
    bool with_token;
    http_data_fn *data;
    http_done_fn *done;
    void *ctx;
};

MUST_USE int etcd_send(struct etcd *etcd, const struct etcd_send *send, struct http_request **out,
                       struct err *err);

/* ---- Login ---- */

/* Whether requests can be sent now; else wait for the token. */
bool etcd_is_logged_in(const struct etcd *etcd);

/* Call `waiter->fn` when there is a token, or why there is none. Never at once. */
MUST_USE int etcd_login_wait(struct etcd *etcd, struct etcd_waiter *waiter, struct err *err);
void etcd_login_wait_stop(struct etcd *etcd, struct etcd_waiter *waiter);

/* The token that login number `login` brought was refused. */
void etcd_login_forget(struct etcd *etcd, unsigned login);

/* ---- Watches ---- */

/* End all watches without telling. */
void etcd_watches_drop(struct etcd *etcd);

#endif
