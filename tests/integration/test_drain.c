/*
 * Hosts taken out of use, under the eyes of clients that ask and of one that follows the list.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/follower.h"
#include "integration/lab.h"
#include "integration/sampler.h"

#define QUIET_MS 1500

TestSuite(drain, .timeout = 150);

/* A fleet of `hosts` hosts with a cluster of `nodes` nodes. */
static void begin(unsigned hosts, unsigned nodes)
{
    fleet_start(hosts, NULL);
    lab_write_spec(nodes, "  rollout:\n    drain: 2s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
}

/* The address that `muster endpoint` tells, without its port. */
static struct scene_ip endpoint(void)
{
    struct run_result result;
    struct scene_ip ip = { "" };

    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    (void)snprintf(ip.text, sizeof(ip.text), "%.*s", (int)strcspn(result.out, ":"), result.out);
    return ip;
}

static void must_list(struct listing *out, size_t nodes)
{
    struct scene_ip ip = endpoint();

    cr_assert_eq(ask_cluster(ip.text, LAB_DATA_PORT, ASK_CONFIG, out), ASK_LISTED);
    cr_assert_eq(out->count, nodes, "%s", out->payload);
}

static size_t listed_on(const struct listing *listing, unsigned host)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < listing->count; i++) {
        count += fleet_host_of(listing->nodes[i].ip) == host ? 1 : 0;
    }
    return count;
}

static bool can_get(const char *ip, const char *value)
{
    char reply[ASK_REPLY_SIZE];

    (void)ask(ip, LAB_DATA_PORT, "get kept\r\n", "END\r\n", reply, sizeof(reply));
    return strstr(reply, value) != NULL;
}

static void keep(const struct listing *listing)
{
    size_t i;

    for (i = 0; i < listing->count; i++) {
        char reply[ASK_REPLY_SIZE];
        char request[64];

        (void)snprintf(request, sizeof(request), "set kept 0 0 2\r\n#%zu\r\n", i % 10);
        (void)ask(listing->nodes[i].ip, LAB_DATA_PORT, request, "STORED\r\n", reply, sizeof(reply));
        must_say(reply, "STORED");
    }
}

/*
 * The nodes of the host move one after the other, each only when its successor serves; all others
 * stay where they are, with what they cache, and no client is ever sent to nobody.
 */
Test(drain, moves_the_nodes_of_the_host_and_no_others)
{
    static struct sampler sampler;
    static struct follower follower;
    struct run_result result;
    struct listing before;
    struct listing after;
    size_t i;

    begin(3, 6);
    must_list(&before, 6);
    cr_assert_eq(listed_on(&before, 2), 2, "%s", before.payload);
    keep(&before);
    sampler_start(&sampler, 3 * FLEET_NODES_PER_HOST);
    follower_start(&follower, endpoint().text);
    follower_must_go_round(&follower);

    MUST_MUSTER(&result, 0, "drain", "h2", "--reason", "new kernel", "--timeout", "90s");
    must_say(result.out, "host/h2 draining\n");
    must_say(result.out, " gets a successor on h");
    must_say(result.out, " is listed in its place\n");
    must_say(result.out, " has left the host\n");
    must_say(result.out, "host/h2 drained\n");
    cr_assert_eq(fleet_nodes_on(2), 0);
    must_converge();
    must_list(&after, 6);
    for (i = 0; i < 6; i++) {
        bool moved = fleet_host_of(before.nodes[i].ip) == 2;

        cr_assert_eq(moved, strcmp(before.nodes[i].ip, after.nodes[i].ip) != 0, "place %zu of %s",
                     i, after.payload);
        cr_assert(moved || can_get(after.nodes[i].ip, "#"), "%s lost its cache", after.nodes[i].ip);
    }
    cr_assert_eq(listed_on(&after, 2), 0, "%s", after.payload);
    follower_must_go_round(&follower);
    sampler_must_go_round(&sampler);

    /* Back in use, it takes new nodes; nothing moves back by itself. */
    MUST_MUSTER(&result, 0, "get", "hosts");
    must_say(result.out, ": new kernel");
    MUST_OK("uncordon", "h2");
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));
    cr_assert_eq(fleet_nodes_on(2), 0);
    must_scale(7);
    cr_assert_eq(fleet_nodes_on(2), 1);
    follower_stop(&follower);
    sampler_stop(&sampler);
    fleet_close();
}

Test(drain, a_cordoned_host_keeps_its_nodes_and_takes_no_new_ones)
{
    struct run_result result;

    begin(2, 2);
    MUST_OK("cordon", "h2");
    must_scale(5);
    cr_assert_eq(fleet_nodes_on(1), 4);
    cr_assert_eq(fleet_nodes_on(2), 1);
    MUST_MUSTER(&result, 0, "describe", "cluster", LAB_CLUSTER);
    must_say(result.out, "h2 is cordoned for ");
    fleet_close();
}

/* Nowhere to go: the nodes stay and serve, the operator learns why, and then it goes on. */
Test(drain, that_finds_no_place_says_so_and_breaks_nothing)
{
    static struct follower follower;
    struct run_result result;

    begin(2, 2);
    follower_start(&follower, endpoint().text);
    MUST_OK("cordon", "h1");
    MUST_MUSTER(&result, 7, "drain", "h2", "--timeout", "8s");
    must_say(result.out, "is held up: ");
    must_say(result.err, "host 'h2' is not drained, it goes on: 1 node is left");
    must_say(result.err, "h1: cordoned");
    cr_assert_eq(fleet_nodes_on(2), 1);
    follower_must_go_round(&follower);
    MUST_OK("uncordon", "h1");
    MUST_OK("drain", "h2", "--timeout", "60s");
    cr_assert_eq(fleet_nodes_on(2), 0);
    cr_assert_eq(fleet_nodes_on(1), 2);
    follower_must_go_round(&follower);
    follower_stop(&follower);
    fleet_close();
}

/* Both hosts that die hold more than half: nothing is replaced until somebody says they are dead.
 */
Test(drain, a_mass_failure_waits_for_an_operator_who_confirms_it)
{
    struct run_result result;
    struct listing listing;

    fleet_start(3, NULL);
    lab_write_spec(3, "  rollout:\n    drain: 1s\n  repair:\n    failAfter: 1s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    fleet_kill_host(2);
    fleet_kill_host(3);
    cr_assert(
        WITHIN(LAB_PATIENCE_MS, etcdview_has("clusters/" LAB_CLUSTER "/status", "\"MassFailure\"")),
        "nothing is held back");
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));
    cr_assert_eq(fleet_nodes_on(1), 1, "replaced unasked");
    MUST_MUSTER(&result, 0, "repair", "confirm", LAB_CLUSTER);
    must_say(result.out, "on h2 at ");
    must_say(result.out, "on h3 at ");
    must_say(result.out, "2 nodes are to be replaced");
    cr_assert(WITHIN(LAB_PATIENCE_MS, fleet_nodes_on(1) == 3), "nothing is replaced");
    must_converge();
    must_list(&listing, 3);
    cr_assert_eq(listed_on(&listing, 1), 3, "%s", listing.payload);
    fleet_close();
}
