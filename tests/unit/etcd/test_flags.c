#include <criterion/criterion.h>
#include <string.h>

#include "etcd/etcd_flags.h"
#include "support/scene.h"

struct flags {
    int other;
    struct etcd_flags etcd;
};

static const struct opt opts[] = { ETCD_FLAGS(struct flags, etcd) };
static const struct opt_table table = {
    .program = "test", .synopsis = "", .summary = "", .opts = opts, .count = ARRAY_COUNT(opts)
};

static int parse(char *const *argv, struct flags *flags, struct etcd_options *options,
                 struct err *err)
{
    struct opt_result result;
    int count = 0;

    while (argv[count] != NULL) {
        count++;
    }
    cr_assert_eq(opt_parse(&table, count, argv, flags, &result, err), 0, "%s", err->msg);
    return etcd_flags_load(&flags->etcd, options, err);
}

Test(flags, become_options)
{
    struct scene_path password = scene_write("password", "s3cret \n");
    char *argv[] = { "test",        "--etcd-endpoints",
                     "http://a:1",  "--etcd-ca",
                     "ca",          "--etcd-cert",
                     "cert",        "--etcd-key",
                     "key",         "--etcd-user",
                     "user",        "--etcd-password-file",
                     password.text, NULL };
    struct flags flags = { 0 };
    struct etcd_options options;
    struct err err;

    cr_assert_eq(parse(argv, &flags, &options, &err), 0, "%s", err.msg);
    cr_expect_str_eq(options.endpoints, "http://a:1");
    cr_expect_str_eq(options.ca_file, "ca");
    cr_expect_str_eq(options.cert_file, "cert");
    cr_expect_str_eq(options.key_file, "key");
    cr_expect_str_eq(options.user, "user");
    cr_expect_str_eq(options.password, "s3cret ");
}

Test(flags, have_defaults)
{
    char *argv[] = { "test", NULL };
    struct flags flags = { 0 };
    struct etcd_options options;
    struct err err;

    cr_assert_eq(parse(argv, &flags, &options, &err), 0);
    cr_expect_str_eq(options.endpoints, ETCD_ENDPOINTS_DEFAULT);
    cr_expect_null(options.ca_file);
    cr_expect_null(options.user);
    cr_expect_null(options.password);
}

Test(flags, that_do_not_fit_each_other_are_refused)
{
    char many[ETCD_PASSWORD_MAX + 2];
    struct scene_path empty = scene_write("empty", "\n");
    struct scene_path large;
    struct err err;
    size_t i;

    memset(many, 'x', sizeof(many));
    many[ETCD_PASSWORD_MAX + 1] = '\0';
    large = scene_write("large", many);
    const struct {
        char *argv[8];
        int code;
    } cases[] = {
        { { "test", "--etcd-cert", "cert" }, ERR_USAGE },
        { { "test", "--etcd-key", "key" }, ERR_USAGE },
        { { "test", "--etcd-user", "user" }, ERR_USAGE },
        { { "test", "--etcd-password-file", empty.text }, ERR_USAGE },
        { { "test", "--etcd-user", "user", "--etcd-password-file", "/none" }, ERR_IO },
        { { "test", "--etcd-user", "user", "--etcd-password-file", empty.text }, ERR_INVALID },
        { { "test", "--etcd-user", "user", "--etcd-password-file", large.text }, ERR_LIMIT },
    };
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        struct flags flags = { 0 };
        struct etcd_options options;

        cr_expect_eq(parse(cases[i].argv, &flags, &options, &err), cases[i].code, "case %zu", i);
    }
}
