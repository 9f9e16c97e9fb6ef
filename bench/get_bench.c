/*
 * get_bench - how long listings take, from the start of the process to its end.
 *
 *     get_bench BIN_DIR [RUNS]
 *
 * 100 converged clusters of 10 nodes in a real etcd, each with all the former versions and specs
 * that are kept of a cluster. The floor is a process that reads nothing: `muster version`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/child.h"
#include "bench/fleet.h"
#include "bench/series.h"
#include "etcd/etcd_wait.h"
#include "store/keys.h"

#define CLUSTERS 100U
#define NODES 10U
#define HOSTS 100U
#define KEPT 20U /* versions, and generations, of each */
#define RUNS_DEFAULT 100
#define QUIET_MS 1000
#define ARENA_BYTES_MAX (4U << 20)

static int run_once(const char *const *argv, double *ms, struct err *err)
{
    uint64_t began_ns = clock_mono_ns();
    int status = 0;
    pid_t pid;
    int rv = child_start(argv, "/dev/null", &pid, err);

    if (rv < 0) {
        return rv;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_set(err, ERR_IO, "waitpid: %s", strerror(errno));
        }
    }
    *ms = (double)(clock_mono_ns() - began_ns) / 1e6;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, ERR_FAILED, "%s %s has failed", argv[0], argv[1]);
    }
    return 0;
}

static int measure(const char *what, const char *const *argv, uint64_t runs, struct err *err)
{
    struct series series = { .count = 0 };
    uint64_t i;
    int rv = 0;

    for (i = 0; i < runs && 0 <= rv; i++) {
        double ms;

        rv = run_once(argv, &ms, err);
        if (0 <= rv) {
            series_add(&series, ms);
        }
    }
    if (0 <= rv) {
        printf("%-32s %7.1f ms p50  %7.1f p99  %7.1f p10  (%zu runs)\n", what,
               series_quantile(&series, 0.5), series_quantile(&series, 0.99),
               series_quantile(&series, 0.1), series.count);
    }
    return rv;
}

/* The value of one key of the cluster. */
static int get_value(struct loop *loop, struct etcd *etcd, const char *cluster, enum key_kind kind,
                     struct arena *arena, struct etcd_kv *out, struct err *err)
{
    struct key key = { .kind = kind };
    char text[KEY_TEXT_SIZE];

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    return etcd_wait_get(loop, etcd, text, arena, out, err);
}

/* The value with the number behind `name` ("\"version\":") replaced, as the key says it. */
static const char *renumber(struct arena *arena, const char *value, const char *name,
                            uint32_t number)
{
    const char *at = strstr(value, name);
    const char *behind = at == NULL ? NULL : at + strlen(name);

    if (behind == NULL) {
        return value;
    }
    return arena_printf(arena, "%.*s%u%s", (int)(behind - value), value, number,
                        behind + strspn(behind, "0123456789"));
}

/* What is kept of a cluster's past, as if its present had been there ever so often. */
static int put_past(struct loop *loop, struct etcd *etcd, const char *cluster, struct err *err)
{
    struct arena arena CLEANUP(arena_deinit);
    static char keys[2 * KEPT][KEY_TEXT_SIZE];
    struct etcd_op ops[2 * KEPT];
    const struct etcd_txn txn = { .ops = ops, .ops_count = 2 * (size_t)KEPT };
    struct etcd_txn_result result;
    struct etcd_kv config;
    struct etcd_kv spec;
    uint32_t i;
    int rv;

    arena_init(&arena, ARENA_BYTES_MAX);
    rv = get_value(loop, etcd, cluster, KEY_CONFIG, &arena, &config, err);
    if (0 <= rv) {
        rv = get_value(loop, etcd, cluster, KEY_SPEC, &arena, &spec, err);
    }
    for (i = 0; i < 2 * KEPT && 0 <= rv; i++) {
        const bool is_config = i < KEPT;
        struct key key = { .kind = is_config ? KEY_HISTORY : KEY_GENERATION,
                           .version = 1 + i % KEPT };
        const char *value = is_config
                                ? renumber(&arena, config.value, "\"version\":", key.version)
                                : renumber(&arena, spec.value, "\"generation\":", key.version);

        if (value == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for a value");
        }
        (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
        key_format(KEYS_PREFIX_DEFAULT, &key, keys[i]);
        ops[i] = (struct etcd_op){
            .kind = ETCD_PUT, .key = keys[i], .value = value, .value_bytes = strlen(value)
        };
    }
    return rv < 0 ? rv : etcd_wait_txn(loop, etcd, &txn, &result, err);
}

static int put_all_past(struct err *err)
{
    const struct etcd_options options = { .endpoints = fleet_etcd_url() };
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    CLEANUP(etcd_free_p) struct etcd *etcd = NULL;
    unsigned i;
    int rv = loop_new(&loop, err);

    if (0 <= rv) {
        rv = etcd_new(loop, &options, &etcd, err);
    }
    for (i = 0; i < CLUSTERS && 0 <= rv; i++) {
        char name[CLUSTER_NAME_MAX + 1];

        fleet_cluster_name(i, name);
        rv = put_past(loop, etcd, name, err);
    }
    return rv;
}

static int measure_all(const char *bin_dir, uint64_t runs, struct err *err)
{
    const struct fleet_shape shape = {
        .bin_dir = bin_dir, .clusters = CLUSTERS, .nodes = NODES, .hosts = HOSTS
    };
    CLEANUP(fleet_free_p) struct fleet *fleet = NULL;
    char muster[4096];
    const char *const floor_argv[] = { muster, "version", NULL };
    const char *const argv[] = { muster,           "get", "clusters", "--etcd-endpoints",
                                 fleet_etcd_url(), NULL };
    const char *const json[] = { muster,           "get", "clusters", "--etcd-endpoints",
                                 fleet_etcd_url(), "-o",  "json",     NULL };
    const char *const nodes[] = {
        muster, "get", "nodes", "--etcd-endpoints", fleet_etcd_url(), NULL
    };
    int rv = fleet_new(&shape, &fleet, err);

    (void)snprintf(muster, sizeof(muster), "%s/muster", bin_dir);
    printf("%u clusters of %u nodes on %u hosts\n", CLUSTERS, NODES, HOSTS);
    if (0 <= rv) {
        rv = fleet_control(fleet, err);
    }
    if (0 <= rv) {
        rv = fleet_settle(fleet, QUIET_MS, err);
    }
    if (0 <= rv) {
        rv = put_all_past(err);
    }
    if (0 <= rv) {
        rv = fleet_settle(fleet, QUIET_MS, err);
    }
    if (0 <= rv) {
        rv = measure("floor: muster version", floor_argv, runs, err);
    }
    if (0 <= rv) {
        rv = measure("muster get clusters", argv, runs, err);
    }
    if (0 <= rv) {
        rv = measure("muster get clusters -o json", json, runs, err);
    }
    if (0 <= rv) {
        rv = measure("muster get nodes (1,000)", nodes, runs, err);
    }
    return rv;
}

int main(int argc, char **argv)
{
    uint64_t runs = RUNS_DEFAULT;
    struct err err = { 0 };

    if (argc < 2 || 3 < argc || (2 < argc && !text_to_u64(argv[2], 1, SERIES_MAX, &runs))) {
        (void)fprintf(stderr, "usage: %s BIN_DIR [RUNS]\n", argv[0]);
        return 2;
    }
    if (measure_all(argv[1], runs, &err) < 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], err.msg);
        return 1;
    }
    return 0;
}
