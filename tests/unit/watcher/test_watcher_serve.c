#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/net.h"
#include "support/wait.h"
#include "world.h"

/* One node with the module, up. */

/* ---- What is served ---- */

Test(watcher, a_pushed_record_is_served_and_acknowledged)
{
    struct world_record record = { .version = 1 };
    struct node_report report;
    const char *json;
    struct world w;
    char *reply;

    (void)world_begin(&w);
    json = world_seal(&w, &record);
    world_push(&w, 1, WORLD_DATA_PORT, json);
    report = world_await_served(&w, 1, 1);
    cr_expect_eq(report.served.epoch, 1);
    cr_expect_eq(report.version_seen, 1);
    cr_expect_not_null(strstr(json, report.served.digest));
    cr_expect(world_serves(1, WORLD_DATA_PORT, 1));
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 1));
    reply = world_ask(1, WORLD_DATA_PORT, "get muster:config\r\n", "END\r\n");
    cr_expect_not_null(strstr(reply, json), "%s", reply);
    free(reply);
    world_deinit(&w);
}

Test(watcher, a_record_pushed_to_the_discovery_port_reaches_the_data_port)
{
    struct world_record record = { .version = 4 };
    struct world w;

    (void)world_begin(&w);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &record));
    (void)world_await_served(&w, 1, 4);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 4));
    world_deinit(&w);
}

struct push_try {
    uint16_t port;
    const char *answer;
};

static bool write_is_answered(void *ctx)
{
    const struct push_try *try = ctx;
    char *reply = world_ask(1, try->port, "set muster:config 0 0 1\r\nx\r\n", "\r\n");
    bool as_expected = strcmp(reply, try->answer) == 0;

    free(reply);
    return as_expected;
}

static void writes_must_be(const char *answer)
{
    struct push_try data = { WORLD_DATA_PORT, answer };
    struct push_try discovery = { WORLD_DISCOVERY_PORT, answer };

    cr_assert(wait_until(write_is_answered, &data, WAIT_MS), "at the data port: not %s", answer);
    cr_assert(wait_until(write_is_answered, &discovery, WAIT_MS), "beside it: not %s", answer);
}

/* Writes are switched off by a file, until it is removed; whatever is restarted meanwhile. */
Test(watcher, writes_to_a_closed_partition_are_refused_until_it_is_opened)
{
    static const char off[] = "SERVER_ERROR configuration writes are switched off\r\n";
    struct scene_path inbox = scene_path("partitions/" WORLD_CLUSTER "/0001/inbox");
    struct scene_path closed;
    struct world w;

    world_begin_serving(&w, 1);
    writes_must_be("STORED\r\n");
    closed = scene_write("partitions/" WORLD_CLUSTER "/0001/closed", "");
    writes_must_be(off);
    cr_expect(world_watcher_says(&w, "partition-closed"));
    cr_expect_eq(access(inbox.text, F_OK), -1);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 1));
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 1));
    process_kill(w.watcher);
    world_start_watcher(&w, NULL);
    cr_assert(world_watcher_says(&w, "config-served"));
    writes_must_be(off);
    cr_assert_eq(unlink(closed.text), 0);
    writes_must_be("STORED\r\n");
    cr_expect(world_watcher_says(&w, "partition-opened"));
    world_push_version(&w, 1, 2);
    (void)world_await_served(&w, 1, 2);
    world_deinit(&w);
}

