#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/local_process.h"
#include "client/local.h"
#include "muster_run.h"
#include "proc/pidfile.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define NODES 2
#define NODES_TEXT "2"
/* Turns the scene's network into one that no scene has: theirs are 127.64 to 127.191. */
#define OTHER_NETWORK (64U << 16)

/* One installation in the scene: its state directory, network and spec. */
struct place {
    struct scene_path dir;
    struct scene_path spec;
    char network[32];
    struct local local;
};

static void begin(struct place *place)
{
    struct scene_ip first = scene_ip(1);
    char partitions[STATE_PATH_SIZE];
    uint32_t address;

    place->dir = scene_path("state");
    place->spec = scene_write("spec.yaml", "apiVersion: muster/v1\n"
                                           "kind: MemcachedCluster\n"
                                           "metadata: { name: c }\n"
                                           "spec: { nodes: " NODES_TEXT " }\n");
    cr_assert(ipv4_parse(first.text, &address));
    place->local = (struct local){ .network = address - 1 };
    (void)snprintf(place->local.dir, sizeof(place->local.dir), "%s", place->dir.text);
    local_network_format(place->local.network, place->network);
    partition_dir(&place->local, partitions);
    scene_remove_too(partitions);
}

static char *up(const struct place *place, int exit_code)
{
    return muster_run(exit_code, "up", "-f", place->spec.text, "--detach", "--state-dir",
                      place->dir.text, "--network", place->network, NULL);
}

#define DOWN(place) \
    EXPECT_PART("is removed.", 0, "down", "--purge", "--state-dir", (place)->dir.text, NULL)

/* The pid that a pid file names while that process runs; 0 without one. */
static pid_t running_pid(const char *path)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    struct err ignored;

    pidfile_init(&file);
    return pidfile_read(path, &file, &ignored) == 0 && pidfile_is_alive(&file) ? file.pid : 0;
}

static pid_t part_pid(const struct place *place, const char *name)
{
    char path[STATE_PATH_SIZE];
    char file[64];

    (void)snprintf(file, sizeof(file), "run/%s.pid", name);
    state_path(place->dir.text, file, path);
    return running_pid(path);
}

static pid_t node_pid(const struct place *place, uint32_t slot)
{
    char path[STATE_PATH_SIZE];

    local_node_pid_path(&place->local, "c", slot, path);
    return running_pid(path);
}

static bool has_partitions(const struct place *place)
{
    char partitions[STATE_PATH_SIZE];

    partition_dir(&place->local, partitions);
    return access(partitions, F_OK) == 0;
}

/* A part that was killed, and what stands in for it. */
struct healing {
    const struct place *place;
    const char *name;
    pid_t former;
};

static bool is_healed(void *ctx)
{
    const struct healing *healing = ctx;
    pid_t pid = part_pid(healing->place, healing->name);

    return pid != 0 && pid != healing->former;
}

Test(up, detached_ends_with_an_endpoint_that_answers)
{
    struct place place;
    struct scene_ip ip = scene_ip(1);
    char endpoint[64];
    char *output;
    char *reply;

    begin(&place);
    output = up(&place, 0);
    cr_expect_not_null(strstr(output, "cluster/c created\n"), "%s", output);
    cr_expect_not_null(strstr(output, "  c  converged\n"), "%s", output);
    (void)snprintf(endpoint, sizeof(endpoint), "%s:11211\n", ip.text);
    cr_expect_not_null(strstr(output, endpoint), "%s", output);
    free(output);
    EXPECT_OUTPUT(endpoint, 0, "endpoint", "c", "--state-dir", place.dir.text, NULL);
    reply = net_ask(ip.text, 11211, "config get cluster\r\n", "END\r\n");
    cr_expect_not_null(strstr(reply, "CONFIG cluster 0 "), "%s", reply);
    free(reply);
    EXPECT_PART("signature: verified with key", 0, "config", "c", "--state-dir", place.dir.text,
                NULL);
    EXPECT_PART("signature: verified with key", 0, "config", "c", "--node", "2", "--payload",
                "--state-dir", place.dir.text, NULL);
    DOWN(&place);
    cr_expect_eq(node_pid(&place, 1), 0);
    cr_expect_lt(access(place.dir.text, F_OK), 0, "nothing is left of the state");
}

