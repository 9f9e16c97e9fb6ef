/*
 * apart - work on threads of its own, whose end the loop is told of.
 *
 * Not the loop's pool: what is slow here must not stand in the way of name lookups and pushes.
 * A job gets a thread, APART_MAX at most; `done` comes on the loop.
 */
#ifndef ADMIN_APART_H
#define ADMIN_APART_H

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

struct apart;

MUST_USE int apart_new(struct loop *loop, size_t threads_max, struct apart **out, struct err *err);

/* Waits for all jobs; each `done` is called. */
void apart_free(struct apart *apart);
DEFINE_CLEANUP(struct apart, apart_free);

/* Call `work` on a thread, then `done` on the loop. ERR_LIMIT: all threads are busy. */
MUST_USE int apart_start(struct apart *apart, loop_fn *work, loop_fn *done, void *ctx,
                         struct err *err);

#endif
