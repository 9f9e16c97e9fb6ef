#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "discovery/segment_writer.h"
#include "partition_fixture.h"
#include "support/loop_wait.h"
#include "support/scene.h"
#include "support/wait.h"
#include "watcher/partition.h"
#include "watcher/partition_files.h"

/* ---- The judgement ---- */

Test(partition, what_may_follow_is_newer_sealed_and_of_this_incarnation)
{
    struct signing_key stranger;
    struct partition_fixture f;
    size_t i;

    partition_set_up(&f);
    partition_make_key("stranger", &stranger, NULL);
    {
        const struct config now = partition_seal(&f, UID_A, 2, 5, &f.key);
        const struct config same = partition_seal(&f, UID_A, 2, 5, &f.key);
        const struct config twin = partition_seal(&f, UID_A, 3, 5, &f.key);
        const struct config next = partition_seal(&f, UID_A, 2, 6, &f.key);
        const struct config next_epoch = partition_seal(&f, UID_A, 3, 6, &f.key);
        const struct config old_epoch = partition_seal(&f, UID_A, 1, 6, &f.key);
        const struct config older = partition_seal(&f, UID_A, 2, 4, &f.key);
        const struct config other = partition_seal(&f, UID_B, 2, 6, &f.key);
        const struct config strange = partition_seal(&f, UID_A, 2, 6, &stranger);
        const struct {
            const struct config *config;
            struct served served;
            uint32_t seen;
            int verdict;
        } cases[] = {
            { &now, { 0, 0, "" }, 0, 0 },
            { &now, { 0, 0, "" }, 5, 0 },
            { &now, { 0, 0, "" }, 6, ERR_INVALID },
            { &same, { 2, 5, now.digest }, 5, 1 },
            { &twin, { 2, 5, now.digest }, 5, JUDGE_TWIN },
            { &next, { 2, 5, now.digest }, 5, 0 },
            { &next_epoch, { 2, 5, now.digest }, 5, 0 },
            { &old_epoch, { 2, 5, now.digest }, 5, ERR_INVALID },
            { &older, { 2, 5, now.digest }, 5, ERR_INVALID },
            { &other, { 2, 5, now.digest }, 5, ERR_CONFLICT },
            { &strange, { 2, 5, now.digest }, 5, ERR_UNVERIFIED },
            { &strange, { 0, 0, "" }, 0, ERR_UNVERIFIED },
        };
        struct partition_id id = { .cluster = CLUSTER, .slot = 1, .uid = UID_A };

        for (i = 0; i < ARRAY_COUNT(cases); i++) {
            struct err err = { 0 };

            cr_expect_eq(judge_config(cases[i].config, &f.trusted, &id, &cases[i].served,
                                      cases[i].seen, &err),
                         cases[i].verdict, "case %zu: %s", i, err.msg);
        }
    }
    partition_tear_down(&f);
}

/* ---- The inbox and the segment ---- */

Test(partition, what_comes_into_the_inbox_is_judged_and_put_in_force)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 1);
    partition_await(&f, 1);
    cr_expect_eq(f.served, 1);
    cr_expect_eq(partition_version_in_segment(&f), 1);
    partition_push(&f, 1, 1);
    partition_await(&f, 2);
    cr_expect_eq(f.again, 1);
    partition_put(&f, 2, "garbage");
    partition_await(&f, 3);
    cr_expect_eq(f.refused, 1);
    cr_expect_eq(partition_served(f.partition).version, 1);
    cr_expect_eq(partition_version_in_segment(&f), 1);
    partition_tear_down(&f);
}

