/* The client against a real etcd. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "etcd/etcd.h"
#include "etcd/etcd_wait.h"
#include "loop/loop.h"
#include "support/etcd_server.h"
#include "support/wait.h"

struct world {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct arena arena;
};

static void world_open(struct world *w, const char *endpoints)
{
    struct etcd_options options = { .endpoints = endpoints };
    struct err err;

    arena_init(&w->arena, 64U << 20U);
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(etcd_new(w->loop, &options, &w->etcd, &err), 0, "%s", err.msg);
}

static void world_start(struct world *w)
{
    *w = (struct world){ .server = etcd_server_start() };
    world_open(w, etcd_server_url(w->server));
}

static void world_end(struct world *w)
{
    etcd_free(w->etcd);
    loop_free(w->loop);
    arena_deinit(&w->arena);
}

static struct etcd_txn_result write_one(struct world *w, const struct etcd_compare *compare,
                                        const struct etcd_op *op)
{
    struct etcd_txn txn = {
        .compares = compare, .compares_count = compare == NULL ? 0 : 1, .ops = op, .ops_count = 1
    };
    struct etcd_txn_result result = { 0 };
    struct err err;

    cr_assert_eq(etcd_wait_txn(w->loop, w->etcd, &txn, &result, &err), 0, "%s", err.msg);
    return result;
}

static uint64_t put(struct world *w, const char *key, const char *value)
{
    struct etcd_op op = { .kind = ETCD_PUT, .key = key, .value = value };

    op.value_bytes = strlen(value);
    return write_one(w, NULL, &op).revision;
}

static struct etcd_range_result list(struct world *w, const struct etcd_range *range)
{
    struct etcd_range_result result = { 0 };
    struct err err;

    cr_assert_eq(etcd_wait_range(w->loop, w->etcd, range, &w->arena, &result, &err), 0, "%s",
                 err.msg);
    return result;
}

Test(client, what_was_put_is_read_back)
{
    struct world w;
    struct etcd_range_result result;

    world_start(&w);
    (void)put(&w, "/t/b", "2");
    (void)put(&w, "/t/a", "1");
    (void)put(&w, "/u", "3");
    result = list(&w, &(struct etcd_range){ .key = "/t/", .prefix = true });
    cr_assert_eq(result.count, 2);
    cr_expect_str_eq(result.kvs[0].key, "/t/a");
    cr_expect_str_eq(result.kvs[0].value, "1");
    cr_expect_str_eq(result.kvs[1].key, "/t/b");
    world_end(&w);
}
