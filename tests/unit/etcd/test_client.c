/* What the client asks, a real etcd does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

Test(client, what_was_put_is_read_back)
{
    struct world w;
    struct etcd_range_result result;
    struct etcd_op op = { .kind = ETCD_PUT, .key = "/t/c", .value = "\0\xff\n", .value_bytes = 3 };
    struct etcd_txn_result written;
    struct err err;
    uint64_t first;

    world_start(&w);
    first = world_put(&w, "/t/b", "old", 0);
    (void)world_put(&w, "/t/a", "", 0);
    (void)world_put(&w, "/u", "elsewhere", 0);
    cr_assert_eq(world_write(&w, NULL, &op, &written, &err), 0);
    (void)world_put(&w, "/t/b", "new", 0);
    result = world_list(&w, "/t/");
    cr_expect_eq(result.revision, first + 4);
    cr_expect_not(result.more);
    cr_assert_eq(result.count, 3);
    cr_expect_str_eq(result.kvs[0].key, "/t/a");
    cr_expect_eq(result.kvs[0].value_bytes, 0);
    cr_expect_str_eq(result.kvs[1].key, "/t/b");
    cr_expect_str_eq(result.kvs[1].value, "new");
    cr_expect_eq(result.kvs[1].create_revision, first);
    cr_expect_eq(result.kvs[1].mod_revision, first + 4);
    cr_expect_eq(result.kvs[2].value_bytes, 3);
    cr_expect_arr_eq(result.kvs[2].value, "\0\xff\n", 4);
    cr_expect_eq(world_list(&w, "").count, 4, "the empty prefix is all keys");
    world_end(&w);
}

Test(client, a_read_can_be_cut_keyless_and_of_the_past)
{
    struct world w;
    struct etcd_range range = { .key = "/t/", .prefix = true, .limit = 2, .keys_only = true };
    struct etcd_range_result result;
    struct err err;
    uint64_t first;

    world_start(&w);
    first = world_put(&w, "/t/a", "1", 0);
    (void)world_put(&w, "/t/b", "2", 0);
    (void)world_put(&w, "/t/c", "3", 0);
    cr_assert_eq(etcd_wait_range(w.loop, w.etcd, &range, &w.arena, &result, &err), 0);
    cr_expect_eq(result.count, 2);
    cr_expect(result.more);
    cr_expect_eq(result.kvs[0].value_bytes, 0);
    range = (struct etcd_range){ .key = "/t/", .prefix = true, .revision = first };
    cr_assert_eq(etcd_wait_range(w.loop, w.etcd, &range, &w.arena, &result, &err), 0);
    cr_expect_eq(result.count, 1);
    cr_expect_eq(result.revision, first + 2, "of the store now");
    etcd_server_compact(w.server, first + 2);
    cr_expect_eq(etcd_wait_range(w.loop, w.etcd, &range, &w.arena, &result, &err), ERR_COMPACTED);
    world_end(&w);
}

#define MANY 350 /* more than three pages */

/* Keys /t/000 .. in transactions, and one that cannot be named just where a page ends. */
static void put_many(struct world *w)
{
    struct etcd_op ops[50];
    struct etcd_txn txn = { .ops = ops, .ops_count = ARRAY_COUNT(ops) };
    struct etcd_txn_result result;
    char keys[ARRAY_COUNT(ops)][16];
    struct err err;
    unsigned i;

    for (i = 0; i < MANY; i++) {
        (void)snprintf(keys[i % 50], sizeof(keys[0]), "/t/%03u", i);
        ops[i % 50] = (struct etcd_op){ .kind = ETCD_PUT, .key = keys[i % 50], .value = "v" };
        ops[i % 50].value_bytes = 1;
        if (i % 50 == 49) {
            cr_assert_eq(etcd_wait_txn(w->loop, w->etcd, &txn, &result, &err), 0);
        }
    }
    free(
        etcd_server_post(w->server, "/v3/kv/put", "{\"key\":\"L3QvMDk4AHg=\"}")); /* /t/098 NUL x */
}

