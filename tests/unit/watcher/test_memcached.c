#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/scene.h"
#include "watcher/memcached.h"
#include "watcher/memcached_argv.h"

static struct scene_path fake(const char *name, const char *text)
{
    struct scene_path path = scene_write(name, text);

    cr_assert_eq(chmod(path.text, 0755), 0);
    return path;
}

Test(memcached, versions_are_compared_as_numbers)
{
    static const struct {
        const char *version;
        bool fits;
    } cases[] = {
        { "1.6.18", true },  { "1.6.19", true },      { "1.6.100", true }, { "1.7.0", true },
        { "2.0.0", true },   { "1.6.18_beta", true }, { "1.6.17", false }, { "1.6.9", false },
        { "1.5.99", false }, { "0.9.99", false },     { "1.6", false },    { "", false },
        { "new", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(memcached_version_fits(cases[i].version), cases[i].fits, "'%s'",
                     cases[i].version);
    }
}

Test(memcached, the_installed_one_is_found)
{
    struct memcached_program program;

    memcached_find(NULL, &program);
    cr_expect_str_eq(program.problem, "");
    cr_expect_eq(strncmp(program.version, "1.6.", 4), 0, "%s", program.version);
    cr_expect_eq(program.path[0], '/');
}

Test(memcached, one_that_is_too_old_is_named_with_its_version)
{
    struct scene_path old = fake("old", "#!/bin/sh\necho memcached 1.5.22\n");
    struct memcached_program program;

    memcached_find(old.text, &program);
    cr_expect_str_eq(program.version, "1.5.22");
    cr_expect_not_null(strstr(program.problem, old.text), "%s", program.problem);
    cr_expect_not_null(strstr(program.problem, "1.5.22"), "%s", program.problem);
}

Test(memcached, one_that_is_missing_or_mute_is_named)
{
    static const char *const texts[] = { "#!/bin/sh\n", "#!/bin/sh\necho something else\n",
                                         "#!/bin/sh\nexit 1\n", "no program" };
    struct memcached_program program;
    struct scene_path path;
    size_t i;

    memcached_find("/nonexistent/memcached", &program);
    cr_expect_not_null(strstr(program.problem, "/nonexistent/memcached"), "%s", program.problem);
    cr_expect_str_eq(program.version, "");
    for (i = 0; i < ARRAY_COUNT(texts); i++) {
        path = fake("mute", texts[i]);
        memcached_find(path.text, &program);
        cr_expect_not_null(strstr(program.problem, path.text), "'%s'", texts[i]);
        cr_expect_str_eq(program.version, "");
    }
}

Test(memcached, one_that_hangs_is_not_waited_for)
{
    struct scene_path path = fake("hanging", "#!/bin/sh\nexec sleep 1000\n");
    struct memcached_program program;

    memcached_find(path.text, &program);
    cr_expect_neq(program.problem[0], '\0');
}

static void join_args(const char *const *argv, char *out, size_t out_size)
{
    size_t i;

    out[0] = '\0';
    for (i = 0; argv[i] != NULL; i++) {
        size_t used = strlen(out);

        (void)snprintf(out + used, out_size - used, "%s%s", i == 0 ? "" : " ", argv[i]);
    }
}

static const struct intent plain = { .ip = "127.0.0.1",
                                     .data_port = 11211,
                                     .settings = { .memory_bytes = UINT64_C(64) << 20,
                                                   .threads = 4,
                                                   .connections_max = 1024,
                                                   .item_bytes_max = 1U << 20 } };

Test(memcached, the_settings_become_arguments)
{
    static const char *const extra[] = { "-o", "modern,hashpower=20", "-M" };
    struct memcached_program program = { .path = "/usr/bin/memcached" };
    CLEANUP(arena_deinit) struct arena arena;
    struct intent intent = plain;
    const char *const *argv;
    struct err err;
    char line[512];

    arena_init(&arena, 1U << 20);
    cr_assert_eq(memcached_argv(&program, &intent, "", &arena, &argv, &err), 0, "%s", err.msg);
    join_args(argv, line, sizeof(line));
    cr_expect_str_eq(line, "/usr/bin/memcached -l 127.0.0.1 -p 11211 -U 0 -m 64 -c 1024 -t 4 "
                           "-I 1048576");
    intent.settings.extra_args = extra;
    intent.settings.extra_args_count = ARRAY_COUNT(extra);
    cr_assert_eq(memcached_argv(&program, &intent, "nobody", &arena, &argv, &err), 0, "%s",
                 err.msg);
    join_args(argv, line, sizeof(line));
    cr_expect_str_eq(line, "/usr/bin/memcached -l 127.0.0.1 -p 11211 -U 0 -m 64 -c 1024 -t 4 "
                           "-I 1048576 -u nobody -o modern,hashpower=20 -M");
}

/* The key of an intent may have been written by anybody who can write to etcd. */
Test(memcached, arguments_that_are_not_allowed_start_nothing)
{
    static const char *const evil[][2] = {
        { "-u", "root" }, { "-l", "0.0.0.0" },          { "-p", "1" },
        { "-d", NULL },   { "-o", "ext_path=/etc:1G" }, { "-e", "/etc/passwd" },
        { "-vv", NULL },  { "-P", "/etc/cron.d/x" },    { "-s", "/tmp/socket" },
    };
    struct memcached_program program = { .path = "/usr/bin/memcached" };
    CLEANUP(arena_deinit) struct arena arena;
    size_t i;

    arena_init(&arena, 1U << 20);
    for (i = 0; i < ARRAY_COUNT(evil); i++) {
        struct intent intent = plain;
        const char *const *argv;
        struct err err;

        intent.settings.extra_args = evil[i];
        intent.settings.extra_args_count = evil[i][1] == NULL ? 1 : 2;
        cr_expect_eq(memcached_argv(&program, &intent, "", &arena, &argv, &err), ERR_INVALID,
                     "'%s'", evil[i][0]);
    }
}
