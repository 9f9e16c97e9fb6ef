#include "proc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_SIZE 1024

/* `dir`[/`name`]/`file`. */
static int path_of(const struct cgroups *groups, const char *name, const char *file,
                   char out[CGROUP_PATH_MAX], struct err *err)
{
    int size = snprintf(out, CGROUP_PATH_MAX, "%s%s%s%s%s", groups->dir, name[0] == '\0' ? "" : "/",
                        name, file[0] == '\0' ? "" : "/", file);

    return CGROUP_PATH_MAX <= size ? err_set(err, ERR_LIMIT, "the path of a group is too long") : 0;
}

static int write_text(const char *path, const char *text, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        return err_set(err, ERR_IO, "write '%s' to %s: %s", text, path, strerror(errno));
    }
    return 0;
}

/* What the file holds, cut to `size`; "" when it can't be read. */
static void read_text(const char *path, char *out, size_t size)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

    out[n < 0 ? 0 : n] = '\0';
}

static int find_version(struct cgroups *groups, struct err *err)
{
    char path[CGROUP_PATH_MAX];
    char controllers[TEXT_SIZE];
    int rv = path_of(groups, "", "memory.limit_in_bytes", path, err);

    if (rv < 0) {
        return rv;
    }
    if (access(path, F_OK) == 0) {
        groups->version = CGROUP_V1;
        return 0;
    }
    rv = path_of(groups, "", "cgroup.controllers", path, err);
    if (rv < 0) {
        return rv;
    }
    read_text(path, controllers, sizeof(controllers));
    if (strstr(controllers, "memory") == NULL) {
        return err_set(err, ERR_INVALID, "%s is no control group with a memory controller",
                       groups->dir);
    }
    groups->version = CGROUP_V2;
    rv = path_of(groups, "", "cgroup.subtree_control", path, err);
    return rv < 0 ? rv : write_text(path, "+memory", err);
}

int cgroups_open(const char *dir, struct cgroups *out, struct err *err)
{
    struct cgroups groups = { .version = CGROUP_OFF };
    int rv;

    *out = groups;
    if (dir[0] == '\0') {
        return 0;
    }
    if (dir[0] != '/' || CGROUP_PATH_MAX / 2 <= strlen(dir)) {
        return err_set(err, ERR_INVALID, "'%s' is no absolute path of moderate length", dir);
    }
    (void)snprintf(groups.dir, sizeof(groups.dir), "%s", dir);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
        return err_set(err, ERR_IO, "make %s: %s", dir, strerror(errno));
    }
    rv = find_version(&groups, err);
    if (rv == 0) {
        *out = groups;
    }
    return rv;
}

/* Write a number into one of the group's files. */
static int put_number(const struct cgroups *groups, const char *name, const char *file,
                      uint64_t number, struct err *err)
{
    char path[CGROUP_PATH_MAX];
    char text[32];
    int rv = path_of(groups, name, file, path, err);

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return rv < 0 ? rv : write_text(path, text, err);
}

int cgroup_put(const struct cgroups *groups, const char *name, uint64_t memory_bytes, pid_t pid,
               struct err *err)
{
    const char *limit = groups->version == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes";
    char path[CGROUP_PATH_MAX];
    int rv;

    if (groups->version == CGROUP_OFF) {
        return 0;
    }
    rv = path_of(groups, name, "", path, err);
    if (rv == 0 && mkdir(path, 0755) < 0 && errno != EEXIST) {
        rv = err_set(err, ERR_IO, "make %s: %s", path, strerror(errno));
    }
    if (rv == 0) {
        rv = put_number(groups, name, limit, memory_bytes, err);
    }
    return rv < 0 ? rv : put_number(groups, name, "cgroup.procs", (uint64_t)pid, err);
}

uint64_t cgroup_oom_kills(const struct cgroups *groups, const char *name)
{
    char path[CGROUP_PATH_MAX];
    char text[TEXT_SIZE];
    const char *line;
    struct err err;

    if (groups->version == CGROUP_OFF ||
        path_of(groups, name, groups->version == CGROUP_V2 ? "memory.events" : "memory.oom_control",
                path, &err) < 0) {
        return 0;
    }
    read_text(path, text, sizeof(text));
    line = strstr(text, "\noom_kill ");
    return line == NULL ? 0 : strtoull(line + strlen("\noom_kill "), NULL, 10);
}

void cgroup_remove(const struct cgroups *groups, const char *name)
{
    char path[CGROUP_PATH_MAX];
    struct err err;

    if (groups->version != CGROUP_OFF && path_of(groups, name, "", path, &err) == 0) {
        (void)rmdir(path);
    }
}
