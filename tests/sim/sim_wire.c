#include "sim/sim_wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_state.h"

#define AGAIN_MS 400 /* what did not get through is sent again */
#define LOSS_PER_MILLE 10
/* How a silent connection is looked after: three questions of its machine without an answer. */
#define KEEPALIVE_MS 5000
#define KEEPALIVE_AGAIN_MS 2000
#define MISSED_MAX 3

/* One on its way, or waiting to be heard. The last one of a connection says nothing. */
struct line {
    struct line *next;
    bool is_end;
    char text[SIM_WIRE_LINE_MAX + 1];
};

struct lines {
    struct line *first;
    struct line **last;
};

struct sim_wire {
    struct sim *sim;
    struct sim_wire *next; /* of the run */
    struct sim_wire **link;
    uint64_t id;
    uint32_t ip;
    uint16_t port;
    unsigned from; /* who listens to it */
    unsigned to;   /* who speaks */
    const struct sim_wire_events *events;
    void *ctx;
    struct sim_audience *audience; /* NULL: there is none yet, or it has left */
    struct sim_wire *neighbour;    /* in the audience */
    bool stands;                   /* something was heard */
    unsigned missed;
    bool calling; /* an event is told */
    bool over;    /* it was hung up meanwhile */
    struct lines sent;
    struct lines arrived;
    struct sim_event patience; /* until something is heard; then the next look at a silent one */
    struct sim_event greeting;
    struct sim_event travel;
    struct sim_event hearing;
};

/* ---- Lines ---- */

static void lines_init(struct lines *lines)
{
    lines->first = NULL;
    lines->last = &lines->first;
}

static void lines_put(struct lines *lines, struct line *line)
{
    line->next = NULL;
    *lines->last = line;
    lines->last = &line->next;
}

static struct line *lines_take(struct lines *lines)
{
    struct line *line = lines->first;

    lines->first = line->next;
    if (lines->first == NULL) {
        lines->last = &lines->first;
    }
    return line;
}

static void lines_drop(struct lines *lines)
{
    while (lines->first != NULL) {
        free(lines_take(lines));
    }
}

/* ---- Life ---- */

static void leave_audience(struct sim_wire *wire)
{
    struct sim_wire **at;

    if (wire->audience == NULL) {
        return;
    }
    at = &wire->audience->first;
    while (*at != wire) {
        at = &(*at)->neighbour;
    }
    *at = wire->neighbour;
    wire->audience = NULL;
    sim_event_cancel(wire->sim, &wire->greeting);
}

void sim_wire_hang_up(struct sim_wire *wire)
{
    if (wire == NULL) {
        return;
    }
    if (wire->calling) {
        wire->over = true;
        return;
    }
    leave_audience(wire);
    sim_event_cancel(wire->sim, &wire->patience);
    sim_event_cancel(wire->sim, &wire->travel);
    sim_event_cancel(wire->sim, &wire->hearing);
    lines_drop(&wire->sent);
    lines_drop(&wire->arrived);
    *wire->link = wire->next;
    if (wire->next != NULL) {
        wire->next->link = wire->link;
    }
    free(wire);
}

static void finish(struct sim_wire *wire, enum sim_outcome why)
{
    const struct sim_wire_events *events = wire->events;
    void *ctx = wire->ctx;

    sim_wire_hang_up(wire);
    events->ended(ctx, why);
}

/* ---- Speaking ---- */

/* The machine that speaks does the rest, also without the process; without power, nobody does. */
static void travel(void *ctx)
{
    struct sim_wire *wire = ctx;
    struct sim *sim = wire->sim;

    if (!sim_place_is_up(sim, wire->to)) {
        lines_drop(&wire->sent);
        return;
    }
    if (!sim_carries(sim, wire->to, wire->from) ||
        (wire->from != wire->to && sim_strikes(sim, SIM_NET_LOSS, LOSS_PER_MILLE))) {
        sim_event_plan(sim, &wire->travel, AGAIN_MS);
        return;
    }
    lines_put(&wire->arrived, lines_take(&wire->sent));
    if (!sim_event_planned(&wire->hearing)) {
        sim_event_plan(sim, &wire->hearing, 0);
    }
    if (wire->sent.first != NULL) {
        sim_event_plan(sim, &wire->travel, 0);
    }
}

static void send_line(struct sim_wire *wire, bool is_end, const char *text)
{
    struct line *line = mem_alloc(sizeof(*line));

    CHECK(line != NULL);
    line->is_end = is_end;
    (void)snprintf(line->text, sizeof(line->text), "%s", text);
    lines_put(&wire->sent, line);
    if (!sim_event_planned(&wire->travel)) {
        sim_event_plan(wire->sim, &wire->travel, sim_delay_ms(wire->sim, wire->to, wire->from));
    }
}

void sim_wire_say(struct sim_wire *wire, const char *fmt, ...)
{
    char text[SIM_WIRE_LINE_MAX + 1];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (sim_alive(wire->sim)) {
        send_line(wire, false, text);
    }
}

void sim_audience_say(struct sim_audience *audience, const char *fmt, ...)
{
    char text[SIM_WIRE_LINE_MAX + 1];
    struct sim_wire *it;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (it = audience->first; it != NULL; it = it->neighbour) {
        sim_wire_say(it, "%s", text);
    }
}

