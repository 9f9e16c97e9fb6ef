#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "discovery/segment_writer.h"
#include "partition_fixture.h"
#include "support/loop_wait.h"
#include "support/scene.h"
#include "support/wait.h"

/* ---- What others do to the segment ---- */

static void write_cell(const char *path, const struct segment_cell *cell)
{
    struct err err;
    int fd;

    cr_assert_eq(segment_create(path, &fd, &err), 0, "%s", err.msg);
    cr_assert_eq(segment_write(fd, cell, &err), 0, "%s", err.msg);
    (void)close(fd);
}

/* Put a record as it is into the segment, with a payload that fits it. */
static void write_record(struct partition_fixture *f, const struct config *config)
{
    CLEANUP(str_deinit) struct str json;
    struct segment_cell cell = { .version = config->head.version,
                                 .payload = config->payload,
                                 .payload_bytes = config->payload_bytes };

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(config, &json, NULL), 0);
    cell.record = str_text(&json);
    cell.record_bytes = json.size;
    write_cell(partition_segment_path(f->partition), &cell);
}

static void write_forged(const char *path, uint32_t version)
{
    char payload[64];
    const struct segment_cell cell = { .version = version,
                                       .payload = payload,
                                       .payload_bytes =
                                           (size_t)snprintf(payload, sizeof(payload),
                                                            "%u\nevil|6.6.6.6|11211\n", version),
                                       .record = "{}",
                                       .record_bytes = 2 };

    write_cell(path, &cell);
}

static void write_noise(const char *path)
{
    char noise[4096];
    int fd = open(path, O_WRONLY);

    memset(noise, 0xa5, sizeof(noise));
    cr_assert_leq(0, fd);
    cr_assert_eq(pwrite(fd, noise, sizeof(noise), 0), (ssize_t)sizeof(noise));
    (void)close(fd);
}

enum harm { REMOVED, CUT, NOISE, FORGED_OLDER, FORGED_SAME, FORGED_NEWER, OLDER, FOREIGN, HARMS };

/* To a segment that holds `version`. */
static void harm(struct partition_fixture *f, enum harm how, uint32_t version)
{
    const char *path = partition_segment_path(f->partition);
    struct config config;

    switch (how) {
    case REMOVED:
        cr_assert_eq(remove(path), 0);
        return;
    case CUT:
        cr_assert_eq(truncate(path, 100), 0);
        return;
    case NOISE:
        write_noise(path);
        return;
    case FORGED_OLDER:
        write_forged(path, version - 1);
        return;
    case FORGED_SAME:
        write_forged(path, version);
        return;
    case FORGED_NEWER:
        write_forged(path, version + 1);
        return;
    case OLDER:
        config = partition_seal(f, UID_A, 1, version - 1, &f->key);
        write_record(f, &config);
        return;
    case FOREIGN:
        config = partition_seal(f, UID_B, 1, version + 1, &f->key);
        write_record(f, &config);
        return;
    case HARMS:
        break;
    }
}

/* At once, and without anything else happening. */
Test(partition, whatever_is_done_to_the_segment_is_put_right_and_told)
{
    struct partition_fixture f;
    uint32_t version = 5;
    size_t told = 0;
    enum harm how;

    partition_set_up(&f);
    for (how = REMOVED; how < HARMS; how++) {
        uint64_t began_ms;

        partition_push(&f, 0, version);
        partition_await(&f, ++told);
        began_ms = clock_mono_ms();
        harm(&f, how, version);
        partition_await(&f, ++told);
        cr_expect_lt(clock_mono_ms() - began_ms, PARTITION_CHECK_MS / 2, "harm %d", how);
        cr_expect_eq(f.repaired, (size_t)how + 1, "harm %d", how);
        cr_expect_neq(f.what[0], '\0');
        cr_expect_eq(partition_version_in_segment(&f), version, "harm %d", how);
        version += 3;
    }
    cr_expect_eq(partition_counts(f.partition).repaired, HARMS);
    cr_expect_eq(partition_counts(f.partition).taken, HARMS, "what was pushed");
    partition_tear_down(&f);
}

