#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/scene.h"
#include "watcher/config.h"

#define ARGS_MAX 20

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
        { "--mode", "guest", NULL },
        { "--join", "10.0.0.1", NULL },
        { "--token-file", "/token", NULL },
        { "--memcached-address", "10.0.0.7", NULL },
        { "--partition", "/p", NULL },
        { "--join-tokens", "relative", NULL },
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

/* A whole sidecar, with a token file. `more` is NULL-terminated and comes last. */
static int load_sidecar(const char *const *more, struct err *err)
{
    struct scene_path token = scene_write("token", "0123456789abcdef0123456789abcdef\n");
    const char *args[ARGS_MAX] = { "--mode",       "sidecar", "--memcached-address", "10.0.0.7",
                                   "--host",       "c7",      "--partition",         "/run/p",
                                   "--token-file", token.text };
    size_t count = 10;

    cr_assert_eq(chmod(token.text, 0600), 0);
    for (; more != NULL && *more != NULL; more++) {
        args[count++] = *more;
    }
    return load(args, err);
}

Test(config, options_become_a_sidecar)
{
    static const char *const more[] = { "--join", "10.0.0.1,node-2.example:7000", "--slot", "7",
                                        NULL };
    struct err err;

    cr_assert_eq(load_sidecar(more, &err), 0, "%s", err.msg);
    cr_expect_eq(config.mode, WATCHER_SIDECAR);
    cr_expect(config.host.sidecar);
    cr_expect_str_eq(config.host.ip_first, "10.0.0.7");
    cr_expect_eq(config.host.data_port, 11211);
    cr_expect_eq(config.host.nodes_max, 1);
    cr_expect_str_eq(config.flags.partition_dir, "/run/p");
    cr_expect_eq(config.flags.leave_timeout_ms, 300000);
    cr_assert_eq(config.join_count, 2);
    cr_expect_str_eq(config.join[0].name, "10.0.0.1");
    cr_expect_eq(config.join[0].port, 11211);
    cr_expect_str_eq(config.join[1].name, "node-2.example");
    cr_expect_eq(config.join[1].port, 7000);
}

Test(config, mistakes_of_a_sidecar_name_their_option)
{
    static const char *const mistakes[][3] = {
        { "--memcached-address", "cache", NULL },
        { "--memcached-address", "0.0.0.0", NULL },
        { "--memcached-address", "10.0.0.7:1", NULL },
        { "--memcached-address", "10.0.0.7:65536", NULL },
        { "--partition", "relative", NULL },
        { "--join", ":11211", NULL },
        { "--join", "a,b,c,d,e,f,g,h,i", NULL },
        { "--join", "", NULL },
        { "--slot", "10000", NULL },
        { "--cluster", "No Name", NULL },
        { "--addresses", "10.0.0.1", NULL },
        { "--memcached", "/usr/bin/memcached", NULL },
        { "--module", "none", NULL },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(mistakes); i++) {
        const char *more[] = { "--join", "10.0.0.1", mistakes[i][0], mistakes[i][1], NULL };
        struct err err = { 0 };

        (void)remove(scene_path("key").text);
        (void)remove(scene_path("trusted.pub").text);
        cr_expect_eq(load_sidecar(more, &err), ERR_USAGE, "%s %s: %s", mistakes[i][0],
                     mistakes[i][1], err.msg);
        cr_expect_not_null(strstr(err.msg, mistakes[i][0] + 2), "%s %s: '%s'", mistakes[i][0],
                           mistakes[i][1], err.msg);
    }
}

Test(config, a_token_that_others_may_read_is_a_mistake)
{
    static const char *const more[] = { "--join", "10.0.0.1", "--token-file", NULL, NULL };
    struct scene_path open_token = scene_write("open", "0123456789abcdef0123456789abcdef\n");
    const char *args[] = { more[0], more[1], more[2], open_token.text, NULL };
    struct err err;

    cr_assert_eq(chmod(open_token.text, 0644), 0);
    cr_expect_eq(load_sidecar(args, &err), ERR_DENIED);
    cr_expect_not_null(strstr(err.msg, "--token-file"), "%s", err.msg);
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
