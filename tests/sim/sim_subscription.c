/*
 * lib/memd/subscription.h over the modelled network.
 */
#include "memd/subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "model/join.h"
#include "model/name.h"
#include "sim/sim_wire.h"

struct subscription {
    struct sim *sim;
    uint32_t ip;
    uint16_t port;
    struct subscription_events events;
    void *ctx;
    struct sim_wire *wire; /* NULL: it waits for the next try */
    struct sim_event again;
    uint64_t pause_ms; /* before the next try */
    bool told_lost;
};

static void connect_again(void *ctx);

static void on_line(void *ctx, const char *line)
{
    struct subscription *s = ctx;
    char uid[JOIN_UID_SIZE];
    uint32_t version;

    if (sscanf(line, "CONFIG-CHANGED %u", &version) == 1) {
        s->pause_ms = SUBSCRIPTION_RETRY_FIRST_MS;
        s->told_lost = false;
        s->events.changed(s->ctx, version);
        return;
    }
    CHECK(sscanf(line, "JOIN-REQUESTED %16s", uid) == 1);
    if (s->events.joining != NULL) {
        s->events.joining(s->ctx, uid);
    }
}

static void on_ended(void *ctx, enum sim_outcome why)
{
    struct subscription *s = ctx;
    struct err err;

    s->wire = NULL;
    sim_event_plan(s->sim, &s->again, s->pause_ms);
    s->pause_ms =
        2 * s->pause_ms < SUBSCRIPTION_RETRY_MAX_MS ? 2 * s->pause_ms : SUBSCRIPTION_RETRY_MAX_MS;
    if (s->told_lost) {
        return;
    }
    s->told_lost = true;
    if (why == SIM_TIMEOUT) {
        err_record(&err, ERR_TIMEOUT, "no answer");
    } else {
        err_record(&err, why == SIM_REFUSED ? ERR_PROTOCOL : ERR_IO, "%s",
                   why == SIM_REFUSED ? "ERROR" : "connection lost");
    }
    s->events.lost(s->ctx, &err);
}

static void connect_again(void *ctx)
{
    static const struct sim_wire_events events = { on_line, on_ended };
    struct subscription *s = ctx;

    s->wire = sim_wire_open(s->sim, s->ip, s->port, SUBSCRIPTION_CONNECT_MS, &events, s);
}

int subscription_new(struct loop *loop, const char *ip, uint16_t port,
                     const struct subscription_events *events, void *ctx, struct subscription **out,
                     struct err *err)
{
    struct subscription *s = mem_alloc(sizeof(*s));

    (void)loop;
    if (s == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *s = (struct subscription){ .sim = sim_current(),
                                .port = port,
                                .events = *events,
                                .ctx = ctx,
                                .pause_ms = SUBSCRIPTION_RETRY_FIRST_MS };
    CHECK(ipv4_parse(ip, &s->ip));
    sim_event_init(&s->again, sim_running(s->sim), connect_again, s);
    sim_event_plan(s->sim, &s->again, 0);
    *out = s;
    return 0;
}

/* Nobody listens in to the simulator. */
void subscription_use_tls(struct subscription *subscription, struct tls_context *const *tls)
{
    (void)subscription;
    (void)tls;
}

void subscription_free(struct subscription *s)
{
    if (s != NULL) {
        sim_event_cancel(s->sim, &s->again);
        sim_wire_hang_up(s->wire);
        free(s);
    }
}
