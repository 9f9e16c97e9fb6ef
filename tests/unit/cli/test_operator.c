/* The verbs for hosts, rollouts and repair, against a real etcd. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/model_json.h"
#include "muster_run.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

#define PREFIX "/muster/v1"

static const char one_cluster[] = "apiVersion: muster/v1\n"
                                  "kind: MemcachedCluster\n"
                                  "metadata: { name: a }\n"
                                  "spec: { nodes: 1 }\n";

static struct etcd_server *begin(void)
{
    struct etcd_server *etcd = etcd_server_start();

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    return etcd;
}

static void put_host(struct etcd_server *etcd, const char *name)
{
    char key[128];
    char value[512];

    (void)snprintf(key, sizeof(key), PREFIX "/hosts/%s", name);
    (void)snprintf(value, sizeof(value),
                   "{\"name\":\"%s\",\"zone\":\"\",\"labels\":{},\"memoryBytes\":1073741824,"
                   "\"nodesMax\":4,\"ipFirst\":\"127.0.9.1\",\"ipCount\":4,\"dataPort\":11211,"
                   "\"watcherVersion\":\"0.1.0\",\"memcachedVersion\":\"1.6.18\",\"problem\":\"\"}",
                   name);
    (void)etcd_server_put(etcd, key, value);
}

static void put_intent(struct etcd_server *etcd, const char *host, const char *phase)
{
    char key[128];
    char value[512];

    (void)snprintf(key, sizeof(key), PREFIX "/intent/%s/a/0001", host);
    (void)snprintf(value, sizeof(value),
                   "{\"host\":\"%s\",\"cluster\":\"a\",\"slot\":1,\"uid\":\"0123456789abcdef\","
                   "\"phase\":\"%s\",\"phaseSinceMs\":1,\"ip\":\"127.0.9.1\",\"dataPort\":11211,"
                   "\"discoveryPort\":11210,\"settings\":{\"memoryBytes\":67108864,\"threads\":4,"
                   "\"maxConnections\":1024,\"maxItemBytes\":1048576,\"extraArgs\":[]},"
                   "\"flaps\":0,\"flappedMs\":0}",
                   host, phase);
    (void)etcd_server_put(etcd, key, value);
}

Test(operator, cordon_and_uncordon_are_states_that_are_reached_once)
{
    struct etcd_server *etcd = begin();
    uint64_t revision;

    put_host(etcd, "h1");
    EXPECT_OUTPUT("host/h1 cordoned\n", 0, "cordon", "h1", "--reason", "new kernel", NULL);
    revision = etcd_server_revision(etcd);
    EXPECT_OUTPUT("host/h1 already cordoned\n", 0, "cordon", "h1", NULL);
    cr_expect_eq(etcd_server_revision(etcd), revision, "nothing was written");
    EXPECT_PART("s: new kernel\n", 0, "get", "hosts", NULL);
    EXPECT_PART("State:        cordoned\n", 0, "describe", "host", "h1", NULL);
    EXPECT_OUTPUT("host/h1 draining\n", 0, "drain", "h1", "--no-wait", NULL);
    EXPECT_PART(" cordoned for ", 0, "get", "hosts", "h1", NULL);
    EXPECT_PART("s: new kernel\n", 0, "get", "hosts", "h1", NULL);
    EXPECT_OUTPUT("host/h1 cordoned\n", 0, "cordon", "h1", NULL);
    EXPECT_OUTPUT("host/h1 uncordoned\n", 0, "uncordon", "h1", NULL);
    EXPECT_OUTPUT("host/h1 already uncordoned\n", 0, "uncordon", "h1", NULL);
    EXPECT_PART("\"cordon\": null", 0, "get", "hosts", "h1", "-o", "json", NULL);
}

Test(operator, only_hosts_that_are_known_are_taken_out_of_use)
{
    struct etcd_server *etcd = begin();

    put_host(etcd, "h1");
    put_host(etcd, "h2");
    put_intent(etcd, "h3", "run");
    EXPECT_PART("there is no host 'h9': known are h1, h2, h3\n", 4, "cordon", "h9", NULL);
    EXPECT_PART("there is no host 'h9'", 4, "uncordon", "h9", NULL);
    EXPECT_PART("there is no host 'h9'", 4, "drain", "h9", NULL);
    EXPECT_PART("there is no host 'h9'", 4, "describe", "host", "h9", NULL);
    EXPECT_OUTPUT("host/h3 cordoned\nmuster: host h3 is away\n", 0, "cordon", "h3", NULL);
    EXPECT_PART("'H_9' can't be the name of a host", 2, "cordon", "H_9", NULL);
}

/* Whoever takes a host out of use must be able to, whatever stands in the key. */
Test(operator, garbage_in_a_cordon_is_replaced)
{
    struct etcd_server *etcd = begin();

    put_host(etcd, "h1");
    (void)etcd_server_put(etcd, PREFIX "/cordons/h1", "{garbage");
    EXPECT_OUTPUT("host/h1 uncordoned\n", 0, "uncordon", "h1", NULL);
    (void)etcd_server_put(etcd, PREFIX "/cordons/h1", "{garbage");
    EXPECT_OUTPUT("host/h1 draining\n", 0, "drain", "h1", "--no-wait", NULL);
    EXPECT_PART("cordoned for", 0, "get", "hosts", NULL);
}

