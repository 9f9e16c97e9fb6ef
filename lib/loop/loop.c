#include "loop/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"

struct loop {
    uv_loop_t uv;
    uv_timer_t deadline;         /* of loop_run_until() */
    uv_idle_t awake;             /* keeps a turn from sleeping while something is deferred */
    uv_check_t turn_end;         /* runs what is deferred */
    struct loop_defer *deferred; /* for the end of this turn */
    struct loop_defer *running;  /* the rest of those that the end of this turn runs */
    size_t works;                /* on their way */
    size_t closing;              /* handles whose memory libuv still uses */
    bool stopped;
    bool overdue;
};

static void on_closed_free(uv_handle_t *handle)
{
    struct loop *loop = handle->loop->data;

    CHECK(0 < loop->closing);
    loop->closing--;
    free(handle->data);
}

/* The memory behind `handle->data` goes when libuv has let go of the handle. */
static void handle_close(struct loop *loop, uv_handle_t *handle)
{
    loop->closing++;
    uv_close(handle, on_closed_free);
}

/* ---- The loop ---- */

static void on_deadline(uv_timer_t *deadline)
{
    struct loop *loop = deadline->loop->data;

    uv_stop(&loop->uv);
    loop->overdue = true;
}

static void on_awake(uv_idle_t *awake)
{
    (void)awake;
}

static void on_turn_end(uv_check_t *turn_end);

int loop_new(struct loop **out, struct err *err)
{
    struct loop *loop = mem_alloc(sizeof(*loop));
    int rv;

    if (loop == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = uv_loop_init(&loop->uv);
    if (rv < 0) {
        free(loop);
        return err_set(err, ERR_FAILED, "start the event loop: %s", uv_strerror(rv));
    }
    loop->uv.data = loop;
    /* These cannot fail: they only fill the handle. */
    CHECK(uv_timer_init(&loop->uv, &loop->deadline) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->awake) == 0);
    CHECK(uv_check_init(&loop->uv, &loop->turn_end) == 0);
    uv_unref((uv_handle_t *)&loop->deadline);
    uv_unref((uv_handle_t *)&loop->turn_end);
    (void)signal(SIGPIPE, SIG_IGN);
    *out = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    uv_handle_t *own[3];
    size_t i;

    if (loop == NULL) {
        return;
    }
    while (0 < loop->works) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    CHECK(loop->deferred == NULL);
    own[0] = (uv_handle_t *)&loop->deadline;
    own[1] = (uv_handle_t *)&loop->awake;
    own[2] = (uv_handle_t *)&loop->turn_end;
    for (i = 0; i < ARRAY_COUNT(own); i++) {
        handle_close(loop, own[i]);
    }
    while (0 < loop->closing) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    /* Whatever is left was not freed before its loop. */
    CHECK(uv_loop_close(&loop->uv) == 0);
    free(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped && uv_run(&loop->uv, UV_RUN_ONCE) != 0) {
    }
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
    loop->stopped = true;
}

int loop_run_until(struct loop *loop, const bool *done, uint64_t timeout_ms, struct err *err)
{
    bool busy = true;
    bool stopped;

    loop->overdue = false;
    uv_update_time(&loop->uv);
    if (timeout_ms != UINT64_MAX) {
        (void)uv_timer_start(&loop->deadline, on_deadline, timeout_ms, 0);
    }
    while (!*done && !loop->stopped && !loop->overdue && busy) {
        busy = uv_run(&loop->uv, UV_RUN_ONCE) != 0;
    }
    (void)uv_timer_stop(&loop->deadline);
    stopped = loop->stopped;
    loop->stopped = false;
    if (*done) {
        return 0;
    }
    if (stopped) {
        return err_set(err, ERR_CANCELED, "stopped");
    }
    if (loop->overdue) {
        return err_set(err, ERR_TIMEOUT, "not done after %llu ms", (unsigned long long)timeout_ms);
    }
    return err_set(err, ERR_FAILED, "nothing is left to wait for");
}

