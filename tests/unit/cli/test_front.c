/* What the program tells about itself, which is made from the table of verbs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "muster_run.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

static bool contains(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

Test(front, each_verb_is_told_with_an_example_that_runs_it)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    char command[80];
    size_t i;

    for (i = 0; i < count; i++) {
        const struct verb *verb = &verbs[i];

        cr_expect_not_null(verb->summary, "%s", verb->name);
        cr_expect_eq(verb->run == NULL, verb->options == NULL, "%s", verb->name);
        cr_expect_eq(verb->takes == ARG_KIND, verb->kinds != NULL, "%s", verb->name);
        if (verb->options == NULL || verb->group == VERB_INTERNAL) {
            continue;
        }
        (void)snprintf(command, sizeof(command), "muster %s", verb->name);
        cr_expect_str_eq(verb->options->program, command);
        cr_expect(contains(verb->options->examples, command), "%s has no example", verb->name);
        cr_expect_str_neq(verb->options->summary, "");
    }
}

Test(front, names_are_found_once_and_sub_verbs_have_parents)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    char parent[80];
    size_t i;

    for (i = 0; i < count; i++) {
        cr_expect_eq(verb_find(verbs[i].name), &verbs[i], "%s is there twice", verbs[i].name);
        if (verb_is_sub(&verbs[i], NULL)) {
            (void)snprintf(parent, sizeof(parent), "%.*s", (int)strcspn(verbs[i].name, " "),
                           verbs[i].name);
            cr_assert_not_null(verb_find(parent), "%s", parent);
            cr_expect_null(verb_find(parent)->run);
            cr_expect(verb_is_sub(&verbs[i], verb_find(parent)));
        }
    }
    cr_expect_null(verb_find("rollout pausee"));
}

Test(front, each_option_has_help_and_one_meaning)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t v;
    size_t i;
    size_t j;

    for (v = 0; v < count; v++) {
        const struct opt_table *table = verbs[v].options;

        for (i = 0; table != NULL && i < table->count; i++) {
            const struct opt *opt = &table->opts[i];

            cr_expect_not_null(opt->help, "%s --%s", verbs[v].name, opt->name);
            cr_expect(opt->type != OPT_WAIT || opt->default_text != NULL, "%s --%s", verbs[v].name,
                      opt->name);
            for (j = 0; j < i; j++) {
                cr_expect_str_neq(opt->name, table->opts[j].name, "%s", verbs[v].name);
                cr_expect(opt->letter == 0 || opt->letter != table->opts[j].letter, "%s -%c",
                          verbs[v].name, opt->letter);
            }
        }
    }
}

/* All verbs are in the overview, under their heading, and none that is for scripts. */
Test(front, the_overview_has_every_verb_for_people)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    char line[160];
    size_t i;

    help_overview(out);
    cr_assert_eq(fclose(out), 0);
    for (i = 0; i < count; i++) {
        bool shown = verbs[i].group != VERB_INTERNAL && !verb_is_sub(&verbs[i], NULL);

        (void)snprintf(line, sizeof(line), "\n  %-10s  %s\n", verbs[i].name, verbs[i].summary);
        cr_expect_eq(contains(text, line), shown, "%s", verbs[i].name);
    }
    for (i = 0; help_exit_codes[i] != NULL; i++) {
        cr_expect(contains(text, help_exit_codes[i]));
    }
    free(text);
}

