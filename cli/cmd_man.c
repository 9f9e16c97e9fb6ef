#include <stdio.h>

#include "base/str.h"
#include "cli/man.h"
#include "cli/verb.h"
#include "client/options.h"

#define WORDS_MAX 2

const struct opt_table cmd_man_options = {
    .program = "muster man",
    .synopsis = "[VERB [SUB-VERB]]",
    .summary = "Print the manual page of the program or of a verb, in roff.",
    .examples = "  muster man apply | man -l -\n"
                "  muster man > /usr/local/share/man/man1/muster.1\n",
};

int cmd_man(int argc, char *const *argv, struct err *err)
{
    const struct verb *verb = NULL;
    struct opt_result args;
    int rv = options_read(&cmd_man_options, argc, argv, NULL, 0, WORDS_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (0 < args.positional_count) {
        rv = verb_lookup(argc - 1, argv + 1, &verb, err);
        if (rv < 0) {
            return rv;
        }
    }
    man_page(stdout, verb);
    return 0;
}
