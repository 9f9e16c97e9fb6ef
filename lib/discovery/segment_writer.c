#include "discovery/segment_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/segment_layout.h"

#define CHUNK_BYTES 4096
/* No writer gets here by counting; who finds more makes the file anew. */
#define GENERATION_MAX (UINT64_MAX / 2)

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

/* ---- Content ---- */

static int write_body(int fd, uint32_t idle, const struct segment_cell *cell, struct err *err)
{
    off_t at = segment_cell_offset(idle);
    int rv = write_at(fd, cell->payload, cell->payload_bytes, at, err);

    if (rv < 0) {
        return rv;
    }
    return write_at(fd, cell->record, cell->record_bytes, at + (off_t)cell->payload_bytes, err);
}

int segment_write_back(int fd, const struct segment_cell *cell, uint32_t takes_back,
                       struct err *err)
{
    struct segment_slot slot = { 0 };
    struct segment_page page;
    uint32_t idle;
    int live;
    int rv;

    if (DISCOVERY_PAYLOAD_BYTES_MAX < cell->payload_bytes ||
        DISCOVERY_RECORD_BYTES_MAX < cell->record_bytes) {
        return err_set(err, ERR_LIMIT, "a configuration of %zu + %zu bytes is too large",
                       cell->payload_bytes, cell->record_bytes);
    }
    if (segment_read_page(fd, &page) != 0) {
        return err_set(err, ERR_IO, "the segment is damaged: create it again");
    }
    live = segment_live_slot(&page);
    if (0 <= live && GENERATION_MAX < page.slots[live].generation) {
        return err_set(err, ERR_IO, "the segment has come to its end: create it again");
    }
    idle = live == 0 ? 1 : 0;
    slot.generation = live < 0 ? 1 : page.slots[live].generation + 1;
    slot.version = cell->version;
    slot.payload_bytes = (uint32_t)cell->payload_bytes;
    slot.record_bytes = (uint32_t)cell->record_bytes;
    slot.takes_back = takes_back;
    slot.checksum =
        segment_body_sum(cell->payload, cell->payload_bytes, cell->record, cell->record_bytes);
    rv = write_body(fd, idle, cell, err);
    if (rv < 0) {
        return rv;
    }
    slot.slot_checksum = segment_slot_sum(&slot);
    return write_at(fd, &slot, sizeof(slot), segment_slot_offset(idle), err);
}

int segment_write(int fd, const struct segment_cell *cell, struct err *err)
{
    return segment_write_back(fd, cell, 0, err);
}

static int same_bytes(int fd, off_t offset, const char *bytes, size_t size)
{
    char chunk[CHUNK_BYTES];
    size_t n;

    for (; 0 < size; size -= n, bytes += n, offset += (off_t)n) {
        n = size < sizeof(chunk) ? size : sizeof(chunk);
        if (segment_read_at(fd, chunk, n, offset) != 0 || memcmp(chunk, bytes, n) != 0) {
            return 0;
        }
    }
    return 1;
}

int segment_holds(int fd, const struct segment_cell *cell)
{
    struct segment_head head;
    off_t at;

    if (segment_peek(fd, &head) != 0 || head.version != cell->version ||
        head.payload_bytes != cell->payload_bytes || head.record_bytes != cell->record_bytes ||
        head.checksum != segment_body_sum(cell->payload, cell->payload_bytes, cell->record,
                                          cell->record_bytes)) {
        return 0;
    }
    at = segment_cell_offset(head.cell);
    return same_bytes(fd, at, cell->payload, cell->payload_bytes) &&
           same_bytes(fd, at + (off_t)cell->payload_bytes, cell->record, cell->record_bytes);
}

/* ---- Making the file ---- */