Test(front, what_is_mistyped_is_answered_with_what_was_meant)
{
    EXPECT_PART("there is no verb 'aply', did you mean 'apply'?", 2, "aply", NULL);
    EXPECT_PART("there is no verb 'create', did you mean 'apply'?", 2, "create", NULL);
    EXPECT_PART("there is no verb 'rollback', did you mean 'rollout undo'?", 2, "rollback", NULL);
    EXPECT_PART("there is no verb 'patch', did you mean 'edit'?", 2, "patch", NULL);
    EXPECT_PART("there is no verb 'foo'; muster help lists them", 2, "foo", NULL);
    EXPECT_PART("there is no verb 'rollout restart', did you mean 'muster restart'?", 2, "rollout",
                "restart", "a", NULL);
    EXPECT_PART("there is no verb 'qqqqq'; muster help lists them", 2, "qqqqq", NULL);
    EXPECT_PART("there is no verb 'rollout pause'", 2, "rollout pause", "a", NULL);
    EXPECT_PART("there is no verb 'rollout pasue', did you mean 'pause'?", 2, "rollout", "pasue",
                NULL);
    EXPECT_PART("there is no verb 'rollout qqq'; muster help rollout lists them", 2, "help",
                "rollout", "qqq", NULL);
    EXPECT_PART("there is no kind 'nodse', did you mean nodes?", 2, "get", "nodse", NULL);
    EXPECT_PART("muster: describe: there is no kind 'hots', did you mean 'host'?", 2, "describe",
                "hots", "a", NULL);
    EXPECT_PART("muster: delete: there is no kind 'node'; muster delete --help tells which", 2,
                "delete", "node", "a", NULL);
    EXPECT_PART("unknown option --fro, did you mean --for?", 2, "wait", "--fro", NULL);
}

/* As the program itself writes them, so that they can be pasted. */
Test(front, an_object_may_be_given_as_kind_and_name_in_one)
{
    struct etcd_server *etcd = etcd_server_start();
    struct scene_path file = scene_write("specs.yaml", "apiVersion: muster/v1\n"
                                                       "kind: MemcachedCluster\n"
                                                       "metadata: { name: sessions }\n"
                                                       "spec: { nodes: 1 }\n");

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("sessions\n", 0, "get", "-o=jsonpath={.metadata.name}{\"\\n\"}",
                  "cluster/sessions", NULL);
    EXPECT_OUTPUT("sessions\n", 0, "get", "MemcachedClusters", "sessions", "-o",
                  "jsonpath={.metadata.name}{\"\\n\"}", NULL);
    EXPECT_PART("Name:         sessions\n", 0, "describe", "clusters/sessions", NULL);
    EXPECT_PART("cluster/sessions scaled", 0, "scale", "--nodes", "2", "cluster/sessions", NULL);
    EXPECT_PART("cluster/sessions paused", 0, "rollout", "pause", "cluster/sessions", NULL);
    EXPECT_PART("there is no host 'h1'", 4, "cordon", "host/h1", NULL);
    EXPECT_PART("'host/sessions' can't be the name of a cluster", 2, "scale", "host/sessions",
                "--nodes", "2", NULL);
    EXPECT_PART("there is no kind 'pod'", 2, "describe", "pod/sessions", NULL);
    EXPECT_PART("'a/b' can't be the name of a host", 2, "get", "hosts/a/b", NULL);
    EXPECT_PART("cluster/sessions deleting", 0, "delete", "cluster/sessions", NULL);
    etcd_server_kill(etcd);
    EXPECT_PART("muster: cannot reach etcd; muster options tells", 6, "get", "cluster/sessions",
                "--timeout", "100ms", NULL);
}

Test(front, a_parent_tells_of_its_sub_verbs)
{
    EXPECT_PART("Usage: muster rollout VERB", 0, "rollout", "--help", NULL);
    EXPECT_PART("\n  pause       restart or replace no further node\n", 0, "help", "rollout", NULL);
    EXPECT_PART("muster rollout needs one of these verbs", 2, "rollout", NULL);
    EXPECT_PART("muster rollout needs one of these verbs", 2, "rollout", "--bogus", NULL);
    EXPECT_PART("Usage: muster rollout undo CLUSTER", 0, "rollout", "undo", "--help", NULL);
    EXPECT_PART("Usage: muster rollout undo CLUSTER", 0, "help", "rollout", "undo", NULL);
}

