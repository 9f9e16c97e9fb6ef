/* muster-gitops - follows a Git repository; `muster gitops` executes it. */
#include <signal.h>
#include <stdio.h>

#include "base/str.h"
#include "gitops/command.h"
#include "gitops/options/gitops_options.h"

static int run(int argc, char *const *argv, struct err *err)
{
    const struct opt_table *options = &cmd_gitops_options;
    int rv;

    if (1 < argc && text_equal(argv[1], "fetch")) {
        options = &command_fetch_options;
        argc--;
        argv++;
        rv = command_fetch(argc, argv, err);
    } else {
        rv = command_follow(argc, argv, err);
    }
    if (rv < 0) {
        opt_name_origin(options, argc, argv, err);
    }
    return rv < 0 ? rv : 0;
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    int rv;

    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
    rv = run(argc, argv, &err);
    if (fflush(stdout) != 0 && 0 <= rv) {
        rv = err_set(&err, ERR_IO, "standard output can't be written");
    }
    if (rv < 0 && err.msg[0] != '\0') {
        (void)fprintf(stderr, GITOPS_PROGRAM ": %s\n", err.msg);
    }
    return err_exit_code(rv);
}
