#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "etcd/etcd_wait.h"
#include "support/net.h"
#include "support/wait.h"
#include "world.h"

/* One node with the module, up. */
static struct node_report begin(struct world *w)
{
    struct intent intent = world_intent(1, INTENT_RUN);

    world_init(w);
    world_start_watcher(w, NULL);
    world_put_intent(w, &intent);
    return world_await_up(w, 1);
}

static struct node_report begin_serving(struct world *w, uint32_t version)
{
    (void)begin(w);
    world_push_version(w, 1, version);
    return world_await_served(w, 1, version);
}

static bool exists(struct scene_path path)
{
    return access(path.text, F_OK) == 0;
}

/* ---- Nodes come and go ---- */

Test(watcher, an_intent_becomes_a_node)
{
    struct node_report report;
    struct world w;

    report = begin(&w);
    cr_expect_str_eq(report.host, WORLD_HOST);
    cr_expect_str_eq(report.uid, WORLD_UID);
    cr_expect_eq(report.partition, PARTITION_IN_PROCESS);
    cr_expect_eq(report.served.version, 0);
    cr_expect_eq(report.restarts, 0);
    cr_expect_str_eq(report.problem, "");
    cr_expect(world_lives(report.pid));
    cr_expect(world_serves(1, WORLD_DATA_PORT, 0), "before the first configuration: END");
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 0));
    world_deinit(&w);
}

Test(watcher, the_host_tells_what_it_offers)
{
    struct host host;
    struct world w;

    (void)begin(&w);
    cr_assert(world_host(&w, &host));
    cr_expect_eq(host.nodes_max, 9);
    cr_expect_str_eq(host.ip_first, scene_ip(1).text);
    cr_expect_str_eq(host.problem, "");
    cr_expect_eq(strncmp(host.memcached_version, "1.", 2), 0);
    world_deinit(&w);
}

Test(watcher, a_stopped_node_is_reported_and_then_forgotten)
{
    struct intent stop;
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 1).pid;
    stop = world_intent(1, INTENT_STOP);
    world_put_intent(&w, &stop);
    world_await_end(pid);
    do {
        cr_assert(world_report(&w, 1, &report));
    } while (report.state != NODE_STOPPED);
    cr_expect_eq(report.pid, 0);
    cr_expect_eq(report.version_seen, 1);
    cr_expect_not(net_answers(scene_ip(1).text, WORLD_DISCOVERY_PORT));

    world_delete_intent(&w, 1);
    world_await_no_report(&w, 1);
    cr_expect_not(exists(scene_path("state/nodes/" WORLD_CLUSTER)));
    cr_expect_not(exists(scene_path("partitions/" WORLD_CLUSTER)));
    world_deinit(&w);
}

/* The controller forgets the slot before the watcher could tell that it is stopped. */
Test(watcher, an_order_to_stop_is_carried_out_although_it_vanishes)
{
    struct intent stop = world_intent(1, INTENT_STOP);
    struct world w;
    int64_t pid;

    pid = begin(&w).pid;
    world_put_intent(&w, &stop);
    world_delete_intent(&w, 1);
    world_await_end(pid);
    world_await_no_report(&w, 1);
    cr_expect(world_watcher_says(&w, "node-forgotten"));
    cr_expect_not(net_answers(scene_ip(1).text, WORLD_DISCOVERY_PORT));
    world_deinit(&w);
}

Test(watcher, a_missing_intent_stops_nothing)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    world_delete_intent(&w, 1);
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    report = world_await_restarted(&w, 1, 3, 1);
    cr_expect_neq(report.pid, pid);
    cr_expect(world_lives(report.pid));
    world_deinit(&w);
}

Test(watcher, other_settings_restart_the_node_in_its_place)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct node_report report;
    struct world w;
    char *stats;
    int64_t pid;

    pid = begin_serving(&w, 5).pid;
    intent.settings.memory_bytes = UINT64_C(32) << 20;
    world_put_intent(&w, &intent);
    world_await_end(pid);
    report = world_await_restarted(&w, 1, 5, 1);
    cr_expect_eq(report.settings.memory_bytes, UINT64_C(32) << 20);
    cr_expect_eq(report.restarts, 1);
    stats = world_ask(1, WORLD_DATA_PORT, "stats\r\n", "END\r\n");
    cr_expect_not_null(strstr(stats, "STAT limit_maxbytes 33554432\r\n"));
    free(stats);
    world_deinit(&w);
}