Test(partition, the_whole_directory_may_go)
{
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 5);
    partition_await(&f, 1);
    cr_assert_eq(rename(partition_path(f.partition), scene_path("aside").text), 0);
    partition_await(&f, 2);
    cr_expect_eq(f.repaired, 1);
    cr_expect_eq(partition_version_in_segment(&f), 5);
    partition_push(&f, 1, 6);
    partition_await(&f, 3);
    cr_expect_eq(partition_version_in_segment(&f), 6);
    partition_tear_down(&f);
}

/* Memory that is mapped is written to without a word of the kernel. */
Test(partition, a_slow_look_notices_what_no_event_told_of)
{
    struct partition_fixture f;
    void *page;
    int fd;

    partition_set_up(&f);
    partition_push(&f, 0, 5);
    partition_await(&f, 1);
    fd = open(partition_segment_path(f.partition), O_RDWR);
    cr_assert_leq(0, fd);
    page = mmap(NULL, SEGMENT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(page, MAP_FAILED);
    loop_wait_ms(f.loop, 2 * PARTITION_CHECK_PAUSE_MS);
    memset(page, 0, SEGMENT_PAGE_BYTES);
    partition_await(&f, 2);
    cr_expect_eq(f.repaired, 1);
    cr_expect_eq(partition_version_in_segment(&f), 5);
    (void)munmap(page, SEGMENT_PAGE_BYTES);
    (void)close(fd);
    partition_tear_down(&f);
}

/* Newer and signed: whoever wrote it there, it is what clients are to be told. */
Test(partition, a_newer_record_that_verifies_wins_in_the_segment_too)
{
    struct config config;
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 5);
    partition_await(&f, 1);
    config = partition_seal(&f, UID_A, 1, 7, &f.key);
    write_record(&f, &config);
    partition_await(&f, 2);
    cr_expect_eq(f.served, 2);
    cr_expect_eq(f.repaired, 0);
    cr_expect_eq(partition_served(f.partition).version, 7);
    partition_tear_down(&f);
}

Test(partition, a_twin_in_the_segment_is_put_right_and_an_alarm)
{
    struct config config;
    struct partition_fixture f;

    partition_set_up(&f);
    partition_push(&f, 0, 5);
    partition_await(&f, 1);
    config = partition_seal(&f, UID_A, 2, 5, &f.key);
    write_record(&f, &config);
    partition_await(&f, 3);
    cr_expect_eq(f.conflicts, 1);
    cr_expect_eq(f.repaired, 1);
    cr_expect_eq(partition_counts(f.partition).conflicts, 1);
    partition_tear_down(&f);
}

Test(partition, own_writes_are_no_harm)
{
    struct partition_fixture f;
    uint32_t i;

    partition_set_up(&f);
    for (i = 0; i < 5; i++) {
        partition_push(&f, i, i + 1);
        partition_await(&f, i + 1);
        loop_wait_ms(f.loop, 2 * PARTITION_CHECK_PAUSE_MS);
    }
    cr_expect_eq(f.served, 5);
    cr_expect_eq(f.repaired, 0);
    cr_expect_eq(f.refused, 0);
    partition_tear_down(&f);
}

/* ---- Offers and floods ---- */

Test(partition, an_offer_is_judged_as_what_comes_in)
{
    CLEANUP(str_deinit) struct str json;
    struct config config;
    struct partition_fixture f;
    struct err err;

    partition_set_up(&f);
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    config = partition_seal(&f, UID_A, 1, 3, &f.key);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    cr_expect_eq(partition_offer(f.partition, str_text(&json), json.size, &err), 0);
    cr_expect_eq(f.served, 1);
    cr_expect_eq(partition_version_in_segment(&f), 3);
    cr_expect_eq(partition_offer(f.partition, str_text(&json), json.size, &err), PARTITION_SAME);
    cr_expect_eq(f.served + f.again, 1);
    config = partition_seal(&f, UID_A, 2, 3, &f.key);
    str_clear(&json);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    cr_expect_eq(partition_offer(f.partition, str_text(&json), json.size, &err), PARTITION_TWIN);
    config = partition_seal(&f, UID_B, 1, 9, &f.key);
    str_clear(&json);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    cr_expect_eq(partition_offer(f.partition, str_text(&json), json.size, &err), ERR_CONFLICT);
    cr_expect_lt(partition_offer(f.partition, "garbage", 7, &err), 0);
    cr_expect_eq(partition_version_in_segment(&f), 3);
    partition_tear_down(&f);
}

