#include "etcd/etcd_call.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#define REFUSALS_MAX 2
#define TRIM_BYTES_MIN 262144U /* replies beyond leave a heap worth trimming */

/* etcd gives a proposal up after 5 s at least. An earlier "no leader" was said at the door. */
#define ETCD_PROPOSAL_MS_MIN 5000U

static void call_free(struct etcd_call *call)
{
    if (call == NULL) {
        return;
    }
    if (call->link != NULL) {
        *call->link = call->next;
        if (call->next != NULL) {
            call->next->link = call->link;
        }
    }
    if (call->waiter.waiting) {
        etcd_login_wait_stop(call->etcd, &call->waiter);
    }
    http_cancel(call->request);
    loop_timer_free(call->timer);
    etcd_pager_free(call->pager);
    str_deinit(&call->body);
    free(call);
}
DEFINE_CLEANUP(struct etcd_call, call_free);

void etcd_calls_drop(struct etcd *etcd)
{
    struct etcd_call *call = etcd->calls;

    while (call != NULL) {
        struct etcd_call *next = call->next;

        call_free(call);
        call = next;
    }
}

void etcd_calls_drop_of(struct etcd *etcd, const void *ctx)
{
    struct etcd_call *call = etcd->calls;

    while (call != NULL) {
        struct etcd_call *next = call->next;

        if (call->ctx == ctx && !call->kind->login) {
            call_free(call);
        }
        call = next;
    }
}

static void count(const struct etcd_call *call, const struct err *err)
{
    struct etcd_counts *counts = &call->etcd->counts;
    enum etcd_request request = call->kind->request;

    histogram_add(&counts->seconds[request], &etcd_seconds_bounds,
                  (double)(clock_mono_ns() - call->begun_ns) / 1e9);
    counts->failures[request] += err == NULL ? 0 : 1;
}

/* Off the list first: the callback may free the client. */
static void finish(struct etcd_call *call, const struct err *err)
{
    count(call, err);
    *call->link = call->next;
    if (call->next != NULL) {
        call->next->link = call->link;
    }
    call->link = NULL;
    if (call->waiter.waiting) {
        etcd_login_wait_stop(call->etcd, &call->waiter);
    }
    loop_timer_free(TAKE(call->timer));
    http_cancel(TAKE(call->request));
    call->kind->tell(call, err);
    call_free(call);
}

static void try_now(struct etcd_call *call);

static void on_pause_over(void *ctx)
{
    try_now(ctx);
}

/* The try failed, and nothing forbids another one. */
static void try_later(struct etcd_call *call, const struct err *why)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t pause_ms = etcd_backoff_ms(call->etcd, ++call->failures);
    struct err err = *why;

    if (call->deadline_ms <= now_ms || call->deadline_ms - now_ms <= pause_ms) {
        (void)err_wrap(&err, "%s: no success after %u %s", call->kind->name, call->failures,
                       call->failures == 1 ? "try" : "tries");
        err.code = ERR_UNAVAILABLE;
        finish(call, &err);
        return;
    }
    if (call->pager != NULL) {
        etcd_pager_step_back(call->pager, &call->body);
    }
    loop_timer_start(call->timer, pause_ms);
}

static void outcome_unknown(struct etcd_call *call, const struct err *why)
{
    struct err err = *why;

    (void)err_wrap(&err, "%s: outcome unknown", call->kind->name);
    err.code = ERR_TIMEOUT;
    finish(call, &err);
}

static void log_in_again(struct etcd_call *call, const struct err *why)
{
    if (call->etcd->user == NULL || call->kind->login || REFUSALS_MAX <= call->refusals) {
        finish(call, why);
        return;
    }
    call->refusals++;
    etcd_login_forget(call->etcd, call->login);
    try_now(call);
}

/* `advice` is about a request that may have been sent. */
static void follow(struct etcd_call *call, enum etcd_advice advice, const struct err *err)
{
    switch (advice) {
    case ETCD_GIVE_UP:
        finish(call, err);
        break;
    case ETCD_LOG_IN:
        log_in_again(call, err);
        break;
    case ETCD_TRY_CLEAN:
        etcd_endpoint_failed(call->etcd, call->endpoint, err);
        try_later(call, err);
        break;
    case ETCD_TRY_AGAIN:
        etcd_endpoint_failed(call->etcd, call->endpoint, err);
        if (call->kind->once) {
            outcome_unknown(call, err);
        } else {
            try_later(call, err);
        }
        break;
    }
}

static void on_failure(struct etcd_call *call, const struct http_result *result)
{
    enum etcd_advice advice;
    struct err err;

    advice = etcd_wire_failure(result->status, result->body, result->body_bytes, &err);
    if (advice == ETCD_TRY_CLEAN && ETCD_PROPOSAL_MS_MIN <= clock_mono_ms() - call->try_start_ms) {
        advice = ETCD_TRY_AGAIN;
    }
    follow(call, advice, &err);
}