void sim_audience_leave(struct sim_audience *audience)
{
    while (audience->first != NULL) {
        struct sim_wire *wire = audience->first;

        leave_audience(wire);
        if (sim_place_is_up(wire->sim, wire->to)) {
            send_line(wire, true, "");
        } else {
            lines_drop(&wire->sent);
            sim_event_cancel(wire->sim, &wire->travel);
        }
    }
}

/* ---- Hearing ---- */

static void hear(void *ctx)
{
    struct sim_wire *wire = ctx;

    while (wire->arrived.first != NULL) {
        struct line *line = lines_take(&wire->arrived);

        if (line->is_end) {
            free(line);
            finish(wire, SIM_UNREACHABLE);
            return;
        }
        wire->stands = true;
        sim_event_plan(wire->sim, &wire->patience, KEEPALIVE_MS);
        wire->calling = true;
        wire->events->heard(wire->ctx, line->text);
        wire->calling = false;
        free(line);
        if (wire->over) {
            sim_wire_hang_up(wire);
            return;
        }
    }
}

static void on_patience_over(void *ctx)
{
    struct sim_wire *wire = ctx;
    struct sim *sim = wire->sim;
    bool answers = sim_carries(sim, wire->from, wire->to) && sim_carries(sim, wire->to, wire->from);

    if (!wire->stands || (!answers && ++wire->missed == MISSED_MAX)) {
        finish(wire, SIM_TIMEOUT);
    } else if (answers && wire->audience == NULL && wire->sent.first == NULL) {
        finish(wire, SIM_UNREACHABLE); /* that machine knows of no such connection */
    } else {
        wire->missed = answers ? 0 : wire->missed;
        sim_event_plan(sim, &wire->patience, answers ? KEEPALIVE_MS : KEEPALIVE_AGAIN_MS);
    }
}

/* ---- Connecting ---- */

/* There, and back if it is refused. */
struct knock {
    uint64_t id;
    bool nobody;
};

static struct sim_wire *find_wire(struct sim *sim, uint64_t id)
{
    struct sim_wire *it = sim->wires;

    while (it != NULL && it->id != id) {
        it = it->next;
    }
    return it;
}

static void end_unreached(void *ctx)
{
    finish(ctx, SIM_UNREACHABLE);
}

static void end_refused(void *ctx)
{
    finish(ctx, SIM_REFUSED);
}

static void on_refused(struct sim *sim, void *body)
{
    const struct knock *knock = body;
    struct sim_wire *wire = find_wire(sim, knock->id);

    if (wire != NULL) {
        sim_event_init(&wire->hearing, wire->hearing.party,
                       knock->nobody ? end_unreached : end_refused, wire);
        sim_event_plan(sim, &wire->hearing, 0);
    }
}

static void greet(void *ctx)
{
    struct sim_wire *wire = ctx;

    wire->audience->greet(wire->audience->ctx, wire);
}

static void on_knock(struct sim *sim, void *body)
{
    struct knock knock = *(const struct knock *)body;
    struct sim_wire *wire = find_wire(sim, knock.id);
    const struct sim_port *port;

    if (wire == NULL) {
        return;
    }
    port = sim_port_at(sim, wire->ip, wire->port);
    if (port == NULL || port->audience == NULL) {
        knock.nobody = port == NULL;
        sim_send(sim, wire->to, wire->from, false, on_refused, &knock, sizeof(knock));
        return;
    }
    wire->audience = port->audience;
    wire->neighbour = port->audience->first;
    port->audience->first = wire;
    sim_event_init(&wire->greeting, port->audience->party, greet, wire);
    sim_event_plan(sim, &wire->greeting, 0);
}

struct sim_wire *sim_wire_open(struct sim *sim, uint32_t ip, uint16_t port, uint64_t connect_ms,
                               const struct sim_wire_events *events, void *ctx)
{
    struct sim_wire *wire = mem_alloc(sizeof(*wire));
    struct knock knock = { .id = ++sim->wires_made };

    CHECK(wire != NULL);
    CHECK(sim_running(sim) != NULL);
    *wire = (struct sim_wire){
        .sim = sim, .id = knock.id, .ip = ip, .port = port, .events = events, .ctx = ctx
    };
    lines_init(&wire->sent);
    lines_init(&wire->arrived);
    wire->from = sim_running(sim)->place;
    wire->next = sim->wires;
    wire->link = &sim->wires;
    if (wire->next != NULL) {
        wire->next->link = &wire->next;
    }
    sim->wires = wire;
    sim_event_init(&wire->patience, sim_running(sim), on_patience_over, wire);
    sim_event_init(&wire->hearing, sim_running(sim), hear, wire);
    sim_event_init(&wire->travel, NULL, travel, wire);
    sim_event_plan(sim, &wire->patience, connect_ms);
    if (sim_alive(sim) && sim_place_of(sim, ip, &wire->to)) {
        sim_send(sim, wire->from, wire->to, false, on_knock, &knock, sizeof(knock));
    }
    return wire;
}

void sim_wires_deinit(struct sim *sim)
{
    while (sim->wires != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
        sim_wire_hang_up(sim->wires);
    }
}
