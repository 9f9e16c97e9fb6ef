#include "etcd/etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "etcd/etcd_call.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_request.h"

#define TRY_TIMEOUT_MS 500U
#define REQUEST_TIMEOUT_MS 5000U
#define BACKOFF_MS_MIN 50U
#define BACKOFF_MS_MAX 1000U
#define ENDPOINT_BYTES_MAX 256
#define TOKEN_BYTES_MAX 1024

/* ---- Endpoints ---- */

void etcd_endpoint_failed(struct etcd *etcd, size_t endpoint, const struct err *err)
{
    (void)snprintf(etcd->trouble, sizeof(etcd->trouble), "%s", err->msg);
    etcd->counts.failed_tries++;
    /* Of many requests that fail together only the first one moves on. */
    if (etcd->current == endpoint) {
        etcd->current = (endpoint + 1) % etcd->endpoints_count;
    }
}

void etcd_endpoint_heard(struct etcd *etcd, size_t endpoint)
{
    etcd->endpoints[endpoint].heard_ms = clock_mono_ms();
    etcd->trouble[0] = '\0';
}

/* xorshift64: spreads the tries of many clients; nothing depends on its quality. */
static uint64_t random_next(struct etcd *etcd)
{
    etcd->random ^= etcd->random << 13U;
    etcd->random ^= etcd->random >> 7U;
    etcd->random ^= etcd->random << 17U;
    return etcd->random;
}

uint64_t etcd_backoff_ms(struct etcd *etcd, unsigned failures)
{
    unsigned rounds = failures / (unsigned)etcd->endpoints_count;
    uint64_t limit_ms = BACKOFF_MS_MIN;

    if (failures % (unsigned)etcd->endpoints_count != 0) {
        return 0;
    }
    while (1 < rounds && limit_ms < BACKOFF_MS_MAX) {
        limit_ms *= 2;
        rounds--;
    }
    if (BACKOFF_MS_MAX < limit_ms) {
        limit_ms = BACKOFF_MS_MAX;
    }
    return limit_ms / 2 + random_next(etcd) % (limit_ms / 2);
}

/* ---- Requests ---- */

int etcd_send(struct etcd *etcd, const struct etcd_send *send, struct http_request **out,
              struct err *err)
{
    char url[ENDPOINT_BYTES_MAX + 64];
    const char *headers[] = {
        "Grpc-Metadata-hasleader: true", /* else loss of quorum hangs silently */
        send->with_token ? etcd->token : NULL,
        NULL,
    };
    struct http_call call = {
        .url = url,
        .body = send->body,
        .body_bytes = send->body_bytes,
        .headers = headers,
        .connect_timeout_ms = etcd->try_timeout_ms,
        .timeout_ms = send->timeout_ms,
        .reply_bytes_max = ETCD_REPLY_BYTES_MAX,
        .data = send->data,
        .done = send->done,
        .ctx = send->ctx,
    };

    (void)snprintf(url, sizeof(url), "%s%s", etcd->endpoints[send->endpoint].url, send->path);
    return http_start(etcd->http, &call, out, err);
}

/* ---- Login ---- */

static int read_token(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    call->reply.token = NULL;
    return etcd_wire_token(body, size, &call->reply.token, err);
}

