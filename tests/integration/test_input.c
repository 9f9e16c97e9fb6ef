/*
 * Wrong input at every door: network bytes, ports, programs, specs, command lines.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "codec/envelope.h"
#include "integration/ask.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "support/etcd_server.h"
#include "support/net.h"
#include "support/process.h"

#define LONG_LINE_BYTES 200000
#define DESCRIPTORS 1200 /* a watcher leaves a part of them for other things than clients */
#define CONNECTIONS_MORE_THAN_ALLOWED 1100

TestSuite(input, .timeout = 180);

/* ---- The network ---- */

static void must_answer(const char *ip, uint16_t port)
{
    struct listing listing;

    cr_assert(WITHIN(LAB_PATIENCE_MS, ask_cluster(ip, port, ASK_CONFIG, &listing) == ASK_LISTED),
              "%s:%u does not answer", ip, (unsigned)port);
}

/* Whatever is sent, the answer is an error or the end of the connection, and the next one is fine.
 */
static void must_refuse(const char *ip, uint16_t port, const char *request, size_t size)
{
    CLEANUP(fd_close_p) int fd = ask_connect(ip, port);
    char reply[ASK_REPLY_SIZE];

    cr_assert_geq(fd, 0);
    if (ask_send(fd, request, size)) {
        (void)shutdown(fd, SHUT_WR); /* who waits for the rest learns that there is none */
        (void)ask_read(fd, "\r\n", reply, sizeof(reply));
        cr_assert(reply[0] == '\0' || strncmp(reply, "ERROR", 5) == 0 ||
                      strncmp(reply, "CLIENT_ERROR", 12) == 0 ||
                      strncmp(reply, "SERVER_ERROR", 12) == 0 || (unsigned char)reply[0] == 0x81,
                  "%s:%u answers '%.100s' to '%.60s'", ip, (unsigned)port, reply, request);
    }
    must_answer(ip, port);
}

Test(input, malformed_discovery_requests_get_errors_on_both_ports)
{
    static const char *const lines[] = {
        "config\r\n",
        "config get\r\n",
        "config get nothing\r\n",
        "config cluster get\r\n",
        "config set cluster\r\n",
        "config set cluster 0 -1\r\n",
        "config set cluster 0 999999999999\r\n",
        "nonsense\r\n",
        "\x01\x02\x03\r\n",
        "\x80\x60\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00",
    };
    static const uint16_t ports[] = { LAB_DATA_PORT, LAB_DISCOVERY_PORT };
    static char longest[LONG_LINE_BYTES];
    struct scene_ip ip = scene_ip(1);
    pid_t node;
    pid_t watcher;
    size_t i;
    size_t j;

    memset(longest, 'x', sizeof(longest));
    lab_start(1, NULL);
    node = ps_memcached(ip.text);
    watcher = ps_one(PS_WATCHER);
    for (i = 0; i < ARRAY_COUNT(ports); i++) {
        for (j = 0; j < ARRAY_COUNT(lines); j++) {
            size_t size = lines[j][0] == '\x80' ? 18 : strlen(lines[j]);

            must_refuse(ip.text, ports[i], lines[j], size);
        }
        must_refuse(ip.text, ports[i], longest, sizeof(longest));
    }
    cr_assert_eq(ps_memcached(ip.text), node, "memcached was restarted");
    cr_assert_eq(ps_one(PS_WATCHER), watcher, "the watcher was restarted");
    lab_close();
}

/*
 * The discovery port holds so many connections and no more: when a further one comes, one that has
 * waited long gives way. What is started here gets by with few descriptors, so that the test does.
 */
Test(input, the_discovery_port_bounds_its_connections)
{
    static int fds[CONNECTIONS_MORE_THAN_ALLOWED];
    const struct rlimit few = { DESCRIPTORS, DESCRIPTORS };
    struct scene_ip ip = scene_ip(1);
    struct listing listing;
    size_t held = 0;
    size_t i;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    lab_start(1, NULL);
    for (i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = ask_connect(ip.text, LAB_DISCOVERY_PORT);
        cr_assert_geq(fds[i], 0);
        cr_assert_eq(ask_cluster_on(fds[i], ASK_CONFIG, &listing), ASK_LISTED, "connection %zu", i);
    }
    for (i = 0; i < ARRAY_COUNT(fds); i++) {
        held += ask_cluster_on(fds[i], ASK_CONFIG, &listing) == ASK_LISTED ? 1 : 0;
        fd_close_p(&fds[i]);
    }
    cr_expect_lt(held, ARRAY_COUNT(fds), "there is no limit");
    cr_expect_gt(held, ARRAY_COUNT(fds) / 2, "%zu of %zu were held", held, ARRAY_COUNT(fds));
    must_answer(ip.text, LAB_DISCOVERY_PORT);
    lab_close();
}

