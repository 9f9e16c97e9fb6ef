/* Watches of a real etcd: no event is lost, none comes twice, and every end is told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "world.h"

#define EVENTS_MAX 4096
#define BACKLOG 1100 /* revisions; etcd tells at most 1,000 in a message */

struct seen {
    uint64_t mod_revision;
    bool deleted;
    char key[32];
    char value[32];
};

struct watcher {
    struct world *world;
    struct etcd_watch *watch;
    uint64_t next; /* the revision to go on with */
    bool renew;    /* watch again when it ends for want of etcd */
    bool free_in_event;
    struct seen seen[EVENTS_MAX];
    size_t count;
    size_t messages;
    unsigned ends;
    int end_code;
    uint64_t awaited; /* revision */
};

static void watch(struct watcher *watcher, uint64_t revision);

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct watcher *watcher = ctx;
    size_t i;

    cr_assert_gt(count, 0);
    for (i = 0; i < count; i++) {
        struct seen *seen = &watcher->seen[watcher->count++];

        cr_assert_lt(watcher->count, EVENTS_MAX);
        cr_assert_leq(watcher->next, events[i].kv.mod_revision, "twice");
        cr_assert_leq(events[i].kv.mod_revision, revision);
        seen->mod_revision = events[i].kv.mod_revision;
        seen->deleted = events[i].deleted;
        (void)snprintf(seen->key, sizeof(seen->key), "%s", events[i].kv.key);
        (void)snprintf(seen->value, sizeof(seen->value), "%s", events[i].kv.value);
    }
    watcher->messages++;
    watcher->next = revision + 1;
    if (watcher->free_in_event) {
        etcd_watch_free(TAKE(watcher->watch));
    }
}

static void on_end(void *ctx, const struct err *err)
{
    struct watcher *watcher = ctx;

    watcher->ends++;
    watcher->end_code = err->code;
    etcd_watch_free(TAKE(watcher->watch));
    if (watcher->renew && err->code == ERR_UNAVAILABLE) {
        watch(watcher, watcher->next);
    }
}

static void watch(struct watcher *watcher, uint64_t revision)
{
    struct err err;

    watcher->next = revision;
    cr_assert_eq(etcd_watch_new(watcher->world->etcd, "/t/", revision, on_events, on_end, watcher,
                                &watcher->watch, &err),
                 0, "%s", err.msg);
}

static struct watcher *watcher_new(struct world *w, uint64_t revision)
{
    struct watcher *watcher = scene_alloc(sizeof(*watcher));

    watcher->world = w;
    watch(watcher, revision);
    return watcher;
}

static bool has_reached(void *ctx)
{
    const struct watcher *watcher = ctx;

    return watcher->awaited < watcher->next;
}

static void await(struct watcher *watcher, uint64_t revision)
{
    watcher->awaited = revision;
    cr_assert(loop_wait_until(watcher->world->loop, has_reached, watcher, WAIT_MS),
              "revision %llu: %s", (unsigned long long)revision,
              etcd_trouble(watcher->world->etcd));
}

static bool has_ended(void *ctx)
{
    const struct watcher *watcher = ctx;

    return 0 < watcher->ends;
}

static void await_end(struct watcher *watcher, int code)
{
    cr_assert(loop_wait_until(watcher->world->loop, has_ended, watcher, WAIT_MS));
    cr_expect_eq(watcher->end_code, code);
}

static void expect_seen(const struct watcher *watcher, size_t i, const char *key, const char *value)
{
    cr_assert_lt(i, watcher->count);
    cr_expect_str_eq(watcher->seen[i].key, key);
    cr_expect_eq(watcher->seen[i].deleted, value == NULL, "%s", key);
    cr_expect_str_eq(watcher->seen[i].value, value == NULL ? "" : value);
}

/* ---- Events ---- */