/* Adoption: what runs is what ran. */
Test(up, again_keeps_all_that_runs)
{
    static const char *const parts[] = { "etcd", "controller-1", "watcher", "up" };
    pid_t nodes[NODES + 1] = { 0 };
    pid_t pids[ARRAY_COUNT(parts)];
    struct place place;
    uint32_t slot;
    size_t i;

    begin(&place);
    free(up(&place, 0));
    for (slot = 1; slot <= NODES; slot++) {
        nodes[slot] = node_pid(&place, slot);
        cr_assert_neq(nodes[slot], 0);
    }
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        pids[i] = part_pid(&place, parts[i]);
        cr_assert_neq(pids[i], 0, "%s", parts[i]);
    }
    EXPECT_PART("cluster/c unchanged", 0, "up", "-f", place.spec.text, "--detach", "--state-dir",
                place.dir.text, NULL);
    EXPECT_PART("is already running", 5, "up", "-f", place.spec.text, "--state-dir", place.dir.text,
                NULL);
    EXPECT_PART("was made with --network", 5, "up", "--detach", "--network", "127.1.2.0/24",
                "--state-dir", place.dir.text, NULL);
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        cr_expect_eq(part_pid(&place, parts[i]), pids[i], "%s", parts[i]);
    }
    for (slot = 1; slot <= NODES; slot++) {
        cr_expect_eq(node_pid(&place, slot), nodes[slot]);
    }
    DOWN(&place);
}

/* etcd still holds the reports of the former run; they must not count. */
Test(up, after_a_stop_only_what_runs_now_counts)
{
    struct place place;
    char line[64];
    char *output;
    pid_t former;

    begin(&place);
    free(up(&place, 0));
    former = node_pid(&place, 1);
    EXPECT_PART("Stopped; the state is kept in", 0, "down", "--state-dir", place.dir.text, NULL);
    EXPECT_PART("Nothing was running; the state is kept in", 0, "down", "--state-dir",
                place.dir.text, NULL);
    cr_expect_eq(node_pid(&place, 1), 0);
    cr_expect_not(has_partitions(&place));
    output = up(&place, 0);
    cr_expect_not_null(strstr(output, "cluster/c unchanged\n"), "%s", output);
    (void)snprintf(line, sizeof(line), "c/0001  started as pid %d\n", (int)node_pid(&place, 1));
    cr_expect_not_null(strstr(output, line), "no '%s' in %s", line, output);
    (void)snprintf(line, sizeof(line), "started as pid %d\n", (int)former);
    cr_expect_null(strstr(output, line), "%s", output);
    free(output);
    DOWN(&place);
}

/* Each part in turn is killed; it comes back, and no memcached is touched. */
Test(up, any_part_may_be_killed)
{
    static const char *const parts[] = { "up", "standby", "watcher", "controller-1", "etcd", "up" };
    pid_t nodes[NODES + 1] = { 0 };
    struct place place;
    uint32_t slot;
    size_t i;

    begin(&place);
    free(up(&place, 0));
    for (slot = 1; slot <= NODES; slot++) {
        nodes[slot] = node_pid(&place, slot);
    }
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        struct healing healing = { .place = &place, .name = parts[i] };

        /* One that has just taken over is still starting the next standby. */
        cr_assert(wait_until(is_healed, &healing, WAIT_MS), "%s", parts[i]);
        healing.former = part_pid(&place, parts[i]);
        cr_assert_eq(kill(healing.former, SIGKILL), 0);
        cr_expect(wait_until(is_healed, &healing, WAIT_MS), "%s", parts[i]);
    }
    EXPECT_PART("cluster/c converged\n", 0, "scale", "c", "--nodes", "3", "--wait=1m",
                "--state-dir", place.dir.text, NULL);
    EXPECT_PART("cluster/c converged\n", 0, "wait", "c", "--for", "converged", "--state-dir",
                place.dir.text, NULL);
    for (slot = 1; slot <= NODES; slot++) {
        cr_expect_eq(node_pid(&place, slot), nodes[slot]);
    }
    DOWN(&place);
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        cr_expect_eq(part_pid(&place, parts[i]), 0, "%s", parts[i]);
    }
}

