/*
 * floor - what one change of a cluster costs at the very least on this machine.
 *
 * One bare process does, one after another, what the change needs: commit the spec, hear of it by
 * watch, commit the configuration, push it to N partitions in parallel, commit the acknowledgements
 * in one transaction (as one host does), hear of them, commit the alias, hear of it. Same etcd,
 * same memcached with the same module, values of the same sizes; no decision, signature or
 * verification.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "base/cleanup.h"
#include "base/err.h"
#include "bench/lab.h"
#include "loop/loop.h"

#define FLOOR_NODES_MAX 64

struct floor;

/* Start `nodes` memcacheds (kept until floor_free) beside the lab's. */
MUST_USE int floor_new(struct loop *loop, const struct lab *lab, unsigned nodes, struct floor **out,
                       struct err *err);
void floor_free(struct floor *floor);
DEFINE_CLEANUP(struct floor, floor_free);

/* One change; its milliseconds. */
MUST_USE int floor_run(struct floor *floor, double *ms, struct err *err);

#endif
