/*
 * copy - the last good configuration, in memcached's own memory: the reserved partition itself.
 *
 * Each look compares the segment's head with what was copied last (a pread of 192 bytes) and copies
 * the cell only when it moved. When to look is the caller's to say. Whatever happens to the file,
 * the last good copy stays: torn, truncated, missing and foreign files change nothing. A file that
 * was deleted, moved, replaced or opened to others is noticed within COPY_NAME_CHECK_MS, and then
 * opened again by name.
 *
 * Versions only grow: what is older than anything that was ever copied here, or has the same
 * version and another payload, is passed over, whoever put it there. "No configuration" (version 0)
 * is always taken, and then still only what is not older. One thing goes back: a cell that takes
 * back exactly the version that is known here, because that was forged.
 *
 * Copies are immutable and counted, so that an answer which waits for its client keeps its own
 * while newer ones come. Safe to use from several threads, which all get what any of them has
 * found; the lock is held only while something changes or a copy is handed out.
 */
#ifndef MODULE_COPY_H
#define MODULE_COPY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "discovery/names.h"
#include "discovery/segment.h"

/* How often the file behind the segment's name is looked at, which costs more than all else. */
#define COPY_NAME_CHECK_MS 50U

struct copy {
    atomic_uint users;
    struct segment_cell cell; /* points into `bytes` */
    uint32_t takes_back;      /* see segment_write_back() */
    char bytes[];
};

struct copies {
    pthread_mutex_t lock;
    char path[PARTITION_PATH_MAX + 16];
    atomic_int fd;                 /* of the segment; -1: not open */
    atomic_uint_fast64_t named_ms; /* when the name was looked up last */
    struct segment_head seen;
    _Atomic(struct copy *) last; /* NULL: never saw a configuration; else never again */
    uint32_t version_known;      /* the highest that was copied */
    uint64_t payload_known_sum;  /* checksum64() of its payload */
    struct err trouble;          /* why the segment could not be opened; code 0: it could */
};

/* Nothing to serve, until copies_follow(). */
void copies_init(struct copies *copies);

/* Serve the segment at `path`. */
void copies_follow(struct copies *copies, const char *path);

/* Take over what the segment holds, if that is something new and good. */
void copies_look(struct copies *copies);

/* What is to be served; NULL when there never was a configuration. Give it back. */
struct copy *copies_get(struct copies *copies);

/*
 * False: there is a segment that can't be used (foreign, not to be trusted, of a layout to come),
 * and never was one that could. Then `why` tells, and nothing may be answered: not even that there
 * is no configuration.
 */
bool copies_usable(struct copies *copies, struct err *why);

/* Give a copy back; NULL is fine. */
void copy_put(struct copy *copy);

/* The cell of a copy; version 0 for NULL. */
const struct segment_cell *copy_cell(const struct copy *copy);

#endif
