/* muster - the operator's command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/help.h"
#include "cli/verb.h"

/* A parent has nothing to do but to tell of its sub-verbs. */
static int run_parent(const struct verb *verb, int argc, char *const *argv, struct err *err)
{
    bool asked = 1 < argc && (text_equal(argv[1], "--help") || text_equal(argv[1], "-h"));

    help_verb(asked ? stdout : stderr, verb);
    return asked ? 0 : err_set(err, ERR_USAGE, "muster %s needs one of these verbs", verb->name);
}

static int run_verb(int argc, char *const *argv, struct err *err)
{
    const struct verb *verb;
    int words = verb_lookup(argc, argv, &verb, err);
    int rv;

    if (words < 0) {
        return words;
    }
    if (verb->run == NULL) {
        return run_parent(verb, argc, argv, err);
    }
    argc -= words - 1;
    argv += words - 1;
    rv = verb->run(argc, argv, err);
    if (rv < 0) {
        opt_name_origin(verb->options, argc, argv, err);
    }
    if (verb->tells_changes) {
        return rv < 0 ? ERR_FAILED : rv;
    }
    return rv < 0 ? rv : 0;
}

static int run(int argc, char *const *argv, struct err *err)
{
    char help[] = "help";
    char version[] = "version";
    char *const asks_help[] = { help, NULL };
    char *const asks_version[] = { version, NULL };

    if (argc == 0) {
        help_overview(stderr);
        err->msg[0] = '\0';
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    if (text_equal(argv[0], "--help") || text_equal(argv[0], "-h")) {
        return run_verb(1, asks_help, err);
    }
    if (text_equal(argv[0], "--version")) {
        return run_verb(1, asks_version, err);
    }
    return run_verb(argc, argv, err);
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    int rv;

    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
    rv = run(argc - 1, argv + 1, &err);
    if (fflush(stdout) != 0 && 0 <= rv) {
        rv = err_set(&err, ERR_IO, "standard output can't be written");
    }
    if (rv < 0 && err.msg[0] != '\0') {
        (void)fprintf(stderr, "muster: %s\n", err.msg);
    }
    return rv == VERB_CHANGES ? rv : err_exit_code(rv);
}
