#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config.h"

#define ARGS_MAX 16

static struct controller_config config;

static int load(struct err *err, const char *const *args)
{
    struct opt_result result = { .positional_count = 0 };
    char *argv[ARGS_MAX + 1] = { (char *)(uintptr_t) "muster-controller" };
    int argc = 1;

    for (; *args != NULL; args++) {
        cr_assert_lt(argc, ARGS_MAX);
        argv[argc++] = (char *)(uintptr_t)*args;
    }
    config = (struct controller_config){ .prefix = NULL };
    return config_load(argc, argv, &config, &result, err);
}

#define LOAD(...) load(&err, (const char *const[]){ __VA_ARGS__, NULL })

Test(config, defaults_are_complete)
{
    struct err err;

    cr_assert_eq(LOAD("--signing-key", "k"), 0, "%s", err.msg);
    cr_assert_str_eq(config.prefix, "/muster/v1");
    cr_assert_str_eq(config.etcd.endpoints, "http://127.0.0.1:2379");
    cr_assert_eq(config.lease_ttl_s, 5);
    cr_assert_str_eq(config.dns.prefix, "/skydns");
    cr_assert_eq(config.dns.ttl_s, 5);
    cr_assert_eq(config.event_ttl_ms, 3600000);
    cr_assert_eq(config.start_timeout_ms, 0);
    cr_assert_eq(leader_identity_check(config.identity, &err), 0, "%s", err.msg);
}

Test(config, the_environment_is_read_as_well)
{
    struct err err;

    setenv("MUSTER_SIGNING_KEY", "from-env", 1);
    setenv("MUSTER_DNS_PREFIX", "", 1);
    cr_assert_eq(LOAD("--lease-ttl", "2500ms", "--identity", "c1"), 0, "%s", err.msg);
    cr_assert_str_eq(config.signing_key, "from-env");
    cr_assert_eq(config.lease_ttl_s, 3, "etcd counts in seconds");
    cr_assert_str_eq(config.identity, "c1");
}

Test(config, mistakes_name_the_option)
{
    static const struct {
        const char *name;
        const char *value;
    } mistakes[] = { { "--lease-ttl", "1s" },    { "--lease-ttl", "5" },
                     { "--event-ttl", "1s" },    { "--dns-ttl", "10ms" },
                     { "--prefix", "relative" }, { "--dns-prefix", "skydns" },
                     { "--identity", "a b" },    { "--log-level", "loud" },
                     { "--etcd-endpoint", "x" }, { "--etcd-cert", "only-it" } };
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(mistakes); i++) {
        cr_assert_eq(LOAD("--signing-key", "k", mistakes[i].name, mistakes[i].value), ERR_USAGE,
                     "%s %s", mistakes[i].name, mistakes[i].value);
        cr_assert_not_null(strstr(err.msg, mistakes[i].name), "%s", err.msg);
    }
    cr_assert_eq(LOAD("--prefix", "/x"), ERR_USAGE);
    cr_assert_not_null(strstr(err.msg, "--signing-key"), "%s", err.msg);
    cr_assert_eq(LOAD("--signing-key", "k", "surplus"), ERR_USAGE);
}