static bool is_of_uid(const struct node_report *report, const void *ctx)
{
    return report->state == NODE_UP && strcmp(report->uid, ctx) == 0;
}

/* The cluster was deleted and made again under its name. */
Test(watcher, another_incarnation_takes_memcached_over_as_it_runs_but_never_counts_backwards)
{
    static const char uid[] = "00000000000000bb";
    struct intent intent = world_intent(1, INTENT_RUN);
    struct world_record older = { .version = 6, .uid = uid };
    struct world_record next = { .version = 8, .uid = uid };
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 7).pid;
    intent.uid = uid;
    world_put_intent(&w, &intent);
    report = world_await(&w, 1, is_of_uid, uid);
    cr_expect_eq(report.pid, pid, "the cache stays warm");
    cr_expect_eq(report.served.version, 0);
    cr_expect_eq(report.version_seen, 7);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 0));
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &older));
    world_await_event(&w, "ConfigRefused");
    cr_expect(world_serves(1, WORLD_DATA_PORT, 0));
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &next));
    cr_expect_eq(world_await_served(&w, 1, 8).pid, pid);
    world_deinit(&w);
}

Test(watcher, an_intent_of_garbage_is_named_and_the_node_goes_on)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin(&w).pid;
    (void)etcd_server_put(w.server, "/muster/v1/intent/" WORLD_HOST "/" WORLD_CLUSTER "/0001",
                          "{ garbage");
    (void)etcd_server_put(w.server, "/muster/v1/intent/" WORLD_HOST "/no/such/key", "x");
    cr_expect(world_watcher_says(&w, "intent/" WORLD_HOST "/" WORLD_CLUSTER "/0001"));
    cr_expect(world_watcher_says(&w, "intent/" WORLD_HOST "/no/such/key"));
    world_await_event(&w, "KeyInvalid");
    cr_assert(world_report(&w, 1, &report));
    cr_expect_eq(report.state, NODE_UP);
    cr_expect(world_lives(pid));
    world_deinit(&w);
}

static bool counts_clients(const struct node_report *report, const void *ctx)
{
    return report->clients == *(const int64_t *)ctx;
}

Test(watcher, clients_are_counted_while_a_node_drains)
{
    struct intent drain;
    int64_t wanted;
    struct world w;
    int clients[2];

    wanted = begin(&w).clients;
    cr_expect_eq(wanted, REPORT_CLIENTS_UNKNOWN);
    clients[0] = net_connect(scene_ip(1).text, WORLD_DATA_PORT);
    clients[1] = net_connect(scene_ip(1).text, WORLD_DATA_PORT);
    drain = world_intent(1, INTENT_DRAIN);
    world_put_intent(&w, &drain);
    wanted = 2;
    (void)world_await(&w, 1, counts_clients, &wanted);
    (void)close(clients[0]);
    (void)close(clients[1]);
    wanted = 0;
    (void)world_await(&w, 1, counts_clients, &wanted);
    world_deinit(&w);
}

/* ---- What is served ---- */

Test(watcher, a_pushed_record_is_served_and_acknowledged)
{
    struct world_record record = { .version = 1 };
    struct node_report report;
    const char *json;
    struct world w;
    char *reply;

    (void)begin(&w);
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

    (void)begin(&w);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &record));
    (void)world_await_served(&w, 1, 4);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 4));
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
    size_t i;

    (void)begin_serving(&w, 3);
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
    world_deinit(&w);
}

Test(watcher, one_version_never_has_two_contents)
{
    struct world_record twin = { .version = 3, .epoch = 2 };
    struct node_report before;
    struct node_report after;
    struct world w;

    before = begin_serving(&w, 3);
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &twin));
    world_await_event(&w, "ConfigRefused");
    cr_assert(world_report(&w, 1, &after));
    cr_expect_str_eq(after.served.digest, before.served.digest);
    world_deinit(&w);
}

