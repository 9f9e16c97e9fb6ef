/*
 * What goes on while parts of muster are gone or its nodes are mistreated: the configuration is
 * served in any case.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/traffic.h"

#define NODES 3
#define FILL_VALUE_BYTES 200000
#define FILL_VALUES 200
#define DARK_ROUNDS 100
#define QUIET_MS 3000

TestSuite(survive, .timeout = 180);

static void signal_all(enum ps_kind kind, int signum)
{
    struct ps_list list;
    size_t i;

    ps_list(kind, &list);
    cr_assert_gt(list.count, 0, "no %s runs", ps_kind_text(kind));
    for (i = 0; i < list.count; i++) {
        cr_assert_eq(kill(list.items[i].pid, signum), 0);
    }
}

static bool none_runs(enum ps_kind kind)
{
    struct ps_list list;

    ps_list(kind, &list);
    return list.count == 0;
}

/* Nobody is replaced while whoever supervises is stopped. */
static void kill_for_good(enum ps_kind kind)
{
    signal_all(kind, SIGKILL);
    cr_assert(WITHIN(LAB_PATIENCE_MS, none_runs(kind)), "%s runs on", ps_kind_text(kind));
}

static uint64_t evictions(const char *ip)
{
    char reply[ASK_REPLY_SIZE];
    unsigned long long count = 0;
    const char *line;

    (void)ask(ip, LAB_DATA_PORT, "stats\r\n", "END\r\n", reply, sizeof(reply));
    line = strstr(reply, "STAT evictions ");
    cr_assert_not_null(line, "%s", reply);
    cr_assert_eq(sscanf(line, "STAT evictions %llu", &count), 1);
    return count;
}

/* More than the node's memory: it must evict. */
static void fill(const char *ip)
{
    static char value[FILL_VALUE_BYTES + 1];
    char line[128];
    char reply[128];
    int fd = ask_connect(ip, LAB_DATA_PORT);
    int i;

    memset(value, 'v', FILL_VALUE_BYTES);
    cr_assert_geq(fd, 0);
    for (i = 0; i < FILL_VALUES; i++) {
        (void)snprintf(line, sizeof(line), "set fill:%d 0 0 %d\r\n", i, FILL_VALUE_BYTES);
        cr_assert(ask_send(fd, line, strlen(line)));
        cr_assert(ask_send(fd, value, FILL_VALUE_BYTES));
        cr_assert(ask_send(fd, "\r\n", 2));
        (void)ask_read(fd, "\r\n", reply, sizeof(reply));
    }
    fd_close_p(&fd);
    cr_assert_gt(evictions(ip), 0, "%s was not filled", ip);
}

static void must_serve(uint32_t version, const char *when)
{
    static const enum ask_how ways[] = { ASK_CONFIG, ASK_LEGACY, ASK_BINARY };
    struct listing listing;
    unsigned i;

    for (i = 0; i < NODES * ARRAY_COUNT(ways); i++) {
        struct scene_ip ip = scene_ip(i / ARRAY_COUNT(ways) + 1);

        cr_assert_eq(ask_cluster(ip.text, LAB_DATA_PORT, ways[i % ARRAY_COUNT(ways)], &listing),
                     ASK_LISTED, "%s %s", ip.text, when);
        cr_assert_eq(listing.version, version, "%s %s", ip.text, when);
        cr_assert_eq(listing.count, NODES, "%s %s", ip.text, when);
    }
}

static uint32_t version_now(void)
{
    struct listing listing = { .version = 0 };

    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    return listing.version;
}