static int token_set(struct etcd *etcd, const char *token, struct err *err)
{
    char header[TOKEN_BYTES_MAX + 32];

    if (TOKEN_BYTES_MAX < strlen(token)) {
        return err_set(err, ERR_PROTOCOL, "etcd's token has more than %d bytes", TOKEN_BYTES_MAX);
    }
    /* Without "Bearer": etcd takes the whole value for the token. */
    (void)snprintf(header, sizeof(header), "Authorization: %s", token);
    etcd->token = mem_strdup(header);
    return etcd->token == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static void tell_waiters(struct etcd *etcd, enum etcd_advice advice, const struct err *err)
{
    bool freed = false;

    etcd->freed = &freed;
    etcd->told = TAKE(etcd->waiters); /* who waits again meanwhile is for the next login */
    while (!freed && etcd->told != NULL) {
        struct etcd_waiter *waiter = etcd->told;

        etcd->told = waiter->next;
        waiter->waiting = false;
        waiter->fn(waiter, advice, err);
    }
    if (!freed) {
        etcd->freed = NULL;
    }
}

static void tell_token(struct etcd_call *call, const struct err *err)
{
    struct etcd *etcd = call->etcd;
    CLEANUP(mem_free_p) char *token = err == NULL ? call->reply.token : NULL;
    enum etcd_advice advice = ETCD_GIVE_UP;
    struct err own;

    etcd->login = NULL;
    etcd->logins++;
    if (token != NULL && token_set(etcd, token, &own) < 0) {
        err = &own;
    } else if (err != NULL && err->code == ERR_CONFLICT) {
        etcd->tokenless = true; /* authentication is not enabled */
        err = NULL;
    } else if (err != NULL && err->code == ERR_UNAVAILABLE) {
        advice = ETCD_TRY_CLEAN;
    }
    tell_waiters(etcd, advice, err);
}

static const struct etcd_call_kind login_kind = {
    .path = ETCD_PATH_LOGIN,
    .name = "login",
    .request = ETCD_REQUEST_LOGIN,
    .patience = 4, /* costs etcd 100 ms of computing */
    .login = true,
    .read = read_token,
    .tell = tell_token,
};

bool etcd_is_logged_in(const struct etcd *etcd)
{
    return etcd->user == NULL || etcd->token != NULL || etcd->tokenless;
}

static int login_start(struct etcd *etcd, struct err *err)
{
    struct str body;
    struct etcd_ask ask = { .kind = &login_kind, .body = &body };

    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_login(&body, etcd->user, etcd->password);
    return etcd_call_start(etcd, &ask, &etcd->login, err);
}

int etcd_login_wait(struct etcd *etcd, struct etcd_waiter *waiter, struct err *err)
{
    int rv = etcd->login == NULL ? login_start(etcd, err) : 0;

    if (rv < 0) {
        return rv;
    }
    waiter->waiting = true;
    waiter->next = etcd->waiters;
    etcd->waiters = waiter;
    return 0;
}

static void waiter_unlink(struct etcd_waiter **link, const struct etcd_waiter *waiter)
{
    while (*link != NULL && *link != waiter) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = waiter->next;
    }
}

void etcd_login_wait_stop(struct etcd *etcd, struct etcd_waiter *waiter)
{
    waiter_unlink(&etcd->waiters, waiter);
    waiter_unlink(&etcd->told, waiter);
    waiter->waiting = false;
}

void etcd_login_forget(struct etcd *etcd, unsigned login)
{
    if (login == etcd->logins) {
        free(TAKE(etcd->token));
        etcd->tokenless = false;
    }
}

/* ---- Calls ---- */

/* Start a call about which nothing but its end matters. */
static int call(struct etcd *etcd, const struct etcd_ask *ask, struct err *err)
{
    struct etcd_call *started;

    return etcd_call_start(etcd, ask, &started, err);
}

/* ---- Transactions ---- */

static int read_txn(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    return etcd_wire_txn(body, size, &call->reply.txn, err);
}

static void tell_txn(struct etcd_call *call, const struct err *err)
{
    call->done.txn(call->ctx, err == NULL ? &call->reply.txn : NULL, err);
}

static const struct etcd_call_kind txn_kind = {
    .path = ETCD_PATH_TXN,
    .name = "write",
    .request = ETCD_REQUEST_TXN,
    .patience = 4, /* to ask again would be dear: the caller would have to look what is there */
    .once = true,
    .read = read_txn,
    .tell = tell_txn,
};

static int txn_check(const struct etcd_txn *txn, struct err *err)
{
    size_t bytes = 0;
    size_t i;

    if (ETCD_TXN_OPS_MAX < txn->ops_count || ETCD_TXN_OPS_MAX < txn->compares_count) {
        return err_set(err, ERR_LIMIT, "a transaction of %zu compares and %zu writes: at most %d",
                       txn->compares_count, txn->ops_count, ETCD_TXN_OPS_MAX);
    }
    for (i = 0; i < txn->ops_count; i++) {
        size_t left = ETCD_VALUE_BYTES_MAX - bytes;

        if (left < txn->ops[i].value_bytes) {
            return err_set(err, ERR_LIMIT, "%s: more than %d bytes in a transaction",
                           txn->ops[i].key, ETCD_VALUE_BYTES_MAX);
        }
        bytes += txn->ops[i].value_bytes;
    }
    return 0;
}

