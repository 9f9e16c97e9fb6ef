#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int write_all(int fd, const char *bytes, size_t size)
{
    while (0 < size) {
        ssize_t done = write(fd, bytes, size);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return -errno;
        }
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

int file_write(const char *path, const char *bytes, size_t size, struct err *err)
{
    CLEANUP(fd_close_p) int fd = -1;
    char next[PATH_MAX];
    int rv;

    if (PATH_MAX <= snprintf(next, sizeof(next), "%s.next", path)) {
        return err_set(err, ERR_INVALID, "%s: name too long", path);
    }
    fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", next, strerror(errno));
    }
    rv = write_all(fd, bytes, size);
    if (rv == 0 && rename(next, path) < 0) {
        rv = -errno;
    }
    if (rv < 0) {
        (void)unlink(next);
        return err_set(err, ERR_IO, "%s: %s", path, strerror(-rv));
    }
    return 0;
}

int file_read(const char *path, struct str *out, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char chunk[4096];
    ssize_t got;

    if (fd < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    }
    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR) {
            return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        }
        if (0 < got) {
            str_append(out, chunk, (size_t)got);
        }
        if (str_failed(out)) {
            return err_set(err, ERR_LIMIT, "%s: more than %zu bytes", path, out->size_max);
        }
    }
    return 0;
}

uint64_t file_bytes(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && 0 < info.st_size ? (uint64_t)info.st_size : 0;
}

int dir_make(const char *path, struct err *err)
{
    char part[PATH_MAX];
    char *at = part;

    if (PATH_MAX <= snprintf(part, sizeof(part), "%s", path)) {
        return err_set(err, ERR_INVALID, "%.100s…: name too long", path);
    }
    while (at != NULL) {
        at = strchr(at + 1, '/');
        if (at != NULL) {
            *at = '\0';
        }
        if (mkdir(part, 0755) < 0 && errno != EEXIST) {
            return err_set(err, ERR_IO, "make %s: %s", part, strerror(errno));
        }
        if (at != NULL) {
            *at = '/';
        }
    }
    return 0;
}
