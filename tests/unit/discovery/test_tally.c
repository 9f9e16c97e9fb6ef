#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/tally.h"

#define PLACE_SIZE 64

static char dir[PLACE_SIZE];
static char path[PLACE_SIZE + 8];
static struct pollers found;
static int reader = -1;
static int writer = -1;
static uint64_t since_s;

static void setup(void)
{
    struct err err;

    (void)snprintf(dir, sizeof(dir), "/tmp/muster-tally.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/tally", dir);
    cr_assert_eq(tally_create(path, getuid(), getgid(), 0, &reader, &err), 0, "%s", err.msg);
    cr_assert_eq(tally_open(path, &writer), 0);
}

static void teardown(void)
{
    pollers_deinit(&found);
    (void)close(reader);
    (void)close(writer);
    (void)unlink(path);
    (void)rmdir(path);
    (void)rmdir(dir);
}

TestSuite(tally, .init = setup, .fini = teardown);

static struct poller poller(const char *text, uint32_t version, uint64_t seen_s)
{
    struct poller out = { .version = version, .count = 3, .seen_s = seen_s };

    cr_assert(poller_peer_parse(text, &out.peer));
    return out;
}

static const struct poller *read_back(const char *text)
{
    struct poller_peer who;

    pollers_deinit(&found);
    cr_assert(poller_peer_parse(text, &who));
    cr_assert_eq(tally_read_rows(reader, 1000, &found, &since_s), 0);
    return pollers_find(&found, &who);
}

Test(tally, what_was_written_is_read)
{
    struct poller first = poller("10.0.0.7", 5, 900);
    struct poller last = poller("fd00::7", 6, 901);
    const struct poller *row;

    cr_assert_eq(tally_write_row(writer, 0, &first), 0);
    cr_assert_eq(tally_write_row(writer, POLLERS_MAX - 1, &last), 0);
    row = read_back("10.0.0.7");
    cr_assert_not_null(row);
    cr_expect_eq(row->version, 5);
    cr_expect_eq(row->seen_s, 900);
    cr_expect_eq(row->count, 3);
    row = read_back("fd00::7");
    cr_assert_not_null(row);
    cr_expect_eq(row->version, 6);
    cr_expect_eq(found.count, 2);
}

Test(tally, there_is_no_row_beyond_the_last)
{
    struct poller one = poller("10.0.0.7", 5, 900);

    cr_expect_eq(tally_write_row(writer, POLLERS_MAX, &one), TALLY_NOTHING);
}

Test(tally, a_time_that_has_not_come_is_now)
{
    struct poller one = poller("10.0.0.7", 5, 90000);

    cr_assert_eq(tally_write_row(writer, 4, &one), 0);
    cr_expect_eq(read_back("10.0.0.7")->seen_s, 1000);
}

