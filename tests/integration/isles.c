#include "integration/isles.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "codec/envelope.h"
#include "integration/etcdview.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/relay.h"

#define NETWORK "10.77"
#define NEAR_IP NETWORK ".0.1"
#define FAR_IP NETWORK ".0.2"
#define NAME_SIZE 32
#define URLS_SIZE 256

/* One test is one process, and has one set of isles. */
static struct {
    struct etcd_server *etcds[ISLES_ETCDS];
    struct process *controllers[ISLES_CONTROLLERS];
    struct process *watchers[ISLES_HOSTS + 1]; /* by number of the host */
    struct process *far;                       /* holds the far namespace */
    char far_pid[NAME_SIZE];
    char urls[URLS_SIZE];
    unsigned generation; /* of the controllers */
} isles;

struct scene_ip isles_ip(unsigned host, unsigned node)
{
    struct scene_ip ip;

    (void)snprintf(ip.text, sizeof(ip.text), NETWORK ".%u.%u", host % 256, node % 256);
    return ip;
}

/* ---- Networks ---- */

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define RUN_FAR(...) RUN("nsenter", "-t", isles.far_pid, "-n", __VA_ARGS__)

static void run(const char *const *argv)
{
    struct process_spec spec = { .name = "net", .argv = argv };
    char *output = NULL;
    int code = process_run(&spec, &output);

    cr_assert_eq(code, 0, "%s %s …: %s", argv[0], argv[1], output);
    free(output);
}

static bool is_apart(void)
{
    char path[64];
    char own[64] = "";
    char far[64] = "";

    (void)snprintf(path, sizeof(path), "/proc/%s/ns/net", isles.far_pid);
    return 0 < readlink("/proc/self/ns/net", own, sizeof(own) - 1) &&
           0 < readlink(path, far, sizeof(far) - 1) && strcmp(own, far) != 0;
}

static void make_networks(void)
{
    cr_assert_eq(unshare(CLONE_NEWNET), 0, "a network namespace can't be made");
    isles.far = process_startl("far", "unshare", "--net", "sleep", "600", NULL);
    (void)snprintf(isles.far_pid, sizeof(isles.far_pid), "%d", (int)process_pid(isles.far));
    cr_assert(WITHIN(LAB_PATIENCE_MS, is_apart()));
    RUN("ip", "link", "set", "lo", "up");
    RUN("ip", "route", "add", "local", NETWORK ".1.0/24", "dev", "lo");
    RUN("ip", "route", "add", "local", NETWORK ".2.0/24", "dev", "lo");
    RUN("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", isles.far_pid);
    RUN("ip", "addr", "add", NEAR_IP "/30", "dev", "near");
    RUN_FAR("ip", "link", "set", "lo", "up");
    RUN_FAR("ip", "addr", "add", FAR_IP "/30", "dev", "far");
    RUN_FAR("ip", "route", "add", "local", NETWORK ".3.0/24", "dev", "lo");
    RUN_FAR("ip", "link", "set", "far", "up");
    isles_cut(false);
    RUN_FAR("ip", "route", "add", "default", "via", NEAR_IP);
}

/* A link that was down has forgotten its routes. */
void isles_cut(bool cut)
{
    RUN("ip", "link", "set", "near", cut ? "down" : "up");
    if (!cut) {
        RUN("ip", "route", "replace", NETWORK ".3.0/24", "via", FAR_IP);
    }
}

/* ---- Programs ---- */

static struct scene_path partitions_of(unsigned host)
{
    struct scene_path path;

    (void)snprintf(path.text, sizeof(path.text), "/dev/shm/%.64s-isle%u",
                   strrchr(scene_dir(), '/') + 1, host);
    return path;
}

struct scene_path isles_partition(unsigned host, const char *cluster, uint32_t slot)
{
    struct scene_path path = partitions_of(host);
    size_t used = strlen(path.text);

    (void)snprintf(path.text + used, sizeof(path.text) - used, "/%.40s/%04u", cluster, slot);
    return path;
}

