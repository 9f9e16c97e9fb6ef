#include "partition_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "support/wait.h"

static void count_event(struct partition_fixture *f)
{
    f->done = f->awaited <= f->served + f->again + f->refused + f->conflicts + f->repaired;
}

static void on_served(void *ctx, bool again)
{
    struct partition_fixture *f = ctx;

    f->served += again ? 0 : 1;
    f->again += again ? 1 : 0;
    count_event(f);
}

static void on_refused(void *ctx, const struct err *err)
{
    struct partition_fixture *f = ctx;

    f->refused++;
    f->refusal = *err;
    count_event(f);
}

static void on_conflict(void *ctx, const struct err *err)
{
    struct partition_fixture *f = ctx;

    f->conflicts++;
    f->refusal = *err;
    count_event(f);
}

static void on_repaired(void *ctx, const char *what)
{
    struct partition_fixture *f = ctx;

    f->repaired++;
    (void)snprintf(f->what, sizeof(f->what), "%s", what);
    count_event(f);
}

/* Nothing of it is served by then. */
static void on_begins(void *ctx, uint32_t version)
{
    struct partition_fixture *f = ctx;

    cr_assert_lt(partition_served(f->partition).version, version);
    f->begun = version;
}

void partition_make_key(const char *name, struct signing_key *key, struct trusted_keys *trusted)
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

int partition_open_as(struct partition_fixture *f, const char *uid, uint32_t version_seen)
{
    static const struct partition_events events = { on_served, on_refused, on_conflict, on_repaired,
                                                    NULL,      on_begins,  NULL };
    struct partition_id id = { .cluster = CLUSTER, .slot = 1, .uid = uid };
    struct err err;

    return partition_open(f->set, &id, version_seen, &events, f, &f->partition, &f->problem, &err);
}

void partition_set_up(struct partition_fixture *f)
{
    struct partitions_options options;
    struct err err;

    memset(f, 0, sizeof(*f));
    f->dir = scene_path("partitions");
    arena_init(&f->arena, 64U << 20);
    partition_make_key("ours", &f->key, &f->trusted);
    options = (struct partitions_options){
        .dir = f->dir.text, .keys = &f->trusted, .uid = geteuid(), .gid = getegid()
    };
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(partitions_new(f->loop, &options, &f->set, &err), 0, "%s", err.msg);
    cr_assert_eq(partition_open_as(f, UID_A, 0), 0);
}

void partition_tear_down(struct partition_fixture *f)
{
    partition_free(f->partition);
    partitions_free(f->set);
    loop_free(f->loop);
    arena_deinit(&f->arena);
}

struct config partition_seal(struct partition_fixture *f, const char *uid, uint64_t epoch,
                             uint32_t version, const struct signing_key *key)
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

void partition_put(struct partition_fixture *f, uint32_t n, const char *value)
{
    struct inbox_entry entry = { .kind = INBOX_CONFIG,
                                 .value = value,
                                 .value_bytes = strlen(value) };
    struct err err;

    cr_assert_eq(inbox_put(partition_inbox_path(f->partition), n, &entry, &err), 0, "%s", err.msg);
}

void partition_push(struct partition_fixture *f, uint32_t n, uint32_t version)
{
    CLEANUP(str_deinit) struct str json;
    struct config config = partition_seal(f, partition_uid(f->partition), 1, version, &f->key);
    struct err err;

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(json_encode_config(&config, &json, &err), 0);
    partition_put(f, n, str_text(&json));
}

void partition_await(struct partition_fixture *f, size_t count)
{
    struct err err;

    f->awaited = count;
    f->done = false;
    count_event(f);
    cr_assert_eq(loop_run_until(f->loop, &f->done, WAIT_MS, &err), 0, "%s", err.msg);
}

uint32_t partition_version_in_segment(struct partition_fixture *f)
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
