#include <stdio.h>
#include <string.h>

#include "apply/spec_diff.h"
#include "apply/spec_store.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/follow.h"
#include "cli/rollout_history.h"
#include "cli/rollout_status.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "show/output.h"

#define SENTENCE_BYTES_MAX 4096

struct rollout_flags {
    struct options shared;
    const char *output;
    uint64_t to_generation; /* 0: the one before */
    bool no_wait;
};

static const struct opt plain_opts[] = {
    SHARED_OPTIONS(struct rollout_flags, shared),
};

static const struct opt status_opts[] = {
    { "no-wait", 0, OPT_FLAG, offsetof(struct rollout_flags, no_wait), NULL, NULL,
      "tell how it stands, and return" },
    TIMEOUT_FLAG(struct rollout_flags, shared.timeout_ms, "0s",
                 "how long to wait for the end; 0s: as long as it takes"),
    ETCD_OPTIONS(struct rollout_flags, shared),
};

static const struct opt history_opts[] = {
    { "output", 'o', OPT_TEXT, offsetof(struct rollout_flags, output), "table|json|yaml", "table",
      "how to print it; json and yaml have the whole specs" },
    SHARED_OPTIONS(struct rollout_flags, shared),
};

static const struct opt undo_opts[] = {
    { "to-generation", 0, OPT_NUMBER, offsetof(struct rollout_flags, to_generation), "N", "0",
      "the generation whose spec is to count again; 0: the one before the current one" },
    SHARED_OPTIONS(struct rollout_flags, shared),
};

const struct opt_table cmd_rollout_pause_options = {
    .program = "muster rollout pause",
    .synopsis = "CLUSTER",
    .summary = "Restart or replace no further node for new settings. Scaling, repair and drains go "
               "on; muster rollout resume takes it back.",
    .opts = plain_opts,
    .count = ARRAY_COUNT(plain_opts),
    .examples = "  muster rollout pause sessions\n",
};

const struct opt_table cmd_rollout_resume_options = {
    .program = "muster rollout resume",
    .synopsis = "CLUSTER",
    .summary = "Have a rollout go on after a pause, or after no progress was made for "
               "rollout.progressDeadline.",
    .opts = plain_opts,
    .count = ARRAY_COUNT(plain_opts),
    .examples = "  muster rollout resume sessions\n",
};

const struct opt_table cmd_rollout_status_options = {
    .program = "muster rollout status",
    .synopsis = "CLUSTER [--no-wait]",
    .summary = "Tell how far a rollout is, and wait for its end; exits with 1 when no progress is "
               "made.",
    .opts = status_opts,
    .count = ARRAY_COUNT(status_opts),
    .examples = "  muster rollout status sessions --no-wait\n"
                "  muster apply -f sessions.yaml && muster rollout status sessions --timeout 10m\n",
};

const struct opt_table cmd_rollout_history_options = {
    .program = "muster rollout history",
    .synopsis = "CLUSTER",
    .summary = "List the last 20 generations of the spec, and what each has changed.",
    .opts = history_opts,
    .count = ARRAY_COUNT(history_opts),
    .examples = "  muster rollout history sessions\n"
                "  muster rollout history sessions -o yaml\n",
};

const struct opt_table cmd_rollout_undo_options = {
    .program = "muster rollout undo",
    .synopsis = "CLUSTER [--to-generation N]",
    .summary = "Apply a former spec again, as a new generation.",
    .opts = undo_opts,
    .count = ARRAY_COUNT(undo_opts),
    .examples = "  muster rollout undo sessions\n"
                "  muster rollout undo sessions --to-generation 3\n",
};

/* One run of the verb. */
struct rollout {
    struct context *context;
    const struct rollout_flags *flags;
    const char *name;
    uint64_t patience_ms;
};

typedef int rollout_fn(const struct rollout *rollout, struct err *err);

/* ---- pause, resume, undo ---- */

static int decide_pause(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    (void)ctx;
    (void)index;
    return spec_edit_pause(edit, err);
}

static int decide_resume(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    (void)ctx;
    (void)index;
    return spec_edit_resume(edit, clock_wall_ms(), err);
}

struct undoing {
    uint64_t to_generation;   /* as asked for */
    uint64_t from_generation; /* which is undone; 0: not read yet */
    struct arena *arena;
};

