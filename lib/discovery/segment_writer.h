/*
 * segment_writer - how a watcher fills a segment.
 *
 * See segment.h for the file. Only one process may write to a segment at a time: the watcher, which
 * owns the partition's directory.
 */
#ifndef DISCOVERY_SEGMENT_WRITER_H
#define DISCOVERY_SEGMENT_WRITER_H

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/segment.h"

/* Of the name under which a segment is made, behind its own; what a dead writer left has it. */
#define SEGMENT_NEW_SUFFIX ".new"

/*
 * Open the segment at `path`, making it when it is missing. What can't be used there (another kind
 * of file, size, layout, owner or mode) is replaced by rename(2), a directory is put aside first,
 * as <path>.aside. The content of a good one is kept, also that of another layout that can be read.
 * Mode 0644. `*fd` is the caller's. ERR_IO, ERR_LIMIT (path).
 */
MUST_USE int segment_create(const char *path, int *fd, struct err *err);

/*
 * Put `cell` in force. ERR_LIMIT when it is too large, ERR_IO when the file can't be written or is
 * damaged; readers then still see the old content.
 */
MUST_USE int segment_write(int fd, const struct segment_cell *cell, struct err *err);

/*
 * The same, and take back version `takes_back` (0: none), which stood in the segment without being
 * in force, because somebody forged it: a memcached that took over exactly that one goes on with
 * `cell`, although versions only grow otherwise.
 */
MUST_USE int segment_write_back(int fd, const struct segment_cell *cell, uint32_t takes_back,
                                struct err *err);

/* Whether `cell` is what is in force, byte for byte. */
int segment_holds(int fd, const struct segment_cell *cell);

#endif
