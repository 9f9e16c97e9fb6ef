/*
 * pushing - the pushes that passes ask for: begun, and their answers remembered.
 */
#ifndef CONTROLLER_PUSHING_H
#define CONTROLLER_PUSHING_H

#include <stddef.h>
#include <stdint.h>

#include "controller/cluster.h"
#include "controller/controller_state.h"
#include "controller/pusher.h"
#include "controller/txn.h"

/* Start the pushes whose record is committed, each once; the others may be started later, or are
 * asked for again. */
void pushing_start(struct controller *controller, struct cluster *cluster,
                   const struct txn_plan *plan);

/* For pusher_new(); `ctx` is the controller. */
const char *pushing_record(void *ctx, const char *cluster, uint32_t version, size_t *bytes);
void pushing_done(void *ctx, const struct push_order *order, const struct err *err);

#endif
