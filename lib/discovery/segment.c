#include "discovery/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "discovery/segment_layout.h"

/* ---- The file ---- */

int segment_read_at(int fd, void *bytes, size_t size, off_t offset)
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

/* Nobody but its owner may write to it. */
static int mode_is_safe(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Who may make files in the directory of `path` as they like: its owner, and root. */
static int owner_is_safe(const char *path, const struct stat *st)
{
    const char *end = strrchr(path, '/');
    char dir[PATH_MAX];
    struct stat dir_st;
    int size = end == NULL ? 1 : (int)(end - path) + 1;

    if (st->st_uid == 0) {
        return 1;
    }
    if ((int)sizeof(dir) <= snprintf(dir, sizeof(dir), "%.*s", size, end == NULL ? "." : path)) {
        return 0;
    }
    return stat(dir, &dir_st) == 0 && dir_st.st_uid == st->st_uid;
}

int segment_open_trusted(const char *path, int writable, int *fd, struct err *err)
{
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (writable ? O_RDWR : O_RDONLY);
    int opened = open(path, flags);
    struct stat st;

    if (opened < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path,
                       strerror(errno));
    }
    if (fstat(opened, &st) != 0 || !mode_is_safe(&st) || !owner_is_safe(path, &st)) {
        (void)close(opened);
        return err_set(err, ERR_DENIED,
                       "%s is not a file that its directory's owner alone may write to", path);
    }
    *fd = opened;
    return 0;
}

static int is_segment(const struct segment_identity *identity)
{
    return memcmp(identity->magic, SEGMENT_MAGIC, sizeof(identity->magic)) == 0 &&
           identity->byte_order == SEGMENT_BYTE_ORDER_MARK;
}

static int is_readable(const struct segment_identity *identity)
{
    return is_segment(identity) && SEGMENT_LAYOUT_OLDEST <= identity->layout &&
           identity->reader_layout_min <= SEGMENT_LAYOUT;
}

static int check_identity(int fd, const char *path, struct err *err)
{
    struct segment_identity identity;

    if (segment_read_at(fd, &identity, sizeof(identity), 0) != 0 || !is_segment(&identity)) {
        return err_set(err, ERR_INVALID, "%s is no segment", path);
    }
    if (!is_readable(&identity)) {
        return err_set(err, ERR_CONFLICT,
                       "%s has layout %u, for readers of %u and later; this is %u", path,
                       identity.layout, identity.reader_layout_min, SEGMENT_LAYOUT);
    }
    return 0;
}

int segment_open(const char *path, int *fd, struct err *err)
{
    int opened = -1;
    int rv = segment_open_trusted(path, 0, &opened, err);

    if (rv < 0) {
        return rv;
    }
    rv = check_identity(opened, path, err);
    if (rv < 0) {
        (void)close(opened);
        return rv;
    }
    *fd = opened;
    return 0;
}

int segment_current(const char *path, int fd)
{
    struct stat named;
    struct stat opened;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev && mode_is_safe(&opened);
}

/* ---- What it holds ---- */

int segment_read_page(int fd, struct segment_page *page)
{
    if (segment_read_at(fd, page, sizeof(*page), 0) != 0) {
        return SEGMENT_NOTHING;
    }
    return is_readable(&page->identity) ? 0 : SEGMENT_NOTHING;
}

static int slot_valid(const struct segment_slot *slot)
{
    return slot->generation != 0 && slot->generation != UINT64_MAX &&
           slot->slot_checksum == segment_slot_sum(slot) &&
           slot->payload_bytes <= DISCOVERY_PAYLOAD_BYTES_MAX &&
           slot->record_bytes <= DISCOVERY_RECORD_BYTES_MAX;
}

int segment_live_slot(const struct segment_page *page)
{
    int first = slot_valid(&page->slots[0]);
    int second = slot_valid(&page->slots[1]);

    if (first && second) {
        return page->slots[0].generation < page->slots[1].generation ? 1 : 0;
    }
    return first ? 0 : second ? 1 : -1;
}

int segment_peek(int fd, struct segment_head *out)
{
    const struct segment_slot *slot;
    struct segment_page page;
    int live;

    if (segment_read_page(fd, &page) != 0) {
        return SEGMENT_NOTHING;
    }
    live = segment_live_slot(&page);
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
        .takes_back = slot->takes_back,
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
    if (segment_read_at(fd, bytes, size, segment_cell_offset(head->cell)) != 0) {
        return SEGMENT_NOTHING;
    }
    sum = segment_body_sum(bytes, head->payload_bytes, bytes + head->payload_bytes,
                           head->record_bytes);
    return sum == head->checksum ? 0 : SEGMENT_NOTHING;
}