/*
 * "The one before" is before what was there when the operator asked: a write of unknown outcome is
 * not undone by the next try, nor is what somebody else applies meanwhile.
 */
static int decide_undo(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    struct undoing *undoing = ctx;
    uint64_t generation = edit->current == NULL ? 0 : edit->current->generation;

    (void)index;
    if (undoing->from_generation == 0 || undoing->from_generation == generation) {
        undoing->from_generation = generation;
        return spec_edit_undo(edit, undoing->to_generation, clock_wall_ms(), undoing->arena, err);
    }
    if (generation == edit->next.generation && spec_equal(&edit->current->spec, &edit->next.spec)) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    return err_set(err, ERR_CONFLICT, "somebody else has changed cluster '%s' at the same time",
                   edit->name);
}

static int change(const struct rollout *rollout, spec_decide_fn *decide, void *ctx,
                  struct spec_edit *edit, struct err *err)
{
    edit->name = rollout->name;
    return spec_store_change(rollout->context, edit, 1, decide, ctx, err);
}

static int rollout_pause(const struct rollout *rollout, struct err *err)
{
    struct spec_edit edit = { .name = NULL };
    int rv = change(rollout, decide_pause, NULL, &edit, err);

    if (0 <= rv) {
        (void)printf("cluster/%s %spaused\n", edit.name,
                     edit.done == SPEC_UNCHANGED ? "already " : "");
    }
    return rv;
}

static int rollout_resume(const struct rollout *rollout, struct err *err)
{
    struct spec_edit edit = { .name = NULL };
    int rv = change(rollout, decide_resume, NULL, &edit, err);

    if (0 <= rv) {
        (void)printf("cluster/%s resumed\n", edit.name);
    }
    return rv;
}

static int tell_undone(struct context *context, const struct spec_edit *edit, struct err *err)
{
    CLEANUP(str_deinit) struct str line;
    struct spec_diff diff;
    int rv = spec_diff(&edit->current->spec, &edit->next.spec, &context->arena, &diff, err);

    str_init(&line, OUTPUT_BYTES_MAX);
    if (rv < 0) {
        return rv;
    }
    spec_diff_line(&diff, &line);
    (void)printf("cluster/%s undone: generation %llu is generation %llu again%s%s\n", edit->name,
                 (unsigned long long)edit->next.generation, (unsigned long long)edit->undone,
                 line.size == 0 ? "" : ": ", str_text(&line));
    return 0;
}

static int rollout_undo(const struct rollout *rollout, struct err *err)
{
    struct undoing undoing = { .to_generation = rollout->flags->to_generation,
                               .arena = &rollout->context->arena };
    struct spec_edit edit = { .wants_history = true };
    int rv = change(rollout, decide_undo, &undoing, &edit, err);

    if (rv < 0) {
        return rv;
    }
    if (edit.done == SPEC_UNCHANGED) {
        (void)printf("cluster/%s unchanged\n", edit.name);
        return 0;
    }
    return tell_undone(rollout->context, &edit, err);
}

/* ---- history ---- */

static int read_history(const struct rollout *rollout, struct facts *facts, struct err *err)
{
    struct context *context = rollout->context;
    struct etcd_range ranges[] = {
        { .key = context_key(context, "clusters/%s/spec", rollout->name) },
        { .key = context_key(context, "clusters/%s/generations/", rollout->name), .prefix = true },
    };

    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    facts_init(facts, &context->arena, context->prefix);
    return context_read(context, ranges, ARRAY_COUNT(ranges), facts, err);
}

