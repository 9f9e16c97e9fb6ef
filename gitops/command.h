/*
 * command - the two command lines of muster-gitops: follow a repository, and fetch once.
 *
 * Each reads its options from `argv` behind argv[0], and yields 0 or an error's code, whose class
 * is the exit code; on failure `err` holds the line to print, "" when all was told.
 */
#ifndef GITOPS_COMMAND_H
#define GITOPS_COMMAND_H

#include "base/err.h"
#include "base/opt.h"

/* `muster gitops`: once, or until a signal. Its options: gitops_options.h. */
MUST_USE int command_follow(int argc, char *const *argv, struct err *err);

/* `muster-gitops fetch`: what a follower starts for each fetch. */
MUST_USE int command_fetch(int argc, char *const *argv, struct err *err);
extern const struct opt_table command_fetch_options;

#endif
