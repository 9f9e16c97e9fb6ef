#include "controller/census.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "discovery/pollers.h"
#include "memd/clients.h"
#include "memd/memtext.h"

#define MS_PER_S 1000U

/* One node that is asked just now. */
struct asked {
    struct census *census;
    struct memtext *connection; /* NULL: free */
};

struct census {
    struct loop *loop;
    struct tls_context *const *tls;
    struct loop_timer *timer; /* the next round */
    census_fn *fn;
    void *ctx;
    struct census_place *places;
    size_t count;
    size_t next; /* the place to be asked next */
    struct asked asked[CENSUS_PARALLEL];
    size_t running;
    bool failed; /* nothing will be known of this round */
    struct pollers pollers;
    uint64_t since_s; /* from when on the pollers are all */
};

static uint64_t now_s(void)
{
    return clock_mono_ms() / MS_PER_S;
}

/* Drop what the round has found. */
static void clear(struct census *census)
{
    size_t i;

    for (i = 0; i < CENSUS_PARALLEL; i++) {
        memtext_free(census->asked[i].connection);
        census->asked[i].connection = NULL;
    }
    pollers_deinit(&census->pollers);
    census->pollers.max = CENSUS_CLIENTS_MAX;
    census->since_s = 0;
    census->next = 0;
    census->running = 0;
    census->failed = false;
}

static uint32_t found(const struct census *census)
{
    uint64_t now = now_s();
    uint64_t from_s = CLIENTS_WINDOW_S < now ? now - CLIENTS_WINDOW_S : 0;

    if (census->failed || from_s < census->since_s) {
        return 0;
    }
    return clients_lowest(&census->pollers, from_s);
}

static void end_round(struct census *census)
{
    uint32_t version = found(census);

    clear(census);
    loop_timer_start(census->timer, CENSUS_PERIOD_MS);
    census->fn(census->ctx, version);
}

static void go_on(struct census *census);

static void on_answer(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct asked *asked = ctx;
    struct census *census = asked->census;
    uint64_t since_s = 0;
    struct err ignored;

    memtext_free(TAKE(asked->connection));
    census->running--;
    if (err != NULL ||
        clients_read(reply, reply_bytes, now_s(), &census->pollers, &since_s, &ignored) < 0) {
        census->failed = true;
    }
    census->since_s = census->since_s < since_s ? since_s : census->since_s;
    go_on(census);
}

static bool ask(struct census *census, struct asked *asked, const struct census_place *place)
{
    struct err ignored;

    asked->census = census;
    if (memtext_new(census->loop, place->ip, place->port, CENSUS_TIMEOUT_MS, &asked->connection,
                    &ignored) < 0) {
        return false;
    }
    memtext_use_tls(asked->connection, census->tls);
    if (memtext_ask(asked->connection, CLIENTS_ASK, strlen(CLIENTS_ASK), MEMTEXT_END, on_answer,
                    asked, &ignored) < 0) {
        memtext_free(TAKE(asked->connection));
        return false;
    }
    census->running++;
    return true;
}

/* Ask as many as may be asked at once. One that fails decides the round: nobody else is asked. */
static void go_on(struct census *census)
{
    size_t i;

    for (i = 0; i < CENSUS_PARALLEL && !census->failed && census->next < census->count; i++) {
        if (census->asked[i].connection == NULL) {
            census->failed = !ask(census, &census->asked[i], &census->places[census->next++]);
        }
    }
    if (census->running == 0) {
        end_round(census);
    }
}

static void on_timer(void *ctx)
{
    go_on(ctx);
}

int census_new(struct loop *loop, struct tls_context *const *tls, census_fn *fn, void *ctx,
               struct census **out, struct err *err)
{
    CLEANUP(census_free_p) struct census *census = mem_alloc(sizeof(*census));
    int rv;

    if (census == NULL) {
        return err_set(err, ERR_NOMEM, "census");
    }
    census->loop = loop;
    census->tls = tls;
    census->fn = fn;
    census->ctx = ctx;
    clear(census);
    rv = loop_timer_new(loop, on_timer, census, &census->timer, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(census);
    return 0;
}

void census_free(struct census *census)
{
    if (census == NULL) {
        return;
    }
    clear(census);
    loop_timer_free(census->timer);
    free(census->places);
    free(census);
}

int census_ask(struct census *census, const struct census_place *places, size_t count,
               struct err *err)
{
    size_t size = count * sizeof(*places);
    struct census_place *copy;

    if (census->count == count && 0 < count && memcmp(census->places, places, size) == 0) {
        return 0;
    }
    copy = mem_alloc(size + 1);
    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "census of %zu nodes", count);
    }
    memcpy(copy, places, size);
    free(census->places);
    census->places = copy;
    census->count = count;
    clear(census);
    loop_timer_start(census->timer, 0);
    return 1;
}
