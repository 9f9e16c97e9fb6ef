#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "etcd/etcd_wire.h"

#define HEADER \
    "\"header\":{\"cluster_id\":\"14\",\"member_id\":\"10\",\"revision\":\"8\",\"raft_term\":\"2\"}"

/* ---- Ranges ---- */

static int read_range(const char *body, struct etcd_wire_range *out)
{
    struct err err;

    return etcd_wire_range(body, strlen(body), out, &err);
}

Test(wire, a_range_is_read)
{
    static const char body[] =
        "{" HEADER ",\"kvs\":["
        "{\"key\":\"L2E=\",\"create_revision\":\"3\",\"mod_revision\":\"9223372036854775807\","
        "\"version\":\"2\",\"value\":\"AHgA\",\"lease\":\"7587862094735\"},"
        "{\"key\":\"L2I=\",\"create_revision\":\"4\",\"mod_revision\":\"4\",\"version\":\"1\"}"
        "],\"more\":true,\"count\":\"5\"}";
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range range = { 0 };

    cr_assert_eq(read_range(body, &range), 0);
    cr_expect_eq(range.header.cluster_id, 14);
    cr_expect_eq(range.header.raft_term, 2);
    cr_expect_eq(range.result.revision, 8);
    cr_expect(range.result.more);
    cr_assert_eq(range.result.count, 2);
    cr_expect_str_eq(range.result.kvs[0].key, "/a");
    cr_expect_eq(range.result.kvs[0].value_bytes, 3);
    cr_expect_arr_eq(range.result.kvs[0].value, "\0x\0", 4);
    cr_expect_eq(range.result.kvs[0].create_revision, 3);
    cr_expect_eq(range.result.kvs[0].mod_revision, INT64_MAX);
    cr_expect_eq(range.result.kvs[0].lease, 7587862094735);
    cr_expect_str_eq(range.result.kvs[1].key, "/b");
    cr_expect_eq(range.result.kvs[1].value_bytes, 0);
    cr_expect_str_eq(range.result.kvs[1].value, "");
    cr_expect_eq(range.result.kvs[1].lease, 0);
}

Test(wire, an_empty_range_has_no_kvs_at_all)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range range = { 0 };

    cr_assert_eq(read_range("{" HEADER "}", &range), 0);
    cr_expect_eq(range.result.count, 0);
    cr_expect_not(range.result.more);
}

Test(wire, a_key_that_holds_a_nul_is_passed_over)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range range = { 0 };

    cr_assert_eq(read_range("{" HEADER ",\"kvs\":[{\"key\":\"YQBi\"},{\"key\":\"Yw==\"}]}", &range),
                 0);
    cr_assert_eq(range.result.count, 1);
    cr_expect_str_eq(range.result.kvs[0].key, "c");
}

Test(wire, what_is_no_range_is_refused)
{
    static const char *const table[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"header\":7}",
        "{\"header\":{\"revision\":8}}",
        "{\"header\":{\"revision\":\"-1\"}}",
        "{\"header\":{\"revision\":\"18446744073709551616\"}}",
        "{" HEADER ",\"kvs\":{\"a\":{}}}",
        "{" HEADER ",\"kvs\":[7]}",
        "{" HEADER ",\"kvs\":[{\"key\":7}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"!!!!\"}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"x\"}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"value\":null}]}",
        "{" HEADER ",\"kvs\":[",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        struct etcd_wire_range range = { .tree = NULL };

        cr_expect_eq(read_range(table[i], &range), ERR_PROTOCOL, "%s", table[i]);
        cr_expect_null(range.tree);
    }
}

Test(wire, memory_that_runs_out_leaves_nothing_behind)
{
    static const char body[] = "{" HEADER ",\"kvs\":[{\"key\":\"YQ==\"}]}";
    struct etcd_wire_range range = { .tree = NULL };
    struct etcd_wire_watch watch = { .tree = NULL };
    struct err err;

    mem_fail_after(0);
    cr_expect_eq(etcd_wire_range(body, strlen(body), &range, &err), ERR_NOMEM);
    cr_expect_null(range.tree);
    mem_fail_after(0);
    cr_expect_eq(etcd_wire_watch("{}", 2, &watch, &err), ERR_NOMEM);
    cr_expect_null(watch.tree);
}

/* ---- Other replies ---- */

Test(wire, a_transaction_that_did_not_succeed_does_not_say_so)
{
    struct etcd_txn_result result;
    struct err err;
    static const char yes[] = "{" HEADER ",\"succeeded\":true,\"responses\":[{}]}";
    static const char no[] = "{" HEADER "}";

    cr_assert_eq(etcd_wire_txn(yes, strlen(yes), &result, &err), 0);
    cr_expect(result.succeeded);
    cr_expect_eq(result.revision, 8);
    cr_assert_eq(etcd_wire_txn(no, strlen(no), &result, &err), 0);
    cr_expect_not(result.succeeded);
    cr_expect_eq(etcd_wire_txn("{}", 2, &result, &err), ERR_PROTOCOL);
}

