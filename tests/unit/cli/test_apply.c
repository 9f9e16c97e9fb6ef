/* The verbs that write specs, against a real etcd, without controller. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "muster_run.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

#define CLUSTER(name, spec) \
    "apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata: { name: " name " }\nspec: " spec "\n"

static void begin(void)
{
    struct etcd_server *etcd = etcd_server_start();

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
}

/* A directory of the scene with these files. */
static struct scene_path dir_of(const char *name)
{
    struct scene_path path = scene_path("%s", name);

    (void)mkdir(path.text, 0755);
    return path;
}

static void remove_file(const char *name)
{
    cr_assert_eq(unlink(scene_path("%s", name).text), 0);
}

Test(apply, a_conflict_names_field_and_manager_and_writes_nothing)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }") "---\n" CLUSTER("b", "{ nodes: 3 }"));
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "5", NULL);
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 4 }") "---\n" CLUSTER("b", "{ nodes: 9 }"));
    EXPECT_OUTPUT("muster: cluster 'a': spec.nodes is to be 4, but 'scale' manages it and has set "
                  "it to 5; --force-conflicts takes it over\n",
                  5, "apply", "-f", file.text, NULL);
    EXPECT_PART("\"nodes\": 3", 0, "get", "cluster", "b", "-o", "json", NULL);
    EXPECT_PART("spec.nodes is to be 4", 1, "diff", "-f", file.text, NULL);
    EXPECT_PART("spec.nodes is to be 4", 1, "plan", "-f", file.text, NULL);
    EXPECT_PART("spec.nodes   5       scale     cli: 3", 0, "describe", "cluster", "a", NULL);
    EXPECT_OUTPUT("cluster/a configured\ncluster/b configured\n", 0, "apply", "-f", file.text,
                  "--force-conflicts", NULL);
    EXPECT_PART("spec.nodes   4       cli       -", 0, "describe", "cluster", "a", NULL);
}

Test(apply, all_conflicts_of_all_clusters_are_told)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }") "---\n" CLUSTER("b", "{ nodes: 3 }"));
    EXPECT_PART("created", 0, "apply", "-f", file.text, "--source", "one", NULL);
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3, threads: 2 }"));
    EXPECT_PART("configured", 0, "apply", "-f", file.text, "--source", "one", NULL);
    file = scene_write(
        "a.yaml", CLUSTER("a", "{ nodes: 4, threads: 3 }") "---\n" CLUSTER("b", "{ nodes: 4 }"));
    EXPECT_OUTPUT("muster: cluster 'a': spec.nodes is to be 4, but 'one' manages it and has set it "
                  "to 3; --force-conflicts takes it over\n"
                  "muster: cluster 'a': spec.threads is to be 3 as well, but 'one' has set 2\n"
                  "muster: cluster 'b': spec.nodes is to be 4, but 'one' manages it and has set it "
                  "to 3; --force-conflicts takes it over\n",
                  5, "apply", "-f", file.text, NULL);
}

Test(apply, prune_deletes_what_this_source_alone_has_applied)
{
    struct scene_path dir;

    begin();
    dir = dir_of("clusters");
    (void)scene_write("clusters/a.yaml", CLUSTER("a", "{ nodes: 1 }"));
    (void)scene_write("clusters/b.yaml", CLUSTER("b", "{ nodes: 1 }"));
    (void)scene_write("clusters/c.yaml", CLUSTER("c", "{ nodes: 1 }"));
    (void)scene_write("d.yaml", CLUSTER("d", "{ nodes: 1 }"));
    EXPECT_PART("created", 0, "apply", "-f", dir.text, "--source", "team", NULL);
    EXPECT_PART("created", 0, "apply", "-f", scene_path("d.yaml").text, NULL);
    EXPECT_OUTPUT("cluster/c unchanged\n", 0, "apply", "-f", scene_path("clusters/c.yaml").text,
                  NULL);
    remove_file("clusters/b.yaml");
    remove_file("clusters/c.yaml");
    EXPECT_OUTPUT("cluster/a unchanged (dry run)\ncluster/b pruned (dry run)\n", 0, "apply", "-f",
                  dir.text, "--source", "team", "--prune", "--dry-run", NULL);
    EXPECT_PART("+++ /dev/null\n", 2, "diff", "-f", dir.text, "--source", "team", "--prune", NULL);
    EXPECT_PART("nobody can be asked", 2, "apply", "-f", dir.text, "--source", "team", "--prune",
                NULL);
    EXPECT_PART("--prune needs a --source", 2, "apply", "-f", dir.text, "--prune", "--yes", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\ncluster/b pruned\n", 0, "apply", "-f", dir.text, "--source",
                  "team", "--prune", "--yes", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "apply", "-f", dir.text, "--source", "team",
                  "--prune", "--yes", NULL);
    EXPECT_PART("\"deleting\": true", 0, "get", "cluster", "b", "-o", "json", NULL);
    EXPECT_PART("\"deleting\": false", 0, "get", "cluster", "c", "-o", "json", NULL);
    EXPECT_PART("\"deleting\": false", 0, "get", "cluster", "d", "-o", "json", NULL);
}

