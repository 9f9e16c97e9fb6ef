#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "discovery/segment_writer.h"
#include "support/scene.h"
#include "support/wait.h"
#include "watcher/partition.h"
#include "watcher/partition_files.h"

#define CLUSTER "demo"
#define UID_A "00000000000000aa"
#define UID_B "00000000000000bb"

struct fixture {
    struct loop *loop;
    struct arena arena;
    struct signing_key key;
    struct trusted_keys trusted;
    struct scene_path dir;
    struct partitions *set;
    struct partition *partition;
    struct err problem;
    size_t served;
    size_t again;
    size_t refused;
    size_t conflicts;
    size_t repaired;
    char what[512];
    size_t awaited; /* events */
    bool done;
    struct err refusal;
    uint32_t begun;
};

static void count_event(struct fixture *f)
{
    f->done = f->awaited <= f->served + f->again + f->refused + f->conflicts + f->repaired;
}

static void on_served(void *ctx, bool again)
{
    struct fixture *f = ctx;

    f->served += again ? 0 : 1;
    f->again += again ? 1 : 0;
    count_event(f);
}

static void on_refused(void *ctx, const struct err *err)
{
    struct fixture *f = ctx;

    f->refused++;
    f->refusal = *err;
    count_event(f);
}

static void on_conflict(void *ctx, const struct err *err)
{
    struct fixture *f = ctx;

    f->conflicts++;
    f->refusal = *err;
    count_event(f);
}

static void on_repaired(void *ctx, const char *what)
{
    struct fixture *f = ctx;

    f->repaired++;
    (void)snprintf(f->what, sizeof(f->what), "%s", what);
    count_event(f);
}

/* Nothing of it is served by then. */
static void on_begins(void *ctx, uint32_t version)
{
    struct fixture *f = ctx;

    cr_assert_lt(partition_served(f->partition).version, version);
    f->begun = version;
}

static void make_key(const char *name, struct signing_key *key, struct trusted_keys *trusted)
{
    struct scene_path secret = scene_path("%s.key", name);
    struct scene_path public = scene_path("%s.pub", name);
    struct err err;

    cr_assert_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    cr_assert_eq(signing_key_load(secret.text, key, &err), 0, "%s", err.msg);
    if (trusted != NULL) {
        cr_assert_eq(trusted_keys_load(public.text, trusted, &err), 0, "%s", err.msg);
    }
}

static int open_as(struct fixture *f, const char *uid, uint32_t version_seen)
{
    static const struct partition_events events = { on_served,   on_refused, on_conflict,
                                                    on_repaired, NULL,       on_begins };
    struct partition_id id = { .cluster = CLUSTER, .slot = 1, .uid = uid };
    struct err err;

    return partition_open(f->set, &id, version_seen, &events, f, &f->partition, &f->problem, &err);
}

static void set_up(struct fixture *f)
{
    struct partitions_options options;
    struct err err;

    memset(f, 0, sizeof(*f));
    f->dir = scene_path("partitions");
    arena_init(&f->arena, 64U << 20);
    make_key("ours", &f->key, &f->trusted);
    options = (struct partitions_options){
        .dir = f->dir.text, .keys = &f->trusted, .uid = geteuid(), .gid = getegid()
    };
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(partitions_new(f->loop, &options, &f->set, &err), 0, "%s", err.msg);
    cr_assert_eq(open_as(f, UID_A, 0), 0);
}

static void tear_down(struct fixture *f)
{
    partition_free(f->partition);
    partitions_free(f->set);
    loop_free(f->loop);
    arena_deinit(&f->arena);
}

static struct config seal(struct fixture *f, const char *uid, uint64_t epoch, uint32_t version,
                          const struct signing_key *key)
{
    static const struct member member = { 1, "10.0.0.1", "10.0.0.1", 11211 };
    struct config_draft draft = { .cluster = CLUSTER,
                                  .uid = uid,
                                  .epoch = epoch,
                                  .version = version,
                                  .members = &member,
                                  .members_count = 1 };
    struct config config;
    struct err err;

    cr_assert_eq(envelope_seal(&draft, key, &f->arena, &config, &err), 0, "%s", err.msg);
    return config;
}

static void put(struct fixture *f, uint32_t n, const char *value)
{
    struct inbox_entry entry = { .kind = INBOX_CONFIG,
                                 .value = value,
                                 .value_bytes = strlen(value) };
    struct err err;

    cr_assert_eq(inbox_put(partition_inbox_path(f->partition), n, &entry, &err), 0, "%s", err.msg);
}

static void push(struct fixture *f, uint32_t n, uint32_t version)
{
    CLEANUP(str_deinit) struct str json;
    struct config config = seal(f, partition_uid(f->partition), 1, version, &f->key);
    struct err err;

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, &err), 0);
    put(f, n, str_text(&json));
}

