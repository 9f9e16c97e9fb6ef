#include "discovery/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "discovery/checksum.h"

#define MAGIC "MUSTERSG"
#define LAYOUT 1U
#define BYTE_ORDER_MARK 0x01020304U /* the file is in the machine's order and never leaves it */

struct identity {
    char magic[8];
    uint32_t layout;
    uint32_t byte_order;
};

/* 64 bytes, its own checksum last. A generation of 0 was never written. */
struct slot {
    uint64_t generation;
    uint64_t checksum;
    uint32_t version;
    uint32_t payload_bytes;
    uint32_t record_bytes;
    uint32_t unused[7];
    uint64_t slot_checksum;
};

struct page {
    struct identity identity;
    char unused[48];
    struct slot slots[2];
};

_Static_assert(sizeof(struct slot) == 64, "a slot has no padding");
_Static_assert(sizeof(struct page) == 192, "the page has no padding");

static off_t slot_offset(uint32_t cell)
{
    return (off_t)(offsetof(struct page, slots) + cell * sizeof(struct slot));
}

static off_t cell_offset(uint32_t cell)
{
    return (off_t)SEGMENT_PAGE_BYTES + (off_t)cell * SEGMENT_CELL_BYTES;
}

static const struct identity *own_identity(void)
{
    static const struct identity identity = { MAGIC, LAYOUT, BYTE_ORDER_MARK };

    return &identity;
}

static int read_at(int fd, void *bytes, size_t size, off_t offset)
{
    char *at = bytes;
    ssize_t n;

    while (0 < size) {
        n = pread(fd, at, size, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return SEGMENT_NOTHING;
        }
        at += n;
        offset += n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_at(int fd, const void *bytes, size_t size, off_t offset, struct err *err)
{
    const char *at = bytes;
    ssize_t n;

    while (0 < size) {
        n = pwrite(fd, at, size, offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set(err, ERR_IO, "write the segment: %s", strerror(n < 0 ? errno : ENOSPC));
        }
        at += n;
        offset += n;
        size -= (size_t)n;
    }
    return 0;
}

static uint64_t slot_sum(const struct slot *slot)
{
    return checksum64(slot, offsetof(struct slot, slot_checksum));
}

static uint64_t body_sum(const char *payload, size_t payload_bytes, const char *record,
                         size_t record_bytes)
{
    const uint64_t parts[] = { checksum64(payload, payload_bytes),
                               checksum64(record, record_bytes) };

    return checksum64(parts, sizeof(parts));
}

static int slot_valid(const struct slot *slot)
{
    return slot->generation != 0 && slot->generation != UINT64_MAX &&
           slot->slot_checksum == slot_sum(slot) &&
           slot->payload_bytes <= DISCOVERY_PAYLOAD_BYTES_MAX &&
           slot->record_bytes <= DISCOVERY_RECORD_BYTES_MAX;
}

/* The live slot's number, or -1. */
static int live_slot(const struct page *page)
{
    int first = slot_valid(&page->slots[0]);
    int second = slot_valid(&page->slots[1]);

    if (first && second) {
        return page->slots[0].generation < page->slots[1].generation ? 1 : 0;
    }
    return first ? 0 : second ? 1 : -1;
}

static int read_page(int fd, struct page *page)
{
    if (read_at(fd, page, sizeof(*page), 0) != 0) {
        return SEGMENT_NOTHING;
    }
    return memcmp(&page->identity, own_identity(), sizeof(page->identity)) == 0 ? 0
                                                                                : SEGMENT_NOTHING;
}

int segment_peek(int fd, struct segment_head *out)
{
    const struct slot *slot;
    struct page page;
    int live;

    if (read_page(fd, &page) != 0) {
        return SEGMENT_NOTHING;
    }
    live = live_slot(&page);
    if (live < 0) {
        return SEGMENT_NOTHING;
    }
    slot = &page.slots[live];
    *out = (struct segment_head){
        .generation = slot->generation,
        .checksum = slot->checksum,
        .version = slot->version,
        .payload_bytes = slot->payload_bytes,
        .record_bytes = slot->record_bytes,
        .cell = (uint32_t)live,
    };
    return 0;
}

int segment_same(const struct segment_head *a, const struct segment_head *b)
{
    return a->generation == b->generation && a->checksum == b->checksum &&
           a->version == b->version && a->payload_bytes == b->payload_bytes &&
           a->record_bytes == b->record_bytes;
}

int segment_read(int fd, const struct segment_head *head, char *bytes)
{
    size_t size = (size_t)head->payload_bytes + head->record_bytes;
    uint64_t sum;

    CHECK(size <= SEGMENT_CELL_BYTES);
    if (read_at(fd, bytes, size, cell_offset(head->cell)) != 0) {
        return SEGMENT_NOTHING;
    }
    sum = body_sum(bytes, head->payload_bytes, bytes + head->payload_bytes, head->record_bytes);
    return sum == head->checksum ? 0 : SEGMENT_NOTHING;
}

int segment_linked(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && 0 < st.st_nlink;
}

int segment_open(const char *path, int *fd, struct err *err)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (opened < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path,
                       strerror(errno));
    }
    *fd = opened;
    return 0;
}