Test(client, a_long_list_is_whole_and_in_order)
{
    struct world w;
    struct etcd_range range = { .key = "/t/", .prefix = true, .limit = 230 };
    struct etcd_range_result result;
    struct err err;
    char key[16];
    unsigned i;

    world_start(&w);
    put_many(&w);
    result = world_list(&w, "/t/");
    cr_assert_eq(result.count, MANY);
    cr_expect_not(result.more);
    cr_expect_eq(result.revision, etcd_server_revision(w.server));
    for (i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "/t/%03u", i);
        cr_expect_str_eq(result.kvs[i].key, key);
        cr_expect_str_eq(result.kvs[i].value, "v");
    }
    cr_assert_eq(etcd_wait_range(w.loop, w.etcd, &range, &w.arena, &result, &err), 0);
    cr_expect_eq(result.count, 230);
    cr_expect(result.more);
    world_end(&w);
}

struct list_answer {
    bool done;
    uint64_t revision;
    size_t count;
};

static void on_long_list(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct list_answer *answer = ctx;

    cr_assert_null(err);
    *answer = (struct list_answer){ true, result->revision, result->count };
}

#define LARGE_KEYS 140
#define LARGE_BYTES 393216 /* the largest that muster writes */
#define LARGE_KEYS_PER_TXN 3

/* Large values behind many small ones: a page for as many as of those is more than a reply may be.
 */
Test(client, a_page_that_is_too_large_is_asked_for_in_parts)
{
    struct etcd_op ops[LARGE_KEYS_PER_TXN];
    struct etcd_txn txn = { .ops = ops };
    char keys[LARGE_KEYS_PER_TXN][16];
    char *value = calloc(1, LARGE_BYTES + 1);
    struct etcd_range_result result;
    struct world w;
    struct err err;
    unsigned i;

    world_start(&w);
    put_many(&w);
    memset(value, 'x', LARGE_BYTES);
    for (i = 0; i < LARGE_KEYS; i++) {
        struct etcd_op *op = &ops[txn.ops_count];

        (void)snprintf(keys[txn.ops_count], sizeof(keys[0]), "/t/x%03u", i);
        *op = (struct etcd_op){ .kind = ETCD_PUT, .key = keys[txn.ops_count], .value = value };
        op->value_bytes = LARGE_BYTES;
        txn.ops_count++;
        if (txn.ops_count == LARGE_KEYS_PER_TXN || i + 1 == LARGE_KEYS) {
            struct etcd_txn_result written;

            cr_assert_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &written, &err), 0, "%s", err.msg);
            txn.ops_count = 0;
        }
    }
    arena_deinit(&w.arena);
    arena_init(&w.arena, (size_t)2 * LARGE_KEYS * LARGE_BYTES);
    result = world_list(&w, "/t/");
    cr_assert_eq(result.count, MANY + LARGE_KEYS);
    cr_expect_str_eq(result.kvs[MANY + LARGE_KEYS - 1].key, keys[(LARGE_KEYS - 1) % 3]);
    cr_expect_eq(result.kvs[MANY].value_bytes, LARGE_BYTES);
    free(value);
    world_end(&w);
}

/* A round trip per page gives somebody time to write between two of them. */
Test(client, a_long_list_is_the_store_at_one_revision)
{
    struct world w;
    struct etcd_range range = { .key = "/t/", .prefix = true };
    struct list_answer answer = { .done = false };
    struct err err;
    uint64_t revision;

    world_start_relayed(&w);
    put_many(&w);
    relay_delay(w.relay, 100);
    cr_assert_eq(etcd_range(w.etcd, &range, on_long_list, &answer, &err), 0);
    loop_wait_ms(w.loop, 300);
    revision = etcd_server_put(w.server, "/t/999", "late");
    cr_assert_eq(loop_run_until(w.loop, &answer.done, WAIT_MS, &err), 0);
    cr_expect_eq(answer.count, answer.revision < revision ? MANY : MANY + 1);
    world_end(&w);
}

struct several {
    bool done;
    int code;
    size_t count;
    uint64_t revision;
    uint64_t total;
    bool more;
    char text[64]; /* all keys and values */
};

static void on_several(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct several *several = ctx;
    size_t i;

    several->done = true;
    several->code = result == NULL ? err->code : 0;
    several->total = result == NULL ? 0 : result->total;
    several->more = result != NULL && result->more;
    for (i = 0; result != NULL && i < result->count; i++) {
        size_t used = strlen(several->text);

        (void)snprintf(several->text + used, sizeof(several->text) - used, "%s=%s ",
                       result->kvs[i].key, result->kvs[i].value);
        several->revision = result->revision;
    }
}

