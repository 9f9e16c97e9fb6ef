/*
 * files - where the watcher keeps what it needs to know about a node after a restart.
 *
 *     <state-dir>/nodes/<cluster>/<slot>/intent.json    the last intent that could be read
 *                                        report.json    what the process was started with, and
 *                                                       the highest version ever held
 *                                        version        the highest version that ever was about
 *                                                       to be put in force, in decimal
 *                                        memcached.pid  see proc/proc.h
 *                                        memcached.log  what memcached says
 *
 * These files are written with base/file.h: each is whole or as it was.
 */
#ifndef WATCHER_FILES_H
#define WATCHER_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* memcached.log is begun anew when a start finds it larger, and emptied when it grows beyond. */
#define FILES_LOG_BYTES_MAX (4U << 20)

/* A state directory is shorter, so that every name below it fits PATH_MAX. */
#define FILES_STATE_DIR_MAX 3000

struct node_files {
    const char *above; /* the cluster's directory */
    const char *dir;
    const char *intent;
    const char *report;
    const char *version;
    const char *pid;
    const char *log;
    const char *former_log;
};

/* The names for one slot, in `arena`. */
MUST_USE int node_files_name(const char *state_dir, const char *cluster, uint32_t slot,
                             struct arena *arena, struct node_files *out, struct err *err);

/* Make the directory and those above it. */
MUST_USE int node_files_make(const struct node_files *files, struct err *err);

/* The one that was noted last; 0: none can be read. */
uint32_t node_files_version(const struct node_files *files);
MUST_USE int node_files_note_version(const struct node_files *files, uint32_t version,
                                     struct err *err);

/* Remove all of the slot's files, its directory, and its cluster's directory when that is empty. */
void node_files_remove(const struct node_files *files);

/* Begin the log anew when it has grown beyond its limit; the former one stays as "<log>.1". */
void node_files_turn_log(const struct node_files *files);

/* Call `found` for each slot below the state directory. */
void node_files_scan(const char *state_dir,
                     void (*found)(void *ctx, const char *cluster, uint32_t slot), void *ctx);

/* The last line of a text file behind its first `from` bytes, without its end; "" when there is
 * none. */
void file_last_line(const char *path, uint64_t from, char *out, size_t out_size);

#endif
