/*
 * The watches of lib/etcd/etcd.h, both ends of them.
 *
 * A batch that can't be delivered breaks its watch: the client notices by the silence, some seconds
 * later. A stalled one is crueler: it looks alive and delivers nothing until it is renewed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_doom.h"
#include "sim/sim_etcd_state.h"

#define OPEN_MS_MAX 2000    /* until a watch must be confirmed */
#define SILENCE_MS_MIN 3000 /* until a client finds its watch broken */
#define SILENCE_MS_MAX 6000
#define BACKOFF_MS_MAX 2000
#define STALL_MS_MIN 5000 /* until something renews a stalled watch */
#define STALL_MS_MAX 90000
#define STALL_PER_MILLE 2
#define END_PER_MILLE 5
#define REPEAT_PER_MILLE 10
#define HELD_MS 2500         /* a sign of life comes before */
#define COMPACT_PER_MILLE 20 /* of the openings of watches */

enum watch_state {
    WATCH_OPENING,
    WATCH_LIVE,
    WATCH_DEAF,  /* stalled or broken; looks alive */
    WATCH_ENDED, /* its end is known, and will be told */
};

struct batch {
    unsigned refs;
    uint64_t client;
    uint64_t watch;
    uint32_t history;
    uint64_t revision; /* the last one */
    size_t count;
    struct sim_entry *entries[];
};

struct etcd_watch {
    struct etcd *etcd; /* NULL: freed before the watch */
    struct etcd_watch *next;
    struct etcd_watch **link;
    uint64_t id;
    enum watch_state state;
    char prefix[SIM_WATCH_PREFIX_MAX];
    uint64_t revision;
    etcd_events_fn *events;
    etcd_watch_end_fn *end;
    void *ctx;
    struct sim_event end_event;
    struct err why;
    uint64_t last_at_ms; /* the last batch on its way arrives then */
    struct batch *last;
    bool repeats; /* that is told once more, behind the next one */
};

/* ---- Batches ---- */

static void batch_unref(void *ctx)
{
    struct batch *batch = ctx;
    size_t i;

    if (batch == NULL || 0 < --batch->refs) {
        return;
    }
    for (i = 0; i < batch->count; i++) {
        sim_entry_unref(batch->entries[i]);
    }
    free(batch);
}

static bool is_watched(const struct etcd_watch *watch, const char *key)
{
    return strncmp(key, watch->prefix, strlen(watch->prefix)) == 0;
}

/* What the watch is told of the history from index `from` to before `to`; NULL: nothing. Like
 * etcd's, a message that does not tell all yet is of the store's revision all the same. */
static struct batch *batch_new(struct etcd_watch *watch, size_t from, size_t to)
{
    const struct sim_store *store = &watch->etcd->server->store;
    size_t room = to - from;
    struct batch *batch = mem_alloc(sizeof(*batch) + room * sizeof(struct sim_entry *));
    size_t i;

    CHECK(batch != NULL);
    batch->refs = 1;
    for (i = from; i < to; i++) {
        if (is_watched(watch, store->history.list[i]->key)) {
            batch->entries[batch->count++] = sim_entry_ref(store->history.list[i]);
        }
    }
    batch->client = watch->etcd->id;
    batch->watch = watch->id;
    batch->history = watch->etcd->server->history;
    if (batch->count == 0) {
        batch_unref(batch);
        return NULL;
    }
    batch->revision = store->revision;
    return batch;
}

/* ---- Ends ---- */

static uint64_t backoff_ms(struct etcd *etcd)
{
    uint64_t full_ms = UINT64_C(50) << (etcd->watch_failures < 8 ? etcd->watch_failures : 8);

    etcd->watch_failures++;
    full_ms = full_ms < BACKOFF_MS_MAX ? full_ms : BACKOFF_MS_MAX;
    return sim_between(etcd->server->sim, SIM_CHANCE_NET, full_ms / 2, full_ms);
}

