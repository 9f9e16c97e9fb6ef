/* Named connections: what the file may say, and what comes before what. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "muster_run.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

/* The file where the program looks for it, mode 0644. */
static struct scene_path put_file(const char *text)
{
    struct scene_path path = scene_path("config/muster/config.yaml");
    FILE *file;

    (void)mkdir(scene_path("config").text, 0755);
    (void)mkdir(scene_path("config/muster").text, 0755);
    file = fopen(path.text, "w");
    cr_assert_not_null(file);
    cr_assert_leq(0, fputs(text, file));
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path.text, 0644), 0);
    return path;
}

static const char two[] = "# ours\n"
                          "current: here # for now\n"
                          "contexts:\n"
                          "  - name: here\n"
                          "    etcd: { endpoints: 'http://127.0.0.1:1' }\n"
                          "  - name: there\n"
                          "    etcd:\n"
                          "      endpoints: [http://127.0.0.1:2, http://127.0.0.1:3]\n"
                          "      user: operator\n"
                          "      passwordFile: password\n"
                          "    prefix: /there\n";

Test(context_file, names_are_listed_shown_and_switched)
{
    struct scene_path path = put_file(two);
    char *text;

    EXPECT_PART("*         here    http://127.0.0.1:1", 0, "context", "list", NULL);
    EXPECT_PART("http://127.0.0.1:2,http://127.0.0.1:3   operator   /there", 0, "context", "list",
                NULL);
    EXPECT_PART("name:                  here\n", 0, "context", "show", NULL);
    EXPECT_PART(scene_path("config/muster/password").text, 0, "context", "show", "there", NULL);
    EXPECT_OUTPUT("context/there is the current one\n", 0, "context", "use", "there", NULL);
    EXPECT_PART("name:                  there\n", 0, "context", "show", NULL);
    text = scene_read(path.text);
    cr_expect_eq(strncmp(text, "# ours\ncurrent: there\ncontexts:\n  - name: here\n", 47), 0, "%s",
                 text);
    free(text);
    EXPECT_PART("there is no context 'ther', did you mean 'there'?", 4, "context", "use", "ther",
                NULL);
    EXPECT_OUTPUT("here\tcontext\n", 0, "__complete", "context", "use", "h", NULL);
    EXPECT_OUTPUT("here\tcontext\n", 0, "__complete", "get", "nodes", "--context", "h", NULL);
}

/* It lies in somebody's repository, say. */
Test(context_file, a_link_to_the_file_stays_one)
{
    struct scene_path path = put_file(two);
    struct scene_path kept = scene_path("kept.yaml");
    struct stat at;
    char *text;

    cr_assert_eq(rename(path.text, kept.text), 0);
    cr_assert_eq(symlink(kept.text, path.text), 0);
    EXPECT_OUTPUT("context/there is the current one\n", 0, "context", "use", "there", NULL);
    cr_assert_eq(lstat(path.text, &at), 0);
    cr_expect(S_ISLNK(at.st_mode));
    text = scene_read(kept.text);
    cr_expect_not_null(strstr(text, "current: there\n"), "%s", text);
    free(text);
}

Test(context_file, a_file_without_current_gets_one)
{
    struct scene_path path =
        put_file("contexts: [{ name: a, etcd: { endpoints: 'http://x:1' } }]\n");
    char *text;

    EXPECT_PART("there is no current context", 4, "context", "show", NULL);
    EXPECT_OUTPUT("context/a is the current one\n", 0, "context", "use", "a", NULL);
    text = scene_read(path.text);
    cr_expect_str_eq(text, "current: a\n"
                           "contexts: [{ name: a, etcd: { endpoints: 'http://x:1' } }]\n");
    free(text);
    (void)put_file("{ current: a, contexts: [{ name: a, etcd: { endpoints: 'http://x:1' } }] }\n");
    EXPECT_PART("\"current\" must stand at the start of a line", 1, "context", "use", "a", NULL);
}

