#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/keys.h"

#define PREFIX "/muster/v1"

static void expect_text(const struct key *key, const char *want)
{
    char text[KEY_TEXT_SIZE];
    struct key back;

    key_format(PREFIX, key, text);
    cr_expect_str_eq(text, want);
    cr_expect(key_parse(PREFIX, text, &back));
    cr_expect_eq(back.kind, key->kind);
    cr_expect_str_eq(back.cluster, key->cluster);
    cr_expect_str_eq(back.host, key->host);
    cr_expect_str_eq(back.id, key->id);
    cr_expect_eq(back.slot, key->slot);
    cr_expect_eq(back.version, key->version);
}

Test(keys, each_kind_is_written_and_read_back)
{
    static const struct {
        struct key key;
        const char *text;
    } table[] = {
        { { .kind = KEY_LEADER }, PREFIX "/leader" },
        { { .kind = KEY_SPEC, .cluster = "web" }, PREFIX "/clusters/web/spec" },
        { { .kind = KEY_NODE, .cluster = "web", .slot = 1, .host = "h1" },
          PREFIX "/clusters/web/nodes/0001/h1" },
        { { .kind = KEY_JOIN_REPORT, .cluster = "web", .id = "0123456789abcdef", .host = "h1" },
          PREFIX "/clusters/web/joins/0123456789abcdef/h1" },
        { { .kind = KEY_CONFIG, .cluster = "web" }, PREFIX "/clusters/web/config" },
        { { .kind = KEY_HISTORY, .cluster = "web", .version = 2147483647 },
          PREFIX "/clusters/web/history/2147483647" },
        { { .kind = KEY_HISTORY, .cluster = "web", .version = 7 },
          PREFIX "/clusters/web/history/0000000007" },
        { { .kind = KEY_ALIAS, .cluster = "web" }, PREFIX "/clusters/web/alias" },
        { { .kind = KEY_STATUS, .cluster = "web" }, PREFIX "/clusters/web/status" },
        { { .kind = KEY_LINEAGE, .cluster = "web" }, PREFIX "/lineage/web" },
        { { .kind = KEY_INTENT, .cluster = "web", .host = "h-1", .slot = 9999 },
          PREFIX "/intent/h-1/web/9999" },
        { { .kind = KEY_CORDON, .host = "h-1" }, PREFIX "/cordons/h-1" },
        { { .kind = KEY_SOURCE, .id = "shop-prod" }, PREFIX "/sources/shop-prod" },
        { { .kind = KEY_GENERATION, .cluster = "web", .version = 3 },
          PREFIX "/clusters/web/generations/0000000003" },
        { { .kind = KEY_HOST, .host = "h-1" }, PREFIX "/hosts/h-1" },
        { { .kind = KEY_EVENT, .cluster = "web", .id = "1700000000000-0af3" },
          PREFIX "/events/web/1700000000000-0af3" },
        { { .kind = KEY_EVENT, .cluster = "-", .id = "1700000000000-0af3" },
          PREFIX "/events/-/1700000000000-0af3" },
    };
    bool seen[KEY_UNKNOWN] = { false };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        expect_text(&table[i].key, table[i].text);
        seen[table[i].key.kind] = true;
    }
    for (i = 0; i < KEY_UNKNOWN; i++) {
        cr_expect(seen[i], "no row for %s", key_kind_text((enum key_kind)i));
    }
}

Test(keys, garbage_is_unknown_and_names_its_cluster_where_it_has_one)
{
    static const struct {
        const char *text;
        const char *cluster;
    } table[] = {
        { PREFIX "/", "" },
        { PREFIX "/leader/", "" },
        { PREFIX "/leaders", "" },
        { PREFIX "/clusters/web", "web" },
        { PREFIX "/clusters/web/", "web" },
        { PREFIX "/clusters/web/spec/x", "web" },
        { PREFIX "/clusters/web/joins/0123456789abcdef", "web" },
        { PREFIX "/clusters/web/joins/0123456789abcde/h1", "web" },
        { PREFIX "/clusters/web/joins/0123456789ABCDEF/h1", "web" },
        { PREFIX "/clusters/web/joins/1700000000000-0af3/h1", "web" },
        { PREFIX "/clusters/Web/spec", "" },
        { PREFIX "/clusters/-/spec", "" },
        { PREFIX "/clusters//spec", "" },
        { PREFIX "/clusters/abcdefghijabcdefghijabcdefghijabcdefghijX/spec", "" },
        { PREFIX "/clusters/web/nodes/1/h1", "web" },
        { PREFIX "/clusters/web/nodes/0001", "web" },
        { PREFIX "/clusters/web/nodes/0000/h1", "web" },
        { PREFIX "/clusters/web/nodes/00001/h1", "web" },
        { PREFIX "/clusters/web/history/0000000000", "web" },
        { PREFIX "/clusters/web/history/2147483648", "web" },
        { PREFIX "/clusters/web/history/7", "web" },
        { PREFIX "/intent/h1/web/x", "web" },
        { PREFIX "/intent/h1", "" },
        { PREFIX "/hosts/", "" },
        { PREFIX "/hosts/h_1", "" },
        { PREFIX "/events/web/", "web" },
        { PREFIX "/events/web/zz", "web" },
        { PREFIX "/events/web/"
                 "0123456789012345678901234567890123456789012345678901234567890123456789",
          "web" },
        { PREFIX "/lineage/-", "" },
        { PREFIX "/\xff\xfe/\x01", "" },
    };
    struct key key;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        cr_expect(key_parse(PREFIX, table[i].text, &key), "%s", table[i].text);
        cr_expect_eq(key.kind, KEY_UNKNOWN, "%s", table[i].text);
        cr_expect_str_eq(key.cluster, table[i].cluster, "%s", table[i].text);
    }
}

Test(keys, what_is_not_below_the_prefix_is_no_key)
{
    struct key key;

    cr_expect_not(key_parse(PREFIX, "", &key));
    cr_expect_not(key_parse(PREFIX, "/muster/v", &key));
    cr_expect_not(key_parse(PREFIX, "/muster/v1", &key));
    cr_expect_not(key_parse(PREFIX, "/muster/v10/leader", &key));
    cr_expect_not(key_parse(PREFIX, "/skydns/x", &key));
}

Test(keys, prefixes_are_checked)
{
    char longest[KEYS_PREFIX_MAX + 2];
    struct err err;

    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[KEYS_PREFIX_MAX + 1] = '\0';
    cr_expect_eq(keys_prefix_check(longest, &err), ERR_INVALID);
    longest[KEYS_PREFIX_MAX] = '\0';
    cr_expect_eq(keys_prefix_check(longest, &err), 0);
    cr_expect_eq(keys_prefix_check(KEYS_PREFIX_DEFAULT, &err), 0);
    cr_expect_eq(keys_prefix_check("", &err), ERR_INVALID);
    cr_expect_eq(keys_prefix_check("/", &err), ERR_INVALID);
    cr_expect_eq(keys_prefix_check("muster", &err), ERR_INVALID);
    cr_expect_eq(keys_prefix_check("/muster/", &err), ERR_INVALID);
    cr_expect_eq(keys_prefix_check("/mus ter", &err), ERR_INVALID);
}
