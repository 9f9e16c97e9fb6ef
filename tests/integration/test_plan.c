/*
 * A plan is what then happens: the processes that start, stop and restart, the version and the
 * list in the end are counted from outside and compared. Plans and explanations write nothing, and
 * name what is in the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/lab.h"
#include "integration/ps.h"

#define QUIET_MS 1500
#define SLOTS_MAX 8

TestSuite(plan, .timeout = 180);

/* The memcached at each address of the lab; 0: none. */
struct processes {
    pid_t pids[SLOTS_MAX + 1];
    size_t count;
};

struct change {
    unsigned long starts;
    unsigned long restarts;
    unsigned long stops;
};

static void processes_look(struct processes *out)
{
    unsigned i;

    *out = (struct processes){ .count = 0 };
    for (i = 1; i <= SLOTS_MAX; i++) {
        struct scene_ip address = scene_ip(i);

        out->pids[i] = ps_memcached(address.text);
        out->count += out->pids[i] != 0 ? 1 : 0;
    }
}

static struct change processes_compare(const struct processes *before,
                                       const struct processes *after)
{
    struct change change = { .starts = 0 };
    unsigned i;

    for (i = 1; i <= SLOTS_MAX; i++) {
        pid_t old = before->pids[i];
        pid_t now = after->pids[i];

        change.starts += old == 0 && now != 0 ? 1 : 0;
        change.stops += old != 0 && now == 0 ? 1 : 0;
        change.restarts += old != 0 && now != 0 && old != now ? 1 : 0;
    }
    return change;
}

static bool running(size_t count)
{
    struct ps_list list;

    ps_list(PS_MEMCACHED, &list);
    return list.count == count;
}

/* A number of the plan's JSON, by its name, which stands there once. */
static unsigned long number(const char *json, const char *name)
{
    char quoted[64];
    const char *found;

    (void)snprintf(quoted, sizeof(quoted), "\"%s\": ", name);
    found = strstr(json, quoted);
    cr_assert_not_null(found, "no %s in:\n%s", name, json);
    return strtoul(found + strlen(quoted), NULL, 10);
}

/* `muster plan` on the lab's spec; the exit code is that of changes. */
static void must_plan(struct run_result *plan)
{
    MUST_MUSTER(plan, 2, "plan", "-f", lab_spec().text, "-o", "json");
}

