#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/documents.h"
#include "base/file.h"

#define HEAD "apiVersion: muster/v1\nkind: MemcachedCluster\n"
#define CLUSTER(name) HEAD "metadata: { name: " name " }\nspec: { nodes: 1 }\n"

static struct documents documents;
static char dir[] = "/tmp/muster-documents-XXXXXX";

static void setup(void)
{
    documents_init(&documents);
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
    char command[128];

    documents_deinit(&documents);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(documents, .init = setup, .fini = teardown);

static const char *path_of(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text)
{
    char above[256];
    struct err err;

    (void)snprintf(above, sizeof(above), "%s", path_of(name));
    *strrchr(above, '/') = '\0';
    cr_assert_eq(dir_make(above, &err), 0);
    cr_assert_eq(file_write(path_of(name), text, strlen(text), &err), 0);
}

static void add(const char *path)
{
    struct err err;

    cr_assert_eq(documents_add_path(&documents, path, &err), 0, "%s", err.msg);
}

static void expect_names(const char *names)
{
    char all[256] = "";
    struct err err;
    size_t i;

    cr_assert_eq(documents_finish(&documents, &err), 0, "%s", err.msg);
    for (i = 0; i < documents.count; i++) {
        (void)strcat(strcat(all, i == 0 ? "" : " "), documents.list[i].read.spec.name);
    }
    cr_expect_str_eq(all, names);
}

Test(documents, of_a_directory_are_all_yaml_in_it_and_below)
{
    put("b.yaml", CLUSTER("b1") "---\n" CLUSTER("a2"));
    put("sub/deep/c.yml", CLUSTER("c"));
    put("sub/notes.txt", "not: read");
    put("sub/.hidden.yaml", "not: read");
    put(".git/x.yaml", "not: read");
    put("empty.yaml", "# nothing yet\n");
    put("elsewhere/d.yaml", CLUSTER("d"));
    cr_assert_eq(symlink("../elsewhere", path_of("sub/loop")), 0);
    cr_assert_eq(mkfifo(path_of("sub/pipe"), 0600), 0);
    cr_assert_eq(symlink("pipe", path_of("sub/waits.yaml")), 0);
    add(path_of("sub"));
    add(path_of("b.yaml"));
    expect_names("a2 b1 c");
    cr_expect_eq(documents.files, 2);
}

Test(documents, tell_which_fields_they_set_and_where_they_stand)
{
    struct err err;

    cr_assert_eq(documents_add_bytes(&documents, "f", CLUSTER("a") "---\n" CLUSTER("b"),
                                     strlen(CLUSTER("a") "---\n" CLUSTER("b")), true, &err),
                 0);
    expect_names("a b");
    cr_expect_eq(documents.list[1].read.line, 6);
    cr_expect_str_eq(documents.list[1].file, "f");
    cr_expect_eq(documents.list[0].read.set, 0x5, "name and nodes");
}

/* All of them, over all files, each with its place. */
Test(documents, mistakes_of_all_files_are_told_together)
{
    static const char one[] = HEAD "metadata: { name: a }\nspec: { nodes: 0 }\n";
    static const char two[] = HEAD "metadata: { name: b }\nspec: { nodes: x, memry: 1 }\n";
    struct err err;

    cr_assert_eq(documents_add_bytes(&documents, "one", one, strlen(one), true, &err), 0);
    cr_assert_eq(documents_add_bytes(&documents, "two", two, strlen(two), true, &err), 0);
    cr_assert_eq(documents_finish(&documents, &err), ERR_SPEC);
    cr_expect_str_eq(err.msg, "one:4:16: spec.nodes: must be between 1 and 1024, got 0");
    cr_expect_not_null(strstr(str_text(&documents.mistakes), "two:4:16: spec.nodes: must be"));
    cr_expect_not_null(strstr(str_text(&documents.mistakes), "two:4:19: spec: unknown field"), "%s",
                       str_text(&documents.mistakes));
}

Test(documents, one_cluster_in_two_files_is_a_mistake_that_names_both)
{
    struct err err;

    put("x.yaml", CLUSTER("a"));
    put("y.yaml", CLUSTER("b") "---\n" CLUSTER("a"));
    add(dir);
    cr_assert_eq(documents_finish(&documents, &err), ERR_SPEC);
    cr_expect_not_null(strstr(err.msg, "/y.yaml:6:1: metadata.name: cluster 'a' is also in "), "%s",
                       err.msg);
    cr_expect_not_null(strstr(err.msg, "/x.yaml:1"), "%s", err.msg);
}

Test(documents, the_same_file_twice_is_such_a_mistake)
{
    struct err err;

    put("x.yaml", CLUSTER("a"));
    add(dir);
    add(path_of("x.yaml"));
    cr_expect_eq(documents_finish(&documents, &err), ERR_SPEC);
}

Test(documents, what_can_not_be_read_is_named)
{
    struct err err;

    cr_expect_eq(documents_add_path(&documents, path_of("none.yaml"), &err), ERR_IO);
    cr_expect_not_null(strstr(err.msg, "none.yaml: No such file"), "%s", err.msg);
    put("e.yaml", "# nothing\n");
    add(path_of("e.yaml"));
    cr_expect_eq(documents_finish(&documents, &err), ERR_SPEC);
    cr_expect_not_null(strstr(err.msg, "e.yaml: holds no document"), "%s", err.msg);
}

Test(documents, directories_end_somewhere)
{
    char name[256] = "";
    struct err err;
    int i;

    for (i = 0; i < DOCUMENTS_DEPTH_MAX + 1; i++) {
        (void)strcat(name, "d/");
    }
    (void)strcat(name, "x.yaml");
    put(name, CLUSTER("a"));
    cr_expect_eq(documents_add_path(&documents, dir, &err), ERR_SPEC);
}
