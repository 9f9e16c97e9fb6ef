#include <stdio.h>

#include "apply/batch.h"
#include "base/str.h"
#include "cli/applied.h"
#include "cli/await_many.h"
#include "cli/spec_files.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

#define REVISION_NOT_GIVEN BATCH_ANY_REVISION
#define NAMES_ASKED_MAX 10
#define QUESTION_BYTES_MAX 4096

struct apply_flags {
    struct options shared;
    struct opt_texts files;
    const char *source;
    bool prune;
    bool yes;
    bool dry_run;
    bool force;
    struct opt_wait wait;
    uint64_t expect_revision;
    const char *output;
};

static const struct opt opts[] = {
    FILES_FLAG(struct apply_flags, files),
    SOURCE_FLAG(struct apply_flags, source),
    { "prune", 0, OPT_FLAG, offsetof(struct apply_flags, prune), NULL, NULL,
      "delete clusters which this source alone has applied, and which are in none of the documents "
      "any more; --source has to be given" },
    { "yes", 'y', OPT_FLAG, offsetof(struct apply_flags, yes), NULL, NULL,
      "do not ask before clusters are deleted" },
    { "dry-run", 0, OPT_FLAG, offsetof(struct apply_flags, dry_run), NULL, NULL,
      "tell what would come of each cluster, and write nothing" },
    { "wait", 0, OPT_WAIT, offsetof(struct apply_flags, wait), "DURATION", "60s",
      "return when all clusters of the documents are converged, and pruned ones gone; 0s: as long "
      "as it takes" },
    { "expect-revision", 0, OPT_NUMBER, offsetof(struct apply_flags, expect_revision), "N", NULL,
      "refuse when one of the clusters was written after that revision of etcd (specRevision in "
      "get clusters -o json), or is not there any more; 0: when one is there" },
    FORCE_FLAG(struct apply_flags, force),
    { "output", 'o', OPT_TEXT, offsetof(struct apply_flags, output), "table|json|yaml|name",
      "table", "how to print what came of each cluster" },
    SHARED_OPTIONS(struct apply_flags, shared),
};

const struct opt_table cmd_apply_options = {
    .program = "muster apply",
    .synopsis = "-f FILE|DIR [--prune --source NAME]",
    .summary = "Make clusters be as documents say: created where there are none, changed where the "
               "documents have changed. What others have set since (scale, edit, another source) "
               "stays; where a document asks for something else, that is a conflict. Nothing is "
               "applied when anything in the documents is wrong, or in conflict.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster apply -f sessions.yaml --wait\n"
                "  muster apply -f clusters/ --prune --source team-a --yes\n"
                "  muster export sessions | sed 's/nodes: 3/nodes: 5/' | muster apply -f -\n",
};

/* ---- Prune ---- */

static int ask_prune(const struct batch_results *results, struct err *err)
{
    CLEANUP(str_deinit) struct str question;
    size_t count = 0;
    size_t i;

    str_init(&question, QUESTION_BYTES_MAX);
    for (i = 0; i < results->count; i++) {
        if (results->list[i].outcome == BATCH_PRUNED && count++ < NAMES_ASKED_MAX) {
            str_appendf(&question, "%s%s", count == 1 ? "" : ", ", results->list[i].name);
        }
    }
    if (NAMES_ASKED_MAX < count) {
        str_appendf(&question, " and %zu more", count - NAMES_ASKED_MAX);
    }
    if (count == 0) {
        return 0;
    }
    str_append_text(&question, ": delete, with all that is cached there?");
    return ask_first(str_text(&question), "--yes", err);
}

/* What would go is found out, and asked about. */
static int check_prune(struct context *context, const struct documents *documents,
                       const struct batch_options *options, struct batch_results *out,
                       struct err *err)
{
    struct batch_options trial = *options;
    int rv;

    trial.dry_run = true;
    rv = batch_apply(context, documents, &trial, out, err);
    if (rv < 0) {
        applied_print_conflicts(out, err);
        return rv;
    }
    return ask_prune(out, err);
}

/* ---- Wait ---- */

static int wait_for(struct context *context, const struct batch_results *results,
                    const struct opt_wait *wait, struct err *err)
{
    const char **names = arena_calloc(&context->arena, results->count + 1, sizeof(*names));
    const char **leaving = arena_calloc(&context->arena, results->count + 1, sizeof(*leaving));
    struct await_many wish = { .names = names,
                               .leaving = leaving,
                               .timeout_ms = wait->ms == 0 ? UINT64_MAX : wait->ms,
                               .out = stderr };
    size_t i;

    if (names == NULL || leaving == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", results->count);
    }
    for (i = 0; i < results->count; i++) {
        const struct batch_result *result = &results->list[i];

        if (result->outcome == BATCH_PRUNED) {
            leaving[wish.leaving_count++] = result->name;
        } else {
            names[wish.count++] = result->name;
        }
    }
    (void)fflush(stdout);
    return await_many(context, &wish, err);
}

/* ---- The verb ---- */

static int apply(struct context *context, const struct documents *documents,
                 const struct apply_flags *flags, enum output_format format, struct err *err)
{
    struct batch_options options = { .source = flags->source,
                                     .force = flags->force,
                                     .prune = flags->prune,
                                     .dry_run = flags->dry_run,
                                     .expect_revision = flags->expect_revision };
    struct batch_results results = { .count = 0 };
    struct batch_results asked = { .count = 0 };
    int rv = 0;

    if (flags->prune && !flags->yes && !flags->dry_run) {
        rv = check_prune(context, documents, &options, &asked, err);
        options.prune_asked = &asked;
    }
    if (rv < 0) {
        return rv;
    }
    rv = batch_apply(context, documents, &options, &results, err);
    if (rv < 0) {
        applied_print_conflicts(&results, err);
        return rv;
    }
    rv = applied_print(&results, flags->dry_run, format, err);
    if (0 <= rv && flags->wait.given && !flags->dry_run) {
        rv = wait_for(context, &results, &flags->wait, err);
    }
    return rv;
}

static int check(const struct apply_flags *flags, enum output_format *format, struct err *err)
{
    int rv;

    if (flags->files.count == 0) {
        return err_set(err, ERR_USAGE, "-f FILE is needed");
    }
    rv = batch_source_check(flags->source, err);
    if (rv < 0) {
        return err_wrap(err, "--source");
    }
    if (flags->prune && text_equal(flags->source, MERGE_SOURCE_DEFAULT)) {
        return err_set(err, ERR_USAGE,
                       "--prune needs a --source of its own: what '%s' has applied comes from many "
                       "files",
                       MERGE_SOURCE_DEFAULT);
    }
    if (flags->prune && !flags->yes && !flags->dry_run) {
        rv = ask_possible("--yes", err);
    }
    return rv < 0 ? rv : output_format_parse(flags->output, format, err);
}

int cmd_apply(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(documents_deinit) struct documents documents;
    struct apply_flags flags = { .expect_revision = REVISION_NOT_GIVEN };
    enum output_format format = OUTPUT_TABLE;
    struct opt_result args;
    int rv = options_read(&cmd_apply_options, argc, argv, &flags, 0, 0, &args, err);

    documents_init(&documents);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = check(&flags, &format, err);
    if (0 <= rv) {
        rv = spec_files_read(&flags.files, &documents, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : apply(&context, &documents, &flags, format, err);
}