static void flip(off_t at)
{
    char byte;

    cr_assert_eq(pread(reader, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    cr_assert_eq(pwrite(writer, &byte, 1, at), 1);
}

/* One that half of the writes got to: whoever it was, from when on all are known is not. */
Test(tally, a_damaged_row_tells_nothing_but_that_somebody_is_unknown)
{
    struct poller one = poller("10.0.0.7", 5, 900);
    struct poller two = poller("10.0.0.8", 5, 900);
    off_t at;

    cr_assert_eq(tally_write_row(writer, 0, &one), 0);
    cr_assert_eq(tally_write_row(writer, 1, &two), 0);
    for (at = 4096 + 64; at < 4096 + 128; at++) {
        cr_assert_eq(tally_write_row(writer, 1, &two), 0);
        cr_expect_not_null(read_back("10.0.0.8"));
        cr_expect_eq(since_s, 0);
        flip(at);
        cr_expect_not_null(read_back("10.0.0.7"));
        cr_expect_null(read_back("10.0.0.8"), "byte %ld", (long)at - 4096);
        cr_expect_eq(found.count, 1);
        cr_expect_eq(since_s, 1000);
    }
}

/* Nor need it have been one: nobody knows. */
Test(tally, noise_in_a_row_that_was_never_written_makes_somebody_unknown)
{
    cr_expect_null(read_back("10.0.0.8"));
    cr_expect_eq(since_s, 0);
    flip(4096 + 10 * 64 + 40);
    cr_expect_null(read_back("10.0.0.8"));
    cr_expect_eq(since_s, 1000);
}

Test(tally, a_writer_tells_since_when_everybody_is_known)
{
    cr_assert_eq(tally_write_since(writer, 700), 0);
    cr_expect_null(read_back("10.0.0.8"));
    cr_expect_eq(since_s, 700);
}

Test(tally, counters_are_nothing_until_they_are_written_whole)
{
    struct tally_counters counters = { .started_s = 7, .counts = { [TALLY_WRITES] = 12 } };
    struct tally_counters out;
    const char noise = 1;

    cr_expect_eq(tally_read_counters(reader, &out), TALLY_NOTHING);
    cr_assert_eq(tally_write_counters(writer, &counters), 0);
    cr_assert_eq(tally_read_counters(reader, &out), 0);
    cr_expect_eq(out.started_s, 7);
    cr_expect_eq(out.counts[TALLY_WRITES], 12);
    cr_assert_eq(pwrite(writer, &noise, 1, 64 + 8), 1);
    cr_expect_eq(tally_read_counters(reader, &out), TALLY_NOTHING);
}

Test(tally, a_good_one_is_kept_and_anything_else_replaced)
{
    struct poller one = poller("10.0.0.7", 5, 900);
    struct err err;
    int again;

    cr_assert_eq(tally_write_row(writer, 0, &one), 0);
    cr_assert_eq(tally_create(path, getuid(), getgid(), 0, &again, &err), 0);
    (void)close(again);
    cr_expect(tally_linked(writer));
    cr_expect_not_null(read_back("10.0.0.7"));

    cr_assert_eq(ftruncate(writer, 5000), 0);
    cr_expect_eq(tally_read_rows(reader, 1000, &found, &since_s), TALLY_NOTHING, "it is cut off");
    cr_assert_eq(tally_create(path, getuid(), getgid(), 0, &again, &err), 0, "%s", err.msg);
    (void)close(reader);
    reader = again;
    cr_expect_not(tally_linked(writer), "the writer has to open it anew");
    cr_expect_null(read_back("10.0.0.7"));
}

Test(tally, a_new_one_tells_since_when_it_counts)
{
    struct err err;

    cr_assert_eq(tally_read_rows(reader, 1000, &found, &since_s), 0);
    cr_expect_eq(since_s, 0);
    (void)unlink(path);
    (void)close(reader);
    cr_assert_eq(tally_create(path, getuid(), getgid(), 700, &reader, &err), 0);
    cr_assert_eq(tally_read_rows(reader, 1000, &found, &since_s), 0);
    cr_expect_eq(since_s, 700);
    cr_assert_eq(tally_read_rows(reader, 600, &found, &since_s), 0);
    cr_expect_eq(since_s, 600, "a time that has not come is now");
}

/* Also for a reader that adds them to others and has room for more. */
Test(tally, a_full_one_knows_nothing_from_before_its_oldest_row)
{
    size_t i;

    for (i = 0; i < POLLERS_MAX; i++) {
        char text[POLLER_TEXT_SIZE];
        struct poller one;

        (void)snprintf(text, sizeof(text), "10.0.%u.%u", (unsigned)(i / 256), (unsigned)(i % 256));
        one = poller(text, 5, 800 + i % 100);
        cr_assert_eq(tally_write_row(writer, i, &one), 0);
        if (i == POLLERS_MAX - 2) {
            found.max = 2U * POLLERS_MAX;
            cr_assert_eq(tally_read_rows(reader, 1000, &found, &since_s), 0);
            cr_expect_eq(since_s, 0, "it has room for one more");
            pollers_deinit(&found);
        }
    }
    found.max = 2U * POLLERS_MAX;
    cr_assert_eq(tally_read_rows(reader, 1000, &found, &since_s), 0);
    cr_expect_eq(found.count, POLLERS_MAX);
    cr_expect_eq(since_s, 800);
}

Test(tally, a_link_is_not_followed)
{
    char other[PLACE_SIZE + 8];
    struct stat info;
    struct err err;
    int fd;

    (void)snprintf(other, sizeof(other), "%s/other", dir);
    cr_assert_eq(rename(path, other), 0);
    cr_assert_eq(symlink(other, path), 0);
    cr_expect_eq(tally_open(path, &fd), TALLY_NOTHING);
    cr_assert_eq(tally_create(path, getuid(), getgid(), 0, &fd, &err), 0, "%s", err.msg);
    (void)close(fd);
    cr_assert_eq(lstat(path, &info), 0);
    cr_expect(S_ISREG(info.st_mode), "a file is in its place");
    cr_expect_eq(info.st_mode & 0777U, 0600U);
    (void)unlink(other);
}

Test(tally, what_can_not_be_made_is_said)
{
    struct err err;
    int fd;

    (void)unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(tally_open(path, &fd), TALLY_NOTHING);
    cr_expect_eq(tally_create(path, getuid(), getgid(), 0, &fd, &err), ERR_IO);
    cr_expect_not_null(strstr(err.msg, path), "%s", err.msg);
}

Test(tally, each_counter_has_a_name_of_its_own)
{
    size_t i;
    size_t k;

    for (i = 0; i < TALLY_COUNT; i++) {
        for (k = 0; k < i; k++) {
            cr_expect_str_neq(tally_counter_text((enum tally_counter)i),
                              tally_counter_text((enum tally_counter)k));
        }
    }
}