/* A drain in the background, which has begun to follow. */
static struct process *start_draining(void)
{
    struct process *drain = process_startl("drain", scene_program("muster").text, "drain", "h1",
                                           "--timeout", "60s", NULL);

    cr_assert(process_wait_output(drain, "a/0001  waits for its turn\n"));
    return drain;
}

Test(operator, drain_follows_until_no_node_is_left)
{
    struct etcd_server *etcd = begin();
    struct process *drain;

    put_host(etcd, "h1");
    EXPECT_OUTPUT("host/h1 draining\nno controller leads: nothing goes on until one does\n"
                  "host/h1 drained\n",
                  0, "drain", "h1", NULL);
    put_intent(etcd, "h1", "run");
    (void)etcd_server_put(etcd, PREFIX "/leader", "c1");
    EXPECT_PART("host 'h1' is not drained, it goes on: 1 node is left; a/0001 waits for its turn",
                7, "drain", "h1", "--timeout", "2s", NULL);
    drain = start_draining();
    EXPECT_PART("host/h1 already draining", 0, "drain", "h1", "--no-wait", NULL);
    cr_assert(process_running(drain));
    (void)etcd_server_delete(etcd, PREFIX "/intent/h1/a/0001");
    cr_expect_eq(process_wait(drain), 0);
}

Test(operator, drain_ends_when_the_host_is_wanted_back)
{
    struct etcd_server *etcd = begin();
    struct process *drain;

    put_host(etcd, "h1");
    put_intent(etcd, "h1", "run");
    drain = start_draining();
    EXPECT_OUTPUT("host/h1 uncordoned\n", 0, "uncordon", "h1", NULL);
    cr_expect_eq(process_wait(drain), 5);
    cr_expect(process_wait_output(drain, "host 'h1' is no longer asked to be drained"));
}

static void apply(const char *text)
{
    EXPECT_PART("cluster/a ", 0, "apply", "-f", scene_write("one.yaml", text).text, NULL);
}

