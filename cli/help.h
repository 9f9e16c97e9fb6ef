/*
 * help - what the program tells about itself: the overview, and what stands behind --help.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/verb.h"
#include "client/options.h"
#include "memd/discovery_tls.h"

/* All verbs in their groups, and what the exit codes mean. */
void help_overview(FILE *out);

/* What a verb takes and does; of a parent, its sub-verbs. */
void help_verb(FILE *out, const struct verb *verb);

/* All that can be said of the connection. */
struct connection_flags {
    struct options shared;
    struct discovery_tls_flags discovery;
};

/* Its options, into struct connection_flags; each verb that speaks to etcd has those it needs. */
extern const struct opt_table help_connection;

/* The headings of the groups, up to VERB_INTERNAL. */
extern const char *const help_headings[];

/* One line per exit code: "0 done". NULL ends the list. */
extern const char *const help_exit_codes[];

#endif