/* Whether it may be written to as it is. */
static int is_own(int fd)
{
    struct segment_page page;
    struct stat st;
    int live;

    if (fstat(fd, &st) != 0 || (st.st_uid != geteuid() && st.st_uid != 0) ||
        st.st_size != SEGMENT_FILE_BYTES || segment_read_page(fd, &page) != 0 ||
        page.identity.layout != SEGMENT_LAYOUT) {
        return 0;
    }
    live = segment_live_slot(&page);
    return live < 0 || page.slots[live].generation <= GENERATION_MAX;
}

static int write_identity(int fd, struct err *err)
{
    static const struct segment_identity identity = { .magic = SEGMENT_MAGIC,
                                                      .layout = SEGMENT_LAYOUT,
                                                      .byte_order = SEGMENT_BYTE_ORDER_MARK,
                                                      .reader_layout_min = SEGMENT_LAYOUT_OLDEST };

    return write_at(fd, &identity, sizeof(identity), 0, err);
}

/* Take over what the readable file `from` holds; readers verify it, so nothing is verified here. */
static int carry_over(int from, int to, struct err *err)
{
    struct segment_slot slot;
    struct segment_page page;
    char chunk[CHUNK_BYTES];
    size_t left;
    size_t n;
    off_t at;
    int live = segment_read_page(from, &page) == 0 ? segment_live_slot(&page) : -1;
    int rv = 0;

    if (live < 0) {
        return 0;
    }
    slot = page.slots[live];
    slot.generation = 1;
    slot.slot_checksum = segment_slot_sum(&slot);
    at = segment_cell_offset((uint32_t)live);
    left = (size_t)slot.payload_bytes + slot.record_bytes;
    for (; 0 < left && rv == 0; left -= n, at += (off_t)n) {
        n = left < sizeof(chunk) ? left : sizeof(chunk);
        if (segment_read_at(from, chunk, n, at) != 0) {
            return 0;
        }
        rv = write_at(to, chunk, n, at, err);
    }
    return rv < 0 ? rv
                  : write_at(to, &slot, sizeof(slot), segment_slot_offset((uint32_t)live), err);
}

/* No file can be renamed to the name of a directory. */
static void clear_way(const char *path)
{
    char aside[PATH_MAX];
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && rmdir(path) != 0 &&
        snprintf(aside, sizeof(aside), "%s.aside", path) < (int)sizeof(aside)) {
        (void)rename(path, aside);
    }
}

static int complete(int made, int old, const char *fresh, const char *path, struct err *err)
{
    int rv = write_identity(made, err);

    if (rv == 0 && ftruncate(made, SEGMENT_FILE_BYTES) != 0) {
        rv = err_set(err, ERR_IO, "create %s: %s", path, strerror(errno));
    }
    if (rv == 0 && 0 <= old) {
        rv = carry_over(old, made, err);
    }
    if (rv < 0) {
        return rv;
    }
    clear_way(path);
    if (fchmod(made, SEGMENT_FILE_MODE) != 0 || rename(fresh, path) != 0) {
        return err_set(err, ERR_IO, "create %s: %s", path, strerror(errno));
    }
    return 0;
}

/* A segment under another name, complete before it gets its own; with the content of `old`, if that
 * is open. */
static int make(const char *path, int old, int *fd, struct err *err)
{
    char fresh[PATH_MAX];
    int made;
    int rv;

    if ((int)sizeof(fresh) <= snprintf(fresh, sizeof(fresh), "%s" SEGMENT_NEW_SUFFIX, path)) {
        return err_set(err, ERR_LIMIT, "path too long: %s", path);
    }
    clear_way(fresh);
    (void)unlink(fresh);
    made = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made < 0) {
        return err_set(err, ERR_IO, "create %s: %s", fresh, strerror(errno));
    }
    rv = complete(made, old, fresh, path, err);
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
    int opened = -1;
    int rv;

    if (segment_open_trusted(path, 1, &opened, NULL) == 0 && is_own(opened)) {
        *fd = opened;
        return 0;
    }
    rv = make(path, opened, fd, err);
    fd_close_p(&opened);
    return rv;
}