Test(client, several_keys_are_read_at_once_and_of_the_past)
{
    struct world w;
    struct etcd_range ranges[] = { { .key = "/t/b" },
                                   { .key = "/t/none" },
                                   { .key = "/t/a", .keys_only = true },
                                   { .key = "/l/", .prefix = true } };
    struct several now = { .done = false };
    struct several past = { .done = false };
    struct several compacted = { .done = false };
    struct err err;
    uint64_t first;

    world_start(&w);
    first = world_put(&w, "/t/a", "1", 0);
    (void)world_put(&w, "/t/b", "2", 0);
    (void)world_put(&w, "/l/x", "3", 0);
    (void)world_put(&w, "/l/y", "4", 0);
    cr_assert_eq(etcd_ranges(w.etcd, ranges, ARRAY_COUNT(ranges), on_several, &now, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &now.done, WAIT_MS, &err), 0);
    cr_expect_str_eq(now.text, "/t/b=2 /t/a= /l/x=3 /l/y=4 ");
    cr_expect_eq(now.revision, first + 3);
    ranges[0].revision = first; /* that of the first one counts */
    cr_assert_eq(etcd_ranges(w.etcd, ranges, ARRAY_COUNT(ranges), on_several, &past, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &past.done, WAIT_MS, &err), 0);
    cr_expect_str_eq(past.text, "/t/a= ");
    etcd_server_compact(w.server, first + 3);
    cr_assert_eq(etcd_ranges(w.etcd, ranges, ARRAY_COUNT(ranges), on_several, &compacted, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &compacted.done, WAIT_MS, &err), 0);
    cr_expect_eq(compacted.code, ERR_COMPACTED);
    cr_expect_eq(etcd_ranges(w.etcd, ranges, 0, on_several, &now, &err), ERR_LIMIT);
    world_end(&w);
}

/* What lies between two keys, and whether there is any: the end is not part of it. */
Test(client, ranges_have_ends_and_limits_also_together)
{
    struct world w;
    struct etcd_range ranges[] = { { .key = "/t/a0", .end = "/t/c", .limit = 1, .keys_only = true },
                                   { .key = "/t/c0", .end = "/t0", .limit = 1 },
                                   { .key = "/t/", .prefix = true, .limit = 2 } };
    struct several both = { .done = false };
    struct several alone = { .done = false };
    struct err err;

    world_start(&w);
    (void)world_put(&w, "/t/a", "1", 0);
    (void)world_put(&w, "/t/b", "2", 0);
    (void)world_put(&w, "/t/bb", "3", 0);
    (void)world_put(&w, "/t/c", "4", 0);
    cr_assert_eq(etcd_ranges(w.etcd, ranges, ARRAY_COUNT(ranges), on_several, &both, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &both.done, WAIT_MS, &err), 0);
    cr_expect_str_eq(both.text, "/t/b= /t/a=1 /t/b=2 ");
    cr_expect(both.more);
    cr_expect_eq(both.total, 2 + 0 + 4);
    ranges[0].limit = 0;
    cr_assert_eq(etcd_range(w.etcd, &ranges[0], on_several, &alone, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &alone.done, WAIT_MS, &err), 0);
    cr_expect_str_eq(alone.text, "/t/b= /t/bb= ");
    cr_expect_not(alone.more);
    cr_expect_eq(alone.total, 2);
    world_end(&w);
}

Test(client, single_keys_are_got_or_not_found)
{
    struct world w;
    struct etcd_kv kv;
    struct err err;

    world_start(&w);
    (void)world_put(&w, "/t/a", "1", 0);
    cr_assert_eq(etcd_wait_get(w.loop, w.etcd, "/t/a", &w.arena, &kv, &err), 0);
    cr_expect_str_eq(kv.value, "1");
    cr_expect_eq(etcd_wait_get(w.loop, w.etcd, "/t/", &w.arena, &kv, &err), ERR_NOT_FOUND);
    world_end(&w);
}

/* The gateway ignores fields that it does not know: each compare must be seen to hold and not to
 * hold. */
