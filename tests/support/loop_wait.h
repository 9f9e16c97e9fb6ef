/*
 * loop_wait - run the loop of the code under test until a condition holds.
 */
#ifndef SUPPORT_LOOP_WAIT_H
#define SUPPORT_LOOP_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "support/wait.h"

/* Run the loop until `fn` is true (then true) or `timeout_ms` are over (then false). */
bool loop_wait_until(struct loop *loop, wait_fn *fn, void *ctx, uint64_t timeout_ms);

/* Run the loop for so long. Not for waiting: for showing that something does not happen. */
void loop_wait_ms(struct loop *loop, uint64_t ms);

#endif
