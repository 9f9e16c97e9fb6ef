#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "etcd/etcd_wait.h"
#include "support/net.h"
#include "support/wait.h"
#include "world.h"

/* One node with the module, up. */

static bool exists(struct scene_path path)
{
    return access(path.text, F_OK) == 0;
}

/* ---- Nodes come and go ---- */

Test(watcher, an_intent_becomes_a_node)
{
    struct node_report report;
    struct world w;

    report = world_begin(&w);
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

    (void)world_begin(&w);
    cr_assert(world_host(&w, &host));
    cr_expect_eq(host.nodes_max, 9);
    cr_expect_str_eq(host.ip_first, scene_ip(1).text);
    cr_expect_str_eq(host.problem, "");
    cr_expect_eq(strncmp(host.memcached_version, "1.", 2), 0);
    world_deinit(&w);
}

static bool is_stopped(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_STOPPED;
}

Test(watcher, a_stopped_node_is_reported_and_then_forgotten)
{
    struct intent stop;
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = world_begin_serving(&w, 1).pid;
    stop = world_intent(1, INTENT_STOP);
    world_put_intent(&w, &stop);
    world_await_end(pid);
    report = world_await(&w, 1, is_stopped, NULL);
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

    pid = world_begin(&w).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 5).pid;
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

    pid = world_begin_serving(&w, 7).pid;
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

    pid = world_begin(&w).pid;
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

    wanted = world_begin(&w).clients;
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

/* ---- Slots that moved ---- */

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

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

/* ---- etcd away ---- */

Test(watcher, without_etcd_it_goes_on_and_catches_up)
{
    struct node_report report;
    struct world_record next = { .version = 4 };
    struct world w;
    int64_t pid;

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

    (void)world_begin(&w);
    first = w.watcher;
    world_start_watcher(&w, NULL);
    cr_expect_eq(process_wait(w.watcher), 5);
    cr_expect(process_running(first));
    world_deinit(&w);
}
