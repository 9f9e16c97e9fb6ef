#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "muster_run.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

#define PREFIX "/muster/v1"

static const char two_clusters[] = "apiVersion: muster/v1\n"
                                   "kind: MemcachedCluster\n"
                                   "metadata: { name: a }\n"
                                   "spec: { nodes: 3 }\n"
                                   "---\n"
                                   "apiVersion: muster/v1\n"
                                   "kind: MemcachedCluster\n"
                                   "metadata: { name: b }\n"
                                   "spec: { nodes: 1 }\n";

/* An etcd where the program finds it, and a file with two clusters. */
static struct etcd_server *begin(struct scene_path *file)
{
    struct etcd_server *etcd = etcd_server_start();

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    *file = scene_write("specs.yaml", two_clusters);
    return etcd;
}

Test(verbs, apply_twice_changes_nothing_the_second_time)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);
    uint64_t revision;

    EXPECT_OUTPUT("cluster/a created\ncluster/b created\n", 0, "apply", "-f", file.text, NULL);
    revision = etcd_server_revision(etcd);
    EXPECT_OUTPUT("cluster/a unchanged\ncluster/b unchanged\n", 0, "apply", "-f", file.text, NULL);
    cr_expect_eq(etcd_server_revision(etcd), revision, "nothing was written");
    EXPECT_OUTPUT("cluster/a scaled\n", 0, "scale", "a", "--nodes", "5", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "scale", "a", "--nodes", "5", NULL);
    EXPECT_PART("\"generation\": 2", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n"
                  "cluster/a: spec.nodes stays 5, set by scale; the document says 3\n"
                  "cluster/b unchanged\n",
                  0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/a configured\ncluster/b unchanged\n", 0, "apply", "-f", file.text,
                  "--force-conflicts", NULL);
    EXPECT_PART("\"generation\": 3", 0, "get", "cluster", "a", "-o", "json", NULL);
}

Test(verbs, several_specs_are_applied_in_one_transaction)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);
    uint64_t revision = etcd_server_revision(etcd);

    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    cr_expect_eq(etcd_server_revision(etcd), revision + 1);
}

/* Each takes two operations, etcd 128 at once. */
Test(verbs, more_specs_than_a_transaction_takes_are_applied_all_the_same)
{
    CLEANUP(str_deinit) struct str text;
    CLEANUP(mem_free_p) char *names = NULL;
    int i;

    (void)begin(&(struct scene_path){ "" });
    str_init(&text, 1U << 20);
    for (i = 1; i <= 130; i++) {
        str_appendf(&text,
                    "---\napiVersion: muster/v1\nkind: MemcachedCluster\n"
                    "metadata: { name: c%03d }\nspec: { nodes: 1 }\n",
                    i);
    }
    EXPECT_PART("cluster/c130 created\n", 0, "apply", "-f",
                scene_write("many.yaml", str_text(&text)).text, NULL);
    names = muster_run(0, "get", "clusters", "-o", "name", NULL);
    cr_expect_eq(strlen(names), 130 * strlen("c001\n"), "%s", names);
    EXPECT_PART("created: 1 node", 0, "rollout", "history", "c130", NULL);
}

