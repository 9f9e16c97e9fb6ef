/*
 * wait - wait for a condition instead of sleeping for a time.
 */
#ifndef SUPPORT_WAIT_H
#define SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Long enough for any machine: a test that waits this long has failed. */
#define WAIT_MS 20000U

typedef bool wait_fn(void *ctx);

/* Ask `fn` again and again until it is true (then true) or `timeout_ms` are over (then false). */
bool wait_until(wait_fn *fn, void *ctx, uint64_t timeout_ms);

#endif
