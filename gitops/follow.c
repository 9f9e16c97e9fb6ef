#include "gitops/follow.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/clock.h"
#include "base/str.h"
#include "gitops/gitops_metrics.h"
#include "gitops/pace.h"

#define METRICS_ARENA_BYTES_MAX (4U << 20)
#define EVENTS_WAIT_MS 3000U
#define EVENTS_STEP_MS 10U

struct follower {
    const struct follow *follow;
    struct loop *loop;
    struct round round;
    struct event_log *events;
    struct loop_signal *term;
    struct loop_signal *interrupt;
    struct loop_signal *hup;
    struct loop_timer *timer;
    struct admin *admin;
    struct gitops_counts counts;
    int cancel_fd;
    bool stopping;
    bool due;               /* the next round is to begin */
    bool healthy;           /* the last round came to an end */
    char said[ERR_MSG_MAX]; /* the last failure that was logged */
    unsigned failures;
};

/* ---- Signals and time ---- */

static void on_stop(void *ctx)
{
    struct follower *f = ctx;
    const uint64_t one = 1;

    f->stopping = true;
    f->due = true;
    if (write(f->cancel_fd, &one, sizeof(one)) < 0) {
        /* It can be full only after 2^64 signals; it is readable then, too. */
    }
    loop_stop(f->loop);
}

static void on_due(void *ctx)
{
    ((struct follower *)ctx)->due = true;
}

static void follower_deinit(struct follower *f)
{
    admin_free(f->admin);
    event_log_free(f->events);
    loop_timer_free(f->timer);
    loop_signal_free(f->hup);
    loop_signal_free(f->interrupt);
    loop_signal_free(f->term);
    fd_close_p(&f->cancel_fd);
}

static int follower_init(struct follower *f, const struct follow *follow, struct err *err)
{
    struct context *context = follow->context;
    int rv;

    *f = (struct follower){ .follow = follow, .loop = context->loop };
    f->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->cancel_fd < 0) {
        return err_set(err, ERR_FAILED, "eventfd: %s", strerror(errno));
    }
    rv = event_log_new(f->loop, context->etcd, context->prefix, &f->events, err);
    if (0 <= rv) {
        rv = loop_signal_new(f->loop, SIGTERM, on_stop, f, &f->term, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(f->loop, SIGINT, on_stop, f, &f->interrupt, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(f->loop, SIGHUP, on_due, f, &f->hup, err);
    }
    if (0 <= rv) {
        rv = loop_timer_new(f->loop, on_due, f, &f->timer, err);
    }
    f->round = (struct round){ context, follow->options, f->events, f->cancel_fd };
    return rv;
}

/* Events are a help: they are waited for, but not for long. */
static void write_events(struct follower *f)
{
    const bool never = false;
    uint64_t end_ms = clock_mono_ms() + EVENTS_WAIT_MS;
    struct err ignored;

    while (!event_log_is_idle(f->events) && clock_mono_ms() < end_ms) {
        if (loop_run_until(f->loop, &never, EVENTS_STEP_MS, &ignored) == ERR_CANCELED) {
            return;
        }
    }
}

/* ---- What is told ---- */

static void log_result(const struct follower *f, const struct round_result *result)
{
    const struct log *log = f->follow->log;
    size_t i;

    for (i = 0; i < result->events_count; i++) {
        const struct event *event = &result->events[i];

        log_write(log, strcmp(event->type, "Warning") == 0 ? LOG_WARN : LOG_INFO, "reported",
                  LOG_TEXT("reason", event->reason), LOG_TEXT("cluster", event->cluster),
                  LOG_TEXT("message", event->message));
    }
    log_write(log, LOG_DEBUG, "round", LOG_TEXT("state", source_state_text(result->status.state)),
              LOG_TEXT("head", result->status.head),
              LOG_NUMBER("fetch_ms", result->finding.fetch_ms));
}

static void count_result(struct follower *f, const struct round_result *result)
{
    histogram_add(&f->counts.fetch_seconds, &fetch_seconds_bounds,
                  (double)result->finding.fetch_ms / 1000.0);
    gitops_counts_take(&f->counts, &result->status);
    if (result->results != NULL) {
        f->counts.created += result->judged.created;
        f->counts.configured += result->judged.configured;
        f->counts.deleted += result->judged.pruned;
    }
}

static void make_round(struct follower *f)
{
    CLEANUP(round_result_deinit) struct round_result result;
    struct err err = { .code = 0 };
    int rv;

    round_result_init(&result);
    f->due = false;
    rv = round_run(&f->round, &result, &err);
    if (rv == ERR_CANCELED) {
        return;
    }
    f->healthy = 0 <= rv;
    if (rv < 0) {
        f->counts.failed++;
        f->failures++;
        if (strcmp(f->said, err.msg) != 0) {
            log_write(f->follow->log, LOG_WARN, "round-failed", LOG_TEXT("error", err.msg));
            memcpy(f->said, err.msg, sizeof(f->said));
        }
        return;
    }
    f->said[0] = '\0';
    f->failures = result.status.state == SOURCE_UNREACHABLE ? f->failures + 1 : 0;
    count_result(f, &result);
    log_result(f, &result);
}

/* ---- HTTP ---- */

static void answer_metrics(void *ctx, const char *rest, struct admin_reply *reply)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct follower *f = ctx;
    struct err err;

    (void)rest;
    arena_init(&arena, METRICS_ARENA_BYTES_MAX);
    if (gitops_metrics_text(&f->counts, f->follow->options->source, f->follow->context->etcd,
                            &arena, &reply->body, &err) < 0) {
        reply->status = ADMIN_STATUS_FAILED;
        str_clear(&reply->body);
        str_appendf(&reply->body, "%s\n", err.msg);
    }
}

