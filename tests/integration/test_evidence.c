/*
 * What clients were told is known, and a leaver goes when all of them know that it left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/lab.h"
#include "support/certs.h"
#include "support/net.h"

#define CLIENT_A 201 /* addresses of the scene that no node has */
#define CLIENT_B 202
#define DRAIN "50s"
#define DRAIN_MS 50000U

TestSuite(evidence, .timeout = 150);

/* A client that connects anew for each request: counting connections may never see it. */
static void poll_once(unsigned client, const char *ip, uint16_t port)
{
    char *reply =
        net_ask_from(scene_ip(client).text, ip, port, "config get cluster\r\n", "END\r\n");

    must_say(reply, "CONFIG cluster 0 ");
    free(reply);
}

static struct listing list_of(const char *ip)
{
    struct listing listing;

    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    return listing;
}

static size_t running(void)
{
    return fleet_nodes_on(1) + fleet_nodes_on(2);
}

static void begin_unasked(const char *ends)
{
    char extra[128];

    fleet_start(2, NULL);
    (void)snprintf(extra, sizeof(extra), "  rollout:\n    drain: " DRAIN "\n    drainEnds: %s\n",
                   ends);
    lab_write_spec(3, extra);
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
}

static struct listing begin(const char *ends)
{
    struct run_result result;

    begin_unasked(ends);
    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    result.out[strcspn(result.out, ":")] = '\0';
    return list_of(result.out);
}

static bool lists_client(const char *part, const char *node)
{
    struct run_result result;

    MUST_MUSTER(&result, 0, "get", "clients", LAB_CLUSTER, "-o", "json");
    return strstr(result.out, part) != NULL && strstr(result.out, node) != NULL;
}

/* Soon: nodes gather what they tell now and then. */
static void must_list_client(unsigned client, uint32_t version, const char *node)
{
    char part[128];

    (void)snprintf(part, sizeof(part), "\"address\": \"%s\",\n    \"version\": %u,",
                   scene_ip(client).text, version);
    cr_assert(WITHIN(LAB_PATIENCE_MS, lists_client(part, node)), "'%s' is missing", part);
}

Test(evidence, clients_are_listed_with_what_they_were_handed)
{
    const struct listing listing = begin("clients");
    struct run_result result;

    poll_once(CLIENT_A, listing.nodes[0].ip, LAB_DATA_PORT);
    poll_once(CLIENT_A, listing.nodes[1].ip, LAB_DISCOVERY_PORT);
    poll_once(CLIENT_B, listing.nodes[2].ip, LAB_DATA_PORT);
    must_list_client(CLIENT_A, listing.version, "\"0002\"");
    must_list_client(CLIENT_B, listing.version, "\"0003\"");
    MUST_MUSTER(&result, 0, "get", "clients");
    must_say(result.out, scene_ip(CLIENT_A).text);
    must_say(result.out, "0001, 0002\n");

    /* A node that can't be asked is named; what the others tell is told. */
    fleet_kill_host(fleet_host_of(listing.nodes[2].ip));
    MUST_MUSTER(&result, 0, "get", "clients", LAB_CLUSTER);
    must_say(result.err, " does not tell its clients: ");
    fleet_close();
}

Test(evidence, a_leaver_goes_when_all_that_polled_know_that_it_left)
{
    const struct listing before = begin("evidence");
    uint64_t since_ms;

    poll_once(CLIENT_A, before.nodes[0].ip, LAB_DATA_PORT);
    poll_once(CLIENT_B, before.nodes[2].ip, LAB_DATA_PORT);
    since_ms = clock_mono_ms();
    MUST_OK("scale", LAB_CLUSTER, "--nodes", "2");
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     etcdview_has("clusters/" LAB_CLUSTER "/status", "\"await-pollers\"")));
    poll_once(CLIENT_A, before.nodes[0].ip, LAB_DATA_PORT);
    must_list_client(CLIENT_A, list_of(before.nodes[0].ip).version, "\"0001\"");
    must_list_client(CLIENT_B, before.version, "\"0003\"");
    cr_assert_eq(running(), 3, "one has the list before");

    poll_once(CLIENT_B, before.nodes[1].ip, LAB_DISCOVERY_PORT);
    cr_assert(WITHIN(LAB_PATIENCE_MS, running() == 2));
    cr_assert_lt(clock_mono_ms(), since_ms + DRAIN_MS, "it had all of its time");
    must_converge();
    fleet_close();
}

