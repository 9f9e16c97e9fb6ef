/*
 * probe - asks one data port again and again whether it answers.
 *
 * For nodes whose watcher says nothing or says that they are down: two signals are better than
 * one. Asks `version` at once, then every PROBE_PERIOD_MS, until it is freed.
 */
#ifndef CONTROLLER_PROBE_H
#define CONTROLLER_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

#define PROBE_PERIOD_MS 1000
#define PROBE_TIMEOUT_MS 500

struct probe;

/* Each answer, or the lack of one. The probe may be freed inside. */
typedef void probe_fn(void *ctx, bool answers);

MUST_USE int probe_new(struct loop *loop, const char *ip, uint16_t port, probe_fn *fn, void *ctx,
                       struct probe **out, struct err *err);
void probe_free(struct probe *probe);
DEFINE_CLEANUP(struct probe, probe_free);

/* Whether it asks there. */
bool probe_is_at(const struct probe *probe, const char *ip, uint16_t port);

#endif
