/*
 * segment - the file through which a watcher hands a configuration to its memcached.
 *
 * A file of fixed size, on tmpfs, named <partition>/segment: a page with an identification and
 * two slots, then two cells. Slot i describes cell i (generation, version, sizes, checksums); the
 * valid slot of the higher generation is the live one. A writer (segment_writer.h) fills the other
 * cell first and its slot last, so that a writer which dies at any instruction leaves the old
 * content in force.
 *
 * The file is read and written with pread(2) and pwrite(2), never mapped: whoever truncates a
 * mapped file kills the process that maps it. Every reader verifies checksums and treats a torn,
 * truncated, missing or foreign file as "nothing new"; keeping a last good copy is its affair.
 *
 * Checksums find accidents, not forgers, so a reader trusts a file only by where it lies and whose
 * it is: a regular file that belongs to root or to the owner of its directory, and that nobody else
 * may write to. The directory is its writer's; memcached's user can then serve but not change it.
 *
 * Writer and reader may be of different releases. The file tells its layout and the oldest reader
 * that understands it; a reader leaves any other file alone.
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

/* The layout that this code writes, and the oldest one that it reads. */
#define SEGMENT_LAYOUT 3U
#define SEGMENT_LAYOUT_OLDEST 1U

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
    uint32_t takes_back; /* see segment_write_back(); 0: nothing */
    uint32_t cell;       /* 0 or 1 */
};

/*
 * Open the segment at `path` for reading; `*fd` is the caller's. ERR_NOT_FOUND: there is none;
 * ERR_DENIED: it can't be trusted (kind, owner, mode); ERR_INVALID: it is no segment; ERR_CONFLICT:
 * it is one of a layout that this code can't read; ERR_IO.
 */
MUST_USE int segment_open(const char *path, int *fd, struct err *err);

/*
 * Whether `fd` still is the file that `path` names, and as trustworthy as when it was opened. False
 * after it was deleted, moved, replaced, or opened to others: open it again. Walks the path.
 */
int segment_current(const char *path, int fd);

/* Outcome of the reading functions: there is nothing that could be used. */
#define SEGMENT_NOTHING 1

/*
 * What is in force now: one pread(2) of a few hundred bytes. 0 and `*out`, or SEGMENT_NOTHING
 * (never written, torn, truncated, foreign).
 */
MUST_USE int segment_peek(int fd, struct segment_head *out);

/* Whether two heads are about the same content: then there is nothing to read. */
int segment_same(const struct segment_head *a, const struct segment_head *b);

/*
 * Copy the bytes that `head` describes: payload_bytes of payload, then record_bytes of record, into
 * `bytes`, which has room for both. SEGMENT_NOTHING when they don't fit the checksum (also when a
 * writer has overtaken: peek again).
 */
MUST_USE int segment_read(int fd, const struct segment_head *head, char *bytes);

#endif