/* Eviction, flush_all and the end of the watcher can't reach the partition. */
Test(survive, full_flushed_and_unwatched_nodes_serve_the_configuration)
{
    char reply[ASK_REPLY_SIZE];
    uint32_t version;
    unsigned i;

    lab_start(NODES, NULL);
    version = version_now();
    for (i = 1; i <= NODES; i++) {
        fill(scene_ip(i).text);
    }
    must_serve(version, "when full");
    for (i = 1; i <= NODES; i++) {
        (void)ask(scene_ip(i).text, LAB_DATA_PORT, "flush_all\r\n", "\r\n", reply, sizeof(reply));
        cr_assert_str_eq(reply, "OK\r\n");
        (void)ask(scene_ip(i).text, LAB_DATA_PORT, "get fill:199\r\n", "END\r\n", reply,
                  sizeof(reply));
        cr_assert_str_eq(reply, "END\r\n");
    }
    must_serve(version, "after flush_all");
    signal_all(PS_SUPERVISOR, SIGSTOP);
    kill_for_good(PS_WATCHER);
    must_serve(version, "without a watcher");
    signal_all(PS_SUPERVISOR, SIGCONT);
    must_converge();
    lab_close();
}

/* No data command gets at the partition: its keys are not there for them. */
Test(survive, data_commands_cannot_touch_the_configuration)
{
    static const char *const attacks[] = {
        "delete AmazonElastiCache:cluster\r\n",
        "set AmazonElastiCache:cluster 0 0 5\r\nwrong\r\n",
        "append AmazonElastiCache:cluster 0 0 5\r\nwrong\r\n",
        "touch AmazonElastiCache:cluster 1\r\n",
        "incr AmazonElastiCache:cluster 1\r\n",
        "config set cluster 0 5\r\nwrong\r\n",
        "config delete cluster\r\n",
        "set muster:config 0 0 5\r\nwrong\r\n",
        "md AmazonElastiCache:cluster\r\n",
        "flush_all\r\n",
    };
    char reply[ASK_REPLY_SIZE];
    uint32_t version;
    size_t i;

    lab_start(NODES, NULL);
    version = version_now();
    for (i = 0; i < ARRAY_COUNT(attacks) * NODES; i++) {
        cr_assert_gt(ask(scene_ip((unsigned)(i % NODES) + 1).text, LAB_DATA_PORT,
                         attacks[i / NODES], "\r\n", reply, sizeof(reply)),
                     0, "no answer to %s", attacks[i / NODES]);
        must_serve(version, attacks[i / NODES]);
    }
    lab_close();
}

/*
 * With every controller, the watcher and etcd dead, data and discovery go on; when all of them are
 * back nothing has changed, and nothing is written any more once they have looked.
 */
Test(survive, nodes_serve_on_with_all_of_muster_dead)
{
    static const enum ps_kind mortal[] = { PS_CONTROLLER, PS_WATCHER, PS_ETCD };
    static struct traffic traffic;
    pid_t pids[NODES + 1];
    uint32_t version;
    unsigned i;

    lab_start(NODES, (const char *const[]){ "--controllers", "2", NULL });
    version = version_now();
    for (i = 1; i <= NODES; i++) {
        pids[i] = ps_memcached(scene_ip(i).text);
    }
    traffic_start(&traffic, NODES);
    signal_all(PS_SUPERVISOR, SIGSTOP);
    for (i = 0; i < ARRAY_COUNT(mortal); i++) {
        kill_for_good(mortal[i]);
    }
    for (i = 0; i < DARK_ROUNDS; i++) {
        must_serve(version, "in the dark");
        lab_pause();
    }
    traffic_must_go_on(&traffic);
    cr_assert(none_runs(PS_CONTROLLER) && none_runs(PS_WATCHER) && none_runs(PS_ETCD));

    signal_all(PS_SUPERVISOR, SIGCONT);
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     !none_runs(PS_WATCHER) && !none_runs(PS_CONTROLLER) && !none_runs(PS_ETCD)));
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)),
              "etcd is written to without end");
    must_serve(version, "after the return of all");
    for (i = 1; i <= NODES; i++) {
        cr_assert_eq(ps_memcached(scene_ip(i).text), pids[i], "node %u was restarted", i);
    }
    traffic_stop(&traffic);
    must_scale(NODES + 1);
    lab_close();
}
