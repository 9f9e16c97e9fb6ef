#include <stdio.h>

#include "apply/batch.h"
#include "apply/text_diff.h"
#include "base/str.h"
#include "cli/applied.h"
#include "cli/spec_files.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "codec/spec_yaml.h"
#include "show/output.h"

struct diff_flags {
    struct options shared;
    struct opt_texts files;
    const char *source;
    bool prune;
    bool force;
};

static const struct opt opts[] = {
    FILES_FLAG(struct diff_flags, files),
    SOURCE_FLAG(struct diff_flags, source),
    { "prune", 0, OPT_FLAG, offsetof(struct diff_flags, prune), NULL, NULL,
      "show clusters that apply --prune would delete, too" },
    FORCE_FLAG(struct diff_flags, force),
    SHARED_OPTIONS(struct diff_flags, shared),
};

const struct opt_table cmd_diff_options = {
    .program = "muster diff",
    .synopsis = "-f FILE|DIR",
    .summary = "Show what apply would change of the clusters' specs, as a unified diff between "
               "what lives and what it would be, and write nothing. Exit codes: 0 nothing would "
               "change, 2 something would, 1 any failure, conflicts included.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster diff -f sessions.yaml\n"
                "  muster diff -f clusters/ --prune --source team-a || muster apply -f clusters/\n",
};

static const char *render(const struct spec_record *record, struct arena *arena, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    const char *kept;

    str_init(&text, SPEC_YAML_BYTES_MAX);
    if (spec_yaml_render(&record->spec, &text, err) < 0) {
        return NULL;
    }
    kept = arena_strdup(arena, str_text(&text));
    if (kept == NULL) {
        (void)err_set(err, ERR_NOMEM, "no memory for the spec of '%s'", record->spec.name);
    }
    return kept;
}

static int diff_one(const struct batch_result *result, struct arena *arena, struct str *out,
                    struct err *err)
{
    struct text_diff diff = { .before = NULL };

    if (result->before != NULL) {
        diff.before = render(result->before, arena, err);
        diff.before_name = arena_printf(arena, "live/%s", result->name);
    }
    if (result->outcome != BATCH_PRUNED) {
        diff.after = render(result->after, arena, err);
        diff.after_name = arena_printf(arena, "applied/%s", result->name);
    }
    if ((result->before != NULL && diff.before == NULL) ||
        (result->outcome != BATCH_PRUNED && diff.after == NULL)) {
        return err->code;
    }
    return text_diff(&diff, arena, out, err);
}

static int diff(struct context *context, const struct documents *documents,
                const struct diff_flags *flags, struct err *err)
{
    const struct batch_options options = { .source = flags->source,
                                           .force = flags->force,
                                           .prune = flags->prune,
                                           .dry_run = true,
                                           .expect_revision = BATCH_ANY_REVISION };
    CLEANUP(str_deinit) struct str text;
    struct batch_results results = { .count = 0 };
    size_t i;
    int rv = batch_apply(context, documents, &options, &results, err);

    str_init(&text, OUTPUT_BYTES_MAX);
    if (rv < 0) {
        applied_print_conflicts(&results, err);
        return rv;
    }
    for (i = 0; 0 <= rv && i < results.count; i++) {
        rv = diff_one(&results.list[i], &context->arena, &text, err);
    }
    if (0 <= rv) {
        rv = output_diff(&text, err);
    }
    return rv < 0 ? rv : results.changes == 0 ? 0 : VERB_CHANGES;
}

int cmd_diff(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(documents_deinit) struct documents documents;
    struct diff_flags flags = { .source = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_diff_options, argc, argv, &flags, 0, 0, &args, err);

    documents_init(&documents);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.files.count == 0) {
        return err_set(err, ERR_USAGE, "-f FILE is needed");
    }
    rv = batch_source_check(flags.source, err);
    if (rv < 0) {
        return err_wrap(err, "--source");
    }
    rv = spec_files_read(&flags.files, &documents, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : diff(&context, &documents, &flags, err);
}
