#include "cli/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/state_dir.h"

/* A purge removes the file: who waited for the former one holds nothing that others look at. */
static bool is_current(int fd, const char *path)
{
    struct stat held;
    struct stat named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

int lock_take(const char *dir, bool wait, int *fd, struct err *err)
{
    CLEANUP(fd_close_p) int mine = -1;
    char path[STATE_PATH_SIZE];
    int rv;

    state_path(dir, STATE_LOCK, path);
    mine = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (mine < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    }
    do {
        rv = flock(mine, LOCK_EX | (wait ? 0 : LOCK_NB));
    } while (rv < 0 && errno == EINTR);
    if (rv < 0) {
        return err_set(err, errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
                       errno == EWOULDBLOCK ? "held by a running muster" : strerror(errno));
    }
    if (!is_current(mine, path)) {
        return err_set(err, ERR_NOT_FOUND, "%s was removed", path);
    }
    *fd = mine;
    mine = -1;
    return 0;
}
