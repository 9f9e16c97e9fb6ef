/*
 * Which files are a segment, to whom: kind, owner, mode, layout.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/segment_layout.h"
#include "discovery/segment_writer.h"

#define LAYOUT_OFFSET 8
#define READER_LAYOUT_OFFSET 16
#define SOMEBODY 1234

static char dir[64];
static char path[96];
static char other[96];

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/muster-segment.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/segment", dir);
    (void)snprintf(other, sizeof(other), "%s/segment.aside", dir);
}

static void remove_any(const char *name)
{
    if (unlink(name) != 0) {
        (void)rmdir(name);
    }
}

static void teardown(void)
{
    char below[128];

    (void)snprintf(below, sizeof(below), "%s/below", other);
    remove_any(below);
    remove_any(path);
    remove_any(other);
    (void)rmdir(dir);
}

TestSuite(segment_trust, .init = setup, .fini = teardown);

static int created(uint32_t version)
{
    const struct segment_cell cell = { version, "payload", 7, "record", 6 };
    struct err err;
    int fd = -1;

    cr_assert_eq(segment_create(path, &fd, &err), 0, "%s", err.msg);
    if (version != 0) {
        cr_assert_eq(segment_write(fd, &cell, &err), 0, "%s", err.msg);
    }
    return fd;
}

static int opened(void)
{
    struct err err;
    int fd = -1;
    int rv = segment_open(path, &fd, &err);

    if (rv == 0) {
        (void)close(fd);
    } else {
        cr_assert_eq(fd, -1);
        cr_assert_eq(err.code, rv);
    }
    return rv;
}

static uint32_t version_of(int fd)
{
    struct segment_head head;

    return segment_peek(fd, &head) == 0 ? head.version : 0;
}

static void set_word(int fd, off_t offset, uint32_t word)
{
    cr_assert_eq(pwrite(fd, &word, sizeof(word), offset), (ssize_t)sizeof(word));
}

/* As readers of this release see a file of another one, and its writers. */
static void expect_layout(uint32_t layout, uint32_t reader_min, int rv, uint32_t kept)
{
    int fd = created(5);
    struct err err;
    int after = -1;

    set_word(fd, LAYOUT_OFFSET, layout);
    set_word(fd, READER_LAYOUT_OFFSET, reader_min);
    cr_assert_eq(opened(), rv, "layout %u for %u", layout, reader_min);
    cr_assert_eq(version_of(fd), rv == 0 ? 5 : 0, "layout %u for %u", layout, reader_min);
    cr_assert_eq(segment_create(path, &after, &err), 0);
    cr_assert_eq(opened(), 0);
    cr_assert_eq(version_of(after), kept, "layout %u for %u", layout, reader_min);
    cr_assert_eq(segment_current(path, fd), layout == SEGMENT_LAYOUT && rv == 0);
    (void)close(fd);
    (void)close(after);
    (void)unlink(path);
}

Test(segment_trust, releases_understand_each_other_or_leave_the_file_alone)
{
    expect_layout(SEGMENT_LAYOUT, SEGMENT_LAYOUT_OLDEST, 0, 5);
    expect_layout(1, 0, 0, 5);                               /* an older one */
    expect_layout(SEGMENT_LAYOUT + 1, SEGMENT_LAYOUT, 0, 5); /* one that added something */
    expect_layout(SEGMENT_LAYOUT + 1, 1, 0, 5);              /* the same */
    expect_layout(SEGMENT_LAYOUT + 1, SEGMENT_LAYOUT + 1, ERR_CONFLICT, 0); /* that moved it */
    expect_layout(0, 0, ERR_CONFLICT, 0);
}

Test(segment_trust, what_is_no_segment_is_named_so_and_replaced)
{
    int fd = created(5);
    int after;

    set_word(fd, 0, 0x5a5a5a5a);
    cr_assert_eq(opened(), ERR_INVALID);
    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_eq(opened(), ERR_INVALID);
    after = created(0);
    cr_assert_eq(opened(), 0);
    cr_assert_not(segment_current(path, fd));
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(opened(), ERR_NOT_FOUND);
    (void)close(fd);
    (void)close(after);
}

static void expect_replaced(int code)
{
    struct stat st;
    int fd;

    cr_assert_eq(opened(), code);
    fd = created(7);
    cr_assert_eq(opened(), 0);
    cr_assert_eq(version_of(fd), 7);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert(S_ISREG(st.st_mode));
    cr_assert_eq(st.st_mode & 07777, 0644);
    (void)close(fd);
    cr_assert_eq(unlink(path), 0);
}

