#include "watcher/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "model/name.h"

#define LAST_LINE_BYTES 1024

/* Names are bounded by their rules and by FILES_STATE_DIR_MAX. */
static void join(char out[PATH_MAX], const char *dir, const char *name)
{
    CHECK(snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
}

void node_files_name(const char *state_dir, const char *cluster, uint32_t slot,
                     struct node_files *out)
{
    char slot_text[SLOT_TEXT_SIZE];

    slot_format(slot, slot_text);
    CHECK(snprintf(out->dir, sizeof(out->dir), "%s/nodes/%s/%s", state_dir, cluster, slot_text) <
          PATH_MAX);
    join(out->intent, out->dir, "intent.json");
    join(out->report, out->dir, "report.json");
    join(out->pid, out->dir, "memcached.pid");
    join(out->log, out->dir, "memcached.log");
}

int dir_make(const char *path, struct err *err)
{
    char part[PATH_MAX];
    char *at = part;

    CHECK(snprintf(part, sizeof(part), "%s", path) < PATH_MAX);
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

int node_files_make(const struct node_files *files, struct err *err)
{
    return dir_make(files->dir, err);
}

void node_files_remove(const struct node_files *files)
{
    char other[PATH_MAX];

    (void)unlink(files->intent);
    (void)unlink(files->report);
    (void)unlink(files->pid);
    (void)unlink(files->log);
    join(other, files->dir, "memcached.log.1");
    (void)unlink(other);
    (void)rmdir(files->dir);
    memcpy(other, files->dir, sizeof(other));
    *strrchr(other, '/') = '\0';
    (void)rmdir(other);
}

void node_files_turn_log(const struct node_files *files)
{
    char former[PATH_MAX];
    struct stat info;

    if (stat(files->log, &info) == 0 && FILES_LOG_BYTES_MAX < info.st_size) {
        join(former, files->dir, "memcached.log.1");
        (void)rename(files->log, former);
    }
}

static void dir_close_p(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

static void scan_cluster(const char *dir_path, const char *cluster,
                         void (*found)(void *ctx, const char *cluster, uint32_t slot), void *ctx)
{
    CLEANUP(dir_close_p) DIR *dir = opendir(dir_path);
    const struct dirent *entry;
    uint32_t slot;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (slot_parse(entry->d_name, &slot)) {
            found(ctx, cluster, slot);
        }
    }
}

void node_files_scan(const char *state_dir,
                     void (*found)(void *ctx, const char *cluster, uint32_t slot), void *ctx)
{
    CLEANUP(dir_close_p) DIR *dir = NULL;
    char nodes[PATH_MAX];
    const struct dirent *entry;

    join(nodes, state_dir, "nodes");
    dir = opendir(nodes);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char cluster[PATH_MAX];

        if (name_is_label(entry->d_name, CLUSTER_NAME_MAX)) {
            join(cluster, nodes, entry->d_name);
            scan_cluster(cluster, entry->d_name, found, ctx);
        }
    }
}

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

void file_last_line(const char *path, uint64_t from, char *out, size_t out_size)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t size = file_bytes(path);
    char tail[LAST_LINE_BYTES + 1];
    const char *line;
    ssize_t got;

    out[0] = '\0';
    if (fd < 0 || size <= from) {
        return;
    }
    from = LAST_LINE_BYTES < size - from ? size - LAST_LINE_BYTES : from;
    got = pread(fd, tail, LAST_LINE_BYTES, (off_t)from);
    while (0 < got && tail[got - 1] == '\n') {
        got--;
    }
    if (got <= 0) {
        return;
    }
    tail[got] = '\0';
    line = strrchr(tail, '\n');
    (void)snprintf(out, out_size, "%s", line == NULL ? tail : line + 1);
}
