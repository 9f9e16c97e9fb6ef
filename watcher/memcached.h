/*
 * memcached - the program: which one, whether it is new enough, and what it is started with.
 */
#ifndef WATCHER_MEMCACHED_H
#define WATCHER_MEMCACHED_H

#include <limits.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/node.h"
#include "proc/proc.h"

#define MEMCACHED_VERSION_MIN "1.6.18"
#define MEMCACHED_VERSION_SIZE 32
#define MEMCACHED_PROBLEM_SIZE 256
/* A program that takes longer to tell its version is not waited for. */
#define MEMCACHED_PATIENCE_MS 2000

struct memcached_program {
    char path[PATH_MAX];
    char version[MEMCACHED_VERSION_SIZE]; /* "": it can't be run */
    char problem[MEMCACHED_PROBLEM_SIZE]; /* why no node can run; "" */
};

/*
 * Find the program (`wanted` is a path, or NULL: searched in PATH and /usr/bin) and ask it for its
 * version. Blocks for some milliseconds, at most MEMCACHED_PATIENCE_MS.
 */
void memcached_find(const char *wanted, struct memcached_program *out);

/* Whether a version text "1.6.18…" is at least MEMCACHED_VERSION_MIN. */
bool memcached_version_fits(const char *version);

/*
 * The argument vector for a node (NULL-terminated, in `arena`): addresses and settings of `intent`,
 * `user` for -u ("": none), the extra arguments last. ERR_INVALID for an extra argument that is not
 * on the allow-list, whoever wrote it.
 */
MUST_USE int memcached_argv(const struct memcached_program *program, const struct intent *intent,
                            const char *user, struct arena *arena, const char *const **argv,
                            struct err *err);

#endif