Test(segment_trust, a_pipe_a_link_and_a_directory_are_no_segment_and_are_replaced)
{
    char below[128];

    cr_assert_eq(mkfifo(path, 0644), 0);
    expect_replaced(ERR_DENIED);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    expect_replaced(ERR_IO);
    cr_assert_eq(mkdir(path, 0755), 0);
    expect_replaced(ERR_DENIED);
    cr_assert_eq(mkdir(path, 0755), 0);
    (void)snprintf(below, sizeof(below), "%s/below", path);
    cr_assert_eq(mkdir(below, 0755), 0);
    expect_replaced(ERR_DENIED);
    (void)snprintf(below, sizeof(below), "%s/below", other);
    cr_assert_eq(access(below, F_OK), 0, "what lay in the directory is lost");
}

Test(segment_trust, a_file_that_others_may_write_to_is_not_read_and_not_kept)
{
    static const mode_t modes[] = { 0664, 0646, 0666, 0620, 0602 };
    size_t i;
    int fd;

    for (i = 0; i < ARRAY_COUNT(modes); i++) {
        fd = created(5);
        cr_assert(segment_current(path, fd));
        cr_assert_eq(fchmod(fd, modes[i]), 0);
        cr_assert_not(segment_current(path, fd));
        (void)close(fd);
        expect_replaced(ERR_DENIED);
    }
    fd = created(5);
    cr_assert_eq(fchmod(fd, 0600), 0);
    cr_assert(segment_current(path, fd));
    cr_assert_eq(opened(), 0);
    (void)close(fd);
}

Test(segment_trust, it_belongs_to_root_or_to_the_owner_of_its_directory)
{
    int fd;

    if (geteuid() != 0) {
        cr_skip_test("only root can give files away");
    }
    fd = created(5);
    cr_assert_eq(chown(dir, SOMEBODY, SOMEBODY), 0);
    cr_assert_eq(opened(), 0); /* root's, in somebody's directory */
    cr_assert_eq(fchown(fd, SOMEBODY, SOMEBODY), 0);
    cr_assert_eq(opened(), 0); /* somebody's, in his own */
    cr_assert_eq(chown(dir, 0, 0), 0);
    (void)close(fd);
    expect_replaced(ERR_DENIED); /* somebody's, in root's */
    fd = created(5);
    cr_assert_eq(fchown(fd, SOMEBODY, SOMEBODY), 0);
    cr_assert_eq(chown(dir, SOMEBODY + 1, SOMEBODY), 0);
    (void)close(fd);
    expect_replaced(ERR_DENIED); /* somebody's, in another one's */
}

/* Nobody counts that far, but a file may say so. */
Test(segment_trust, a_generation_without_a_next_one_is_the_last_of_its_file)
{
    const struct segment_cell cell = { 6, "six", 3, "record", 6 };
    struct segment_slot slot;
    struct err err;
    int fd = created(5);
    int after = -1;

    cr_assert_eq(pread(fd, &slot, sizeof(slot), segment_slot_offset(0)), (ssize_t)sizeof(slot));
    slot.generation = UINT64_MAX - 1;
    slot.slot_checksum = segment_slot_sum(&slot);
    cr_assert_eq(pwrite(fd, &slot, sizeof(slot), segment_slot_offset(0)), (ssize_t)sizeof(slot));
    cr_assert_eq(version_of(fd), 5);
    cr_assert_eq(segment_write(fd, &cell, &err), ERR_IO);
    cr_assert_eq(version_of(fd), 5);
    cr_assert_eq(segment_create(path, &after, &err), 0);
    cr_assert_eq(version_of(after), 5);
    cr_assert_eq(segment_write(after, &cell, &err), 0);
    cr_assert_eq(version_of(after), 6);
    (void)close(fd);
    (void)close(after);
}

/* A file that was moved away and has another in its place is not followed any longer. */
Test(segment_trust, a_file_that_was_moved_is_not_the_named_one_any_more)
{
    int fd = created(5);
    int after;

    cr_assert_eq(rename(path, other), 0);
    cr_assert_not(segment_current(path, fd));
    after = created(6);
    cr_assert_not(segment_current(path, fd));
    cr_assert(segment_current(path, after));
    (void)close(fd);
    (void)close(after);
}

Test(segment_trust, it_holds_what_it_holds_byte_for_byte)
{
    struct segment_cell cell = { 5, "payload", 7, "record", 6 };
    int fd = created(5);

    cr_assert(segment_holds(fd, &cell));
    cell.payload = "Payload";
    cr_assert_not(segment_holds(fd, &cell));
    cell.payload = "payload";
    cell.version = 6;
    cr_assert_not(segment_holds(fd, &cell));
    cell.version = 5;
    cr_assert_eq(pwrite(fd, "R", 1, SEGMENT_PAGE_BYTES + 7), 1);
    cr_assert_not(segment_holds(fd, &cell)); /* its head is as it was */
    (void)close(fd);
}
