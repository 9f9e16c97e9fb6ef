#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/screen.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "show/node_load.h"
#include "show/output.h"

#define INTERVAL_MS_MIN 100
#define TOP_ARENA_BYTES_MAX (256U << 20)

struct top_flags {
    struct options shared;
    const char *output;
    uint64_t interval_ms;
    bool once;
};

static const struct opt opts[] = {
    { "interval", 'i', OPT_DURATION, offsetof(struct top_flags, interval_ms), "DURATION", "2s",
      "between two looks, by which what is told per second is counted" },
    { "once", 0, OPT_FLAG, offsetof(struct top_flags, once), NULL, NULL,
      "one table, as without a terminal" },
    { "output", 'o', OPT_TEXT, offsetof(struct top_flags, output), "table|json|yaml", "table",
      "how to print it; json and yaml: once" },
    SHARED_OPTIONS(struct top_flags, shared),
};

const struct opt_table cmd_top_options = {
    .program = "muster top",
    .synopsis = "nodes|clusters [NAME] [--once]",
    .summary = "Tell what nodes do, as they themselves say: hit rate since they started and now, "
               "commands and evictions per second, memory, items, connections. On a terminal it "
               "is told anew until q is pressed.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster top nodes quickstart --once\n"
                "  muster top clusters --once -o json\n",
};

struct top {
    struct context *context;
    const char *name; /* NULL: all clusters */
    bool of_clusters;
    uint64_t interval_ms;
    enum output_format format;
    struct arena known_arena; /* of `known`: the nodes as they were reported as last */
    struct load_sample known;
    bool there; /* a cluster of the name, or any */
    struct arena arenas[2];
    struct load_sample samples[2];
    unsigned now; /* which of them is the newest */
    size_t count; /* samples that were taken */
    bool quit;
    bool woken;
    struct err err; /* code 0: none */
};

/* ---- Samples ---- */

static void on_change(void *ctx, struct facts *facts)
{
    struct top *top = ctx;
    const struct cluster_facts *cluster =
        top->name == NULL ? facts->clusters : facts_cluster(facts, top->name);

    top->there = top->name == NULL || (cluster != NULL && cluster->spec_revision != 0);
    arena_clear(&top->known_arena);
    if (load_sample_of(facts, top->name, &top->known_arena, &top->known, &top->err) < 0) {
        top->known.count = 0;
    }
    if (top->count == 0) {
        top->woken = true;
    }
}

/* The reported nodes are copied: they may change while they are asked. */
static int take_sample(struct top *top, struct err *err)
{
    unsigned next = 1 - top->now;
    struct load_sample *sample = &top->samples[next];
    struct arena *arena = &top->arenas[next];
    int rv;

    arena_clear(arena);
    sample->count = top->known.count;
    sample->nodes = arena_calloc(arena, top->known.count + 1, sizeof(*sample->nodes));
    if (sample->nodes == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", top->known.count);
    }
    if (0 < sample->count) {
        memcpy(sample->nodes, top->known.nodes, sample->count * sizeof(*sample->nodes));
    }
    rv = load_sample_ask(top->context->loop, sample, arena, err);
    if (rv < 0) {
        return rv;
    }
    load_compare(sample, &top->samples[top->now]);
    top->now = next;
    top->count++;
    return 0;
}

static void on_tick(void *ctx)
{
    struct top *top = ctx;

    top->woken = true;
}

/* Until the interval is over, or an end is wanted. */
static int wait_interval(struct top *top, struct err *err)
{
    CLEANUP(loop_timer_free_p) struct loop_timer *timer = NULL;
    int rv = loop_timer_new(top->context->loop, on_tick, top, &timer, err);

    if (rv < 0) {
        return rv;
    }
    top->woken = top->quit;
    loop_timer_start(timer, top->interval_ms);
    return loop_run_until(top->context->loop, &top->woken, UINT64_MAX, err);
}

/* ---- Once ---- */

static int print(struct top *top, struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    const struct load_sample *sample = &top->samples[top->now];
    int rv;

    str_init(&out, OUTPUT_BYTES_MAX);
    if (top->format == OUTPUT_TABLE) {
        rv = load_table(sample, top->of_clusters, &top->arenas[top->now], &out, err);
        return rv < 0 ? rv : output_text(&out, err);
    }
    load_json(sample, top->of_clusters, &out);
    return output_json(&out, top->format, err);
}

