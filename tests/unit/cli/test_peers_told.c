#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/describe.h"
#include "discovery/rows.h"
#include "make.h"
#include "show/peers_told.h"
#include "support/net.h"
#include "support/scene.h"
#include "watcher/discovery.h"

#define ROWS                                                                           \
    "STAT 0002:endpoint 127.0.9.2:11211\r\nSTAT 0002:subscribed 1\r\n"                 \
    "STAT 0002:reachable 1\r\nSTAT 0002:unreachable 0\r\nSTAT 0002:version 4\r\n"      \
    "STAT 0002:changed_ms_ago 90000\r\nSTAT 0002:lag_ms 12\r\nSTAT 0002:repairs 3\r\n" \
    "STAT 0003:endpoint 127.0.9.3:11211\r\nSTAT 0003:subscribed 0\r\n"                 \
    "STAT 0003:reachable 0\r\nSTAT 0003:unreachable 1\r\nSTAT 0003:version 0\r\n"      \
    "STAT 0003:lag_ms 0\r\nSTAT 0003:repairs 0\r\nEND"

/* ---- Reading ---- */

Test(peers_told, rows_become_peers)
{
    struct peer_told peers[REPORT_PEERS_MAX];

    cr_assert_eq(peers_parse(ROWS, peers), 2);
    cr_expect_eq(peers[0].slot, 2);
    cr_expect(peers[0].subscribed && peers[0].reachable && !peers[0].unreachable);
    cr_expect_eq(peers[0].version, 4);
    cr_expect(peers[0].changed);
    cr_expect_eq(peers[0].changed_ms_ago, 90000);
    cr_expect_eq(peers[0].lag_ms, 12);
    cr_expect_eq(peers[0].repairs, 3);
    cr_expect_eq(peers[1].slot, 3);
    cr_expect(peers[1].unreachable);
    cr_expect_not(peers[1].changed);
}

/* Whatever answers there: nothing is taken for what it is not. */
Test(peers_told, odd_rows_are_passed_over)
{
    static const struct {
        const char *rows;
        size_t count;
    } cases[] = {
        { "", 0 },
        { "END", 0 },
        { "ERROR", 0 },
        { "STAT pid 5\r\nSTAT version 1.6\r\nEND", 0 },
        { "STAT 2:version 4\r\nEND", 0 },
        { "STAT 0000:version 4\r\nEND", 0 },
        { "STAT 0002:version four\r\nEND", 1 },
        { "STAT 0002:version\r\nEND", 1 },
        { "STAT 0001:a 1\r\nSTAT 0002:a 1\r\nSTAT 0003:a 1\r\nSTAT 0004:a 1\r\nEND", 3 },
        { "STAT ", 0 },
        { "STAT 0002:version 4", 1 },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        struct peer_told peers[REPORT_PEERS_MAX];

        cr_expect_eq(peers_parse(cases[i].rows, peers), cases[i].count, "case %zu", i);
    }
}

Test(peers_told, long_names_and_values_are_cut)
{
    char rows[4096] = "STAT ";
    char name[ASK_NODES_NAME_SIZE];
    char value[ASK_NODES_VALUE_SIZE];
    const char *at = rows;

    memset(rows + 5, 'n', 1000);
    rows[1005] = ' ';
    memset(rows + 1006, 'v', 2000);
    (void)snprintf(rows + 3006, sizeof(rows) - 3006, "\r\nSTAT a b\r\nEND");
    cr_assert(answer_row(&at, name, value));
    cr_expect_eq(strlen(name), ASK_NODES_NAME_SIZE - 1);
    cr_expect_eq(strlen(value), ASK_NODES_VALUE_SIZE - 1);
    cr_assert(answer_row(&at, name, value));
    cr_expect_str_eq(name, "a");
    cr_expect_str_eq(value, "b");
    cr_expect_not(answer_row(&at, name, value));
}

/* ---- Saying it ---- */

