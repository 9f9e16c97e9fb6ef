/*
 * controller - the whole of muster-controller on one event loop.
 *
 * Keeps a mirror of all keys and campaigns for leadership. The leader runs a pass for each
 * cluster of which something changed: view, plan, transaction, pushes. A follower keeps the
 * mirror warm and does nothing else.
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "base/cleanup.h"
#include "base/err.h"
#include "controller/config.h"
#include "loop/loop.h"

struct controller;

/* It can't go on, and says why: etcd was not reached in time. */
typedef void controller_fail_fn(void *ctx, const struct err *err);

/* Load the key, begin to connect. `config` must outlive the controller. */
MUST_USE int controller_new(struct loop *loop, const struct controller_config *config,
                            controller_fail_fn *failed, void *ctx, struct controller **out,
                            struct err *err);
void controller_free(struct controller *controller);
DEFINE_CLEANUP(struct controller, controller_free);

/* Begin no more passes and hand leadership over; `done` comes in any case. */
void controller_resign(struct controller *controller, loop_fn *done, void *ctx);

#endif