/* ---- Ports and programs ---- */

/* The holder of the port is this very test: its pid stands in the report. */
Test(input, a_port_in_use_is_named_with_its_holder)
{
    struct run_result result;
    struct scene_ip ip = scene_ip(2);
    char holder[32];
    int fd = net_listen(ip.text, LAB_DATA_PORT);
    char network[32];

    (void)snprintf(holder, sizeof(holder), "%d", (int)getpid());
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    lab_write_spec(3, "");
    lab_tell_logs_on_failure();
    MUST_MUSTER(&result, 1, "up", "--detach", "-f", lab_spec().text, "--network", network,
                "--timeout", "8s");
    must_say(result.err, ip.text);
    must_say(result.err, "11211");
    must_say(result.err, holder);
    (void)close(fd);
    must_converge();
    lab_close();
}

Test(input, etcds_port_in_use_is_named_with_its_holder)
{
    struct run_result result;
    struct scene_ip ip = scene_ip(250);
    char holder[32];
    int fd = net_listen(ip.text, 2379);
    char network[32];
    struct ps_list left;

    (void)snprintf(holder, sizeof(holder), "%d", (int)getpid());
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    lab_write_spec(1, "");
    MUST_MUSTER(&result, 5, "up", "--detach", "-f", lab_spec().text, "--network", network);
    must_say(result.err, "2379");
    must_say(result.err, holder);
    (void)close(fd);
    ps_list(PS_ANY, &left);
    cr_assert_eq(left.count, 0, "%d %s", (int)left.items[0].pid, left.items[0].command);
}

/* A directory for PATH whose memcached is a script that tells `version`. */
static struct scene_path fake_memcached(const char *version)
{
    struct scene_path dir = scene_path("fake");
    struct scene_path program;
    char script[256];

    cr_assert_eq(mkdir(dir.text, 0755), 0);
    (void)snprintf(script, sizeof(script), "#!/bin/sh\necho 'memcached %s'\n", version);
    program = scene_write("fake/memcached", script);
    cr_assert_eq(chmod(program.text, 0755), 0);
    return dir;
}

Test(input, a_memcached_that_is_too_old_is_named_with_its_version)
{
    struct run_result result;
    struct scene_path dir = fake_memcached("1.4.33");
    char path[4096];
    char network[32];

    (void)snprintf(path, sizeof(path), "PATH=%s:%s", dir.text, getenv("PATH"));
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    lab_write_spec(1, "");
    lab_tell_logs_on_failure();
    lab_run_with(&result, "muster",
                 (const char *const[]){ "up", "--detach", "-f", lab_spec().text, "--network",
                                        network, "--timeout", "8s", NULL },
                 (const char *const[]){ path, NULL }, "");
    cr_assert_eq(result.exit_code, 1, "exit code %d\n%s%s", result.exit_code, result.out,
                 result.err);
    must_say(result.err, "1.4.33");
    must_say(result.err, "1.6.18");
    lab_close();
}

/* Keys for daemons that are run by hand. */
static void make_keys(struct scene_path *secret, struct scene_path *public_key)
{
    struct err err;

    *secret = scene_path("signing.key");
    *public_key = scene_path("trusted.pub");
    cr_assert_eq(signing_key_create(secret->text, public_key->text, &err), 0, "%s", err.msg);
}

static bool host_says(const char *url, const char *text)
{
    struct run_result result;

    lab_run(&result, "muster",
            (const char *const[]){ "get", "hosts", "-o", "json", "--etcd-endpoints", url, NULL });
    return result.exit_code == 0 && strstr(result.out, text) != NULL;
}

