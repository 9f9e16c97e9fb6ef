/*
 * etcd_wait - ask etcd and wait for the answer: for command line programs.
 *
 * Runs the loop meanwhile, so that signals and whatever else is on it are served; a loop_stop()
 * ends the wait with ERR_CANCELED and drops the request. How long an answer is waited for stands
 * in struct etcd_options.
 */
#ifndef ETCD_ETCD_WAIT_H
#define ETCD_ETCD_WAIT_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd.h"
#include "loop/loop.h"

/* As etcd_range(); the result is copied into `arena` (ERR_NOMEM when it does not fit). */
MUST_USE int etcd_wait_range(struct loop *loop, struct etcd *etcd, const struct etcd_range *range,
                             struct arena *arena, struct etcd_range_result *out, struct err *err);

/* The value of one key: as etcd_wait_range(), but ERR_NOT_FOUND when it does not exist. */
MUST_USE int etcd_wait_get(struct loop *loop, struct etcd *etcd, const char *key,
                           struct arena *arena, struct etcd_kv *out, struct err *err);

/* As etcd_txn(). */
MUST_USE int etcd_wait_txn(struct loop *loop, struct etcd *etcd, const struct etcd_txn *txn,
                           struct etcd_txn_result *out, struct err *err);

#endif
