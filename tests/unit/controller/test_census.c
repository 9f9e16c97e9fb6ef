/* The census, on the discovery ports of real servers with made up clients. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "controller/census.h"
#include "loop/loop.h"
#include "support/loop_wait.h"
#include "support/scene.h"
#include "watcher/discovery.h"
#include "watcher/discovery_host.h"

#define PORT 11210
#define NODES 3
#define MANY 40

/* What one node tells. */
struct telling {
    const char *rows[4][2]; /* name and value */
    size_t count;
    size_t asked;
    struct discovery *port;
};

struct stage {
    struct loop *loop;
    struct discovery_host *host;
    struct segment_cell cell;
    struct telling nodes[MANY];
    struct census_place places[MANY];
    struct census *census;
    uint32_t version;
    size_t rounds;
    size_t rounds_wanted;
};

static bool on_stats(void *ctx, const char *group, struct rows *rows)
{
    struct telling *telling = ctx;
    size_t i;

    if (strcmp(group, "clients") != 0) {
        return false;
    }
    telling->asked++;
    for (i = 0; i < telling->count; i++) {
        rows_add(rows, telling->rows[i][0], telling->rows[i][1]);
    }
    return true;
}

static void on_round(void *ctx, uint32_t version)
{
    struct stage *s = ctx;

    s->version = version;
    s->rounds++;
}

static void listen_at(struct stage *s, size_t i)
{
    struct scene_ip ip = scene_ip((unsigned)i + 1);
    struct discovery_options options = { .host = s->host,
                                         .ip = ip.text,
                                         .port = PORT,
                                         .cell = &s->cell,
                                         .inbox = "/nonexistent",
                                         .source = { .stats = on_stats, .ctx = &s->nodes[i] } };
    struct err err;

    cr_assert_eq(discovery_new(s->loop, &options, &s->nodes[i].port, &err), 0, "%s", err.msg);
}

static void begin(struct stage *s, size_t nodes)
{
    struct discovery_host_options options = { .connections_max = 0 };
    struct err err;
    size_t i;

    *s = (struct stage){ .cell = { .payload = "", .record = "" } };
    cr_assert_eq(loop_new(&s->loop, &err), 0);
    cr_assert_eq(discovery_host_new(s->loop, &options, &s->host, &err), 0);
    for (i = 0; i < nodes; i++) {
        listen_at(s, i);
        (void)snprintf(s->places[i].ip, sizeof(s->places[i].ip), "%s",
                       scene_ip((unsigned)i + 1).text);
        s->places[i].port = PORT;
    }
    cr_assert_eq(census_new(s->loop, NULL, on_round, s, &s->census, &err), 0);
}

static void end(struct stage *s)
{
    size_t i;

    census_free(s->census);
    for (i = 0; i < MANY; i++) {
        discovery_free(s->nodes[i].port);
    }
    discovery_host_free(s->host);
    loop_free(s->loop);
}

static void tell(struct stage *s, size_t node, const char *name, const char *value)
{
    struct telling *telling = &s->nodes[node];

    telling->rows[telling->count][0] = name;
    telling->rows[telling->count][1] = value;
    telling->count++;
}

static bool is_over(void *ctx)
{
    const struct stage *s = ctx;

    return s->rounds_wanted <= s->rounds;
}

static void await_round(struct stage *s)
{
    s->rounds_wanted = s->rounds + 1;
    cr_assert(loop_wait_until(s->loop, is_over, s, WAIT_MS));
}

static uint32_t ask(struct stage *s, size_t nodes)
{
    struct err err;

    cr_assert_eq(census_ask(s->census, s->places, nodes, &err), 1, "%s", err.msg);
    await_round(s);
    return s->version;
}

Test(census, the_version_is_the_lowest_of_what_each_client_was_told)
{
    struct stage s;

    begin(&s, NODES);
    tell(&s, 0, "10.0.0.1", "5 100 7");
    tell(&s, 0, "10.0.0.2", "6 20 7");
    tell(&s, 1, "10.0.0.1", "7 10 1");
    tell(&s, 2, "10.0.0.3", "3 190 1");
    cr_expect_eq(ask(&s, NODES), 6, "one has asked again elsewhere, one not for long");
    end(&s);
}

Test(census, where_nobody_polled_everybody_knows)
{
    struct stage s;

    begin(&s, NODES);
    cr_expect_eq(ask(&s, NODES), UINT32_MAX);
    end(&s);
}

/* Its list may be as old as five seconds. */
Test(census, a_client_counts_for_three_minutes_and_a_little)
{
    struct stage s;

    begin(&s, NODES);
    tell(&s, 0, "10.0.0.1", "5 183 7");
    cr_expect_eq(ask(&s, NODES), 5);
    end(&s);
}

Test(census, nothing_is_known_when_one_node_does_not_know_all)
{
    struct stage s;

    begin(&s, NODES);
    tell(&s, 0, "10.0.0.1", "5 10 7");
    tell(&s, 1, "since", "60");
    cr_expect_eq(ask(&s, NODES), 0);
    s.nodes[1].rows[0][1] = "400";
    await_round(&s);
    cr_expect_eq(s.version, 5, "by now it has counted for long enough");
    end(&s);
}

Test(census, nothing_is_known_when_one_node_does_not_answer)
{
    struct stage s;

    begin(&s, NODES);
    tell(&s, 0, "10.0.0.1", "5 10 7");
    discovery_free(s.nodes[1].port);
    s.nodes[1].port = NULL;
    cr_expect_eq(ask(&s, NODES), 0);
    listen_at(&s, 1);
    await_round(&s);
    cr_expect_eq(s.version, 5);
    end(&s);
}

Test(census, nothing_is_known_when_one_node_talks_nonsense)
{
    struct stage s;

    begin(&s, NODES);
    tell(&s, 1, "10.0.0.1", "five");
    cr_expect_eq(ask(&s, NODES), 0);
    end(&s);
}

Test(census, all_are_asked_once_a_round_however_many_they_are)
{
    struct stage s;
    size_t i;

    begin(&s, MANY);
    tell(&s, MANY - 1, "10.0.0.1", "5 10 7");
    cr_expect_eq(ask(&s, MANY), 5);
    for (i = 0; i < MANY; i++) {
        cr_expect_eq(s.nodes[i].asked, 1, "node %zu", i);
    }
    end(&s);
}

/* What was found of other nodes says nothing about these. */
Test(census, another_list_begins_a_round_and_the_same_one_does_not)
{
    struct stage s;
    struct err err;

    begin(&s, NODES);
    tell(&s, 2, "10.0.0.1", "5 10 7");
    cr_expect_eq(ask(&s, 2), UINT32_MAX);
    cr_expect_eq(census_ask(s.census, s.places, 2, &err), 0);
    cr_expect_eq(ask(&s, 3), 5);
    end(&s);
}

Test(census, it_may_end_at_any_time)
{
    struct stage s;
    struct err err;

    begin(&s, NODES);
    cr_assert_eq(census_ask(s.census, s.places, NODES, &err), 1);
    loop_wait_ms(s.loop, 1);
    end(&s);
}