Test(watcher, a_lost_acknowledgement_is_given_again)
{
    struct world w;

    (void)begin_serving(&w, 3);
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

    (void)begin(&w);
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

/* ---- Failures ---- */

Test(watcher, a_killed_memcached_comes_back_with_its_partition)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    report = world_await_restarted(&w, 1, 3, 1);
    cr_expect_neq(report.pid, pid);
    cr_expect_eq(report.restarts, 1);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 3));
    world_await_event(&w, "MemcachedDied");
    world_deinit(&w);
}

Test(watcher, killed_itself_it_finds_everything_again)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_signal(w.watcher, SIGKILL);
    (void)process_wait(w.watcher);
    cr_expect(world_lives(pid));
    cr_expect(world_serves(1, WORLD_DATA_PORT, 3), "the data port serves without a watcher");

    world_start_watcher(&w, NULL);
    cr_expect(world_watcher_says(&w, "memcached-adopted"));
    cr_expect(world_watcher_says(&w, "config-served"));
    report = world_await_served(&w, 1, 3);
    cr_expect_eq(report.pid, pid, "nothing is restarted without need");
    cr_expect_eq(report.restarts, 0);

    /* the adopted one is supervised as one of its own */
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    report = world_await_restarted(&w, 1, 3, 1);
    cr_expect_neq(report.pid, pid);
    world_deinit(&w);
}

Test(watcher, without_its_notes_it_restarts_nothing)
{
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_kill(w.watcher);
    (void)unlink(scene_path("state/nodes/" WORLD_CLUSTER "/0001/report.json").text);
    world_start_watcher(&w, NULL);
    cr_expect(world_watcher_says(&w, "memcached-adopted"));
    cr_expect(world_watcher_says(&w, "config-served"));
    cr_expect_eq(world_await_served(&w, 1, 3).pid, pid);
    cr_expect(world_lives(pid));
    world_deinit(&w);
}

/* What it was started with can't be told from its arguments then. */
Test(watcher, without_notes_and_without_a_memcached_to_start_it_takes_up_what_runs)
{
    static const char *const plain[] = { "--module", "none", NULL };
    static const char *const bare[] = { "--module", "none", "--memcached", "/nonexistent/memcached",
                                        NULL };
    struct intent intent = world_intent(1, INTENT_RUN);
    struct world_record record = { .version = 2 };
    struct world w;
    int64_t pid;

    world_init(&w);
    world_start_watcher(&w, plain);
    world_put_intent(&w, &intent);
    (void)world_await_up(&w, 1);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &record));
    pid = world_await_served(&w, 1, 2).pid;
    process_kill(w.watcher);
    (void)unlink(scene_path("state/nodes/" WORLD_CLUSTER "/0001/report.json").text);
    world_start_watcher(&w, bare);
    cr_expect(world_watcher_says(&w, "memcached-adopted"));
    cr_expect(world_watcher_says(&w, "config-served"));
    cr_expect_eq(world_await_served(&w, 1, 2).pid, pid);
    world_deinit(&w);
}

struct witness {
    size_t lesser; /* reports that take something back */
    bool whole;    /* one that does not was seen */
};

static void on_report_events(void *ctx, const struct etcd_event *events, size_t count,
                             uint64_t revision)
{
    struct witness *witness = ctx;
    size_t i;

    (void)revision;
    for (i = 0; i < count; i++) {
        bool whole = !events[i].deleted && strstr(events[i].kv.value, "\"up\"") != NULL &&
                     strstr(events[i].kv.value, "\"version\":3") != NULL;

        witness->lesser += whole ? 0 : 1;
        witness->whole = witness->whole || whole;
    }
}

static void on_watch_end(void *ctx, const struct err *err)
{
    (void)ctx;
    cr_assert_fail("the watch ended: %s", err->msg);
}