/* Apply the lab's spec, and see that all came as the plan says. */
static void must_come_true(const struct run_result *plan, unsigned nodes)
{
    const char *json = plan->out;
    struct processes before;
    struct processes after;
    struct change change;
    struct listing listing;
    struct scene_ip address;
    unsigned i;

    processes_look(&before);
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, running(nodes)), "%u nodes are to be left", nodes);
    processes_look(&after);
    change = processes_compare(&before, &after);
    cr_expect_eq(change.starts, number(json, "starts"));
    cr_expect_eq(change.restarts, number(json, "restarts"));
    cr_expect_eq(change.stops, number(json, "stops"));

    address = scene_ip(1);
    cr_assert_eq(ask_cluster(address.text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_expect_eq(listing.version, number(json, "versionAfter"));
    cr_expect_eq(listing.count, nodes);
    for (i = 0; i < listing.count; i++) {
        char planned[SCENE_IP_SIZE + 64];

        (void)snprintf(planned, sizeof(planned), "\"address\": \"%s:%u\"", listing.nodes[i].ip,
                       (unsigned)listing.nodes[i].port);
        cr_expect_not_null(strstr(json, planned), "%s is listed, but not planned", planned);
    }
}

Test(plan, what_it_says_of_growth_and_new_settings_comes_true)
{
    struct run_result plan;

    lab_start(3, NULL);
    (void)lab_write_cluster("spec.yaml", LAB_CLUSTER,
                            "  nodes: 5\n  memory: 32Mi\n  rollout:\n    drain: 2s\n");
    must_plan(&plan);
    cr_expect_eq(number(plan.out, "starts"), 2);
    cr_expect_eq(number(plan.out, "restarts"), 3);
    must_come_true(&plan, 5);
    lab_close();
}

Test(plan, what_it_says_of_shrinking_comes_true)
{
    struct run_result plan;

    lab_start(4, NULL);
    lab_write_spec(2, "  rollout:\n    drain: 2s\n");
    must_plan(&plan);
    cr_expect_eq(number(plan.out, "stops"), 2);
    must_come_true(&plan, 2);
    lab_close();
}

/* What each plan exits with and says. Whether nothing was written meanwhile: where the machine
 * stood still, a lease may have run out. */
static bool plans_write_nothing(void)
{
    struct run_result plan;
    uint64_t revision = etcdview_revision();

    lab_write_spec(2, "  rollout:\n    drain: 2s\n");
    MUST_MUSTER(&plan, 0, "plan", "-f", lab_spec().text);
    must_say(plan.out, "Cluster " LAB_CLUSTER ": no changes.\n");
    lab_write_spec(3, "  rollout:\n    drain: 2s\n");
    MUST_MUSTER(&plan, 2, "plan", "-f", lab_spec().text);
    must_say(plan.out, "  ~   nodes   2     3\n");
    must_say(plan.out, "Plan: 1 to start, 0 to stop, 0 to restart in place");
    MUST_MUSTER(&plan, 2, "plan", "--delete", LAB_CLUSTER);
    must_say(plan.out, "Plan: 0 to start, 2 to stop");
    (void)lab_write_cluster("two.yaml", "second",
                            "  nodes: 1\n---\napiVersion: muster/v1\nkind: MemcachedCluster\n"
                            "metadata:\n  name: third\nspec:\n  nodes: 1\n");
    MUST_MUSTER(&plan, 2, "plan", "-f", scene_path("two.yaml").text);
    must_say(plan.out, "Cluster second will be created.\n");
    must_say(plan.out, "start 0001 on ");
    must_say(plan.out, scene_ip(3).text); /* the second's place */
    must_say(plan.out, scene_ip(4).text); /* is not the third's */
    MUST_MUSTER(&plan, 2, "plan", "--drain", "local");
    must_say(plan.out, "  ! Unschedulable (NoHostForSuccessor): ");
    MUST_MUSTER(&plan, 1, "plan", "--drain", "elsewhere");
    must_say(plan.err, "there is no host 'elsewhere'");
    MUST_MUSTER(&plan, 1, "plan", "--delete", "nobody");
    must_say(plan.err, "there is no cluster 'nobody'");
    MUST_MUSTER(&plan, 1, "plan");
    (void)lab_write_cluster("bad.yaml", "bad", "  nodes: 0\n");
    MUST_MUSTER(&plan, 1, "plan", "-f", scene_path("bad.yaml").text);
    must_say(plan.err, "spec.nodes: must be between 1 and 1024, got 0");
    return etcdview_revision() == revision;
}

/* The exit code tells of changes, and nothing else than a change is told by it. */
Test(plan, it_writes_nothing_and_tells_by_its_exit_code)
{
    lab_start(2, NULL);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)), "etcd finds no rest");
    cr_expect(WITHIN(LAB_PATIENCE_MS / 6, plans_write_nothing()), "a plan has written");
    lab_close();
}

static bool is_in(const struct ps_list *list, pid_t pid)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (list->items[i].pid == pid) {
            return true;
        }
    }
    return false;
}

static size_t count_new(const struct ps_list *before, const struct ps_list *after)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < after->count; i++) {
        count += is_in(before, after->items[i].pid) ? 0 : 1;
    }
    return count;
}

/*
 * On several hosts nodes move: what starts and what stops are other processes. Where several go one
 * after another depends on how long each takes to stop.
 */