static uint64_t deadline_from(const struct etcd *etcd, uint64_t now_ms)
{
    return UINT64_MAX - now_ms < etcd->request_timeout_ms ? UINT64_MAX
                                                          : now_ms + etcd->request_timeout_ms;
}

/* A part has come: the time limit is for what makes no progress. */
static void ask_for_more(struct etcd_call *call)
{
    call->failures = 0;
    call->deadline_ms = deadline_from(call->etcd, clock_mono_ms());
    try_now(call);
}

static void on_reply(void *ctx, const struct http_result *result, const struct err *problem)
{
    struct etcd_call *call = ctx;
    struct etcd_endpoint *endpoint = &call->etcd->endpoints[call->endpoint];
    size_t received;
    struct err err;
    int rv;

    call->request = NULL;
    if (problem != NULL) {
        err = *problem;
        (void)err_wrap(&err, "%s", endpoint->url);
        follow(call, result->sent ? ETCD_TRY_AGAIN : ETCD_TRY_CLEAN, &err);
        return;
    }
    etcd_endpoint_heard(call->etcd, call->endpoint);
    call->received += result->body_bytes;
    if (etcd_wire_is_failure(result->status, result->body)) {
        on_failure(call, result);
        return;
    }
    rv = call->kind->read(call, result->body, result->body_bytes, &err);
    if (rv < 0) {
        (void)err_wrap(&err, "%s", endpoint->url);
        follow(call, ETCD_TRY_AGAIN, &err);
        return;
    }
    if (0 < rv) {
        ask_for_more(call);
        return;
    }
    received = call->received;
    finish(call, NULL);
    if (TRIM_BYTES_MIN <= received) {
        (void)malloc_trim(0);
    }
}

static void on_logged_in(struct etcd_waiter *waiter, enum etcd_advice advice, const struct err *err)
{
    struct etcd_call *call =
        (struct etcd_call *)(void *)((char *)waiter - offsetof(struct etcd_call, waiter));

    if (err == NULL) {
        try_now(call);
    } else if (advice == ETCD_GIVE_UP) {
        finish(call, err);
    } else {
        try_later(call, err);
    }
}

static uint64_t try_timeout_ms(const struct etcd_call *call, uint64_t now_ms)
{
    uint64_t patience = call->kind->patience == 0 ? 1 : call->kind->patience;
    uint64_t timeout_ms = patience * call->etcd->try_timeout_ms;
    uint64_t left_ms = call->deadline_ms <= now_ms ? 1 : call->deadline_ms - now_ms;

    return timeout_ms < left_ms ? timeout_ms : left_ms;
}

static int try_start(struct etcd_call *call, struct err *err)
{
    struct etcd *etcd = call->etcd;
    struct etcd_send send = {
        .path = call->kind->path,
        .body = str_text(&call->body),
        .body_bytes = call->body.size,
        .with_token = !call->kind->login,
        .done = on_reply,
        .ctx = call,
    };

    if (!call->kind->login && !etcd_is_logged_in(etcd)) {
        call->waiter.fn = on_logged_in;
        return etcd_login_wait(etcd, &call->waiter, err);
    }
    call->endpoint = etcd->current;
    call->login = etcd->logins;
    call->try_start_ms = clock_mono_ms();
    send.endpoint = call->endpoint;
    send.timeout_ms = try_timeout_ms(call, call->try_start_ms);
    return etcd_send(etcd, &send, &call->request, err);
}

static void try_now(struct etcd_call *call)
{
    struct err err;

    if (try_start(call, &err) < 0) {
        try_later(call, &err);
    }
}

static struct etcd_call *call_new(struct etcd *etcd, const struct etcd_ask *ask)
{
    struct etcd_call *call = mem_alloc(sizeof(*call));

    if (call == NULL) {
        str_deinit(ask->body);
        etcd_pager_free(ask->pager);
        return NULL;
    }
    *call = (struct etcd_call){ .etcd = etcd, .kind = ask->kind, .done = ask->done };
    call->ctx = ask->ctx;
    call->pager = ask->pager;
    call->body = *ask->body;
    str_init(ask->body, 0);
    call->deadline_ms = deadline_from(etcd, clock_mono_ms());
    call->begun_ns = clock_mono_ns();
    return call;
}

int etcd_call_start(struct etcd *etcd, const struct etcd_ask *ask, struct etcd_call **out,
                    struct err *err)
{
    CLEANUP(call_free_p) struct etcd_call *call = call_new(etcd, ask);
    int rv;

    if (call == NULL || str_failed(&call->body)) {
        return err_set(err, ERR_NOMEM, "%s: out of memory or too large", ask->kind->name);
    }
    rv = loop_timer_new(etcd->loop, on_pause_over, call, &call->timer, err);
    if (rv < 0) {
        return rv;
    }
    rv = try_start(call, err);
    if (rv < 0) {
        return rv;
    }
    call->next = etcd->calls;
    call->link = &etcd->calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    etcd->calls = call;
    *out = TAKE(call);
    return 0;
}
