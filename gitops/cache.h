/*
 * cache - the directory in which a process keeps what it fetched; one process at a time has it.
 *
 * Nothing in it is needed again: without it, the next round fetches everything once more.
 */
#ifndef GITOPS_CACHE_H
#define GITOPS_CACHE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

#define CACHE_PATH_SIZE 512

struct cache {
    char dir[CACHE_PATH_SIZE];
    bool temporary; /* goes with cache_close() */
    struct file_lock *lock;
};

/*
 * Make and lock: `dir`; without one (NULL), a temporary directory if `once`, else
 * $CACHE_DIRECTORY (systemd's), $XDG_CACHE_HOME/muster/gitops/<source>, or the same below ~/.cache.
 * ERR_CONFLICT: another process has it.
 */
MUST_USE int cache_open(struct cache *cache, const char *dir, const char *source, bool once,
                        struct err *err);

/* For CLEANUP; fine on a zeroed one. */
void cache_close(struct cache *cache);

#endif
