/*
 * fleet_bench - what one controller needs for 1,000 clusters of 10 nodes.
 *
 *     fleet_bench BIN_DIR [CHANGES [IDLE_SECONDS]]
 *
 * A real etcd and a real muster-controller; watchers are doubles, no memcached is behind. Told
 * are: how long the controller takes from its start to its first effect; what it costs while
 * nothing changes; how long one change takes to its first effect while all other clusters are
 * idle, next to the floor of the same run; what a report and a host's key cost that change nothing;
 * what a scrape of its metrics takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/child.h"
#include "bench/fleet.h"
#include "bench/scrape.h"
#include "bench/series.h"

#define CLUSTERS 1000U
#define NODES 10U
#define HOSTS 100U

#define CHANGES_DEFAULT 50
#define CHANGES_MAX 400
#define IDLE_S_DEFAULT 20
#define IDLE_S_MAX 3600
#define QUIET_MS 1000
#define PAUSE_MS 50 /* between changes: the ones before are over */
#define STRIDE 7U   /* clusters that change are spread over the fleet */
#define TOUCHES 40U /* keys that are written again */
#define TOUCH_PAUSE_MS 50
#define SCRAPES 40U

/* Processor time of the controller, and writes to etcd, since `began`. */
struct meter {
    uint64_t began_ns;
    double cpu_ms;
    uint64_t writes;
};

static int meter_read(const struct fleet *fleet, struct meter *out, struct err *err)
{
    out->began_ns = clock_mono_ns();
    out->writes = fleet_writes(fleet);
    return child_cpu_ms(fleet_controller_pid(fleet), &out->cpu_ms, err);
}

/* What went by since `out` was read, in its place. */
static int meter_stop(const struct fleet *fleet, struct meter *out, struct err *err)
{
    struct meter now;
    int rv = meter_read(fleet, &now, err);

    out->began_ns = now.began_ns - out->began_ns;
    out->cpu_ms = now.cpu_ms - out->cpu_ms;
    out->writes = now.writes - out->writes;
    return rv;
}

/* A change waits already when the controller starts. */
static int measure_start(struct fleet *fleet, struct err *err)
{
    struct fleet_times times;
    struct meter meter;
    int rv = fleet_control(fleet, err);

    if (0 <= rv) {
        rv = fleet_grow(fleet, 0, &times, err);
    }
    if (0 <= rv) {
        rv = meter_read(fleet, &meter, err);
    }
    if (0 <= rv) {
        printf("start      %8.1f ms to the first effect, %.0f ms of processor until converged\n",
               times.first_ms, meter.cpu_ms);
        rv = fleet_settle(fleet, QUIET_MS, err);
    }
    return rv;
}

static int measure_idle(struct fleet *fleet, uint64_t seconds, struct err *err)
{
    struct child_memory memory;
    struct meter meter;
    int rv = meter_read(fleet, &meter, err);
    uint64_t i;

    for (i = 0; 0 <= rv && i < seconds; i++) {
        rv = fleet_run(fleet, 1000, err);
    }
    if (0 <= rv) {
        rv = meter_stop(fleet, &meter, err);
    }
    if (0 <= rv) {
        rv = child_memory(fleet_controller_pid(fleet), &memory, err);
    }
    if (0 <= rv) {
        printf("idle       %8.3f %% of a processor, %llu writes in %llu s\n",
               meter.cpu_ms * 1e8 / (double)meter.began_ns, (unsigned long long)meter.writes,
               (unsigned long long)seconds);
        printf("memory     private %.1f MiB, resident %.1f MiB, %.1f KiB a node\n",
               (double)memory.private_kib / 1024, (double)memory.resident_kib / 1024,
               (double)memory.private_kib / CLUSTERS / NODES);
    }
    return rv;
}

static void print_series(const char *what, struct series *series)
{
    printf("%-10s %8.2f ms p50  %8.2f p99  %8.2f p10  %8.2f p90  (%zu times)\n", what,
           series_quantile(series, 0.5), series_quantile(series, 0.99),
           series_quantile(series, 0.1), series_quantile(series, 0.9), series->count);
}

