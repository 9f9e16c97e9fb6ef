/*
 * overhear - what memcached says on stdout and stderr, line by line.
 *
 * memcached writes to a file, not to a pipe: it outlives its watcher, and must never wait for a
 * reader. The file is looked at now and then; from what has come since, the newest lines are told,
 * as many as a bucket of OVERHEAR_BURST allows, and how many were left out. A file that has grown
 * beyond its limit is emptied when it has been read.
 */
#ifndef WATCHER_OVERHEAR_H
#define WATCHER_OVERHEAR_H

#include <stdbool.h>
#include <stdint.h>

/* A longer line is cut; of more than OVERHEAR_BYTES_MAX between two looks the newest are read. */
#define OVERHEAR_LINE_MAX 240
#define OVERHEAR_BYTES_MAX 4096
#define OVERHEAR_BURST 20U
#define OVERHEAR_REFILL_MS 1000U

/* Zeroed is a good beginning: everything from the file's start on is new. */
struct overhear {
    uint64_t from;     /* what lies before was read */
    uint64_t spent_ms; /* when the bucket would be full again */
    uint32_t left_out; /* since that was told last */
};

/* What is in the file now is old. */
void overhear_skip(struct overhear *overhear, const char *path);

/* `line` without its end; `left_out` lines before it were not told. */
typedef void overhear_fn(void *ctx, const char *line, uint32_t left_out);

/* Tell what has come. A line without its end waits for the rest of it, but for the last words of a
 * process that has `ended`. */
void overhear_look(struct overhear *overhear, const char *path, uint64_t now_ms, bool ended,
                   overhear_fn *fn, void *ctx);

#endif