/* Alerts tell by the reason whether somebody has no business there, or is merely late. */
Test(partition, refusals_are_counted_by_reason)
{
    struct partition_fixture f;
    struct partition_counts counts;
    CLEANUP(str_deinit) struct str forged;
    struct signing_key stranger;
    struct config config;

    partition_set_up(&f);
    partition_push(&f, 0, 2);
    partition_await(&f, 1);
    partition_push(&f, 1, 1);
    partition_await(&f, 2);
    partition_put(&f, 2, "garbage");
    partition_await(&f, 3);
    partition_make_key("stranger", &stranger, NULL);
    config = partition_seal(&f, UID_A, 1, 3, &stranger);
    str_init(&forged, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &forged, NULL), 0);
    partition_put(&f, 3, str_text(&forged));
    partition_await(&f, 4);
    config = partition_seal(&f, UID_B, 1, 3, &f.key);
    str_clear(&forged);
    cr_assert_eq(json_encode_config(&config, &forged, NULL), 0);
    partition_put(&f, 4, str_text(&forged));
    partition_await(&f, 5);
    counts = partition_counts(f.partition);
    cr_expect_eq(counts.refused, 4);
    cr_expect_eq(counts.refused_for[PARTITION_REFUSED_FOREIGN], 1);
    cr_expect_eq(counts.refused_for[PARTITION_REFUSED_FAILED], 0);
    cr_expect_eq(counts.refused_for[PARTITION_REFUSED_OUTDATED], 1);
    cr_expect_eq(counts.refused_for[PARTITION_REFUSED_MALFORMED], 1);
    cr_expect_eq(counts.refused_for[PARTITION_REFUSED_UNVERIFIED], 1);
    partition_tear_down(&f);
}

Test(partition, what_lay_in_the_inbox_before_is_taken_in_too)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 4);
    partition_look(f.partition);
    cr_expect_eq(partition_served(f.partition).version, 4);
    partition_tear_down(&f);
}

Test(partition, additions_to_a_record_are_not_served)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str padded;
    struct partition_fixture f;
    struct config config;

    partition_set_up(&f);
    config = partition_seal(&f, UID_A, 1, 3, &f.key);
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    str_init(&padded, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    str_appendf(&padded, "{ \"evil\": 1, %s", str_text(&json) + 1);
    partition_put(&f, 0, str_text(&padded));
    partition_await(&f, 1);
    cr_expect_eq(f.served, 1);
    cr_expect(partition_holds(f.partition, str_text(&json), json.size));
    cr_expect_not(partition_holds(f.partition, str_text(&padded), padded.size));
    partition_tear_down(&f);
}

Test(partition, a_later_watcher_takes_over_what_verifies)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 7);
    partition_await(&f, 1);
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    cr_expect_eq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 7);
    cr_expect_eq(partition_version_seen(f.partition), 7);
    partition_tear_down(&f);
}

Test(partition, what_belongs_to_another_incarnation_is_cleared_but_counted)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 7);
    partition_await(&f, 1);
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_B, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 0);
    cr_expect_eq(partition_version_seen(f.partition), 7);
    cr_expect_eq(partition_version_in_segment(&f), 0);
    partition_push(&f, 1, 6);
    partition_await(&f, 2);
    cr_expect_eq(f.refused, 1);
    partition_push(&f, 2, 8);
    partition_await(&f, 3);
    cr_expect_eq(partition_version_in_segment(&f), 8);
    partition_tear_down(&f);
}

/* The watcher died between its note and the segment, or the segment was lost behind it. */
Test(partition, what_was_begun_is_not_followed_by_what_is_older)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 7);
    partition_await(&f, 1);
    cr_expect_eq(f.begun, 7);
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    partition_begun(f.partition, 9);
    cr_expect_eq(partition_served(f.partition).version, 7);
    partition_push(&f, 1, 8);
    partition_await(&f, 2);
    cr_expect_eq(f.refused, 1);
    cr_expect_eq(partition_version_in_segment(&f), 7);
    partition_push(&f, 2, 9);
    partition_await(&f, 3);
    cr_expect_eq(partition_version_in_segment(&f), 9);
    cr_expect_eq(f.begun, 7, "what was noted is noted once");
    partition_tear_down(&f);
}