Test(watch, begins_where_it_is_told_and_goes_on)
{
    struct world w;
    struct watcher *watcher;
    uint64_t second;

    world_start(&w);
    (void)world_put(&w, "/t/a", "1", 0);
    second = world_put(&w, "/t/a", "2", 0);
    (void)world_put(&w, "/u", "elsewhere", 0);
    (void)etcd_server_delete(w.server, "/t/a");
    watcher = watcher_new(&w, second);
    await(watcher, world_put(&w, "/t/b", "3", 0));
    cr_expect_eq(watcher->count, 3);
    expect_seen(watcher, 0, "/t/a", "2");
    expect_seen(watcher, 1, "/t/a", NULL);
    expect_seen(watcher, 2, "/t/b", "3");
    cr_expect_eq(watcher->ends, 0);
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

/* Each message of a backlog carries the store's revision, of which it holds a part. */
Test(watch, tells_a_backlog_in_parts_and_how_far_each_goes)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;
    uint64_t last = 0;
    size_t i;

    world_start(&w);
    first = world_put(&w, "/t/k", "0", 0);
    for (i = 1; i < BACKLOG; i++) {
        last = world_put(&w, "/t/k", "1", 0);
    }
    watcher = watcher_new(&w, first);
    await(watcher, last);
    cr_expect_eq(watcher->count, BACKLOG);
    cr_expect_lt(1, watcher->messages);
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

Test(watch, tells_a_transaction_in_one_piece)
{
    struct world w;
    struct watcher *watcher;
    struct etcd_op ops[ETCD_TXN_OPS_MAX];
    struct etcd_txn txn = { .ops = ops, .ops_count = ETCD_TXN_OPS_MAX };
    struct etcd_txn_result result;
    struct err err;
    char keys[ETCD_TXN_OPS_MAX][16];
    size_t i;

    world_start(&w);
    for (i = 0; i < ETCD_TXN_OPS_MAX; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "/t/%03zu", i);
        ops[i] = (struct etcd_op){ .kind = ETCD_PUT, .key = keys[i], .value = "" };
    }
    watcher = watcher_new(&w, etcd_server_revision(w.server) + 1);
    cr_assert_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), 0);
    await(watcher, result.revision);
    cr_expect_eq(watcher->count, ETCD_TXN_OPS_MAX);
    cr_expect_eq(watcher->messages, 1);
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

/* Byte by byte, every border that a chunk can have is there. */
Test(watch, does_not_depend_on_how_the_stream_is_cut)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;

    world_start_relayed(&w);
    relay_drip(w.relay);
    first = etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/t/b", "2");
    watcher = watcher_new(&w, first);
    await(watcher, first + 1);
    (void)etcd_server_put(w.server, "/t/c", "3");
    await(watcher, etcd_server_delete(w.server, "/t/a"));
    cr_expect_eq(watcher->count, 4);
    expect_seen(watcher, 0, "/t/a", "1");
    expect_seen(watcher, 1, "/t/b", "2");
    expect_seen(watcher, 2, "/t/c", "3");
    expect_seen(watcher, 3, "/t/a", NULL);
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

Test(watch, may_be_freed_by_its_own_event)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;

    world_start(&w);
    first = etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/t/b", "2");
    watcher = watcher_new(&w, first);
    watcher->free_in_event = true;
    await(watcher, first);
    loop_wait_ms(w.loop, 20);
    cr_expect_eq(watcher->messages, 1);
    cr_expect_eq(watcher->ends, 0);
    world_end(&w);
}

Test(watch, survives_its_client)
{
    struct world w;
    struct watcher *watcher;

    world_start(&w);
    watcher = watcher_new(&w, 1);
    etcd_free(TAKE(w.etcd));
    loop_wait_ms(w.loop, 20);
    cr_expect_eq(watcher->ends, 0);
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

/* ---- Ends ---- */

Test(watch, of_a_compacted_revision_ends)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;

    world_start(&w);
    first = etcd_server_put(w.server, "/t/a", "1");
    etcd_server_compact(w.server, etcd_server_put(w.server, "/t/a", "2"));
    watcher = watcher_new(&w, first);
    await_end(watcher, ERR_COMPACTED);
    cr_expect_eq(watcher->count, 0);
    world_end(&w);
}