Test(context_file, what_is_given_comes_before_the_variable_before_the_file)
{
    (void)put_file(two);
    EXPECT_PART("http://127.0.0.1:1", 6, "get", "clusters", NULL);
    EXPECT_PART("127.0.0.1:4", 6, "get", "clusters", "--etcd-endpoints", "http://127.0.0.1:4",
                NULL);
    EXPECT_PART("no muster up state in", 4, "get", "clusters", "--state-dir",
                scene_path("none").text, NULL);
    EXPECT_PART("there is no context 'hre', did you mean 'here'?", 2, "get", "clusters",
                "--context", "hre", NULL);
    cr_assert_eq(setenv("MUSTER_CONTEXT", "there", 1), 0);
    EXPECT_PART("password: ", 1, "get", "clusters", NULL);
    EXPECT_PART("http://127.0.0.1:1", 6, "get", "clusters", "--context", "here", NULL);
    cr_assert_eq(unsetenv("MUSTER_CONTEXT"), 0);
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", "http://127.0.0.1:5", 1), 0);
    EXPECT_PART("127.0.0.1:5", 6, "get", "clusters", NULL);
    EXPECT_PART("http://127.0.0.1:1", 6, "get", "clusters", "--context", "here", NULL);
    EXPECT_PART("127.0.0.1:4", 6, "get", "clusters", "--context", "here", "--etcd-endpoints",
                "http://127.0.0.1:4", NULL);
}

Test(context_file, the_prefix_is_the_contexts)
{
    struct etcd_server *etcd = etcd_server_start();
    char text[512];
    struct scene_path spec = scene_write("specs.yaml", "apiVersion: muster/v1\n"
                                                       "kind: MemcachedCluster\n"
                                                       "metadata: { name: a }\n"
                                                       "spec: { nodes: 1 }\n");

    (void)snprintf(text, sizeof(text),
                   "current: x\ncontexts:\n"
                   "  - { name: x, etcd: { endpoints: ['%s'] }, prefix: /elsewhere }\n",
                   etcd_server_url(etcd));
    (void)put_file(text);
    EXPECT_PART("created", 0, "apply", "-f", spec.text, NULL);
    EXPECT_OUTPUT("a\n", 0, "get", "clusters", "-o", "name", NULL);
    EXPECT_OUTPUT("", 0, "get", "clusters", "-o", "name", "--prefix", "/muster/v1", NULL);
    EXPECT_OUTPUT("a\n", 0, "get", "clusters", "-o", "name", "--prefix", "/elsewhere",
                  "--etcd-endpoints", etcd_server_url(etcd), NULL);
    etcd_server_kill(etcd);
}

Test(context_file, all_mistakes_are_told_with_their_places)
{
    (void)put_file("curent: a\n"
                   "contexts:\n"
                   "  - name: a\n"
                   "    etcd: { endpoint: x }\n"
                   "  - name: a\n"
                   "    etcd: { endpoints: 'http://x' , key: [] }\n"
                   "  - prefx: /x\n");
    EXPECT_PART("config.yaml:1:1: unknown field \"curent\", did you mean \"current\"?\n", 3,
                "context", "list", NULL);
    EXPECT_PART(
        ":4:13: contexts[0].etcd: unknown field \"endpoint\", did you mean \"endpoints\"?\n", 3,
        "context", "list", NULL);
    EXPECT_PART(":5:11: contexts[1].name: there is a context \"a\" already\n", 3, "context", "list",
                NULL);
    EXPECT_PART(":6:42: contexts[1].etcd.key: must be a text\n", 3, "context", "list", NULL);
    EXPECT_PART(":7:5: contexts[2]: unknown field \"prefx\", did you mean \"prefix\"?\n", 3, "get",
                "clusters", NULL);
    (void)put_file("current: prd\ncontexts: [{ name: prod, etcd: { endpoints: 'http://x' } }]\n");
    EXPECT_PART(":1:10: current: there is no context \"prd\", did you mean \"prod\"?", 3, "context",
                "show", NULL);
}

Test(context_file, what_others_may_change_or_read_is_refused)
{
    struct scene_path path = put_file(two);
    struct scene_path password = scene_path("config/muster/password");
    FILE *file = fopen(password.text, "w");

    cr_assert_not_null(file);
    cr_assert_leq(0, fputs("secret\n", file));
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(password.text, 0604), 0);
    EXPECT_PART("others may read it (mode 0604); chmod o-rwx it first", 1, "get", "clusters",
                "--context", "there", NULL);
    cr_assert_eq(chmod(password.text, 0600), 0);
    EXPECT_PART("http://127.0.0.1:2", 6, "get", "clusters", "--context", "there", NULL);
    cr_assert_eq(chmod(path.text, 0664), 0);
    EXPECT_PART("others may write to it (mode 0664); chmod go-w it first", 1, "get", "clusters",
                NULL);
}