Test(peers_told, a_cluster_is_described_with_who_watches_whom)
{
    static const char *const lost[] = { "0001" };
    static const struct node_report silent = { .unreachable = lost, .unreachable_count = 1 };
    static const struct node_report mute = { .unreachable_count = 0 };
    const struct node_facts nodes[] = { { .slot = 1 },
                                        { .slot = 2, .report = &silent },
                                        { .slot = 3, .report = &mute } };
    const struct node_facts *of[] = { &nodes[0], &nodes[1], &nodes[2] };
    struct node_answer answers[] = { { .rows = ROWS }, { .problem = "no" }, { .problem = "no" } };
    struct peers_told told = { of, answers, ARRAY_COUNT(answers) };
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str out;
    struct err err;

    arena_init(&arena, 1U << 20);
    str_init(&out, 1U << 20);
    cr_assert_eq(peers_describe(&told, &arena, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out),
                     "Peers:\n"
                     "  SLOT   WATCHES   STATE         VERSION   CHANGED   LAG    REPAIRS\n"
                     "  0001   0002      watched       4         90s       12ms   3\n"
                     "  0001   0003      unreachable   0         -         0ms    0\n"
                     "  0002   0001      unreachable   -         -         -      -\n"
                     "  0003   -         -             -         -         -      -\n");
}

/* ---- Asking ---- */

static bool tell(void *ctx, const char *group, struct rows *rows)
{
    (void)ctx;
    if (strcmp(group, "peers") != 0) {
        return false;
    }
    rows_add(rows, "0002:version", "7");
    return true;
}

/* One node answers, nobody is at the second, and at the third one who never says anything. */
Test(ask_nodes, who_does_not_answer_costs_no_more_than_its_time)
{
    const struct discovery_host_options host_options = { 0 };
    struct segment_cell cell = { .version = 0 };
    struct scene_ip ips[] = { scene_ip(1), scene_ip(2), scene_ip(3) };
    struct discovery_options options = { .ip = ips[0].text,
                                         .port = 11210,
                                         .cell = &cell,
                                         .inbox = "/nonexistent",
                                         .source = { .stats = tell } };
    struct node_answer answers[ARRAY_COUNT(ips)];
    struct peer_told peers[REPORT_PEERS_MAX];
    CLEANUP(arena_deinit) struct arena arena;
    struct discovery *discovery;
    uint64_t began_ms;
    struct loop *loop;
    struct err err;
    int mute = net_listen(ips[2].text, 11210);
    size_t i;

    arena_init(&arena, 1U << 20);
    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(discovery_host_new(loop, &host_options, &options.host, &err), 0);
    cr_assert_eq(discovery_new(loop, &options, &discovery, &err), 0, "%s", err.msg);
    for (i = 0; i < ARRAY_COUNT(ips); i++) {
        answers[i] = (struct node_answer){ .ip = ips[i].text, .port = 11210 };
    }
    began_ms = clock_mono_ms();
    cr_assert_eq(ask_nodes(&(struct node_asker){ loop, NULL }, "peers", answers, ARRAY_COUNT(ips),
                           &arena, &err),
                 0);
    cr_expect_lt(clock_mono_ms() - began_ms, 5 * ASK_NODES_TIMEOUT_MS);
    cr_assert_not_null(answers[0].rows);
    cr_expect_eq(peers_parse(answers[0].rows, peers), 1);
    cr_expect_eq(peers[0].version, 7);
    for (i = 1; i < ARRAY_COUNT(ips); i++) {
        cr_expect_null(answers[i].rows);
        cr_expect_neq(answers[i].problem[0], '\0');
    }
    cr_assert_eq(ask_nodes(&(struct node_asker){ loop, NULL }, "peers", answers, 0, &arena, &err),
                 0, "nobody is fine");
    discovery_free(discovery);
    discovery_host_free(options.host);
    loop_free(loop);
    (void)close(mute);
}

/* More than are asked at once. */
Test(ask_nodes, many_are_asked_in_turns)
{
    struct node_answer answers[3 * ASK_NODES_AT_ONCE_MAX];
    CLEANUP(arena_deinit) struct arena arena;
    struct scene_ip ip = scene_ip(2);
    struct loop *loop;
    struct err err;
    size_t i;

    arena_init(&arena, 1U << 20);
    cr_assert_eq(loop_new(&loop, &err), 0);
    for (i = 0; i < ARRAY_COUNT(answers); i++) {
        answers[i] = (struct node_answer){ .ip = ip.text, .port = 11210 };
    }
    cr_assert_eq(ask_nodes(&(struct node_asker){ loop, NULL }, "peers", answers,
                           ARRAY_COUNT(answers), &arena, &err),
                 0);
    for (i = 0; i < ARRAY_COUNT(answers); i++) {
        cr_expect_neq(answers[i].problem[0], '\0', "node %zu", i);
    }
    loop_free(loop);
}