/* As those who come from kubectl type it. */
Test(front, the_connection_may_be_told_before_the_verb)
{
    EXPECT_PART("http://127.0.0.1:1", 6, "--etcd-endpoints", "http://127.0.0.1:1", "--timeout=1s",
                "rollout", "history", "a", NULL);
    EXPECT_PART("http://127.0.0.1:1", 6, "--timeout=1s", "scale",
                "--etcd-endpoints=http://127.0.0.1:1", "--nodes", "2", "--", "a", NULL);
    EXPECT_PART("unknown option --prefix", 2, "--prefix", "/x", "version", NULL);
    EXPECT_PART("'--nodes' can't stand before a verb", 2, "--nodes", "2", "scale", "a", NULL);
    EXPECT_PART("'-' can't stand before a verb", 2, "-", NULL);
    EXPECT_PART("a verb is missing", 2, "--context", NULL);
    EXPECT_PART("a verb is missing", 2, "--context", "a", NULL);
    EXPECT_PART("there is no verb 'gte', did you mean 'get'?", 2, "--context=a", "gte", NULL);
}

Test(front, the_connection_is_told_of_once)
{
    EXPECT_PART("Connection:\n  --context, --etcd-endpoints", 0, "get", "--help", NULL);
    EXPECT_PART("[MUSTER_ETCD_ENDPOINTS]", 0, "options", NULL);
    EXPECT_PART("[MUSTER_DISCOVERY_CA]", 0, "help", "connection", NULL);
}

/* ---- Completion ---- */

Test(completion, words_of_the_table_are_completed)
{
    EXPECT_OUTPUT("rollout\tsteer and follow how a cluster gets to a new spec\n", 0, "__complete",
                  "rol", NULL);
    EXPECT_OUTPUT("undo\tapply a former spec again\n", 0, "__complete", "rollout", "u", NULL);
    EXPECT_OUTPUT("undo\tapply a former spec again\n", 0, "__complete", "help", "rollout", "u",
                  NULL);
    EXPECT_OUTPUT("", 0, "__complete", "supe", NULL);
    EXPECT_PART("hosts\thosts", 0, "__complete", "get", "h", NULL);
    EXPECT_OUTPUT("converged\t\n", 0, "__complete", "wait", "x", "--for", "c", NULL);
    EXPECT_OUTPUT("--for=converged\t\n", 0, "__complete", "wait", "--for=c", NULL);
    EXPECT_OUTPUT("yaml\t\n", 0, "__complete", "get", "nodes", "-o", "y", NULL);
    EXPECT_OUTPUT(":files\n", 0, "__complete", "plan", "-f", "", NULL);
    EXPECT_OUTPUT(":files\n", 0, "__complete", "token", "new", "", NULL);
    EXPECT_PART("--to-generation\t", 0, "__complete", "rollout", "undo", "a", "--to", NULL);
    EXPECT_OUTPUT("", 0, "__complete", "nonsense", "", NULL);
}

Test(completion, names_come_from_etcd)
{
    struct etcd_server *etcd = etcd_server_start();
    struct scene_path file = scene_write("specs.yaml", "apiVersion: muster/v1\n"
                                                       "kind: MemcachedCluster\n"
                                                       "metadata: { name: sessions }\n"
                                                       "spec: { nodes: 1 }\n");

    EXPECT_PART("created", 0, "apply", "-f", file.text, "--etcd-endpoints", etcd_server_url(etcd),
                NULL);
    (void)etcd_server_put(etcd, "/muster/v1/cordons/h1",
                          "{\"host\":\"h1\",\"drain\":false,\"sinceMs\":1,\"reason\":\"\"}");
    EXPECT_OUTPUT("sessions\tcluster\n", 0, "__complete", "get", "nodes", "--etcd-endpoints",
                  etcd_server_url(etcd), "se", NULL);
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    EXPECT_OUTPUT("sessions\tcluster\n", 0, "__complete", "rollout", "pause", "", NULL);
    EXPECT_OUTPUT("--delete=sessions\tcluster\n", 0, "__complete", "plan", "--delete=", NULL);
    EXPECT_OUTPUT("h1\thost\n", 0, "__complete", "drain", "", NULL);
    EXPECT_OUTPUT("", 0, "__complete", "drain", "x", NULL);
    EXPECT_OUTPUT("", 0, "__complete", "drain", "h1", "", NULL);
    etcd_server_kill(etcd);
    EXPECT_OUTPUT("", 0, "__complete", "rollout", "pause", "", NULL);
}
