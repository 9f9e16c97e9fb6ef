/*
 * gitops_options - what `muster gitops` can be told.
 *
 * The table is looked at by two programs: muster-gitops reads its options by it, and muster, which
 * executes muster-gitops, makes help, completion and manual pages of it. So nothing here needs a
 * library for Git. Texts are those of the command line or of the environment.
 */
#ifndef GITOPS_OPTIONS_GITOPS_OPTIONS_H
#define GITOPS_OPTIONS_GITOPS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log_flags.h"
#include "base/opt.h"
#include "client/options.h"
#include "gitops/options/remote.h"

#define GITOPS_PROGRAM "muster-gitops"
#define GITOPS_ADMIN_LISTEN "127.0.0.1:11282"

struct gitops_options {
    struct remote remote; /* its URL resolved */
    const char *path;
    const char *source; /* name */
    const char *cache;  /* directory of this process's own */
    const char *program;
    const char *allowed_signers; /* NULL: signatures are not looked at */
    uint64_t interval_ms;
    uint64_t fetch_timeout_ms;
    bool force;
    bool allow_empty;
    bool forward_only;
    bool dry_run; /* nothing is written, neither specs nor status */
    bool once;
};

/* All that the command line says. */
struct gitops_flags {
    struct options shared;
    struct log_flags log;
    struct gitops_options gitops;
    const char *cache_dir;
    const char *admin_listen;
};

/* The options of the verb `gitops`; targets are struct gitops_flags. */
extern const struct opt_table cmd_gitops_options;

#endif
