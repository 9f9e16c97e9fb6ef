/*
 * pass - the passes of the leader: which clusters are due, and one pass from view to pushes.
 *
 * A pass is one turn of: observe, build the view, reconcile, write, push. It does at most one
 * row of transactions; what they change makes the cluster due again, until a plan is empty.
 * Marking is cheap and may be done at any time; passes begin after the events of the loop's turn.
 */
#ifndef CONTROLLER_PASS_H
#define CONTROLLER_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "controller/controller_state.h"

/* Something of this cluster changed (NO_CLUSTER: keys below no cluster). */
void pass_mark(struct controller *controller, const char *cluster);
/* Something that all clusters look at changed: hosts. */
void pass_mark_all(struct controller *controller);
/* Room was made on some host: those that wait for it. */
void pass_mark_unschedulable(struct controller *controller);

/* A pass for this idle cluster is due in `after_ms`, if not before. */
void pass_wake_no_later(struct cluster *cluster, uint64_t after_ms);

/* Run what is due; for the loop's defer, `ctx` is the controller. */
void pass_run(void *ctx);

/* Leadership came, or went: forget what was observed. */
void pass_begin_all(struct controller *controller);
void pass_end_all(struct controller *controller);
/* The end: busy ones too, whose transactions are not heard of any more. */
void pass_drop_all(struct controller *controller);

/* For event_lease_new(); `ctx` is the controller. */
void pass_event_lease(void *ctx, const struct err *err);

#endif
