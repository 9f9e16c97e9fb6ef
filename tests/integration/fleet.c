#include "integration/fleet.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "codec/envelope.h"
#include "integration/etcdview.h"
#include "integration/ps.h"
#include "support/etcd_server.h"
#include "support/process.h"

/* Names of processes; those of their outputs have "/log" in them. */
#define CONTROLLER "log-controller"
#define WATCHER "log-h%u"
#define NAME_SIZE 32

/* One test is one process, and has one fleet. */
static struct {
    struct process *controller;
    struct etcd_server *etcd;
    struct process *watchers[FLEET_HOSTS_MAX + 1]; /* by number of the host; NULL: dead */
    unsigned hosts;
} fleet;

void fleet_start_controller(void)
{
    fleet.controller =
        process_startl(CONTROLLER, scene_program("muster-controller").text, "--etcd-endpoints",
                       etcd_server_url(fleet.etcd), "--signing-key", scene_path("signing.key").text,
                       "--identity=c1", "--lease-ttl=3s", NULL);
}

/* In memory, and where the user that nodes run as can go: the scene's directory is the test's own.
 */
static struct scene_path partitions_of(unsigned host)
{
    struct scene_path path;

    (void)snprintf(path.text, sizeof(path.text), "/dev/shm/%.64s-h%u",
                   strrchr(scene_dir(), '/') + 1, host);
    return path;
}

static struct process *start_watcher(const char *url, const char *trusted, unsigned host,
                                     const char *memcached)
{
    struct scene_ip first = scene_ip(FLEET_FIRST(host));
    struct scene_ip last = scene_ip(FLEET_FIRST(host + 1) - 1);
    char name[NAME_SIZE];
    char host_option[32];
    char addresses[2 * SCENE_IP_SIZE + 16];

    (void)snprintf(name, sizeof(name), WATCHER, host);
    (void)snprintf(host_option, sizeof(host_option), "--host=h%u", host);
    (void)snprintf(addresses, sizeof(addresses), "--addresses=%s-%s", first.text, last.text);
    return process_startl(name, scene_program("muster-watcher").text, "--etcd-endpoints", url,
                          "--trusted-keys", trusted, host_option, addresses, "--lease-ttl=3s",
                          "--memory=1Gi", "--state-dir", scene_path("state-h%u", host).text,
                          "--partition-dir", partitions_of(host).text,
                          memcached == NULL ? NULL : "--memcached", memcached, NULL);
}

void fleet_start(unsigned hosts, const char *memcached)
{
    struct scene_path secret = scene_path("signing.key");
    struct scene_path trusted = scene_path("trusted.pub");
    const char *url;
    struct err err;
    unsigned host;

    cr_assert_leq(hosts, FLEET_HOSTS_MAX);
    fleet.etcd = etcd_server_start();
    url = etcd_server_url(fleet.etcd);
    lab_tell_logs_on_failure();
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", url, 1), 0);
    cr_assert_eq(signing_key_create(secret.text, trusted.text, &err), 0, "%s", err.msg);
    fleet.hosts = hosts;
    fleet_start_controller();
    for (host = 1; host <= hosts; host++) {
        scene_remove_too(partitions_of(host).text);
        fleet.watchers[host] = start_watcher(url, trusted.text, host, memcached);
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("hosts/") == hosts), "not all hosts report");
}

void fleet_kill_controller(void)
{
    process_kill(fleet.controller);
    fleet.controller = NULL;
}

void fleet_kill_etcd(void)
{
    etcd_server_kill(fleet.etcd);
}

struct scene_path fleet_partition(unsigned host, const char *cluster, uint32_t slot)
{
    struct scene_path path = partitions_of(host);
    size_t used = strlen(path.text);

    (void)snprintf(path.text + used, sizeof(path.text) - used, "/%.40s/%04u", cluster, slot);
    return path;
}

size_t fleet_nodes_on(unsigned host)
{
    size_t count = 0;
    unsigned i;

    for (i = 0; i < FLEET_NODES_PER_HOST; i++) {
        count += ps_memcached(scene_ip(FLEET_FIRST(host) + i).text) != 0 ? 1 : 0;
    }
    return count;
}

void fleet_kill_host(unsigned host)
{
    unsigned i;

    process_kill(fleet.watchers[host]);
    fleet.watchers[host] = NULL;
    for (i = 0; i < FLEET_NODES_PER_HOST; i++) {
        pid_t pid = ps_memcached(scene_ip(FLEET_FIRST(host) + i).text);

        if (pid != 0) {
            (void)kill(pid, SIGKILL);
        }
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, fleet_nodes_on(host) == 0));
}

unsigned fleet_host_of(const char *ip)
{
    const char *last = strrchr(ip, '.');
    unsigned number = last == NULL ? 0 : (unsigned)strtoul(last + 1, NULL, 10);
    unsigned host = number == 0 ? 0 : (number - 1) / FLEET_NODES_PER_HOST + 1;

    return host <= fleet.hosts ? host : 0;
}

/* `name` is that of the process; its output must be there and clean. */
static void end(struct process *process, const char *name)
{
    int code;

    process_signal(process, SIGTERM);
    code = process_wait(process);
    cr_assert_eq(code, 0, "%s ends with %d", name, code);
    lab_must_have_clean_logs(scene_path("%s.output", name).text);
}

void fleet_stop_controller(void)
{
    end(fleet.controller, CONTROLLER);
    fleet.controller = NULL;
}

void fleet_close(void)
{
    unsigned host;
    char name[NAME_SIZE];

    if (fleet.controller != NULL) {
        end(fleet.controller, CONTROLLER);
    }
    for (host = 1; host <= fleet.hosts; host++) {
        (void)snprintf(name, sizeof(name), WATCHER, host);
        if (fleet.watchers[host] != NULL) {
            end(fleet.watchers[host], name);
        }
    }
    lab_tell_no_logs();
}