Test(client, a_transaction_writes_only_while_its_compares_hold)
{
    struct world w;
    struct etcd_op op = { .kind = ETCD_PUT, .key = "/t/k", .value = "x", .value_bytes = 1 };
    struct etcd_txn_result result;
    struct err err;
    uint64_t created;
    uint64_t changed;
    uint64_t below;
    size_t i;

    world_start(&w);
    created = world_put(&w, "/t/a", "1", 0);
    changed = world_put(&w, "/t/a", "2", 0);
    (void)world_put(&w, "/t/p/older", "1", 0);
    below = world_put(&w, "/t/p/newer", "1", 0);
    const struct {
        struct etcd_compare compare;
        bool holds;
    } table[] = {
        { { "/t/a", ETCD_CREATE_REVISION, created }, true },
        { { "/t/a", ETCD_CREATE_REVISION, changed }, false },
        { { "/t/a", ETCD_CREATE_REVISION, 0 }, false },
        { { "/t/a", ETCD_MOD_REVISION, changed }, true },
        { { "/t/a", ETCD_MOD_REVISION, created }, false },
        { { "/t/a", ETCD_MOD_REVISION, 0 }, false },
        { { "/t/none", ETCD_CREATE_REVISION, 0 }, true },
        { { "/t/none", ETCD_CREATE_REVISION, 1 }, false },
        { { "/t/none", ETCD_MOD_REVISION, 0 }, true },
        { { "/t/none", ETCD_MOD_REVISION, 1 }, false },
        { { "/t/a", ETCD_NOTHING_NEWER, changed }, true },
        { { "/t/a", ETCD_NOTHING_NEWER, created }, false },
        { { "/t/p/", ETCD_NOTHING_NEWER, below }, true },
        { { "/t/p/", ETCD_NOTHING_NEWER, below - 1 }, false },
        { { "/t/none", ETCD_NOTHING_NEWER, 1 }, true },
    };
    for (i = 0; i < ARRAY_COUNT(table); i++) {
        uint64_t before = etcd_server_revision(w.server);

        cr_assert_eq(world_write(&w, &table[i].compare, &op, &result, &err), 0);
        cr_expect_eq(result.succeeded, table[i].holds, "row %zu", i);
        cr_expect_eq(etcd_server_revision(w.server), before + (table[i].holds ? 1 : 0));
        cr_expect_eq(result.revision, etcd_server_revision(w.server));
    }
    world_end(&w);
}

Test(client, one_transaction_does_all_or_nothing)
{
    struct world w;
    static const struct etcd_op ops[] = {
        { .kind = ETCD_PUT, .key = "/t/new", .value = "n", .value_bytes = 1 },
        { .kind = ETCD_DELETE, .key = "/t/a" },
        { .kind = ETCD_DELETE_PREFIX, .key = "/t/p/" },
    };
    struct etcd_compare compares[2] = { { "/t/a", ETCD_MOD_REVISION, 0 },
                                        { "/t/b", ETCD_MOD_REVISION, 0 } };
    struct etcd_txn txn = { compares, 2, ops, 3 };
    struct etcd_txn_result result;
    struct err err;

    world_start(&w);
    compares[0].revision = world_put(&w, "/t/a", "1", 0);
    (void)world_put(&w, "/t/p/1", "1", 0);
    (void)world_put(&w, "/t/p/2", "1", 0);
    compares[1].revision = 7; /* does not exist: 0 would hold */
    cr_assert_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), 0);
    cr_expect_not(result.succeeded);
    cr_expect_eq(world_list(&w, "/t/").count, 3);
    compares[1].revision = 0;
    cr_assert_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), 0);
    cr_expect(result.succeeded);
    cr_assert_eq(world_list(&w, "/t/").count, 1);
    cr_expect_str_eq(world_list(&w, "/t/").kvs[0].key, "/t/new");
    world_end(&w);
}

Test(client, what_etcd_would_refuse_is_refused)
{
    struct world w;
    struct etcd_op ops[ETCD_TXN_OPS_MAX + 1] = { { .kind = ETCD_PUT } };
    struct etcd_txn txn = { .ops = ops, .ops_count = ETCD_TXN_OPS_MAX + 1 };
    struct etcd_txn_result result;
    struct err err;
    char keys[ETCD_TXN_OPS_MAX + 1][16];
    size_t i;

    world_start(&w);
    for (i = 0; i < ARRAY_COUNT(ops); i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "/t/%zu", i);
        ops[i] = (struct etcd_op){ .kind = ETCD_PUT, .key = keys[i], .value = "" };
    }
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), ERR_LIMIT);
    txn.ops_count--;
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), 0, "%s", err.msg);
    ops[0].key = ops[1].key; /* etcd takes no key twice */
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), ERR_INVALID);
    txn.ops_count = 1;
    ops[0].value_bytes = ETCD_VALUE_BYTES_MAX + 1;
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), ERR_LIMIT);
    txn.ops_count = 2;
    ops[0].value_bytes = ETCD_VALUE_BYTES_MAX / 2;
    ops[1].value_bytes = ETCD_VALUE_BYTES_MAX / 2 + 1;
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), ERR_LIMIT);
    txn.ops_count = 1;
    ops[0].value_bytes = 0;
    ops[0].lease = 12345;
    cr_expect_eq(etcd_wait_txn(w.loop, w.etcd, &txn, &result, &err), ERR_NOT_FOUND);
    cr_expect_eq(world_list(&w, "/t/").count, ETCD_TXN_OPS_MAX);
    world_end(&w);
}