/* Else every upgrade of a watcher would move aliases about. */
Test(watcher, started_again_it_takes_nothing_back)
{
    struct witness witness = { 0 };
    struct etcd_watch *watch;
    struct err err;
    struct world w;

    (void)begin_serving(&w, 3);
    process_kill(w.watcher);
    cr_assert_eq(etcd_watch_new(w.etcd, "/muster/v1/clusters/" WORLD_CLUSTER "/nodes/",
                                etcd_server_revision(w.server) + 1, on_report_events, on_watch_end,
                                &witness, &watch, &err),
                 0);
    world_start_watcher(&w, NULL);
    cr_assert_eq(loop_run_until(w.loop, &witness.whole, WAIT_MS, &err), 0, "%s", err.msg);
    cr_expect_eq(witness.lesser, 0);
    etcd_watch_free(watch);
    world_deinit(&w);
}

Test(watcher, ended_it_leaves_nodes_and_reports)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_signal(w.watcher, SIGTERM);
    cr_expect_eq(process_wait(w.watcher), 0);
    cr_expect(world_lives(pid));
    cr_expect(world_report(&w, 1, &report), "the lease goes on for its time");
    world_deinit(&w);
}

Test(watcher, a_segment_that_somebody_changed_is_not_taken_over)
{
    struct world w;

    (void)begin_serving(&w, 3);
    process_kill(w.watcher);
    {
        /* Trust nobody who sealed what is there: as if an attacker had. */
        struct err err;

        cr_assert_eq(remove(scene_path("trusted.pub").text), 0);
        cr_assert_eq(
            signing_key_create(scene_path("key3").text, scene_path("trusted.pub").text, &err), 0);
    }
    world_start_watcher(&w, NULL);
    world_await_event(&w, "PartitionCleared");
    cr_expect(world_serves(1, WORLD_DATA_PORT, 0));
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 0));
    world_deinit(&w);
}

Test(watcher, a_port_in_use_is_named_with_its_holder)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct scene_ip ip = scene_ip(1);
    struct process *holder = process_startl("holder", "memcached", "-l", ip.text, "-p", "11211",
                                            "-U", "0", "-u", "root", NULL);
    char expected[64];
    struct world w;

    world_init(&w);
    (void)snprintf(expected, sizeof(expected), "in use by memcached (pid %d)",
                   (int)process_pid(holder));
    world_start_watcher(&w, NULL);
    cr_assert(process_running(holder));
    world_put_intent(&w, &intent);
    (void)world_await_problem(&w, 1, expected);
    process_kill(holder);
    (void)world_await_up(&w, 1);
    world_deinit(&w);
}

Test(watcher, a_discovery_port_in_use_is_a_problem_but_no_end)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct node_report report;
    struct world w;
    int fd;

    world_init(&w);
    fd = net_listen(scene_ip(1).text, WORLD_DISCOVERY_PORT);
    world_start_watcher(&w, NULL);
    world_put_intent(&w, &intent);
    report = world_await_problem(&w, 1, "discovery port");
    (void)close(fd);
    report = world_await_problem(&w, 1, "");
    while (report.state != NODE_UP || report.problem[0] != '\0') {
        cr_assert(world_report(&w, 1, &report));
    }
    cr_expect(world_serves(1, WORLD_DISCOVERY_PORT, 0));
    world_deinit(&w);
}

Test(watcher, a_memcached_that_is_too_old_is_named_and_runs_nothing)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct scene_path old = scene_write("memcached-old", "#!/bin/sh\necho memcached 1.5.22\n");
    const char *const options[] = { "--memcached", old.text, NULL };
    struct node_report report;
    struct host host;
    struct world w;

    cr_assert_eq(chmod(old.text, 0755), 0);
    world_init(&w);
    world_start_watcher(&w, options);
    world_put_intent(&w, &intent);
    report = world_await_problem(&w, 1, "1.5.22");
    cr_expect_eq(report.state, NODE_DOWN);
    cr_expect_eq(report.pid, 0);
    cr_assert(world_host(&w, &host));
    cr_expect_str_eq(host.memcached_version, "1.5.22");
    cr_expect_not_null(strstr(host.problem, old.text));
    world_deinit(&w);
}

