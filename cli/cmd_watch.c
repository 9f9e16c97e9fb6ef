#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/account.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/verb.h"
#include "cli/watch_view.h"
#include "client/context.h"
#include "client/options.h"
#include "show/cluster_state.h"
#include "show/live.h"

#define ETCD_PATIENCE_MS 5000
#define NEXT_PATIENCE_MS 1000 /* what comes next is left out when it can't be read in that time */
#define AGES_MS 1000          /* ages are drawn anew */
#define TEXT_BYTES_MAX (4U << 20)
#define VIEW_ARENA_BYTES_MAX (256U << 20)

struct watch_flags {
    struct options shared;
};

static const struct opt opts[] = {
    TIMEOUT_FLAG(struct watch_flags, shared.timeout_ms, NULL, "when to end; else with q or Ctrl-C"),
    ETCD_OPTIONS(struct watch_flags, shared),
};

const struct opt_table cmd_watch_options = {
    .program = "muster watch",
    .synopsis = "CLUSTER [--timeout DURATION]",
    .summary = "Watch a cluster on its way: nodes, conditions, what comes next and what happened, "
               "on the whole terminal, until q is pressed. Without a terminal: a line for each "
               "step.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster watch quickstart\n"
                "  muster watch quickstart --timeout 10s | cat\n",
};

struct watch {
    const char *name;
    struct options *options; /* to read what comes next by */
    bool there;              /* at the first look */
    bool looked;
    bool quit;
    bool woken;
    struct follow *follow;
    /* On the terminal. */
    struct screen *screen;
    struct arena arena; /* of one look */
    struct str head;
    struct str next;
    struct str tail;
    struct str print; /* what `next` was made of */
    bool stale;       /* `next` is of another state */
    /* Elsewhere. */
    struct progress progress;
    char state[64];
    struct err err; /* code 0: none */
};

/* ---- What comes next ---- */

static int tell_next(const struct watch *watch, struct context *context, struct str *out,
                     struct err *err)
{
    CLEANUP(live_deinit) struct live live = { .count = 0 };
    struct account account;
    struct view view;
    int rv = live_read(&live, context, &watch->name, 1, err);

    if (0 <= rv) {
        rv = live_view(&live, 0, &view, err);
    }
    if (0 <= rv) {
        rv = account_make(&view, live.led, &context->arena, &account, err);
    }
    if (rv < 0) {
        return rv;
    }
    account_text_budgets(&account, out);
    if (!live.led) {
        str_append_text(out, "    No controller leads\n");
    }
    return account_text_next(&account, &context->arena, out, err);
}

/* By a connection of its own, whose memory goes with it. */
static void look_ahead(struct watch *watch)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct options options = *watch->options;
    struct err err = { 0 };
    int rv;

    watch->stale = false;
    options.timeout_ms = NEXT_PATIENCE_MS;
    str_clear(&watch->next);
    str_append_char(&watch->next, '\n');
    rv = context_open(&context, &options, &err);
    if (0 <= rv) {
        rv = tell_next(watch, &context, &watch->next, &err);
    }
    if (rv < 0) {
        str_clear(&watch->next);
        str_appendf(&watch->next, "\n  What comes next is not known: %s\n", err.msg);
    }
}

/* ---- On a terminal ---- */

static void look(struct watch *watch, const struct facts *facts)
{
    struct watch_request request = { .name = watch->name,
                                     .now_ms = clock_wall_ms(),
                                     .colour = screen_takes_colours(),
                                     .arena = &watch->arena };
    const char *print;

    arena_clear(&watch->arena);
    str_clear(&watch->head);
    str_clear(&watch->tail);
    if (watch_view_head(facts, &request, &watch->head, &watch->err) < 0 ||
        watch_view_tail(facts, &request, &watch->tail, &watch->err) < 0) {
        watch->quit = true;
        return;
    }
    print = watch_view_print(facts, &request);
    if (print != NULL && (watch->next.size == 0 || !text_equal(print, str_text(&watch->print)))) {
        str_clear(&watch->print);
        str_append_text(&watch->print, print);
        watch->stale = true;
    }
}

