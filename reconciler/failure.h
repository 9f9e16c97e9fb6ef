/*
 * failure - since when a node is in trouble, and when that counts as its end.
 *
 * It takes two signals: the node is not reported up, and its data port does not answer. For one
 * that joined and that clients don't know, a missing report is enough. A slot that had to be
 * replaced lately waits longer for the next time (its flaps), so that hosts that come and go don't
 * have their nodes started and stopped for ever.
 */
#ifndef RECONCILER_FAILURE_H
#define RECONCILER_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/facts.h"

/*
 * A slot's flaps are halved for each of these times that passed since the last one: long enough
 * that a host which reboots in a circle (some minutes a turn) is damped more with each turn, short
 * enough that the troubles of one morning are forgotten at noon.
 */
#define FLAP_DECAY_MS UINT64_C(600000)

/* No slot waits longer than that, unless failAfter itself is longer. */
#define FAIL_WAIT_MS_MAX UINT64_C(3600000)

/* The node shows both signals since then; UINT64_MAX: it does not. */
uint64_t node_trouble_since_ms(const struct node *node);

/*
 * When a node that nobody reports counts as out of reach for everybody: its data port has not
 * answered for convergeTimeout. UINT64_MAX: it is reported, or answers. One lost probe is no proof.
 */
uint64_t node_out_of_reach_at_ms(const struct facts *facts, const struct node *node);

/* When the node counts as failed, should nothing change; UINT64_MAX: it shows no sign of it. */
uint64_t node_fails_at_ms(const struct facts *facts, const struct node *node);

/* When the same node looks dead: as soon as it had its time to start. */
uint64_t node_dead_at_ms(const struct facts *facts, const struct node *node);

/* The flaps that an intent tells of, as they count at `at_ms`. */
uint32_t intent_flaps_at(const struct intent *intent, uint64_t at_ms);

#endif
