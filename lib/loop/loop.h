/*
 * loop - the event loop: timers, descriptors, signals, and work on other threads.
 *
 * Everything of a program but loop_work()'s work function runs on the thread that runs the loop;
 * callbacks never run inside the call that arranged for them. Handles belong to the caller:
 * each is freed before its loop; freeing one inside its own callback is fine, and no callback
 * comes after it. Built on libuv, whose headers nobody else needs. SIGPIPE is ignored from
 * loop_new() on, in the whole process: writing to a closed peer fails with EPIPE.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct loop;
struct loop_timer;
struct loop_defer;
struct loop_fd;
struct loop_signal;

typedef void loop_fn(void *ctx);

MUST_USE int loop_new(struct loop **out, struct err *err);
void loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop, loop_free);

/* Run until loop_stop() or until nothing is left to wait for. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Run until `*done` is true: 0; or `timeout_ms` are over (UINT64_MAX: never): ERR_TIMEOUT; or
 * loop_stop() was called: ERR_CANCELED; or nothing is left to wait for: ERR_FAILED. For programs
 * with one thing to wait for.
 */
MUST_USE int loop_run_until(struct loop *loop, const bool *done, uint64_t timeout_ms,
                            struct err *err);

/* One-shot timer; starting a running one moves it. 0 ms: after the events that are there now. */
MUST_USE int loop_timer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_timer **out,
                            struct err *err);
void loop_timer_start(struct loop_timer *timer, uint64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_running(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);
DEFINE_CLEANUP(struct loop_timer, loop_timer_free);

/*
 * Run `fn` once, after the events of this turn of the loop were handled, however often it was
 * scheduled: the place for passes and for batching.
 */
MUST_USE int loop_defer_new(struct loop *loop, loop_fn *fn, void *ctx, struct loop_defer **out,
                            struct err *err);
void loop_defer_schedule(struct loop_defer *defer);
void loop_defer_free(struct loop_defer *defer);
DEFINE_CLEANUP(struct loop_defer, loop_defer_free);

#define LOOP_READABLE 1U
#define LOOP_WRITABLE 2U

typedef void loop_fd_fn(void *ctx, unsigned events);

/* Watch a descriptor (socket, pipe, inotify, pidfd); nothing is wanted until loop_fd_want(). It
 * stays the caller's to close, after loop_fd_free(). When the descriptor has failed, `fn` is told
 * all that was wanted, so that reading or writing shows why, and nothing is wanted any more. */
MUST_USE int loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *ctx, struct loop_fd **out,
                         struct err *err);
void loop_fd_want(struct loop_fd *watch, unsigned events);
void loop_fd_free(struct loop_fd *watch);
DEFINE_CLEANUP(struct loop_fd, loop_fd_free);

/* Call `fn` on the loop for each `signum`. */
MUST_USE int loop_signal_new(struct loop *loop, int signum, loop_fn *fn, void *ctx,
                             struct loop_signal **out, struct err *err);
void loop_signal_free(struct loop_signal *signal);
DEFINE_CLEANUP(struct loop_signal, loop_signal_free);

/*
 * Call `work` on a thread of the pool (4 by default), then `done` on the loop. loop_free() waits
 * for all of it, `done` included.
 */
MUST_USE int loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *ctx, struct err *err);

#endif
