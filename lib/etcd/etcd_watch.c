/* The watches of etcd.h. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "etcd/etcd.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_request.h"

#define REQUEST_BYTES_MAX 16384U
#define OPEN_PATIENCE 4 /* tries' lengths until a watch must be confirmed or a probe answered */
#define SILENCE_MS_MAX 3000U /* of a member, before it is asked whether it lives */
#define TRIM_BYTES_MIN 262144U

enum watch_state {
    WATCH_LOGIN,   /* waits for a token */
    WATCH_OPENING, /* sent, not yet confirmed */
    WATCH_LIVE,
    WATCH_PROBING, /* live, and the member is asked whether it is */
    WATCH_ENDED,   /* waits with telling it until the next try makes sense */
};

struct etcd_watch {
    struct etcd *etcd; /* NULL: freed before the watch */
    struct etcd_watch *next;
    struct etcd_watch **link;
    enum watch_state state;
    struct str body;
    uint64_t revision; /* the first that is wanted */
    etcd_events_fn *events;
    etcd_watch_end_fn *end;
    void *ctx;
    size_t endpoint;
    struct etcd_waiter waiter;
    unsigned login; /* that brought the token */
    struct http_request *request;
    struct http_request *probe;
    struct loop_timer *timer;
    size_t scanned; /* bytes of the unfinished line that hold no line end */
    bool telling;
    bool freed; /* while telling */
    struct err why;
};

static void fail(struct etcd_watch *watch, enum etcd_advice advice, const struct err *err);

static void set_state(struct etcd_watch *watch, enum watch_state state, uint64_t timer_ms)
{
    watch->state = state;
    loop_timer_start(watch->timer, timer_ms);
}

static uint64_t patience_ms(const struct etcd_watch *watch)
{
    return OPEN_PATIENCE * watch->etcd->try_timeout_ms;
}

/* ---- The stream ---- */

/* Another history than what was read before: a store that was emptied or restored. */
static bool is_other_history(const struct etcd_watch *watch, const struct etcd_header *header)
{
    const struct etcd_header *seen = &watch->etcd->seen;

    return header->revision + 1 < watch->revision ||
           (seen->cluster_id != 0 && header->cluster_id != seen->cluster_id) ||
           header->raft_term < seen->raft_term;
}

static void on_created(struct etcd_watch *watch, const struct etcd_wire_watch *message)
{
    struct err err;

    if (is_other_history(watch, &message->header)) {
        err_record(&err, ERR_COMPACTED,
                   "etcd's history is another one: revision %llu, term %llu, wanted from %llu",
                   (unsigned long long)message->header.revision,
                   (unsigned long long)message->header.raft_term,
                   (unsigned long long)watch->revision);
        fail(watch, ETCD_GIVE_UP, &err);
        return;
    }
    watch->etcd->watch_failures = 0;
    set_state(watch, WATCH_LIVE, SILENCE_MS_MAX);
}

static void on_message(struct etcd_watch *watch, const struct etcd_wire_watch *message)
{
    if (message->created && watch->state == WATCH_OPENING && !message->ended) {
        on_created(watch, message);
    }
    if (message->ended) {
        fail(watch, message->advice, &message->end);
        return;
    }
    if (0 < message->count && watch->state != WATCH_ENDED) {
        /* Not the header's: a long backlog comes in parts, each with the store's revision. */
        uint64_t last = message->events[message->count - 1].kv.mod_revision;

        watch->revision = last + 1;
        watch->etcd->counts.watch_events += message->count;
        watch->events(watch->ctx, message->events, message->count, last);
    }
}

static void on_line(struct etcd_watch *watch, const char *line, size_t size)
{
    struct etcd_wire_watch message;
    struct err err;

    if (etcd_wire_watch(line, size, &message, &err) < 0) {
        fail(watch, ETCD_TRY_AGAIN, &err);
        return;
    }
    on_message(watch, &message);
    etcd_wire_watch_deinit(&message);
}

static bool goes_on(const struct etcd_watch *watch)
{
    return !watch->freed && watch->etcd != NULL && watch->state != WATCH_ENDED;
}

static void watch_release(struct etcd_watch *watch);

