#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_etcd.h"
#include "sim/sim_state.h"

#define QUEUE_FIRST 256
#define LINE_BYTES_MAX (1U << 20)

/* The run that clock, randomness and log are asked of: their functions have no context. */
static struct sim *current;

/* ---- The queue ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void set_place(struct sim *sim, size_t i, struct sim_event *event)
{
    sim->queue[i] = event;
    event->place = i + 1;
}

static void rise(struct sim *sim, size_t i, struct sim_event *event)
{
    while (0 < i && is_before(event, sim->queue[(i - 1) / 2])) {
        set_place(sim, i, sim->queue[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set_place(sim, i, event);
}

static void sink(struct sim *sim, size_t i, struct sim_event *event)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (sim->queue_count <= child) {
            break;
        }
        if (child + 1 < sim->queue_count && is_before(sim->queue[child + 1], sim->queue[child])) {
            child++;
        }
        if (!is_before(sim->queue[child], event)) {
            break;
        }
        set_place(sim, i, sim->queue[child]);
        i = child;
    }
    set_place(sim, i, event);
}

static void queue_put(struct sim *sim, struct sim_event *event)
{
    if (sim->queue_count == sim->queue_capacity) {
        size_t capacity = sim->queue_capacity == 0 ? QUEUE_FIRST : 2 * sim->queue_capacity;
        struct sim_event **grown = mem_realloc(sim->queue, capacity * sizeof(struct sim_event *));

        CHECK(grown != NULL);
        sim->queue = grown;
        sim->queue_capacity = capacity;
    }
    sim->queue_count++;
    rise(sim, sim->queue_count - 1, event);
}

static void queue_remove(struct sim *sim, struct sim_event *event)
{
    size_t i = event->place - 1;
    struct sim_event *last = sim->queue[--sim->queue_count];

    event->place = 0;
    if (last == event) {
        return;
    }
    if (0 < i && is_before(last, sim->queue[(i - 1) / 2])) {
        rise(sim, i, last);
    } else {
        sink(sim, i, last);
    }
}

/* ---- Events ---- */

void sim_event_init(struct sim_event *event, struct sim_party *party, sim_fn *fn, void *ctx)
{
    *event = (struct sim_event){ .party = party, .fn = fn };
    event->ctx = ctx;
    event->incarnation = party == NULL ? 0 : party->incarnation;
}

void sim_event_plan(struct sim *sim, struct sim_event *event, uint64_t after_ms)
{
    sim_event_cancel(sim, event);
    event->at_ms = UINT64_MAX - sim->now_ms < after_ms ? UINT64_MAX : sim->now_ms + after_ms;
    event->order = ++sim->orders;
    queue_put(sim, event);
}

void sim_event_cancel(struct sim *sim, struct sim_event *event)
{
    if (event->place != 0) {
        queue_remove(sim, event);
    }
}

bool sim_event_planned(const struct sim_event *event)
{
    return event->place != 0;
}

/*
 * A paused party's events wait for its end, in the order in which they were planned: a party may be
 * paused again before that.
 */
bool sim_event_hold(struct sim *sim, struct sim_event *event, const struct sim_party *party)
{
    if (party == NULL || party->paused_until_ms <= sim->now_ms) {
        return false;
    }
    event->at_ms = party->paused_until_ms;
    queue_put(sim, event);
    return true;
}

bool sim_next(struct sim *sim, uint64_t until_ms)
{
    struct sim_event *event;

    if (sim->queue_count == 0 || until_ms < sim->queue[0]->at_ms) {
        sim->now_ms = sim->now_ms < until_ms ? until_ms : sim->now_ms;
        return false;
    }
    event = sim->queue[0];
    queue_remove(sim, event);
    sim->now_ms = sim->now_ms < event->at_ms ? event->at_ms : sim->now_ms;
    if (sim_event_hold(sim, event, event->party)) {
        return true;
    }
    if (event->party == NULL) {
        event->fn(event->ctx);
    } else if (event->party->alive && event->party->incarnation == event->incarnation) {
        sim_run_as(event->party, event->fn, event->ctx);
    }
    return true;
}

/* ---- Parties ---- */

void sim_party_init(struct sim *sim, struct sim_party *party, unsigned place, sim_fn *bury,
                    void *ctx, const char *fmt, ...)
{
    va_list args;

    *party = (struct sim_party){ .sim = sim, .place = place, .bury = bury };
    party->ctx = ctx;
    va_start(args, fmt);
    (void)vsnprintf(party->name, sizeof(party->name), fmt, args);
    va_end(args);
}

void sim_party_start(struct sim_party *party)
{
    CHECK(!party->alive);
    party->alive = true;
    party->incarnation++;
    party->paused_until_ms = 0;
    party->effects_left = 0;
    sim_trace(party->sim, "%s starts", party->name);
}