static struct process *up_in_foreground(const struct place *place)
{
    return process_startl("up", scene_program("muster").text, "up", "-f", place->spec.text,
                          "--state-dir", place->dir.text, "--network", place->network, NULL);
}

Test(up, in_the_foreground_ctrl_c_stops_everything)
{
    struct place place;
    struct process *process;
    pid_t etcd;

    begin(&place);
    process = up_in_foreground(&place);
    cr_assert(process_wait_output(process, "Ctrl-C stops everything."), "%s",
              process_output(process));
    etcd = part_pid(&place, "etcd");
    cr_assert_neq(etcd, 0);
    cr_assert_neq(node_pid(&place, 1), 0);
    process_signal(process, SIGINT);
    cr_expect_eq(process_wait(process), 0, "%s", process_output(process));
    cr_expect_eq(part_pid(&place, "etcd"), 0);
    cr_expect_eq(part_pid(&place, "watcher"), 0);
    cr_expect_eq(part_pid(&place, "controller-1"), 0);
    cr_expect_eq(node_pid(&place, 1), 0);
    cr_expect_not(has_partitions(&place));
    DOWN(&place);
}

/* Killed in the foreground, it leaves all running; the next one takes it over. */
Test(up, what_a_killed_foreground_left_is_adopted)
{
    struct place place;
    struct process *process;
    pid_t etcd;
    pid_t node;

    begin(&place);
    process = up_in_foreground(&place);
    cr_assert(process_wait_output(process, "Ctrl-C stops everything."), "%s",
              process_output(process));
    etcd = part_pid(&place, "etcd");
    node = node_pid(&place, 1);
    process_signal(process, SIGKILL);
    cr_expect_eq(process_wait(process), 128 + SIGKILL);
    cr_expect(has_partitions(&place), "they are in use");
    free(up(&place, 0));
    cr_expect_eq(part_pid(&place, "etcd"), etcd);
    cr_expect_eq(node_pid(&place, 1), node);
    DOWN(&place);
}

/* The spec can't be applied; that is no reason to stop what others use. */
Test(up, a_failed_start_stops_only_what_it_has_started)
{
    struct place place;
    struct process *process;
    pid_t etcd;
    pid_t node;

    begin(&place);
    process = up_in_foreground(&place);
    cr_assert(process_wait_output(process, "Ctrl-C stops everything."), "%s",
              process_output(process));
    etcd = part_pid(&place, "etcd");
    node = node_pid(&place, 1);
    process_signal(process, SIGKILL);
    cr_expect_eq(process_wait(process), 128 + SIGKILL);
    cr_assert_eq(kill(part_pid(&place, "controller-1"), SIGKILL), 0);
    EXPECT_PART("cluster/c deleting", 0, "delete", "cluster", "c", "--state-dir", place.dir.text,
                NULL);
    EXPECT_PART("what ran before runs on", 5, "up", "-f", place.spec.text, "--state-dir",
                place.dir.text, NULL);
    cr_expect_eq(part_pid(&place, "etcd"), etcd);
    cr_expect_eq(part_pid(&place, "controller-1"), 0, "it was started by the one that failed");
    cr_expect_eq(node_pid(&place, 1), node);
    cr_expect(has_partitions(&place));
    DOWN(&place);
}