/* The client knows after `after_ms`, and tells when the next try makes sense. */
static void end_later(struct etcd_watch *watch, enum watch_state state, uint64_t after_ms, int code,
                      const char *why)
{
    watch->state = state;
    err_record(&watch->why, code, "%s", why);
    sim_event_plan(watch->etcd->server->sim, &watch->end_event, after_ms + backoff_ms(watch->etcd));
}

static void on_end(void *ctx)
{
    struct etcd_watch *watch = ctx;
    struct err why = watch->why;

    watch->state = WATCH_ENDED;
    watch->end(watch->ctx, &why);
}

static void fall_silent(struct etcd_watch *watch, const char *why)
{
    end_later(watch, WATCH_DEAF,
              sim_between(watch->etcd->server->sim, SIM_CHANCE_NET, SILENCE_MS_MIN, SILENCE_MS_MAX),
              ERR_UNAVAILABLE, why);
}

/* ---- Delivery ---- */

static struct etcd_watch *find_watch(struct etcd *etcd, uint64_t id)
{
    struct etcd_watch *watch = etcd->watches;

    while (watch != NULL && watch->id != id) {
        watch = watch->next;
    }
    return watch;
}

static void tell(struct etcd_watch *watch, const struct batch *batch)
{
    struct etcd_event *events = mem_calloc(batch->count, sizeof(*events));
    size_t i;

    CHECK(events != NULL);
    for (i = 0; i < batch->count; i++) {
        events[i].deleted = batch->entries[i]->deleted;
        events[i].kv = sim_entry_kv(batch->entries[i]);
    }
    watch->events(watch->ctx, events, batch->count, batch->revision);
    free(events);
}

/* Runs as the client's process. */
static void on_batch(struct sim *sim, void *body)
{
    const struct batch *batch = body;
    struct sim_etcd *server = sim_etcd(sim);
    struct etcd *etcd = sim_etcd_client(server, batch->client);
    struct etcd_watch *watch = etcd == NULL ? NULL : find_watch(etcd, batch->watch);

    if (watch == NULL || watch->state != WATCH_LIVE) {
        return;
    }
    if (!sim_carries(sim, server->place, etcd->party->place) || batch->history != server->history) {
        fall_silent(watch, "no sign of life");
        return;
    }
    tell(watch, batch);
}

static void deliver(struct etcd_watch *watch, struct batch *batch)
{
    struct etcd *etcd = watch->etcd;
    struct sim *sim = etcd->server->sim;
    uint64_t at_ms = sim_now_ms(sim) + sim_delay_ms(sim, etcd->server->place, etcd->party->place);
    struct sim_post post = { .from = etcd->server->place,
                             .to = etcd->party->place,
                             .receiver = etcd->party,
                             .in_stream = true,
                             .arrive = on_batch,
                             .release = batch_unref,
                             .body = batch };

    at_ms = at_ms < watch->last_at_ms ? watch->last_at_ms : at_ms;
    watch->last_at_ms = at_ms;
    post.delay_ms = at_ms - sim_now_ms(sim);
    batch->refs++;
    sim_post(sim, &post);
}

/* All that comes in the next time arrives together. */
static void hold(struct etcd_watch *watch)
{
    uint64_t until_ms = sim_now_ms(watch->etcd->server->sim) + HELD_MS;

    watch->last_at_ms = watch->last_at_ms < until_ms ? until_ms : watch->last_at_ms;
}

/* The watch ends as after a compaction, and the list that follows is one of long ago. */
static void go_back(struct etcd_watch *watch)
{
    struct etcd *etcd = watch->etcd;
    const struct sim_store *store = &etcd->server->store;
    uint64_t age = sim_doom_age(etcd->server->sim);

    if (store->compacted == 0) {
        (void)snprintf(etcd->old_prefix, sizeof(etcd->old_prefix), "%s", watch->prefix);
        etcd->old_revision = age < store->revision ? store->revision - age : 1;
    }
    end_later(watch, WATCH_ENDED, 1, ERR_COMPACTED, "compacted");
}

