/*
 * change_bench - how long a change of a running cluster takes, from the commit of the spec to the
 * commit of the alias, next to the floor of the same run; what the daemons weigh; how long
 * `muster up` takes.
 *
 *     change_bench BIN_DIR [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "bench/floor.h"
#include "bench/lab.h"
#include "bench/series.h"
#include "codec/model_json.h"
#include "etcd/etcd.h"
#include "loop/loop.h"

#define ROUNDS_DEFAULT 15
#define ROUNDS_MAX 200
#define WAIT_MS 30000
#define PREFIX "/muster/v1/clusters/bench/"

struct driver {
    struct loop *loop;
    struct etcd *etcd;
    struct etcd_watch *watch;
    struct arena arena;      /* of the spec */
    struct spec_record spec; /* as last put */
    uint64_t spec_mod_revision;
    uint32_t alias_version;
    uint64_t generation_converged;
    uint64_t alias_wanted;      /* a version; done when the alias carries one at least as high */
    uint64_t generation_wanted; /* done when converged at it; 0: not waited for */
    bool done;
    bool failed;
    struct err err;
};

static void look_done(struct driver *driver)
{
    if (driver->alias_wanted != 0 && driver->alias_wanted <= driver->alias_version) {
        driver->done = true;
    }
    if (driver->generation_wanted != 0 &&
        driver->generation_wanted == driver->generation_converged) {
        driver->done = true;
    }
}

static void failed(struct driver *driver, const struct err *err)
{
    driver->err = *err;
    driver->failed = true;
    driver->done = true;
}

static void take_key(struct driver *driver, const struct etcd_kv *kv)
{
    struct arena arena;
    struct err err;

    arena_init(&arena, 1U << 24);
    if (strcmp(kv->key, PREFIX "alias") == 0) {
        struct alias alias;

        if (json_decode_alias(kv->value, kv->value_bytes, &arena, &alias, &err) == 0) {
            driver->alias_version = alias.version;
        }
    } else if (strcmp(kv->key, PREFIX "status") == 0) {
        struct status status;

        if (json_decode_status(kv->value, kv->value_bytes, &arena, &status, &err) == 0) {
            driver->generation_converged =
                status.conditions[CONDITION_CONVERGED].status ? status.observed_generation : 0;
        }
    } else if (strcmp(kv->key, PREFIX "spec") == 0) {
        driver->spec_mod_revision = kv->mod_revision;
        if (driver->spec.uid == NULL) {
            (void)!json_decode_spec_record(kv->value, kv->value_bytes, &driver->arena,
                                           &driver->spec, &err);
        }
    }
    arena_deinit(&arena);
}

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct driver *driver = ctx;
    size_t i;

    (void)revision;
    for (i = 0; i < count; i++) {
        if (!events[i].deleted) {
            take_key(driver, &events[i].kv);
        }
    }
    look_done(driver);
}

static void on_watch_end(void *ctx, const struct err *err)
{
    failed(ctx, err);
}

static void on_put(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct driver *driver = ctx;
    struct err conflict;

    if (result == NULL) {
        failed(driver, err);
    } else if (!result->succeeded) {
        err_record(&conflict, ERR_CONFLICT, "somebody else wrote the spec");
        failed(driver, &conflict);
    } else {
        driver->spec_mod_revision = result->revision;
    }
}

/* Put the spec with `nodes`; the clock starts when the request is sent. */
static int put_spec(struct driver *driver, uint32_t nodes, struct err *err)
{
    const struct etcd_compare compare = { PREFIX "spec", ETCD_MOD_REVISION,
                                          driver->spec_mod_revision };
    struct etcd_op op = { ETCD_PUT, PREFIX "spec", NULL, 0, 0 };
    const struct etcd_txn txn = { &compare, 1, &op, 1 };
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    driver->spec.spec.nodes = nodes;
    driver->spec.generation++;
    rv = json_encode_spec_record(&driver->spec, &json, err);
    if (rv < 0) {
        return rv;
    }
    op.value = str_text(&json);
    op.value_bytes = json.size;
    return etcd_txn(driver->etcd, &txn, on_put, driver, err);
}

static int await(struct driver *driver, uint64_t alias, uint64_t generation, struct err *err)
{
    int rv;

    driver->done = false;
    driver->alias_wanted = alias;
    driver->generation_wanted = generation;
    look_done(driver);
    rv = loop_run_until(driver->loop, &driver->done, WAIT_MS, err);
    if (rv == 0 && driver->failed) {
        *err = driver->err;
        rv = err->code;
    }
    return rv;
}

/* One node leaves (timed), and comes back (timed too, but it includes a start of memcached). */
static int round_run(struct driver *driver, uint32_t nodes, double *leave_ms, double *join_ms,
                     struct err *err)
{
    uint64_t started = clock_mono_ns();
    int rv = put_spec(driver, nodes - 1, err);

