#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/scene.h"
#include "watcher/config.h"

#define ARGS_MAX 16

static struct watcher_config config;

static struct scene_path public_key(void)
{
    struct scene_path path = scene_path("trusted.pub");
    struct err err;

    cr_assert_eq(signing_key_create(scene_path("key").text, path.text, &err), 0, "%s", err.msg);
    return path;
}

/* Reads `--trusted-keys …` and the arguments (NULL-terminated). */
static int load(const char *const *args, struct err *err)
{
    struct scene_path keys = public_key();
    const char *argv[ARGS_MAX + 3] = { "muster-watcher", "--trusted-keys", keys.text };
    struct opt_result result;
    int argc = 3;
    int rv;

    for (; *args != NULL; args++) {
        argv[argc++] = *args;
    }
    memset(&config, 0, sizeof(config));
    rv = opt_parse(&watcher_config_table, argc, (char *const *)(uintptr_t)argv, &config.flags,
                   &result, err);
    return rv < 0 ? rv : watcher_config_load(&config, err);
}

Test(config, options_become_a_host)
{
    static const char *const args[] = { "--host",      "a",
                                        "--zone",      "z1",
                                        "--label",     "rack=7,disk=ssd",
                                        "--addresses", "127.1.2.3-127.1.2.5",
                                        "--memory",    "1Gi",
                                        NULL };
    struct err err;

    cr_assert_eq(load(args, &err), 0, "%s", err.msg);
    cr_expect_str_eq(config.host.name, "a");
    cr_expect_str_eq(config.host.zone, "z1");
    cr_expect_eq(config.host.labels_count, 2);
    cr_expect_str_eq(config.host.labels[0].name, "disk", "labels are sorted");
    cr_expect_str_eq(config.host.labels[1].value, "7");
    cr_expect_str_eq(config.host.ip_first, "127.1.2.3");
    cr_expect_eq(config.host.ip_count, 3);
    cr_expect_eq(config.host.nodes_max, 3);
    cr_expect_eq(config.host.data_port, 11211);
    cr_expect_eq(config.host.memory_bytes, UINT64_C(1) << 30);
    cr_expect_eq(config.keys.count, 1);
    cr_expect_str_eq(config.flags.state_dir, "/var/lib/muster");
}

Test(config, one_address_offers_many_ports)
{
    static const char *const args[] = { "--addresses", "127.1.2.3", "--data-port", "65533",
                                        "--host",      "a",         NULL };
    struct err err;
    uint32_t ip;
    uint16_t port;

    cr_assert_eq(load(args, &err), 0, "%s", err.msg);
    cr_expect_eq(config.host.ip_count, 1);
    cr_expect_eq(config.host.nodes_max, 2);
    cr_expect(host_endpoint(&config.host, 1, &ip, &port));
    cr_expect_eq(port, 65535);
    cr_expect_gt(config.host.memory_bytes, UINT64_C(1) << 20);
}

Test(config, mistakes_name_their_option)
{
    static const char *const mistakes[][3] = {
        { "--host", "Upper", NULL },
        { "--host", "a.b", NULL },
        { "--zone", "two words", NULL },
        { "--label", "novalue", NULL },
        { "--label", "a=1,a=2", NULL },
        { "--label", "a=b c", NULL },
        { "--addresses", "localhost", NULL },
        { "--addresses", "10.0.0.5-10.0.0.4", NULL },
        { "--addresses", "10.0.0.1-10.0.255.1", NULL },
        { "--addresses", "10.0.0.1-", NULL },
        { "--data-port", "1", NULL },
        { "--data-port", "65536", NULL },
        { "--lease-ttl", "1s", NULL },
        { "--prefix", "relative", NULL },
        { "--state-dir", "relative", NULL },
        { "--module", "/nonexistent.so", NULL },
        { "--memcached-user", "no-such-user-here", NULL },
        { "--log-level", "loud", NULL },
        { "--discovery-tls", "maybe", NULL },
        { "--discovery-tls", "require", NULL },
        { "--discovery-cert", "/cert.pem", NULL },
        { "--discovery-client-ca", "/ca.pem", NULL },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(mistakes); i++) {
        struct err err = { 0 };

        (void)remove(scene_path("key").text);
        (void)remove(scene_path("trusted.pub").text);
        cr_expect_eq(load(mistakes[i], &err), ERR_USAGE, "%s %s: %s", mistakes[i][0],
                     mistakes[i][1], err.msg);
        cr_expect_not_null(strstr(err.msg, mistakes[i][0] + 2), "%s %s: '%s'", mistakes[i][0],
                           mistakes[i][1], err.msg);
    }
}

Test(config, more_nodes_than_places_are_a_mistake)
{
    static const char *const args[] = { "--addresses", "127.1.2.3-127.1.2.5", "--nodes-max", "4",
                                        NULL };
    struct err err;

    cr_expect_eq(load(args, &err), ERR_USAGE);
    cr_expect_not_null(strstr(err.msg, "--nodes-max"), "%s", err.msg);
}

Test(config, without_trusted_keys_nothing_begins)
{
    const char *argv[] = { "muster-watcher" };
    struct opt_result result;
    struct err err;

    cr_assert_eq(opt_parse(&watcher_config_table, 1, (char *const *)(uintptr_t)argv, &config.flags,
                           &result, &err),
                 0);
    cr_expect_eq(watcher_config_load(&config, &err), ERR_USAGE);
    cr_expect_not_null(strstr(err.msg, "--trusted-keys"), "%s", err.msg);
}
