/*
 * What the module's copy takes over from a segment, and what it never does: an older version, or
 * another payload under a version that it knows.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/segment_writer.h"
#include "watcher/module/copy.h"

static char dir[64];
static char path[96];
static char image[SEGMENT_FILE_BYTES];
static struct copies copies;
static int segment = -1;

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/muster-copy.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/segment", dir);
    copies_init(&copies);
    copies_follow(&copies, path);
}

static void teardown(void)
{
    copy_put(copies.last);
    if (0 <= copies.fd) {
        (void)close(copies.fd);
    }
    fd_close_p(&segment);
    if (unlink(path) != 0) {
        (void)rmdir(path);
    }
    (void)rmdir(dir);
}

TestSuite(copy, .init = setup, .fini = teardown);

static void publish_back(uint32_t version, const char *payload, const char *record,
                         uint32_t takes_back)
{
    const struct segment_cell cell = { version, payload, strlen(payload), record, strlen(record) };
    struct err err;

    fd_close_p(&segment);
    cr_assert_eq(segment_create(path, &segment, &err), 0, "%s", err.msg);
    cr_assert_eq(segment_write_back(segment, &cell, takes_back, &err), 0, "%s", err.msg);
}

static void publish(uint32_t version, const char *payload, const char *record)
{
    publish_back(version, payload, record, 0);
}

static void expect(const char *text)
{
    const struct segment_cell *cell;
    struct copy *copy;
    char seen[128];

    copies_look(&copies);
    copy = copies_get(&copies);
    cell = copy_cell(copy);
    (void)snprintf(seen, sizeof(seen), "%u:%.*s:%.*s", cell->version, (int)cell->payload_bytes,
                   cell->payload == NULL ? "" : cell->payload, (int)cell->record_bytes,
                   cell->record == NULL ? "" : cell->record);
    copy_put(copy);
    cr_assert_str_eq(seen, text);
}

/* As if the time had come to look what stands behind the name. */
static void let_time_pass(void)
{
    copies.named_ms = 0;
}

static void save(void)
{
    cr_assert_eq(pread(segment, image, sizeof(image), 0), (ssize_t)sizeof(image));
}

/* As an administrator who copies a file of earlier over the present one. */
static void bring_back(void)
{
    cr_assert_eq(pwrite(segment, image, sizeof(image), 0), (ssize_t)sizeof(image));
}

Test(copy, versions_only_grow)
{
    expect("0::");
    publish(7, "seven", "r");
    expect("7:seven:r");
    publish(6, "six", "r");
    expect("7:seven:r");
    publish(8, "eight", "r");
    expect("8:eight:r");
    publish(1, "one", "r");
    publish(7, "seven", "r");
    expect("8:eight:r");
}

Test(copy, one_version_has_one_payload)
{
    publish(7, "seven", "r");
    expect("7:seven:r");
    publish(7, "other", "r");
    expect("7:seven:r");
    publish(7, "seven", "sealed anew");
    expect("7:seven:sealed anew");
    publish(8, "eight", "r");
    expect("8:eight:r");
}

/* Exactly what was forged is taken back: no other cell can be played again by that. */
Test(copy, a_version_that_was_forged_is_taken_back)
{
    publish(7, "seven", "r");
    publish(1007, "evil", "r");
    expect("1007:evil:r");
    publish_back(7, "seven", "r", 1006);
    expect("1007:evil:r");
    publish_back(7, "seven", "r", 1007);
    expect("7:seven:r");
    publish(8, "eight", "r");
    expect("8:eight:r");
    publish_back(7, "seven", "r", 1007);
    expect("8:eight:r");
}

Test(copy, another_payload_of_the_same_version_is_taken_back)
{
    publish(7, "evil", "r");
    expect("7:evil:r");
    publish(7, "seven", "r");
    expect("7:evil:r");
    publish_back(7, "seven", "r", 7);
    expect("7:seven:r");
}

Test(copy, with_nothing_in_its_place_a_forged_version_is_taken_back_too)
{
    publish(1007, "evil", "r");
    expect("1007:evil:r");
    publish_back(0, "", "", 1007);
    expect("0::");
    publish(7, "seven", "r");
    expect("7:seven:r");
}

/* For another incarnation of the cluster, the watcher puts nothing in force first. */
Test(copy, nothing_may_be_in_force_and_then_still_only_what_is_newer)
{
    publish(7, "seven", "r");
    expect("7:seven:r");
    publish(0, "", "");
    expect("0::");
    publish(6, "six", "r");
    expect("0::");
    publish(7, "other", "r");
    expect("0::");
    publish(7, "seven", "r");
    expect("7:seven:r");
    publish(0, "", "");
    expect("0::");
    publish(8, "eight", "r");
    expect("8:eight:r");
}

Test(copy, a_segment_of_earlier_that_is_put_back_changes_nothing)
{
    publish(7, "seven", "r");
    expect("7:seven:r");
    save();
    publish(8, "eight", "r");
    publish(9, "nine", "r");
    expect("9:nine:r");
    bring_back();
    expect("9:nine:r");
    cr_assert_eq(unlink(path), 0);
    publish(8, "eight", "r");
    let_time_pass();
    expect("9:nine:r");
    publish(10, "ten", "r");
    expect("10:ten:r");
}

/* Whatever stands there instead, the last good copy goes on, and a good file is found again. */
Test(copy, a_file_that_is_moved_or_exchanged_is_followed_by_its_name)
{
    char away[112];

    (void)snprintf(away, sizeof(away), "%s.away", path);
    publish(1, "one", "r");
    expect("1:one:r");
    cr_assert_eq(rename(path, away), 0);
    expect("1:one:r");
    publish(2, "two", "r");
    let_time_pass();
    expect("2:two:r");
    cr_assert_eq(unlink(away), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0644), 0);
    let_time_pass();
    expect("2:two:r");
    publish(3, "three", "r");
    expect("3:three:r");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0755), 0);
    let_time_pass();
    expect("3:three:r");
    publish(4, "four", "r");
    expect("4:four:r");
}

Test(copy, a_file_that_others_may_write_to_is_not_believed)
{
    publish(1, "one", "r");
    expect("1:one:r");
    cr_assert_eq(chmod(path, 0666), 0);
    let_time_pass();
    {
        const struct segment_cell cell = { 2, "forged", 6, "r", 1 };

        cr_assert_eq(segment_write(segment, &cell, NULL), 0);
    }
    expect("1:one:r");
    cr_assert_eq(chmod(path, 0644), 0);
    publish(3, "three", "r");
    expect("3:three:r");
}