static char *changed(struct world *w, const char *record, const char *from, const char *to)
{
    char *copy = arena_strdup(&w->arena, record);
    char *at = strstr(copy, from);

    cr_assert_not_null(at);
    cr_assert_eq(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    return copy;
}

/* Inboxes are read in order: when the last record is served, all before it were judged. */
Test(watcher, nothing_unsigned_older_or_foreign_is_ever_served)
{
    struct signing_key stranger;
    struct err err;
    struct world w;
    char *stats;
    size_t i;

    (void)world_begin_serving(&w, 3);
    cr_assert_eq(signing_key_create(scene_path("key2").text, scene_path("pub2").text, &err), 0);
    cr_assert_eq(signing_key_load(scene_path("key2").text, &stranger, &err), 0);
    {
        struct world_record old = { .version = 2 };
        struct world_record foreign_key = { .version = 4, .key = &stranger };
        struct world_record other_uid = { .version = 4, .uid = "00000000000000cc" };
        struct world_record other_cluster = { .version = 4, .cluster = "other" };
        struct world_record good = { .version = 4 };
        const char *const records[] = {
            world_seal(&w, &old),
            world_seal(&w, &foreign_key),
            world_seal(&w, &other_uid),
            world_seal(&w, &other_cluster),
            changed(&w, world_seal(&w, &good), "\"version\":4", "\"version\":9"),
            changed(&w, world_seal(&w, &good), "11211", "11212"),
            "garbage",
            "{}",
            "",
        };

        for (i = 0; i < ARRAY_COUNT(records); i++) {
            world_push(&w, 1, WORLD_DATA_PORT, records[i]);
            cr_expect(world_serves(1, WORLD_DATA_PORT, 3), "record %zu", i);
        }
        world_await_event(&w, "ConfigRefused");
        world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &good));
    }
    (void)world_await_served(&w, 1, 4);
    stats = world_ask(1, WORLD_DISCOVERY_PORT, "stats partition\r\n", "END\r\n");
    cr_expect_not_null(strstr(stats, "STAT muster_records_refused "), "%s", stats);
    cr_expect_null(strstr(stats, "STAT muster_records_refused 0\r\n"));
    free(stats);
    world_deinit(&w);
}

Test(watcher, one_version_never_has_two_contents)
{
    struct world_record twin = { .version = 3, .epoch = 2 };
    struct node_report before;
    struct node_report after;
    struct world w;

    before = world_begin_serving(&w, 3);
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &twin));
    world_await_event(&w, "ConfigConflict");
    cr_assert(world_report(&w, 1, &after));
    cr_expect_str_eq(after.served.digest, before.served.digest);
    world_deinit(&w);
}

Test(watcher, a_lost_acknowledgement_is_given_again)
{
    struct world w;

    (void)world_begin_serving(&w, 3);
    (void)etcd_server_delete(w.server,
                             "/muster/v1/clusters/" WORLD_CLUSTER "/nodes/0001/" WORLD_HOST);
    world_push_version(&w, 1, 3);
    (void)world_await_served(&w, 1, 3);
    world_deinit(&w);
}

Test(watcher, a_subscriber_hears_of_each_change)
{
    struct world w;
    char line[64] = "";
    size_t used = 0;
    int fd;

    (void)world_begin(&w);
    fd = net_connect(scene_ip(1).text, WORLD_DISCOVERY_PORT);
    cr_assert_leq(0, fd);
    cr_assert_eq(write(fd, "config watch cluster\r\n", 22), 22);
    cr_assert_gt(read(fd, line, sizeof(line) - 1), 0); /* what is served now */
    memset(line, 0, sizeof(line));
    world_push_version(&w, 1, 2);
    while (strchr(line, '\n') == NULL) {
        ssize_t got = read(fd, line + used, sizeof(line) - 1 - used);

        cr_assert_gt(got, 0, "'%s'", line);
        used += (size_t)got;
    }
    cr_expect_not_null(strstr(line, " 2\r\n"), "'%s'", line);
    (void)close(fd);
    world_deinit(&w);
}

Test(watcher, without_the_module_the_discovery_port_serves)
{
    static const char *const options[] = { "--module", "none", NULL };
    struct intent intent = world_intent(1, INTENT_RUN);
    struct world_record record = { .version = 2 };
    struct node_report report;
    struct world w;
    char *reply;

    world_init(&w);
    world_start_watcher(&w, options);
    world_put_intent(&w, &intent);
    report = world_await_up(&w, 1);
    cr_expect_eq(report.partition, PARTITION_BESIDE);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &record));
    (void)world_await_served(&w, 1, 2);
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 2));
    reply = world_ask(1, WORLD_DATA_PORT, "config get cluster\r\n", "\r\n");
    cr_expect_str_eq(reply, "ERROR\r\n");
    free(reply);
    world_deinit(&w);
}