Test(operator, history_and_undo_know_what_was_applied)
{
    struct etcd_server *etcd = begin();

    apply(one_cluster);
    EXPECT_PART("cluster 'a' has no former generation", 4, "rollout", "undo", "a", NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "4", NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "2", NULL);
    EXPECT_PART("created: 1 node of 64Mi\n2 ", 0, "rollout", "history", "a", NULL);
    EXPECT_PART("nodes 1 -> 4\n3 (current) ", 0, "rollout", "history", "a", NULL);
    EXPECT_PART("nodes 4 -> 2\n", 0, "rollout", "history", "a", NULL);
    EXPECT_OUTPUT("cluster/a undone: generation 4 is generation 2 again: nodes 2 -> 4\n", 0,
                  "rollout", "undo", "a", NULL);
    EXPECT_OUTPUT("cluster/a undone: generation 5 is generation 1 again: nodes 4 -> 1\n", 0,
                  "rollout", "undo", "a", "--to-generation", "1", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "rollout", "undo", "a", "--to-generation", "3",
                  "--to-generation", "5", NULL);
    EXPECT_PART("generation 9 of cluster 'a' is not kept", 4, "rollout", "undo", "a",
                "--to-generation", "9", NULL);
    EXPECT_PART("\"generation\": 5", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_PART("\"generation\": 2", 0, "rollout", "history", "a", "-o", "json", NULL);
    etcd_server_kill(etcd);
}

Test(operator, the_last_twenty_generations_are_kept)
{
    struct etcd_server *etcd = begin();
    char nodes[16];
    int i;

    apply(one_cluster);
    for (i = 2; i <= 23; i++) {
        (void)snprintf(nodes, sizeof(nodes), "%d", i);
        EXPECT_OUTPUT("cluster/a scaled\n", 0, "scale", "a", "--nodes", nodes, NULL);
    }
    EXPECT_PART("CHANGE\n4              ", 0, "rollout", "history", "a", NULL);
    EXPECT_PART("is not kept", 4, "rollout", "undo", "a", "--to-generation", "3", NULL);
    EXPECT_PART("nodes 23 -> 4", 0, "rollout", "undo", "a", "--to-generation", "4", NULL);
    etcd_server_kill(etcd);
}

Test(operator, pause_and_resume_are_no_new_generation)
{
    struct etcd_server *etcd = begin();
    uint64_t revision;

    apply(one_cluster);
    EXPECT_OUTPUT("cluster/a paused\n", 0, "rollout", "pause", "a", NULL);
    revision = etcd_server_revision(etcd);
    EXPECT_OUTPUT("cluster/a already paused\n", 0, "rollout", "pause", "a", NULL);
    cr_expect_eq(etcd_server_revision(etcd), revision, "nothing was written");
    EXPECT_PART("Rollout:      paused (muster rollout resume a)", 0, "describe", "cluster", "a",
                NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "4", NULL);
    EXPECT_PART("\"paused\": true", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_OUTPUT("cluster/a resumed\n", 0, "rollout", "resume", "a", NULL);
    EXPECT_PART("\"paused\": false", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_PART("\"generation\": 2", 0, "get", "cluster", "a", "-o", "json", NULL);
}

static void put_status(struct etcd_server *etcd, const char *uid, const char *conditions,
                       const char *slots)
{
    char value[2048];

    (void)snprintf(
        value, sizeof(value),
        "{\"observedGeneration\":1,\"uid\":\"%s\",\"version\":3,\"nodesWanted\":1,"
        "\"nodesReady\":1,\"nodesConverged\":1,\"nodesUpdated\":1,\"progressMs\":0,\"resumedMs\":0,"
        "\"conditions\":[%s],\"slots\":[%s]}",
        uid, conditions, slots);
    (void)etcd_server_put(etcd, PREFIX "/clusters/a/status", value);
}

/* The uid that `apply` gave the cluster. */
static void read_uid(char uid[UID_TEXT_SIZE])
{
    CLEANUP(mem_free_p) char *json = muster_run(0, "get", "cluster", "a", "-o", "json", NULL);
    const char *at = strstr(json, "\"uid\": \"");

    cr_assert_not_null(at, "%s", json);
    (void)snprintf(uid, UID_TEXT_SIZE, "%s", at + strlen("\"uid\": \""));
}

Test(operator, status_tells_the_end_by_its_exit_code)
{
    struct etcd_server *etcd = begin();
    char uid[UID_TEXT_SIZE];

    EXPECT_PART("there is no cluster 'a'", 4, "rollout", "status", "a", NULL);
    apply(one_cluster);
    read_uid(uid);
    EXPECT_OUTPUT("generation 1: no controller has taken it up yet\n", 0, "rollout", "status", "a",
                  "--no-wait", NULL);
    EXPECT_PART("the rollout of cluster 'a' is not at its end: generation 1: no controller", 7,
                "rollout", "status", "a", "--timeout", "2s", NULL);
    put_status(etcd, uid,
               "{\"type\":\"Converged\",\"status\":true,\"reason\":\"Converged\",\"message\":\"\","
               "\"sinceMs\":5}",
               "");
    EXPECT_OUTPUT("generation 1: 1 of 1 nodes updated, 1 converged, version 3 is served\n"
                  "cluster/a rolled out\n",
                  0, "rollout", "status", "a", NULL);
    put_status(etcd, uid,
               "{\"type\":\"Progressing\",\"status\":false,\"reason\":\"ProgressDeadlineExceeded\","
               "\"message\":\"no progress for 10m\",\"sinceMs\":5}",
               "");
    EXPECT_PART("; no progress for 10m\nmuster: the rollout of cluster 'a' has stopped", 1,
                "rollout", "status", "a", NULL);
    EXPECT_PART("deleting", 0, "delete", "cluster", "a", NULL);
    EXPECT_PART("cluster 'a' is being deleted", 5, "rollout", "status", "a", NULL);
}

Test(operator, repair_confirms_those_that_look_dead)
{
    struct etcd_server *etcd = begin();
    uint64_t revision;
    char uid[UID_TEXT_SIZE];

    apply(one_cluster);
    read_uid(uid);
    revision = etcd_server_revision(etcd);
    EXPECT_OUTPUT("cluster/a unchanged: no node looks dead\n", 0, "repair", "confirm", "a", NULL);
    cr_expect_eq(etcd_server_revision(etcd), revision, "nothing was written");
    put_status(
        etcd, uid, "",
        "{\"slot\":1,\"host\":\"h1\",\"ip\":\"127.0.9.1\",\"dataPort\":11211,\"phase\":\"run\","
        "\"state\":\"silent\",\"partition\":\"none\",\"version\":0,\"listed\":true,"
        "\"rule\":\"hold-mass\",\"sinceMs\":1,\"silentSinceMs\":1,"
        "\"unreachableSinceMs\":1}");
    EXPECT_PART("a/0001  on h1 at 127.0.9.1:11211: silent for ", 0, "repair", "confirm", "a", NULL);
    EXPECT_PART("cluster/a confirmed: 1 node is to be replaced\n", 0, "repair", "confirm", "a",
                NULL);
    EXPECT_PART("\"generation\": 1", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_PART("\"confirmedMs\": 1", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "repair", "confirm", "x", NULL);
    EXPECT_PART("there is no verb 'repair cluster'", 2, "repair", "cluster", "a", NULL);
}

Test(operator, wrong_usage_names_what_is_wrong)
{
    EXPECT_PART("there is no verb 'rollout stauts', did you mean 'status'?", 2, "rollout", "stauts",
                "a", NULL);
    EXPECT_PART("there is no verb 'rollout x'; muster help rollout lists", 2, "rollout", "x", "a",
                NULL);
    EXPECT_PART("usage: muster rollout status CLUSTER", 2, "rollout", "status", NULL);
    EXPECT_PART("--output: must be table, json or yaml", 2, "rollout", "history", "a", "-o", "name",
                NULL);
    EXPECT_PART("usage: muster cordon HOST", 2, "cordon", NULL);
    EXPECT_PART("there is no kind 'node'", 2, "describe", "node", "a", NULL);
}
