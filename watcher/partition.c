#include "watcher/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "watcher/judge.h"
#include "watcher/partition_files.h"

#define DECODE_BYTES_MAX (8U << 20)
#define CHECK_TEXT_SIZE 280
#define MS_PER_S 1000U

struct partitions {
    struct loop *loop;
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
    uint32_t version_begun; /* that was to be put in force; below version_seen: it was, long ago */
    char digest[CONFIG_DIGEST_SIZE];
    struct loop_timer *check; /* the next look at the segment */
    uint64_t checked_ms;
    struct loop_timer *look; /* the next look into the inbox, when none was allowed */
    uint32_t looks;          /* records that may be verified now */
    uint64_t looks_ms;       /* when that was counted */
    struct partition_counts counts;
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

/* A segment that somebody deleted, replaced or damaged is made anew. What it held is not put back
 * first: it may have been newer than that already. */
static int write_segment(struct partition *p, const struct segment_cell *cell, struct err *err)
{
    return partition_files_hold(p->files, &p->cell) ? partition_files_write(p->files, cell, err)
                                                    : partition_files_renew(p->files, cell, 0, err);
}

/* Whatever becomes of the segment, and of this program: nothing older follows. */
static void begin(struct partition *p, uint32_t version)
{
    if (p->version_begun < version && p->version_seen < version) {
        p->version_begun = version;
        if (p->events.begins != NULL) {
            p->events.begins(p->ctx, version);
        }
    }
}

void partition_begun(struct partition *p, uint32_t version)
{
    p->version_begun = version;
}

static void count_refusal(struct partition *p, enum partition_refusal why)
{
    p->counts.refused_for[why]++;
}

static enum partition_refusal refusal_of(int judgement)
{
    switch (judgement) {
    case ERR_UNVERIFIED:
        return PARTITION_REFUSED_UNVERIFIED;
    case ERR_CONFLICT:
        return PARTITION_REFUSED_FOREIGN;
    case ERR_INVALID:
        return PARTITION_REFUSED_OUTDATED;
    default:
        return PARTITION_REFUSED_FAILED;
    }
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
        count_refusal(p, rv == ERR_NOMEM ? PARTITION_REFUSED_FAILED : PARTITION_REFUSED_MALFORMED);
        return rv;
    }
    rv = judge_config(&config, p->set->options.keys, &id, &served, partition_version_begun(p), err);
    if (rv < 0) {
        count_refusal(p, refusal_of(rv));
    }
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
    begin(p, config.head.version);
    rv = write_segment(p, &cell, err);
    return rv < 0 ? rv : note_served(p, &config, &record, err);
}

/* What is in force already needs no verification. */
static int judge_bytes(struct partition *p, const char *bytes, size_t size, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;

    arena_init(&arena, DECODE_BYTES_MAX);
    if (partition_holds(p, bytes, size)) {
        return PARTITION_SAME;
    }
    return offer(p, bytes, size, &arena, err);
}

int partition_offer(struct partition *p, const char *record, size_t record_bytes, struct err *err)
{
    int rv = judge_bytes(p, record, record_bytes, err);

    if (rv == 0) {
        p->counts.fetched++;
        p->events.served(p->ctx, false);
    }
    return rv;
}

/* ---- The inbox ---- */

static void refuse(struct partition *p, const struct err *problem)
{
    p->counts.refused++;
    p->events.refused(p->ctx, problem);
}

static void on_entry(void *ctx, const struct inbox_entry *entry, const struct err *problem)
{
    struct partition *p = ctx;
    struct err err;
    int rv;

    if (entry == NULL) {
        count_refusal(p, PARTITION_REFUSED_MALFORMED);
        refuse(p, problem);
        return;
    }
    if (entry->kind == INBOX_JOIN) {
        if (p->events.joining != NULL) {
            p->events.joining(p->ctx, entry->uid, entry->value, entry->value_bytes);
        }
        return;
    }
    CHECK(0 < p->looks);
    p->looks--;
    p->counts.taken++;
    rv = judge_bytes(p, entry->value, entry->value_bytes, &err);
    if (rv < 0) {
        refuse(p, &err);
    } else if (rv == PARTITION_TWIN) {
        p->counts.conflicts++;
        p->events.conflict(p->ctx, &err);
    } else {
        p->events.served(p->ctx, rv == PARTITION_SAME);
    }
}

/* What the time since then allows. */
static void allow_looks(struct partition *p)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t more = (now_ms - p->looks_ms) * PARTITION_VERIFY_PER_S / MS_PER_S;

    if (PARTITION_VERIFY_BURST <= p->looks + more) {
        p->looks = PARTITION_VERIFY_BURST;
        p->looks_ms = now_ms;
    } else {
        p->looks += (uint32_t)more;
        p->looks_ms += more * MS_PER_S / PARTITION_VERIFY_PER_S;
    }
}

void partition_look(struct partition *p)
{
    struct err err;
    size_t dropped;

    allow_looks(p);
    if (p->looks == 0) {
        loop_timer_start(p->look, MS_PER_S / PARTITION_VERIFY_PER_S);
    }
    dropped = partition_files_take(p->files, p->looks, on_entry);
    if (0 < dropped) {
        p->counts.dropped += dropped;
        err_record(&err, ERR_LIMIT, "%zu records that were written to the inbox too fast", dropped);
        p->events.refused(p->ctx, &err);
    }
}

static void on_arrived(void *ctx)
{
    partition_look(ctx);
}

static void on_look(void *ctx)
{
    partition_look(ctx);
}