/* For all programs that are started from now on: the options' variables. */
static void require_tls(void)
{
    static const char *const variables[] = { "MUSTER_DISCOVERY_CERT", "MUSTER_DISCOVERY_CA",
                                             "MUSTER_DISCOVERY_CLIENT_CA" };
    const struct cert node = cert_make_for("node", "DNS:muster-node");
    size_t i;

    for (i = 0; i < ARRAY_COUNT(variables); i++) {
        cr_assert_eq(setenv(variables[i], node.cert.text, 1), 0);
    }
    cr_assert_eq(setenv("MUSTER_DISCOVERY_KEY", node.key.text, 1), 0);
    cr_assert_eq(setenv("MUSTER_DISCOVERY_NAME", "muster-node", 1), 0);
    cr_assert_eq(setenv("MUSTER_DISCOVERY_TLS", "require", 1), 0);
}

static bool nodes_are_watched(void)
{
    struct run_result result;

    MUST_MUSTER(&result, 0, "describe", "cluster", LAB_CLUSTER);
    return strstr(result.out, " watched ") != NULL;
}

static bool all_know(unsigned client)
{
    struct run_result result;

    MUST_MUSTER(&result, 0, "get", "clients", LAB_CLUSTER);
    return strstr(result.out, scene_ip(client).text) != NULL &&
           strstr(result.out, " 0001, 0002, 0003\n") != NULL;
}

/* What watchers and controllers ask is no evidence of clients. */
Test(evidence, nobody_of_muster_itself_is_a_client)
{
    struct run_result result;
    unsigned node;

    begin_unasked("evidence");
    cr_assert(WITHIN(LAB_PATIENCE_MS, nodes_are_watched()));
    for (node = 0; node < 3; node++) {
        poll_once(CLIENT_A, node == 2 ? scene_ip(FLEET_FIRST(2)).text : scene_ip(node + 1).text,
                  LAB_DATA_PORT);
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, all_know(CLIENT_A)));
    MUST_MUSTER(&result, 0, "get", "clients", LAB_CLUSTER, "-o", "name");
    cr_expect_eq(strchr(result.out, '\n'), result.out + strlen(result.out) - 1, "%s", result.out);
    fleet_close();
}

Test(evidence, it_is_gathered_in_tls_where_ports_take_nothing_else)
{
    struct run_result result;
    struct listing before;
    uint64_t since_ms;

    require_tls();
    before = begin("evidence");
    poll_once(CLIENT_A, before.nodes[0].ip, LAB_DATA_PORT);
    must_list_client(CLIENT_A, before.version, "\"0001\"");
    cr_assert(WITHIN(LAB_PATIENCE_MS, nodes_are_watched()));

    since_ms = clock_mono_ms();
    MUST_OK("scale", LAB_CLUSTER, "--nodes", "2");
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     etcdview_has("clusters/" LAB_CLUSTER "/status", "\"await-pollers\"")));
    poll_once(CLIENT_A, before.nodes[1].ip, LAB_DATA_PORT);
    (void)list_of(before.nodes[1].ip); /* the other one that has asked */
    cr_assert(WITHIN(LAB_PATIENCE_MS, running() == 2));
    cr_assert_lt(clock_mono_ms(), since_ms + DRAIN_MS, "it had all of its time");
    must_converge();

    /* Who is told nothing of TLS learns why nobody answers. */
    cr_assert_eq(unsetenv("MUSTER_DISCOVERY_CA"), 0);
    cr_assert_eq(unsetenv("MUSTER_DISCOVERY_NAME"), 0);
    MUST_MUSTER(&result, 1, "get", "clients", LAB_CLUSTER);
    must_say(result.err, "--discovery-ca");
    must_say(result.err, "no node tells its clients");
    fleet_close();
}
