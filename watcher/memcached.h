/*
 * memcached - the program: which one, and whether it is new enough.
 */
#ifndef WATCHER_MEMCACHED_H
#define WATCHER_MEMCACHED_H

#include <limits.h>
#include <stdbool.h>

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

#endif
