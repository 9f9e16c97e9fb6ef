/*
 * SIGKILL for every process of a running muster: all of it heals, and no memcached pays for it.
 */
#include <signal.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/traffic.h"

#define NODES 3

TestSuite(kill, .timeout = 180);

struct nodes {
    pid_t pids[NODES + 1];
};

static struct nodes nodes_now(void)
{
    struct nodes now = { { 0 } };
    unsigned i;

    for (i = 1; i <= NODES; i++) {
        now.pids[i] = ps_memcached(scene_ip(i).text);
        cr_assert_gt(now.pids[i], 0, "node %u does not run", i);
    }
    return now;
}

static void must_be_same_nodes(const struct nodes *before, unsigned except, const char *after_what)
{
    struct nodes now = nodes_now();
    unsigned i;

    for (i = 1; i <= NODES; i++) {
        if (i != except) {
            cr_assert_eq(now.pids[i], before->pids[i], "node %u changed its pid after %s", i,
                         after_what);
        }
    }
}

static uint32_t version_now(void)
{
    struct listing listing = { .version = 0 };

    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    return listing.version;
}

static bool all_agree(uint32_t version)
{
    char why[512];

    return ask_all_agree(NODES, version, why, sizeof(why)) && version_now() == version;
}

static bool is_replaced(enum ps_kind kind, size_t count, pid_t killed)
{
    struct ps_list list;
    size_t i;

    ps_list(kind, &list);
    for (i = 0; i < list.count; i++) {
        if (list.items[i].pid == killed) {
            return false;
        }
    }
    return list.count == count;
}

/* Kill one process that is no memcached, and see all of it return. */
static void kill_and_heal(const struct ps_item *victim, struct traffic *traffic)
{
    struct nodes before = nodes_now();
    uint32_t version = version_now();
    struct ps_list same;

    ps_list(victim->kind, &same);
    cr_assert_eq(kill(victim->pid, SIGKILL), 0, "%s", victim->command);
    cr_assert(WITHIN(LAB_PATIENCE_MS, is_replaced(victim->kind, same.count, victim->pid)),
              "nobody replaces %s", victim->command);
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, all_agree(version)), "after the end of %s", victim->command);
    must_be_same_nodes(&before, 0, victim->command);
    traffic_must_go_on(traffic);
}

/* Watcher, both controllers, etcd, whoever supervises: one after another. */
Test(kill, every_process_that_is_no_memcached_is_replaced)
{
    static struct traffic traffic;
    struct ps_list list;
    size_t i;

    lab_start(NODES, (const char *const[]){ "--controllers", "2", NULL });
    ps_list(PS_ANY, &list);
    cr_assert_geq(list.count, NODES + 5, "two controllers, watcher, etcd, supervisor");
    traffic_start(&traffic, NODES);
    for (i = 0; i < list.count; i++) {
        if (list.items[i].kind != PS_MEMCACHED) {
            kill_and_heal(&list.items[i], &traffic);
        }
    }
    traffic_stop(&traffic);
    must_scale(NODES + 1); /* what healed still works */
    lab_close();
}

/* The dead node returns in its place, with the configuration it had; nothing else changes. */
Test(kill, a_killed_memcached_restarts_in_its_place)
{
    static struct traffic traffic;
    struct nodes before;
    struct listing listing;
    const char *ip;
    struct scene_ip address = scene_ip(2);
    uint32_t version;

    ip = address.text;
    lab_start(NODES, NULL);
    before = nodes_now();
    version = version_now();
    traffic_start(&traffic, NODES);
    traffic_must_go_on(&traffic);
    traffic_leave_out(&traffic, 2, true);
    cr_assert_eq(kill(before.pids[2], SIGKILL), 0);
    /* The first answer that the new process gives to discovery is the configuration. */
    cr_assert(
        WITHIN(LAB_PATIENCE_MS, ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing) != ASK_SILENT),
        "%s does not return", ip);
    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_assert_eq(listing.version, version);
    traffic_leave_out(&traffic, 2, false);
    must_converge();
    must_be_same_nodes(&before, 2, "the end of node 2");
    cr_assert_neq(ps_memcached(ip), before.pids[2]);
    cr_assert(all_agree(version));
    traffic_must_go_on(&traffic);
    traffic_stop(&traffic);
    lab_close();
}
