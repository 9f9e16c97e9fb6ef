/*
 * watcher_bench - what a watcher costs while nothing happens: its private memory, and its time on
 * processors, by the number of nodes that it runs. Each node with the others of its cluster as
 * peers.
 *
 *     watcher_bench BIN_DIR [SECONDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/lab.h"

#define SECONDS_DEFAULT 30
#define SECONDS_MAX 600
/* What the start has left behind is done with by then: pushes, first polls, the last report. */
#define SETTLE_S 15
#define NETWORK_FIRST 60

struct cost {
    unsigned nodes;
    struct child_memory memory;
    double cpu_ms_per_s;
};

static void pause_s(unsigned seconds)
{
    struct timespec left = { .tv_sec = (time_t)seconds };

    while (nanosleep(&left, &left) != 0) {
    }
}

static int look(const struct lab *lab, unsigned seconds, struct cost *out, struct err *err)
{
    uint64_t began_ns;
    double began_ms = 0;
    double ended_ms = 0;
    pid_t pid;
    int rv = lab_pid(lab, "muster-watcher", &pid, err);

    if (rv == 0) {
        rv = child_cpu_ms(pid, &began_ms, err);
    }
    began_ns = clock_mono_ns();
    if (rv == 0) {
        pause_s(seconds);
        rv = child_cpu_ms(pid, &ended_ms, err);
    }
    if (rv < 0) {
        return rv;
    }
    out->cpu_ms_per_s = (ended_ms - began_ms) / ((double)(clock_mono_ns() - began_ns) / 1e9);
    return child_memory(pid, &out->memory, err);
}

static int measure(const char *bin_dir, unsigned number, unsigned seconds, struct cost *out,
                   struct err *err)
{
    struct lab lab;
    int rv = lab_start(&lab, bin_dir, NETWORK_FIRST + number, out->nodes, err);

    if (rv < 0) {
        return rv;
    }
    pause_s(SETTLE_S);
    rv = look(&lab, seconds, out, err);
    lab_stop(&lab);
    return rv;
}

static void tell(const struct cost *cost, const struct cost *first)
{
    (void)printf("%6u %12llu %12llu %14.2f", cost->nodes,
                 (unsigned long long)cost->memory.private_kib,
                 (unsigned long long)cost->memory.resident_kib, cost->cpu_ms_per_s);
    if (first->nodes < cost->nodes) {
        (void)printf(" %20.1f %18.3f",
                     ((double)cost->memory.private_kib - (double)first->memory.private_kib) /
                         (cost->nodes - first->nodes),
                     (cost->cpu_ms_per_s - first->cpu_ms_per_s) / (cost->nodes - first->nodes));
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct cost costs[] = { { .nodes = 1 }, { .nodes = 4 }, { .nodes = 16 }, { .nodes = 50 } };
    uint64_t seconds = SECONDS_DEFAULT;
    struct err err = { 0 };
    unsigned i;

    if (argc < 2 || (2 < argc && !text_to_u64(argv[2], 1, SECONDS_MAX, &seconds))) {
        (void)fprintf(stderr, "usage: watcher_bench BIN_DIR [SECONDS]\n");
        return 2;
    }
    (void)printf(" nodes  private KiB resident KiB  CPU ms/second   KiB per more node   CPU per "
                 "more\n");
    for (i = 0; i < ARRAY_COUNT(costs); i++) {
        if (measure(argv[1], i, (unsigned)seconds, &costs[i], &err) < 0) {
            (void)fprintf(stderr, "watcher_bench: %s\n", err.msg);
            return 1;
        }
        tell(&costs[i], &costs[0]);
    }
    return 0;
}