Test(verbs, nothing_is_applied_when_anything_is_wrong)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);
    struct scene_path wrong = scene_write("wrong.yaml", "apiVersion: muster/v1\n"
                                                        "kind: MemcachedCluster\n"
                                                        "metadata: { name: good }\n"
                                                        "spec: { nodes: 1 }\n"
                                                        "---\n"
                                                        "apiVersion: muster/v1\n"
                                                        "kind: MemcachedCluster\n"
                                                        "metadata: { name: bad }\n"
                                                        "spec: { nodes: 0, memry: 64Mi }\n");

    EXPECT_PART("wrong.yaml:9:16: spec.nodes: must be between 1 and 1024, got 0\n", 3, "apply",
                "-f", wrong.text, NULL);
    EXPECT_PART("spec: unknown field \"memry\", did you mean \"memory\"?\n", 3, "apply", "-f",
                wrong.text, NULL);
    EXPECT_OUTPUT("There are no clusters.\n", 0, "get", "clusters", NULL);

    /* One of the clusters is going: the other one must not be touched either. */
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/b deleting\n", 0, "delete", "cluster", "b", NULL);
    EXPECT_OUTPUT("cluster/b deleting\n", 0, "delete", "cluster", "b", NULL);
    EXPECT_OUTPUT("cluster/a scaled\n", 0, "scale", "a", "--nodes", "9", NULL);
    EXPECT_PART("'b' is being deleted", 5, "apply", "-f", file.text, NULL);
    EXPECT_PART("\"nodes\": 9", 0, "get", "cluster", "a", "-o", "json", NULL);
    EXPECT_PART("'b' is being deleted", 5, "scale", "b", "--nodes", "2", NULL);
    etcd_server_kill(etcd);
}

Test(verbs, what_get_prints_as_yaml_is_what_apply_takes)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);
    struct scene_path copy;
    char *yaml;

    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    yaml = muster_run(0, "get", "clusters", "-o", "yaml", NULL);
    copy = scene_write("copy.yaml", yaml);
    free(yaml);
    EXPECT_OUTPUT("cluster/a unchanged\ncluster/b unchanged\n", 0, "apply", "-f", copy.text, NULL);
    EXPECT_OUTPUT("a\nb\n", 0, "get", "clusters", "-o", "name", NULL);
    etcd_server_kill(etcd);
}

Test(verbs, what_is_not_there_has_its_own_exit_code)
{
    struct scene_path file;

    (void)begin(&file);
    EXPECT_PART("there is no cluster 'x'", 4, "get", "clusters", "x", NULL);
    EXPECT_PART("there is no node of cluster 'x'", 4, "get", "nodes", "x", NULL);
    EXPECT_PART("there is no host 'x'", 4, "get", "hosts", "x", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "get", "events", "x", NULL);
    EXPECT_PART("cluster 'x' has no node 0009", 4, "config", "x", "--node", "9", NULL);
    EXPECT_PART("cluster 'x' has no node 0009 on h1", 4, "config", "x", "--node", "9/h1", NULL);
    EXPECT_PART("must be a slot, 1 to 9999, or SLOT/HOST, got '9/'", 2, "config", "x", "--node",
                "9/", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "describe", "cluster", "x", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "endpoint", "x", NULL);
    EXPECT_PART("cluster 'x' has no configuration", 4, "config", "x", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "scale", "x", "--nodes", "3", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "delete", "cluster", "x", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "wait", "x", "--for", "converged", NULL);
    EXPECT_OUTPUT("cluster/x deleted\n", 0, "wait", "x", "--for", "deleted", NULL);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("cluster 'a' has no endpoint yet", 4, "endpoint", "a", NULL);
    EXPECT_OUTPUT("There are no events.\n", 0, "get", "events", "a", NULL);
}

Test(verbs, the_endpoint_under_a_domain_is_its_name)
{
    struct etcd_server *etcd = etcd_server_start();
    struct scene_path named;

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    named = scene_write("named.yaml", "apiVersion: muster/v1\n"
                                      "kind: MemcachedCluster\n"
                                      "metadata: { name: a }\n"
                                      "spec: { nodes: 1, endpoint: { domain: cache.local } }\n");
    EXPECT_PART("created", 0, "apply", "-f", named.text, NULL);
    (void)etcd_server_put(etcd, PREFIX "/clusters/a/alias",
                          "{\"host\":\"0001.a.cache.local\",\"ip\":\"127.0.9.1\",\"port\":11211,"
                          "\"slot\":1,\"version\":1}");
    EXPECT_OUTPUT("a.cfg.cache.local:11211\n", 0, "endpoint", "a", NULL);
    EXPECT_PART(" a.cfg.cache.local:11211 ", 0, "get", "clusters", NULL);
    EXPECT_PART(" a.cfg.cache.local:11211 -> slot 0001 (127.0.9.1)", 0, "describe", "cluster", "a",
                NULL);
}