int etcd_txn(struct etcd *etcd, const struct etcd_txn *txn, etcd_txn_fn *done, void *ctx,
             struct err *err)
{
    struct str body;
    struct etcd_ask ask = { .kind = &txn_kind, .body = &body, .done.txn = done, .ctx = ctx };
    int rv = txn_check(txn, err);

    if (rv < 0) {
        return rv;
    }
    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_txn(&body, txn);
    return call(etcd, &ask, err);
}

/* ---- Leases ---- */

static int read_lease(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    return etcd_wire_lease(body, size, &call->reply.lease.id, &call->reply.lease.ttl_s, err);
}

/* A revocation's reply holds nothing but the header. */
static int read_revocation(struct etcd_call *call, const char *body, size_t size, struct err *err)
{
    (void)body;
    (void)size;
    (void)err;
    call->reply.lease.id = 0;
    call->reply.lease.ttl_s = 0;
    return 0;
}

static void tell_lease(struct etcd_call *call, const struct err *err)
{
    if (err == NULL) {
        call->done.lease(call->ctx, call->reply.lease.id, call->reply.lease.ttl_s, NULL);
    } else {
        call->done.lease(call->ctx, 0, 0, err);
    }
}

/* Granted twice, the first lease runs out by itself. */
static const struct etcd_call_kind grant_kind = {
    .path = ETCD_PATH_LEASE_GRANT,
    .name = "lease grant",
    .request = ETCD_REQUEST_LEASE_GRANT,
    .read = read_lease,
    .tell = tell_lease,
};

static const struct etcd_call_kind keepalive_kind = {
    .path = ETCD_PATH_LEASE_KEEPALIVE,
    .name = "lease keepalive",
    .request = ETCD_REQUEST_LEASE_KEEPALIVE,
    .read = read_lease,
    .tell = tell_lease,
};

static const struct etcd_call_kind revoke_kind = {
    .path = ETCD_PATH_LEASE_REVOKE,
    .name = "lease revocation",
    .request = ETCD_REQUEST_LEASE_REVOKE,
    .read = read_revocation,
    .tell = tell_lease,
};

int etcd_lease_grant(struct etcd *etcd, uint64_t ttl_s, etcd_lease_fn *done, void *ctx,
                     struct err *err)
{
    struct str body;
    struct etcd_ask ask = { .kind = &grant_kind, .body = &body, .done.lease = done, .ctx = ctx };

    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_lease_grant(&body, ttl_s);
    return call(etcd, &ask, err);
}

int etcd_lease_keepalive(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                         struct err *err)
{
    struct str body;
    struct etcd_ask ask = { .kind = &keepalive_kind, .body = &body, .done.lease = done };

    ask.ctx = ctx;
    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_lease(&body, lease);
    return call(etcd, &ask, err);
}

int etcd_lease_revoke(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                      struct err *err)
{
    struct str body;
    struct etcd_ask ask = { .kind = &revoke_kind, .body = &body, .done.lease = done, .ctx = ctx };

    str_init(&body, ETCD_REQUEST_BYTES_MAX);
    etcd_request_lease(&body, lease);
    return call(etcd, &ask, err);
}

/* ---- Lifecycle ---- */

/* The size of the URL without trailing slashes; 0: not an endpoint. */
static size_t endpoint_size(const char *text, size_t size)
{
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : 7;

    while (0 < size && text[size - 1] == '/') {
        size--;
    }
    if (size <= scheme || ENDPOINT_BYTES_MAX < size ||
        (scheme == 7 && strncmp(text, "http://", 7) != 0) ||
        strcspn(text + scheme, " \t\r\n/?#\"\\") < size - scheme) {
        return 0;
    }
    return size;
}