Test(watcher, a_memcached_that_cannot_live_is_explained_by_its_own_words)
{
    struct scene_path bad =
        scene_write("memcached-bad", "#!/bin/sh\n"
                                     "[ \"$1\" = -V ] && { echo memcached 1.6.40; exit; }\n"
                                     "echo no room for cats >&2\nexit 5\n");
    const char *const options[] = { "--memcached", bad.text, NULL };
    struct intent intent = world_intent(1, INTENT_RUN);
    struct node_report report;
    struct world w;

    cr_assert_eq(chmod(bad.text, 0755), 0);
    world_init(&w);
    world_start_watcher(&w, options);
    world_put_intent(&w, &intent);
    report = world_await_problem(&w, 1, "exit 5: no room for cats");
    cr_expect_neq(report.state, NODE_UP);
    world_deinit(&w);
}

/* ---- etcd away ---- */

Test(watcher, without_etcd_it_goes_on_and_catches_up)
{
    struct node_report report;
    struct world_record next = { .version = 4 };
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    etcd_server_kill(w.server);
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &next));
    cr_expect(world_watcher_says(&w, "version=4"), "read back without etcd");
    cr_expect(world_serves(1, WORLD_DATA_PORT, 4));
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    cr_expect(world_watcher_says(&w, "memcached-died"));

    etcd_server_restart(w.server);
    report = world_await_restarted(&w, 1, 4, 1);
    cr_expect_neq(report.pid, pid);
    cr_expect_eq(report.restarts, 1);
    world_deinit(&w);
}

/* The module looks for its partition in the wrong place until a link shows the way. */
Test(watcher, what_is_not_served_is_not_acknowledged)
{
    struct scene_path wrong = scene_path("wrong");
    struct scene_path right = scene_path("partitions/" WORLD_CLUSTER "/0001");
    struct scene_path script =
        scene_write("memcached-astray", "#!/bin/sh\nMUSTER_PARTITION=$(dirname $0)/wrong "
                                        "exec /usr/bin/memcached \"$@\"\n");
    const char *const options[] = { "--memcached", script.text, NULL };
    struct intent intent = world_intent(1, INTENT_RUN);
    struct world_record record = { .version = 3 };
    struct node_report report;
    struct world w;

    cr_assert_eq(chmod(script.text, 0755), 0);
    world_init(&w);
    cr_assert_eq(mkdir(wrong.text, 0755), 0);
    world_start_watcher(&w, options);
    world_put_intent(&w, &intent);
    (void)world_await_up(&w, 1);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &record));
    report = world_await_problem(&w, 1, "version 3 is not served");
    cr_expect_eq(report.state, NODE_UP);
    cr_expect_eq(report.partition, PARTITION_IN_PROCESS);
    cr_expect_eq(report.served.version, 0);
    cr_expect_eq(report.version_seen, 3);
    cr_assert_eq(rmdir(wrong.text), 0);
    cr_assert_eq(symlink(right.text, wrong.text), 0);
    report = world_await_served(&w, 1, 3);
    cr_expect_str_eq(report.problem, "");
    world_deinit(&w);
}

static bool serves_three(void *ctx)
{
    (void)ctx;
    return net_answers(scene_ip(1).text, WORLD_DISCOVERY_PORT) &&
           world_serves(1, WORLD_DISCOVERY_PORT, 3) &&
           net_answers(scene_ip(1).text, WORLD_DATA_PORT) && world_serves(1, WORLD_DATA_PORT, 3);
}

Test(watcher, started_without_etcd_it_takes_up_its_nodes)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_kill(w.watcher);
    etcd_server_kill(w.server);
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);

    world_start_watcher(&w, NULL);
    cr_expect(wait_until(serves_three, NULL, WAIT_MS), "not served from what is on disk");
    etcd_server_restart(w.server);
    report = world_await_restarted(&w, 1, 3, 1);
    cr_expect_eq(report.restarts, 1);
    world_deinit(&w);
}

static bool leases_are_back(void *ctx)
{
    struct world *w = ctx;
    struct node_report report;
    struct host host;

    return world_host(w, &host) && world_report(w, 1, &report);
}