Test(partition, a_forged_segment_is_cleared)
{
    struct segment_cell cell = { .version = 9,
                                 .payload = "9\nevil|6.6.6.6|11211\n",
                                 .payload_bytes = 21,
                                 .record = "{}",
                                 .record_bytes = 2 };
    struct partition_fixture f;
    int fd;

    partition_set_up(&f);
    cr_assert_eq(segment_create(partition_segment_path(f.partition), &fd, NULL), 0);
    cr_assert_eq(segment_write(fd, &cell, NULL), 0);
    (void)close(fd);
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 0);
    cr_expect_eq(partition_version_in_segment(&f), 0);
    partition_tear_down(&f);
}

/* A good record beside a payload that is not its own. */
Test(partition, a_segment_whose_payload_was_exchanged_is_cleared)
{
    CLEANUP(str_deinit) struct str json;
    struct segment_cell cell = { .version = 9,
                                 .payload = "9\nevil|6.6.6.6|11211\n",
                                 .payload_bytes = 21 };
    struct config config;
    struct partition_fixture f;
    int fd;

    partition_set_up(&f);
    config = partition_seal(&f, UID_A, 1, 9, &f.key);
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    cell.record = str_text(&json);
    cell.record_bytes = json.size;
    cr_assert_eq(segment_create(partition_segment_path(f.partition), &fd, NULL), 0);
    cr_assert_eq(segment_write(fd, &cell, NULL), 0);
    (void)close(fd);
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(partition_version_in_segment(&f), 0);
    partition_tear_down(&f);
}

Test(partition, a_removed_inbox_is_made_again)
{
    struct scene_path inbox;
    struct partition_fixture f;
    int turns;

    partition_set_up(&f);
    inbox = scene_path("partitions/" CLUSTER "/0001/inbox");
    cr_assert_eq(rmdir(inbox.text), 0);
    for (turns = 0; turns < 1000 && access(inbox.text, F_OK) != 0; turns++) {
        bool never = false;

        cr_assert_eq(loop_run_until(f.loop, &never, 5, NULL), ERR_TIMEOUT);
    }
    cr_expect_eq(f.repaired, 1, "it is told");
    partition_push(&f, 0, 2);
    partition_await(&f, 2);
    cr_expect_eq(f.served, 1);
    partition_tear_down(&f);
}

static void await_inbox(struct partition_fixture *f, bool there)
{
    struct scene_path inbox = scene_path("partitions/" CLUSTER "/0001/inbox");
    int turns;

    for (turns = 0; turns < 1000 && (access(inbox.text, F_OK) == 0) != there; turns++) {
        bool never = false;

        cr_assert_eq(loop_run_until(f->loop, &never, 5, NULL), ERR_TIMEOUT);
    }
    cr_assert_eq(access(inbox.text, F_OK) == 0, there, "turn %d", turns);
}

static void close_inbox(struct partition_fixture *f)
{
    (void)scene_write("partitions/" CLUSTER "/0001/closed", "");
    await_inbox(f, false);
}

static void open_inbox(struct partition_fixture *f)
{
    cr_assert_eq(unlink(scene_path("partitions/" CLUSTER "/0001/closed").text), 0);
    await_inbox(f, true);
}

/* An operator's switch is no harm that was done; what is done to the inbox afterwards is. */
Test(partition, closing_and_opening_is_told_as_no_repair)
{
    struct partition_fixture f;

    partition_set_up(&f);
    close_inbox(&f);
    open_inbox(&f);
    cr_assert_eq(rmdir(scene_path("partitions/" CLUSTER "/0001/inbox").text), 0);
    await_inbox(&f, true);
    cr_expect_eq(f.repaired, 1);
    partition_tear_down(&f);
}

/* Whatever memcached's user has put there, which no entry of an inbox is. */
Test(partition, an_inbox_that_can_not_be_emptied_is_taken_away_all_the_same)
{
    struct partition_fixture f;
    int i;

    partition_set_up(&f);
    for (i = 0; i < 3; i++) {
        cr_assert_eq(mkdir(scene_path("partitions/" CLUSTER "/0001/inbox/own").text, 0755), 0);
        close_inbox(&f);
        open_inbox(&f);
    }
    partition_push(&f, 0, 2);
    partition_await(&f, 1);
    cr_expect_eq(f.served, 1);
    partition_tear_down(&f);
}