/* "put KEY, delete KEY" */
static const char *text_of(const struct etcd_watch *watch, const struct batch *batch)
{
    struct etcd *etcd = watch->etcd;
    size_t i;

    str_clear(&etcd->doing);
    for (i = 0; sim_doom_reads(etcd->server->sim) && i < batch->count; i++) {
        str_appendf(&etcd->doing, "%s%s %s", i == 0 ? "" : ", ",
                    batch->entries[i]->deleted ? "delete" : "put", batch->entries[i]->key);
    }
    return str_text(&etcd->doing);
}

/* Returns whether the batch is told all the same. */
static bool survives_doom(struct etcd_watch *watch, const struct batch *batch)
{
    enum sim_harm harm =
        sim_doom_of_batch(watch->etcd->server->sim, watch->etcd->party, text_of(watch, batch));

    if (harm == SIM_HARM_DROPPED) {
        fall_silent(watch, "no sign of life");
        return false;
    }
    if (harm == SIM_HARM_OLD) {
        go_back(watch);
        return false;
    }
    if (harm == SIM_HARM_HELD) {
        hold(watch);
    } else if (harm == SIM_HARM_REPEATED) {
        watch->repeats = true; /* from the next one on it is the last */
    }
    return true;
}

/* Faults of the stream strike where something is to be delivered. */
static void offer(struct etcd_watch *watch, size_t from, size_t to)
{
    struct sim *sim = watch->etcd->server->sim;
    struct batch *batch = watch->state == WATCH_LIVE ? batch_new(watch, from, to) : NULL;
    bool repeats;

    if (batch == NULL) {
        return;
    }
    repeats = watch->repeats;
    watch->repeats = false;
    if (!survives_doom(watch, batch)) {
        batch_unref(batch);
        return;
    }
    if (sim_strikes(sim, SIM_WATCH_STALL, STALL_PER_MILLE)) {
        sim_trace(sim, "etcd: the watch of %s stalls", watch->etcd->party->name);
        end_later(watch, WATCH_DEAF,
                  sim_fault_between(sim, SIM_WATCH_STALL, STALL_MS_MIN, STALL_MS_MAX),
                  ERR_UNAVAILABLE, "connection reset");
        batch_unref(batch);
        return;
    }
    if (!sim_carries(sim, watch->etcd->server->place, watch->etcd->party->place)) {
        fall_silent(watch, "no sign of life");
        batch_unref(batch);
        return;
    }
    deliver(watch, batch);
    if (repeats) {
        deliver(watch, watch->last);
    }
    if (watch->last != NULL && sim_strikes(sim, SIM_WATCH_DUPLICATE, REPEAT_PER_MILLE)) {
        deliver(watch,
                sim_fault_between(sim, SIM_WATCH_DUPLICATE, 0, 1) == 0 ? batch : watch->last);
    }
    batch_unref(watch->last);
    watch->last = batch;
    if (sim_strikes(sim, SIM_WATCH_END, END_PER_MILLE)) {
        end_later(watch, WATCH_ENDED, 0, ERR_UNAVAILABLE, "etcd closed the watch");
    }
}

void sim_watches_tell(struct sim_etcd *server, size_t count)
{
    struct etcd *etcd;
    struct etcd_watch *watch;

    for (etcd = server->clients; etcd != NULL; etcd = etcd->next) {
        for (watch = etcd->watches; watch != NULL; watch = watch->next) {
            offer(watch, server->store.history.count - count, server->store.history.count);
        }
    }
}

void sim_watches_break(struct sim_etcd *server, const char *why)
{
    struct etcd *etcd;
    struct etcd_watch *watch;

    for (etcd = server->clients; etcd != NULL; etcd = etcd->next) {
        for (watch = etcd->watches; watch != NULL; watch = watch->next) {
            if (watch->state == WATCH_LIVE || watch->state == WATCH_DEAF) {
                end_later(watch, WATCH_ENDED, 1, ERR_UNAVAILABLE, why);
            }
        }
    }
}

void sim_watches_renew(struct sim_etcd *server)
{
    struct etcd *etcd;
    struct etcd_watch *watch;

    for (etcd = server->clients; etcd != NULL; etcd = etcd->next) {
        for (watch = etcd->watches; watch != NULL; watch = watch->next) {
            if (watch->state == WATCH_DEAF) {
                end_later(watch, WATCH_ENDED, 1, ERR_UNAVAILABLE, "connection reset");
            }
        }
    }
}