static void draw(struct watch *watch)
{
    CLEANUP(str_deinit) struct str all;
    const char *trouble = follow_trouble(watch->follow);
    char now[CLOCK_TEXT_SIZE];

    str_init(&all, 3 * (size_t)TEXT_BYTES_MAX);
    clock_format(clock_wall_ms(), now);
    str_appendf(&all, "muster watch   %s   q: quit%s%s\n\n", now,
                trouble[0] == '\0' ? "" : "   etcd can't be heard: ", trouble);
    str_append_text(&all, str_text(&watch->head));
    str_append_text(&all, str_text(&watch->next));
    str_append_text(&all, str_text(&watch->tail));
    screen_draw(watch->screen, &all);
}

static void on_quit(void *ctx)
{
    struct watch *watch = ctx;

    watch->quit = true;
    watch->woken = true;
}

static void on_tick(void *ctx)
{
    struct watch *watch = ctx;

    watch->woken = true;
    follow_touch(watch->follow);
}

static int run_screen(struct watch *watch, struct loop *loop, uint64_t end_ms, struct err *err)
{
    static const struct screen_events events = { .quit = on_quit, .resized = on_tick };
    CLEANUP(screen_free_p) struct screen *screen = NULL;
    CLEANUP(loop_timer_free_p) struct loop_timer *timer = NULL;
    int rv = loop_timer_new(loop, on_tick, watch, &timer, err);

    if (0 <= rv) {
        rv = screen_new(loop, &events, watch, &screen, err);
    }
    watch->screen = screen;
    while (0 <= rv && !watch->quit && clock_mono_ms() < end_ms) {
        uint64_t left_ms = end_ms - clock_mono_ms();

        if (watch->stale && follow_trouble(watch->follow)[0] == '\0') {
            look_ahead(watch);
        }
        draw(watch);
        watch->woken = false;
        loop_timer_start(timer, left_ms < AGES_MS ? left_ms : AGES_MS);
        rv = loop_run_until(loop, &watch->woken, UINT64_MAX, err);
    }
    return rv;
}

/* ---- Elsewhere ---- */

static void tell_step(struct watch *watch, const struct facts *facts)
{
    const struct cluster_facts *cluster = facts_cluster(facts, watch->name);
    struct cluster_state state = { .word = "gone", .reason = "", .message = "" };
    const uint64_t now_ms = clock_mono_ms();
    char text[sizeof(watch->state)];

    (void)progress_show(&watch->progress, facts, now_ms);
    if (cluster != NULL && cluster->spec_revision != 0) {
        state = cluster_state(cluster, facts->led);
    }
    (void)snprintf(text, sizeof(text), "%s%s%s", state.word, state.reason[0] == '\0' ? "" : " ",
                   state.reason);
    if (!text_equal(text, watch->state)) {
        progress_note(&watch->progress, now_ms, "%s is %s", watch->name, text);
        memcpy(watch->state, text, sizeof(text));
    }
}

static int run_plain(struct watch *watch, struct loop *loop, uint64_t end_ms, struct err *err)
{
    CLEANUP(loop_signal_free_p) struct loop_signal *interrupt = NULL;
    CLEANUP(loop_signal_free_p) struct loop_signal *terminate = NULL;
    const uint64_t now_ms = clock_mono_ms();
    int rv = loop_signal_new(loop, SIGINT, on_quit, watch, &interrupt, err);

    if (0 <= rv) {
        rv = loop_signal_new(loop, SIGTERM, on_quit, watch, &terminate, err);
    }
    if (0 <= rv && now_ms < end_ms) {
        rv = loop_run_until(loop, &watch->quit, end_ms == UINT64_MAX ? end_ms : end_ms - now_ms,
                            err);
    }
    return rv == ERR_TIMEOUT ? 0 : rv;
}

