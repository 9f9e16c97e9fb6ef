/*
 * pidfile - what is noted about a started process, and whether a process still is that one.
 *
 * A file holds "<pid> <start time>\n" and then the arguments, each with its NUL. Start time is
 * field 22 of /proc/<pid>/stat (clock ticks since boot): together with the pid it names one process
 * of this boot.
 */
#ifndef PROC_PIDFILE_H
#define PROC_PIDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define PIDFILE_BYTES_MAX 65536U

struct pidfile {
    pid_t pid;
    uint64_t start_ticks;
    struct str args; /* NUL-separated, as in /proc/<pid>/cmdline */
};

void pidfile_init(struct pidfile *file);
void pidfile_deinit(struct pidfile *file); /* for CLEANUP */

/* Take in `argv` (NULL-terminated) as `args`. ERR_LIMIT beyond PIDFILE_BYTES_MAX. */
MUST_USE int pidfile_set_args(struct pidfile *file, const char *const *argv, struct err *err);

/* Whether `args` are exactly `argv`. */
bool pidfile_has_args(const struct pidfile *file, const char *const *argv);

/* The start time of a process. ERR_NOT_FOUND when there is none or it has ended. */
MUST_USE int pidfile_start_ticks(pid_t pid, uint64_t *out, struct err *err);

/*
 * Whether the process that now has `file->pid` is the noted one: same start time, and a command
 * line that is, or ends with, the noted arguments (an interpreter's name stands before a script's).
 */
bool pidfile_is_alive(const struct pidfile *file);

/* Write atomically. */
MUST_USE int pidfile_write(const struct pidfile *file, const char *path, struct err *err);

/* ERR_NOT_FOUND: no such file. ERR_INVALID: not a pid file. */
MUST_USE int pidfile_read(const char *path, struct pidfile *out, struct err *err);

/* Remove the file in which `read` was found (of pid 0: nothing readable), unless another process
 * has been noted there since. */
void pidfile_remove(const struct pidfile *read, const char *path);

#endif
