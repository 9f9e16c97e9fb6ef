#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct file_lock {
    int fd;
};

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

static int read_whole(const char *path, int flags, struct str *out, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
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

int file_read(const char *path, struct str *out, struct err *err)
{
    return read_whole(path, O_NOFOLLOW, out, err);
}

int file_read_given(const char *path, struct str *out, struct err *err)
{
    return read_whole(path, 0, out, err);
}

uint64_t file_bytes(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && 0 < info.st_size ? (uint64_t)info.st_size : 0;
}

size_t file_tail(const char *path, uint64_t from, char *out, size_t size)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t end = file_bytes(path);
    ssize_t got;

    if (fd < 0 || end <= from) {
        return 0;
    }
    from = size < end - from ? end - size : from;
    got = pread(fd, out, size, (off_t)from);
    return got < 0 ? 0 : (size_t)got;
}

void file_empty(const char *path)
{
    if (truncate(path, 0) < 0) {
        return; /* it is gone: as good */
    }
}

void file_rename(const char *path, const char *name)
{
    (void)rename(path, name);
}

void file_remove(const char *path)
{
    (void)unlink(path);
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

void dir_drop_empty(const char *path)
{
    (void)rmdir(path);
}

void dir_list(const char *path, void (*found)(void *ctx, const char *name), void *ctx)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (dir == NULL) {
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            found(ctx, entry->d_name);
        }
    }
    (void)closedir(dir);
}

int file_lock_new(const char *path, struct file_lock **out, struct err *err)
{
    CLEANUP(file_lock_free_p) struct file_lock *lock = mem_alloc(sizeof(*lock));

    if (lock == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock->fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (flock(lock->fd, LOCK_EX | LOCK_NB) < 0) {
        return err_set(err, ERR_CONFLICT, "%s is held by another process", path);
    }
    *out = TAKE(lock);
    return 0;
}

void file_lock_free(struct file_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    fd_close_p(&lock->fd);
    free(lock);
}
