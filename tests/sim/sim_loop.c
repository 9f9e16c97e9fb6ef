/*
 * lib/loop/loop.h on virtual time. A deferred call is an event of the same millisecond: it comes
 * after all that is due already. Descriptors and signals don't exist here: what needs one is
 * substituted as a whole, or fails.
 */
#include "loop/loop.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim.h"
#include "sim/sim_loop.h"

#define LATER_MS 1 /* work on another thread takes a moment */

#define ENDED_MS 60000 /* longer than anybody takes to see it */

struct loop {
    struct sim *sim;
    bool stopped;
};

struct loop_timer {
    struct loop *loop;
    struct sim_event event;
};

struct loop_defer {
    struct loop *loop;
    struct sim_event event;
};

struct work {
    struct sim_event event;
    loop_fn *work;
    loop_fn *done;
    void *ctx;
};

/* ---- Life ---- */

int loop_new(struct loop **out, struct err *err)
{
    struct loop *loop = mem_alloc(sizeof(*loop));

    if (loop == NULL) {
        return err_set(err, ERR_NOMEM, "loop");
    }
    loop->sim = sim_current();
    *out = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    free(loop);
}

/* Nothing of the program runs any more; whoever runs it sees soon that it has ended. */
void loop_stop(struct loop *loop)
{
    if (!loop->stopped) {
        loop->stopped = true;
        sim_party_pause(sim_running(loop->sim), ENDED_MS);
    }
}

bool sim_loop_stopped(const struct loop *loop)
{
    return loop->stopped;
}

/* The simulator runs all loops at once; a program that wants to run its own is none of it. */
void loop_run(struct loop *loop)
{
    (void)loop;
    CHECK(false);
}

int loop_run_until(struct loop *loop, const bool *done, uint64_t timeout_ms, struct err *err)
{
    (void)loop;
    (void)done;
    (void)timeout_ms;
    return err_set(err, ERR_FAILED, "a simulated loop is not run by its program");
}

/* ---- Timers ---- */

int loop_timer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_timer **out,
                   struct err *err)
{
    struct loop_timer *timer = mem_alloc(sizeof(*timer));

    if (timer == NULL) {
        return err_set(err, ERR_NOMEM, "timer");
    }
    timer->loop = loop;
    sim_event_init(&timer->event, sim_running(loop->sim), fn, ctx);
    *out = timer;
    return 0;
}

void loop_timer_start(struct loop_timer *timer, uint64_t after_ms)
{
    sim_event_plan(timer->loop->sim, &timer->event, after_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    sim_event_cancel(timer->loop->sim, &timer->event);
}

bool loop_timer_running(const struct loop_timer *timer)
{
    return sim_event_planned(&timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        loop_timer_stop(timer);
        free(timer);
    }
}

/* ---- Deferred calls ---- */

int loop_defer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_defer **out,
                   struct err *err)
{
    struct loop_defer *defer = mem_alloc(sizeof(*defer));

    if (defer == NULL) {
        return err_set(err, ERR_NOMEM, "deferred call");
    }
    defer->loop = loop;
    sim_event_init(&defer->event, sim_running(loop->sim), fn, ctx);
    *out = defer;
    return 0;
}

void loop_defer_schedule(struct loop_defer *defer)
{
    if (!sim_event_planned(&defer->event)) {
        sim_event_plan(defer->loop->sim, &defer->event, 0);
    }
}

void loop_defer_free(struct loop_defer *defer)
{
    if (defer != NULL) {
        sim_event_cancel(defer->loop->sim, &defer->event);
        free(defer);
    }
}

/* ---- Work ---- */

static void on_work(void *ctx)
{
    struct work *work = ctx;

    work->work(work->ctx);
    work->done(work->ctx);
    free(work);
}

int loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *ctx, struct err *err)
{
    struct work *made = mem_alloc(sizeof(*made));

    if (made == NULL) {
        return err_set(err, ERR_NOMEM, "work");
    }
    made->work = work;
    made->done = done;
    made->ctx = ctx;
    sim_event_init(&made->event, sim_running(loop->sim), on_work, made);
    sim_event_plan(loop->sim, &made->event, LATER_MS);
    return 0;
}

/* ---- What is not there ---- */

int loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *ctx, struct loop_fd **out,
                struct err *err)
{
    (void)loop;
    (void)fn;
    (void)ctx;
    (void)out;
    return err_set(err, ERR_FAILED, "no descriptor %d in here", fd);
}

void loop_fd_want(struct loop_fd *watch, unsigned events)
{
    (void)watch;
    (void)events;
}

void loop_fd_free(struct loop_fd *watch)
{
    (void)watch;
}

int loop_signal_new(struct loop *loop, int signum, loop_fn *fn, void *ctx, struct loop_signal **out,
                    struct err *err)
{
    (void)loop;
    (void)fn;
    (void)ctx;
    (void)out;
    return err_set(err, ERR_FAILED, "no signal %d in here", signum);
}

void loop_signal_free(struct loop_signal *signal)
{
    (void)signal;
}
