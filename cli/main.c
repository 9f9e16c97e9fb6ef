/* muster - the operator's command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/help.h"
#include "cli/spoken.h"
#include "cli/verb.h"

/* A parent has nothing to do but to tell of its sub-verbs. */
static int run_parent(const struct verb *verb, int argc, char *const *argv, struct err *err)
{
    bool asked = 1 < argc && (text_equal(argv[1], "--help") || text_equal(argv[1], "-h"));

    help_verb(asked ? stdout : stderr, verb);
    return asked ? 0 : err_set(err, ERR_USAGE, "muster %s needs one of these verbs", verb->name);
}

/* How many words `arg` and its value are, if it is an option of the connection; else 0. */
static int connection_words(const char *arg)
{
    size_t size = strcspn(arg, "=");
    size_t i;

    for (i = 0; i < help_connection.count; i++) {
        const struct opt *opt = &help_connection.opts[i];

        if (opt->type != OPT_GROUP && strncmp(arg, "--", 2) == 0 && strlen(opt->name) + 2 == size &&
            strncmp(arg + 2, opt->name, size - 2) == 0) {
            return arg[size] == '=' ? 1 : 2;
        }
    }
    return 0;
}

/* How many words stand before the verb: options that say which etcd is meant. */
static int count_before(int argc, char *const *argv, struct err *err)
{
    int at = 0;

    while (at < argc && argv[at][0] == '-') {
        int words = connection_words(argv[at]);

        if (words == 0) {
            return err_set(err, ERR_USAGE,
                           "'%s' can't stand before a verb; muster options tells what can",
                           argv[at]);
        }
        at += words;
    }
    return at < argc ? at : err_set(err, ERR_USAGE, "a verb is missing; muster --help lists them");
}

static int call(const struct verb *verb, int argc, char *const *argv, struct err *err)
{
    CLEANUP(spoken_deinit) struct spoken spoken = { .argc = 0 };
    int rv = spoken_read(verb, argc, argv, &spoken, err);

    if (0 <= rv) {
        rv = verb->run(spoken.argc, spoken.argv, err);
    }
    if (rv < 0) {
        opt_name_origin(verb->options, argc, argv, err);
    }
    if (verb->tells_changes) {
        return rv < 0 ? ERR_FAILED : rv;
    }
    return rv < 0 ? rv : 0;
}

/* What stands before the verb is moved behind it. */
static int run_verb(int argc, char *const *argv, struct err *err)
{
    CLEANUP(mem_free_p) char **moved = NULL;
    const struct verb *verb;
    int before = count_before(argc, argv, err);
    int words = before < 0 ? before : verb_lookup(argc - before, argv + before, &verb, err);
    int count = argc - words;
    int rest = argc - before - words;

    if (words < 0) {
        return words;
    }
    if (verb->run == NULL) {
        return run_parent(verb, argc - before, argv + before, err);
    }
    moved = mem_calloc((size_t)count + 2, sizeof(*moved));
    if (moved == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    moved[0] = argv[before + words - 1];
    memcpy(moved + 1, argv, (size_t)before * sizeof(*moved));
    memcpy(moved + 1 + before, argv + before + words, (size_t)rest * sizeof(*moved));
    return call(verb, count + 1, moved, err);
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
        if (err.code == ERR_UNAVAILABLE) {
            (void)fprintf(stderr, "muster: cannot reach etcd; muster options tells where it is "
                                  "looked for, muster up runs one here\n");
        }
    }
    return rv == VERB_CHANGES ? rv : err_exit_code(rv);
}
