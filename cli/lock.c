#include "cli/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/state_dir.h"

/* A purge removes the file: who waited for the former one holds nothing that others look at. */
static bool is_current(int fd, const char *path)
{
    struct stat held;
    struct stat named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static int lock_file(int fd, const char *path, bool wait, struct err *err)
{
    int rv;

    do {
        rv = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    } while (rv < 0 && errno == EINTR);
    if (rv < 0) {
        return err_set(err, errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
                       errno == EWOULDBLOCK ? "held by a running muster" : strerror(errno));
    }
    return is_current(fd, path) ? 0 : err_set(err, ERR_NOT_FOUND, "%s was removed", path);
}

int lock_take(const char *dir, bool wait, int *fd, struct err *err)
{
    char path[STATE_PATH_SIZE];
    int mine;
    int rv;

    state_path(dir, STATE_LOCK, path);
    mine = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (mine < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    }
    rv = lock_file(mine, path, wait, err);
    if (rv < 0) {
        (void)close(mine);
        return rv;
    }
    *fd = mine;
    return 0;
}