/* The watcher runs on and tells through its host what it lacks. */
Test(input, a_missing_memcached_is_named)
{
    struct etcd_server *etcd = etcd_server_start();
    struct scene_path secret;
    struct scene_path public_key;
    struct process *watcher;

    make_keys(&secret, &public_key);
    watcher = process_startl("watcher", scene_program("muster-watcher").text, "--etcd-endpoints",
                             etcd_server_url(etcd), "--trusted-keys", public_key.text,
                             "--state-dir", scene_path("watcher").text, "--partition-dir",
                             scene_path("partitions").text, "--addresses", scene_ip(1).text,
                             "--memcached", "/nonexistent/memcached", NULL);
    cr_assert(WITHIN(LAB_PATIENCE_MS, host_says(etcd_server_url(etcd), "/nonexistent/memcached")),
              "%s", process_output(watcher));
    process_signal(watcher, SIGTERM);
    cr_assert_eq(process_wait(watcher), 0);
}

/* ---- etcd ---- */

static size_t lines_with(const char *text, const char *word)
{
    size_t count = 0;
    const char *at = text;

    while ((at = strstr(at, word)) != NULL) {
        count++;
        at += strcspn(at, "\n");
    }
    return count;
}

/* Nobody listens there. Each program says so once, and its exit code is 6. */
Test(input, an_etcd_that_is_not_there_is_told_once)
{
    struct run_result result;
    struct scene_path secret;
    struct scene_path public_key;
    char url[64];

    (void)snprintf(url, sizeof(url), "http://%s:2379", scene_ip(9).text);
    MUST_MUSTER(&result, 6, "get", "clusters", "--etcd-endpoints", url, "--timeout", "1s");
    cr_assert_eq(lines_with(result.err, url), 1, "%s", result.err);
    MUST_MUSTER(&result, 6, "wait", LAB_CLUSTER, "--for", "converged", "--etcd-endpoints", url,
                "--timeout", "1s");

    make_keys(&secret, &public_key);
    lab_run(&result, "muster-controller",
            (const char *const[]){ "--etcd-endpoints", url, "--signing-key", secret.text,
                                   "--timeout", "2s", NULL });
    cr_assert_eq(result.exit_code, 6, "exit code %d\n%s", result.exit_code, result.err);
    /* The trouble when it begins, and the end. */
    cr_assert_leq(lines_with(result.err, "reached"), 2, "%s", result.err);
    lab_run(&result, "muster-watcher",
            (const char *const[]){ "--etcd-endpoints", url, "--trusted-keys", public_key.text,
                                   "--state-dir", scene_path("watcher").text, "--partition-dir",
                                   scene_path("partitions").text, "--addresses", scene_ip(1).text,
                                   "--timeout", "2s", NULL });
    cr_assert_eq(result.exit_code, 6, "exit code %d\n%s", result.exit_code, result.err);
    cr_assert_leq(lines_with(result.err, "reached"), 2, "%s", result.err);
}

/* ---- Command lines and specs ---- */

Test(input, wrong_command_lines_exit_with_2)
{
    const char *const *const lines[] = {
        (const char *const[]){ "nonsense", NULL },
        (const char *const[]){ "get", "--nonsense", NULL },
        (const char *const[]){ "scale", "x", "--nodes", "many", NULL },
        (const char *const[]){ "get", "clusters", "-o", "xml", NULL },
        (const char *const[]){ "wait", "x", "--for", "rain", NULL },
        (const char *const[]){ "up", "--network", "10.0.0.0/24", NULL },
        (const char *const[]){ "apply", NULL },
    };
    static const char *const daemons[] = { "muster-controller", "muster-watcher" };
    struct run_result result;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(lines); i++) {
        must_muster(&result, 2, lines[i]);
        cr_assert_str_not_empty(result.err);
    }
    for (i = 0; i < ARRAY_COUNT(daemons); i++) {
        lab_run(&result, daemons[i], (const char *const[]){ "--etcd-endpoint", "x", NULL });
        cr_assert_eq(result.exit_code, 2, "%s: %d", daemons[i], result.exit_code);
        must_say(result.err, "--etcd-endpoints"); /* the nearest known one */
    }
}

