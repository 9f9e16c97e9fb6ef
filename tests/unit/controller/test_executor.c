/* Transactions on a real etcd, entered in the mirror. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "controller/backoff.h"
#include "controller/executor.h"
#include "loop/loop.h"
#include "store/mirror.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"

#define PREFIX "/muster/v1"

/*
 * The mirror's watch is on other keys than those that are written: what it shows of them was
 * entered, not heard of.
 */
#define SILENT "/silent/"

struct world {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct mirror *mirror;
    struct executor *executor;
    bool done;
    int code;
};

static void on_item(void *ctx, struct mirror_item *item)
{
    (void)ctx;
    (void)item;
}

static void on_synced(void *ctx)
{
    (void)ctx;
}

static bool synced(void *ctx)
{
    return mirror_is_synced(ctx);
}

static void world_start(struct world *w)
{
    const struct mirror_events events = { .put = on_item, .gone = on_item, .synced = on_synced };
    struct etcd_options options = { .try_timeout_ms = WAIT_MS, .request_timeout_ms = 5000 };
    struct err err;

    *w = (struct world){ .server = etcd_server_start() };
    options.endpoints = etcd_server_url(w->server);
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(etcd_new(w->loop, &options, &w->etcd, &err), 0);
    cr_assert_eq(mirror_new(w->loop, w->etcd, SILENT, &events, w, &w->mirror, &err), 0);
    cr_assert(loop_wait_until(w->loop, synced, w->mirror, WAIT_MS));
}

static void world_end(struct world *w)
{
    mirror_free(w->mirror);
    etcd_free(w->etcd);
    executor_free(w->executor);
    loop_free(w->loop);
}

static void on_done(void *ctx, const struct txn_plan *plan, const struct err *err)
{
    struct world *w = ctx;

    (void)plan;
    w->done = true;
    w->code = err == NULL ? 0 : err->code;
    w->executor = NULL;
}

static void start(struct world *w, struct etcd_txn *txns, size_t count)
{
    const struct executor_deps deps = { .etcd = w->etcd, .mirror = w->mirror, .prefix = PREFIX };
    struct txn_plan plan = { .txns = txns, .txns_count = count };
    struct arena arena;
    struct err err;

    arena_init(&arena, 1U << 20);
    w->done = false;
    cr_assert_eq(executor_start(&deps, &arena, &plan, on_done, w, &w->executor, &err), 0);
    arena_deinit(&arena);
}

static int execute(struct world *w, struct etcd_txn *txns, size_t count)
{
    struct err err;

    start(w, txns, count);
    cr_assert_eq(loop_run_until(w->loop, &w->done, WAIT_MS, &err), 0);
    return w->code;
}

static const char *shown(struct world *w, const char *key)
{
    const struct mirror_item *item = mirror_get(w->mirror, key);

    return item == NULL ? NULL : item->value;
}

static struct etcd_op put(const char *key, const char *value)
{
    return (struct etcd_op){
        .kind = ETCD_PUT, .key = key, .value = value, .value_bytes = strlen(value)
    };
}

Test(executor, what_was_confirmed_is_in_the_mirror_at_once)
{
    struct etcd_op first[] = { put(PREFIX "/clusters/a/x", "1"), put(PREFIX "/clusters/a/y", "2"),
                               put(PREFIX "/clusters/ab", "3"), put("/skydns/x", "4") };
    struct etcd_op second[] = { { .kind = ETCD_DELETE_PREFIX, .key = PREFIX "/clusters/a/" },
                                put(PREFIX "/z", "5") };
    struct etcd_txn txns[] = { { .ops = first, .ops_count = 4 },
                               { .ops = second, .ops_count = 2 } };
    struct world w;

    world_start(&w);
    cr_assert_eq(execute(&w, txns, 1), 0);
    cr_assert_str_eq(shown(&w, PREFIX "/clusters/a/y"), "2");
    cr_assert_null(mirror_get(w.mirror, "/skydns/x"));
    cr_assert_eq(execute(&w, txns + 1, 1), 0);
    cr_assert_null(shown(&w, PREFIX "/clusters/a/x"));
    cr_assert_null(shown(&w, PREFIX "/clusters/a/y"));
    cr_assert_str_eq(shown(&w, PREFIX "/clusters/ab"), "3");
    cr_assert_str_eq(shown(&w, PREFIX "/z"), "5");
    world_end(&w);
}

Test(executor, a_deposed_leader_changes_nothing)
{
    struct etcd_compare fence = { .key = PREFIX "/leader", .target = ETCD_CREATE_REVISION };
    struct etcd_op ops[] = { put(PREFIX "/clusters/a/config", "mine") };
    struct etcd_op later[] = { put(PREFIX "/clusters/a/alias", "mine") };
    struct etcd_txn txns[] = {
        { .compares = &fence, .compares_count = 1, .ops = ops, .ops_count = 1 },
        { .compares = &fence, .compares_count = 1, .ops = later, .ops_count = 1 }
    };
    struct world w;

    world_start(&w);
    fence.revision = etcd_server_put(w.server, PREFIX "/leader", "me");
    cr_assert_eq(execute(&w, txns, 1), 0);
    etcd_server_delete(w.server, PREFIX "/leader");
    etcd_server_put(w.server, PREFIX "/leader", "me");
    cr_assert_eq(execute(&w, txns, 2), ERR_CONFLICT, "the same value, but made again");
    cr_assert_null(shown(&w, PREFIX "/clusters/a/alias"), "nothing after the first refusal");
    world_end(&w);
}

Test(executor, an_answer_that_does_not_come_is_a_failure_and_nothing_is_entered)
{
    struct etcd_op ops[] = { put(PREFIX "/x", "1") };
    struct etcd_txn txn = { .ops = ops, .ops_count = 1 };
    struct world w;

    world_start(&w);
    etcd_server_kill(w.server);
    cr_assert_lt(execute(&w, &txn, 1), 0);
    cr_assert_null(shown(&w, PREFIX "/x"));
    world_end(&w);
}

Test(executor, it_may_be_dropped_under_way)
{
    struct etcd_op ops[] = { put(PREFIX "/x", "1") };
    struct etcd_txn txn = { .ops = ops, .ops_count = 1 };
    struct world w;

    world_start(&w);
    start(&w, &txn, 1);
    world_end(&w);
    cr_assert_not(w.done);
}

Test(backoff, it_doubles_up_to_a_limit_with_jitter)
{
    unsigned i;

    for (i = 1; i < 100; i++) {
        uint64_t first_ms = backoff_ms(1, 100, 5000);
        uint64_t fourth_ms = backoff_ms(4, 100, 5000);

        cr_assert(50 <= first_ms && first_ms <= 100);
        cr_assert(400 <= fourth_ms && fourth_ms <= 800);
        cr_assert(2500 <= backoff_ms(i + 6, 100, 5000));
        cr_assert(backoff_ms(i + 6, 100, 5000) <= 5000);
    }
}
