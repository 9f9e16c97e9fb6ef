/*
 * verb - one command of the program: `muster <verb>`.
 *
 * main.c holds the table of all verbs; each lives in its own cmd_<verb>.c, reads its options from
 * a table of its own, and yields 0 or an error's code, whose class is the exit code; some yield
 * VERB_CHANGES instead of 0.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/opt.h"

/*
 * Run with argv[0] = the verb's name. On failure `err` holds the line that main prints; an empty
 * message means that the verb has already told why.
 */
typedef int verb_fn(int argc, char *const *argv, struct err *err);

/* Something would be changed: exit code 2, and any failure of that verb has exit code 1. */
#define VERB_CHANGES 2

struct verb {
    const char *name;
    const char *synopsis; /* without program and verb */
    const char *summary;  /* one line for the overview */
    verb_fn *run;
    const struct opt_table *options;
    bool internal;      /* started by other verbs, not by people: left out of the overview */
    bool tells_changes; /* by VERB_CHANGES */
};

#define VERBS(X) \
    X(apply)     \
    X(config)    \
    X(cordon)    \
    X(delete)    \
    X(describe)  \
    X(down)      \
    X(drain)     \
    X(endpoint)  \
    X(explain)   \
    X(get)       \
    X(plan)      \
    X(repair)    \
    X(rollout)   \
    X(scale)     \
    X(supervise) \
    X(token)     \
    X(uncordon)  \
    X(up)        \
    X(wait)

#define X(name)         \
    verb_fn cmd_##name; \
    extern const struct opt_table cmd_##name##_options;
VERBS(X)
#undef X

#endif