static void await_events(struct fixture *f, size_t count)
{
    struct err err;

    f->awaited = count;
    f->done = false;
    count_event(f);
    cr_assert_eq(loop_run_until(f->loop, &f->done, WAIT_MS, &err), 0, "%s", err.msg);
}

static uint32_t version_in_segment(struct fixture *f)
{
    struct segment_head head;
    uint32_t version = 0;
    int fd;

    if (segment_open(partition_segment_path(f->partition), &fd, NULL) < 0) {
        return 0;
    }
    if (segment_peek(fd, &head) == 0) {
        version = head.version;
    }
    (void)close(fd);
    return version;
}

/* ---- The judgement ---- */

Test(partition, what_may_follow_is_newer_sealed_and_of_this_incarnation)
{
    struct signing_key stranger;
    struct fixture f;
    size_t i;

    set_up(&f);
    make_key("stranger", &stranger, NULL);
    {
        const struct config now = seal(&f, UID_A, 2, 5, &f.key);
        const struct config same = seal(&f, UID_A, 2, 5, &f.key);
        const struct config twin = seal(&f, UID_A, 3, 5, &f.key);
        const struct config next = seal(&f, UID_A, 2, 6, &f.key);
        const struct config next_epoch = seal(&f, UID_A, 3, 6, &f.key);
        const struct config old_epoch = seal(&f, UID_A, 1, 6, &f.key);
        const struct config older = seal(&f, UID_A, 2, 4, &f.key);
        const struct config other = seal(&f, UID_B, 2, 6, &f.key);
        const struct config strange = seal(&f, UID_A, 2, 6, &stranger);
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
    tear_down(&f);
}

/* ---- The inbox and the segment ---- */

Test(partition, what_comes_into_the_inbox_is_judged_and_put_in_force)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 1);
    await_events(&f, 1);
    cr_expect_eq(f.served, 1);
    cr_expect_eq(version_in_segment(&f), 1);
    push(&f, 1, 1);
    await_events(&f, 2);
    cr_expect_eq(f.again, 1);
    put(&f, 2, "garbage");
    await_events(&f, 3);
    cr_expect_eq(f.refused, 1);
    cr_expect_eq(partition_served(f.partition).version, 1);
    cr_expect_eq(version_in_segment(&f), 1);
    tear_down(&f);
}

Test(partition, what_lay_in_the_inbox_before_is_taken_in_too)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 4);
    partition_look(f.partition);
    cr_expect_eq(partition_served(f.partition).version, 4);
    tear_down(&f);
}

Test(partition, additions_to_a_record_are_not_served)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str padded;
    struct fixture f;
    struct config config;

    set_up(&f);
    config = seal(&f, UID_A, 1, 3, &f.key);
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    str_init(&padded, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    str_appendf(&padded, "{ \"evil\": 1, %s", str_text(&json) + 1);
    put(&f, 0, str_text(&padded));
    await_events(&f, 1);
    cr_expect_eq(f.served, 1);
    cr_expect(partition_holds(f.partition, str_text(&json), json.size));
    cr_expect_not(partition_holds(f.partition, str_text(&padded), padded.size));
    tear_down(&f);
}

Test(partition, a_later_watcher_takes_over_what_verifies)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 7);
    await_events(&f, 1);
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_A, 0), 0);
    cr_expect_eq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 7);
    cr_expect_eq(partition_version_seen(f.partition), 7);
    tear_down(&f);
}

Test(partition, what_belongs_to_another_incarnation_is_cleared_but_counted)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 7);
    await_events(&f, 1);
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_B, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 0);
    cr_expect_eq(partition_version_seen(f.partition), 7);
    cr_expect_eq(version_in_segment(&f), 0);
    push(&f, 1, 6);
    await_events(&f, 2);
    cr_expect_eq(f.refused, 1);
    push(&f, 2, 8);
    await_events(&f, 3);
    cr_expect_eq(version_in_segment(&f), 8);
    tear_down(&f);
}

/* The watcher died between its note and the segment, or the segment was lost behind it. */
Test(partition, what_was_begun_is_not_followed_by_what_is_older)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 7);
    await_events(&f, 1);
    cr_expect_eq(f.begun, 7);
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_A, 0), 0);
    partition_begun(f.partition, 9);
    cr_expect_eq(partition_served(f.partition).version, 7);
    push(&f, 1, 8);
    await_events(&f, 2);
    cr_expect_eq(f.refused, 1);
    cr_expect_eq(version_in_segment(&f), 7);
    push(&f, 2, 9);
    await_events(&f, 3);
    cr_expect_eq(version_in_segment(&f), 9);
    cr_expect_eq(f.begun, 7, "what was noted is noted once");
    tear_down(&f);
}