Test(wire, leases)
{
    static const struct {
        const char *body;
        int rv;
        uint64_t lease;
        uint64_t ttl_s;
    } table[] = {
        { "{" HEADER ",\"ID\":\"7587862094735\",\"TTL\":\"10\"}", 0, 7587862094735, 10 },
        { "{\"result\":{" HEADER ",\"ID\":\"5\",\"TTL\":\"2\"}}\n", 0, 5, 2 },
        { "{\"result\":{" HEADER ",\"ID\":\"5\"}}\n", 0, 5, 0 },
        { "{\"result\":{}}", ERR_PROTOCOL, 0, 0 },
        { "{\"ID\":5}", ERR_PROTOCOL, 0, 0 },
        { "{\"ID\":\"5\",\"TTL\":\"-1\"}", ERR_PROTOCOL, 0, 0 },
        { "", ERR_PROTOCOL, 0, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        uint64_t lease = 0;
        uint64_t ttl_s = 0;
        struct err err;

        cr_expect_eq(etcd_wire_lease(table[i].body, strlen(table[i].body), &lease, &ttl_s, &err),
                     table[i].rv, "%s", table[i].body);
        cr_expect_eq(lease, table[i].lease, "%s", table[i].body);
        cr_expect_eq(ttl_s, table[i].ttl_s, "%s", table[i].body);
    }
}

Test(wire, tokens)
{
    static const char body[] = "{" HEADER ",\"token\":\"abc.7\"}";
    static const char *const bad[] = { "{}", "{\"token\":\"\"}", "{\"token\":7}", "x" };
    char *token = NULL;
    struct err err;
    size_t i;

    cr_assert_eq(etcd_wire_token(body, strlen(body), &token, &err), 0);
    cr_expect_str_eq(token, "abc.7");
    free(TAKE(token));
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_eq(etcd_wire_token(bad[i], strlen(bad[i]), &token, &err), ERR_PROTOCOL);
        cr_expect_null(token);
    }
}

/* ---- Failures ---- */

Test(wire, each_failure_says_what_to_do_next)
{
    static const struct {
        unsigned status;
        const char *body;
        int code;
        enum etcd_advice advice;
    } table[] = {
        { 400, "{\"error\":\"etcdserver: too many operations in txn request\",\"code\":3}",
          ERR_INVALID, ETCD_GIVE_UP },
        { 400, "{\"error\":\"x\",\"message\":\"etcdserver: user name is empty\",\"code\":3}",
          ERR_DENIED, ETCD_LOG_IN },
        { 400, "{\"error\":\"etcdserver: revision of auth store is old\",\"code\":3}", ERR_DENIED,
          ETCD_LOG_IN },
        { 400,
          "{\"error\":\"etcdserver: authentication failed, invalid user ID or password\","
          "\"code\":3}",
          ERR_DENIED, ETCD_GIVE_UP },
        { 401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}", ERR_DENIED,
          ETCD_LOG_IN },
        { 403, "{\"error\":\"etcdserver: permission denied\",\"code\":7}", ERR_DENIED,
          ETCD_GIVE_UP },
        { 404, "{\"error\":\"etcdserver: requested lease not found\",\"code\":5}", ERR_NOT_FOUND,
          ETCD_GIVE_UP },
        { 412, "{\"error\":\"etcdserver: authentication is not enabled\",\"code\":9}", ERR_CONFLICT,
          ETCD_GIVE_UP },
        { 400, "{\"error\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}",
          ERR_COMPACTED, ETCD_GIVE_UP },
        { 429, "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}", ERR_LIMIT,
          ETCD_GIVE_UP },
        { 429, "{\"error\":\"etcdserver: too many requests\",\"code\":8}", ERR_UNAVAILABLE,
          ETCD_TRY_CLEAN },
        { 503, "{\"error\":\"etcdserver: no leader\",\"code\":14}", ERR_UNAVAILABLE,
          ETCD_TRY_CLEAN },
        { 503, "{\"error\":\"etcdserver: request timed out\",\"code\":14}", ERR_UNAVAILABLE,
          ETCD_TRY_AGAIN },
        { 500, "{\"error\":\"context deadline exceeded\",\"code\":2}", ERR_UNAVAILABLE,
          ETCD_TRY_AGAIN },
        { 500, "{\"error\":\"raft proposal dropped\",\"code\":2}", ERR_UNAVAILABLE,
          ETCD_TRY_CLEAN },
        { 200,
          "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\","
          "\"http_status\":\"Service Unavailable\"}}",
          ERR_UNAVAILABLE, ETCD_TRY_CLEAN },
        { 404, "404 page not found", ERR_PROTOCOL, ETCD_TRY_AGAIN },
        { 502, "", ERR_PROTOCOL, ETCD_TRY_AGAIN },
        { 400, "{\"error\":7,\"code\":\"x\"}", ERR_PROTOCOL, ETCD_TRY_AGAIN },
        { 400, "[]", ERR_PROTOCOL, ETCD_TRY_AGAIN },
        { 200, "{\"error\":{}}", ERR_PROTOCOL, ETCD_TRY_AGAIN },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        struct err err;

        cr_expect(etcd_wire_is_failure(table[i].status, table[i].body));
        cr_expect_eq(etcd_wire_failure(table[i].status, table[i].body, strlen(table[i].body), &err),
                     table[i].advice, "%s", table[i].body);
        cr_expect_eq(err.code, table[i].code, "%s: %s", table[i].body, err.msg);
    }
    cr_expect_not(etcd_wire_is_failure(200, "{" HEADER "}"));
}

