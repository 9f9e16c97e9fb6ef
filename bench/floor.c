#include "bench/floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench/tree.h"
#include "etcd/etcd.h"
#include "memd/memd.h"

#define STEP_TIMEOUT_MS 10000
#define RETRY_US 2000
#define FLOOR_PORT 11711
#define RECORD_BYTES_BASE 600
#define RECORD_BYTES_PER_NODE 110
#define REPORT_BYTES 420
#define KEY_SIZE 64

struct floor {
    struct loop *loop;
    struct etcd *etcd;
    struct etcd_watch *watch;
    struct memd *memd;
    unsigned nodes;
    pid_t pids[FLOOR_NODES_MAX];
    char ips[FLOOR_NODES_MAX][48];
    char dir[LAB_PATH_MAX + 32];
    char *record;
    size_t record_bytes;
    uint64_t revision_seen;   /* by watch */
    uint64_t revision_wanted; /* of the commit that is waited for; 0: not committed yet */
    unsigned pushes_left;
    bool done;
    bool failed;
    struct err err;
};

static void step_failed(struct floor *floor, const struct err *err)
{
    floor->err = *err;
    floor->failed = true;
    floor->done = true;
}

static void look_done(struct floor *floor)
{
    if (floor->revision_wanted != 0 && floor->revision_wanted <= floor->revision_seen) {
        floor->done = true;
    }
}

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct floor *floor = ctx;
    size_t i;

    (void)revision;
    for (i = 0; i < count; i++) {
        if (floor->revision_seen < events[i].kv.mod_revision) {
            floor->revision_seen = events[i].kv.mod_revision;
        }
    }
    look_done(floor);
}

static void on_watch_end(void *ctx, const struct err *err)
{
    step_failed(ctx, err);
}

static void on_commit(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct floor *floor = ctx;

    if (result == NULL) {
        step_failed(floor, err);
        return;
    }
    floor->revision_wanted = result->revision;
    look_done(floor);
}

static int await(struct floor *floor, struct err *err)
{
    int rv = loop_run_until(floor->loop, &floor->done, STEP_TIMEOUT_MS, err);

    if (rv == 0 && floor->failed) {
        *err = floor->err;
        rv = err->code;
    }
    return rv;
}

/* Put `count` keys in one transaction; with `heard`, until the watch tells of it. */
static int commit(struct floor *floor, const struct etcd_op *ops, size_t count, struct err *err)
{
    const struct etcd_txn txn = { .ops = ops, .ops_count = count };
    int rv;

    floor->done = false;
    floor->revision_wanted = 0;
    rv = etcd_txn(floor->etcd, &txn, on_commit, floor, err);
    return rv < 0 ? rv : await(floor, err);
}

static int commit_one(struct floor *floor, const char *key, size_t bytes, struct err *err)
{
    const struct etcd_op op = { ETCD_PUT, key, floor->record, bytes, 0 };

    return commit(floor, &op, 1, err);
}

static void on_pushed(void *ctx, const char *value, size_t value_bytes, const struct err *err)
{
    struct floor *floor = ctx;

    (void)value;
    (void)value_bytes;
    if (err != NULL) {
        step_failed(floor, err);
        return;
    }
    floor->pushes_left--;
    floor->done = floor->pushes_left == 0;
}

static int push_all(struct floor *floor, struct err *err)
{
    unsigned i;

    floor->done = false;
    floor->pushes_left = floor->nodes;
    for (i = 0; i < floor->nodes; i++) {
        int rv = memd_set(floor->memd, floor->ips[i], FLOOR_PORT, "muster:config", floor->record,
                          floor->record_bytes, on_pushed, floor, err);

        if (rv < 0) {
            return rv;
        }
    }
    return await(floor, err);
}

static int acknowledge_all(struct floor *floor, struct err *err)
{
    char keys[FLOOR_NODES_MAX][KEY_SIZE];
    struct etcd_op ops[FLOOR_NODES_MAX];
    unsigned i;

    for (i = 0; i < floor->nodes; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "/floor/nodes/%04u", i + 1);
        ops[i] = (struct etcd_op){ ETCD_PUT, keys[i], floor->record, REPORT_BYTES, 0 };
    }
    return commit(floor, ops, floor->nodes, err);
}

int floor_run(struct floor *floor, double *ms, struct err *err)
{
    const struct etcd_op config[] = {
        { ETCD_PUT, "/floor/config", floor->record, floor->record_bytes, 0 },
        { ETCD_PUT, "/floor/history", floor->record, floor->record_bytes, 0 },
        { ETCD_PUT, "/floor/lineage", floor->record, 32, 0 },
    };
    uint64_t started = clock_mono_ns();
    int rv;

    rv = commit_one(floor, "/floor/spec", 500, err);
    if (rv == 0) {
        rv = commit(floor, config, ARRAY_COUNT(config), err);
    }
    if (rv == 0) {
        rv = push_all(floor, err);
    }
    if (rv == 0) {
        rv = acknowledge_all(floor, err);
    }
    if (rv == 0) {
        rv = commit_one(floor, "/floor/alias", 100, err);
    }
    *ms = (double)(clock_mono_ns() - started) / 1e6;
    return rv;
}