/* What happened before the watch was opened comes in two messages, of whole revisions each. */
static void catch_up(struct etcd_watch *watch)
{
    const struct sim_store *store = &watch->etcd->server->store;
    struct sim_entry **list = store->history.list;
    size_t end = store->history.count;
    size_t from = sim_store_since(store, watch->revision);
    size_t middle = from + (end - from) / 2;

    while (from < middle && middle < end &&
           list[middle]->mod_revision == list[middle - 1]->mod_revision) {
        middle++;
    }
    offer(watch, from, middle);
    offer(watch, middle, end);
}

/* ---- Opening ---- */

struct opening {
    uint64_t client;
    uint64_t watch;
    uint32_t history;
};

/* At the server. */
static void on_opening(struct sim *sim, void *body)
{
    const struct opening *opening = body;
    struct sim_etcd *server = sim_etcd(sim);
    struct etcd *etcd = sim_etcd_client(server, opening->client);
    struct etcd_watch *watch = etcd == NULL ? NULL : find_watch(etcd, opening->watch);

    if (watch == NULL || watch->state != WATCH_OPENING || !sim_etcd_has_quorum(server)) {
        return;
    }
    if (sim_strikes(sim, SIM_ETCD_COMPACT, COMPACT_PER_MILLE)) {
        sim_etcd_compact(server);
    }
    if (opening->history != server->history || watch->revision <= server->store.compacted ||
        server->store.revision + 1 < watch->revision) {
        end_later(watch, WATCH_ENDED, 1, ERR_COMPACTED, "compacted, or another history");
        return;
    }
    sim_event_cancel(sim, &watch->end_event);
    etcd->watch_failures = 0;
    watch->state = WATCH_LIVE;
    catch_up(watch);
}

int etcd_watch_new(struct etcd *etcd, const char *prefix, uint64_t revision, etcd_events_fn *events,
                   etcd_watch_end_fn *end, void *ctx, struct etcd_watch **out, struct err *err)
{
    struct etcd_watch *watch = mem_alloc(sizeof(*watch));
    struct opening opening = { .client = etcd->id, .history = etcd->server->history };

    if (watch == NULL) {
        return err_set(err, ERR_NOMEM, "watch");
    }
    CHECK(strlen(prefix) < sizeof(watch->prefix));
    (void)snprintf(watch->prefix, sizeof(watch->prefix), "%s", prefix);
    watch->etcd = etcd;
    watch->id = ++etcd->calls_made;
    watch->revision = revision;
    watch->events = events;
    watch->end = end;
    watch->ctx = ctx;
    watch->next = etcd->watches;
    watch->link = &etcd->watches;
    if (watch->next != NULL) {
        watch->next->link = &watch->next;
    }
    etcd->watches = watch;
    sim_event_init(&watch->end_event, etcd->party, on_end, watch);
    end_later(watch, WATCH_OPENING, OPEN_MS_MAX, ERR_UNAVAILABLE, "watch not confirmed in time");
    opening.watch = watch->id;
    if (sim_alive(etcd->server->sim)) {
        sim_send(etcd->server->sim, etcd->party->place, etcd->server->place, false, on_opening,
                 &opening, sizeof(opening));
    }
    *out = watch;
    return 0;
}

/* ---- Life ---- */

static void unlink_watch(struct etcd_watch *watch)
{
    if (watch->etcd == NULL) {
        return;
    }
    sim_event_cancel(watch->etcd->server->sim, &watch->end_event);
    *watch->link = watch->next;
    if (watch->next != NULL) {
        watch->next->link = watch->link;
    }
    watch->etcd = NULL;
}

void etcd_watch_free(struct etcd_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    unlink_watch(watch);
    batch_unref(watch->last);
    free(watch);
}

void sim_watches_drop(struct etcd *etcd)
{
    while (etcd->watches != NULL) {
        unlink_watch(etcd->watches);
    }
}