Test(up, a_port_in_use_is_named_with_its_holder)
{
    struct place place;
    struct scene_ip ip = scene_ip(LOCAL_ETCD_HOST);
    char part[96];
    int fd;

    begin(&place);
    fd = net_listen(ip.text, LOCAL_ETCD_CLIENT_PORT);
    (void)snprintf(part, sizeof(part), "%s:2379 is in use by unit-cli (pid %d)", ip.text,
                   (int)getpid());
    EXPECT_PART(part, 5, "up", "-f", place.spec.text, "--detach", "--state-dir", place.dir.text,
                "--network", place.network, NULL);
    /* Nothing is kept of a start that was refused: another network may be tried. */
    EXPECT_PART("Nothing to stop", 0, "down", "--state-dir", place.dir.text, NULL);
    place.local.network ^= OTHER_NETWORK;
    local_network_format(place.local.network, place.network);
    free(up(&place, 0));
    (void)close(fd);
    DOWN(&place);
}

/* What lies in there would be served to clients. */
Test(up, a_partition_directory_of_somebody_else_is_refused)
{
    struct place place;
    char partitions[STATE_PATH_SIZE];

    begin(&place);
    partition_dir(&place.local, partitions);
    cr_assert_eq(mkdir(partitions, 0755), 0);
    cr_assert_eq(chmod(partitions, 0777), 0);
    EXPECT_PART("is not a directory of our own", 5, "up", "-f", place.spec.text, "--detach",
                "--state-dir", place.dir.text, "--network", place.network, NULL);
    cr_expect_eq(part_pid(&place, "etcd"), 0);
}

Test(up, a_mistake_in_the_spec_starts_nothing)
{
    struct place place;
    struct scene_path wrong = scene_write("wrong.yaml", "apiVersion: muster/v1\n"
                                                        "kind: MemcachedCluster\n"
                                                        "metadata: { name: c }\n"
                                                        "spec: { nodes: 0 }\n");

    begin(&place);
    EXPECT_PART("spec.nodes: must be between", 3, "up", "-f", wrong.text, "--detach", "--state-dir",
                place.dir.text, "--network", place.network, NULL);
    cr_expect_lt(access(place.dir.text, F_OK), 0);
}

/* Without convergence in time the exit code is 1, the stage is named, and all keeps running. */
Test(up, time_is_up_tells_what_hangs_and_leaves_it_running)
{
    struct place place;
    struct scene_ip ip = scene_ip(2);
    char hint[SCENE_PATH_SIZE + 64];
    int fd;

    begin(&place);
    fd = net_listen(ip.text, 11211);
    EXPECT_PART("stage 'started' hangs: 1 of 2 nodes; 0002 on local", 1, "up", "-f",
                place.spec.text, "--detach", "--state-dir", place.dir.text, "--network",
                place.network, "--timeout", "8s", NULL);
    (void)snprintf(hint, sizeof(hint), "; muster down --state-dir %s stops it", place.dir.text);
    EXPECT_PART(hint, 1, "up", "--detach", "--state-dir", place.dir.text, "--timeout", "3s", NULL);
    EXPECT_PART("1 controller is running", 5, "up", "--detach", "--state-dir", place.dir.text,
                "--controllers", "2", NULL);
    EXPECT_PART("it runs without --join-tokens", 5, "up", "--detach", "--state-dir", place.dir.text,
                "--join-tokens", "/tmp", NULL);
    EXPECT_PART("--join-tokens: /dev/null is no directory", 2, "up", "--detach", "--state-dir",
                place.dir.text, "--join-tokens", "/dev/null", NULL);
    cr_expect_neq(part_pid(&place, "etcd"), 0);
    (void)close(fd);
    EXPECT_PART("cluster/c converged\n", 0, "wait", "c", "--for", "converged", "--state-dir",
                place.dir.text, NULL);
    DOWN(&place);
}

Test(up, down_without_anything_is_fine)
{
    struct scene_path dir = scene_path("state");

    EXPECT_PART("Nothing to stop", 0, "down", "--state-dir", dir.text, NULL);
}