static int measure_changes(struct fleet *fleet, uint64_t changes, struct err *err)
{
    struct series floor = { .count = 0 };
    struct series first = { .count = 0 };
    struct series converged = { .count = 0 };
    unsigned i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < changes; i++) {
        struct fleet_times times;
        double floor_ms;

        rv = fleet_floor(fleet, &floor_ms, err);
        if (0 <= rv) {
            rv = fleet_grow(fleet, (1 + i * STRIDE) % CLUSTERS, &times, err);
        }
        if (0 <= rv) {
            rv = fleet_run(fleet, PAUSE_MS, err);
        }
        if (0 <= rv) {
            series_add(&floor, floor_ms);
            series_add(&first, times.first_ms);
            series_add(&converged, times.converged_ms);
        }
    }
    if (0 <= rv) {
        print_series("floor", &floor);
        print_series("first", &first);
        print_series("converged", &converged);
        printf("%-10s %8.2f times the floor\n", "first",
               series_quantile(&first, 0.5) / series_quantile(&floor, 0.5));
    }
    return rv;
}

typedef int touch_fn(struct fleet *fleet, unsigned i, struct err *err);

static int measure_touch(struct fleet *fleet, const char *what, touch_fn *touch, struct err *err)
{
    struct meter meter;
    unsigned i;
    int rv = fleet_settle(fleet, QUIET_MS, err);

    if (0 <= rv) {
        rv = meter_read(fleet, &meter, err);
    }
    for (i = 0; 0 <= rv && i < TOUCHES; i++) {
        rv = touch(fleet, i, err);
        if (0 <= rv) {
            rv = fleet_run(fleet, TOUCH_PAUSE_MS, err);
        }
    }
    if (0 <= rv) {
        rv = meter_stop(fleet, &meter, err);
    }
    if (0 <= rv) {
        printf("%-10s %8.3f ms of processor each, %.2f writes each, that of the key included\n",
               what, meter.cpu_ms / TOUCHES, (double)meter.writes / TOUCHES);
    }
    return rv;
}

static int measure_scrapes(struct fleet *fleet, struct err *err)
{
    struct series times = { .count = 0 };
    struct scrape scrape = { .bytes = 0 };
    struct meter meter;
    unsigned i;
    int rv = meter_read(fleet, &meter, err);

    for (i = 0; 0 <= rv && i < SCRAPES; i++) {
        rv = scrape_get(fleet_metrics_url(), &scrape, err);
        series_add(&times, scrape.ms);
    }
    if (0 <= rv) {
        rv = meter_stop(fleet, &meter, err);
    }
    if (0 <= rv) {
        print_series("scrape", &times);
        printf("%-10s %8.3f ms of processor each, %zu bytes\n", "scrape", meter.cpu_ms / SCRAPES,
               scrape.bytes);
    }
    return rv;
}

static int measure(const char *bin_dir, uint64_t changes, uint64_t idle_s, struct err *err)
{
    const struct fleet_shape shape = {
        .bin_dir = bin_dir, .clusters = CLUSTERS, .nodes = NODES, .hosts = HOSTS
    };
    CLEANUP(fleet_free_p) struct fleet *fleet = NULL;
    int rv = fleet_new(&shape, &fleet, err);

    printf("%u clusters of %u nodes on %u hosts\n", CLUSTERS, NODES, HOSTS);
    if (0 <= rv) {
        rv = measure_start(fleet, err);
    }
    if (0 <= rv) {
        rv = measure_idle(fleet, idle_s, err);
    }
    if (0 <= rv) {
        rv = measure_changes(fleet, changes, err);
    }
    if (0 <= rv) {
        rv = measure_touch(fleet, "report", fleet_touch_report, err);
    }
    if (0 <= rv) {
        rv = measure_touch(fleet, "host key", fleet_touch_host, err);
    }
    if (0 <= rv) {
        rv = measure_scrapes(fleet, err);
    }
    return rv;
}

int main(int argc, char **argv)
{
    uint64_t changes = CHANGES_DEFAULT;
    uint64_t idle_s = IDLE_S_DEFAULT;
    struct err err = { 0 };

    if (argc < 2 || 4 < argc || (2 < argc && !text_to_u64(argv[2], 1, CHANGES_MAX, &changes)) ||
        (3 < argc && !text_to_u64(argv[3], 1, IDLE_S_MAX, &idle_s))) {
        (void)fprintf(stderr, "usage: %s BIN_DIR [CHANGES [IDLE_SECONDS]]\n", argv[0]);
        return 2;
    }
    if (measure(argv[1], changes, idle_s, &err) < 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], err.msg);
        return 1;
    }
    return 0;
}
