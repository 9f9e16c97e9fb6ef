#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

#define SOON_MS 10000 /* a test that waits this long has failed */

struct fixture {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_defer *defer;
    struct loop_fd *fd;
    struct loop_signal *signal;
    char trace[64];
    bool done;
    int left;
};

static struct loop *new_loop(void)
{
    struct loop *loop = NULL;
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0, "%s", err.msg);
    return loop;
}

static void add_trace(struct fixture *f, char c)
{
    size_t used = strlen(f->trace);

    cr_assert_lt(used + 1, sizeof(f->trace));
    f->trace[used] = c;
}

static void on_done(void *ctx)
{
    struct fixture *f = ctx;

    add_trace(f, 'd');
    f->done = true;
}

Test(loop, without_anything_to_wait_for_it_ends)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    bool done = false;
    struct err err;

    loop_run(loop);
    cr_expect_eq(loop_run_until(loop, &done, SOON_MS, &err), ERR_FAILED);
    cr_expect_eq(loop_run_until(loop, &done, UINT64_MAX, &err), ERR_FAILED);
    done = true;
    cr_expect_eq(loop_run_until(loop, &done, 0, &err), 0);
}

Test(loop, a_timer_fires_once_and_not_early)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    uint64_t start_ms = clock_mono_ms();
    struct err err;

    cr_assert_eq(loop_timer_new(loop, on_done, &f, &f.timer, &err), 0);
    cr_expect_not(loop_timer_running(f.timer));
    loop_timer_start(f.timer, 1);
    loop_timer_start(f.timer, 30);
    cr_expect(loop_timer_running(f.timer));
    loop_run(loop);
    cr_expect_str_eq(f.trace, "d");
    cr_expect_geq(clock_mono_ms() + 1, start_ms + 30);
    cr_expect_not(loop_timer_running(f.timer));
    loop_timer_free(f.timer);
}

Test(loop, a_stopped_timer_does_not_fire)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    struct err err;

    cr_assert_eq(loop_timer_new(loop, on_done, &f, &f.timer, &err), 0);
    loop_timer_start(f.timer, 0);
    loop_timer_stop(f.timer);
    loop_run(loop);
    cr_expect_str_eq(f.trace, "");
    loop_timer_free(f.timer);
}

static void on_timer_free_itself(void *ctx)
{
    struct fixture *f = ctx;

    loop_timer_free(f->timer);
    f->done = true;
}

Test(loop, a_wait_sees_what_a_timer_did_and_a_timer_may_free_itself)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    struct loop_timer *other = NULL;
    uint64_t start_ms = clock_mono_ms();
    struct err err;

    cr_assert_eq(loop_timer_new(loop, on_timer_free_itself, &f, &f.timer, &err), 0);
    cr_assert_eq(loop_timer_new(loop, on_done, &f, &other, &err), 0);
    loop_timer_start(f.timer, 0);
    loop_timer_start(other, SOON_MS);
    cr_expect_eq(loop_run_until(loop, &f.done, UINT64_MAX, &err), 0);
    cr_expect_lt(clock_mono_ms() - start_ms, SOON_MS);
    loop_timer_free(other);
}

static void on_timer_again(void *ctx)
{
    struct fixture *f = ctx;

    if (!f->done) {
        loop_timer_start(f->timer, 0);
    }
}

static void on_fd_done(void *ctx, unsigned events)
{
    struct fixture *f = ctx;

    cr_expect_eq(events, LOOP_READABLE);
    f->done = true;
    loop_fd_want(f->fd, 0);
}