Test(verbs, wrong_usage_names_what_is_wrong)
{
    EXPECT_PART("there is no verb 'aply', did you mean 'apply'?", 2, "aply", NULL);
    EXPECT_PART("Usage: muster VERB", 0, "help", NULL);
    EXPECT_PART("Usage: muster scale CLUSTER", 0, "help", "scale", NULL);
    EXPECT_PART("muster scale sessions --nodes 5", 0, "scale", "--help", NULL);
    EXPECT_PART("muster 0.", 0, "version", NULL);
    EXPECT_PART("did you mean nodes?", 2, "get", "nods", NULL);
    EXPECT_PART("--output: must be", 2, "get", "nodes", "-o", "xml", NULL);
    EXPECT_PART("--nodes is needed", 2, "scale", "a", NULL);
    EXPECT_PART("must be between 1 and 1024, got 1025", 2, "scale", "a", "--nodes", "1025", NULL);
    EXPECT_PART("'A_b' can't be the name of a cluster", 2, "endpoint", "A_b", NULL);
    EXPECT_PART("--for: must be", 2, "wait", "a", "--for", "ever", NULL);
    EXPECT_PART("-f FILE is needed", 2, "apply", NULL);
    EXPECT_PART("/nonexistent: No such file", 1, "apply", "-f", "/nonexistent", NULL);
}

/* Nobody looks for a mistake in a command line that has none. */
Test(verbs, a_bad_value_of_a_variable_is_not_blamed_on_an_option)
{
    cr_assert_eq(setenv("MUSTER_NODES", "0", 1), 0);
    EXPECT_PART("muster: MUSTER_NODES: must be between 1 and 1024", 2, "scale", "a", NULL);
    EXPECT_PART("muster: --nodes: must be between 1 and 1024", 2, "scale", "a", "-n", "0", NULL);
    cr_assert_eq(setenv("MUSTER_OUTPUT", "xml", 1), 0);
    EXPECT_PART("muster: MUSTER_OUTPUT: must be table", 2, "get", "nodes", NULL);
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", "foo", 1), 0);
    EXPECT_PART("muster: MUSTER_ETCD_ENDPOINTS: ", 2, "endpoint", "a", NULL);
    cr_assert_eq(setenv("MUSTER_PREFIX", "x/", 1), 0);
    EXPECT_PART("muster: MUSTER_PREFIX: ", 2, "endpoint", "a", NULL);
}

Test(verbs, an_etcd_that_is_not_there_is_named)
{
    struct scene_ip ip = scene_ip(77);
    char url[64];
    char message[160];

    (void)snprintf(url, sizeof(url), "http://%s:2379", ip.text);
    EXPECT_PART(url, 6, "get", "clusters", "--etcd-endpoints", url, "--timeout", "200ms", NULL);
    (void)snprintf(message, sizeof(message),
                   "muster: etcd: read: no success after 1 try: %s: ", url);
    EXPECT_PART(message, 6, "get", "clusters", "--etcd-endpoints", url, "--timeout", "1ms", NULL);
    EXPECT_PART(url, 6, "wait", "a", "--for", "converged", "--etcd-endpoints", url, "--timeout",
                "200ms", NULL);
    EXPECT_PART("must look like", 2, "get", "clusters", "--etcd-endpoints", "ftp://x", NULL);
    EXPECT_PART("must look like", 2, "get", "clusters", "--etcd-endpoints", "foo", NULL);
}

