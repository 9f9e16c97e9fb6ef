#include "discovery/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

#define TEMPORARY_PREFIX                                                    \
    ".new." /* no inotify reader and no scan takes such a name for an entry \
             */
#define TEMPORARY_AGE_MAX_S 60

_Static_assert(INBOX_ENTRIES_MAX == INBOX_KINDS * INBOX_RING, "a list holds all entries");

static const char *const kind_names[INBOX_KINDS] = { "config", "join" };

int inbox_uid_valid(const char *uid, size_t size)
{
    size_t i;

    if (size != JOIN_UID_CHARS) {
        return 0;
    }
    for (i = 0; i < size; i++) {
        if (strchr("0123456789abcdef", uid[i]) == NULL || uid[i] == '\0') {
            return 0;
        }
    }
    return 1;
}

/* Write all parts in one go; a short write is a full file system. */
static int write_entry(int fd, const struct inbox_entry *entry)
{
    char head[JOIN_UID_CHARS + 1];
    size_t head_bytes = 0;
    struct iovec parts[2];
    ssize_t n;

    if (entry->kind == INBOX_JOIN) {
        memcpy(head, entry->uid, JOIN_UID_CHARS);
        head[JOIN_UID_CHARS] = '\n';
        head_bytes = sizeof(head);
    }
    parts[0] = (struct iovec){ .iov_base = head, .iov_len = head_bytes };
    parts[1] = (struct iovec){ .iov_len = entry->value_bytes };
    memcpy(&parts[1].iov_base, &entry->value, sizeof(entry->value)); /* iovec knows no const */
    n = writev(fd, parts, 2);
    return n == (ssize_t)(head_bytes + entry->value_bytes) ? 0 : -1;
}

/* Put the entry below a name of this thread's own, then under its final one. */
static int put_at(int dir, const char *name, const struct inbox_entry *entry)
{
    char fresh[64];
    int saved;
    int rv;
    int fd;

    (void)snprintf(fresh, sizeof(fresh), TEMPORARY_PREFIX "%s.%ld.%lx", name, (long)getpid(),
                   (unsigned long)pthread_self());
    /* A new file, always: memcached's user owns the directory, and what it puts there under our
     * name may be a pipe to wait at, or a link to a file that is not its own. */
    (void)unlinkat(dir, fresh, 0);
    fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return -1;
    }
    rv = write_entry(fd, entry);
    saved = errno;
    (void)close(fd);
    if (rv == 0) {
        rv = renameat(dir, fresh, dir, name);
        saved = errno;
    }
    if (rv != 0) {
        (void)unlinkat(dir, fresh, 0);
        errno = saved;
    }
    return rv;
}

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int inbox_put(const char *path, uint32_t n, const struct inbox_entry *entry, struct err *err)
{
    char name[INBOX_NAME_SIZE];
    int rv = 0;
    int dir;

    if (INBOX_VALUE_BYTES_MAX < entry->value_bytes) {
        return err_set(err, ERR_LIMIT, "%zu bytes are too many", entry->value_bytes);
    }
    CHECK(entry->kind != INBOX_JOIN || inbox_uid_valid(entry->uid, strlen(entry->uid)));
    dir = open_directory(path);
    if (dir < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? INBOX_OFF
                   : err_set(err, ERR_IO, "open %s: %s", path, strerror(errno));
    }
    (void)snprintf(name, sizeof(name), "%s.%u", kind_names[entry->kind], n % INBOX_RING);
    if (put_at(dir, name, entry) != 0) {
        rv = err_set(err, ERR_IO, "write to %s: %s", path, strerror(errno));
    }
    (void)close(dir);
    return rv;
}

/* "config.7": whether the name is one that inbox_put() gives. */
static int parse_name(const char *name, enum inbox_kind *kind)
{
    size_t i;

    for (i = 0; i < INBOX_KINDS; i++) {
        char expected[INBOX_NAME_SIZE];
        unsigned n;

        for (n = 0; n < INBOX_RING; n++) {
            (void)snprintf(expected, sizeof(expected), "%s.%u", kind_names[i], n);
            if (strcmp(expected, name) == 0) {
                *kind = (enum inbox_kind)i;
                return 1;
            }
        }
    }
    return 0;
}

