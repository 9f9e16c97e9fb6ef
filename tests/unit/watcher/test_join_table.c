/* A request to join counts once, for a while, and for the cluster that it names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "watcher/join_memory.h"
#include "watcher/join_table.h"

#define NOW_MS UINT64_C(1700000000000)
#define UID_A "aaaaaaaaaaaaaaaa"
#define UID_B "bbbbbbbbbbbbbbbb"
#define NONCE_1 "11111111111111111111111111111111"
#define NONCE_2 "22222222222222222222222222222222"

static const struct join_place here = {
    .cluster = "web", .cluster_uid = "00000000000000aa", .slot = 2, .own = true, .version = 7
};

static struct join a_join(const char *uid, uint64_t issued_ms, const char *nonce)
{
    return (struct join){ .cluster = "web",
                          .cluster_uid = "00000000000000aa",
                          .uid = uid,
                          .host = "h",
                          .ip = "10.0.0.7",
                          .data_port = 11211,
                          .discovery_port = 11210,
                          .issued_ms = issued_ms,
                          .nonce = nonce };
}

static int take_at(struct join_table *table, const struct join *join,
                   const struct join_place *place, uint64_t now_ms)
{
    struct join_entry *entry = NULL;
    struct err err;
    int rv = join_table_take(table, join, place, now_ms, &entry, &err);

    cr_assert_geq(rv, 0, "%s", err.msg);
    cr_assert_eq(rv == JOIN_TAKEN, entry != NULL);
    return rv;
}

static int take(struct join_table *table, const struct join *join)
{
    return take_at(table, join, &here, NOW_MS);
}

struct trial {
    const char *name;
    const char *cluster;
    const char *cluster_uid;
    int64_t issued; /* from now */
    int verdict;
};

#define LIFE ((int64_t)JOIN_LIFETIME_MS)
#define SKEW ((int64_t)JOIN_CLOCK_SKEW_MS)

static const struct trial trials[] = {
    { "fresh", "web", "00000000000000aa", 0, JOIN_TAKEN },
    { "another cluster", "wec", "00000000000000aa", 0, JOIN_FOREIGN },
    { "a former cluster", "web", "00000000000000ab", 0, JOIN_FOREIGN },
    { "just in time", "web", "00000000000000aa", 1 - LIFE - SKEW, JOIN_TAKEN },
    { "too late", "web", "00000000000000aa", -LIFE - SKEW, JOIN_EXPIRED },
    { "a clock ahead", "web", "00000000000000aa", SKEW, JOIN_TAKEN },
    { "a clock too far ahead", "web", "00000000000000aa", SKEW + 1, JOIN_EARLY },
};

Test(join_table, takes_what_is_of_the_cluster_and_of_now)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(trials); i++) {
        CLEANUP(join_table_deinit) struct join_table table;
        struct join join = a_join(UID_A, (uint64_t)((int64_t)NOW_MS + trials[i].issued), NONCE_1);

        join_table_init(&table);
        join.cluster = trials[i].cluster;
        join.cluster_uid = trials[i].cluster_uid;
        cr_expect_eq(take(&table, &join), trials[i].verdict, "%s", trials[i].name);
        cr_expect_eq(table.held, trials[i].verdict == JOIN_TAKEN ? 1 : 0, "%s", trials[i].name);
    }
}

Test(join_table, takes_each_request_once)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join first = a_join(UID_A, NOW_MS, NONCE_1);
    struct join_place peers = here;

    join_table_init(&table);
    peers.own = false;
    peers.slot = 5;
    cr_expect_eq(take(&table, &first), JOIN_TAKEN);
    cr_expect_eq(take(&table, &first), JOIN_DUPLICATE);
    cr_expect_eq(take_at(&table, &first, &peers, NOW_MS), JOIN_KNOWN);
    cr_expect_eq(table.held, 1);
    join_table_release(&table, join_table_find(&table, "web", UID_A));
    cr_expect_eq(take_at(&table, &first, &peers, NOW_MS), JOIN_KNOWN, "it comes late, that is all");
    cr_expect_eq(table.held, 0);
}

