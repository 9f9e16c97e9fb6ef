#include "integration/ps.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROC_TEXT_MAX 65536

static const char *const kind_texts[] = {
    [PS_ANY] = "other",
    [PS_ETCD] = "etcd",
    [PS_CONTROLLER] = "controller",
    [PS_WATCHER] = "watcher",
    [PS_SUPERVISOR] = "supervisor",
    [PS_MEMCACHED] = "memcached",
};

const char *ps_kind_text(enum ps_kind kind)
{
    return kind_texts[kind];
}

/* A file of /proc/<pid>; its NULs separate texts. */
static ssize_t read_proc(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    CLEANUP(fd_close_p) int fd = -1;
    ssize_t all = 0;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    while (all < (ssize_t)size - 1 && 0 < (n = read(fd, out + all, size - 1 - (size_t)all))) {
        all += n;
    }
    out[all] = '\0';
    return all;
}

static bool mentions(const char *bytes, ssize_t size, const char *root)
{
    return 0 < size && memmem(bytes, (size_t)size, root, strlen(root)) != NULL;
}

static enum ps_kind kind_of(const char *args, size_t size)
{
    const char *slash = strrchr(args, '/');
    const char *program = slash == NULL ? args : slash + 1;
    const char *second = strlen(args) + 1 < size ? args + strlen(args) + 1 : "";

    if (strcmp(program, "etcd") == 0) {
        return PS_ETCD;
    }
    if (strcmp(program, "muster-controller") == 0) {
        return PS_CONTROLLER;
    }
    if (strcmp(program, "muster-watcher") == 0) {
        return PS_WATCHER;
    }
    if (strcmp(program, "memcached") == 0) {
        return PS_MEMCACHED;
    }
    return strcmp(program, "muster") == 0 && strcmp(second, "supervise") == 0 ? PS_SUPERVISOR
                                                                              : PS_ANY;
}

/* Whether `pid` is a running process of the lab; then `out` is filled. */
static bool look_at(pid_t pid, struct ps_item *out)
{
    char args[PROC_TEXT_MAX];
    char env[PROC_TEXT_MAX];
    ssize_t args_size = read_proc(pid, "cmdline", args, sizeof(args));
    const char *root = scene_dir();
    ssize_t i;

    /* A zombie's command line is empty. */
    if (args_size <= 0) {
        return false;
    }
    if (!mentions(args, args_size, root) &&
        !mentions(env, read_proc(pid, "environ", env, sizeof(env)), root)) {
        return false;
    }
    out->pid = pid;
    out->kind = kind_of(args, (size_t)args_size);
    for (i = 0; i < args_size - 1; i++) {
        args[i] = args[i] == '\0' ? ' ' : args[i];
    }
    (void)snprintf(out->command, sizeof(out->command), "%.*s", (int)sizeof(out->command) - 1, args);
    return true;
}

void ps_list(enum ps_kind kind, struct ps_list *out)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    out->count = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL && out->count < PS_MAX) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        struct ps_item *item = &out->items[out->count];

        if (isdigit((unsigned char)entry->d_name[0]) && pid != getpid() && look_at(pid, item) &&
            (kind == PS_ANY || item->kind == kind)) {
            out->count++;
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
}

pid_t ps_one(enum ps_kind kind)
{
    struct ps_list list;

    ps_list(kind, &list);
    return list.count == 1 ? list.items[0].pid : 0;
}

pid_t ps_memcached(const char *ip)
{
    struct ps_list list;
    char wanted[SCENE_IP_SIZE + 2];
    size_t i;

    (void)snprintf(wanted, sizeof(wanted), "%s ", ip);
    ps_list(PS_MEMCACHED, &list);
    for (i = 0; i < list.count; i++) {
        const char *command = list.items[i].command;
        size_t size = strlen(command);

        if (strstr(command, wanted) != NULL ||
            (strlen(ip) < size && strcmp(command + size - strlen(ip), ip) == 0)) {
            return list.items[i].pid;
        }
    }
    return 0;
}

bool ps_alive(pid_t pid)
{
    char stat[1024];
    const char *state;

    if (pid <= 0 || read_proc(pid, "stat", stat, sizeof(stat)) <= 0) {
        return false;
    }
    state = strrchr(stat, ')');
    return state != NULL && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}