/* Without this a watch of an emptied or restored store would wait in silence. */
Test(watch, of_a_revision_that_is_not_there_yet_ends)
{
    struct world w;
    struct watcher *watcher;

    world_start(&w);
    watcher = watcher_new(&w, etcd_server_revision(w.server) + 2);
    await_end(watcher, ERR_COMPACTED);
    world_end(&w);
}

Test(watch, is_told_when_etcd_goes_and_goes_on_without_loss_when_it_is_back)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;
    unsigned i;
    char value[16];

    world_start(&w);
    first = etcd_server_put(w.server, "/t/a", "0");
    watcher = watcher_new(&w, first);
    watcher->renew = true;
    for (i = 1; i <= 60; i++) {
        uint64_t revision;

        (void)snprintf(value, sizeof(value), "%u", i);
        revision = etcd_server_put(w.server, "/t/a", value);
        if (i % 20 == 0) {
            etcd_server_kill(w.server);
            etcd_server_restart(w.server);
        } else if (i % 7 == 0) {
            await(watcher, revision);
        }
    }
    await(watcher, etcd_server_put(w.server, "/t/a", "61"));
    cr_expect_geq(watcher->ends, 3);
    cr_assert_eq(watcher->count, 62);
    for (i = 0; i <= 61; i++) {
        (void)snprintf(value, sizeof(value), "%u", i);
        expect_seen(watcher, i, "/t/a", value);
        cr_expect_eq(watcher->seen[i].mod_revision, first + i);
    }
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

Test(watch, loses_nothing_over_connections_that_break)
{
    struct world w;
    struct watcher *watcher;
    uint64_t first;
    unsigned i;

    world_start_relayed(&w);
    first = etcd_server_put(w.server, "/t/a", "0");
    watcher = watcher_new(&w, first);
    watcher->renew = true;
    for (i = 1; i < 200; i++) {
        uint64_t revision = etcd_server_put(w.server, "/t/a", "x");

        if (i % 40 == 0) {
            await(watcher, revision);
            relay_cut(w.relay);
        }
        loop_wait_ms(w.loop, i % 3);
    }
    await(watcher, first + 199);
    cr_expect_geq(watcher->ends, 4);
    cr_assert_eq(watcher->count, 200);
    for (i = 0; i < 200; i++) {
        cr_expect_eq(watcher->seen[i].mod_revision, first + i);
    }
    etcd_watch_free(watcher->watch);
    world_end(&w);
}

/* A frozen member keeps its connections: nothing but an answer shows life. A quiet one is asked,
 * and answers. */
Test(watch, in_silence_lives_while_the_member_does)
{
    struct world w;
    struct watcher *watcher;
    uint64_t start_ms;

    world_start_impatient(&w);
    watcher = watcher_new(&w, etcd_server_put(w.server, "/t/a", "1"));
    loop_wait_ms(w.loop, 7000); /* two silences: it was asked, and answered */
    cr_expect_eq(watcher->ends, 0);
    etcd_server_freeze(w.server);
    start_ms = clock_mono_ms();
    await_end(watcher, ERR_UNAVAILABLE);
    cr_expect_lt(clock_mono_ms() - start_ms, 15000);
    world_end(&w);
}

Test(watch, of_a_member_that_never_answers_ends)
{
    struct world w;
    struct watcher *watcher;

    world_start_relayed(&w);
    relay_set(w.relay, RELAY_HOLD);
    watcher = watcher_new(&w, 1);
    await_end(watcher, ERR_UNAVAILABLE);
    world_end(&w);
}

Test(watch, ends_when_quorum_is_lost)
{
    struct etcd_server *servers[3];
    struct world w = { .loop = NULL };
    struct etcd_options options = { 0 };
    struct watcher *watcher;

    etcd_server_start_cluster(servers, 3);
    options.endpoints = etcd_server_url(servers[0]);
    world_open(&w, &options);
    watcher = watcher_new(&w, world_put(&w, "/t/a", "1", 0));
    await(watcher, watcher->next);
    etcd_server_kill(servers[1]);
    etcd_server_kill(servers[2]);
    await_end(watcher, ERR_UNAVAILABLE);
    world_end(&w);
}
