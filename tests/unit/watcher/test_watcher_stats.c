#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "discovery/tally.h"
#include "memd/clients.h"
#include "support/net.h"
#include "support/scene.h"
#include "support/wait.h"
#include "world.h"

#define CONFIG_GET "config get cluster\r\n"
#define ANSWER_END "END\r\n"

static void poll_from(const char *from, uint16_t port, const char *request)
{
    free(net_ask_from(from, scene_ip(1).text, port, request, ANSWER_END));
}

static char *stats(const char *request)
{
    return net_ask(scene_ip(1).text, WORLD_DISCOVERY_PORT, request, ANSWER_END);
}

static bool is_whole(void *ctx)
{
    char *reply = stats(CLIENTS_ASK);
    bool whole = strstr(reply, ANSWER_END) != NULL;

    (void)ctx;
    free(reply);
    return whole;
}

static uint64_t listed(struct pollers *pollers)
{
    char *reply = stats(CLIENTS_ASK);
    uint64_t since_s;
    struct err err;
    int rv = clients_read(reply, strlen(reply), 1000, pollers, &since_s, &err);

    cr_assert_eq(rv, 0, "%s", err.msg);
    free(reply);
    return since_s;
}

static struct poller row_of(const char *text)
{
    struct pollers pollers = { .count = 0 };
    struct poller out = { .count = 0 };
    const struct poller *row;
    struct poller_peer peer;

    cr_assert(poller_peer_parse(text, &peer));
    (void)listed(&pollers);
    row = pollers_find(&pollers, &peer);
    out = row == NULL ? out : *row;
    pollers_deinit(&pollers);
    return out;
}

static bool tells(void *ctx)
{
    char *reply = stats("stats\r\n");
    bool found = strstr(reply, ctx) != NULL;

    free(reply);
    return found;
}

static void expect_told(const char *row)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "STAT %s\r\n", row);
    cr_expect(wait_until(tells, text, WAIT_MS), "%s not in:\n%s", row, stats("stats\r\n"));
}

Test(watcher, who_polls_either_port_is_known_by_its_newest_version)
{
    struct pollers pollers = { .count = 0 };
    struct world w;

    (void)world_begin_serving(&w, 3);
    poll_from("127.8.0.1", WORLD_DATA_PORT, CONFIG_GET);
    poll_from("127.8.0.2", WORLD_DISCOVERY_PORT, CONFIG_GET);
    poll_from("127.8.0.3", WORLD_DISCOVERY_PORT, "get muster:config\r\n");
    world_push_version(&w, 1, 5);
    (void)world_await_served(&w, 1, 5);
    poll_from("127.8.0.1", WORLD_DISCOVERY_PORT, CONFIG_GET);
    poll_from("127.8.0.2", WORLD_DATA_PORT, "get AmazonElastiCache:cluster\r\n");
    poll_from("127.8.0.4", WORLD_DATA_PORT, CONFIG_GET);
    cr_expect_eq(row_of("127.8.0.1").version, 5);
    cr_expect_eq(row_of("127.8.0.1").count, 2, "both ports together");
    cr_expect_eq(row_of("127.8.0.2").version, 5);
    cr_expect_eq(row_of("127.8.0.3").count, 0, "who reads records is no client");
    cr_expect_eq(listed(&pollers), 0, "nobody can have asked before");
    pollers_deinit(&pollers);
    expect_told("muster_pollers_version_5 3");
    expect_told("muster_partition_payload_gets 1");
    world_deinit(&w);
}

/* What a watcher knew of the pollers of its own port went with it. */
Test(watcher, a_new_watcher_tells_since_when_it_knows_all_pollers)
{
    struct pollers pollers = { .count = 0 };
    struct world w;

    (void)world_begin_serving(&w, 3);
    poll_from("127.8.0.1", WORLD_DATA_PORT, CONFIG_GET);
    process_kill(w.watcher);
    world_start_watcher(&w, NULL);
    cr_assert(wait_until(is_whole, NULL, WAIT_MS));
    cr_expect_gt(listed(&pollers), 0);
    cr_expect_eq(row_of("127.8.0.1").version, 3, "the data port's are in the tally");
    pollers_deinit(&pollers);
    world_deinit(&w);
}