static void remove_if_stale(int dir, const char *name)
{
    struct timespec now;
    struct stat st;

    if (strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0 ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (st.st_mtim.tv_sec + TEMPORARY_AGE_MAX_S < now.tv_sec) {
        (void)unlinkat(dir, name, 0);
    }
}

static int earlier(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Insertion keeps the few names in the order of their times. */
static void insert(struct inbox_list *list, struct timespec *times, const char *name,
                   const struct timespec *time)
{
    size_t at = list->count;

    if (list->count == INBOX_ENTRIES_MAX) {
        return; /* renamed while we read: the next event brings it */
    }
    while (0 < at && earlier(time, &times[at - 1])) {
        memcpy(list->names[at], list->names[at - 1], INBOX_NAME_SIZE);
        times[at] = times[at - 1];
        at--;
    }
    memcpy(list->names[at], name, strlen(name) + 1); /* parse_name() took it: it is short */
    times[at] = *time;
    list->count++;
}

int inbox_scan(const char *path, struct inbox_list *out, struct err *err)
{
    struct timespec times[INBOX_ENTRIES_MAX];
    struct inbox_list list = { .count = 0 };
    int fd = open_directory(path);
    const struct dirent *entry;
    enum inbox_kind kind;
    struct stat st;
    DIR *dir;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return INBOX_OFF;
    }
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        return err_set(err, ERR_IO, "open %s: %s", path, strerror(errno));
    }
    while ((entry = readdir(dir)) != NULL) {
        if (!parse_name(entry->d_name, &kind)) {
            remove_if_stale(fd, entry->d_name);
        } else if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            insert(&list, times, entry->d_name, &st.st_mtim);
        }
    }
    (void)closedir(dir);
    *out = list;
    return 0;
}

/* Read the whole file, or say why not: a negative errno. */
static ssize_t read_whole(int fd, char *buffer)
{
    size_t used = 0;
    ssize_t n;

    while ((n = read(fd, buffer + used, INBOX_BUFFER_BYTES - used)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        used += (size_t)n;
        if (used == INBOX_BUFFER_BYTES) {
            break;
        }
    }
    return (ssize_t)used;
}

static int parse_entry(const char *buffer, size_t size, struct inbox_entry *out)
{
    if (out->kind == INBOX_JOIN) {
        if (size <= JOIN_UID_CHARS || buffer[JOIN_UID_CHARS] != '\n' ||
            !inbox_uid_valid(buffer, JOIN_UID_CHARS)) {
            return -1;
        }
        memcpy(out->uid, buffer, JOIN_UID_CHARS);
        buffer += JOIN_UID_CHARS + 1;
        size -= JOIN_UID_CHARS + 1;
    }
    out->value = buffer;
    out->value_bytes = size;
    return size <= INBOX_VALUE_BYTES_MAX ? 0 : -1;
}

/* Out of the way with what stands at `taken`: memcached's user may have made a directory there, and
 * filled it. */
static void clear_away(const char *taken)
{
    char aside[PATH_MAX];
    struct timespec now;

    if (unlink(taken) == 0 || rmdir(taken) == 0) {
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (snprintf(aside, sizeof(aside), "%s.%lld.%09ld", taken, (long long)now.tv_sec, now.tv_nsec) <
        (int)sizeof(aside)) {
        (void)rename(taken, aside);
    }
}

/* Under another name first: a newer entry that arrives now is not removed with this one. */
static int set_apart(const char *file, const char *taken)
{
    if (rename(file, taken) == 0) {
        return 0;
    }
    if (errno != EISDIR && errno != ENOTDIR && errno != ENOTEMPTY && errno != EEXIST) {
        return -1;
    }
    clear_away(taken);
    return rename(file, taken);
}

int inbox_take(const char *path, const char *name, char *buffer, struct inbox_entry *out,
               struct err *err)
{
    struct inbox_entry entry = { .kind = INBOX_CONFIG };
    char file[PATH_MAX];
    char taken[PATH_MAX];
    ssize_t size;
    int fd;

    if (!parse_name(name, &entry.kind)) {
        return err_set(err, ERR_INVALID, "%s is not the name of an inbox entry", name);
    }
    if ((int)sizeof(file) <= snprintf(file, sizeof(file), "%s/%s", path, name) ||
        (int)sizeof(taken) <=
            snprintf(taken, sizeof(taken), "%s/" TEMPORARY_PREFIX "taken.%s", path, name)) {
        return err_set(err, ERR_LIMIT, "path too long: %s", path);
    }
    if (set_apart(file, taken) != 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "take %s: %s", file,
                       strerror(errno));
    }
    fd = open(taken, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size = fd < 0 ? -errno : read_whole(fd, buffer);
    if (0 <= fd) {
        (void)close(fd);
    }
    clear_away(taken);
    if (size < 0) {
        return err_set(err, ERR_IO, "read %s: %s", file, strerror((int)-size));
    }
    if (parse_entry(buffer, (size_t)size, &entry) != 0) {
        return err_set(err, ERR_INVALID, "%s holds no entry", file);
    }
    *out = entry;
    return 0;
}
