#include "watcher/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/name.h"

#define LAST_LINE_BYTES 1024

int node_files_name(const char *state_dir, const char *cluster, uint32_t slot, struct arena *arena,
                    struct node_files *out, struct err *err)
{
    char slot_text[SLOT_TEXT_SIZE];
    struct node_files files;

    slot_format(slot, slot_text);
    files.above = arena_printf(arena, "%s/nodes/%s", state_dir, cluster);
    files.dir = arena_printf(arena, "%s/nodes/%s/%s", state_dir, cluster, slot_text);
    files.intent = arena_printf(arena, "%s/intent.json", files.dir);
    files.report = arena_printf(arena, "%s/report.json", files.dir);
    files.pid = arena_printf(arena, "%s/memcached.pid", files.dir);
    files.log = arena_printf(arena, "%s/memcached.log", files.dir);
    files.former_log = arena_printf(arena, "%s/memcached.log.1", files.dir);
    if (files.above == NULL || files.dir == NULL || files.intent == NULL || files.report == NULL ||
        files.pid == NULL || files.log == NULL || files.former_log == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = files;
    return 0;
}

int node_files_make(const struct node_files *files, struct err *err)
{
    return dir_make(files->dir, err);
}

void node_files_remove(const struct node_files *files)
{
    (void)unlink(files->intent);
    (void)unlink(files->report);
    (void)unlink(files->pid);
    (void)unlink(files->log);
    (void)unlink(files->former_log);
    (void)rmdir(files->dir);
    (void)rmdir(files->above);
}

void node_files_turn_log(const struct node_files *files)
{
    if (FILES_LOG_BYTES_MAX < file_bytes(files->log)) {
        (void)rename(files->log, files->former_log);
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

    (void)snprintf(nodes, sizeof(nodes), "%s/nodes", state_dir);
    dir = opendir(nodes);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char cluster[PATH_MAX + CLUSTER_NAME_MAX + 2];

        if (name_is_label(entry->d_name, CLUSTER_NAME_MAX)) {
            (void)snprintf(cluster, sizeof(cluster), "%s/%.*s", nodes, CLUSTER_NAME_MAX,
                           entry->d_name);
            scan_cluster(cluster, entry->d_name, found, ctx);
        }
    }
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
