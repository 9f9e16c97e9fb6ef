/* The verbs that tell about the program itself. */
#include <stdio.h>

#include "base/str.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "client/options.h"

#define WORDS_MAX 2

const struct opt_table cmd_help_options = {
    .program = "muster help",
    .synopsis = "[VERB [SUB-VERB]|connection]",
    .summary = "Tell which verbs there are; or what a verb takes, as its --help does; or how etcd "
               "is found (connection).",
    .examples = "  muster help\n"
                "  muster help rollout undo\n"
                "  muster help connection\n",
};

const struct opt_table cmd_options_options = {
    .program = "muster options",
    .synopsis = "",
    .summary =
        "Tell of the options that say where etcd is and how to speak to it, and to the nodes.",
    .examples = "  muster options\n",
};

const struct opt_table cmd_version_options = {
    .program = "muster version",
    .synopsis = "",
    .summary = "Print the version.",
    .examples = "  muster version\n",
};

static void tell_connection(void)
{
    (void)printf("%s\n\n", help_connection.summary);
    opt_print_options(stdout, &help_connection);
}

int cmd_options(int argc, char *const *argv, struct err *err)
{
    struct opt_result args;
    int rv = options_read(&cmd_options_options, argc, argv, NULL, 0, 0, &args, err);

    if (rv == 0) {
        tell_connection();
    }
    return rv < 0 ? rv : 0;
}

int cmd_version(int argc, char *const *argv, struct err *err)
{
    struct opt_result args;
    int rv = options_read(&cmd_version_options, argc, argv, NULL, 0, 0, &args, err);

    if (rv == 0) {
        (void)printf("muster %s\n", MUSTER_VERSION);
    }
    return rv < 0 ? rv : 0;
}

int cmd_help(int argc, char *const *argv, struct err *err)
{
    const struct verb *verb;
    struct opt_result args;
    int rv = options_read(&cmd_help_options, argc, argv, NULL, 0, WORDS_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (args.positional_count == 0) {
        help_overview(stdout);
        return 0;
    }
    if (text_equal(args.positional[0], "connection")) {
        tell_connection();
        return 0;
    }
    rv = verb_lookup(argc - 1, argv + 1, &verb, err);
    if (rv < 0) {
        return rv;
    }
    help_verb(stdout, verb);
    return 0;
}