Test(loop, a_timer_that_starts_itself_again_at_once_leaves_room_for_others, .timeout = 10)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    const struct timespec until_due = { .tv_nsec = 5000000 };
    struct loop_timer *first = NULL;
    int pair[2];
    struct err err;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    cr_assert_eq(loop_fd_new(loop, pair[0], on_fd_done, &f, &f.fd, &err), 0);
    cr_assert_eq(loop_timer_new(loop, on_timer_again, &f, &f.timer, &err), 0);
    cr_assert_eq(loop_timer_new(loop, on_timer_again, &f, &first, &err), 0);
    loop_fd_want(f.fd, LOOP_READABLE);
    loop_timer_start(first, 1);
    (void)nanosleep(&until_due, NULL); /* timers come before descriptors */
    loop_run(loop);
    cr_expect(f.done);
    cr_expect_not(loop_timer_running(f.timer));
    loop_timer_start(f.timer, 0);
    cr_expect(loop_timer_running(f.timer));
    loop_timer_free(f.timer); /* and does not come any more */
    loop_run(loop);
    loop_timer_free(first);
    loop_fd_free(f.fd);
    cr_assert_eq(close(pair[0]), 0);
    cr_assert_eq(close(pair[1]), 0);
}

Test(loop, a_wait_ends_with_its_time_or_with_a_stop)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    bool never = false;
    struct err err;

    cr_assert_eq(loop_timer_new(loop, on_done, &f, &f.timer, &err), 0);
    loop_timer_start(f.timer, SOON_MS);
    cr_expect_eq(loop_run_until(loop, &never, 20, &err), ERR_TIMEOUT);
    loop_stop(loop);
    cr_expect_eq(loop_run_until(loop, &never, SOON_MS, &err), ERR_CANCELED);
    cr_expect_eq(loop_run_until(loop, &never, 1, &err), ERR_TIMEOUT);
    loop_timer_free(f.timer);
}

static void on_defer(void *ctx)
{
    struct fixture *f = ctx;

    add_trace(f, 'x');
    if (--f->left == 0) {
        loop_defer_free(TAKE(f->defer));
    } else {
        loop_defer_schedule(f->defer);
        loop_defer_schedule(f->defer);
    }
}

static void on_timer_schedule(void *ctx)
{
    struct fixture *f = ctx;

    loop_defer_schedule(f->defer);
    loop_defer_schedule(f->defer);
    add_trace(f, 't');
}

Test(loop, deferred_calls_come_once_a_turn_after_the_events)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop, .left = 3 };
    struct err err;

    cr_assert_eq(loop_timer_new(loop, on_timer_schedule, &f, &f.timer, &err), 0);
    cr_assert_eq(loop_defer_new(loop, on_defer, &f, &f.defer, &err), 0);
    loop_timer_start(f.timer, 0);
    loop_run(loop);
    cr_expect_str_eq(f.trace, "txxx");
    cr_expect_null(f.defer);
    loop_timer_free(f.timer);
}

static void on_defer_free_other(void *ctx)
{
    struct fixture *f = ctx;

    loop_defer_free(TAKE(f->defer));
    add_trace(f, 'f');
}

Test(loop, a_scheduled_call_that_is_freed_does_not_come)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop, .left = 1 };
    struct loop_defer *first = NULL;
    struct loop_defer *last = NULL;
    struct err err;

    cr_assert_eq(loop_defer_new(loop, on_defer_free_other, &f, &first, &err), 0);
    cr_assert_eq(loop_defer_new(loop, on_defer, &f, &f.defer, &err), 0);
    cr_assert_eq(loop_defer_new(loop, on_done, &f, &last, &err), 0);
    loop_defer_schedule(first);
    loop_defer_schedule(f.defer);
    loop_defer_schedule(last);
    loop_run(loop);
    cr_expect_str_eq(f.trace, "fd");
    loop_defer_free(first);
    loop_defer_free(last);
}

static void on_fd(void *ctx, unsigned events)
{
    struct fixture *f = ctx;

    if ((events & LOOP_READABLE) != 0) {
        add_trace(f, 'r');
        loop_fd_free(f->fd);
    } else if ((events & LOOP_WRITABLE) != 0) {
        add_trace(f, 'w');
        loop_fd_want(f->fd, LOOP_READABLE);
    }
}