/* As a module leaves them that knows no tally: what it does now is not of its time. */
static bool knows_not_all(void *ctx)
{
    static const char nothing[sizeof(uint64_t)];
    struct scene_path tally = scene_path("partitions/" WORLD_CLUSTER "/0001/tally");
    struct pollers pollers = { .count = 0 };
    int fd = open(tally.text, O_WRONLY);
    uint64_t since_s;

    (void)ctx;
    cr_assert_leq(0, fd);
    cr_assert_eq(pwrite(fd, nothing, sizeof(nothing), 64), (ssize_t)sizeof(nothing));
    (void)close(fd);
    since_s = listed(&pollers);
    pollers_deinit(&pollers);
    return since_s != 0;
}

/* Its clients are told a list, and nobody counts them. */
Test(watcher, without_a_counting_module_not_all_pollers_are_known)
{
    struct pollers pollers = { .count = 0 };
    struct world w;

    (void)world_begin_serving(&w, 3);
    poll_from("127.8.0.1", WORLD_DATA_PORT, CONFIG_GET);
    expect_told("muster_pollers_version_3 1");
    cr_expect_eq(listed(&pollers), 0);
    pollers_deinit(&pollers);
    cr_expect(wait_until(knows_not_all, NULL, WAIT_MS));
    world_deinit(&w);
}

/* What is asked twice within `AGE_MS` is told twice as it was: a row that came between is not in.
 */
#define AGE_MS 100U

static bool is_told_as_it_was(void *ctx)
{
    struct scene_path tally = scene_path("partitions/" WORLD_CLUSTER "/0001/tally");
    struct poller row = { .version = 3, .count = 1, .seen_s = clock_mono_ms() / 1000 };
    int fd = open(tally.text, O_WRONLY);
    unsigned *tries = ctx;
    uint64_t asked_ms;
    char text[32];
    bool quick;

    (void)snprintf(text, sizeof(text), "10.9.9.%u", ++*tries % 250);
    cr_assert(poller_peer_parse(text, &row.peer));
    asked_ms = clock_mono_ms();
    free(stats(CLIENTS_ASK));
    cr_assert_eq(tally_write_row(fd, 500 + *tries % 250, &row), 0);
    (void)close(fd);
    quick = row_of(text).count == 0;
    return quick && clock_mono_ms() < asked_ms + AGE_MS;
}

static bool is_told(void *ctx)
{
    return row_of(ctx).count != 0;
}

/* Anybody may ask, and the tables are large: they are not read for each question. */
Test(watcher, what_was_told_just_now_is_told_again)
{
    struct world w;
    unsigned tries = 0;
    char last[32];

    (void)world_begin_serving(&w, 3);
    cr_expect(wait_until(is_told_as_it_was, &tries, WAIT_MS));
    (void)snprintf(last, sizeof(last), "10.9.9.%u", tries % 250);
    cr_expect(wait_until(is_told, last, WAIT_MS), "it is told a little later");
    world_deinit(&w);
}

/* ---- What is documented ---- */

/* `name`, or, in a list of names that begin alike, `_end`. */
static bool is_documented(const char *page, const char *name)
{
    const char *end = name;
    char text[128];
    bool found;

    (void)snprintf(text, sizeof(text), "`%s`", name);
    found = strstr(page, text) != NULL;
    while (!found && (end = strchr(end, '_')) != NULL) {
        (void)snprintf(text, sizeof(text), "`%s`", end);
        found = strstr(page, text) != NULL;
        end++;
    }
    return found;
}

static void expect_rows_documented(const char *page, const char *request)
{
    char *reply = stats(request);
    char *at = reply;
    size_t rows = 0;
    char name[128];

    while (sscanf(at, "STAT %127s", name) == 1) {
        if (strncmp(name, "muster_pollers_version_", 23) == 0) {
            (void)snprintf(name, sizeof(name), "muster_pollers_version_<v>");
        }
        cr_expect(is_documented(page, name), "%s says %s", request, name);
        rows++;
        at = strchr(at, '\n') + 1;
    }
    cr_expect_lt(0, rows, "%s", reply);
    free(reply);
}

Test(watcher, stats_have_no_row_that_is_not_documented)
{
    char *page = scene_read(scene_source("docs/discovery.md").text);
    struct world w;

    (void)world_begin_serving(&w, 1);
    poll_from(scene_ip(9).text, WORLD_DATA_PORT, CONFIG_GET);
    expect_rows_documented(page, "stats\r\n");
    expect_rows_documented(page, "stats partition\r\n");
    expect_rows_documented(page, "stats joins\r\n");
    cr_expect_not(is_documented(page, "of_no_such_row"));
    free(page);
    world_deinit(&w);
}
