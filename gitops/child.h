/*
 * child - run another program to its end, with a time limit, from a thread that may wait.
 *
 * For programs that do one thing: a fetch, a check of a signature. The program gets a session of
 * its own; when its time is over, or somebody asks for the end, all of it is killed. Blocking: runs
 * on a thread of the loop's pool.
 */
#ifndef GITOPS_CHILD_H
#define GITOPS_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

#define CHILD_OUTPUT_BYTES_MAX 65536U /* of each of the two; what is more is passed over */

struct child {
    const char *const *argv; /* argv[0]: a path, or a name that is looked for in PATH */
    const char *input;       /* its standard input; NULL: none */
    size_t input_bytes;
    uint64_t timeout_ms;
    int cancel_fd; /* readable when it is to end; -1: never */
};

/* What it has written; child_output_init() before, child_output_deinit() (for CLEANUP) after. */
struct child_output {
    struct str out;
    struct str err;
};

void child_output_init(struct child_output *output);
void child_output_deinit(struct child_output *output);

/*
 * The exit code, 0..255, when it has ended by itself. ERR_TIMEOUT and ERR_CANCELED: it was killed;
 * ERR_FAILED: it can't be started, or died by a signal. What it wrote stands in `output` even so.
 */
MUST_USE int child_run(const struct child *child, struct child_output *output, struct err *err);

#endif
