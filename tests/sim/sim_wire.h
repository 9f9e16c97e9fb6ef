/*
 * sim_wire - connections that stay: who listens at a port sends lines to all who came there.
 *
 * As TCP does it: lines arrive in order, and one that can't get through waits until it can. An end
 * whose process dies is told of by its machine; one whose machine is gone, or that is cut off, is
 * missed only after a while.
 */
#ifndef SIM_SIM_WIRE_H
#define SIM_SIM_WIRE_H

#include <stdint.h>

#include "sim/sim.h"

struct sim_wire;

#define SIM_WIRE_LINE_MAX 127

/* Who is connected to a port. The caller's memory; the port's `audience` points to it. */
struct sim_audience {
    struct sim *sim;
    struct sim_party *party; /* who listens: a new connection waits while that is paused */
    /* Somebody has come, and asked for lines. */
    void (*greet)(void *ctx, struct sim_wire *wire);
    void *ctx;
    struct sim_wire *first;
};

/* All of its connections end. */
void sim_audience_leave(struct sim_audience *audience);
/* To all of it. */
void sim_audience_say(struct sim_audience *audience, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* To one. */
void sim_wire_say(struct sim_wire *wire, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct sim_wire_events {
    void (*heard)(void *ctx, const char *line);
    /* It is over: SIM_UNREACHABLE (nobody is there any more), SIM_REFUSED (nobody there sends
     * lines), SIM_TIMEOUT. Nothing is left to hang up. */
    void (*ended)(void *ctx, enum sim_outcome why);
};

/* Connect as the running party, and wait `connect_ms` for the first line; `events` come as that
 * party's code, never from inside a call. */
struct sim_wire *sim_wire_open(struct sim *sim, uint32_t ip, uint16_t port, uint64_t connect_ms,
                               const struct sim_wire_events *events, void *ctx);
/* NULL is fine. */
void sim_wire_hang_up(struct sim_wire *wire);

#endif
