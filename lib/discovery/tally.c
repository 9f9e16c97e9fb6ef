#include "discovery/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/checksum.h"

#define MAGIC "MUSTERTA"
#define LAYOUT 1U
#define BYTE_ORDER_MARK 0x01020304U /* the file is in the machine's order and never leaves it */
#define COUNTS_MAX 30               /* room for more in the same layout */
#define READ_TRIES 3                /* each is lost only to a writer that wrote meanwhile */
#define ROWS_A_READ 64U

struct identity {
    char magic[8];
    uint32_t layout;
    uint32_t byte_order;
    uint32_t rows;
    uint32_t row_bytes;
};

struct head {
    struct identity identity;
    uint64_t since_s;
};

struct block {
    uint64_t started_s;
    uint64_t counts[COUNTS_MAX];
    uint64_t checksum;
};

/* A row that was never written has no family. */
struct row {
    uint64_t seen_s;
    uint64_t count;
    uint32_t version;
    uint8_t family;
    uint8_t unused[3];
    uint8_t address[16];
    uint8_t spare[16];
    uint64_t checksum;
};

#define BLOCK_OFFSET 64
#define ROWS_OFFSET 4096
#define FILE_BYTES ((size_t)ROWS_OFFSET + POLLERS_MAX * sizeof(struct row))

_Static_assert(sizeof(struct head) <= BLOCK_OFFSET, "the identification has room");
_Static_assert(BLOCK_OFFSET + sizeof(struct block) <= ROWS_OFFSET, "the counters have room");
_Static_assert(sizeof(struct row) == 64, "a row has no padding");
_Static_assert(TALLY_COUNT <= COUNTS_MAX, "there is room for every counter");

const char *tally_counter_text(enum tally_counter counter)
{
    static const char *const texts[] = {
#define X(name, text, meaning) text,
        TALLY_COUNTERS(X)
#undef X
    };

    return texts[counter];
}

static const struct identity *own_identity(void)
{
    static const struct identity identity = { MAGIC, LAYOUT, BYTE_ORDER_MARK, POLLERS_MAX,
                                              sizeof(struct row) };

    return &identity;
}

/* All or TALLY_NOTHING: a file that is cut off holds nothing there. */
static int read_at(int fd, void *bytes, size_t size, off_t offset)
{
    ssize_t n;

    do {
        n = pread(fd, bytes, size, offset);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : TALLY_NOTHING;
}

static int write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t n;

    do {
        n = pwrite(fd, bytes, size, offset);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : TALLY_NOTHING;
}

static bool is_good(int fd)
{
    struct identity identity;
    struct stat info;

    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == (off_t)FILE_BYTES &&
           read_at(fd, &identity, sizeof(identity), 0) == 0 &&
           memcmp(&identity, own_identity(), sizeof(identity)) == 0;
}

bool tally_linked(int fd)
{
    struct stat info;

    return fstat(fd, &info) == 0 && 0 < info.st_nlink;
}

/* ---- Making it ---- */

/* Written out in full, so that a full disk shows here and not later. */
static int fill(int fd, uint64_t since_s)
{
    static const char zeros[ROWS_OFFSET];
    const struct head head = { .identity = *own_identity(), .since_s = since_s };
    size_t done = 0;
    int rv = 0;

    while (rv == 0 && done < FILE_BYTES) {
        size_t left = FILE_BYTES - done;
        size_t part = left < sizeof(zeros) ? left : sizeof(zeros);

        rv = write_at(fd, zeros, part, (off_t)done);
        done += part;
    }
    return rv == 0 ? write_at(fd, &head, sizeof(head), 0) : rv;
}

/* An empty file of the temporary name, in `*fd`. */
static int make(const char *temporary, uid_t uid, gid_t gid, int *fd, struct err *err)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    (void)unlink(temporary);
    *fd = open(temporary, flags, 0600);
    if (*fd < 0) {
        return err_set(err, ERR_IO, "make %s: %s", temporary, strerror(errno));
    }
    if (geteuid() == 0 && fchown(*fd, uid, gid) < 0) {
        return err_set(err, ERR_IO, "give %s to memcached's user: %s", temporary, strerror(errno));
    }
    return 0;
}

/* The good one that is there and belongs to whom it should, or -1. */
static int open_good(const char *path, uid_t uid)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;

    if (0 <= fd && is_good(fd) && fstat(fd, &info) == 0 && (geteuid() != 0 || info.st_uid == uid)) {
        return fd;
    }
    if (0 <= fd) {
        (void)close(fd);
    }
    return -1;
}

int tally_create(const char *path, uid_t uid, gid_t gid, uint64_t since_s, int *fd, struct err *err)
{
    char temporary[PATH_MAX];
    int made = open_good(path, uid);
    int rv;

    if (0 <= made) {
        *fd = made;
        return 0;
    }
    if (PATH_MAX <= snprintf(temporary, sizeof(temporary), "%s.new", path)) {
        return err_set(err, ERR_LIMIT, "%s: the path is too long", path);
    }
    rv = make(temporary, uid, gid, &made, err);
    if (rv == 0 && fill(made, since_s) != 0) {
        rv = err_set(err, ERR_IO, "write %s: %s", temporary, strerror(errno));
    }
    if (rv == 0 && rename(temporary, path) < 0) {
        rv = err_set(err, ERR_IO, "rename %s: %s", temporary, strerror(errno));
    }
    if (rv < 0) {
        (void)unlink(temporary);
        if (0 <= made) {
            (void)close(made);
        }
        return rv;
    }
    *fd = made;
    return 0;
}