/* Somebody applies one more of that source while the question stands. */
Test(apply, prune_deletes_nothing_that_was_not_asked_about)
{
    struct scene_path script = scene_source("tests/unit/cli/asked.py");
    struct scene_path muster = scene_program("muster");
    struct scene_path dir;
    struct scene_path late;
    char *output = NULL;

    begin();
    dir = dir_of("clusters");
    late = scene_write("c.yaml", CLUSTER("c", "{ nodes: 1 }"));
    (void)scene_write("clusters/a.yaml", CLUSTER("a", "{ nodes: 1 }"));
    (void)scene_write("clusters/b.yaml", CLUSTER("b", "{ nodes: 1 }"));
    EXPECT_PART("created", 0, "apply", "-f", dir.text, "--source", "team", NULL);
    remove_file("clusters/b.yaml");
    cr_assert_eq(process_run(
                     &(struct process_spec){
                         .name = "asked",
                         .argv = (const char *[]){ "/usr/bin/python3", script.text, muster.text,
                                                   "apply", "-f", late.text, "--source", "team",
                                                   "--", muster.text, "apply", "-f", dir.text,
                                                   "--source", "team", "--prune", NULL } },
                     &output),
                 0);
    cr_expect_not_null(strstr(output, "b: delete, with all that is cached there? [y/N]"), "%s",
                       output);
    cr_expect_not_null(strstr(output, "cluster 'c' would be deleted, too"), "%s", output);
    cr_expect_not_null(strstr(output, "status 5\n"), "%s", output);
    free(output);
    EXPECT_PART("\"deleting\": false", 0, "get", "cluster", "b", "-o", "json", NULL);
    EXPECT_PART("\"deleting\": false", 0, "get", "cluster", "c", "-o", "json", NULL);
}

/* Else a wrong path would take everything away. */
Test(apply, a_directory_without_documents_prunes_nothing)
{
    struct scene_path dir;

    begin();
    dir = dir_of("clusters");
    (void)scene_write("clusters/a.yaml", CLUSTER("a", "{ nodes: 1 }"));
    EXPECT_PART("created", 0, "apply", "-f", dir.text, "--source", "team", NULL);
    remove_file("clusters/a.yaml");
    EXPECT_PART("holds no document", 3, "apply", "-f", dir.text, "--source", "team", "--prune",
                "--yes", NULL);
    EXPECT_PART("\"deleting\": false", 0, "get", "cluster", "a", "-o", "json", NULL);
}

/* The number behind "specRevision". */
static void spec_revision(const char *name, char out[32])
{
    CLEANUP(mem_free_p) char *text = muster_run(0, "get", "cluster", name, "-o", "json", NULL);
    const char *at = strstr(text, "\"specRevision\": ");

    cr_assert_not_null(at, "%s", text);
    (void)snprintf(out, 32, "%llu", strtoull(at + strlen("\"specRevision\": "), NULL, 10));
}

