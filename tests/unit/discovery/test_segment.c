#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/segment_writer.h"
#include "model/config.h"

static char dir[64];
static char path[96];
static char bytes[SEGMENT_CELL_BYTES];

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

TestSuite(segment, .init = setup, .fini = teardown);

static int created(void)
{
    struct err err;
    int fd = -1;

    cr_assert_eq(segment_create(path, &fd, &err), 0);
    return fd;
}

static void put(int fd, uint32_t version, const char *payload, const char *record)
{
    const struct segment_cell cell = { version, payload, strlen(payload), record, strlen(record) };
    struct err err;

    cr_assert_eq(segment_write(fd, &cell, &err), 0, "%s", err.msg);
}

/* What a reader makes of the file: "<version>:<payload>:<record>", or "nothing". */
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

Test(segment, limits_are_those_of_the_model)
{
    cr_assert_eq(DISCOVERY_PAYLOAD_BYTES_MAX, CONFIG_PAYLOAD_BYTES_MAX);
    cr_assert_eq(DISCOVERY_RECORD_BYTES_MAX, CONFIG_RECORD_BYTES_MAX);
}

Test(segment, a_new_one_holds_nothing_and_keeps_its_size)
{
    int fd = created();
    struct stat st;

    cr_assert_str_eq(seen(fd), "nothing");
    put(fd, 7, "payload", "record");
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(st.st_size, SEGMENT_FILE_BYTES);
    (void)close(fd);
}

Test(segment, the_last_write_is_in_force_also_for_the_next_writer)
{
    int fd = created();
    struct segment_head before;
    struct segment_head after;

    put(fd, 1, "one", "first");
    cr_assert_str_eq(seen(fd), "1:one:first");
    cr_assert_eq(segment_peek(fd, &before), 0);
    put(fd, 2, "two", "second");
    cr_assert_str_eq(seen(fd), "2:two:second");
    cr_assert_eq(segment_peek(fd, &after), 0);
    cr_assert_not(segment_same(&before, &after));
    (void)close(fd);
    fd = created();
    cr_assert_str_eq(seen(fd), "2:two:second");
    put(fd, 3, "", "");
    cr_assert_str_eq(seen(fd), "3::");
    (void)close(fd);
}

Test(segment, the_largest_cell_fits_and_a_larger_one_is_refused)
{
    static char large[DISCOVERY_RECORD_BYTES_MAX + 1];
    struct segment_cell cell = { 9, large, DISCOVERY_PAYLOAD_BYTES_MAX, large,
                                 DISCOVERY_RECORD_BYTES_MAX };
    struct segment_head head;
    struct err err;
    int fd = created();
    int i;

    memset(large, 'x', sizeof(large));
    for (i = 0; i < 2; i++) {
        cr_assert_eq(segment_write(fd, &cell, &err), 0);
        cr_assert_eq(segment_peek(fd, &head), 0);
        cr_assert_eq(segment_read(fd, &head, bytes), 0);
        cr_assert_eq(bytes[SEGMENT_CELL_BYTES - 1], 'x');
    }
    cell.record_bytes++;
    cr_assert_eq(segment_write(fd, &cell, &err), ERR_LIMIT);
    cell.record_bytes--;
    cell.payload_bytes++;
    cr_assert_eq(segment_write(fd, &cell, &err), ERR_LIMIT);
    cr_assert_eq(segment_peek(fd, &head), 0);
    cr_assert_eq(head.generation, 2);
    (void)close(fd);
}

Test(segment, a_reader_takes_nothing_from_a_cut_noisy_or_foreign_file)
{
    static char noise[SEGMENT_FILE_BYTES];
    int fd = created();
    off_t size;

    put(fd, 1, "payload", "record");
    for (size = 0; size <= SEGMENT_PAGE_BYTES + 12; size++) {
        cr_assert_eq(ftruncate(fd, SEGMENT_PAGE_BYTES + 13), 0);
        cr_assert_eq(ftruncate(fd, size), 0);
        cr_assert_str_eq(seen(fd), "nothing", "cut to %ld bytes", (long)size);
        (void)close(fd);
        (void)unlink(path);
        fd = created();
        put(fd, 1, "payload", "record");
    }
    memset(noise, 0x5a, sizeof(noise));
    cr_assert_eq(pwrite(fd, noise, 8, SEGMENT_PAGE_BYTES), 8);
    cr_assert_str_eq(seen(fd), "nothing");
    put(fd, 2, "payload", "record");
    cr_assert_str_eq(seen(fd), "2:payload:record");
    cr_assert_eq(pwrite(fd, noise, sizeof(noise), 0), SEGMENT_FILE_BYTES);
    cr_assert_str_eq(seen(fd), "nothing");
    (void)close(fd);
}

Test(segment, a_damaged_file_is_replaced_and_readers_can_tell)
{
    struct segment_cell cell = { .version = 1 };
    struct err err;
    int reader = -1;
    int fd = created();

    put(fd, 1, "payload", "record");
    cr_assert_eq(segment_open(path, &reader, &err), 0);
    cr_assert(segment_current(path, reader));
    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_eq(segment_write(fd, &cell, &err), ERR_IO);
    (void)close(fd);
    fd = created();
    cr_assert_not(segment_current(path, reader));
    cr_assert_str_eq(seen(reader), "nothing");
    put(fd, 2, "payload", "record");
    (void)close(reader);
    cr_assert_eq(segment_open(path, &reader, &err), 0);
    cr_assert_str_eq(seen(reader), "2:payload:record");
    (void)close(reader);
    (void)close(fd);
    (void)unlink(path);
    cr_assert_eq(segment_open(path, &reader, &err), ERR_NOT_FOUND);
}