/* ---- The verb ---- */

static void on_change(void *ctx, struct facts *facts)
{
    struct watch *watch = ctx;
    const struct cluster_facts *cluster = facts_cluster(facts, watch->name);

    if (!watch->looked) {
        watch->looked = true;
        watch->there = cluster != NULL && cluster->spec_revision != 0;
    }
    watch->woken = true;
    if (!watch->there) {
        return;
    }
    if (screen_is_possible()) {
        look(watch, facts);
    } else {
        tell_step(watch, facts);
        watch->quit = watch->quit || ferror(stdout) != 0;
    }
}

static int follow_all(struct watch *watch, struct context *context, struct err *err)
{
    const char *keys[] = { context_key(context, "clusters/%s/", watch->name),
                           context_key(context, "events/%s/", watch->name),
                           context_key(context, "intent/"), context_key(context, "leader") };
    size_t i;
    int rv = 0;

    for (i = 0; i < ARRAY_COUNT(keys) && 0 <= rv; i++) {
        if (keys[i] == NULL) {
            rv = err_set(err, ERR_NOMEM, "no memory for a key");
        } else if (i == 0) {
            rv = follow_new(context, keys[i], on_change, watch, &watch->follow, err);
        } else {
            rv = follow_also(watch->follow, keys[i], err);
        }
    }
    return rv;
}

static int run(struct watch *watch, struct context *context, uint64_t timeout_ms, struct err *err)
{
    const uint64_t now_ms = clock_mono_ms();
    const uint64_t end_ms = timeout_ms < UINT64_MAX - now_ms ? now_ms + timeout_ms : UINT64_MAX;
    int rv = follow_all(watch, context, err);

    if (0 <= rv) {
        rv = follow_until(watch->follow, &watch->looked, UINT64_MAX, err);
    }
    if (0 <= rv && !watch->there) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", watch->name);
    }
    if (0 <= rv) {
        rv = screen_is_possible() ? run_screen(watch, context->loop, end_ms, err)
                                  : run_plain(watch, context->loop, end_ms, err);
    }
    if (0 <= rv && watch->err.code < 0) {
        *err = watch->err;
        return err->code;
    }
    return rv;
}

static void watch_deinit(struct watch *watch)
{
    follow_free(watch->follow);
    progress_deinit(&watch->progress);
    str_deinit(&watch->head);
    str_deinit(&watch->next);
    str_deinit(&watch->tail);
    str_deinit(&watch->print);
    arena_deinit(&watch->arena);
}

static int watch_init(struct watch *watch, struct err *err)
{
    arena_init(&watch->arena, VIEW_ARENA_BYTES_MAX);
    str_init(&watch->head, TEXT_BYTES_MAX);
    str_init(&watch->next, TEXT_BYTES_MAX);
    str_init(&watch->tail, TEXT_BYTES_MAX);
    str_init(&watch->print, 4 * (size_t)TEXT_BYTES_MAX);
    progress_init(&watch->progress, stdout, clock_mono_ms());
    watch->progress.live = false;
    watch->progress.colour = false;
    return progress_expect(&watch->progress, &watch->name, 1, err);
}

int cmd_watch(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct watch_flags flags = { .shared.timeout_ms = UINT64_MAX };
    struct watch watch = { .options = &flags.shared };
    struct opt_result args;
    uint64_t timeout_ms;
    int rv = options_read(&cmd_watch_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    watch.name = args.positional[0];
    timeout_ms = flags.shared.timeout_ms == 0 ? UINT64_MAX : flags.shared.timeout_ms;
    flags.shared.timeout_ms = timeout_ms < ETCD_PATIENCE_MS ? timeout_ms : ETCD_PATIENCE_MS;
    rv = cluster_name_check(watch.name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (rv < 0) {
        return rv;
    }
    rv = watch_init(&watch, err);
    if (0 <= rv) {
        rv = run(&watch, &context, timeout_ms, err);
    }
    watch_deinit(&watch);
    return rv;
}