    if (rv == 0) {
        rv = await(driver, driver->alias_version + 1, 0, err);
    }
    *leave_ms = (double)(clock_mono_ns() - started) / 1e6;
    if (rv == 0) {
        rv = await(driver, 0, driver->spec.generation, err);
    }
    if (rv < 0) {
        return err_wrap(err, "scale in");
    }
    started = clock_mono_ns();
    rv = put_spec(driver, nodes, err);
    if (rv == 0) {
        rv = await(driver, driver->alias_version + 1, 0, err);
    }
    *join_ms = (double)(clock_mono_ns() - started) / 1e6;
    if (rv == 0) {
        rv = await(driver, 0, driver->spec.generation, err);
    }
    return rv < 0 ? err_wrap(err, "scale out") : 0;
}

static int driver_init(struct driver *driver, struct loop *loop, const struct lab *lab,
                       struct err *err)
{
    const struct etcd_options options = { .endpoints = lab->endpoints };
    int rv;

    *driver = (struct driver){ .loop = loop };
    arena_init(&driver->arena, 1U << 20);
    rv = etcd_new(loop, &options, &driver->etcd, err);
    if (rv == 0) {
        rv = etcd_watch_new(driver->etcd, PREFIX, 1, on_events, on_watch_end, driver,
                            &driver->watch, err);
    }
    return rv < 0 ? rv : await(driver, 0, 1, err);
}

static void driver_deinit(struct driver *driver)
{
    etcd_watch_free(driver->watch);
    etcd_free(driver->etcd);
    arena_deinit(&driver->arena);
}

static void print_memory(const struct lab *lab, unsigned nodes)
{
    static const char *const programs[] = { "muster-controller", "muster-watcher" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(programs); i++) {
        struct child_memory memory;
        struct err err;

        if (lab_memory(lab, programs[i], &memory, &err) < 0) {
            printf("%-18s %2u nodes  %s\n", programs[i], nodes, err.msg);
            continue;
        }
        printf("%-18s %2u nodes  private %6.1f MiB  resident %6.1f MiB\n", programs[i], nodes,
               (double)memory.private_kib / 1024, (double)memory.resident_kib / 1024);
    }
}

static void print_series(const char *what, unsigned nodes, struct series *series)
{
    printf("%-10s %2u nodes  median %7.2f ms  p10 %7.2f  p90 %7.2f  (%zu rounds)\n", what, nodes,
           series_quantile(series, 0.5), series_quantile(series, 0.1), series_quantile(series, 0.9),
           series->count);
}

static int measure_rounds(const struct lab *lab, struct loop *loop, unsigned nodes, size_t rounds,
                          struct err *err)
{
    CLEANUP(floor_free_p) struct floor *floor = NULL;
    struct series leave = { .count = 0 };
    struct series join = { .count = 0 };
    struct series bare = { .count = 0 };
    struct driver driver;
    int rv = driver_init(&driver, loop, lab, err);

    if (rv == 0) {
        rv = floor_new(loop, lab, nodes, &floor, err);
    }
    while (rv == 0 && leave.count < rounds) {
        double bare_ms = 0;
        double leave_ms = 0;
        double join_ms = 0;

        rv = floor_run(floor, &bare_ms, err);
        if (rv == 0) {
            rv = round_run(&driver, nodes, &leave_ms, &join_ms, err);
        }
        series_add(&bare, bare_ms);
        series_add(&leave, leave_ms);
        series_add(&join, join_ms);
    }
    if (rv == 0) {
        print_series("floor", nodes, &bare);
        print_series("leave", nodes, &leave);
        print_series("join", nodes, &join);
        printf("%-10s %2u nodes  %.2f times the floor\n", "leave", nodes,
               series_quantile(&leave, 0.5) / series_quantile(&bare, 0.5));
        print_memory(lab, nodes);
    }
    driver_deinit(&driver);
    return rv;
}

static int measure(const char *bin_dir, unsigned nodes, size_t rounds, struct err *err)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    struct lab lab;
    int rv = loop_new(&loop, err);

    if (rv < 0) {
        return rv;
    }
    rv = lab_start(&lab, bin_dir, nodes, nodes, err);
    if (rv < 0) {
        return rv;
    }
    printf("%-10s %2u nodes  %7.0f ms from nothing to converged\n", "up", nodes, lab.start_ms);
    rv = measure_rounds(&lab, loop, nodes, rounds, err);
    lab_stop(&lab);
    return rv;
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = { 3, 10, 30 };
    uint64_t rounds = ROUNDS_DEFAULT;
    size_t i;

    if (argc < 2 || (2 < argc && !text_to_u64(argv[2], 1, ROUNDS_MAX, &rounds))) {
        (void)fprintf(stderr, "usage: %s BIN_DIR [ROUNDS]\n", argv[0]);
        return 2;
    }
    for (i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct err err = { 0 };

        if (measure(argv[1], sizes[i], (size_t)rounds, &err) < 0) {
            (void)fprintf(stderr, "%s: %u nodes: %s\n", argv[0], sizes[i], err.msg);
            return 1;
        }
        (void)fflush(stdout);
    }
    return 0;
}