/* Code that frees a dead process is its own, so that none of it has an effect. */
static void bury(struct sim_party *party)
{
    struct sim *sim = party->sim;
    struct sim_party *before = sim->running;

    sim->running = party;
    party->bury(party->ctx);
    sim->running = before;
}

void sim_party_kill(struct sim_party *party)
{
    struct sim *sim = party->sim;

    if (!party->alive) {
        return;
    }
    sim_trace(sim, "%s dies", party->name);
    party->alive = false;
    if (sim->running != party) {
        bury(party);
    }
}

void sim_party_pause(struct sim_party *party, uint64_t for_ms)
{
    sim_trace(party->sim, "%s is paused for %llu ms", party->name, (unsigned long long)for_ms);
    if (party->paused_until_ms < party->sim->now_ms + for_ms) {
        party->paused_until_ms = party->sim->now_ms + for_ms;
    }
}

struct sim_party *sim_running(const struct sim *sim)
{
    return sim->running;
}

void sim_run_as(struct sim_party *party, sim_fn *fn, void *ctx)
{
    struct sim *sim = party->sim;
    struct sim_party *before = sim->running;

    if (!party->alive) {
        return;
    }
    sim->running = party;
    fn(ctx);
    sim->running = before;
    if (!party->alive && before != party) {
        bury(party);
    }
}

bool sim_alive(const struct sim *sim)
{
    return sim->running == NULL || sim->running->alive;
}

bool sim_effect_begins(struct sim *sim, const char *what)
{
    struct sim_party *party = sim->running;

    if (party == NULL) {
        return true;
    }
    if (party->alive && party->effects_left == 1 && !party->dies_after) {
        sim_trace(sim, "about to %s", what);
        sim_party_kill(party);
    }
    if (party->alive) {
        sim_doom_begins(sim, what);
    }
    return party->alive;
}

void sim_effect_ends(struct sim *sim)
{
    struct sim_party *party = sim->running;

    if (party == NULL || !party->alive) {
        return;
    }
    sim_doom_ends(sim);
    if (!party->alive || party->effects_left == 0) {
        return;
    }
    party->effects_left--;
    if (party->effects_left == 0) {
        sim_party_kill(party);
    }
}

/* ---- The story ---- */

void sim_trace_write(struct sim *sim, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    size_t done = 0;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_clear(&sim->line);
    str_appendf(&sim->line, "[%7llu.%03llu] %-8s %s\n", (unsigned long long)(sim->now_ms / 1000),
                (unsigned long long)(sim->now_ms % 1000),
                sim->running == NULL ? "-" : sim->running->name, text);
    while (done < sim->line.size) {
        ssize_t n = write(sim->options.trace_fd, sim->line.bytes + done, sim->line.size - done);

        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

void sim_broken(struct sim *sim, const char *promise, const char *fmt, ...)
{
    va_list args;
    int used;

    if (sim->broken[0] != '\0') {
        return;
    }
    used = snprintf(sim->broken, sizeof(sim->broken), "%s: ", promise);
    va_start(args, fmt);
    (void)vsnprintf(sim->broken + used, sizeof(sim->broken) - (size_t)used, fmt, args);
    va_end(args);
    sim_trace(sim, "BROKEN %s", sim->broken);
}

const char *sim_broken_text(const struct sim *sim)
{
    return sim->broken;
}

/* ---- The run ---- */

struct sim *sim_current(void)
{
    CHECK(current != NULL);
    return current;
}

uint64_t sim_now_ms(const struct sim *sim)
{
    return sim->now_ms;
}

struct sim_etcd *sim_etcd(struct sim *sim)
{
    return sim->etcd;
}

const struct sim_options *sim_options(const struct sim *sim)
{
    return &sim->options;
}

void sim_heal(struct sim *sim)
{
    sim_trace(sim, "---- all faults end ----");
    sim->healing = true;
    memset(sim->cut_until_ms, 0, sizeof(sim->cut_until_ms));
}

bool sim_healing(const struct sim *sim)
{
    return sim->healing;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = mem_alloc(sizeof(*sim));

    CHECK(sim != NULL);
    CHECK(current == NULL);
    sim->options = *options;
    str_init(&sim->line, LINE_BYTES_MAX);
    sim_chance_init(sim);
    current = sim;
    sim->etcd = sim_etcd_new(sim, sim_place_add(sim));
    return sim;
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    sim_asks_deinit(sim);
    sim_wires_deinit(sim);
    sim_net_deinit(sim);
    sim_etcd_free(sim->etcd);
    free(sim->queue);
    str_deinit(&sim->line);
    current = NULL;
    free(sim);
}
