#include "watcher/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "watcher/judge.h"
#include "watcher/partition_files.h"

#define DECODE_BYTES_MAX (8U << 20)

struct partitions {
    struct inboxes *inboxes;
    struct partitions_options options;
    size_t count;
};

struct partition {
    struct partitions *set;
    char cluster[CLUSTER_NAME_MAX + 1];
    char uid[UID_TEXT_SIZE];
    uint32_t slot;
    struct partition_files *files;
    struct segment_cell cell; /* what is in force, as the segment should hold it */
    char *cell_bytes;
    uint64_t epoch;
    uint32_t version;
    uint32_t version_seen;
    char digest[CONFIG_DIGEST_SIZE];
    struct partition_events events;
    void *ctx;
};

/* ---- What may be served ---- */

static struct partition_id id_of(const struct partition *p)
{
    return (struct partition_id){ .cluster = p->cluster, .slot = p->slot, .uid = p->uid };
}

/* Keep a copy of what is put in force. It can be put there again, whatever happens to the file. */
static int keep_cell(struct partition *p, const struct config *config, const struct str *record,
                     struct err *err)
{
    char *bytes = mem_alloc(config->payload_bytes + record->size + 1);

    if (bytes == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(bytes, config->payload, config->payload_bytes);
    memcpy(bytes + config->payload_bytes, str_text(record), record->size);
    free(p->cell_bytes);
    p->cell_bytes = bytes;
    p->cell = (struct segment_cell){ .version = config->head.version,
                                     .payload = bytes,
                                     .payload_bytes = config->payload_bytes,
                                     .record = bytes + config->payload_bytes,
                                     .record_bytes = record->size };
    return 0;
}

static int note_served(struct partition *p, const struct config *config, const struct str *record,
                       struct err *err)
{
    int rv = keep_cell(p, config, record, err);

    if (rv < 0) {
        return rv;
    }
    p->epoch = config->head.epoch;
    p->version = config->head.version;
    (void)snprintf(p->digest, sizeof(p->digest), "%s", config->digest);
    if (p->version_seen < p->version) {
        p->version_seen = p->version;
    }
    return 0;
}

static void note_nothing(struct partition *p)
{
    p->epoch = 0;
    p->version = 0;
    p->digest[0] = '\0';
    p->cell = (struct segment_cell){ 0 };
}

/* ---- The segment ---- */

/* A segment that somebody deleted, replaced or cut is made anew first. */
static int write_segment(struct partition *p, const struct segment_cell *cell, struct err *err)
{
    int rv = partition_files_hold(p->files, &p->cell)
                 ? 0
                 : partition_files_renew(p->files, &p->cell, err);

    return rv < 0 ? rv : partition_files_write(p->files, cell, err);
}

/* Decode, judge, and put in force when it may be. Outcomes and failures as judge_config(). */
static int offer(struct partition *p, const char *bytes, size_t size, struct arena *arena,
                 struct err *err)
{
    CLEANUP(str_deinit) struct str record;
    struct partition_id id = id_of(p);
    struct served served = partition_served(p);
    struct segment_cell cell;
    struct config config;
    int rv;

    str_init(&record, CONFIG_RECORD_BYTES_MAX);
    rv = json_decode_config(bytes, size, arena, &config, err);
    if (rv < 0) {
        return rv;
    }
    rv = judge_config(&config, p->set->options.keys, &id, &served, p->version_seen, err);
    if (rv != 0) {
        return rv;
    }
    rv = json_encode_config(&config, &record, err);
    if (rv < 0) {
        return rv;
    }
    cell = (struct segment_cell){ .version = config.head.version,
                                  .payload = config.payload,
                                  .payload_bytes = config.payload_bytes,
                                  .record = str_text(&record),
                                  .record_bytes = record.size };
    rv = write_segment(p, &cell, err);
    return rv < 0 ? rv : note_served(p, &config, &record, err);
}

/* ---- The inbox ---- */

static void on_entry(void *ctx, const struct inbox_entry *entry, const struct err *problem)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct partition *p = ctx;
    struct err err;
    int rv;

    arena_init(&arena, DECODE_BYTES_MAX);
    if (entry == NULL) {
        p->events.refused(p->ctx, problem);
        return;
    }
    if (entry->kind == INBOX_JOIN) {
        if (p->events.joining != NULL) {
            p->events.joining(p->ctx, entry->uid, entry->value, entry->value_bytes);
        }
        return;
    }
    rv = offer(p, entry->value, entry->value_bytes, &arena, &err);
    if (rv < 0) {
        p->events.refused(p->ctx, &err);
    } else {
        p->events.served(p->ctx, rv == 1);
    }
}

void partition_look(struct partition *p)
{
    partition_files_take(p->files, on_entry);
}

static void on_arrived(void *ctx)
{
    partition_look(ctx);
}

/* Somebody removed the inbox: without it, no push arrives any more. */
static void on_lost(void *ctx)
{
    struct partition *p = ctx;
    struct err err;

    if (partition_repair(p, &err) < 0) {
        p->events.refused(p->ctx, &err);
    }
}

/* ---- What is there already ---- */

static int clear_segment(struct partition *p, struct err *err)
{
    note_nothing(p);
    return partition_files_write(p->files, &p->cell, err);
}

