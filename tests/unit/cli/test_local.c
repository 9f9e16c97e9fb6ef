#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/local_process.h"
#include "client/local.h"
#include "client/state_dir.h"

static void make_dir(char out[STATE_PATH_SIZE])
{
    (void)snprintf(out, STATE_PATH_SIZE, "/tmp/muster-test-XXXXXX");
    cr_assert_not_null(mkdtemp(out));
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[STATE_PATH_SIZE];
    FILE *file;

    state_path(dir, name, path);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

Test(local, a_network_is_a_24_of_the_loopback)
{
    static const char *const refused[] = { "",
                                           "127.77.1.0",
                                           "127.77.1.0/16",
                                           "10.0.0.0/24",
                                           "127.77.1.1/24",
                                           "127.77.1/24",
                                           "127.77.1.0/24 ",
                                           "127.77.1.0000000000/24" };
    char text[IPV4_TEXT_SIZE + 3];
    uint32_t network = 0;
    struct err err = { 0 };
    size_t i;

    cr_assert_eq(local_network_parse("127.3.200.0/24", &network, &err), 0);
    local_network_format(network, text);
    cr_expect_str_eq(text, "127.3.200.0/24");
    for (i = 0; i < ARRAY_COUNT(refused); i++) {
        cr_expect_eq(local_network_parse(refused[i], &network, &err), ERR_USAGE, "'%s'",
                     refused[i]);
    }
}

Test(local, what_is_written_down_is_read_again)
{
    struct local written = { .controllers = 2, .prefix = "/a/b", .join_tokens = "/c d/e" };
    struct local read = { .controllers = 0 };
    struct err err = { 0 };

    make_dir(written.dir);
    cr_assert_eq(local_load(written.dir, &read, &err), ERR_NOT_FOUND);
    cr_assert_eq(local_network_parse("127.3.200.0/24", &written.network, &err), 0);
    cr_assert_eq(local_save(&written, &err), 0, "%s", err.msg);
    cr_assert_eq(local_load(written.dir, &read, &err), 0, "%s", err.msg);
    cr_expect_eq(read.network, written.network);
    cr_expect_eq(read.controllers, 2);
    cr_expect_str_eq(read.prefix, "/a/b");
    cr_expect_str_eq(read.join_tokens, "/c d/e");
    cr_expect_str_eq(read.dir, written.dir);
    cr_assert_eq(state_dir_purge(written.dir, &err), 0, "%s", err.msg);
    cr_expect_lt(access(written.dir, F_OK), 0);
}

Test(local, a_broken_file_is_named_with_its_line)
{
    struct local read = { .controllers = 0 };
    char dir[STATE_PATH_SIZE];
    struct err err = { 0 };

    make_dir(dir);
    put_file(dir, STATE_CONF, "# x\nnetwork=127.3.200.0/24\ncontrollers=99\n");
    cr_expect_eq(local_load(dir, &read, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.msg, "up.conf:3: not understood: controllers"), "%s", err.msg);
    cr_assert_eq(state_dir_purge(dir, &err), 0);
}

/* A state directory that was given by mistake loses nothing but what muster has put there. */
Test(state_dir, purge_leaves_alone_what_others_put_there)
{
    char dir[STATE_PATH_SIZE];
    char path[STATE_PATH_SIZE];
    struct err err = { 0 };

    make_dir(dir);
    cr_assert_eq(state_dir_make(dir, &err), 0, "%s", err.msg);
    put_file(dir, "precious", "");
    cr_assert_eq(state_dir_purge(dir, &err), 0, "%s", err.msg);
    state_path(dir, "etcd", path);
    cr_expect_lt(access(path, F_OK), 0);
    state_path(dir, "precious", path);
    cr_expect_eq(access(path, F_OK), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(dir), 0);
}

Test(state_dir, is_where_the_flag_or_the_environment_says)
{
    char dir[STATE_PATH_SIZE];
    struct err err = { 0 };

    cr_assert_eq(setenv("XDG_STATE_HOME", "/x/state", 1), 0);
    cr_assert_eq(setenv("HOME", "/home/u", 1), 0);
    cr_assert_eq(state_dir_find("/a/b//", dir, &err), 0);
    cr_expect_str_eq(dir, "/a/b");
    cr_assert_eq(state_dir_find(NULL, dir, &err), 0);
    cr_expect_str_eq(dir, "/x/state/muster");
    cr_expect(state_dir_is_default("/x/state/muster"));
    cr_expect_not(state_dir_is_default("/x/state"));
    cr_assert_eq(setenv("XDG_STATE_HOME", "relative", 1), 0);
    cr_assert_eq(state_dir_find(NULL, dir, &err), 0);
    cr_expect_str_eq(dir, "/home/u/.local/state/muster");
    cr_assert_eq(unsetenv("HOME"), 0);
    cr_expect_eq(state_dir_find(NULL, dir, &err), ERR_USAGE);
    cr_expect_eq(state_dir_find("", dir, &err), ERR_USAGE);
}

/* Adoption compares arguments, so the same installation must always give the same ones. */
Test(local_process, the_same_installation_gives_the_same_arguments)
{
    struct programs programs = { .muster = "/b/muster",
                                 .controller = "/b/muster-controller",
                                 .watcher = "/b/muster-watcher",
                                 .etcd = "/b/etcd" };
    struct local local = { .dir = "/s", .network = 0x7f4d0100, .controllers = 1, .prefix = "/p" };
    struct local_process a;
    struct local_process b;
    struct err err = { 0 };
    size_t i;

    cr_assert_eq(local_process_make(&local, &programs, LOCAL_PROCESS_CONTROLLER, 2, &a, &err), 0);
    cr_assert_eq(local_process_make(&local, &programs, LOCAL_PROCESS_CONTROLLER, 2, &b, &err), 0);
    cr_expect_str_eq(a.name, "controller-2");
    cr_expect_str_eq(a.pid_path, "/s/run/controller-2.pid");
    cr_expect_str_eq(a.argv[0], "/b/muster-controller");
    cr_expect_str_eq(a.argv[1], "--etcd-endpoints=http://127.77.1.250:2379");
    for (i = 0; a.argv[i] != NULL; i++) {
        cr_expect_str_eq(a.argv[i], b.argv[i]);
    }
    cr_expect_null(b.argv[i]);
}

static bool has_arg(const struct local_process *process, const char *arg)
{
    size_t i;

    for (i = 0; process->argv[i] != NULL && strcmp(process->argv[i], arg) != 0; i++) {
    }
    return process->argv[i] != NULL;
}

Test(local_process, the_watcher_is_told_where_tokens_are)
{
    struct programs programs = { .watcher = "/b/muster-watcher" };
    struct local local = { .dir = "/s", .network = 0x7f4d0100, .controllers = 1, .prefix = "/p" };
    struct local_process made;
    struct err err = { 0 };

    cr_assert_eq(local_process_make(&local, &programs, LOCAL_PROCESS_WATCHER, 0, &made, &err), 0);
    cr_expect_not(has_arg(&made, "--join-tokens="));
    (void)snprintf(local.join_tokens, sizeof(local.join_tokens), "/t");
    cr_assert_eq(local_process_make(&local, &programs, LOCAL_PROCESS_WATCHER, 0, &made, &err), 0);
    cr_expect(has_arg(&made, "--join-tokens=/t"));
}

Test(local_process, variables_of_muster_do_not_reach_the_daemons)
{
    cr_assert_eq(setenv("MUSTER_PREFIX", "/x", 1), 0);
    cr_assert_eq(setenv("MUSTERED", "kept", 1), 0);
    cr_assert_eq(setenv("MUSTER_A", "", 1), 0);
    local_clear_environment();
    cr_expect_null(getenv("MUSTER_PREFIX"));
    cr_expect_null(getenv("MUSTER_A"));
    cr_expect_str_eq(getenv("MUSTERED"), "kept");
}
