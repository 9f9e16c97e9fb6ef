/*
 * http - HTTP/1.1 POST requests on the loop, with libcurl.
 *
 * For JSON services: every request is a POST with a JSON body. Connections are kept and used
 * again; an idle one whose peer vanished is noticed after a few seconds. Proxies of the
 * environment are not used. A request is sent at most once: when a kept connection breaks under
 * it, it fails and says so, and whoever made it decides about another try.
 *
 * The caller's callbacks run on the loop, never inside http_start(), and may start, cancel and
 * free anything, struct http included.
 */
#ifndef LOOP_HTTP_H
#define LOOP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

#define HTTP_URL_MAX 1024
#define HTTP_CONNECTIONS_KEPT_MAX 32

struct http;
struct http_request;

/* Files in PEM; NULL: none, for `ca_file` the system's. Copied. */
struct http_options {
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
};

MUST_USE int http_new(struct loop *loop, const struct http_options *options, struct http **out,
                      struct err *err);
/* Pending requests are dropped without calling back. */
void http_free(struct http *http);
DEFINE_CLEANUP(struct http, http_free);

struct http_result {
    unsigned status; /* of HTTP; 0: no reply began */
    char *body; /* NUL-terminated; the callback may change it; of a stream: the unconsumed rest */
    size_t body_bytes;
    bool sent; /* false: surely nothing of the request has reached the peer */
};

/*
 * A reply is complete (`err` is NULL), or what went wrong: ERR_TIMEOUT, ERR_LIMIT, ERR_IO; `result`
 * is valid during the call. The request is gone.
 */
typedef void http_done_fn(void *ctx, const struct http_result *result, const struct err *err);

/* More of a stream came; `received` is all that was not yet dropped from it with str_drop_head().
 */
typedef void http_data_fn(void *ctx, struct str *received);

struct http_call {
    const char *url;
    const char *body;
    size_t body_bytes;
    const char *const *headers;  /* "Name: value", NULL-terminated; NULL: none */
    uint64_t connect_timeout_ms; /* 0: curl's */
    uint64_t timeout_ms;         /* of the whole request; 0: none */
    size_t reply_bytes_max;      /* body, or unconsumed rest of a stream; beyond: ERR_LIMIT */
    http_data_fn *data;          /* NULL: the body is collected for `done` */
    http_done_fn *done;
    void *ctx;
};

/* Start a request; everything is copied. `*out` is valid until `done` is called. */
MUST_USE int http_start(struct http *http, const struct http_call *call, struct http_request **out,
                        struct err *err);

/* Drop a request; no callback comes any more. NULL is fine. */
void http_cancel(struct http_request *request);

#endif