/* Also when it was admitted long since: else whoever has read it could bring it back. */
Test(join_table, refuses_replays)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join first = a_join(UID_A, NOW_MS, NONCE_1);
    struct join older = a_join(UID_A, NOW_MS - 1, NONCE_2);
    struct join same_time = a_join(UID_A, NOW_MS, NONCE_2);
    struct join nonce_again = a_join(UID_A, NOW_MS + 1, NONCE_1);
    struct join nonce_of_another = a_join(UID_B, NOW_MS + 1, NONCE_1);
    struct join fresh = a_join(UID_A, NOW_MS + 1, NONCE_2);

    join_table_init(&table);
    cr_assert_eq(take(&table, &first), JOIN_TAKEN);
    cr_expect_eq(take(&table, &older), JOIN_REPLAYED);
    cr_expect_eq(take(&table, &same_time), JOIN_REPLAYED);
    cr_expect_eq(take(&table, &nonce_again), JOIN_REPLAYED);
    cr_expect_eq(take(&table, &nonce_of_another), JOIN_REPLAYED);
    join_table_release(&table, join_table_find(&table, "web", UID_A));
    cr_expect_eq(table.held, 0);
    cr_expect_eq(take(&table, &first), JOIN_REPLAYED);
    cr_expect_eq(take(&table, &fresh), JOIN_TAKEN);
}

Test(join_table, a_newer_request_takes_the_place_and_what_belongs_to_it)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join first = a_join(UID_A, NOW_MS, NONCE_1);
    struct join second = a_join(UID_A, NOW_MS + 5000, NONCE_2);
    struct join_entry *entry;
    int mine;

    join_table_init(&table);
    cr_assert_eq(take(&table, &first), JOIN_TAKEN);
    join_table_find(&table, "web", UID_A)->user = &mine;
    second.ip = "10.0.0.8";
    cr_assert_eq(take(&table, &second), JOIN_TAKEN);
    entry = join_table_find(&table, "web", UID_A);
    cr_expect_eq(table.held, 1);
    cr_expect_eq(entry->user, &mine);
    cr_expect_str_eq(entry->ip, "10.0.0.8");
    cr_expect_eq(entry->issued_ms, NOW_MS + 5000);
}

/* Only a later list counts: one who lost its place and asks again is still in the present one. */
Test(join_table, is_admitted_by_a_later_configuration_that_lists_it)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join join = a_join(UID_A, NOW_MS, NONCE_1);
    const struct join_entry *entry;

    join_table_init(&table);
    cr_assert_eq(take(&table, &join), JOIN_TAKEN);
    entry = join_table_find(&table, "web", UID_A);
    cr_expect(!join_entry_admitted(entry, 7, "10.0.0.7", 11211));
    cr_expect(join_entry_admitted(entry, 8, "10.0.0.7", 11211));
    cr_expect(!join_entry_admitted(entry, 8, "10.0.0.8", 11211));
    cr_expect(!join_entry_admitted(entry, 8, "10.0.0.7", 11213));
}

/* Who hears late of a request that was granted meanwhile would wait for a list in vain. */
Test(join_table, seen_at_a_peer_when_it_is_listed_already_is_nothing_new)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join join = a_join(UID_A, NOW_MS, NONCE_1);
    struct member member = { .slot = 3, .hostname = "x", .ip = "10.0.0.7", .port = 11211 };
    struct config_draft config = { .cluster = "web", .members = &member, .members_count = 1 };
    struct join_place place = here;

    join_table_init(&table);
    place.config = &config;
    place.own = false;
    cr_expect_eq(take_at(&table, &join, &place, NOW_MS), JOIN_KNOWN);
    member.port = 11213;
    cr_expect_eq(take_at(&table, &join, &place, NOW_MS), JOIN_TAKEN);
    join = a_join(UID_B, NOW_MS, NONCE_2);
    member.port = 11211;
    place.own = true; /* it asks here although it is listed: it has lost its place */
    cr_expect_eq(take_at(&table, &join, &place, NOW_MS), JOIN_TAKEN);
}

Test(join_table, lets_go_of_what_is_too_old)
{
    CLEANUP(join_table_deinit) struct join_table table;
    struct join first = a_join(UID_A, NOW_MS, NONCE_1);
    struct join second = a_join(UID_B, NOW_MS + 1000, NONCE_2);
    uint64_t over_ms = NOW_MS + JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS;

    join_table_init(&table);
    cr_expect_eq(join_table_wake_ms(&table), UINT64_MAX);
    cr_assert_eq(take(&table, &first), JOIN_TAKEN);
    cr_assert_eq(take(&table, &second), JOIN_TAKEN);
    cr_expect_eq(join_table_wake_ms(&table), over_ms);
    cr_expect_null(join_table_expired(&table, over_ms - 1));
    cr_assert_str_eq(join_table_expired(&table, over_ms)->uid, UID_A);
    join_table_release(&table, join_table_expired(&table, over_ms));
    cr_expect_eq(join_table_wake_ms(&table), over_ms + 1000);
    cr_expect_null(join_table_expired(&table, over_ms));
}