Test(watcher, an_emptied_etcd_gets_all_reports_again)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    etcd_server_kill(w.server);
    etcd_server_wipe(w.server);
    etcd_server_restart(w.server);
    cr_assert(wait_until(leases_are_back, &w, WAIT_MS));
    report = world_await_served(&w, 1, 3);
    cr_expect_eq(report.pid, pid, "an emptied etcd stops no cache");
    world_deinit(&w);
}

Test(watcher, without_etcd_at_the_start_it_ends_in_time_when_told_to)
{
    static const char *const options[] = { "--timeout", "500ms", NULL };
    struct world w;

    world_init(&w);
    etcd_server_kill(w.server);
    world_start_watcher(&w, options);
    cr_expect_eq(process_wait(w.watcher), 6);
    world_deinit(&w);
}

Test(watcher, a_second_one_does_not_touch_the_first_ones_nodes)
{
    struct process *first;
    struct world w;

    (void)begin(&w);
    first = w.watcher;
    world_start_watcher(&w, NULL);
    cr_expect_eq(process_wait(w.watcher), 5);
    cr_expect(process_running(first));
    world_deinit(&w);
}

/* ---- Slots that moved ---- */

static bool is_stopped(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_STOPPED;
}

/* It was thought lost, and comes back to an order to stop what runs elsewhere by now. */
Test(watcher, an_order_to_stop_is_answered_beside_the_report_of_the_successor)
{
    static const char successor[] = "/muster/v1/clusters/" WORLD_CLUSTER "/nodes/0001/elsewhere";
    struct intent stop = world_intent(1, INTENT_STOP);
    struct node_report report;
    struct etcd_kv kv;
    struct err err;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    (void)etcd_server_put(w.server, successor, "whatever it says");
    world_put_intent(&w, &stop);
    world_await_end(pid);
    report = world_await(&w, 1, is_stopped, NULL);
    cr_expect_str_eq(report.host, WORLD_HOST);
    cr_expect(world_has_intent(&w, 1), "the order is the controller's to take away");
    world_delete_intent(&w, 1);
    world_await_no_report(&w, 1);
    cr_expect(world_watcher_says(&w, "node-forgotten"));
    cr_assert_eq(etcd_wait_get(w.loop, w.etcd, successor, &w.arena, &kv, &err), 0, "%s", err.msg);
    cr_expect_str_eq(kv.value, "whatever it says");
    world_deinit(&w);
}

static bool is_stopped_of_uid(const struct node_report *report, const void *ctx)
{
    return report->state == NODE_STOPPED && strcmp(report->uid, ctx) == 0;
}

/* Its machine was down while the cluster was made again, and what it ran can't be started now. */
Test(watcher, an_order_of_another_incarnation_is_answered_as_that_when_nothing_runs)
{
    static const char uid[] = "00000000000000bb";
    static const char *const options[] = { "--memcached", "/nonexistent/memcached", NULL };
    struct intent stop = world_intent(1, INTENT_STOP);
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_signal(w.watcher, SIGKILL);
    (void)process_wait(w.watcher);
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    stop.uid = uid;
    world_put_intent(&w, &stop);
    world_start_watcher(&w, options);
    (void)world_await(&w, 1, is_stopped_of_uid, uid);
    world_deinit(&w);
}

/* ---- After the machine was down ---- */

/* Its cluster was deleted meanwhile, or the slot given to another host, and its address as well. */
Test(watcher, what_did_not_run_is_not_started_when_nobody_asks_for_it)
{
    struct intent run = world_intent(1, INTENT_RUN);
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = begin_serving(&w, 3).pid;
    process_kill(w.watcher);
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    world_await_end(pid);
    world_delete_intent(&w, 1);
    world_start_watcher(&w, NULL);
    report = world_await(&w, 1, is_stopped, NULL);
    cr_expect_eq(report.pid, 0);
    cr_expect_eq(report.restarts, 0);
    world_put_intent(&w, &run);
    report = world_await_served(&w, 1, 3);
    cr_expect_eq(report.restarts, 1, "it was kept for the case that somebody does");
    world_deinit(&w);
}