Test(partition, a_forged_segment_is_cleared)
{
    struct segment_cell cell = { .version = 9,
                                 .payload = "9\nevil|6.6.6.6|11211\n",
                                 .payload_bytes = 21,
                                 .record = "{}",
                                 .record_bytes = 2 };
    struct fixture f;
    int fd;

    set_up(&f);
    cr_assert_eq(segment_create(partition_segment_path(f.partition), &fd, NULL), 0);
    cr_assert_eq(segment_write(fd, &cell, NULL), 0);
    (void)close(fd);
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_A, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(partition_served(f.partition).version, 0);
    cr_expect_eq(version_in_segment(&f), 0);
    tear_down(&f);
}

/* A good record beside a payload that is not its own. */
Test(partition, a_segment_whose_payload_was_exchanged_is_cleared)
{
    CLEANUP(str_deinit) struct str json;
    struct segment_cell cell = { .version = 9,
                                 .payload = "9\nevil|6.6.6.6|11211\n",
                                 .payload_bytes = 21 };
    struct config config;
    struct fixture f;
    int fd;

    set_up(&f);
    config = seal(&f, UID_A, 1, 9, &f.key);
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, NULL), 0);
    cell.record = str_text(&json);
    cell.record_bytes = json.size;
    cr_assert_eq(segment_create(partition_segment_path(f.partition), &fd, NULL), 0);
    cr_assert_eq(segment_write(fd, &cell, NULL), 0);
    (void)close(fd);
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_A, 0), 0);
    cr_expect_neq(f.problem.code, 0);
    cr_expect_eq(version_in_segment(&f), 0);
    tear_down(&f);
}

Test(partition, a_removed_inbox_is_made_again)
{
    struct scene_path inbox;
    struct fixture f;
    int turns;

    set_up(&f);
    inbox = scene_path("partitions/" CLUSTER "/0001/inbox");
    cr_assert_eq(rmdir(inbox.text), 0);
    for (turns = 0; turns < 1000 && access(inbox.text, F_OK) != 0; turns++) {
        bool never = false;

        cr_assert_eq(loop_run_until(f.loop, &never, 5, NULL), ERR_TIMEOUT);
    }
    push(&f, 0, 2);
    await_events(&f, 1);
    cr_expect_eq(f.served, 1);
    tear_down(&f);
}

Test(partition, a_removed_segment_is_made_again_with_its_content)
{
    struct fixture f;
    struct err err;

    set_up(&f);
    push(&f, 0, 2);
    await_events(&f, 1);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect_eq(version_in_segment(&f), 2);
    push(&f, 1, 3);
    await_events(&f, 2);
    cr_expect_eq(version_in_segment(&f), 3);
    tear_down(&f);
}

static bool is_switched_on(void)
{
    return access(scene_path("partitions/" CLUSTER "/0001/" PARTITION_ACTIVE).text, F_OK) == 0;
}

/* Who removes the switch from a partition wants it off, whatever the watcher repairs meanwhile. A
 * partition that is gone altogether was not switched off. */
Test(partition, a_removed_switch_stays_away_until_the_partition_is_made_anew)
{
    struct fixture f;
    struct err err;

    set_up(&f);
    cr_expect(is_switched_on());
    cr_assert_eq(remove(scene_path("partitions/" CLUSTER "/0001/" PARTITION_ACTIVE).text), 0);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect_not(is_switched_on());
    partition_free(TAKE(f.partition));
    cr_assert_eq(open_as(&f, UID_A, 0), 0);
    cr_expect_not(is_switched_on());
    cr_assert_eq(rename(scene_path("partitions/" CLUSTER "/0001").text, scene_path("away").text),
                 0);
    cr_assert_eq(partition_repair(f.partition, &err), 0, "%s", err.msg);
    cr_expect(is_switched_on());
    tear_down(&f);
}

/* Whoever damages the file, the next record gets through to its readers. */
Test(partition, a_segment_that_was_cut_or_replaced_is_noticed_with_the_next_record)
{
    struct fixture f;

    set_up(&f);
    push(&f, 0, 2);
    await_events(&f, 1);
    cr_assert_eq(truncate(partition_segment_path(f.partition), 0), 0);
    cr_expect_eq(version_in_segment(&f), 0);
    push(&f, 1, 3);
    await_events(&f, 2);
    cr_expect_eq(version_in_segment(&f), 3);
    cr_assert_eq(remove(partition_segment_path(f.partition)), 0);
    push(&f, 2, 4);
    await_events(&f, 3);
    cr_expect_eq(version_in_segment(&f), 4);
    tear_down(&f);
}

Test(partition, removed_it_leaves_nothing)
{
    struct fixture f;

    set_up(&f);
    put(&f, 0, "left over");
    partition_remove(TAKE(f.partition));
    cr_expect_neq(access(scene_path("partitions/" CLUSTER).text, F_OK), 0);
    cr_expect_eq(access(f.dir.text, F_OK), 0);
    tear_down(&f);
}

Test(partition, memory_is_told_from_disk)
{
    cr_expect(partitions_in_memory("/dev/shm"));
    cr_expect_not(partitions_in_memory("/proc"));
    cr_expect_not(partitions_in_memory("/nonexistent"));
}
