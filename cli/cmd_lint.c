#include <stdio.h>

#include "cli/spec_files.h"
#include "cli/verb.h"
#include "client/options.h"

struct lint_flags {
    struct opt_texts files;
};

static const struct opt opts[] = {
    FILES_FLAG(struct lint_flags, files),
};

const struct opt_table cmd_lint_options = {
    .program = "muster lint",
    .synopsis = "FILE|DIR…",
    .summary = "Check documents without asking etcd: tell every mistake with its file and line, "
               "and exit with 3 when there is any.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster lint clusters/\n"
                "  muster lint -f sessions.yaml -f users.yaml\n",
};

int cmd_lint(int argc, char *const *argv, struct err *err)
{
    CLEANUP(documents_deinit) struct documents documents;
    struct lint_flags flags = { .files = { .count = 0 } };
    struct opt_result args;
    size_t i;
    int rv = options_read(&cmd_lint_options, argc, argv, &flags, 0, OPT_POSITIONAL_MAX, &args, err);

    documents_init(&documents);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    for (i = 0; i < args.positional_count; i++) {
        if (flags.files.count == OPT_TEXTS_MAX) {
            return err_set(err, ERR_USAGE, "more than %d files", OPT_TEXTS_MAX);
        }
        flags.files.items[flags.files.count++] = args.positional[i];
    }
    if (flags.files.count == 0) {
        return err_set(err, ERR_USAGE, "usage: %s %s", cmd_lint_options.program,
                       cmd_lint_options.synopsis);
    }
    rv = spec_files_read(&flags.files, &documents, err);
    if (0 <= rv) {
        (void)printf("%zu cluster%s in %zu file%s: no mistakes\n", documents.count,
                     documents.count == 1 ? "" : "s", documents.files,
                     documents.files == 1 ? "" : "s");
    }
    return rv;
}