static void answer_healthz(void *ctx, const char *rest, struct admin_reply *reply)
{
    (void)ctx;
    (void)rest;
    str_append_text(&reply->body, "ok\n");
}

static void answer_readyz(void *ctx, const char *rest, struct admin_reply *reply)
{
    const struct follower *f = ctx;

    (void)rest;
    if (f->healthy) {
        str_appendf(&reply->body, "ready: %s\n", source_state_text(f->counts.state));
        return;
    }
    reply->status = ADMIN_STATUS_UNAVAILABLE;
    str_appendf(&reply->body, "not ready: %s\n",
                f->said[0] == '\0' ? "no round came to an end yet" : f->said);
}

static const struct admin_path paths[] = {
    { "/metrics", "metrics for Prometheus", answer_metrics, false },
    { "/healthz", "200 while the program runs", answer_healthz, false },
    { "/readyz", "200 when etcd answered in the last round", answer_readyz, false },
};

/* ---- Both ways ---- */

int follow_repository(const struct follow *follow, struct err *err)
{
    CLEANUP(follower_deinit) struct follower f;
    const struct admin_options admin_options = { .usual = GITOPS_ADMIN_LISTEN,
                                                 .listen = follow->admin_listen,
                                                 .paths = paths,
                                                 .count = ARRAY_COUNT(paths),
                                                 .ctx = &f };
    struct err ignored;
    uint32_t random = 0;
    int rv = follower_init(&f, follow, err);

    if (0 <= rv) {
        rv = admin_open(f.loop, &admin_options, follow->log, &f.admin, err);
    }
    while (0 <= rv && !f.stopping) {
        make_round(&f);
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
            random = UINT32_MAX / 2; /* no jitter then */
        }
        loop_timer_start(f.timer, pace_next_ms(follow->options->interval_ms, f.failures, random));
        while (!f.due && !f.stopping) {
            if (loop_run_until(f.loop, &f.due, UINT64_MAX, &ignored) < 0) {
                continue; /* stopped */
            }
        }
    }
    if (0 <= rv && round_end(&f.round, &ignored) < 0) {
        log_write(follow->log, LOG_WARN, "end-not-told", LOG_TEXT("error", ignored.msg));
    }
    write_events(&f);
    return rv;
}

int follow_once(const struct follow *follow, struct round_result *out, struct err *err)
{
    CLEANUP(follower_deinit) struct follower f;
    int rv = follower_init(&f, follow, err);

    if (0 <= rv) {
        rv = round_run(&f.round, out, err);
    }
    write_events(&f);
    return rv;
}