Test(client, the_largest_value_travels)
{
    struct world w;
    char *value = scene_alloc(ETCD_VALUE_BYTES_MAX + 1);
    struct etcd_range_result result;

    memset(value, 'x', ETCD_VALUE_BYTES_MAX);
    world_start(&w);
    (void)world_put(&w, "/t/big", value, 0);
    result = world_list(&w, "/t/");
    cr_assert_eq(result.count, 1);
    cr_expect_eq(result.kvs[0].value_bytes, ETCD_VALUE_BYTES_MAX);
    cr_expect_str_eq(result.kvs[0].value, value);
    world_end(&w);
}

/* ---- Leases ---- */

struct lease_answer {
    bool done;
    int code;
    uint64_t lease;
    uint64_t ttl_s;
};

static void on_lease(void *ctx, uint64_t lease, uint64_t ttl_s, const struct err *err)
{
    struct lease_answer *answer = ctx;

    *answer = (struct lease_answer){ true, err == NULL ? 0 : err->code, lease, ttl_s };
}

static uint64_t grant(struct world *w, uint64_t ttl_s)
{
    struct lease_answer answer = { 0 };
    struct err err;

    cr_assert_eq(etcd_lease_grant(w->etcd, ttl_s, on_lease, &answer, &err), 0);
    cr_assert_eq(loop_run_until(w->loop, &answer.done, WAIT_MS, &err), 0);
    cr_assert_eq(answer.code, 0);
    cr_assert_neq(answer.lease, 0);
    cr_assert_geq(answer.ttl_s, ttl_s);
    return answer.lease;
}

static struct lease_answer keepalive(struct world *w, uint64_t lease)
{
    struct lease_answer answer = { 0 };
    struct err err;

    cr_assert_eq(etcd_lease_keepalive(w->etcd, lease, on_lease, &answer, &err), 0);
    cr_expect_not(answer.done, "never from inside the call");
    cr_assert_eq(loop_run_until(w->loop, &answer.done, WAIT_MS, &err), 0);
    return answer;
}

static bool is_gone(void *ctx)
{
    struct world *w = ctx;

    return world_list(w, "/t/").count == 0;
}

Test(client, a_lease_takes_its_keys_along_when_it_ends)
{
    struct world w;
    struct lease_answer answer;
    uint64_t lease;

    world_start(&w);
    lease = grant(&w, ETCD_LEASE_TTL_S_MIN);
    (void)world_put(&w, "/t/a", "1", lease);
    cr_assert_eq(world_list(&w, "/t/").kvs[0].lease, lease);
    answer = keepalive(&w, lease);
    cr_expect_eq(answer.code, 0);
    cr_expect_eq(answer.lease, lease);
    cr_expect_eq(answer.ttl_s, ETCD_LEASE_TTL_S_MIN);
    cr_expect(wait_until(is_gone, &w, WAIT_MS), "not renewed any more");
    answer = keepalive(&w, lease);
    cr_expect_eq(answer.code, 0);
    cr_expect_eq(answer.ttl_s, 0, "the lease is gone");
    world_end(&w);
}

Test(client, a_revoked_lease_ends_at_once)
{
    struct world w;
    struct lease_answer answer = { 0 };
    struct err err;
    uint64_t lease;

    world_start(&w);
    lease = grant(&w, 60);
    (void)world_put(&w, "/t/a", "1", lease);
    cr_assert_eq(etcd_lease_revoke(w.etcd, lease, on_lease, &answer, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &answer.done, WAIT_MS, &err), 0);
    cr_expect_eq(answer.code, 0);
    cr_expect_eq(world_list(&w, "/t/").count, 0);
    answer.done = false;
    cr_assert_eq(etcd_lease_revoke(w.etcd, lease, on_lease, &answer, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &answer.done, WAIT_MS, &err), 0);
    cr_expect_eq(answer.code, ERR_NOT_FOUND);
    world_end(&w);
}

/* ---- The client itself ---- */