/* ---- Deferred calls ---- */

struct loop_defer {
    struct loop *loop;
    struct loop_defer *next;
    bool scheduled; /* in one of the loop's two lists */
    loop_fn *fn;
    void *ctx;
};

static void on_turn_end(uv_check_t *turn_end)
{
    struct loop *loop = turn_end->loop->data;

    /* What these schedule belongs to the next turn, so that the loop cannot starve. */
    loop->running = TAKE(loop->deferred);
    (void)uv_idle_stop(&loop->awake);
    (void)uv_check_stop(&loop->turn_end);
    while (loop->running != NULL) {
        struct loop_defer *defer = loop->running;

        loop->running = defer->next;
        defer->scheduled = false;
        defer->fn(defer->ctx);
    }
}

int loop_defer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_defer **out,
                   struct err *err)
{
    struct loop_defer *defer = mem_alloc(sizeof(*defer));

    if (defer == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *defer = (struct loop_defer){ .loop = loop, .fn = fn, .ctx = ctx };
    *out = defer;
    return 0;
}

void loop_defer_schedule(struct loop_defer *defer)
{
    struct loop *loop = defer->loop;
    struct loop_defer **end = &loop->deferred;

    if (defer->scheduled) {
        return;
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    defer->scheduled = true;
    defer->next = NULL;
    *end = defer;
    (void)uv_idle_start(&loop->awake, on_awake);
    (void)uv_check_start(&loop->turn_end, on_turn_end);
}

static void unlink_from(struct loop_defer **list, const struct loop_defer *defer)
{
    while (*list != NULL && *list != defer) {
        list = &(*list)->next;
    }
    if (*list != NULL) {
        *list = defer->next;
    }
}

static void defer_stop(struct loop_defer *defer)
{
    if (defer->scheduled) {
        unlink_from(&defer->loop->deferred, defer);
        unlink_from(&defer->loop->running, defer);
        defer->scheduled = false;
    }
}

void loop_defer_free(struct loop_defer *defer)
{
    if (defer != NULL) {
        defer_stop(defer);
        free(defer);
    }
}

/* ---- Timers ---- */

struct loop_timer {
    uv_timer_t uv;
    /* For 0 ms: libuv would call such a timer in the turn that started it, and one that starts
     * itself again would keep everything else from running. */
    struct loop_defer at_once;
};

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;

    /* Timers come before the sleep of a turn; whoever waits for their effect looks before that. */
    uv_stop(uv->loop);
    timer->at_once.fn(timer->at_once.ctx);
}

int loop_timer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_timer **out,
                   struct err *err)
{
    struct loop_timer *timer = mem_alloc(sizeof(*timer));

    if (timer == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    timer->at_once = (struct loop_defer){ .loop = loop, .fn = fn, .ctx = ctx };
    CHECK(uv_timer_init(&loop->uv, &timer->uv) == 0);
    timer->uv.data = timer;
    *out = timer;
    return 0;
}

void loop_timer_start(struct loop_timer *timer, uint64_t after_ms)
{
    loop_timer_stop(timer);
    if (after_ms == 0) {
        loop_defer_schedule(&timer->at_once);
        return;
    }
    /* libuv counts from the start of this turn, which a long callback has left behind. */
    uv_update_time(timer->uv.loop);
    (void)uv_timer_start(&timer->uv, on_timer, after_ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    (void)uv_timer_stop(&timer->uv);
    defer_stop(&timer->at_once);
}

bool loop_timer_running(const struct loop_timer *timer)
{
    return timer->at_once.scheduled || uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        defer_stop(&timer->at_once);
        handle_close(timer->at_once.loop, (uv_handle_t *)&timer->uv);
    }
}

/* ---- Descriptors ---- */

struct loop_fd {
    uv_poll_t uv;
    struct loop *loop;
    unsigned wanted;
    loop_fd_fn *fn;
    void *ctx;
};

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct loop_fd *watch = uv->data;
    unsigned told = 0;

