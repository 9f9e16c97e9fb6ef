#include "gitops/round.h"

#include <string.h>

#include "apply/batch.h"
#include "base/clock.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "gitops/report.h"

void round_result_init(struct round_result *result)
{
    memset(result, 0, sizeof(*result));
    finding_init(&result->finding);
}

void round_result_deinit(struct round_result *result)
{
    finding_deinit(&result->finding);
}

/* ---- What etcd has ---- */

struct known {
    struct facts facts;
    const struct source *former; /* NULL: there is none, or it can't be read */
};

static int read_known(const struct round *round, struct known *known, struct err *err)
{
    struct context *context = round->context;
    struct etcd_range range = { .prefix = true, .key = context_key(context, "sources/") };
    const struct source_facts *at;
    int rv;

    if (range.key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    facts_init(&known->facts, &context->arena, context->prefix);
    known->former = NULL;
    rv = context_read(context, &range, 1, &known->facts, err);
    for (at = known->facts.sources; 0 <= rv && at != NULL; at = at->next) {
        if (strcmp(at->source.name, round->options->source) == 0) {
            known->former = &at->source;
        }
    }
    return rv;
}

static bool same_place(const struct source *former, const struct gitops_options *options)
{
    return strcmp(former->repository, options->remote.url) == 0 &&
           strcmp(former->branch, options->remote.branch) == 0 &&
           strcmp(former->path, options->path) == 0;
}

/* Whether a process that goes on follows this very place. */
static bool is_followed(const struct source *former, const struct gitops_options *options)
{
    return former != NULL && former->running && same_place(former, options) &&
           !source_is_stale(former, clock_wall_ms());
}

/* Two repositories under one name would delete each other's clusters in turn. */
static int check_alone(const struct round *round, const struct known *known, struct err *err)
{
    const struct source *former = known->former;

    if (former == NULL || !former->running || same_place(former, round->options) ||
        source_is_stale(former, clock_wall_ms())) {
        return 0;
    }
    return err_set(err, ERR_CONFLICT,
                   "the source '%s' follows %s (branch %s, path '%s'); give --source another name, "
                   "or end who follows it",
                   former->name, former->repository, former->branch, former->path);
}

/* ---- Looking ---- */

struct looking {
    struct scan scan;
    struct finding *finding;
    struct err err;
    int rv;
    bool done;
};

static void look(void *ctx)
{
    struct looking *looking = ctx;

    looking->rv = scan_repository(&looking->scan, looking->finding, &looking->err);
}

static void on_looked(void *ctx)
{
    ((struct looking *)ctx)->done = true;
}

static int look_at_repository(const struct round *round, const struct source *former,
                              struct finding *finding, struct err *err)
{
    const struct gitops_options *options = round->options;
    bool known = former != NULL && same_place(former, options);
    struct looking looking = {
        .scan = { .fetch = { options->remote, options->cache },
                  .run = { options->program, options->fetch_timeout_ms, round->cancel_fd },
                  .path = options->path,
                  .allowed_signers = options->allowed_signers,
                  .forward_only = options->forward_only,
                  .allow_empty = options->allow_empty,
                  .last_good = known ? former->revision : "",
                  .last_signer = known ? former->signer : "" },
        .finding = finding,
    };
    int rv = loop_work(round->context->loop, look, on_looked, &looking, err);

    if (rv < 0) {
        return rv;
    }
    /* A stop ends the fetch through cancel_fd; the thread is waited for in any case. */
    while (!looking.done) {
        rv = loop_run_until(round->context->loop, &looking.done, UINT64_MAX, err) == ERR_CANCELED
                 ? ERR_CANCELED
                 : rv;
    }
    if (rv == 0 && looking.rv < 0) {
        *err = looking.err;
        rv = looking.rv;
    }
    return rv;
}

/* ---- Applying ---- */

static struct judge_rules rules_of(const struct round *round, const struct known *known)
{
    return (struct judge_rules){ .source = round->options->source,
                                 .force = round->options->force,
                                 .allow_empty = round->options->allow_empty,
                                 .sources = known->facts.sources };
}

/* Whether another process has brought another commit into force since this round began. */
static int check_overtaken(const struct round *round, const struct known *known, struct err *err)
{
    struct known now;
    int rv = read_known(round, &now, err);

    if (rv < 0 || now.former == NULL || known->former == NULL ||
        strcmp(now.former->revision, known->former->revision) == 0) {
        return rv < 0 ? rv : 0;
    }
    return err_set(err, ERR_CONFLICT, "another process has applied %s meanwhile",
                   now.former->revision);
}

/*
 * Try what the commit comes to, judge it, and do it. 0: it was judged; `judged->code` says whether
 * it was done. What is still being deleted is left alone, and all conflicts with a commit that is
 * in force already are.
 */
static int apply_commit(const struct round *round, const struct known *known,
                        const struct commit_found *commit, bool in_force, struct judgement *judged,
                        struct batch_results *results, struct err *err)
{
    struct context *context = round->context;
    const struct judge_rules rules = rules_of(round, known);
    struct batch_options options = { .source = round->options->source,
                                     .force = round->options->force,
                                     .prune = true,
                                     .skip_conflicts = true,
                                     .dry_run = true,
                                     .expect_revision = BATCH_ANY_REVISION };
    struct batch_results trial;
    int rv = batch_apply(context, &commit->documents, &options, &trial, err);

    if (0 <= rv) {
        *results = trial;
        rv = judge_results(&rules, &trial, &context->arena, judged, err);
    }
    if (rv < 0 || round->options->dry_run || (judged->code != 0 && !in_force)) {
        return rv < 0 ? rv : 0;
    }
    if (judged->code == ERR_LIMIT) {
        return 0; /* never the doing of a commit that is in force; etcd has lost who owns what */
    }
    rv = check_overtaken(round, known, err);
    options.dry_run = false;
    options.prune_asked = &trial; /* what has come since is judged by the next round */
    options.skip_conflicts = in_force || 0 < judged->waiting;
    if (0 <= rv) {
        rv = batch_apply(context, &commit->documents, &options, results, err);
    }
    return rv < 0 ? rv : judge_results(&rules, results, &context->arena, judged, err);
}

/* The head if it may be; else the commit that is in force stays in force, also against deletions by
 * hand. */
static int apply_found(const struct round *round, const struct known *known,
                       struct round_result *out, struct report_round *report, struct err *err)
{
    struct finding *finding = &out->finding;
    const struct commit_found *head = &finding->head;
    const struct commit_found *last = &finding->last;
    struct batch_results *results = arena_alloc(&round->context->arena, sizeof(*results));
    bool in_force = known->former != NULL && head->revision[0] != '\0' &&
                    same_place(known->former, round->options) &&
                    strcmp(known->former->revision, head->revision) == 0;
    int rv = 0;

    if (results == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (finding->fetch_code == 0 && head->code == 0) {
        rv = apply_commit(round, known, head, in_force, &report->head, results, err);
        if (rv < 0) {
            return rv;
        }
        out->judged = report->head;
        if (report->head.code == 0 || (in_force && report->head.code != ERR_LIMIT)) {
            report->applied_head = true;
            report->results = results;
            report->clusters = head->documents.count;
            return 0;
        }
    }
    if (last->revision[0] == '\0') {
        return 0;
    }
    rv = apply_commit(round, known, last, true, &out->judged, results, err);
    report->results = rv < 0 || out->judged.code == ERR_LIMIT ? NULL : results;
    report->clusters = last->documents.count;
    return rv;
}

/* ---- Reporting ---- */

static int write_status(const struct round *round, const struct source *status, struct err *err)
{
    struct context *context = round->context;
    CLEANUP(str_deinit) struct str json;
    struct etcd_op op = { .kind = ETCD_PUT,
                          .key = context_key(context, "sources/%s", status->name) };
    const struct etcd_txn txn = { .ops = &op, .ops_count = 1 };
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_source(status, &json, err);
    if (rv < 0 || op.key == NULL) {
        return rv < 0 ? rv : err_set(err, ERR_NOMEM, "out of memory");
    }
    op.value = str_text(&json);
    op.value_bytes = json.size;
    return context_write(context, &txn, err);
}

static bool is_due(const struct source *former, const struct source *status)
{
    return former == NULL || !source_equal(former, status) ||
           former->checked_ms + SOURCE_HEARTBEAT_MS <= status->checked_ms;
}

static int report_round(const struct round *round, struct report_round *report,
                        struct round_result *out, struct err *err)
{
    const struct event *events = NULL;
    size_t count = 0;
    size_t i;
    int rv = report_status(report, &round->context->arena, &out->status, err);

    if (rv < 0 || round->options->dry_run) {
        return rv;
    }
    if (is_due(report->former, &out->status)) {
        rv = write_status(round, &out->status, err);
    }
    if (0 <= rv) {
        rv = report_events(report, &out->status, &round->context->arena, &events, &count, err);
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        event_log_add(round->events, &events[i]);
    }
    out->events = events;
    out->events_count = rv < 0 ? 0 : count;
    return rv;
}

int round_run(const struct round *round, struct round_result *out, struct err *err)
{
    const struct gitops_options *options = round->options;
    struct known known;
    struct report_round report = { .name = options->source,
                                   .repository = options->remote.url,
                                   .branch = options->remote.branch,
                                   .path = options->path,
                                   .interval_ms = options->interval_ms,
                                   .finding = &out->finding };
    int rv;

    arena_clear(&round->context->arena);
    rv = read_known(round, &known, err);
    if (0 <= rv) {
        rv = check_alone(round, &known, err);
    }
    if (0 <= rv) {
        rv = look_at_repository(round, known.former, &out->finding, err);
    }
    report.former = known.former;
    report.goes_on = !options->once || is_followed(known.former, options);
    if (0 <= rv) {
        rv = apply_found(round, &known, out, &report, err);
    }
    report.now_ms = clock_wall_ms();
    out->results = report.results;
    out->head_code = report.head.code;
    return rv < 0 ? rv : report_round(round, &report, out, err);
}

int round_end(const struct round *round, struct err *err)
{
    struct known known;
    struct source status;
    int rv;

    /* Not cleared: requests of a round that was broken off still look at the arena. */
    rv = read_known(round, &known, err);
    if (rv < 0 || known.former == NULL || !known.former->running ||
        !same_place(known.former, round->options)) {
        return rv < 0 ? rv : 0;
    }
    status = *known.former;
    status.running = false;
    return write_status(round, &status, err);
}
