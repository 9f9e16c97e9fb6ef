#include "gitops/cache.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_FDS_MAX 16
#define LOCK_NAME "/lock"

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static int fits(int size, struct err *err)
{
    /* Room for the names in it. */
    return 0 <= size && size < CACHE_PATH_SIZE - 64
               ? 0
               : err_set(err, ERR_USAGE, "--cache-dir: the path is too long");
}

static int make_temporary(struct cache *cache, struct err *err)
{
    const char *base = variable("TMPDIR");
    int rv = fits(snprintf(cache->dir, sizeof(cache->dir), "%s/muster-gitops-XXXXXX",
                           base == NULL ? "/tmp" : base),
                  err);

    if (0 <= rv && mkdtemp(cache->dir) == NULL) {
        rv = err_set(err, ERR_IO, "%s: %s", cache->dir, strerror(errno));
    }
    cache->temporary = 0 <= rv;
    return rv;
}

static int find_usual(struct cache *cache, const char *source, struct err *err)
{
    const char *service = variable("CACHE_DIRECTORY");
    const char *xdg = variable("XDG_CACHE_HOME");
    const char *home = variable("HOME");
    int size;

    if (service != NULL) {
        size = snprintf(cache->dir, sizeof(cache->dir), "%s", service);
    } else if (xdg != NULL) {
        size = snprintf(cache->dir, sizeof(cache->dir), "%s/muster/gitops/%s", xdg, source);
    } else if (home != NULL) {
        size = snprintf(cache->dir, sizeof(cache->dir), "%s/.cache/muster/gitops/%s", home, source);
    } else {
        return err_set(err, ERR_USAGE, "--cache-dir is needed where there is no home directory");
    }
    return fits(size, err);
}

int cache_open(struct cache *cache, const char *dir, const char *source, bool once, struct err *err)
{
    char path[CACHE_PATH_SIZE + sizeof(LOCK_NAME)];
    int rv;

    if (dir != NULL) {
        rv = fits(snprintf(cache->dir, sizeof(cache->dir), "%s", dir), err);
    } else {
        rv = once ? make_temporary(cache, err) : find_usual(cache, source, err);
    }
    if (0 <= rv) {
        rv = dir_make(cache->dir, err);
    }
    if (rv < 0) {
        return rv;
    }
    (void)chmod(cache->dir, S_IRWXU); /* what is in the repository is not for everybody */
    (void)snprintf(path, sizeof(path), "%s" LOCK_NAME, cache->dir);
    rv = file_lock_new(path, &cache->lock, err);
    if (rv == ERR_CONFLICT) {
        return err_set(err, rv, "%s is used by another process; give --cache-dir another one",
                       cache->dir);
    }
    return rv;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void cache_close(struct cache *cache)
{
    file_lock_free(cache->lock);
    cache->lock = NULL;
    if (cache->temporary) {
        (void)nftw(cache->dir, remove_entry, TREE_FDS_MAX, FTW_DEPTH | FTW_PHYS);
    }
}