static void on_data(void *ctx, struct str *received)
{
    struct etcd_watch *watch = ctx;
    size_t used = 0;
    size_t biggest = 0;

    etcd_endpoint_heard(watch->etcd, watch->endpoint);
    watch->telling = true;
    while (goes_on(watch)) {
        const char *start = received->bytes + used;
        size_t left = received->size - used;
        const char *end = memchr(start + watch->scanned, '\n', left - watch->scanned);

        if (end == NULL) {
            watch->scanned = left;
            break;
        }
        watch->scanned = 0;
        used += (size_t)(end - start) + 1;
        biggest = biggest < (size_t)(end - start) ? (size_t)(end - start) : biggest;
        on_line(watch, start, (size_t)(end - start));
    }
    watch->telling = false;
    if (watch->freed) {
        watch_release(watch);
        return;
    }
    str_drop_head(received, used);
    if (TRIM_BYTES_MIN <= biggest) {
        (void)malloc_trim(0);
    }
}

/* Every end of the stream is a failure, whatever HTTP says about it. */
static void on_stream_end(void *ctx, const struct http_result *result, const struct err *problem)
{
    struct etcd_watch *watch = ctx;
    enum etcd_advice advice = ETCD_TRY_AGAIN;
    struct err err;

    watch->request = NULL;
    if (problem != NULL && problem->code == ERR_LIMIT) {
        err_record(&err, ERR_COMPACTED, "too much happened since revision %llu: %s",
                   (unsigned long long)watch->revision, problem->msg);
        advice = ETCD_GIVE_UP;
    } else if (problem != NULL) {
        err = *problem;
    } else if (etcd_wire_is_failure(result->status, result->body)) {
        advice = etcd_wire_failure(result->status, result->body, result->body_bytes, &err);
    } else {
        err_record(&err, ERR_IO, "etcd closed the watch");
    }
    fail(watch, advice, &err);
}

/* ---- Ends ---- */

static void watch_stop(struct etcd_watch *watch)
{
    if (watch->waiter.waiting) {
        etcd_login_wait_stop(watch->etcd, &watch->waiter);
    }
    http_cancel(TAKE(watch->request));
    http_cancel(TAKE(watch->probe));
}

/* The end is told when another watch makes sense, so that the user need not wait by itself. */
static void fail(struct etcd_watch *watch, enum etcd_advice advice, const struct err *err)
{
    struct etcd *etcd = watch->etcd;

    watch->why = *err;
    watch_stop(watch);
    if (advice == ETCD_LOG_IN && etcd->user != NULL) {
        etcd_login_forget(etcd, watch->login);
        watch->why.code = ERR_UNAVAILABLE;
    } else if (advice != ETCD_GIVE_UP) {
        watch->why.code = advice == ETCD_LOG_IN ? ERR_DENIED : ERR_UNAVAILABLE;
        (void)err_wrap(&watch->why, "%s", etcd->endpoints[watch->endpoint].url);
        etcd_endpoint_failed(etcd, watch->endpoint, &watch->why);
    }
    etcd->counts.watches_ended++;
    set_state(watch, WATCH_ENDED, etcd_backoff_ms(etcd, ++etcd->watch_failures));
}

/* ---- Signs of life ---- */

/* A member that is frozen keeps its connections alive: only an answer shows that it lives. */
static void on_probed(void *ctx, const struct http_result *result, const struct err *problem)
{
    struct etcd_watch *watch = ctx;
    struct err err;

    (void)result;
    watch->probe = NULL;
    if (problem != NULL) {
        err = *problem;
        (void)err_wrap(&err, "no sign of life");
        fail(watch, ETCD_TRY_AGAIN, &err);
        return;
    }
    etcd_endpoint_heard(watch->etcd, watch->endpoint);
    set_state(watch, WATCH_LIVE, SILENCE_MS_MAX);
}

static void probe(struct etcd_watch *watch)
{
    CLEANUP(str_deinit) struct str body;
    struct etcd_send send = {
        .endpoint = watch->endpoint,
        .path = ETCD_PATH_RANGE,
        .timeout_ms = patience_ms(watch),
        .done = on_probed,
        .ctx = watch,
    };
    struct err err;

    str_init(&body, REQUEST_BYTES_MAX);
    etcd_request_probe(&body);
    send.body = str_text(&body);
    send.body_bytes = body.size;
    if (str_failed(&body) || etcd_send(watch->etcd, &send, &watch->probe, &err) < 0) {
        set_state(watch, WATCH_LIVE, SILENCE_MS_MAX); /* no memory: ask later */
        return;
    }
    watch->state = WATCH_PROBING;
}

static void look_for_life(struct etcd_watch *watch)
{
    uint64_t silent_ms = clock_mono_ms() - watch->etcd->endpoints[watch->endpoint].heard_ms;

    if (silent_ms < SILENCE_MS_MAX) {
        set_state(watch, WATCH_LIVE, SILENCE_MS_MAX - silent_ms);
        return;
    }
    probe(watch);
}