    if (status < 0) {
        /* libuv has stopped watching; whoever reads or writes now learns why. */
        told = watch->wanted;
        watch->wanted = 0;
    } else {
        told |= (events & UV_READABLE) != 0 ? LOOP_READABLE : 0U;
        told |= (events & UV_WRITABLE) != 0 ? LOOP_WRITABLE : 0U;
    }
    watch->fn(watch->ctx, told);
}

int loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *ctx, struct loop_fd **out,
                struct err *err)
{
    struct loop_fd *watch = mem_alloc(sizeof(*watch));
    int rv;

    if (watch == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *watch = (struct loop_fd){ .loop = loop, .fn = fn, .ctx = ctx };
    rv = uv_poll_init(&loop->uv, &watch->uv, fd);
    if (rv < 0) {
        free(watch);
        return err_set(err, ERR_IO, "watch descriptor %d: %s", fd, uv_strerror(rv));
    }
    watch->uv.data = watch;
    *out = watch;
    return 0;
}

void loop_fd_want(struct loop_fd *watch, unsigned events)
{
    int poll = 0;

    if (events == watch->wanted) {
        return;
    }
    watch->wanted = events;
    poll |= (events & LOOP_READABLE) != 0 ? UV_READABLE : 0;
    poll |= (events & LOOP_WRITABLE) != 0 ? UV_WRITABLE : 0;
    CHECK(uv_poll_start(&watch->uv, poll, on_poll) == 0);
}

void loop_fd_free(struct loop_fd *watch)
{
    if (watch != NULL) {
        handle_close(watch->loop, (uv_handle_t *)&watch->uv);
    }
}

/* ---- Signals ---- */

struct loop_signal {
    uv_signal_t uv;
    struct loop *loop;
    loop_fn *fn;
    void *ctx;
};

static void on_signal(uv_signal_t *uv, int signum)
{
    struct loop_signal *watch = uv->data;

    (void)signum;
    watch->fn(watch->ctx);
}

int loop_signal_new(struct loop *loop, int signum, loop_fn *fn, void *ctx, struct loop_signal **out,
                    struct err *err)
{
    struct loop_signal *watch = mem_alloc(sizeof(*watch));
    int rv;

    if (watch == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *watch = (struct loop_signal){ .loop = loop, .fn = fn, .ctx = ctx };
    rv = uv_signal_init(&loop->uv, &watch->uv);
    if (rv < 0) {
        free(watch);
        return err_set(err, ERR_IO, "watch signal %d: %s", signum, uv_strerror(rv));
    }
    watch->uv.data = watch;
    rv = uv_signal_start(&watch->uv, on_signal, signum);
    if (rv < 0) {
        handle_close(loop, (uv_handle_t *)&watch->uv);
        return err_set(err, ERR_INVALID, "watch signal %d: %s", signum, uv_strerror(rv));
    }
    *out = watch;
    return 0;
}

void loop_signal_free(struct loop_signal *watch)
{
    if (watch != NULL) {
        handle_close(watch->loop, (uv_handle_t *)&watch->uv);
    }
}

/* ---- Work on other threads ---- */

struct work {
    uv_work_t uv;
    struct loop *loop;
    loop_fn *work;
    loop_fn *done;
    void *ctx;
};

static void on_work(uv_work_t *uv)
{
    struct work *work = uv->data;

    work->work(work->ctx);
}

static void on_work_done(uv_work_t *uv, int status)
{
    struct work *work = uv->data;
    loop_fn *done = work->done;
    void *ctx = work->ctx;

    CHECK(status == 0); /* nothing cancels work */
    work->loop->works--;
    free(work);
    done(ctx);
}

int loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *ctx, struct err *err)
{
    struct work *item = mem_alloc(sizeof(*item));

    if (item == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *item = (struct work){ .loop = loop, .work = work, .done = done, .ctx = ctx };
    item->uv.data = item;
    CHECK(uv_queue_work(&loop->uv, &item->uv, on_work, on_work_done) == 0);
    loop->works++;
    return 0;
}