static int tell_once(struct top *top, struct err *err)
{
    int rv = take_sample(top, err);

    if (0 <= rv && 0 < top->known.count) {
        rv = wait_interval(top, err);
        rv = rv < 0 ? rv : take_sample(top, err);
    }
    return rv < 0 ? rv : print(top, err);
}

/* ---- Refreshed ---- */

static void on_quit(void *ctx)
{
    struct top *top = ctx;

    top->quit = true;
    top->woken = true;
}

static int draw(struct top *top, struct screen *screen, const struct follow *follow,
                struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    const char *trouble = follow_trouble(follow);
    char now[CLOCK_TEXT_SIZE];
    int rv;

    str_init(&out, OUTPUT_BYTES_MAX);
    clock_format(clock_wall_ms(), now);
    str_appendf(&out, "muster top %s%s%s   %s   q: quit\n", top->of_clusters ? "clusters" : "nodes",
                top->name == NULL ? "" : " ", top->name == NULL ? "" : top->name, now);
    str_appendf(&out, "%s%s\n", trouble[0] == '\0' ? "" : "etcd can't be heard: ", trouble);
    rv = load_table(&top->samples[top->now], top->of_clusters, &top->arenas[top->now], &out, err);
    if (0 <= rv) {
        screen_draw(screen, &out);
    }
    return rv;
}

static int tell_ever_anew(struct top *top, const struct follow *follow, struct err *err)
{
    static const struct screen_events events = { .quit = on_quit, .resized = on_tick };
    CLEANUP(screen_free_p) struct screen *screen = NULL;
    int rv = screen_new(top->context->loop, &events, top, &screen, err);

    while (0 <= rv && !top->quit) {
        rv = take_sample(top, err);
        if (0 <= rv) {
            rv = draw(top, screen, follow, err);
        }
        if (0 <= rv) {
            rv = wait_interval(top, err);
        }
    }
    return rv;
}

/* ---- The verb ---- */

static int run(struct top *top, bool once, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    const char *key = top->name == NULL ? context_key(top->context, "clusters/")
                                        : context_key(top->context, "clusters/%s/", top->name);
    int rv = key == NULL ? err_set(err, ERR_NOMEM, "no memory for a key")
                         : follow_new(top->context, key, on_change, top, &follow, err);

    if (0 <= rv) {
        rv = follow_until(follow, &top->woken, UINT64_MAX, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (!top->there) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", top->name);
    }
    return once ? tell_once(top, err) : tell_ever_anew(top, follow, err);
}

static int what_is_meant(struct top *top, const struct opt_result *args, struct err *err)
{
    const struct verb_kind *kind;
    int rv = verb_kind("top", args->positional[0], &kind, err);

    if (rv < 0) {
        return rv;
    }
    top->of_clusters = text_equal(kind->name, "clusters");
    top->name = args->positional_count == 2 ? args->positional[1] : NULL;
    return top->name == NULL ? 0 : cluster_name_check(top->name, err);
}

int cmd_top(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct top_flags flags = { .once = false };
    struct top top = { .context = &context };
    struct opt_result args;
    size_t i;
    int rv = options_read(&cmd_top_options, argc, argv, &flags, 1, 2, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.interval_ms < INTERVAL_MS_MIN) {
        return err_set(err, ERR_USAGE, "--interval: at least %dms", INTERVAL_MS_MIN);
    }
    top.interval_ms = flags.interval_ms;
    rv = output_format_parse(flags.output, &top.format, err);
    if (0 <= rv && top.format == OUTPUT_NAME) {
        return err_set(err, ERR_USAGE, "--output: must be table, json or yaml");
    }
    if (0 <= rv) {
        rv = what_is_meant(&top, &args, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (rv < 0) {
        return rv;
    }
    arena_init(&top.known_arena, TOP_ARENA_BYTES_MAX);
    for (i = 0; i < ARRAY_COUNT(top.arenas); i++) {
        arena_init(&top.arenas[i], TOP_ARENA_BYTES_MAX);
    }
    rv = run(&top, flags.once || top.format != OUTPUT_TABLE || !screen_is_possible(), err);
    arena_deinit(&top.known_arena);
    for (i = 0; i < ARRAY_COUNT(top.arenas); i++) {
        arena_deinit(&top.arenas[i]);
    }
    return rv;
}