Test(apply, an_expected_revision_refuses_what_somebody_else_has_changed)
{
    struct scene_path file;
    char seen[32];

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }"));
    EXPECT_PART("there is no cluster 'a'", 5, "apply", "-f", file.text, "--expect-revision", "7",
                NULL);
    EXPECT_PART("created", 0, "apply", "-f", file.text, "--expect-revision", "0", NULL);
    EXPECT_PART("was changed at revision", 5, "apply", "-f", file.text, "--expect-revision", "0",
                NULL);
    spec_revision("a", seen);
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 4 }"));
    EXPECT_PART("configured", 0, "apply", "-f", file.text, "--expect-revision", seen, NULL);
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 5 }"));
    EXPECT_PART("was changed at revision", 5, "apply", "-f", file.text, "--expect-revision", seen,
                NULL);
}

Test(apply, what_hangs_is_named_when_time_is_up)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 1 }"));
    EXPECT_PART("cluster 'a' is not converged: ", 7, "apply", "-f", file.text, "--wait=200ms",
                NULL);
}

Test(apply, results_are_told_to_programs)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 1 }"));
    EXPECT_PART("\"outcome\": \"created\"", 0, "apply", "-f", file.text, "-o", "json", NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "2", NULL);
    EXPECT_PART("\"manager\": \"scale\"", 0, "apply", "-f", file.text, "-o", "json", NULL);
    EXPECT_OUTPUT("a\n", 0, "apply", "-f", file.text, "-o", "name", NULL);
}

Test(lint, tells_all_mistakes_of_all_files_without_etcd)
{
    struct scene_path good = scene_write("good.yaml", CLUSTER("a", "{ nodes: 1 }"));
    struct scene_path bad = scene_write("bad.yaml", CLUSTER("b", "{ nodes: 0, memry: 1 }"));

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", "http://127.0.0.1:1", 1), 0);
    EXPECT_OUTPUT("1 cluster in 1 file: no mistakes\n", 0, "lint", good.text, NULL);
    EXPECT_PART("bad.yaml:4:16: spec.nodes: must be between 1 and 1024, got 0\n", 3, "lint",
                good.text, bad.text, NULL);
    EXPECT_PART("did you mean \"memory\"?", 3, "lint", "-f", bad.text, good.text, NULL);
    EXPECT_PART("usage: muster lint", 2, "lint", NULL);
}

Test(diff, shows_what_apply_would_make)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }"));
    EXPECT_PART("--- /dev/null\n+++ applied/a\n@@ -0,0 +1,", 2, "diff", "-f", file.text, NULL);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("", 0, "diff", "-f", file.text, NULL);
    EXPECT_PART("scaled", 0, "scale", "a", "--nodes", "5", NULL);
    EXPECT_OUTPUT("", 0, "diff", "-f", file.text, NULL);
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3, memory: 128Mi }"));
    EXPECT_PART("\n-  memory: 64Mi\n+  memory: 128Mi\n", 2, "diff", "-f", file.text, NULL);
    EXPECT_PART("\n-  nodes: 5\n+  nodes: 3\n", 2, "diff", "-f", file.text, "--force-conflicts",
                NULL);
    EXPECT_PART("No such file", 1, "diff", "-f", "/none", NULL);
}

/* ---- export ---- */

Test(export, applies_again_unchanged_and_diffs_empty)
{
    struct scene_path file;
    struct scene_path dir;
    CLEANUP(mem_free_p) char *text = NULL;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3, extraArgs: [\"-C\"] }") "---\n" CLUSTER(
                                     "b", "{ nodes: 1, placement: { labels: { disk: ssd } } }"));
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("labeled", 0, "label", "a", "team=web", NULL);
    text = muster_run(0, "export", NULL);
    file = scene_write("all.yaml", text);
    EXPECT_OUTPUT("", 0, "diff", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/a unchanged\ncluster/b unchanged\n", 0, "apply", "-f", file.text, NULL);
    dir = scene_path("out/deep");
    EXPECT_PART("/out/deep/b.yaml\n", 0, "export", "-f", dir.text, NULL);
    EXPECT_OUTPUT("", 0, "diff", "-f", dir.text, NULL);
    EXPECT_PART("name: b\n", 0, "export", "b", NULL);
    EXPECT_PART("there is no cluster 'c'", 4, "export", "b", "c", NULL);
}