/* Whether what the segment holds is what `config` says, so that it may stay. */
static int check_segment(struct partition *p, const struct segment_head *head, const char *bytes,
                         struct arena *arena, struct err *problem)
{
    CLEANUP(str_deinit) struct str record;
    const struct served nothing = { 0, 0, "" };
    struct partition_id id = id_of(p);
    struct config config;
    int rv;

    str_init(&record, CONFIG_RECORD_BYTES_MAX);
    rv = json_decode_config(bytes + head->payload_bytes, head->record_bytes, arena, &config,
                            problem);
    if (rv == 0) {
        rv = envelope_verify(&config, p->set->options.keys, problem);
    }
    if (rv < 0) {
        return rv;
    }
    if (strcmp(config.head.cluster, p->cluster) == 0 && p->version_seen < config.head.version) {
        p->version_seen = config.head.version;
    }
    rv = judge_config(&config, p->set->options.keys, &id, &nothing, p->version_seen, problem);
    if (rv < 0) {
        return rv;
    }
    rv = json_encode_config(&config, &record, problem);
    if (rv < 0) {
        return rv;
    }
    if (head->version != config.head.version || head->payload_bytes != config.payload_bytes ||
        head->record_bytes != record.size ||
        memcmp(bytes, config.payload, config.payload_bytes) != 0 ||
        memcmp(bytes + head->payload_bytes, str_text(&record), record.size) != 0) {
        return err_set(problem, ERR_INVALID, "payload and record do not belong together");
    }
    return note_served(p, &config, &record, problem);
}

/* Take over what an earlier watcher put in force, or clear it. */
static int inherit(struct partition *p, struct err *problem, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(mem_free_p) char *bytes = NULL;
    struct segment_head head;

    arena_init(&arena, DECODE_BYTES_MAX);
    *problem = (struct err){ 0 };
    note_nothing(p);
    partition_files_read(p->files, &head, &bytes);
    if (bytes == NULL) {
        return 0;
    }
    if (check_segment(p, &head, bytes, &arena, problem) < 0) {
        return clear_segment(p, err);
    }
    return 0;
}

int partition_repair(struct partition *p, struct err *err)
{
    int rv = partition_files_make(p->files, err);

    if (rv == 0 && !partition_files_hold(p->files, &p->cell)) {
        rv = partition_files_renew(p->files, &p->cell, err);
    }
    return rv;
}

/* ---- Lifecycle ---- */

int partitions_new(struct loop *loop, const struct partitions_options *options,
                   struct partitions **out, struct err *err)
{
    CLEANUP(partitions_free_p) struct partitions *set = NULL;
    int rv;

    rv = dir_make(options->dir, err);
    if (rv < 0) {
        return rv;
    }
    set = mem_alloc(sizeof(*set));
    if (set == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    set->options = *options;
    rv = inboxes_new(loop, options->uid, options->gid, &set->inboxes, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(set);
    return 0;
}

void partitions_free(struct partitions *set)
{
    if (set == NULL) {
        return;
    }
    CHECK(set->count == 0);
    inboxes_free(set->inboxes);
    free(set);
}

int partition_open(struct partitions *set, const struct partition_id *id, uint32_t version_seen,
                   const struct partition_events *events, void *ctx, struct partition **out,
                   struct err *problem, struct err *err)
{
    static const struct partition_files_events files_events = { on_arrived, on_lost };
    CLEANUP(partition_free_p) struct partition *p = mem_alloc(sizeof(*p));
    int rv;

    if (p == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    p->set = set;
    set->count++;
    p->slot = id->slot;
    p->events = *events;
    p->ctx = ctx;
    p->version_seen = version_seen;
    (void)snprintf(p->cluster, sizeof(p->cluster), "%s", id->cluster);
    (void)snprintf(p->uid, sizeof(p->uid), "%s", id->uid);
    rv = partition_files_open(set->inboxes, set->options.dir, p->cluster, p->slot, &files_events, p,
                              &p->files, err);
    if (rv == 0) {
        rv = inherit(p, problem, err);
    }
    if (rv == 0) {
        rv = partition_files_make(p->files, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(p);
    return 0;
}

void partition_free(struct partition *p)
{
    if (p == NULL) {
        return;
    }
    p->set->count--;
    partition_files_free(p->files);
    free(p->cell_bytes);
    free(p);
}

void partition_remove(struct partition *p)
{
    partition_files_remove(TAKE(p->files));
    partition_free(p);
}

int partition_reset(struct partition *p, const char *uid, struct err *err)
{
    (void)snprintf(p->uid, sizeof(p->uid), "%s", uid);
    return clear_segment(p, err);
}

const char *partition_path(const struct partition *p)
{
    return partition_files_dir(p->files);
}

const char *partition_segment_path(const struct partition *p)
{
    return partition_files_segment(p->files);
}

const char *partition_inbox_path(const struct partition *p)
{
    return partition_files_inbox(p->files);
}

const char *partition_uid(const struct partition *p)
{
    return p->uid;
}

struct served partition_served(const struct partition *p)
{
    return (struct served){ .epoch = p->epoch, .version = p->version, .digest = p->digest };
}

uint32_t partition_version_seen(const struct partition *p)
{
    return p->version_seen;
}

bool partition_holds(const struct partition *p, const char *record, size_t record_bytes)
{
    return p->version != 0 && p->cell.record_bytes == record_bytes &&
           memcmp(p->cell.record, record, record_bytes) == 0;
}

const struct segment_cell *partition_cell(const struct partition *p)
{
    return &p->cell;
}