void isles_start_watcher(unsigned host)
{
    char name[NAME_SIZE];
    char host_option[NAME_SIZE];
    char addresses[2 * SCENE_IP_SIZE + 16];
    struct scene_path program = scene_program("muster-watcher");
    struct scene_path trusted = scene_path("trusted.pub");
    struct scene_path state = scene_path("state-%u", host);
    struct scene_path partitions = partitions_of(host);
    const char *url = host == ISLES_FAR ? "http://" NEAR_IP ":2379" : isles.urls;
    const char *const argv[] = { "nsenter",
                                 "-t",
                                 isles.far_pid,
                                 "-n",
                                 program.text,
                                 host_option,
                                 addresses,
                                 "--etcd-endpoints",
                                 url,
                                 "--trusted-keys",
                                 trusted.text,
                                 "--state-dir",
                                 state.text,
                                 "--partition-dir",
                                 partitions.text,
                                 "--lease-ttl=3s",
                                 "--memory=1Gi",
                                 NULL };
    struct process_spec spec = { .name = name, .argv = host == ISLES_FAR ? argv : argv + 4 };

    (void)snprintf(name, sizeof(name), "log-watcher-%u", host);
    (void)snprintf(host_option, sizeof(host_option), "--host=h%u", host);
    (void)snprintf(addresses, sizeof(addresses), "--addresses=%s-%s", isles_ip(host, 1).text,
                   isles_ip(host, ISLES_NODES_PER_HOST).text);
    isles.watchers[host] = process_start(&spec);
}

void isles_kill_watcher(unsigned host)
{
    process_signal(isles.watchers[host], SIGKILL);
    (void)process_wait(isles.watchers[host]);
}

static void start_controllers(void)
{
    unsigned i;

    isles.generation++;
    for (i = 0; i < ISLES_CONTROLLERS; i++) {
        char name[NAME_SIZE];
        char identity[NAME_SIZE];

        (void)snprintf(name, sizeof(name), "log-controller-%u-%u", isles.generation, i);
        (void)snprintf(identity, sizeof(identity), "--identity=c%u", i);
        isles.controllers[i] = process_startl(
            name, scene_program("muster-controller").text, "--etcd-endpoints", isles.urls,
            "--signing-key", scene_path("signing.key").text, identity, "--lease-ttl=3s", NULL);
    }
}

char *isles_controller_log(unsigned controller)
{
    return process_output(isles.controllers[controller]);
}

void isles_kill_heads(void)
{
    unsigned i;

    for (i = 0; i < ISLES_CONTROLLERS; i++) {
        process_kill(isles.controllers[i]);
    }
    for (i = 0; i < ISLES_ETCDS; i++) {
        etcd_server_kill(isles.etcds[i]);
    }
}

void isles_start_heads(void)
{
    etcd_server_restart_cluster(isles.etcds, ISLES_ETCDS);
    start_controllers();
}

static void start_etcd(void)
{
    size_t used = 0;
    size_t i;

    etcd_server_start_cluster(isles.etcds, ISLES_ETCDS);
    for (i = 0; i < ISLES_ETCDS; i++) {
        used += (size_t)snprintf(isles.urls + used, sizeof(isles.urls) - used, "%s%s",
                                 i == 0 ? "" : ",", etcd_server_url(isles.etcds[i]));
    }
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", isles.urls, 1), 0);
    (void)relay_start(NEAR_IP, ETCD_SERVER_PORT, etcd_server_ip(isles.etcds[0]), ETCD_SERVER_PORT);
}

void isles_start(void)
{
    struct err err;
    unsigned host;

    make_networks();
    lab_tell_logs_on_failure();
    start_etcd();
    cr_assert_eq(
        signing_key_create(scene_path("signing.key").text, scene_path("trusted.pub").text, &err), 0,
        "%s", err.msg);
    start_controllers();
    for (host = 1; host <= ISLES_HOSTS; host++) {
        scene_remove_too(partitions_of(host).text);
        isles_start_watcher(host);
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("hosts/") == ISLES_HOSTS),
              "not all hosts report");
}