Test(input, help_and_version_are_told_by_every_program)
{
    static const char *const programs[] = { "muster", "muster-controller", "muster-watcher" };
    struct run_result result;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(programs); i++) {
        lab_run(&result, programs[i], (const char *const[]){ "--help", NULL });
        cr_assert_eq(result.exit_code, 0);
        must_say(result.out, programs[i]);
        lab_run(&result, programs[i], (const char *const[]){ "--version", NULL });
        cr_assert_eq(result.exit_code, 0);
        must_say(result.out, ".");
    }
}

/* All mistakes at once, each with its place; nothing is applied. */
Test(input, a_bad_spec_is_told_in_full_and_not_applied)
{
    struct run_result result;
    struct scene_path spec = scene_write(
        "bad.yaml", "apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: fine\n"
                    "spec:\n  nodes: 1\n---\n"
                    "apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: Not_Fine\n"
                    "spec:\n  nodes: 0\n  memroy: 64Mi\n  threads: many\n");

    lab_start(1, NULL);
    MUST_MUSTER(&result, 3, "apply", "-f", spec.text);
    must_say(result.err, "bad.yaml:11:");
    must_say(result.err, "spec.nodes: must be between 1 and 1024, got 0");
    must_say(result.err, "bad.yaml:14:");
    must_say(result.err, "memory"); /* what memroy was meant to be */
    must_say(result.err, "bad.yaml:15:");
    MUST_MUSTER(&result, 4, "describe", "cluster", "fine");

    MUST_MUSTER(&result, 4, "scale", "unknown", "--nodes", "2");
    MUST_MUSTER(&result, 4, "endpoint", "unknown");
    MUST_MUSTER(&result, 4, "delete", "cluster", "unknown");
    MUST_MUSTER(&result, 2, "scale", LAB_CLUSTER, "--nodes", "5000");
    lab_close();
}

static bool is_unplaced(const char *cluster, const char *host)
{
    struct run_result result;

    MUST_MUSTER(&result, 0, "describe", "cluster", cluster);
    return strstr(result.out, "Unschedulable") != NULL && strstr(result.out, host) != NULL;
}

/* No host fits: the reason is told per host, waiting for it times out, and it heals. */
Test(input, a_spec_that_cannot_be_placed_tells_why)
{
    struct run_result result;
    struct scene_path spec = lab_write_cluster(
        "far.yaml", "far", "  nodes: 2\n  memory: 16Mi\n  placement:\n    hosts: [elsewhere]\n");
    struct scene_path huge = lab_write_cluster("huge.yaml", "huge", "  nodes: 1\n  memory: 3Ti\n");

    lab_start(1, NULL);
    MUST_OK("apply", "-f", spec.text);
    MUST_OK("apply", "-f", huge.text);
    MUST_MUSTER(&result, 7, "wait", "far", "--for", "converged", "--timeout", "2s");
    cr_assert(WITHIN(LAB_PATIENCE_MS, is_unplaced("far", "elsewhere")));
    cr_assert(WITHIN(LAB_PATIENCE_MS, is_unplaced("huge", "local")));
    must_converge(); /* the others' trouble is not ours */
    MUST_OK("delete", "cluster", "far", "--wait");
    MUST_OK("delete", "cluster", "huge", "--wait");
    lab_close();
}

/* What is being deleted takes no changes: a conflict. The controller is frozen meanwhile. */
Test(input, changing_what_is_being_deleted_is_a_conflict)
{
    struct run_result result;
    pid_t controller;

    lab_start(1, NULL);
    controller = ps_one(PS_CONTROLLER);
    cr_assert_eq(kill(controller, SIGSTOP), 0);
    MUST_OK("delete", "cluster", LAB_CLUSTER);
    MUST_MUSTER(&result, 5, "apply", "-f", lab_spec().text);
    MUST_MUSTER(&result, 5, "scale", LAB_CLUSTER, "--nodes", "2");
    MUST_MUSTER(&result, 7, "wait", LAB_CLUSTER, "--for", "deleted", "--timeout", "1s");
    cr_assert_eq(kill(controller, SIGCONT), 0);
    MUST_OK("wait", LAB_CLUSTER, "--for", "deleted", "--timeout", "60s");
    lab_close();
}