/* What anybody writes costs a verification each; there are so many a second, for the newest. */
Test(partition, a_flood_is_dropped_and_the_newest_gets_through)
{
    struct partition_counts counts;
    uint64_t began_ms = clock_mono_ms();
    struct partition_fixture f;
    uint64_t allowed;
    uint32_t n;

    partition_set_up(&f);
    for (n = 0; n < 200; n++) {
        partition_put(&f, n, "{\"version\":1}");
        loop_wait_ms(f.loop, 1);
    }
    partition_push(&f, n, 8);
    while (f.served == 0 && clock_mono_ms() - began_ms < WAIT_MS) {
        loop_wait_ms(f.loop, 5);
    }
    counts = partition_counts(f.partition);
    allowed = PARTITION_VERIFY_BURST +
              (clock_mono_ms() - began_ms + 1000) * PARTITION_VERIFY_PER_S / 1000;
    cr_expect_eq(partition_version_in_segment(&f), 8);
    cr_expect_leq(counts.taken, allowed);
    cr_expect_gt(counts.dropped, 0);
    cr_expect_gt(f.refused, 0);
    partition_tear_down(&f);
}

static uint64_t tally_since(struct partition_fixture *f)
{
    struct pollers pollers = { .count = 0 };
    struct tally_counters counters;
    uint64_t since_s = 0;

    (void)partition_tally(f->partition, clock_mono_ms() / 1000, &counters, &pollers, &since_s);
    pollers_deinit(&pollers);
    return since_s;
}

/* What a module counted, and whom it answered, when memcached starts anew with one that may not
 * count. */
Test(partition, a_memcached_that_starts_has_to_tell_that_it_counts)
{
    struct tally_counters counters = { .started_s = 5, .counts = { [TALLY_CONFIG_GETS] = 1 } };
    struct poller seen = { .version = 1, .count = 1, .seen_s = 1 };
    struct pollers pollers = { .count = 0 };
    struct partition_fixture f;
    uint64_t since_s = 0;
    int writer = -1;

    partition_set_up(&f);
    cr_assert(poller_peer_parse("10.0.0.7", &seen.peer));
    cr_assert_eq(tally_open(scene_path("partitions/" CLUSTER "/0001/tally").text, &writer), 0);
    cr_assert_eq(tally_write_counters(writer, &counters), 0);
    cr_assert_eq(tally_write_row(writer, 0, &seen), 0);
    cr_expect(partition_tally(f.partition, 10, &counters, &pollers, &since_s));
    partition_uncount(f.partition);
    cr_expect_not(partition_tally(f.partition, 10, &counters, &pollers, &since_s));
    cr_expect_not_null(pollers_find(&pollers, &seen.peer), "who asked is still known");
    cr_assert_eq(tally_write_counters(writer, &counters), 0);
    cr_expect(partition_tally(f.partition, 10, &counters, &pollers, &since_s));
    pollers_deinit(&pollers);
    (void)close(writer);
    partition_tear_down(&f);
}

/* Who was answered while there was none, nobody knows. */
Test(partition, a_tally_that_comes_late_does_not_know_all)
{
    struct scene_path cluster;
    struct scene_path tally;
    struct scene_path dir;
    struct partition_fixture f;

    partition_set_up(&f);
    cluster = scene_path("partitions/" CLUSTER);
    dir = scene_path("partitions/" CLUSTER "/0001");
    tally = scene_path("partitions/" CLUSTER "/0001/tally");
    cr_expect_eq(tally_since(&f), 0, "nobody was answered before");
    partition_remove(TAKE(f.partition));
    cr_assert_eq(mkdir(cluster.text, 0755), 0);
    cr_assert_eq(mkdir(dir.text, 0755), 0);
    cr_assert_eq(mkdir(tally.text, 0755), 0);
    cr_assert_eq(partition_open_as(&f, UID_A, 0), 0);
    partition_push(&f, 0, 2);
    partition_await(&f, 1);
    cr_assert_eq(rmdir(tally.text), 0);
    (void)tally_since(&f); /* makes it */
    cr_expect_gt(tally_since(&f), 0);
    partition_tear_down(&f);
}
