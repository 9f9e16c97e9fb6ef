/*
 * verb - one command of the program: `muster <verb>`.
 *
 * main.c holds the table of all verbs; each lives in its own cmd_<verb>.c, reads its options from
 * a table of its own, and yields 0 or an error's code, whose class is the exit code.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Run with argv[0] = the verb's name. On failure `err` holds the line that main prints; an empty
 * message means that the verb has already told why.
 */
typedef int verb_fn(int argc, char *const *argv, struct err *err);

struct verb {
    const char *name;
    const char *synopsis; /* without program and verb */
    const char *summary;  /* one line for the overview */
    verb_fn *run;
    bool internal; /* started by other verbs, not by people: left out of the overview */
};

verb_fn cmd_apply;
verb_fn cmd_config;
verb_fn cmd_delete;
verb_fn cmd_describe;
verb_fn cmd_down;
verb_fn cmd_endpoint;
verb_fn cmd_get;
verb_fn cmd_scale;
verb_fn cmd_supervise;
verb_fn cmd_up;
verb_fn cmd_wait;

#endif
