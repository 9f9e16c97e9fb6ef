/*
 * Real control groups, where this machine lets a test make some: version 1's memory hierarchy or a
 * writable version 2. What a plain directory can show is tested everywhere.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/cgroup.h"
#include "support/scene.h"

#define LIMIT_BYTES (UINT64_C(16) << 20)
#define GREED_BYTES (UINT64_C(64) << 20)

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[CGROUP_PATH_MAX];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%.900s/%s", dir, name);
    file = fopen(path, "we");
    cr_assert_not_null(file, "%s", path);
    (void)fputs(text, file);
    (void)fclose(file);
}

/* A directory below which groups can be made; false: this machine has none for us. */
static bool find_groups(char out[CGROUP_PATH_MAX], struct cgroups *groups)
{
    static const char *const mounts[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup" };
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(mounts); i++) {
        (void)snprintf(out, CGROUP_PATH_MAX, "%s/muster-test-%d", mounts[i], (int)getpid());
        if (cgroups_open(out, groups, &err) == 0) {
            return true;
        }
        (void)rmdir(out);
    }
    return false;
}

/* A process that waits for its release, then takes more memory than it may. */
static pid_t start_greedy(int go[2])
{
    pid_t pid;

    cr_assert_eq(pipe(go), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        char byte;
        char *memory;

        (void)close(go[1]);
        if (read(go[0], &byte, 1) != 1) {
            _exit(0);
        }
        memory =
            mmap(NULL, GREED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, GREED_BYTES);
        _exit(0);
    }
    (void)close(go[0]);
    return pid;
}

Test(cgroup, ends_what_takes_too_much_and_is_removed)
{
    char dir[CGROUP_PATH_MAX];
    struct cgroups groups;
    struct err err;
    int status;
    int go[2];
    pid_t pid;

    if (!find_groups(dir, &groups)) {
        cr_skip("no control groups can be made here");
    }
    pid = start_greedy(go);
    cr_expect_eq(cgroup_put(&groups, "one", LIMIT_BYTES, pid, &err), 0, "%s", err.msg);
    cr_expect_eq(cgroup_oom_kills(&groups, "one"), 0);
    cgroup_remove(&groups, "one"); /* is not empty */
    cr_expect_eq(write(go[1], "g", 1), 1);
    (void)close(go[1]);
    cr_expect_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", (unsigned)status);
    cr_expect_eq(cgroup_oom_kills(&groups, "one"), 1);
    cgroup_remove(&groups, "one");
    cr_expect_eq(rmdir(dir), 0, "the group is left");
}

Test(cgroup, is_off_without_a_directory)
{
    struct cgroups groups;
    struct err err;

    cr_assert_eq(cgroups_open("", &groups, &err), 0);
    cr_expect_eq(groups.version, CGROUP_OFF);
    cr_expect_eq(cgroup_put(&groups, "one", LIMIT_BYTES, 1, &err), 0);
    cr_expect_eq(cgroup_oom_kills(&groups, "one"), 0);
    cgroup_remove(&groups, "one");
}

Test(cgroup, refuses_what_is_no_group)
{
    struct scene_path dir = scene_path("plain");
    struct cgroups groups;
    struct err err;

    cr_expect_eq(cgroups_open("relative", &groups, &err), ERR_INVALID);
    cr_expect_eq(cgroups_open(dir.text, &groups, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.msg, "memory controller"), "%s", err.msg);
    put_file(dir.text, "cgroup.controllers", "cpu io pids\n");
    cr_expect_eq(cgroups_open(dir.text, &groups, &err), ERR_INVALID);
    cr_expect_eq(groups.version, CGROUP_OFF);
}

/* The names of version 2's files, on plain ones. */
Test(cgroup, writes_where_version_two_reads)
{
    struct scene_path dir = scene_path("v2");
    char path[CGROUP_PATH_MAX];
    char text[64] = "";
    struct cgroups groups;
    struct err err;
    FILE *file;

    cr_assert_eq(mkdir(dir.text, 0755), 0);
    put_file(dir.text, "cgroup.controllers", "cpu memory pids\n");
    put_file(dir.text, "cgroup.subtree_control", "");
    cr_assert_eq(cgroups_open(dir.text, &groups, &err), 0, "%s", err.msg);
    cr_expect_eq(groups.version, CGROUP_V2);
    (void)snprintf(path, sizeof(path), "%.900s/a", dir.text);
    cr_assert_eq(mkdir(path, 0755), 0);
    put_file(path, "memory.max", "");
    put_file(path, "cgroup.procs", "");
    put_file(path, "memory.events", "low 0\noom 2\noom_kill 2\n");
    cr_expect_eq(cgroup_put(&groups, "a", 1048576, 77, &err), 0, "%s", err.msg);
    cr_expect_eq(cgroup_oom_kills(&groups, "a"), 2);
    (void)snprintf(path, sizeof(path), "%.900s/a/memory.max", dir.text);
    file = fopen(path, "re");
    cr_assert_not_null(file);
    cr_expect_not_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    cr_expect_str_eq(text, "1048576");
}