/* ---- What is there already ---- */

/* `takes_back`: what it held was not in force, as this version; 0: it was. */
static int clear_segment(struct partition *p, uint32_t takes_back, struct err *err)
{
    note_nothing(p);
    return partition_files_renew(p->files, &p->cell, takes_back, err);
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
        return clear_segment(p, head.version, err);
    }
    return 0;
}

/* ---- What somebody did to the segment ---- */

/* Something else than what is in force is there: when it is newer and verifies, it wins. Else
 * `what` says what it was, and `*version` as what memcached may have taken it over; 0: nothing. */
static bool take_from_segment(struct partition *p, char *what, size_t what_size, uint32_t *version)
{
    CLEANUP(mem_free_p) char *bytes = NULL;
    struct segment_head head;
    struct err err;
    int rv;

    *version = 0;
    partition_files_read(p->files, &head, &bytes);
    if (bytes == NULL) {
        (void)snprintf(what, what_size, "it was removed, cut or overwritten");
        return false;
    }
    rv = judge_bytes(p, bytes + head.payload_bytes, head.record_bytes, &err);
    if (rv == 0) {
        p->events.served(p->ctx, false);
        return true;
    }
    if (rv == PARTITION_TWIN) {
        p->counts.conflicts++;
        p->events.conflict(p->ctx, &err);
    }
    *version = head.version;
    (void)snprintf(what, what_size, "it held version %u: %.200s", head.version,
                   rv == PARTITION_SAME ? "another payload, or a file that was replaced" : err.msg);
    return false;
}

static int make_files(struct partition *p, struct err *err)
{
    int rv = partition_files_make(p->files, err);
    bool closed = partition_files_closed(p->files);

    if (rv == 0 && closed != p->counts.closed) {
        p->counts.closed = closed;
        if (p->events.closed != NULL) {
            p->events.closed(p->ctx, closed);
        }
    }
    return rv;
}

int partition_repair(struct partition *p, struct err *err)
{
    char what[CHECK_TEXT_SIZE];
    uint32_t found;
    int rv = make_files(p, err);

    if (rv < 0 || partition_files_hold(p->files, &p->cell) ||
        take_from_segment(p, what, sizeof(what), &found)) {
        return rv;
    }
    rv = partition_files_renew(p->files, &p->cell, found, err);
    if (rv == 0 && p->version != 0) {
        p->counts.repaired++;
        p->events.repaired(p->ctx, what);
    }
    return rv;
}

static bool repair(struct partition *p)
{
    struct err err;

    if (partition_repair(p, &err) < 0) {
        refuse(p, &err);
        return false;
    }
    return true;
}

static void on_check(void *ctx)
{
    struct partition *p = ctx;

    p->checked_ms = clock_mono_ms();
    loop_timer_start(p->check, PARTITION_CHECK_MS);
    if (!partition_files_hold(p->files, &p->cell)) {
        (void)repair(p);
    }
}

/* Where somebody removed the inbox, no push arrives any more. */
static void on_lost(void *ctx)
{
    struct partition *p = ctx;
    bool removed = partition_files_lack_inbox(p->files);
    uint64_t told = p->counts.repaired;

    if (repair(p) && removed && p->counts.repaired == told) {
        p->events.repaired(p->ctx, "its inbox was removed");
    }
}

static void on_touched(void *ctx)
{
    struct partition *p = ctx;
    uint64_t next_ms = p->checked_ms + PARTITION_CHECK_PAUSE_MS;
    uint64_t now_ms = clock_mono_ms();

    if (p->checked_ms == 0 || next_ms <= now_ms) {
        on_check(p);
    } else {
        loop_timer_start(p->check, next_ms - now_ms);
    }
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
    set->loop = loop;
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
    static const struct partition_files_events files_events = { on_arrived, on_lost, on_touched };
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
    p->looks = PARTITION_VERIFY_BURST;
    p->looks_ms = clock_mono_ms();
    (void)snprintf(p->cluster, sizeof(p->cluster), "%s", id->cluster);
    (void)snprintf(p->uid, sizeof(p->uid), "%s", id->uid);
    rv = loop_timer_new(set->loop, on_check, p, &p->check, err);
    if (rv == 0) {
        rv = loop_timer_new(set->loop, on_look, p, &p->look, err);
    }
    if (rv == 0) {
        rv = partition_files_open(set->inboxes, set->options.dir,
                                  set->options.single ? NULL : p->cluster, p->slot, &files_events,
                                  p, &p->files, err);
    }
    if (rv == 0) {
        rv = inherit(p, problem, err);
    }
    if (rv == 0) {
        rv = make_files(p, err);
    }
    if (rv < 0) {
        return rv;
    }
    loop_timer_start(p->check, PARTITION_CHECK_MS);
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
    loop_timer_free(p->check);
    loop_timer_free(p->look);
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
    return clear_segment(p, 0, err);
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

bool partition_tally(struct partition *p, uint64_t now_s, struct tally_counters *counters,
                     struct pollers *pollers, uint64_t *since_s)
{
    return partition_files_tally(p->files, now_s, counters, pollers, since_s);
}

void partition_uncount(struct partition *p)
{
    partition_files_uncount(p->files);
}

uint32_t partition_version_seen(const struct partition *p)
{
    return p->version_seen;
}

uint32_t partition_version_begun(const struct partition *p)
{
    return p->version_seen < p->version_begun ? p->version_begun : p->version_seen;
}

struct partition_counts partition_counts(const struct partition *p)
{
    return p->counts;
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
