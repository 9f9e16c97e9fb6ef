/*
 * One machine's muster from up to down: what an operator sees, and what clients get.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "support/process.h"

#define NODES 3
#define QUIET_MS 1500

TestSuite(lifecycle, .timeout = 120);

static uint32_t version_at(unsigned node)
{
    struct listing listing = { .version = 0 };
    struct scene_ip address;
    const char *ip;

    address = scene_ip(node);
    ip = address.text;
    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED, "%s", ip);
    return listing.version;
}

static void must_agree(unsigned nodes, uint32_t version)
{
    char why[512];

    cr_assert(ask_all_agree(nodes, version, why, sizeof(why)), "%s", why);
}

/* What a new user does first: start it, ask the endpoint, try the printed commands. */
Test(lifecycle, up_gives_an_endpoint_that_lists_three_nodes)
{
    struct run_result result;
    struct listing listing;
    char ip[SCENE_IP_SIZE];
    unsigned port = 0;

    lab_start(NODES, NULL);
    must_agree(NODES, 1);

    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    cr_assert_eq(sscanf(result.out, "%15[0-9.]:%u\n", ip, &port), 2, "'%s'", result.out);
    cr_assert_eq(ask_cluster(ip, (uint16_t)port, ASK_CONFIG, &listing), ASK_LISTED);
    cr_assert_eq(listing.count, NODES);
    cr_assert(listing_names(&listing, ip), "the endpoint %s is a node", ip);

    MUST_MUSTER(&result, 0, "config", LAB_CLUSTER);
    MUST_MUSTER(&result, 0, "config", LAB_CLUSTER, "--node", "0002");
    must_say(result.out, "\"version\"");
    must_say(result.out, "127.");
    MUST_MUSTER(&result, 0, "describe", "cluster", LAB_CLUSTER);
    cr_assert_not_null(strstr(result.out, LAB_CLUSTER), "%s", result.out);
    MUST_MUSTER(&result, 0, "get", "nodes", "-o", "name");
    MUST_MUSTER(&result, 0, "get", "hosts", "-o", "json");
    MUST_MUSTER(&result, 0, "get", "clusters", "-o", "yaml");
    MUST_MUSTER(&result, 0, "get", "events");
    lab_close();
}

/* The commands that `up` prints are commands: each is run by a shell and must succeed. */
Test(lifecycle, the_commands_that_up_prints_work)
{
    struct run_result result;
    struct run_result tried;
    char network[32];
    char path[4096];
    char *line;
    char *rest;
    unsigned count = 0;

    lab_write_spec(NODES, "");
    lab_tell_logs_on_failure();
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    MUST_MUSTER(&result, 0, "up", "--detach", "-f", lab_spec().text, "--network", network);
    (void)snprintf(path, sizeof(path), "PATH=%s:%s", getenv("MUSTER_BIN_DIR"), getenv("PATH"));
    rest = result.out;
    while ((line = strsep(&rest, "\n")) != NULL) {
        line += strspn(line, " $");
        if (strncmp(line, "printf ", 7) == 0 || strncmp(line, "muster ", 7) == 0 ||
            strstr(line, "/muster ") != NULL) {
            lab_run_with(&tried, "/bin/sh", (const char *const[]){ "-c", line, NULL },
                         (const char *const[]){ path, NULL }, "");
            cr_assert_eq(tried.exit_code, 0, "%s: exit code %d\n%s", line, tried.exit_code,
                         tried.err);
            cr_assert_str_not_empty(tried.out, "%s prints nothing", line);
            count++;
        }
    }
    cr_assert_geq(count, 3, "three commands to try in:\n%s", result.out);
    lab_close();
}

/* Where a lease has run out meanwhile, because the machine stood still, somebody else wrote. */
static bool applying_writes_nothing(void)
{
    struct run_result result;
    uint64_t before = etcdview_revision();

    MUST_MUSTER(&result, 0, "apply", "-f", lab_spec().text);
    cr_assert_not_null(strstr(result.out, "unchanged"), "%s", result.out);
    return etcdview_revision() == before;
}