int tally_open(const char *path, int *fd)
{
    int found = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (found < 0) {
        return TALLY_NOTHING;
    }
    if (!is_good(found)) {
        (void)close(found);
        return TALLY_NOTHING;
    }
    *fd = found;
    return 0;
}

/* ---- Rows and counters ---- */

static off_t row_offset(size_t index)
{
    return (off_t)(ROWS_OFFSET + index * sizeof(struct row));
}

static uint64_t row_sum(const struct row *row)
{
    return checksum64(row, offsetof(struct row, checksum));
}

static uint64_t block_sum(const struct block *block)
{
    return checksum64(block, offsetof(struct block, checksum));
}

int tally_write_row(int fd, size_t index, const struct poller *row)
{
    struct row out = { .seen_s = row->seen_s,
                       .count = row->count,
                       .version = row->version,
                       .family = row->peer.family };

    if (POLLERS_MAX <= index) {
        return TALLY_NOTHING;
    }
    memcpy(out.address, row->peer.address, sizeof(out.address));
    out.checksum = row_sum(&out);
    return write_at(fd, &out, sizeof(out), row_offset(index));
}

int tally_write_counters(int fd, const struct tally_counters *counters)
{
    struct block block = { .started_s = counters->started_s };

    memcpy(block.counts, counters->counts, sizeof(counters->counts));
    block.checksum = block_sum(&block);
    return write_at(fd, &block, sizeof(block), BLOCK_OFFSET);
}

int tally_write_since(int fd, uint64_t since_s)
{
    return write_at(fd, &since_s, sizeof(since_s), offsetof(struct head, since_s));
}

int tally_read_counters(int fd, struct tally_counters *out)
{
    struct block block;
    int i;

    for (i = 0; i < READ_TRIES; i++) {
        if (read_at(fd, &block, sizeof(block), BLOCK_OFFSET) == 0 && block.started_s != 0 &&
            block.checksum == block_sum(&block)) {
            out->started_s = block.started_s;
            memcpy(out->counts, block.counts, sizeof(out->counts));
            return 0;
        }
    }
    return TALLY_NOTHING;
}

/* What the rows of the file tell besides their pollers. */
struct fullness {
    size_t used;
    uint64_t oldest_s;
    bool lost; /* of somebody, nothing is known */
};

/* Never written, or as it was written. */
static bool is_whole(const struct row *row)
{
    static const struct row never = { .family = POLLER_NONE };

    return row->checksum == row_sum(row) || memcmp(row, &never, sizeof(never)) == 0;
}

/* A row that is not whole may be one that is being written. */
static bool read_again(int fd, size_t index, struct row *row)
{
    bool whole = is_whole(row);
    int i;

    for (i = 0; i < READ_TRIES && !whole; i++) {
        whole = read_at(fd, row, sizeof(*row), row_offset(index)) == 0 && is_whole(row);
    }
    return whole;
}

static void take_row(const struct row *row, uint64_t now_s, struct pollers *pollers,
                     struct fullness *fullness)
{
    struct poller seen = { .peer = { .family = row->family },
                           .version = row->version,
                           .count = row->count,
                           .seen_s = row->seen_s < now_s ? row->seen_s : now_s };

    if (row->family == POLLER_NONE) {
        return;
    }
    fullness->used++;
    fullness->oldest_s = seen.seen_s < fullness->oldest_s ? seen.seen_s : fullness->oldest_s;
    memcpy(seen.peer.address, row->address, sizeof(row->address));
    if (pollers_note(pollers, &seen, NULL) == POLLERS_NONE) {
        fullness->lost = true;
    }
}

/* The writer's table is the file: of a full one, what was older than all of it has given way,
 * whatever room `pollers` have. */
static uint64_t known_since_s(const struct fullness *fullness, const struct pollers *pollers,
                              uint64_t since_s, uint64_t now_s)
{
    if (fullness->lost) {
        return now_s;
    }
    if (fullness->used == POLLERS_MAX && since_s < fullness->oldest_s) {
        since_s = fullness->oldest_s;
    }
    return pollers_since_s(pollers, since_s);
}

int tally_read_rows(int fd, uint64_t now_s, struct pollers *pollers, uint64_t *since_s)
{
    struct fullness fullness = { .oldest_s = now_s };
    struct row rows[ROWS_A_READ];
    struct head head;
    size_t first;
    size_t i;

    if (!is_good(fd) || read_at(fd, &head, sizeof(head), 0) != 0) {
        return TALLY_NOTHING;
    }
    for (first = 0; first < POLLERS_MAX; first += ROWS_A_READ) {
        if (read_at(fd, rows, sizeof(rows), row_offset(first)) != 0) {
            return TALLY_NOTHING;
        }
        for (i = 0; i < ROWS_A_READ; i++) {
            if (read_again(fd, first + i, &rows[i])) {
                take_row(&rows[i], now_s, pollers, &fullness);
            } else {
                fullness.lost = true;
            }
        }
    }
    *since_s =
        known_since_s(&fullness, pollers, head.since_s < now_s ? head.since_s : now_s, now_s);
    return 0;
}
