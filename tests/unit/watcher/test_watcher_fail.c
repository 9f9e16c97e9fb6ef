#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/net.h"
#include "support/wait.h"
#include "world.h"

/* One node with the module, up. */

/* ---- Failures ---- */

Test(watcher, a_killed_memcached_comes_back_with_its_partition)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
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

    pid = world_begin_serving(&w, 3).pid;
    process_kill(w.watcher);
    (void)unlink(scene_path("state/nodes/" WORLD_CLUSTER "/0001/report.json").text);
    world_start_watcher(&w, NULL);
    cr_expect(world_watcher_says(&w, "memcached-adopted"));
    cr_expect(world_watcher_says(&w, "config-served"));
    cr_expect_eq(world_await_served(&w, 1, 3).pid, pid);
    cr_expect(world_lives(pid));
    world_deinit(&w);
}

static bool discovery_serves_three(void *ctx)
{
    (void)ctx;
    return net_answers(scene_ip(1).text, WORLD_DISCOVERY_PORT) &&
           world_serves(1, WORLD_DISCOVERY_PORT, 3);
}

/* memcached holds what the segment has lost; nobody pushes it again. */
Test(watcher, what_its_segment_has_lost_it_finds_in_memcached)
{
    struct node_report report;
    struct world w;
    int64_t pid;

    pid = world_begin_serving(&w, 3).pid;
    process_kill(w.watcher);
    cr_assert_eq(unlink(scene_path("partitions/" WORLD_CLUSTER "/0001/segment").text), 0);
    world_start_watcher(&w, NULL);
    cr_expect(wait_until(discovery_serves_three, NULL, WAIT_MS));
    report = world_await_served(&w, 1, 3);
    cr_expect_eq(report.pid, pid);
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

    (void)world_begin_serving(&w, 3);
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

    pid = world_begin_serving(&w, 3).pid;
    process_signal(w.watcher, SIGTERM);
    cr_expect_eq(process_wait(w.watcher), 0);
    cr_expect(world_lives(pid));
    cr_expect(world_report(&w, 1, &report), "the lease goes on for its time");
    world_deinit(&w);
}

Test(watcher, a_segment_that_somebody_changed_is_not_taken_over)
{
    struct world w;

    (void)world_begin_serving(&w, 3);
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

static bool data_port_answers(void *ctx)
{
    (void)ctx;
    return net_answers(scene_ip(1).text, WORLD_DATA_PORT);
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
    cr_assert(wait_until(data_port_answers, NULL, WAIT_MS));
    world_start_watcher(&w, NULL);
    world_put_intent(&w, &intent);
    (void)world_await_problem(&w, 1, expected);
    process_kill(holder);
    (void)world_await_up(&w, 1);
    world_deinit(&w);
}

static bool is_well(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_UP && report->problem[0] == '\0';
}

Test(watcher, a_discovery_port_in_use_is_a_problem_but_no_end)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct world w;
    int fd;

    world_init(&w);
    fd = net_listen(scene_ip(1).text, WORLD_DISCOVERY_PORT);
    world_start_watcher(&w, NULL);
    world_put_intent(&w, &intent);
    (void)world_await_problem(&w, 1, "discovery port");
    (void)close(fd);
    (void)world_await(&w, 1, is_well, NULL);
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