/* Applying what is there changes nothing: not one write. */
Test(lifecycle, applying_the_same_spec_again_writes_nothing)
{
    struct run_result result;

    lab_start(NODES, NULL);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)),
              "a converged cluster is written to again and again");
    cr_assert(WITHIN(LAB_PATIENCE_MS / 6, applying_writes_nothing()), "it writes all the same");

    lab_write_spec(2, "  rollout:\n    drain: 1s\n");
    MUST_MUSTER(&result, 0, "apply", "-f", lab_spec().text);
    cr_assert_not_null(strstr(result.out, "configured"), "%s", result.out);
    must_converge();
    must_agree(2, 2);
    lab_close();
}

/* A cluster that is made again counts on: clients refuse lower versions. */
Test(lifecycle, a_cluster_made_again_continues_its_versions)
{
    struct run_result result;
    uint32_t version;

    lab_start(NODES, NULL);
    must_scale(2);
    version = version_at(1);
    MUST_OK("delete", "cluster", LAB_CLUSTER, "--wait");
    cr_assert_eq(etcdview_count("clusters/"), 0);
    cr_assert_eq(etcdview_count("intent/"), 0);
    cr_assert_eq(etcdview_count("lineage/"), 1);
    cr_assert_eq(ps_memcached(""), 0);
    MUST_MUSTER(&result, 4, "describe", "cluster", LAB_CLUSTER);
    MUST_MUSTER(&result, 4, "endpoint", LAB_CLUSTER);

    MUST_MUSTER(&result, 0, "apply", "-f", lab_spec().text);
    cr_assert_not_null(strstr(result.out, "created"), "%s", result.out);
    must_converge();
    must_agree(NODES, version + 1);
    lab_close();
}

/* Down without --purge keeps the state: the next up has the same cluster, not an older version. */
Test(lifecycle, up_after_down_resumes)
{
    struct ps_list left;
    uint32_t version;

    lab_start(NODES, NULL);
    must_scale(4);
    version = version_at(1);
    MUST_OK("down");
    ps_list(PS_ANY, &left);
    cr_assert_eq(left.count, 0, "%d %s", (int)left.items[0].pid, left.items[0].command);

    MUST_OK("up", "--detach", "--timeout", "60s");
    must_converge();
    must_agree(4, version);
    lab_close();
}

/* Up on a running muster changes no process. */
Test(lifecycle, up_while_running_keeps_every_process)
{
    struct ps_list before;
    struct ps_list after;
    size_t i;

    lab_start(NODES, NULL);
    ps_list(PS_ANY, &before);
    lab_up(NULL);
    ps_list(PS_ANY, &after);
    cr_assert_eq(before.count, after.count);
    for (i = 0; i < before.count; i++) {
        cr_assert_eq(before.items[i].pid, after.items[i].pid, "%s", before.items[i].command);
    }
    lab_close();
}

/* In the foreground, Ctrl-C stops everything that was started; the state stays. */
Test(lifecycle, an_interrupt_stops_what_up_started)
{
    struct process *up;
    struct ps_list left;
    char network[32];

    lab_write_spec(NODES, "");
    lab_tell_logs_on_failure();
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    up = process_startl("up", scene_program("muster").text, "up", "-f", lab_spec().text,
                        "--network", network, "--state-dir", lab_state().text, NULL);
    cr_assert(process_wait_output(up, "config get cluster"), "%s", process_output(up));
    lab_note_partitions();
    must_agree(NODES, 1);
    process_signal(up, SIGINT);
    cr_assert_eq(process_wait(up), 0, "%s", process_output(up));
    ps_list(PS_ANY, &left);
    cr_assert_eq(left.count, 0, "%d %s", (int)left.items[0].pid, left.items[0].command);

    MUST_OK("up", "--detach", "--timeout", "60s");
    must_agree(NODES, 1);
    lab_close();
}