static int write_body(int fd, uint32_t idle, const struct segment_cell *cell, struct err *err)
{
    off_t at = cell_offset(idle);
    int rv = write_at(fd, cell->payload, cell->payload_bytes, at, err);

    if (rv < 0) {
        return rv;
    }
    return write_at(fd, cell->record, cell->record_bytes, at + (off_t)cell->payload_bytes, err);
}

int segment_write(int fd, const struct segment_cell *cell, struct err *err)
{
    struct slot slot = { 0 };
    struct page page;
    uint32_t idle;
    int live;
    int rv;

    if (DISCOVERY_PAYLOAD_BYTES_MAX < cell->payload_bytes ||
        DISCOVERY_RECORD_BYTES_MAX < cell->record_bytes) {
        return err_set(err, ERR_LIMIT, "a configuration of %zu + %zu bytes is too large",
                       cell->payload_bytes, cell->record_bytes);
    }
    if (read_page(fd, &page) != 0) {
        return err_set(err, ERR_IO, "the segment is damaged: create it again");
    }
    live = live_slot(&page);
    idle = live == 0 ? 1 : 0;
    slot.generation = live < 0 ? 1 : page.slots[live].generation + 1;
    slot.version = cell->version;
    slot.payload_bytes = (uint32_t)cell->payload_bytes;
    slot.record_bytes = (uint32_t)cell->record_bytes;
    slot.checksum = body_sum(cell->payload, cell->payload_bytes, cell->record, cell->record_bytes);
    rv = write_body(fd, idle, cell, err);
    if (rv < 0) {
        return rv;
    }
    slot.slot_checksum = slot_sum(&slot);
    return write_at(fd, &slot, sizeof(slot), slot_offset(idle), err);
}

/* Whether `path` is a segment of this layout; then open in `*fd`. */
static int open_good(const char *path, int *fd)
{
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct page page;
    struct stat st;

    if (opened < 0) {
        return 0;
    }
    if (fstat(opened, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == SEGMENT_FILE_BYTES &&
        read_page(opened, &page) == 0) {
        *fd = opened;
        return 1;
    }
    (void)close(opened);
    return 0;
}

/* An empty segment under another name, complete before it gets its own. */
static int make_empty(const char *path, int *fd, struct err *err)
{
    char fresh[PATH_MAX];
    int made;
    int rv;

    if ((int)sizeof(fresh) <= snprintf(fresh, sizeof(fresh), "%s.new", path)) {
        return err_set(err, ERR_LIMIT, "path too long: %s", path);
    }
    (void)unlink(fresh);
    made = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (made < 0) {
        return err_set(err, ERR_IO, "create %s: %s", fresh, strerror(errno));
    }
    rv = write_at(made, own_identity(), sizeof(struct identity), 0, err);
    if (rv == 0 && (fchmod(made, 0644) != 0 || ftruncate(made, SEGMENT_FILE_BYTES) != 0 ||
                    rename(fresh, path) != 0)) {
        rv = err_set(err, ERR_IO, "create %s: %s", path, strerror(errno));
    }
    if (rv < 0) {
        (void)close(made);
        (void)unlink(fresh);
        return rv;
    }
    *fd = made;
    return 0;
}

int segment_create(const char *path, int *fd, struct err *err)
{
    return open_good(path, fd) ? 0 : make_empty(path, fd, err);
}
