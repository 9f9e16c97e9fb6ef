/*
 * segment - the file through which a watcher hands a configuration to its memcached.
 *
 * A file of fixed size, on tmpfs, named <partition>/segment: a page with an identification and
 * two slots, then two cells. Slot i describes cell i (generation, version, sizes, checksums); the
 * valid slot of the higher generation is the live one. A writer fills the other cell first and
 * its slot last, so that a writer which dies at any instruction leaves the old content in force.
 *
 * The file is read and written with pread(2) and pwrite(2), never mapped: whoever truncates a
 * mapped file kills the process that maps it. Every reader verifies checksums and treats a torn,
 * truncated, missing or foreign file as "nothing new"; keeping a last good copy is its affair.
 *
 * One writer at a time; any number of readers, in any process. Nothing here allocates.
 */
#ifndef DISCOVERY_SEGMENT_H
#define DISCOVERY_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/names.h"

#define SEGMENT_CELL_BYTES (DISCOVERY_PAYLOAD_BYTES_MAX + DISCOVERY_RECORD_BYTES_MAX)
#define SEGMENT_PAGE_BYTES 4096
#define SEGMENT_FILE_BYTES (SEGMENT_PAGE_BYTES + 2 * SEGMENT_CELL_BYTES)

/* What is served. Version 0 with no bytes means: no configuration. */
struct segment_cell {
    uint32_t version;
    const char *payload; /* what discovery clients get */
    size_t payload_bytes;
    const char *record; /* the signed JSON record */
    size_t record_bytes;
};

/* What a slot says about its cell. */
struct segment_head {
    uint64_t generation;
    uint64_t checksum; /* of the cell's bytes */
    uint32_t version;
    uint32_t payload_bytes;
    uint32_t record_bytes;
    uint32_t cell; /* 0 or 1 */
};

/*
 * Writer: open the segment at `path`, making it when it is missing, and replacing it (by
 * rename(2)) when it has another size, layout or identification. Mode 0644. The content of a good
 * one is kept. `*fd` is the caller's.
 */
MUST_USE int segment_create(const char *path, int *fd, struct err *err);

/*
 * Writer: put `cell` in force. ERR_LIMIT when it is too large, ERR_IO when the file can't be
 * written; readers then still see the old content.
 */
MUST_USE int segment_write(int fd, const struct segment_cell *cell, struct err *err);

/* Reader: open read-only; ERR_NOT_FOUND when it is missing. */
MUST_USE int segment_open(const char *path, int *fd, struct err *err);

/* Outcome of the reading functions: there is nothing that could be used. */
#define SEGMENT_NOTHING 1

/*
 * Reader: what is in force now: one pread(2) of a few hundred bytes. 0 and `*out`, or
 * SEGMENT_NOTHING (never written, torn, truncated, foreign).
 */
MUST_USE int segment_peek(int fd, struct segment_head *out);

/* Whether two heads are about the same content: then there is nothing to read. */
int segment_same(const struct segment_head *a, const struct segment_head *b);

/*
 * Reader: copy the bytes that `head` describes: payload_bytes of payload, then record_bytes of
 * record, into `bytes`, which has room for both. SEGMENT_NOTHING when they don't fit the checksum
 * (also when a writer has overtaken: peek again).
 */
MUST_USE int segment_read(int fd, const struct segment_head *head, char *bytes);

/*
 * Reader: whether `fd` still is a file that somebody can write to by name. False after the file
 * was deleted or replaced: open it again.
 */
int segment_linked(int fd);

#endif