/* Somebody else's etcd must not stand in for the one that was asked for. */
Test(verbs, a_state_directory_that_was_asked_for_must_hold_some)
{
    struct scene_path dir = scene_path("none");
    struct scene_path file;
    char message[SCENE_PATH_SIZE + 64];

    (void)snprintf(message, sizeof(message), "muster: no muster up state in %s\n", dir.text);
    EXPECT_OUTPUT(message, 4, "get", "clusters", "--state-dir", dir.text, NULL);
    cr_assert_eq(setenv("MUSTER_STATE_DIR", dir.text, 1), 0);
    EXPECT_OUTPUT(message, 4, "scale", "a", "--nodes", "2", NULL);
    (void)begin(&file);
    EXPECT_OUTPUT("There are no clusters.\n", 0, "get", "clusters", NULL);
    EXPECT_PART("noted in the state directory", 0, "help", "connection", NULL);
}

Test(verbs, wait_tells_which_stage_hangs)
{
    struct scene_path file;

    (void)begin(&file);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("cluster 'a' is not converged: stage 'placed' hangs: 0 of 3 nodes", 7, "wait", "a",
                "--for", "converged", "--timeout", "2s", NULL);
    EXPECT_PART("cluster/a: nobody asked for its deletion", 7, "wait", "a", "--for", "deleted",
                "--timeout", "2s", NULL); /* the line that tells how it gets on */
    EXPECT_PART("nobody asked for its deletion", 7, "wait", "a", "--for", "deleted", "--timeout",
                "2s", NULL);
}

/* Waiting is a watch: the end comes with the key, long before any time limit. */
Test(verbs, wait_ends_when_the_key_goes)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);
    struct process *waiting;

    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    waiting = process_startl("wait", scene_program("muster").text, "delete", "cluster", "a",
                             "--wait", "--timeout", "60s", NULL);
    EXPECT_PART("cluster 'a' is not deleted", 7, "wait", "a", "--for", "deleted", "--timeout", "2s",
                NULL);
    cr_assert(process_running(waiting));
    (void)etcd_server_delete(etcd, PREFIX "/clusters/a/spec");
    cr_expect_eq(process_wait(waiting), 0);
}

/* What stands in a key is untrusted: it is told, and the other clusters are listed. */
Test(verbs, garbage_in_a_key_hurts_no_other_cluster)
{
    struct scene_path file;
    struct etcd_server *etcd = begin(&file);

    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    (void)etcd_server_put(etcd, PREFIX "/clusters/a/spec", "{garbage");
    EXPECT_PART("key " PREFIX "/clusters/a/spec can't be read", 0, "get", "clusters", NULL);
    EXPECT_PART("\nb      0/1 ", 0, "get", "clusters", NULL);
    EXPECT_PART("a      -       Unreadable", 0, "get", "clusters", NULL);
    EXPECT_PART("Unreadable:   key " PREFIX "/clusters/a/spec", 0, "describe", "cluster", "a",
                NULL);
    EXPECT_PART("repair or remove the key first", 5, "scale", "a", "--nodes", "2", NULL);
    EXPECT_PART("repair or remove the key first", 5, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/b scaled\n", 0, "scale", "b", "--nodes", "2", NULL);
}

/* Many writers at once: each change counts once, none is lost. */
Test(verbs, concurrent_changes_do_not_undo_each_other)
{
    static const char *const nodes[] = { "11", "12", "13", "14" };
    struct process *scaling[ARRAY_COUNT(nodes)];
    struct scene_path file;
    unsigned done = 0;
    char generation[64];
    size_t i;

    (void)begin(&file);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    for (i = 0; i < ARRAY_COUNT(nodes); i++) {
        scaling[i] = process_startl("scale", scene_program("muster").text, "scale", "a", "--nodes",
                                    nodes[i], NULL);
    }
    for (i = 0; i < ARRAY_COUNT(nodes); i++) {
        int code = process_wait(scaling[i]);

        cr_expect(code == 0 || code == 5, "exit %d", code);
        done += code == 0 ? 1 : 0;
    }
    (void)snprintf(generation, sizeof(generation), "\"generation\": %u,", done + 1);
    EXPECT_PART(generation, 0, "get", "cluster", "a", "-o", "json", NULL);
}