/* ---- label ---- */

Test(label, sets_and_removes_what_documents_then_leave_alone)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }"));
    EXPECT_PART("there is no cluster 'a'", 4, "label", "a", "x=y", NULL);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/a labeled\n", 0, "label", "a", "z=1", "b=2", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "label", "a", "z=1", NULL);
    EXPECT_PART("label 'z' is '1' already; --overwrite", 5, "label", "a", "z=2", NULL);
    EXPECT_OUTPUT("cluster/a labeled\n", 0, "label", "a", "z=2", "b-", "--overwrite", NULL);
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("metadata.labels.z   2       label     -", 0, "describe", "cluster", "a", NULL);
    EXPECT_PART("labels:\n    z: \"2\"\nspec:", 0, "export", "a", NULL);
    EXPECT_PART("neither NAME=VALUE nor NAME-", 2, "label", "a", "z", NULL);
    EXPECT_PART("metadata.labels", 2, "label", "a", "BAD=1", NULL);
}

/* ---- edit ---- */

/* A script as editor, which gets the file as $1. */
static void use_editor(const char *script)
{
    struct scene_path path = scene_write("editor", script);

    cr_assert_eq(chmod(path.text, 0755), 0);
    cr_assert_eq(unsetenv("VISUAL"), 0);
    cr_assert_eq(setenv("EDITOR", path.text, 1), 0);
    cr_assert_eq(setenv("SCENE", scene_dir(), 1), 0);
    cr_assert_eq(setenv("TMPDIR", dir_of("tmp").text, 1), 0);
}

static void begin_edit(void)
{
    begin();
    EXPECT_PART("created", 0, "apply", "-f",
                scene_write("a.yaml", CLUSTER("a", "{ nodes: 3 }")).text, NULL);
}

static void expect_no_files(void)
{
    cr_expect_eq(rmdir(scene_path("tmp").text), 0, "the text is removed");
}

Test(edit, writes_what_was_changed_and_holds_it)
{
    begin_edit();
    use_editor("#!/bin/sh\nsed -i 's/nodes: 3/nodes: 4/' \"$1\"\n");
    EXPECT_OUTPUT("cluster/a edited\n", 0, "edit", "a", NULL);
    EXPECT_PART("spec.nodes   4       edit      cli: 3", 0, "describe", "cluster", "a", NULL);
    expect_no_files();
}

Test(edit, without_a_change_writes_nothing)
{
    char before[32];
    char after[32];

    begin_edit();
    spec_revision("a", before);
    use_editor("#!/bin/sh\nsed -i 's/^# This/# That/' \"$1\"\n");
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "edit", "a", NULL);
    use_editor("#!/bin/sh\n: > \"$1\"\n");
    EXPECT_OUTPUT("cluster/a unchanged\n", 0, "edit", "a", NULL);
    spec_revision("a", after);
    cr_expect_str_eq(before, after);
    expect_no_files();
}

/* ^C in an editor reaches all programs of the terminal. */
Test(edit, an_interrupt_is_the_editors)
{
    char command[SCENE_PATH_SIZE + 64];

    begin_edit();
    use_editor("#!/bin/sh\n"
               "ignored=$(awk '/^SigIgn/ { print $2 }' /proc/$$/status)\n"
               "[ $((0x$ignored & 0x1006)) = 0 ] || exit 1\n" /* INT, QUIT, PIPE */
               "sed -i 's/nodes: 3/nodes: 4/' \"$1\"\n");
    (void)snprintf(command, sizeof(command), "kill -INT $PPID; kill -QUIT $PPID; %s",
                   scene_path("editor").text);
    cr_assert_eq(setenv("EDITOR", command, 1), 0);
    EXPECT_OUTPUT("cluster/a edited\n", 0, "edit", "a", NULL);
    expect_no_files();
}

