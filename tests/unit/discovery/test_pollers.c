#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "discovery/pollers.h"

static struct pollers table;

static void teardown(void)
{
    pollers_deinit(&table);
}

TestSuite(pollers, .fini = teardown);

static struct poller_peer peer(const char *text)
{
    struct poller_peer out;

    cr_assert(poller_peer_parse(text, &out), "%s", text);
    return out;
}

/* The n-th of many addresses. */
static struct poller_peer nth(uint32_t n)
{
    char text[POLLER_TEXT_SIZE];

    (void)snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
    return peer(text);
}

static size_t note(struct poller_peer who, uint32_t version, uint64_t seen_s, bool *news)
{
    struct poller seen = { .peer = who, .version = version, .count = 1, .seen_s = seen_s };

    return pollers_note(&table, &seen, news);
}

Test(pollers, an_address_has_one_row_with_its_newest_version)
{
    const struct poller *row;
    bool news;
    size_t i = note(peer("10.0.0.7"), 4, 100, &news);

    cr_expect(news);
    cr_expect_eq(note(peer("10.0.0.7"), 6, 110, &news), i);
    cr_expect(news, "its version has grown");
    cr_expect_eq(note(peer("10.0.0.7"), 5, 105, &news), i);
    cr_expect_not(news, "an older version is none");
    cr_expect_neq(note(peer("10.0.0.8"), 5, 120, NULL), i);
    row = pollers_find(&table, &table.rows[i].peer);
    cr_assert_not_null(row);
    cr_expect_eq(row->version, 6);
    cr_expect_eq(row->seen_s, 110);
    cr_expect_eq(row->count, 3);
    cr_expect_eq(table.count, 2);
}

Test(pollers, one_that_was_handed_nothing_is_known_all_the_same)
{
    struct poller_peer who = peer("10.0.0.7");

    (void)note(who, 0, 100, NULL);
    cr_assert_not_null(pollers_find(&table, &who));
    cr_expect_eq(pollers_find(&table, &who)->version, 0);
}

Test(pollers, the_one_seen_longest_ago_gives_way)
{
    struct poller_peer who = nth(0);
    bool news;
    uint32_t n;

    for (n = 0; n < POLLERS_MAX; n++) {
        cr_assert_eq(note(nth(n), 1, 1000 + n, NULL), n);
    }
    (void)note(nth(0), 1, 9000, NULL);
    cr_expect_eq(note(nth(5000), 1, 9001, &news), 1, "the second one is the oldest now");
    cr_expect(news);
    cr_expect_eq(note(nth(5001), 1, 9001, &news), 2);
    cr_expect_eq(table.count, POLLERS_MAX);
    cr_expect_not_null(pollers_find(&table, &who));
    who = nth(1);
    cr_expect_null(pollers_find(&table, &who));
}

Test(pollers, a_full_table_tells_of_everybody_only_since_its_oldest_row)
{
    uint32_t n;

    table.max = 40;
    cr_expect_eq(pollers_since_s(&table, 100), 100);
    for (n = 0; n < 39; n++) {
        (void)note(nth(n), 1, 1000 + n, NULL);
    }
    cr_expect_eq(pollers_since_s(&table, 100), 100);
    (void)note(nth(39), 1, 1039, NULL);
    cr_expect_eq(pollers_since_s(&table, 100), 1000);
    cr_expect_eq(pollers_since_s(&table, 2000), 2000);
    (void)note(nth(40), 1, 1040, NULL);
    cr_expect_eq(table.count, 40);
    cr_expect_eq(pollers_since_s(&table, 100), 1001);
}

/* Whatever came and went: each row is found, and found once. */
Test(pollers, all_rows_are_found_however_often_they_gave_way)
{
    uint32_t n;
    size_t i;

    for (n = 0; n < 5 * POLLERS_MAX; n++) {
        (void)note(nth(n * 2654435761U % 3000), n, n, NULL);
    }
    cr_expect_eq(table.count, POLLERS_MAX);
    for (i = 0; i < table.count; i++) {
        cr_assert_eq(pollers_find(&table, &table.rows[i].peer), &table.rows[i], "row %zu", i);
    }
}

Test(pollers, nobody_is_not_noted)
{
    struct poller_peer nobody = { .family = POLLER_NONE };
    struct poller_peer alien = { .family = POLLER_FAMILIES };

    cr_expect_eq(note(nobody, 1, 1, NULL), POLLERS_NONE);
    cr_expect_eq(note(alien, 1, 1, NULL), POLLERS_NONE);
    cr_expect_eq(table.count, 0);
    cr_expect_null(pollers_find(&table, &nobody));
}

Test(pollers, peers_are_told_by_their_address_without_the_port)
{
    struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = 7 };
    struct sockaddr_in6 inet6 = { .sin6_family = AF_INET6, .sin6_port = 7 };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    const struct sockaddr *any;
    struct poller_peer out;
    char text[POLLER_TEXT_SIZE];

    cr_assert_eq(inet_pton(AF_INET, "10.1.2.3", &inet.sin_addr), 1);
    any = (const struct sockaddr *)&inet;
    poller_peer_of(any, sizeof(inet), &out);
    poller_peer_format(&out, text);
    cr_expect_str_eq(text, "10.1.2.3");
    poller_peer_of(any, sizeof(inet) - 1, &out);
    cr_expect_eq(out.family, POLLER_NONE, "it is cut off");

    any = (const struct sockaddr *)&inet6;
    cr_assert_eq(inet_pton(AF_INET6, "::ffff:10.1.2.3", &inet6.sin6_addr), 1);
    poller_peer_of(any, sizeof(inet6), &out);
    poller_peer_format(&out, text);
    cr_expect_str_eq(text, "10.1.2.3", "a mapped address is the address");
    cr_assert_eq(inet_pton(AF_INET6, "fd00::7", &inet6.sin6_addr), 1);
    poller_peer_of(any, sizeof(inet6), &out);
    poller_peer_format(&out, text);
    cr_expect_str_eq(text, "fd00::7");

    poller_peer_of((const struct sockaddr *)&local, sizeof(local.sun_family), &out);
    poller_peer_format(&out, text);
    cr_expect_str_eq(text, "unix");
    poller_peer_of(any, 0, &out);
    cr_expect_eq(out.family, POLLER_NONE);
}

Test(pollers, texts_of_peers_are_read_as_they_are_written)
{
    static const char *const good[] = { "10.0.0.7", "fd00::7", "unix" };
    static const char *const bad[] = { "", "-", "10.0.0", "10.0.0.7:1", "host", "fd00::7%lo" };
    char text[POLLER_TEXT_SIZE];
    struct poller_peer out;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(good); i++) {
        cr_assert(poller_peer_parse(good[i], &out));
        poller_peer_format(&out, text);
        cr_expect_str_eq(text, good[i]);
    }
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_not(poller_peer_parse(bad[i], &out), "%s", bad[i]);
    }
}
