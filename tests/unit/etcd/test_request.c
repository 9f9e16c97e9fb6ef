#include <criterion/criterion.h>
#include <string.h>

#include "etcd/etcd_request.h"

static void expect(const struct str *out, const char *want)
{
    cr_expect_not(str_failed(out));
    cr_expect_str_eq(str_text(out), want);
}

Test(request, ranges)
{
    static const struct {
        struct etcd_range range;
        const char *text;
    } table[] = {
        { { .key = "a" }, "{\"key\":\"YQ==\"}" },
        { { .key = "a", .prefix = true }, "{\"key\":\"YQ==\",\"range_end\":\"Yg==\"}" },
        { { .key = "a\xff\xff", .prefix = true }, "{\"key\":\"Yf//\",\"range_end\":\"Yg==\"}" },
        { { .key = "\xff", .prefix = true }, "{\"key\":\"/w==\",\"range_end\":\"AA==\"}" },
        { { .key = "", .prefix = true }, "{\"key\":\"AA==\",\"range_end\":\"AA==\"}" },
        { { .key = "a", .end = "c" }, "{\"key\":\"YQ==\",\"range_end\":\"Yw==\"}" },
        { { .key = "a", .revision = UINT64_MAX, .limit = 7, .keys_only = true },
          "{\"key\":\"YQ==\",\"revision\":\"18446744073709551615\",\"limit\":\"7\","
          "\"keys_only\":true}" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        CLEANUP(str_deinit) struct str out;

        str_init(&out, 1024);
        etcd_request_range(&out, &table[i].range);
        expect(&out, table[i].text);
    }
}

Test(request, a_range_goes_on_behind_any_key)
{
    CLEANUP(str_deinit) struct str out;
    static const struct etcd_range range = {
        .key = "a", .prefix = true, .revision = 5, .limit = 9
    };

    str_init(&out, 1024);
    etcd_request_range_after(&out, &range, "a\0b", 3);
    expect(&out,
           "{\"key\":\"YQBiAA==\",\"range_end\":\"Yg==\",\"revision\":\"5\",\"limit\":\"9\"}");
}

Test(request, a_transaction)
{
    CLEANUP(str_deinit) struct str out;
    static const struct etcd_compare compares[] = {
        { .key = "l", .target = ETCD_CREATE_REVISION, .revision = 5 },
        { .key = "k", .target = ETCD_MOD_REVISION },
        { .key = "p/", .target = ETCD_NOTHING_NEWER, .revision = 6 },
    };
    static const struct etcd_op ops[] = {
        { .kind = ETCD_PUT, .key = "k", .value = "\0v", .value_bytes = 2, .lease = 9 },
        { .kind = ETCD_PUT, .key = "e", .value = NULL },
        { .kind = ETCD_DELETE, .key = "d" },
        { .kind = ETCD_DELETE_PREFIX, .key = "p/" },
    };
    static const struct etcd_txn txn = { compares, 3, ops, 4 };

    str_init(&out, 4096);
    etcd_request_txn(&out, &txn);
    expect(
        &out,
        "{\"compare\":["
        "{\"key\":\"bA==\",\"result\":\"EQUAL\",\"target\":\"CREATE\",\"create_revision\":\"5\"},"
        "{\"key\":\"aw==\",\"result\":\"EQUAL\",\"target\":\"MOD\",\"mod_revision\":\"0\"},"
        "{\"key\":\"cC8=\",\"range_end\":\"cDA=\",\"result\":\"LESS\",\"target\":\"MOD\","
        "\"mod_revision\":\"7\"}"
        "],\"success\":["
        "{\"request_put\":{\"key\":\"aw==\",\"value\":\"AHY=\",\"lease\":\"9\"}},"
        "{\"request_put\":{\"key\":\"ZQ==\",\"value\":\"\"}},"
        "{\"request_delete_range\":{\"key\":\"ZA==\"}},"
        "{\"request_delete_range\":{\"key\":\"cC8=\",\"range_end\":\"cDA=\"}}"
        "]}");
}

Test(request, leases_watches_and_logins)
{
    CLEANUP(str_deinit) struct str out;

    str_init(&out, 4096);
    etcd_request_lease_grant(&out, 10);
    expect(&out, "{\"TTL\":\"10\"}");
    str_clear(&out);
    etcd_request_lease(&out, 7587862094735);
    expect(&out, "{\"ID\":\"7587862094735\"}");
    str_clear(&out);
    etcd_request_watch(&out, "/t/", 12);
    expect(&out, "{\"create_request\":{\"key\":\"L3Qv\",\"range_end\":\"L3Qw\","
                 "\"start_revision\":\"12\"}}");
    str_clear(&out);
    etcd_request_login(&out, "a\"b", "c\\d\n\xc3\xa4");
    expect(&out, "{\"name\":\"a\\\"b\",\"password\":\"c\\\\d\\u000a\xc3\xa4\"}");
}

Test(request, what_does_not_fit_is_noticed)
{
    CLEANUP(str_deinit) struct str out;
    char key[5000];

    memset(key, 'k', sizeof(key));
    key[sizeof(key) - 1] = '\0';
    str_init(&out, 16);
    etcd_request_range(&out, &(struct etcd_range){ .key = "a-long-key" });
    cr_expect(str_failed(&out));
    str_deinit(&out);
    str_init(&out, 1U << 20U);
    etcd_request_watch(&out, key, 1);
    cr_expect(str_failed(&out), "a prefix without an end would watch one key");
}