/* Who owns a directory that a watcher shares could point it at a directory of root's. */
Test(partition, a_link_in_place_of_the_inbox_is_not_followed)
{
    struct scene_path elsewhere = scene_path("elsewhere");
    struct scene_path inbox;
    struct partition_fixture f;

    partition_set_up(&f);
    inbox = scene_path("partitions/" CLUSTER "/0001/inbox");
    partition_free(TAKE(f.partition));
    cr_assert_eq(mkdir(elsewhere.text, 0755), 0);
    cr_assert_eq(rmdir(inbox.text), 0);
    cr_assert_eq(symlink(elsewhere.text, inbox.text), 0);
    cr_expect_eq(partition_open_as(&f, UID_A, 0), ERR_IO);
    partition_tear_down(&f);
}

Test(partition, a_removed_segment_is_made_again_with_its_content)
{
    struct partition_fixture f;
    struct err err;

    partition_set_up(&f);
    partition_push(&f, 0, 2);
    partition_await(&f, 1);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect_eq(partition_version_in_segment(&f), 2);
    partition_push(&f, 1, 3);
    cr_expect_eq(f.repaired, 1);
    partition_await(&f, 3);
    cr_expect_eq(partition_version_in_segment(&f), 3);
    partition_tear_down(&f);
}

static bool is_switched_on(void)
{
    return access(scene_path("partitions/" CLUSTER "/0001/" PARTITION_ACTIVE).text, F_OK) == 0;
}

/* Who removes the switch from a partition wants it off, whatever the watcher repairs meanwhile. A
 * partition that is gone altogether was not switched off. */
Test(partition, a_removed_switch_stays_away_until_the_partition_is_made_anew)
{
    struct partition_fixture f;
    struct err err;

    partition_set_up(&f);
    cr_expect(is_switched_on());
    cr_assert_eq(remove(scene_path("partitions/" CLUSTER "/0001/" PARTITION_ACTIVE).text), 0);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect_not(is_switched_on());
    partition_free(TAKE(f.partition));
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    cr_expect_not(is_switched_on());
    cr_assert_eq(rename(scene_path("partitions/" CLUSTER "/0001").text, scene_path("away").text),
                 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect(is_switched_on());
    partition_tear_down(&f);
}

/* Whoever damages the file, the next record gets through to its readers. */
Test(partition, a_segment_that_was_cut_or_replaced_is_noticed_with_the_next_record)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 2);
    partition_await(&f, 1);
    cr_assert_eq(truncate(partition_segment_path(f.partition), 0), 0);
    cr_expect_eq(partition_version_in_segment(&f), 0);
    partition_push(&f, 1, 3);
    partition_await(&f, 2);
    cr_expect_eq(partition_version_in_segment(&f), 3);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    partition_push(&f, 2, 4);
    partition_await(&f, 3);
    cr_expect_eq(partition_version_in_segment(&f), 4);
    partition_tear_down(&f);
}

/* Nor what writers that died, or a watcher that died when it was closed, have left. */
Test(partition, removed_it_leaves_nothing)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_put(&f, 0, "left over");
    (void)scene_write("partitions/" CLUSTER "/0001/inbox/.half", "half");
    cr_assert_eq(mkdir(scene_path("partitions/" CLUSTER "/0001/.inbox").text, 0755), 0);
    (void)scene_write("partitions/" CLUSTER "/0001/.inbox/entry", "of before");
    partition_remove(TAKE(f.partition));
    cr_expect_neq(access(scene_path("partitions/" CLUSTER).text, F_OK), 0);
    cr_expect_eq(access(f.dir.text, F_OK), 0);
    partition_tear_down(&f);
}

Test(partition, memory_is_told_from_disk)
{
    cr_expect(partitions_in_memory("/dev/shm"));
    cr_expect_not(partitions_in_memory("/proc"));
    cr_expect_not(partitions_in_memory("/nonexistent"));
}
