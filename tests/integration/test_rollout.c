/*
 * New settings on their way through a cluster: paused, resumed, undone, and stuck.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/lab.h"
#include "integration/ps.h"

#define NODES 3
#define QUIET_MS 1500

TestSuite(rollout, .timeout = 150);

static void apply_within(const char *settings, const char *deadline)
{
    char spec[1024];

    (void)snprintf(spec, sizeof(spec),
                   "  nodes: %d\n%s  rollout:\n    drain: 1s\n    progressDeadline: %s\n", NODES,
                   settings, deadline);
    MUST_OK("apply", "-f", lab_write_cluster("spec.yaml", LAB_CLUSTER, spec).text);
}

static void apply(const char *settings)
{
    apply_within(settings, "60s");
}

/* The nodes that run with an option, of those that run at all. */
static size_t running_with(const char *option, size_t *all)
{
    struct ps_list list;
    size_t count = 0;
    size_t i;

    ps_list(PS_MEMCACHED, &list);
    for (i = 0; i < list.count; i++) {
        count += strstr(list.items[i].command, option) != NULL ? 1 : 0;
    }
    if (all != NULL) {
        *all = list.count;
    }
    return count;
}

static void must_run_with(const char *option)
{
    size_t all;
    size_t count = running_with(option, &all);

    cr_assert_eq(all, NODES);
    cr_assert_eq(count, NODES, "%zu of %zu run with %s", count, all, option);
}

Test(rollout, is_paused_resumed_and_undone)
{
    struct run_result result;
    char why[512];

    fleet_start(1, NULL);
    apply("  memory: 16Mi\n");
    MUST_MUSTER(&result, 0, "rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_say(result.out, "cluster/" LAB_CLUSTER " rolled out\n");
    must_run_with("-m 16 ");

    MUST_OK("rollout", "pause", LAB_CLUSTER);
    apply("  memory: 32Mi\n");
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     etcdview_has("clusters/" LAB_CLUSTER "/status", "\"RolloutPaused\"")));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));
    must_run_with("-m 16 ");
    MUST_MUSTER(&result, 0, "rollout", "status", LAB_CLUSTER, "--no-wait");
    must_say(result.out, "generation 2: 0 of 3 nodes updated");
    must_say(result.out, "paused (muster rollout resume " LAB_CLUSTER ")");
    MUST_MUSTER(&result, 7, "rollout", "status", LAB_CLUSTER, "--timeout", "1s");

    MUST_OK("rollout", "resume", LAB_CLUSTER);
    MUST_MUSTER(&result, 0, "rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_say(result.out, "generation 2: 3 of 3 nodes updated, 3 converged");
    must_run_with("-m 32 ");
    cr_assert(ask_all_agree(NODES, 1, why, sizeof(why)), "%s", why);

    MUST_MUSTER(&result, 0, "rollout", "history", LAB_CLUSTER);
    must_say(result.out, "created: 3 nodes of 16Mi\n2 (current) ");
    must_say(result.out, "memory 16Mi -> 32Mi\n");
    MUST_MUSTER(&result, 0, "rollout", "undo", LAB_CLUSTER);
    must_say(result.out, "generation 3 is generation 1 again: memory 32Mi -> 16Mi\n");
    MUST_OK("rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_run_with("-m 16 ");
    cr_assert(ask_all_agree(NODES, 1, why, sizeof(why)), "%s", why);
    fleet_close();
}

static bool is_among(pid_t pid, const struct ps_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (list->items[i].pid == pid) {
            return true;
        }
    }
    return false;
}

Test(rollout, starts_every_node_anew_when_somebody_asks)
{
    struct ps_list before;
    struct ps_list after;
    struct run_result result;
    char why[512];
    size_t i;

    fleet_start(1, NULL);
    apply("  memory: 16Mi\n");
    MUST_OK("rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    ps_list(PS_MEMCACHED, &before);

    MUST_OK("restart", LAB_CLUSTER);
    MUST_MUSTER(&result, 0, "rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_say(result.out, "generation 2: 3 of 3 nodes updated, 3 converged");
    ps_list(PS_MEMCACHED, &after);
    cr_assert_eq(after.count, NODES);
    for (i = 0; i < after.count; i++) {
        cr_expect_not(is_among(after.items[i].pid, &before));
    }
    cr_assert(ask_all_agree(NODES, 1, why, sizeof(why)), "%s", why);
    MUST_MUSTER(&result, 0, "get", "events", LAB_CLUSTER);
    must_say(result.out, "an operator asked for it");
    MUST_MUSTER(&result, 0, "rollout", "history", LAB_CLUSTER);
    must_say(result.out, "restarted\n");

    /* The spec that was applied knows nothing of it, and does not take it back. */
    apply("  memory: 16Mi\n");
    MUST_MUSTER(&result, 0, "rollout", "status", LAB_CLUSTER, "--no-wait");
    must_say(result.out, "generation 2: 3 of 3 nodes updated");
    fleet_close();
}

/* A memcached that can't be started with 32 MiB. */
static struct scene_path fussy_memcached(void)
{
    struct scene_path path = scene_write("fussy", "#!/bin/sh\n"
                                                  "case \"$*\" in *'-m 32 '*) exit 71 ;; esac\n"
                                                  "exec /usr/bin/memcached \"$@\"\n");

    cr_assert_eq(chmod(path.text, 0755), 0);
    return path;
}

/* What can't work costs one node, not all; the way back is open. */
Test(rollout, that_makes_no_progress_stops_keeps_what_works_and_is_undone)
{
    struct run_result result;
    size_t all;

    fleet_start(1, fussy_memcached().text);
    apply("  memory: 16Mi\n");
    MUST_OK("rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    apply_within("  memory: 32Mi\n", "5s");
    MUST_MUSTER(&result, 1, "rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_say(result.err, "has stopped for want of progress");
    cr_assert_eq(running_with("-m 16 ", &all), NODES - 1);
    MUST_MUSTER(&result, 0, "describe", "cluster", LAB_CLUSTER);
    must_say(result.out, "ProgressDeadlineExceeded");
    MUST_OK("rollout", "undo", LAB_CLUSTER);
    MUST_OK("rollout", "status", LAB_CLUSTER, "--timeout", "60s");
    must_run_with("-m 16 ");
    fleet_close();
}