/* The second time it is opened, the mistake stands above it, with the line that it has there. */
Test(edit, opens_again_with_the_mistakes)
{
    CLEANUP(str_deinit) struct str seen;
    struct err err;
    unsigned line = 0;
    const char *at;
    unsigned i;

    begin_edit();
    use_editor("#!/bin/sh\n"
               "if grep -q 'nodes: 0' \"$1\"; then\n"
               "    cp \"$1\" \"$SCENE/seen\"; sed -i 's/nodes: 0/nodes: 7/' \"$1\"\n"
               "else sed -i 's/nodes: 3/nodes: 0/' \"$1\"; fi\n");
    EXPECT_OUTPUT("cluster/a edited\n", 0, "edit", "a", NULL);
    EXPECT_PART("\"nodes\": 7", 0, "get", "cluster", "a", "-o", "json", NULL);
    expect_no_files();
    str_init(&seen, 1U << 16);
    cr_assert_eq(file_read(scene_path("seen").text, &seen, &err), 0, "%s", err.msg);
    at = strstr(str_text(&seen), "# a.yaml:");
    cr_assert_not_null(at, "%s", str_text(&seen));
    cr_assert_eq(sscanf(at, "# a.yaml:%u:", &line), 1);
    cr_expect_not_null(strstr(at, ": spec.nodes: must be between 1 and 1024, got 0\n"));
    at = str_text(&seen);
    for (i = 1; i < line; i++) {
        at = strchr(at, '\n') + 1;
    }
    cr_expect_eq(strncmp(at, "  nodes: 0", strlen("  nodes: 0")), 0, "line %u: %.20s", line, at);
}

Test(edit, gives_up_on_the_same_mistakes_and_keeps_the_text)
{
    begin_edit();
    use_editor("#!/bin/sh\nsed -i 's/nodes: 3/nodes: 0/' \"$1\"\n");
    EXPECT_PART("got 0; the text is kept in ", 3, "edit", "a", NULL);
    EXPECT_PART("\"nodes\": 3", 0, "get", "cluster", "a", "-o", "json", NULL);
    use_editor("#!/bin/sh\nsed -i 's/name: a/name: b/' \"$1\"\n");
    EXPECT_PART("does not hold cluster 'a' alone; the text is kept in ", 3, "edit", "a", NULL);
    EXPECT_OUTPUT("a\n", 0, "get", "clusters", "-o", "name", NULL);
}

Test(edit, refuses_when_the_cluster_was_changed_meanwhile)
{
    char script[512];

    begin_edit();
    (void)snprintf(script, sizeof(script),
                   "#!/bin/sh\n'%s' scale a --nodes 9 >&2\nsed -i 's/nodes: 3/nodes: 4/' \"$1\"\n",
                   scene_program("muster").text);
    use_editor(script);
    EXPECT_PART("cluster 'a' was changed meanwhile; the text is kept in ", 5, "edit", "a", NULL);
    EXPECT_PART("\"nodes\": 9", 0, "get", "cluster", "a", "-o", "json", NULL);
}

Test(edit, needs_an_editor_and_a_cluster)
{
    begin_edit();
    use_editor("#!/bin/sh\nexit 3\n");
    EXPECT_PART("failed; the text is kept in", 1, "edit", "a", NULL);
    cr_assert_eq(unsetenv("EDITOR"), 0);
    EXPECT_PART("no editor: set VISUAL or EDITOR", 2, "edit", "a", NULL);
    EXPECT_PART("there is no cluster 'b'", 4, "edit", "b", NULL);
}

/* ---- delete -f ---- */

Test(delete, takes_documents_as_well)
{
    struct scene_path file;

    begin();
    file = scene_write("a.yaml", CLUSTER("a", "{ nodes: 1 }") "---\n" CLUSTER("b", "{ nodes: 1 }"));
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_PART("nobody can be asked", 2, "delete", "-f", file.text, NULL);
    EXPECT_OUTPUT("cluster/a deleting\ncluster/b deleting\n", 0, "delete", "-f", file.text, "--yes",
                  NULL);
    EXPECT_PART("\"deleting\": true", 0, "get", "cluster", "b", "-o", "json", NULL);
    file = scene_write("c.yaml", CLUSTER("c", "{ nodes: 1 }"));
    EXPECT_PART("there is no cluster 'c'", 4, "delete", "-f", file.text, "--yes", NULL);
}