static int endpoint_add(struct etcd *etcd, const char *text, size_t size, struct err *err)
{
    struct etcd_endpoint *endpoint = &etcd->endpoints[etcd->endpoints_count];
    size_t url_size = endpoint_size(text, size);

    if (url_size == 0) {
        return err_set(err, ERR_INVALID,
                       "etcd endpoint '%.*s': must look like http://HOST:PORT or https://HOST:PORT",
                       (int)(size < 80 ? size : 80), text);
    }
    if (etcd->endpoints_count == ETCD_ENDPOINTS_MAX) {
        return err_set(err, ERR_INVALID, "more than %d etcd endpoints", ETCD_ENDPOINTS_MAX);
    }
    endpoint->url = mem_alloc(url_size + 1);
    if (endpoint->url == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(endpoint->url, text, url_size);
    etcd->endpoints_count++;
    return 0;
}

static int endpoints_add(struct etcd *etcd, const char *text, struct err *err)
{
    for (;;) {
        size_t skipped = strspn(text, " ");
        size_t size = strcspn(text + skipped, ",");
        size_t trimmed = size;
        int rv;

        text += skipped;
        while (0 < trimmed && text[trimmed - 1] == ' ') {
            trimmed--;
        }
        rv = endpoint_add(etcd, text, trimmed, err);
        if (rv < 0) {
            return rv;
        }
        if (text[size] == '\0') {
            return 0;
        }
        text += size + 1;
    }
}

static int credentials_set(struct etcd *etcd, const struct etcd_options *options, struct err *err)
{
    if (options->user == NULL) {
        return 0;
    }
    etcd->user = mem_strdup(options->user);
    etcd->password = mem_strdup(options->password == NULL ? "" : options->password);
    if (etcd->user == NULL || etcd->password == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

int etcd_new(struct loop *loop, const struct etcd_options *options, struct etcd **out,
             struct err *err)
{
    CLEANUP(etcd_free_p) struct etcd *etcd = mem_alloc(sizeof(*etcd));
    struct http_options http_options = {
        .ca_file = options->ca_file,
        .cert_file = options->cert_file,
        .key_file = options->key_file,
    };
    int rv;

    if (etcd == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    etcd->loop = loop;
    etcd->begun_ms = clock_mono_ms();
    etcd->try_timeout_ms = options->try_timeout_ms == 0 ? TRY_TIMEOUT_MS : options->try_timeout_ms;
    etcd->request_timeout_ms =
        options->request_timeout_ms == 0 ? REQUEST_TIMEOUT_MS : options->request_timeout_ms;
    etcd->random = clock_mono_ns() ^ ((uint64_t)getpid() << 32U) ^ 1U;
    rv = endpoints_add(etcd, options->endpoints, err);
    if (rv < 0) {
        return rv;
    }
    rv = credentials_set(etcd, options, err);
    if (rv < 0) {
        return rv;
    }
    rv = http_new(loop, &http_options, &etcd->http, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(etcd);
    return 0;
}

void etcd_free(struct etcd *etcd)
{
    size_t i;

    if (etcd == NULL) {
        return;
    }
    if (etcd->freed != NULL) {
        *etcd->freed = true;
    }
    etcd_calls_drop(etcd);
    etcd_watches_drop(etcd);
    http_free(etcd->http);
    for (i = 0; i < etcd->endpoints_count; i++) {
        free(etcd->endpoints[i].url);
    }
    free(etcd->user);
    free(etcd->password);
    free(etcd->token);
    free(etcd);
}

void etcd_cancel(struct etcd *etcd, const void *ctx)
{
    etcd_calls_drop_of(etcd, ctx);
}

const char *etcd_trouble(const struct etcd *etcd)
{
    return etcd->trouble;
}

const struct histogram_bounds etcd_seconds_bounds = {
    .count = 12,
    .upper = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5 },
};

const char *etcd_request_text(enum etcd_request request)
{
    static const char *const texts[] = {
#define X(name, text) text,
        ETCD_REQUESTS(X)
#undef X
    };

    CHECK((size_t)request < ARRAY_COUNT(texts));
    return texts[request];
}

const struct etcd_counts *etcd_counts(const struct etcd *etcd)
{
    return &etcd->counts;
}

uint64_t etcd_silence_ms(const struct etcd *etcd)
{
    uint64_t heard_ms = etcd->begun_ms;
    size_t i;

    for (i = 0; i < etcd->endpoints_count; i++) {
        heard_ms = heard_ms < etcd->endpoints[i].heard_ms ? etcd->endpoints[i].heard_ms : heard_ms;
    }
    return clock_mono_ms() - heard_ms;
}
