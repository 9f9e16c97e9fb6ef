#include "client/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PURGE_DESCRIPTORS_MAX 16

static const char *const folders[] = { "run", "log", "keys", "etcd", "watcher" };

static int too_long(const char *dir, struct err *err)
{
    return err_set(err, ERR_USAGE, "the path of the state directory is longer than %d bytes: %s",
                   STATE_DIR_MAX, dir);
}

static int default_dir(char out[STATE_PATH_SIZE], struct err *err)
{
    const char *base = getenv("XDG_STATE_HOME");
    int n;

    /* The XDG specification: a relative path is to be ignored. */
    if (base != NULL && base[0] == '/') {
        n = snprintf(out, STATE_PATH_SIZE, "%s/muster", base);
    } else {
        base = getenv("HOME");
        if (base == NULL || base[0] != '/') {
            return err_set(err, ERR_USAGE,
                           "neither XDG_STATE_HOME nor HOME is set: give "
                           "--state-dir");
        }
        n = snprintf(out, STATE_PATH_SIZE, "%s/.local/state/muster", base);
    }
    return STATE_DIR_MAX < n ? too_long(base, err) : 0;
}

int state_dir_find(const char *flag, char out[STATE_PATH_SIZE], struct err *err)
{
    char here[PATH_MAX];
    int n;

    if (flag == NULL) {
        return default_dir(out, err);
    }
    if (flag[0] == '\0') {
        return err_set(err, ERR_USAGE, "--state-dir: must not be empty");
    }
    if (flag[0] == '/') {
        n = snprintf(out, STATE_PATH_SIZE, "%s", flag);
    } else if (getcwd(here, sizeof(here)) == NULL) {
        return err_set(err, ERR_IO, "current directory: %s", strerror(errno));
    } else {
        n = snprintf(out, STATE_PATH_SIZE, "%s/%s", here, flag);
    }
    if (STATE_DIR_MAX < n) {
        return too_long(flag, err);
    }
    while (1 < n && out[n - 1] == '/') {
        out[--n] = '\0';
    }
    return 0;
}

bool state_dir_is_default(const char *dir)
{
    char usual[STATE_PATH_SIZE];
    struct err ignored;

    return default_dir(usual, &ignored) == 0 && strcmp(usual, dir) == 0;
}

void state_dir_option(const char *dir, char out[STATE_OPTION_SIZE])
{
    out[0] = '\0';
    if (!state_dir_is_default(dir)) {
        (void)snprintf(out, STATE_OPTION_SIZE, " --state-dir %.*s", STATE_DIR_MAX, dir);
    }
}

void state_path(const char *dir, const char *name, char out[STATE_PATH_SIZE])
{
    (void)snprintf(out, STATE_PATH_SIZE, "%.*s/%s", STATE_DIR_MAX, dir, name);
}

static int make_one(const char *path, struct err *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* Make the directories above `path`. */
static int make_parents(const char *path, struct err *err)
{
    char partial[STATE_PATH_SIZE];
    const char *slash = path;
    int rv;

    while ((slash = strchr(slash + 1, '/')) != NULL) {
        (void)snprintf(partial, sizeof(partial), "%.*s", (int)(slash - path), path);
        rv = make_one(partial, err);
        if (rv < 0) {
            return rv;
        }
    }
    return 0;
}

int state_dir_make(const char *dir, struct err *err)
{
    char path[STATE_PATH_SIZE];
    size_t i;
    int rv = make_parents(dir, err);

    if (0 <= rv) {
        rv = make_one(dir, err);
    }
    for (i = 0; 0 <= rv && i < ARRAY_COUNT(folders); i++) {
        state_path(dir, folders[i], path);
        rv = make_one(path, err);
    }
    return rv;
}

static int purge_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int dir_remove(const char *path, struct err *err)
{
    if (nftw(path, purge_one, PURGE_DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT) {
        return err_set(err, ERR_IO, "remove %s: %s", path, strerror(errno));
    }
    return 0;
}

static int purge_part(const char *dir, const char *name, struct err *err)
{
    char path[STATE_PATH_SIZE];

    state_path(dir, name, path);
    return dir_remove(path, err);
}

int state_dir_purge(const char *dir, struct err *err)
{
    size_t i;
    int rv = purge_part(dir, STATE_CONF, err);

    for (i = 0; 0 <= rv && i < ARRAY_COUNT(folders); i++) {
        rv = purge_part(dir, folders[i], err);
    }
    if (0 <= rv) {
        rv = purge_part(dir, STATE_LOCK, err);
    }
    if (0 <= rv && rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) {
        return err_set(err, ERR_IO, "remove %s: %s", dir, strerror(errno));
    }
    return rv;
}