/* ---- Watch ---- */

static void read_line(const char *line, struct etcd_wire_watch *out)
{
    struct err err;

    cr_assert_eq(etcd_wire_watch(line, strlen(line), out, &err), 0, "%s: %s", line, err.msg);
}

Test(wire, a_watch_is_created_and_tells_events)
{
    CLEANUP(etcd_wire_watch_deinit) struct etcd_wire_watch created = { 0 };
    CLEANUP(etcd_wire_watch_deinit) struct etcd_wire_watch told = { 0 };

    read_line("{\"result\":{" HEADER ",\"created\":true}}", &created);
    cr_expect(created.created);
    cr_expect_not(created.ended);
    cr_expect_eq(created.count, 0);
    cr_expect_eq(created.header.revision, 8);
    read_line("{\"result\":{" HEADER ",\"events\":["
              "{\"kv\":{\"key\":\"YQ==\",\"create_revision\":\"7\",\"mod_revision\":\"8\","
              "\"version\":\"1\",\"value\":\"eA==\"}},"
              "{\"type\":\"DELETE\",\"kv\":{\"key\":\"Yg==\",\"mod_revision\":\"8\"}}]}}",
              &told);
    cr_expect_not(told.created);
    cr_assert_eq(told.count, 2);
    cr_expect_not(told.events[0].deleted);
    cr_expect_str_eq(told.events[0].kv.key, "a");
    cr_expect_str_eq(told.events[0].kv.value, "x");
    cr_expect_eq(told.events[0].kv.create_revision, 7);
    cr_expect(told.events[1].deleted);
    cr_expect_str_eq(told.events[1].kv.key, "b");
    cr_expect_eq(told.events[1].kv.mod_revision, 8);
}

Test(wire, a_watch_says_why_it_ends)
{
    static const struct {
        const char *line;
        int code;
        enum etcd_advice advice;
    } table[] = {
        { "{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":\"5\"}}", ERR_COMPACTED,
          ETCD_GIVE_UP },
        { "{\"result\":{" HEADER ",\"created\":true,\"canceled\":true,\"cancel_reason\":"
          "\"rpc error: code = PermissionDenied desc = etcdserver: permission denied\"}}",
          ERR_DENIED, ETCD_GIVE_UP },
        { "{\"result\":{" HEADER ",\"canceled\":true}}", ERR_UNAVAILABLE, ETCD_TRY_AGAIN },
        { "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\"}}",
          ERR_UNAVAILABLE, ETCD_TRY_CLEAN },
        { "{\"error\":{\"grpc_code\":16,\"message\":\"etcdserver: invalid auth token\"}}",
          ERR_DENIED, ETCD_LOG_IN },
        { "{\"error\":7}", ERR_PROTOCOL, ETCD_TRY_AGAIN },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        CLEANUP(etcd_wire_watch_deinit) struct etcd_wire_watch watch = { 0 };

        read_line(table[i].line, &watch);
        cr_expect(watch.ended, "%s", table[i].line);
        cr_expect_eq(watch.end.code, table[i].code, "%s", table[i].line);
        cr_expect_eq(watch.advice, table[i].advice, "%s", table[i].line);
    }
}

Test(wire, what_is_no_line_of_a_watch_is_refused)
{
    static const char *const table[] = {
        "",
        "{}",
        "null",
        "{\"result\":7}",
        "{\"result\":{}}",
        "{\"result\":{" HEADER ",\"events\":7}}",
        "{\"result\":{" HEADER ",\"events\":[7]}}",
        "{\"result\":{" HEADER ",\"events\":[{}]}}",
        "{\"result\":{" HEADER ",\"events\":[{\"kv\":{\"key\":\"=\"}}]}}",
        "{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":5}}",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        struct etcd_wire_watch watch = { .tree = NULL };
        struct err err;

        cr_expect_eq(etcd_wire_watch(table[i], strlen(table[i]), &watch, &err), ERR_PROTOCOL, "%s",
                     table[i]);
        cr_expect_null(watch.tree);
    }
}