/* ---- Opening ---- */

static int open_stream(struct etcd_watch *watch, struct err *err)
{
    struct etcd *etcd = watch->etcd;
    struct etcd_send send = {
        .endpoint = etcd->current,
        .path = ETCD_PATH_WATCH,
        .body = str_text(&watch->body),
        .body_bytes = watch->body.size,
        .with_token = true,
        .data = on_data,
        .done = on_stream_end,
        .ctx = watch,
    };
    int rv;

    watch->endpoint = etcd->current;
    watch->login = etcd->logins;
    rv = etcd_send(etcd, &send, &watch->request, err);
    if (rv < 0) {
        return rv;
    }
    set_state(watch, WATCH_OPENING, patience_ms(watch));
    return 0;
}

static void on_logged_in(struct etcd_waiter *waiter, enum etcd_advice advice, const struct err *err)
{
    struct etcd_watch *watch =
        (struct etcd_watch *)(void *)((char *)waiter - offsetof(struct etcd_watch, waiter));
    struct err own;

    if (err != NULL) {
        fail(watch, advice, err);
    } else if (open_stream(watch, &own) < 0) {
        fail(watch, ETCD_TRY_AGAIN, &own);
    }
}

static void on_timer(void *ctx)
{
    struct etcd_watch *watch = ctx;
    struct err err;

    switch (watch->state) {
    case WATCH_OPENING:
        err_record(&err, ERR_TIMEOUT, "watch not confirmed in time");
        fail(watch, ETCD_TRY_AGAIN, &err);
        break;
    case WATCH_LIVE:
        look_for_life(watch);
        break;
    case WATCH_ENDED:
        err = watch->why;
        watch->end(watch->ctx, &err);
        break;
    case WATCH_LOGIN:
    case WATCH_PROBING:
        break; /* have no timer: what they wait for ends by itself */
    }
}

/* ---- Lifecycle ---- */

static void watch_unlink(struct etcd_watch *watch)
{
    if (watch->link != NULL) {
        *watch->link = watch->next;
        if (watch->next != NULL) {
            watch->next->link = watch->link;
        }
        watch->link = NULL;
    }
}

static void watch_release(struct etcd_watch *watch)
{
    loop_timer_free(watch->timer);
    str_deinit(&watch->body);
    free(watch);
}

void etcd_watch_free(struct etcd_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->etcd != NULL) {
        watch_stop(watch);
        watch_unlink(watch);
    }
    if (watch->telling) {
        watch->freed = true;
        loop_timer_stop(watch->timer);
        return;
    }
    watch_release(watch);
}

void etcd_watches_drop(struct etcd *etcd)
{
    while (etcd->watches != NULL) {
        struct etcd_watch *watch = etcd->watches;

        watch_stop(watch);
        watch_unlink(watch);
        loop_timer_stop(watch->timer);
        watch->etcd = NULL;
    }
}

static int watch_start(struct etcd_watch *watch, struct err *err)
{
    if (etcd_is_logged_in(watch->etcd)) {
        return open_stream(watch, err);
    }
    watch->state = WATCH_LOGIN;
    watch->waiter.fn = on_logged_in;
    return etcd_login_wait(watch->etcd, &watch->waiter, err);
}

int etcd_watch_new(struct etcd *etcd, const char *prefix, uint64_t revision, etcd_events_fn *events,
                   etcd_watch_end_fn *end, void *ctx, struct etcd_watch **out, struct err *err)
{
    CLEANUP(etcd_watch_free_p) struct etcd_watch *watch = mem_alloc(sizeof(*watch));
    int rv;

    if (watch == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *watch = (struct etcd_watch){ .etcd = etcd, .revision = revision, .events = events };
    watch->end = end;
    watch->ctx = ctx;
    str_init(&watch->body, REQUEST_BYTES_MAX);
    etcd_request_watch(&watch->body, prefix, revision);
    if (str_failed(&watch->body)) {
        return err_set(err, ERR_NOMEM, "watch: out of memory, or the prefix is too long");
    }
    rv = loop_timer_new(etcd->loop, on_timer, watch, &watch->timer, err);
    if (rv < 0) {
        return rv;
    }
    rv = watch_start(watch, err);
    if (rv < 0) {
        return rv;
    }
    watch->next = etcd->watches;
    watch->link = &etcd->watches;
    if (watch->next != NULL) {
        watch->next->link = &watch->next;
    }
    etcd->watches = watch;
    *out = TAKE(watch);
    return 0;
}
