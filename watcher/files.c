#include "watcher/files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "model/config.h"
#include "model/name.h"

#define LAST_LINE_BYTES 1024
#define VERSION_BYTES_MAX 16

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
    files.version = arena_printf(arena, "%s/version", files.dir);
    files.pid = arena_printf(arena, "%s/memcached.pid", files.dir);
    files.log = arena_printf(arena, "%s/memcached.log", files.dir);
    files.former_log = arena_printf(arena, "%s/memcached.log.1", files.dir);
    if (files.above == NULL || files.dir == NULL || files.intent == NULL || files.report == NULL ||
        files.version == NULL || files.pid == NULL || files.log == NULL ||
        files.former_log == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = files;
    return 0;
}

int node_files_make(const struct node_files *files, struct err *err)
{
    return dir_make(files->dir, err);
}

uint32_t node_files_version(const struct node_files *files)
{
    CLEANUP(str_deinit) struct str text;
    uint64_t version;

    str_init(&text, VERSION_BYTES_MAX);
    return file_read(files->version, &text, NULL) == 0 &&
                   text_to_u64(str_text(&text), 1, CONFIG_VERSION_MAX, &version)
               ? (uint32_t)version
               : 0;
}

int node_files_note_version(const struct node_files *files, uint32_t version, struct err *err)
{
    char text[VERSION_BYTES_MAX];
    int size = snprintf(text, sizeof(text), "%u", version);

    return file_write(files->version, text, (size_t)size, err);
}

void node_files_remove(const struct node_files *files)
{
    file_remove(files->report);
    file_remove(files->version);
    file_remove(files->pid);
    file_remove(files->log);
    file_remove(files->former_log);
    file_remove(files->intent); /* the last one: whoever dies before still knows of the stop */
    dir_drop_empty(files->dir);
    dir_drop_empty(files->above);
}

void node_files_turn_log(const struct node_files *files)
{
    if (FILES_LOG_BYTES_MAX < file_bytes(files->log)) {
        file_rename(files->log, files->former_log);
    }
}

/* The search through the directories of clusters and of their slots. */
struct scan {
    char nodes[PATH_MAX];
    char cluster[CLUSTER_NAME_MAX + 1];
    void (*found)(void *ctx, const char *cluster, uint32_t slot);
    void *ctx;
};

static void on_slot(void *ctx, const char *name)
{
    struct scan *scan = ctx;
    uint32_t slot;

    if (slot_parse(name, &slot)) {
        scan->found(scan->ctx, scan->cluster, slot);
    }
}

static void on_cluster(void *ctx, const char *name)
{
    struct scan *scan = ctx;
    char dir[PATH_MAX + CLUSTER_NAME_MAX + 2];

    if (name_is_label(name, CLUSTER_NAME_MAX)) {
        (void)snprintf(scan->cluster, sizeof(scan->cluster), "%.*s", CLUSTER_NAME_MAX, name);
        (void)snprintf(dir, sizeof(dir), "%s/%s", scan->nodes, scan->cluster);
        dir_list(dir, on_slot, scan);
    }
}

void node_files_scan(const char *state_dir,
                     void (*found)(void *ctx, const char *cluster, uint32_t slot), void *ctx)
{
    struct scan scan = { .found = found, .ctx = ctx };

    (void)snprintf(scan.nodes, sizeof(scan.nodes), "%s/nodes", state_dir);
    dir_list(scan.nodes, on_cluster, &scan);
}

void file_last_line(const char *path, uint64_t from, char *out, size_t out_size)
{
    char tail[LAST_LINE_BYTES + 1];
    size_t size = file_tail(path, from, tail, LAST_LINE_BYTES);
    const char *line;

    while (0 < size && tail[size - 1] == '\n') {
        size--;
    }
    tail[size] = '\0';
    line = strrchr(tail, '\n');
    (void)snprintf(out, out_size, "%s", line == NULL ? tail : line + 1);
}