Test(loop, a_descriptor_is_watched_for_what_is_wanted)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    int pair[2];
    struct err err;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(loop_fd_new(loop, pair[0], on_fd, &f, &f.fd, &err), 0);
    loop_run(loop); /* nothing is wanted yet */
    cr_expect_str_eq(f.trace, "");
    cr_assert_eq(write(pair[1], "x", 1), 1);
    loop_fd_want(f.fd, LOOP_WRITABLE);
    loop_run(loop);
    cr_expect_str_eq(f.trace, "wr");
    cr_assert_eq(close(pair[0]), 0);
    cr_assert_eq(close(pair[1]), 0);
}

static void on_fd_stop(void *ctx, unsigned events)
{
    struct fixture *f = ctx;

    cr_expect_eq(events, LOOP_WRITABLE);
    add_trace(f, 'w');
    loop_fd_free(f->fd);
}

Test(loop, a_broken_descriptor_is_told_as_what_was_wanted)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    char block[65536] = { 0 };
    int ends[2];
    struct err err;

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(loop_fd_new(loop, ends[1], on_fd_stop, &f, &f.fd, &err), 0);
    while (0 < write(ends[1], block, sizeof(block))) {
    }
    loop_fd_want(f.fd, LOOP_WRITABLE);
    cr_assert_eq(close(ends[0]), 0);
    loop_run(loop);
    cr_expect_str_eq(f.trace, "w");
    cr_expect_eq(write(ends[1], "x", 1), -1);
    cr_assert_eq(close(ends[1]), 0);
}

static void on_signal(void *ctx)
{
    struct fixture *f = ctx;

    loop_signal_free(f->signal);
    on_done(f);
}

Test(loop, a_signal_arrives)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    struct err err;

    cr_assert_eq(loop_signal_new(loop, SIGTERM, on_signal, &f, &f.signal, &err), 0);
    cr_expect_eq(loop_signal_new(loop, SIGKILL, on_signal, &f, &f.signal, &err), ERR_INVALID);
    cr_assert_eq(kill(getpid(), SIGTERM), 0);
    cr_expect_eq(loop_run_until(loop, &f.done, SOON_MS, &err), 0);
}

static void on_work(void *ctx)
{
    struct fixture *f = ctx;

    f->left = 42;
}

Test(loop, work_is_done_and_freeing_the_loop_waits_for_it)
{
    struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    struct err err;

    cr_assert_eq(loop_work(loop, on_work, on_done, &f, &err), 0);
    cr_expect_eq(loop_run_until(loop, &f.done, SOON_MS, &err), 0);
    cr_expect_eq(f.left, 42);

    f.left = 0;
    cr_assert_eq(loop_work(loop, on_work, on_done, &f, &err), 0);
    loop_free(loop);
    cr_expect_eq(f.left, 42);
    cr_expect_str_eq(f.trace, "dd");
}

Test(loop, memory_that_runs_out_is_told)
{
    CLEANUP(loop_free_p) struct loop *loop = new_loop();
    struct fixture f = { .loop = loop };
    struct loop *other = NULL;
    struct err err;

    mem_fail_after(0);
    cr_expect_eq(loop_new(&other, &err), ERR_NOMEM);
    mem_fail_after(0);
    cr_expect_eq(loop_timer_new(loop, on_done, &f, &f.timer, &err), ERR_NOMEM);
    mem_fail_after(0);
    cr_expect_eq(loop_defer_new(loop, on_done, &f, &f.defer, &err), ERR_NOMEM);
    mem_fail_after(0);
    cr_expect_eq(loop_fd_new(loop, 0, on_fd, &f, &f.fd, &err), ERR_NOMEM);
    mem_fail_after(0);
    cr_expect_eq(loop_signal_new(loop, SIGTERM, on_done, &f, &f.signal, &err), ERR_NOMEM);
    mem_fail_after(0);
    cr_expect_eq(loop_work(loop, on_work, on_done, &f, &err), ERR_NOMEM);
    cr_expect_null(other);
    cr_expect_null(f.timer);
}
