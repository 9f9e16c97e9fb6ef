/*
 * apply_bench - what `muster apply` of 500 specs takes, next to the bare transactions.
 *
 *     apply_bench BIN_DIR [ROUNDS]
 *
 * Each round has a prefix of its own in one etcd. The whole program is measured, from its start to
 * its end: reading the documents, reading what lives, merging, writing, telling. Three times: all
 * clusters are new; every one of them changes; nothing changes. The floor is what this process
 * takes to put the same keys and values, in transactions as large as etcd takes them, one after the
 * other, over a connection that is there.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "bench/series.h"
#include "client/context.h"
#include "support/etcd_server.h"
#include "support/scene.h"

#define SPECS 500U
#define ROUNDS_DEFAULT 15
#define ROUNDS_MAX 100
#define GOAL 2.0
#define FILE_BYTES_MAX (4U << 20)
#define PREFIX_SIZE 32
#define PATH_SIZE 512
#define TIMEOUT_MS 10000
/* A spec and its generation stand in the same transaction. */
#define FLOOR_OPS (ETCD_TXN_OPS_MAX / 2 * 2)

/* ---- Documents ---- */

static void write_documents(const char *path, unsigned nodes)
{
    CLEANUP(str_deinit) struct str text;
    struct err err;
    unsigned i;

    str_init(&text, FILE_BYTES_MAX);
    for (i = 0; i < SPECS; i++) {
        str_appendf(&text,
                    "---\napiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n"
                    "  name: cluster-%03u\n  labels:\n    team: t%u\n    tier: gold\n"
                    "spec:\n  nodes: %u\n  memory: 1Gi\n  threads: 4\n"
                    "  rollout:\n    maxSurge: 1\n    drain: 2m\n",
                    i, i % 7, nodes);
    }
    CHECK(file_write(path, str_text(&text), text.size, &err) == 0);
}

/* ---- The program ---- */

static double run(const char *program, const char *prefix, const char *url, const char *file)
{
    char args[][PATH_SIZE] = { "", "apply", "-f", "", "--prefix", "", "--etcd-endpoints", "" };
    char *argv[ARRAY_COUNT(args) + 1] = { NULL };
    posix_spawn_file_actions_t actions;
    uint64_t began_ns;
    int status = -1;
    pid_t pid;
    size_t i;

    (void)snprintf(args[0], PATH_SIZE, "%s", program);
    (void)snprintf(args[3], PATH_SIZE, "%s", file);
    (void)snprintf(args[5], PATH_SIZE, "%s", prefix);
    (void)snprintf(args[7], PATH_SIZE, "%s", url);
    for (i = 0; i < ARRAY_COUNT(args); i++) {
        argv[i] = args[i];
    }
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0);
    began_ns = clock_mono_ns();
    CHECK(posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return (double)(clock_mono_ns() - began_ns) / 1e6;
}

/* ---- The floor ---- */

/* The keys that an apply has written, to be put below another prefix. */
struct copy {
    struct context *context;
    size_t prefix_size;
    struct etcd_op ops[2 * SPECS];
    size_t count;
};

static int take(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    struct copy *copy = ctx;
    struct etcd_op *op = &copy->ops[copy->count];

    (void)err;
    CHECK(copy->count++ < ARRAY_COUNT(copy->ops));
    *op = (struct etcd_op){
        .kind = ETCD_PUT,
        .key = arena_printf(&copy->context->arena, "/floor%s", kv->key),
        .value = arena_strndup(&copy->context->arena, kv->value, kv->value_bytes),
        .value_bytes = kv->value_bytes,
    };
    CHECK(op->key != NULL);
    CHECK(op->value != NULL);
    return 0;
}

static int measure_floor(struct context *context, const char *prefix, double *ms, struct err *err)
{
    const struct etcd_range all = { .key = prefix, .prefix = true };
    struct copy *copy = arena_alloc(&context->arena, sizeof(*copy));
    uint64_t began_ns;
    size_t at;
    int rv;

    CHECK(copy != NULL);
    copy->context = context;
    rv = context_each(context, &all, 1, take, copy, err);
    CHECK(rv < 0 || copy->count == ARRAY_COUNT(copy->ops));
    began_ns = clock_mono_ns();
    for (at = 0; 0 <= rv && at < copy->count; at += FLOOR_OPS) {
        size_t left = copy->count - at;
        const struct etcd_txn txn = { .ops = &copy->ops[at],
                                      .ops_count = left < FLOOR_OPS ? left : FLOOR_OPS };

        rv = context_write(context, &txn, err);
    }
    *ms = (double)(clock_mono_ns() - began_ns) / 1e6;
    return rv;
}

/* ---- All of it ---- */

struct result {
    struct series created;
    struct series changed;
    struct series unchanged;
    struct series floor;
    struct series ratio; /* created to floor, of the same round */
};

static void tell(const char *name, struct series *series)
{
    (void)printf("%-34s %8.1f %8.1f %8.1f\n", name, series_quantile(series, 0.5),
                 series_quantile(series, 0.1), series_quantile(series, 0.9));
}

static int measure(const char *program, const char *url, unsigned round, struct result *result,
                   struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    const struct scene_path few = scene_path("few.yaml");
    const struct scene_path more = scene_path("more.yaml");
    char prefix[PREFIX_SIZE];
    struct options options = { .etcd = { .endpoints = url },
                               .prefix = prefix,
                               .timeout_ms = TIMEOUT_MS };
    double created;
    double floor;
    int rv;

    (void)snprintf(prefix, sizeof(prefix), "/round%u", round);
    rv = context_open(&context, &options, err);
    if (rv < 0) {
        return rv;
    }
    created = run(program, prefix, url, few.text);
    rv = measure_floor(&context, prefix, &floor, err);
    if (rv < 0) {
        return rv;
    }
    series_add(&result->created, created);
    series_add(&result->floor, floor);
    series_add(&result->ratio, created / floor);
    series_add(&result->changed, run(program, prefix, url, more.text));
    series_add(&result->unchanged, run(program, prefix, url, more.text));
    return 0;
}

int main(int argc, char **argv)
{
    static struct result result;
    char program[PATH_SIZE];
    uint64_t rounds = ROUNDS_DEFAULT;
    struct err err = { 0 };
    const char *url;
    unsigned i;
    int rv = 0;

    if (argc < 2 || (2 < argc && !text_to_u64(argv[2], 1, ROUNDS_MAX, &rounds))) {
        (void)fprintf(stderr, "usage: apply_bench BIN_DIR [ROUNDS]\n");
        return 2;
    }
    (void)snprintf(program, sizeof(program), "%s/muster", argv[1]);
    write_documents(scene_path("few.yaml").text, 3);
    write_documents(scene_path("more.yaml").text, 4);
    url = etcd_server_url(etcd_server_start());
    for (i = 0; 0 <= rv && i < rounds; i++) {
        rv = measure(program, url, i, &result, &err);
    }
    if (rv < 0) {
        (void)fprintf(stderr, "apply_bench: %s\n", err.msg);
        return 1;
    }
    (void)printf("%u specs, %llu rounds                   median      p10      p90   (ms)\n", SPECS,
                 (unsigned long long)rounds);
    tell("bare transactions", &result.floor);
    tell("muster apply, all new", &result.created);
    tell("muster apply, all change", &result.changed);
    tell("muster apply, nothing changes", &result.unchanged);
    tell("ratio, all new to bare", &result.ratio);
    (void)printf("goal: a ratio of at most %.0f: %s\n", GOAL,
                 series_quantile(&result.ratio, 0.5) <= GOAL ? "met" : "missed");
    return 0;
}