static void exec_memcached(const struct floor *floor, unsigned i, const char *module)
{
    char partition[LAB_PATH_MAX + 64];
    char inbox[LAB_PATH_MAX + 80];
    char port[16];

    (void)snprintf(partition, sizeof(partition), "%s/%u", floor->dir, i);
    (void)snprintf(inbox, sizeof(inbox), "%s/inbox", partition);
    (void)snprintf(port, sizeof(port), "%d", FLOOR_PORT);
    if (mkdir(partition, 0755) != 0 || mkdir(inbox, 0755) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setenv("LD_PRELOAD", module, 1) != 0 ||
        setenv("MUSTER_PARTITION", partition, 1) != 0) {
        _exit(126);
    }
    (void)execlp("memcached", "memcached", "-u", "root", "-l", floor->ips[i], "-p", port, "-U", "0",
                 "-m", "8", "-t", "1", (char *)NULL);
    _exit(127);
}

static int start_nodes(struct floor *floor, const struct lab *lab, struct err *err)
{
    char module[LAB_PATH_MAX + 64];
    unsigned i;

    (void)snprintf(module, sizeof(module), "%s/../lib/libmuster_partition.so", lab->bin_dir);
    (void)snprintf(floor->dir, sizeof(floor->dir), "/dev/shm/muster-floor-%d", (int)getpid());
    if (mkdir(floor->dir, 0755) != 0) {
        return err_set(err, ERR_IO, "%s: %s", floor->dir, strerror(errno));
    }
    for (i = 0; i < floor->nodes; i++) {
        (void)snprintf(floor->ips[i], sizeof(floor->ips[i]), "%s.%u", lab->network, i + 1);
        floor->pids[i] = fork();
        if (floor->pids[i] == 0) {
            exec_memcached(floor, i, module);
        }
        if (floor->pids[i] < 0) {
            return err_set(err, ERR_IO, "fork: %s", strerror(errno));
        }
    }
    return 0;
}

static bool answers(const char *ip)
{
    CLEANUP(fd_close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(FLOOR_PORT) };

    return 0 <= fd && inet_pton(AF_INET, ip, &address.sin_addr) == 1 &&
           connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static int await_nodes(const struct floor *floor, struct err *err)
{
    uint64_t deadline = clock_mono_ms() + STEP_TIMEOUT_MS;
    unsigned i = 0;

    while (i < floor->nodes) {
        if (answers(floor->ips[i])) {
            i++;
        } else if (deadline < clock_mono_ms()) {
            return err_set(err, ERR_TIMEOUT, "the floor's memcacheds do not answer");
        } else {
            (void)usleep(RETRY_US);
        }
    }
    return 0;
}

int floor_new(struct loop *loop, const struct lab *lab, unsigned nodes, struct floor **out,
              struct err *err)
{
    const struct etcd_options options = { .endpoints = lab->endpoints };
    CLEANUP(floor_free_p) struct floor *floor = mem_alloc(sizeof(*floor));
    int rv;

    if (floor == NULL) {
        return err_set(err, ERR_NOMEM, "floor");
    }
    floor->loop = loop;
    floor->nodes = nodes < FLOOR_NODES_MAX ? nodes : FLOOR_NODES_MAX;
    floor->record_bytes = RECORD_BYTES_BASE + (size_t)nodes * RECORD_BYTES_PER_NODE;
    floor->record = mem_alloc(floor->record_bytes);
    if (floor->record == NULL) {
        return err_set(err, ERR_NOMEM, "floor");
    }
    memset(floor->record, 'x', floor->record_bytes);
    rv = etcd_new(loop, &options, &floor->etcd, err);
    if (rv == 0) {
        rv = memd_new(loop, NULL, &floor->memd, err);
    }
    if (rv == 0) {
        rv = etcd_watch_new(floor->etcd, "/floor/", 0, on_events, on_watch_end, floor,
                            &floor->watch, err);
    }
    if (rv == 0) {
        rv = start_nodes(floor, lab, err);
    }
    if (rv == 0) {
        rv = await_nodes(floor, err);
    }
    if (rv == 0) {
        rv = push_all(floor, err); /* connects */
    }
    if (rv == 0) {
        *out = TAKE(floor);
    }
    return rv;
}

void floor_free(struct floor *floor)
{
    unsigned i;

    if (floor == NULL) {
        return;
    }
    etcd_watch_free(floor->watch);
    memd_free(floor->memd);
    etcd_free(floor->etcd);
    for (i = 0; i < floor->nodes; i++) {
        if (0 < floor->pids[i]) {
            (void)kill(floor->pids[i], SIGKILL);
            (void)waitpid(floor->pids[i], NULL, 0);
        }
    }
    if (floor->dir[0] != '\0') {
        tree_remove(floor->dir);
    }
    free(floor->record);
    free(floor);
}