static void must_move(const struct run_result *plan, unsigned nodes, uint32_t *version)
{
    static struct ps_list before;
    static struct ps_list after;
    struct run_result endpoint;
    struct listing listing;
    char ip[SCENE_IP_SIZE];
    bool drains = strstr(plan->out, "\"action\": \"drain\"") != NULL;
    unsigned i;

    ps_list(PS_MEMCACHED, &before);
    if (drains) {
        MUST_OK("drain", "h2", "--timeout", "90s");
    } else {
        MUST_OK("apply", "-f", lab_spec().text);
    }
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, running(nodes)), "%u nodes are to be left", nodes);
    ps_list(PS_MEMCACHED, &after);
    cr_expect_eq(count_new(&before, &after), number(plan->out, "starts"));
    cr_expect_eq(count_new(&after, &before), number(plan->out, "stops"));
    cr_expect_eq(number(plan->out, "restarts"), 0);

    MUST_MUSTER(&endpoint, 0, "endpoint", LAB_CLUSTER);
    (void)snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(endpoint.out, ":"), endpoint.out);
    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_expect_eq(listing.version - *version, number(plan->out, "versions"));
    cr_expect_eq(listing.version, number(plan->out, "versionAfter"));
    for (i = 0; drains && i < listing.count; i++) {
        char planned[SCENE_IP_SIZE + 64];

        (void)snprintf(planned, sizeof(planned), "\"address\": \"%s:%u\"", listing.nodes[i].ip,
                       (unsigned)listing.nodes[i].port);
        cr_expect_not_null(strstr(plan->out, planned), "%s is listed, but not planned", planned);
    }
    *version = listing.version;
}

/* A host is drained; then new settings come where no node may be taken down for them. */
Test(plan, what_it_says_of_moves_comes_true)
{
    struct run_result plan;
    uint32_t version = 1;

    fleet_start(3, NULL);
    lab_write_spec(3, "  rollout:\n    drain: 2s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    MUST_MUSTER(&plan, 2, "plan", "--drain", "h2", "-o", "json");
    cr_expect_eq(number(plan.out, "moves"), 1);
    must_move(&plan, 3, &version);
    MUST_MUSTER(&plan, 0, "plan", "--drain", "h2");
    MUST_OK("uncordon", "h2");

    (void)lab_write_cluster("spec.yaml", LAB_CLUSTER,
                            "  nodes: 3\n  memory: 32Mi\n"
                            "  rollout:\n    drain: 2s\n    maxUnavailable: 0\n");
    must_plan(&plan);
    cr_expect_eq(number(plan.out, "moves"), 3);
    must_move(&plan, 3, &version);
    fleet_close();
}

/* Whether nothing was written meanwhile, as above. */
static bool explanations_write_nothing(void)
{
    struct run_result result;
    uint64_t revision = etcdview_revision();

    MUST_MUSTER(&result, 0, "explain", LAB_CLUSTER);
    must_say(result.out,
             "  ! Stalled (Unschedulable): slot 0003 (and 2 more) fits on no host: local: ");
    must_say(result.out, " MiB needed");
    must_say(result.out, "  ~   0003   -       -       place ");
    MUST_MUSTER(&result, 0, "explain", LAB_CLUSTER, "--slot", "0003", "-o", "json");
    must_say(result.out, "\"kind\": \"stalled\"");
    must_say(result.out, "\"name\": \"WANTED\"");
    must_say(result.out, "\"controllerRule\": \"place\"");
    MUST_MUSTER(&result, 4, "explain", "nobody");
    MUST_MUSTER(&result, 2, "explain", LAB_CLUSTER, "--slot", "x");
    return etcdview_revision() == revision;
}

/* A node too many for the host: the explanation names it, the host and the memory. */
Test(plan, explain_names_what_is_in_the_way)
{
    struct run_result result;

    lab_start(2, NULL);
    MUST_MUSTER(&result, 0, "explain", LAB_CLUSTER);
    must_say(result.out, "  + Converged: version 1 is served.\n");
    must_say(result.out, "the same");
    (void)lab_write_cluster("spec.yaml", LAB_CLUSTER,
                            "  nodes: 3\n  memory: 4Ti\n"
                            "  rollout:\n    maxUnavailable: 0\n");
    MUST_MUSTER(&result, 2, "plan", "-f", lab_spec().text);
    must_say(result.out, "  !   0003   -      -         finds no place\n");
    must_say(result.out, "  ! Unschedulable (NoHostFits): slot 0003");
    MUST_OK("apply", "-f", lab_spec().text);
    cr_assert(
        WITHIN(LAB_PATIENCE_MS, etcdview_has("clusters/" LAB_CLUSTER "/status", "NoHostFits")));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));
    cr_expect(WITHIN(LAB_PATIENCE_MS / 6, explanations_write_nothing()),
              "an explanation has written");
    lab_close();
}
