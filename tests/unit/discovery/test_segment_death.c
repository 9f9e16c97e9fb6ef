/*
 * A writer may die at any instruction: whatever part of its writes was done, readers find the old
 * content or the new one, whole.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "discovery/segment_writer.h"

#define WRITES_MAX 16
#define WRITE_BYTES_MAX 4096

/* One pwrite(2) of the code under test. */
struct write {
    off_t offset;
    size_t size;
    char bytes[WRITE_BYTES_MAX];
};

/* What this program's pwrite() does besides writing; all tests are processes of their own. */
static struct {
    bool recording;
    struct write writes[WRITES_MAX];
    size_t count;
    int fails_at;         /* the n-th call from now fails; 0: none */
    size_t largest;       /* no call writes more; 0: as much as asked */
    unsigned interrupted; /* so many calls are interrupted first */
} disk;

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (disk.fails_at != 0 && --disk.fails_at == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (disk.interrupted != 0) {
        disk.interrupted--;
        errno = EINTR;
        return -1;
    }
    if (disk.largest != 0 && disk.largest < size) {
        size = disk.largest;
    }
    if (disk.recording) {
        struct write *write = &disk.writes[disk.count];

        cr_assert_lt(disk.count, WRITES_MAX);
        cr_assert_leq(size, sizeof(write->bytes));
        write->offset = offset;
        write->size = size;
        memcpy(write->bytes, bytes, size);
        disk.count++;
    }
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

static char dir[64];
static char path[96];
static char bytes[SEGMENT_CELL_BYTES];
static char image[SEGMENT_FILE_BYTES];

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/muster-segment.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/segment", dir);
}

static void teardown(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

TestSuite(segment_death, .init = setup, .fini = teardown);

static int created(void)
{
    struct err err;
    int fd = -1;

    cr_assert_eq(segment_create(path, &fd, &err), 0, "%s", err.msg);
    return fd;
}

static int put(int fd, uint32_t version, const char *payload, const char *record)
{
    const struct segment_cell cell = { version, payload, strlen(payload), record, strlen(record) };

    return segment_write(fd, &cell, NULL);
}

static const char *seen(int fd)
{
    static char text[256];
    struct segment_head head;

    if (segment_peek(fd, &head) != 0 || segment_read(fd, &head, bytes) != 0) {
        return "nothing";
    }
    (void)snprintf(text, sizeof(text), "%u:%.*s:%.*s", head.version, (int)head.payload_bytes, bytes,
                   (int)head.record_bytes, bytes + head.payload_bytes);
    return text;
}

static void load(int fd)
{
    cr_assert_eq(pread(fd, image, sizeof(image), 0), (ssize_t)sizeof(image));
}

static void restore(int fd)
{
    cr_assert_eq(syscall(SYS_pwrite64, fd, image, sizeof(image), (off_t)0), (long)sizeof(image));
}

/* Do the first `size` bytes of what was recorded, and no more. */
static void replay(int fd, size_t size)
{
    size_t i;

    for (i = 0; i < disk.count && 0 < size; i++) {
        const struct write *write = &disk.writes[i];
        size_t n = write->size < size ? write->size : size;

        cr_assert_eq(syscall(SYS_pwrite64, fd, write->bytes, n, write->offset), (long)n);
        size -= n;
    }
}

static size_t recorded_bytes(void)
{
    size_t size = 0;
    size_t i;

    for (i = 0; i < disk.count; i++) {
        size += disk.writes[i].size;
    }
    return size;
}

/*
 * The file as it is, the write of version 9, and each beginning of that write. Behind each, the
 * next writer goes on, and is read.
 */
static void die_everywhere(int fd, const char *before, const char *payload, const char *record)
{
    char after[256];
    size_t size;
    size_t n;

    (void)snprintf(after, sizeof(after), "9:%s:%s", payload, record);
    load(fd);
    disk.count = 0;
    disk.recording = true;
    cr_assert_eq(put(fd, 9, payload, record), 0);
    disk.recording = false;
    size = recorded_bytes();
    cr_assert_eq(size, strlen(payload) + strlen(record) + 64);
    for (n = 0; n <= size; n++) {
        restore(fd);
        replay(fd, n);
        /* A slot that is whole by chance, because its last bytes are what they were, may count. */
        if (n == size) {
            cr_assert_str_eq(seen(fd), after);
        } else if (strcmp(seen(fd), after) != 0) {
            cr_assert_str_eq(seen(fd), before, "after byte %zu", n);
        } else {
            cr_assert_leq(size - 8, n, "in force after byte %zu of %zu", n, size);
        }
        cr_assert_eq(put(fd, 10, "next", "writer"), 0);
        cr_assert_str_eq(seen(fd), "10:next:writer", "after byte %zu", n);
    }
}

Test(segment_death, after_any_byte_the_old_content_stands_or_the_new_one)
{
    int fd = created();

    die_everywhere(fd, "nothing", "payload", "record"); /* the first write of all */
    cr_assert_eq(ftruncate(fd, 0), 0);
    (void)close(fd);
    fd = created();
    cr_assert_eq(put(fd, 1, "first", "record"), 0);
    die_everywhere(fd, "1:first:record", "payload", "record"); /* into the second cell */
    cr_assert_eq(put(fd, 2, "second", "record"), 0);
    cr_assert_eq(put(fd, 3, "third", ""), 0);
    die_everywhere(fd, "3:third:", "a longer payload", "and record"); /* over an older one */
    cr_assert_eq(put(fd, 4, "fourth", "record"), 0);
    die_everywhere(fd, "4:fourth:record", "", "");
    (void)close(fd);
}

Test(segment_death, a_full_disk_leaves_the_old_content_in_force)
{
    int fd = created();
    int n;

    cr_assert_eq(put(fd, 1, "old", "record"), 0);
    for (n = 1; n <= 3; n++) {
        disk.fails_at = n;
        cr_assert_eq(put(fd, 2, "new", "record"), ERR_IO);
        cr_assert_eq(disk.fails_at, 0);
        cr_assert_str_eq(seen(fd), "1:old:record");
    }
    cr_assert_eq(put(fd, 2, "new", "record"), 0);
    cr_assert_str_eq(seen(fd), "2:new:record");
    (void)close(fd);
}

Test(segment_death, writes_in_pieces_and_with_interruptions_are_whole)
{
    int fd = created();

    disk.largest = 1;
    disk.interrupted = 3;
    cr_assert_eq(put(fd, 1, "payload", "record"), 0);
    cr_assert_str_eq(seen(fd), "1:payload:record");
    (void)close(fd);
}

/* While a file is made anew, its name stands for the former one, or for none. */
Test(segment_death, a_file_that_could_not_be_made_leaves_the_former_one)
{
    struct err err;
    int fd = created();
    int reader = -1;
    int again = -1;

    cr_assert_eq(put(fd, 1, "old", "record"), 0);
    cr_assert_eq(ftruncate(fd, SEGMENT_FILE_BYTES + 1), 0); /* not usable to a writer any more */
    disk.fails_at = 1;
    cr_assert_eq(segment_create(path, &again, &err), ERR_IO);
    cr_assert_eq(again, -1);
    cr_assert_eq(segment_open(path, &reader, &err), 0);
    cr_assert_str_eq(seen(reader), "1:old:record");
    cr_assert(segment_current(path, reader));
    (void)close(reader);
    (void)close(fd);
    fd = created();
    cr_assert_str_eq(seen(fd), "1:old:record");
    (void)close(fd);
}
