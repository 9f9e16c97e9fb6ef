#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "memd/clients.h"

#define NOW_S 1000

static struct pollers table;
static uint64_t since_s;

static void teardown(void)
{
    pollers_deinit(&table);
}

TestSuite(clients, .fini = teardown);

static int take(const char *reply)
{
    return clients_read(reply, strlen(reply), NOW_S, &table, &since_s, NULL);
}

static const struct poller *row_of(const char *text)
{
    struct poller_peer peer;

    cr_assert(poller_peer_parse(text, &peer));
    return pollers_find(&table, &peer);
}

Test(clients, rows_are_read_on_the_askers_clock)
{
    cr_assert_eq(take("STAT since 300\r\nSTAT 10.0.0.7 5 40 12\r\nSTAT fd00::7 6 2000 1\r\nEND"),
                 0);
    cr_expect_eq(since_s, 700);
    cr_expect_eq(table.count, 2);
    cr_expect_eq(row_of("10.0.0.7")->version, 5);
    cr_expect_eq(row_of("10.0.0.7")->seen_s, 960);
    cr_expect_eq(row_of("10.0.0.7")->count, 12);
    cr_expect_eq(row_of("fd00::7")->seen_s, 0, "longer ago than the clock tells");
}

Test(clients, a_list_without_a_beginning_is_whole)
{
    cr_assert_eq(take("END"), 0);
    cr_expect_eq(since_s, 0);
    cr_expect_eq(table.count, 0);
}

/* What one node knows of a client completes what another knows. */
Test(clients, several_lists_become_one)
{
    cr_assert_eq(take("STAT 10.0.0.7 5 40 12\r\nSTAT 10.0.0.8 5 40 12\r\nEND\r\n"), 0);
    cr_assert_eq(take("STAT 10.0.0.7 6 90 3\r\nEND\r\n"), 0);
    cr_expect_eq(row_of("10.0.0.7")->version, 6);
    cr_expect_eq(row_of("10.0.0.7")->seen_s, 960);
    cr_expect_eq(row_of("10.0.0.7")->count, 15);
}

Test(clients, a_list_that_is_too_long_is_not_whole)
{
    table.max = 2;
    cr_assert_eq(
        take("STAT 10.0.0.1 5 40 1\r\nSTAT 10.0.0.2 5 30 1\r\nSTAT 10.0.0.3 5 20 1\r\nEND"), 0);
    cr_expect_eq(since_s, 970);
}

Test(clients, anything_else_is_no_list)
{
    static const char *const bad[] = {
        "",
        "ERROR",
        "RESET",
        "STAT 10.0.0.7 5 40 12\r\n",
        "STAT 10.0.0.7 5 40\r\nEND",
        "STAT 10.0.0.7 5 40 12 1\r\nEND",
        "STAT 10.0.0.7 5 40 x\r\nEND",
        "STAT 10.0.0.7 4294967296 40 12\r\nEND",
        "STAT 10.0.0.7 -5 40 12\r\nEND",
        "STAT pid 5 40 12\r\nEND",
        "STAT since\r\nEND",
        "STAT since x\r\nEND",
        "STAT since 1 2\r\nEND",
        "STAT  5 40 12\r\nEND",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_eq(take(bad[i]), ERR_PROTOCOL, "%s", bad[i]);
    }
}

Test(clients, a_line_of_any_length_is_read_within_bounds)
{
    char reply[600];

    memset(reply, '7', sizeof(reply));
    memcpy(reply, "STAT 10.0.0.7 5 40 ", strlen("STAT 10.0.0.7 5 40 "));
    memcpy(reply + sizeof(reply) - 6, "\r\nEND", 6);
    cr_expect_eq(take(reply), ERR_PROTOCOL);
}

Test(clients, the_lowest_version_is_that_of_who_asked_lately)
{
    cr_expect_eq(clients_lowest(&table, 0), UINT32_MAX, "nobody asked");
    cr_assert_eq(
        take("STAT 10.0.0.7 5 200 1\r\nSTAT 10.0.0.8 6 100 1\r\nSTAT 10.0.0.9 7 1 1\r\nEND"), 0);
    cr_expect_eq(clients_lowest(&table, NOW_S - CLIENTS_RECENT_S), 6);
    cr_expect_eq(clients_lowest(&table, NOW_S - 200), 5);
    cr_expect_eq(clients_lowest(&table, NOW_S), UINT32_MAX);
}
