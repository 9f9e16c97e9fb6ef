/*
 * segment_layout - the bytes of a segment file, for segment.c, segment_writer.c and their tests
 * only.
 *
 * Layout 3. Layout 2 has zeros where `takes_back` stands; layout 1 has them where
 * `reader_layout_min` stands, too. Both are otherwise the same. A
 * layout that adds something older readers may pass over gets a new number and keeps
 * `reader_layout_min`; one that moves what they read raises it. Writers write their own layout
 * only.
 */
#ifndef DISCOVERY_SEGMENT_LAYOUT_H
#define DISCOVERY_SEGMENT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "discovery/checksum.h"
#include "discovery/segment.h"

#define SEGMENT_MAGIC "MUSTERSG"
#define SEGMENT_BYTE_ORDER_MARK 0x01020304U /* the machine's order: the file never leaves it */
#define SEGMENT_FILE_MODE 0644

struct segment_identity {
    char magic[8];
    uint32_t layout;
    uint32_t byte_order;
    uint32_t reader_layout_min; /* readers of older layouts than this one can't read the file */
    uint32_t unused;
};

/* 64 bytes, its own checksum last. A generation of 0 was never written. */
struct segment_slot {
    uint64_t generation;
    uint64_t checksum; /* of payload and record: segment_body_sum() */
    uint32_t version;
    uint32_t payload_bytes;
    uint32_t record_bytes;
    uint32_t takes_back;
    uint32_t unused[6];
    uint64_t slot_checksum;
};

struct segment_page {
    struct segment_identity identity;
    char unused[40];
    struct segment_slot slots[2];
};

_Static_assert(sizeof(struct segment_slot) == 64, "a slot has no padding");
_Static_assert(sizeof(struct segment_page) == 192, "the page has no padding");
_Static_assert(offsetof(struct segment_page, slots) == 64, "slots stand where layout 1 has them");

static inline off_t segment_slot_offset(uint32_t cell)
{
    return (off_t)(offsetof(struct segment_page, slots) + cell * sizeof(struct segment_slot));
}

static inline off_t segment_cell_offset(uint32_t cell)
{
    return (off_t)SEGMENT_PAGE_BYTES + (off_t)cell * SEGMENT_CELL_BYTES;
}

static inline uint64_t segment_slot_sum(const struct segment_slot *slot)
{
    return checksum64(slot, offsetof(struct segment_slot, slot_checksum));
}

static inline uint64_t segment_body_sum(const char *payload, size_t payload_bytes,
                                        const char *record, size_t record_bytes)
{
    const uint64_t parts[] = { checksum64(payload, payload_bytes),
                               checksum64(record, record_bytes) };

    return checksum64(parts, sizeof(parts));
}

/* Read all of it, or fail with SEGMENT_NOTHING. */
MUST_USE int segment_read_at(int fd, void *bytes, size_t size, off_t offset);

/* The page of a file that this code can read: 0, or SEGMENT_NOTHING. */
MUST_USE int segment_read_page(int fd, struct segment_page *page);

/* The live slot's number, or -1. */
int segment_live_slot(const struct segment_page *page);

/* Open what `path` names for reading, and for writing too with `writable`, if its kind, owner and
 * mode are such that it can be trusted. ERR_NOT_FOUND, ERR_DENIED, ERR_IO. */
MUST_USE int segment_open_trusted(const char *path, int writable, int *fd, struct err *err);

#endif