static int take_numbered(struct join_table *table, unsigned number, uint64_t issued_ms)
{
    char uid[JOIN_UID_SIZE];
    char nonce[JOIN_NONCE_SIZE];
    struct join join;

    (void)snprintf(uid, sizeof(uid), "%016x", number);
    (void)snprintf(nonce, sizeof(nonce), "%032x", number);
    join = a_join(uid, issued_ms, nonce);
    return take_at(table, &join, &here, issued_ms);
}

Test(join_table, is_bounded_and_makes_room_when_old_ones_are_too_old)
{
    CLEANUP(join_table_deinit) struct join_table table;
    uint64_t later_ms = NOW_MS + JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS;
    unsigned i;

    join_table_init(&table);
    for (i = 0; i < JOIN_TABLE_MAX; i++) {
        cr_assert_eq(take_numbered(&table, i, NOW_MS), JOIN_TAKEN);
    }
    cr_expect_eq(take_numbered(&table, i, NOW_MS), JOIN_FULL);
    join_table_release(&table, join_table_find(&table, "web", "0000000000000000"));
    cr_expect_eq(take_numbered(&table, i, NOW_MS), JOIN_FULL, "a replay could get in");
    cr_expect_eq(take_numbered(&table, i, later_ms), JOIN_TAKEN);
    cr_expect_eq(table.held, JOIN_TABLE_MAX);
}

static const char *written(const struct join_table *table, struct str *text)
{
    struct err err;

    str_init(text, JOIN_MEMORY_BYTES_MAX);
    cr_assert_eq(join_memory_write(table, NOW_MS, text, &err), 0, "%s", err.msg);
    return str_text(text);
}

Test(join_table, is_remembered_over_a_restart)
{
    CLEANUP(join_table_deinit) struct join_table before;
    CLEANUP(join_table_deinit) struct join_table after;
    CLEANUP(str_deinit) struct str text;
    CLEANUP(str_deinit) struct str again;
    struct join first = a_join(UID_A, NOW_MS, NONCE_1);
    struct join stolen = a_join(UID_B, NOW_MS + 1, NONCE_1);
    struct join fresh = a_join(UID_A, NOW_MS + 1, NONCE_2);
    struct err err;

    join_table_init(&before);
    join_table_init(&after);
    cr_assert_eq(take(&before, &first), JOIN_TAKEN);
    cr_assert_eq(join_memory_read(&after, written(&before, &text), NOW_MS, &err), 0);
    cr_expect_eq(after.held, 0);
    cr_expect_null(join_table_find(&after, "web", UID_A));
    cr_expect_eq(take(&after, &first), JOIN_REPLAYED);
    cr_expect_eq(take(&after, &stolen), JOIN_REPLAYED);
    cr_expect_str_eq(written(&after, &again), str_text(&text));
    cr_expect_eq(take(&after, &fresh), JOIN_TAKEN);
}

Test(join_table, a_memory_of_garbage_is_read_as_far_as_it_makes_sense)
{
    static const char text[] = "\n \nweb\nweb aaaaaaaaaaaaaaaa 1700000000000\n"
                               "web aaaaaaaaaaaaaaaa 1700000000000 " NONCE_1 " more\n"
                               "web aaaaaaaaaaaaaaaa x " NONCE_1 "\n"
                               "WEB aaaaaaaaaaaaaaaa 1700000000000 " NONCE_1 "\n"
                               "web bbbbbbbbbbbbbbbb 1 " NONCE_1 "\n"
                               "web bbbbbbbbbbbbbbbb 1700000000000 " NONCE_2;
    CLEANUP(join_table_deinit) struct join_table table;
    struct join a = a_join(UID_A, NOW_MS, NONCE_1);
    struct join b = a_join(UID_B, NOW_MS, "33333333333333333333333333333333");
    struct err err;

    join_table_init(&table);
    cr_assert_eq(join_memory_read(&table, text, NOW_MS, &err), 0);
    cr_expect_eq(take(&table, &a), JOIN_TAKEN);
    cr_expect_eq(take(&table, &b), JOIN_REPLAYED);
}

Test(join_table, has_a_word_and_a_text_for_each_verdict)
{
    int i;

    for (i = 0; i < JOIN_VERDICT_COUNT; i++) {
        cr_expect_str_not_empty(join_verdict_word((enum join_verdict)i));
        cr_expect_str_not_empty(join_verdict_text((enum join_verdict)i));
    }
}