static void never_range(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    (void)ctx;
    (void)result;
    (void)err;
    cr_assert_fail("called back");
}

static void free_in_callback(void *ctx, const struct etcd_range_result *result,
                             const struct err *err)
{
    struct world *w = ctx;

    cr_expect_not_null(result);
    cr_expect_null(err);
    etcd_free(TAKE(w->etcd));
}

static bool is_freed(void *ctx)
{
    const struct world *w = ctx;

    return w->etcd == NULL;
}

Test(client, what_is_dropped_is_not_called_back)
{
    struct world w;
    struct etcd_range range = { .key = "/t/" };
    int mine = 0;
    struct err err;

    world_start(&w);
    cr_assert_eq(etcd_range(w.etcd, &range, never_range, &mine, &err), 0);
    etcd_cancel(w.etcd, &mine);
    cr_expect_eq(world_list(&w, "/t/").count, 0);
    cr_assert_eq(etcd_range(w.etcd, &range, free_in_callback, &w, &err), 0);
    cr_expect(loop_wait_until(w.loop, is_freed, &w, WAIT_MS));
    world_end(&w);

    w = (struct world){ .loop = NULL };
    world_open(&w, &(struct etcd_options){ .endpoints = "http://127.0.0.1:1" });
    cr_assert_eq(etcd_range(w.etcd, &range, never_range, &mine, &err), 0);
    loop_wait_ms(w.loop, 20);
    world_end(&w);
}

Test(client, endpoints_are_checked)
{
    static const char *const bad[] = {
        "",           "127.0.0.1:2379", "ftp://127.0.0.1:2379", "http://",         "https:///",
        "http://a b", "http://a:1,",    ",http://a:1",          "http://a:1/path", "http://a:1?x"
    };
    static const char *const good[] = { "http://a:1", "https://a:1/", "http://a:1, https://b:2" };
    struct world w = { .loop = NULL };
    struct err err;
    size_t i;

    cr_assert_eq(loop_new(&w.loop, &err), 0);
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        struct etcd_options options = { .endpoints = bad[i] };

        cr_expect_eq(etcd_new(w.loop, &options, &w.etcd, &err), ERR_INVALID, "%s", bad[i]);
    }
    for (i = 0; i < ARRAY_COUNT(good); i++) {
        struct etcd_options options = { .endpoints = good[i] };

        cr_expect_eq(etcd_new(w.loop, &options, &w.etcd, &err), 0, "%s", good[i]);
        etcd_free(TAKE(w.etcd));
    }
    loop_free(w.loop);
}

/* Make each allocation of the way to an answer fail in turn: the call either fails or succeeds. */
Test(client, survives_every_allocation_failure)
{
    struct world w;
    struct etcd_range_result result;
    struct err err;
    bool failed;
    int n = 0;

    world_start(&w);
    (void)world_put(&w, "/t/a", "1", 0);
    do {
        mem_fail_after(n);
        if (world_read(&w, "/t/a", &result, &err) == 0) {
            cr_expect_eq(result.count, 1);
        }
        failed = mem_has_failed();
        mem_fail_after(-1);
        n++;
    } while (failed && n < 1000);
    cr_expect_gt(n, 5);
    cr_expect_lt(n, 1000);
    world_end(&w);
}

static bool is_certificate_refused(void *ctx)
{
    const struct world *w = ctx;

    return strstr(etcd_trouble(w->etcd), "certificate") != NULL;
}

Test(client, tls_is_spoken_and_checked)
{
    struct world w = { .loop = NULL };
    struct world stranger = { .loop = NULL };
    struct etcd_options options = { .request_timeout_ms = WAIT_MS };
    struct etcd_range range = { .key = "/t/a" };
    int mine = 0;
    struct err err;

    w.server = etcd_server_start_tls();
    options.endpoints = etcd_server_url(w.server);
    options.ca_file = etcd_server_certificate(w.server);
    world_open(&w, &options);
    (void)world_put(&w, "/t/a", "1", 0);
    cr_expect_eq(world_list(&w, "/t/").count, 1);
    options.ca_file = NULL;
    options.request_timeout_ms = UINT64_MAX;
    world_open(&stranger, &options);
    cr_assert_eq(etcd_range(stranger.etcd, &range, never_range, &mine, &err), 0);
    cr_expect(loop_wait_until(stranger.loop, is_certificate_refused, &stranger, WAIT_MS), "%s",
              etcd_trouble(stranger.etcd));
    world_end(&stranger);
    world_end(&w);
}
