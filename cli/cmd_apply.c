#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "apply/apply.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

struct apply_flags {
    struct options shared;
    const char *file;
};

static const struct opt opts[] = {
    { "file", 'f', OPT_TEXT, offsetof(struct apply_flags, file), "FILE", NULL,
      "YAML with one or more documents; - reads standard input" },
    SHARED_OPTIONS(struct apply_flags, shared),
};

const struct opt_table cmd_apply_options = {
    .program = "muster apply",
    .synopsis = "-f FILE",
    .summary = "Make clusters be as a file says: created where there are none, changed where they "
               "differ. Nothing is applied when anything in the file is wrong.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster apply -f sessions.yaml\n"
                "  muster get clusters -o yaml | sed 's/nodes: 3/nodes: 5/' | muster apply -f -\n",
};

int cmd_apply(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(spec_file_deinit) struct spec_file file = { .count = 0 };
    struct apply_flags flags = { .file = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_apply_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.file == NULL) {
        return err_set(err, ERR_USAGE, "-f FILE is needed");
    }
    rv = spec_file_read(&file, flags.file, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : apply_specs(&context, file.specs, file.count, err);
}