static int rollout_history(const struct rollout *rollout, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    const struct show_request request = { .name = rollout->name,
                                          .now_ms = clock_wall_ms(),
                                          .arena = &rollout->context->arena };
    const struct cluster_facts *cluster;
    enum output_format format;
    struct facts facts;
    int rv = output_format_parse(rollout->flags->output, &format, err);

    str_init(&text, OUTPUT_BYTES_MAX);
    if (0 <= rv && format == OUTPUT_NAME) {
        return err_set(err, ERR_USAGE, "--output: must be table, json or yaml, got 'name'");
    }
    if (0 <= rv) {
        rv = read_history(rollout, &facts, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (facts.bad_count != 0) {
        (void)fprintf(stderr, "muster: %s%s\n", facts.bad,
                      facts.bad_count == 1 ? "" : " (and others)");
    }
    cluster = facts_cluster(&facts, rollout->name);
    if (cluster == NULL || cluster->spec == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", rollout->name);
    }
    rv = format == OUTPUT_TABLE ? rollout_history_table(cluster, &request, &text, err)
                                : rollout_history_json(cluster, &text, err);
    if (rv < 0) {
        return rv;
    }
    return format == OUTPUT_TABLE ? output_text(&text, err) : output_json(&text, format, err);
}

/* ---- status ---- */

struct watching {
    const char *name;
    bool once;
    bool done;
    enum rollout_state state;
    int rv; /* the cluster is not there, or is to go */
    char told[SENTENCE_BYTES_MAX];
};

static void look(void *ctx, struct facts *facts)
{
    CLEANUP(str_deinit) struct str sentence;
    struct watching *watching = ctx;
    const struct cluster_facts *cluster = facts_cluster(facts, watching->name);

    str_init(&sentence, SENTENCE_BYTES_MAX - 1);
    if (cluster == NULL || cluster->spec == NULL || cluster->spec->deleting) {
        watching->rv = cluster == NULL || cluster->spec == NULL ? ERR_NOT_FOUND : ERR_CONFLICT;
        watching->done = true;
        return;
    }
    watching->state = rollout_status(cluster, &sentence);
    if (strcmp(watching->told, str_text(&sentence)) != 0) {
        (void)snprintf(watching->told, sizeof(watching->told), "%s", str_text(&sentence));
        (void)printf("%s\n", watching->told);
        (void)fflush(stdout);
    }
    watching->done = watching->once || watching->state != ROLLOUT_GOING;
}

static int tell_result(const struct watching *watching, struct err *err)
{
    if (watching->rv == ERR_NOT_FOUND) {
        return err_set(err, watching->rv, "there is no cluster '%s'", watching->name);
    }
    if (watching->rv == ERR_CONFLICT) {
        return err_set(err, watching->rv, "cluster '%s' is being deleted", watching->name);
    }
    if (watching->state == ROLLOUT_STALLED) {
        return err_set(err, ERR_FAILED,
                       "the rollout of cluster '%s' has stopped for want of progress; mend what is "
                       "told above, then: muster rollout resume %s (or undo)",
                       watching->name, watching->name);
    }
    if (watching->state == ROLLOUT_DONE) {
        (void)printf("cluster/%s rolled out\n", watching->name);
    }
    return 0;
}

static int rollout_status_verb(const struct rollout *rollout, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    struct watching watching = { .name = rollout->name, .once = rollout->flags->no_wait };
    const char *key = context_key(rollout->context, "clusters/%s/", rollout->name);
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    rv = follow_new(rollout->context, key, look, &watching, &follow, err);
    if (0 <= rv) {
        rv = follow_until(follow, &watching.done, rollout->patience_ms, err);
    }
    if (rv == ERR_TIMEOUT) {
        return err_set(err, rv, "the rollout of cluster '%s' is not at its end: %.400s",
                       watching.name, watching.told);
    }
    return rv < 0 ? rv : tell_result(&watching, err);
}

/* ---- The verbs ---- */

static int run_action(const struct opt_table *table, rollout_fn *action, int argc,
                      char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct rollout_flags flags = { .output = NULL };
    struct rollout rollout = { .context = &context, .flags = &flags };
    struct opt_result args;
    int rv = options_read(table, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rollout.patience_ms = options_patience(&flags.shared);
    rollout.name = args.positional[0];
    rv = cluster_name_check(rollout.name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : action(&rollout, err);
}

int cmd_rollout_pause(int argc, char *const *argv, struct err *err)
{
    return run_action(&cmd_rollout_pause_options, rollout_pause, argc, argv, err);
}

int cmd_rollout_resume(int argc, char *const *argv, struct err *err)
{
    return run_action(&cmd_rollout_resume_options, rollout_resume, argc, argv, err);
}

int cmd_rollout_status(int argc, char *const *argv, struct err *err)
{
    return run_action(&cmd_rollout_status_options, rollout_status_verb, argc, argv, err);
}

int cmd_rollout_history(int argc, char *const *argv, struct err *err)
{
    return run_action(&cmd_rollout_history_options, rollout_history, argc, argv, err);
}

int cmd_rollout_undo(int argc, char *const *argv, struct err *err)
{
    return run_action(&cmd_rollout_undo_options, rollout_undo, argc, argv, err);
}
