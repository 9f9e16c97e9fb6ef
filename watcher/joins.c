#include "watcher/joins.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "store/keys.h"
#include "watcher/join_memory.h"

#define JOIN_ARENA_BYTES (256U << 10)
#define US_PER_MS 1000U
/* The expiry timer looks at the wall clock again at the latest after so long: it may be set. */
#define LOOK_MS_MAX 60000U

/* A request as it came in. */
struct join_text {
    const char *bytes;
    size_t size;
};

/* What belongs to a held request: its report, and its text for those who ask at our port. */
struct held {
    struct report_key *key;
    char *text;
    size_t text_bytes;
};

struct joins {
    struct joins_options options;
    struct joins_events events;
    void *ctx;
    struct join_table table;
    struct loop_timer *expiry;
    uint64_t counts[JOIN_VERDICT_COUNT];
    struct rate taken;
    uint64_t logged_ms; /* when a refusal was last logged, 0: never; and told as an event */
    uint64_t told_ms;
};

/* ---- What is said of them ---- */

static void say_event(struct joins *joins, const struct join_place *place, const char *type,
                      const char *reason, const char *message)
{
    char subject[SLOT_TEXT_SIZE + 8];
    char number[SLOT_TEXT_SIZE];
    struct event event = { .cluster = place->cluster,
                           .at_ms = clock_wall_ms(),
                           .program = "muster-watcher",
                           .type = type,
                           .reason = reason,
                           .subject = subject,
                           .message = message };

    slot_format(place->slot, number);
    (void)snprintf(subject, sizeof(subject), "slot %s", number);
    event_log_add(joins->options.events, &event);
}

static bool is_due(uint64_t *last_ms, uint64_t every_ms, uint64_t now_ms)
{
    if (*last_ms != 0 && now_ms < *last_ms + every_ms) {
        return false;
    }
    *last_ms = now_ms;
    return true;
}

static void refuse(struct joins *joins, const struct join_place *place, const char *uid,
                   enum join_verdict verdict, const char *detail)
{
    uint64_t now_ms = clock_mono_ms();
    char number[SLOT_TEXT_SIZE];
    char message[ERR_MSG_MAX + 128];

    slot_format(place->slot, number);
    if (is_due(&joins->logged_ms, JOINS_REFUSED_LOG_MS, now_ms)) {
        log_write(joins->options.log, LOG_WARN, "join-refused", LOG_TEXT("cluster", place->cluster),
                  LOG_TEXT("slot", number), LOG_TEXT("uid", uid),
                  LOG_TEXT("verdict", join_verdict_word(verdict)), LOG_TEXT("detail", detail),
                  LOG_NUMBER("refused", joins->counts[verdict]));
    }
    if (is_due(&joins->told_ms, JOINS_REFUSED_EVENT_MS, now_ms)) {
        (void)snprintf(message, sizeof(message), "a request to join (%s) was refused: %s: %s", uid,
                       join_verdict_text(verdict), detail);
        say_event(joins, place, "Warning", "JoinRefused", message);
    }
}

static void say_taken(struct joins *joins, const struct join *join, const struct join_place *place)
{
    char message[ERR_MSG_MAX];
    char number[SLOT_TEXT_SIZE];

    slot_format(place->slot, number);
    log_write(joins->options.log, LOG_INFO, "join-requested", LOG_TEXT("cluster", place->cluster),
              LOG_TEXT("slot", number), LOG_TEXT("uid", join->uid), LOG_TEXT("host", join->host),
              LOG_TEXT("ip", join->ip), LOG_NUMBER("port", join->data_port));
    (void)snprintf(message, sizeof(message), "%s at %s:%u asks to join (%s)", join->host, join->ip,
                   join->data_port, join->uid);
    say_event(joins, place, "Normal", "JoinRequested", message);
}

/* ---- What is held ---- */

static void held_free(struct held *held)
{
    if (held == NULL) {
        return;
    }
    if (held->key != NULL) {
        report_key_drop(held->key);
    }
    free(held->text);
    free(held);
}

static void release(struct joins *joins, struct join_entry *entry, const char *why)
{
    log_write(joins->options.log, LOG_INFO, "join-released", LOG_TEXT("cluster", entry->cluster),
              LOG_TEXT("uid", entry->uid), LOG_TEXT("why", why));
    held_free(entry->user);
    join_table_release(&joins->table, entry);
}

static void plan_expiry(struct joins *joins)
{
    uint64_t wake_ms = join_table_wake_ms(&joins->table);
    uint64_t now_ms = clock_wall_ms();
    uint64_t after_ms;

    if (wake_ms == UINT64_MAX) {
        loop_timer_stop(joins->expiry);
        return;
    }
    after_ms = wake_ms <= now_ms ? 0 : wake_ms - now_ms;
    loop_timer_start(joins->expiry, after_ms < LOOK_MS_MAX ? after_ms : LOOK_MS_MAX);
}

static void on_expiry(void *ctx)
{
    struct joins *joins = ctx;
    struct join_entry *entry;

    while ((entry = join_table_expired(&joins->table, clock_wall_ms())) != NULL) {
        release(joins, entry, join_verdict_text(JOIN_EXPIRED));
    }
    plan_expiry(joins);
}

static int held_new(struct joins *joins, struct join_entry *entry, struct err *err)
{
    struct key key = { .kind = KEY_JOIN_REPORT };
    struct held *held = mem_alloc(sizeof(*held));
    char text[KEY_TEXT_SIZE];
    int rv;

    if (held == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", entry->cluster);
    (void)snprintf(key.id, sizeof(key.id), "%s", entry->uid);
    (void)snprintf(key.host, sizeof(key.host), "%s", joins->options.host);
    key_format(joins->options.prefix, &key, text);
    rv = report_key_new(joins->options.report, text, &held->key, err);
    if (rv < 0) {
        held_free(held);
        return rv;
    }
    entry->user = held;
    return 0;
}

static int keep_text(struct held *held, const struct join_text *text, struct err *err)
{
    char *copy = mem_alloc(text->size + 1);

    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(copy, text->bytes, text->size);
    free(held->text);
    held->text = copy;
    held->text_bytes = text->size;
    return 0;
}

static int put_report(const struct joins *joins, const struct held *held, const struct join *join,
                      const struct join_place *place, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct join_report report = { .join = *join,
                                  .seen_by = joins->options.host,
                                  .seen_in_slot = place->slot,
                                  .seen_ms = clock_wall_ms() };
    int rv;

    report.join.mac = ""; /* of use to nobody who reads keys */
    str_init(&json, REPORT_VALUE_BYTES_MAX);
    rv = json_encode_join_report(&report, &json, err);
    return rv < 0 ? rv : report_key_put(held->key, str_text(&json), json.size, err);
}

static int hold(struct joins *joins, struct join_entry *entry, const struct join *join,
                const struct join_place *place, const struct join_text *text, struct err *err)
{
    int rv = entry->user == NULL ? held_new(joins, entry, err) : 0;

    if (rv == 0) {
        rv = keep_text(entry->user, text, err);
    }
    if (rv == 0) {
        rv = put_report(joins, entry->user, join, place, err);
    }
    return rv;
}

/* ---- What is remembered ---- */

static int memory_path(const struct joins *joins, char out[PATH_MAX], struct err *err)
{
    if (PATH_MAX <= snprintf(out, PATH_MAX, "%s/joins", joins->options.state_dir)) {
        return err_set(err, ERR_LIMIT, "the path of the state directory is too long");
    }
    return 0;
}

static void keep_memory(const struct joins *joins)
{
    CLEANUP(str_deinit) struct str text;
    char path[PATH_MAX];
    struct err err;
    int rv;

    str_init(&text, JOIN_MEMORY_BYTES_MAX);
    rv = join_memory_write(&joins->table, clock_wall_ms(), &text, &err);
    if (rv == 0) {
        rv = memory_path(joins, path, &err);
    }
    if (rv == 0) {
        rv = file_write(path, str_text(&text), text.size, &err);
    }
    if (rv < 0) {
        log_write(joins->options.log, LOG_WARN, "joins-not-kept", LOG_TEXT("problem", err.msg));
    }
}

static int load_memory(struct joins *joins, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    char path[PATH_MAX];
    struct err problem;
    int rv;

    str_init(&text, JOIN_MEMORY_BYTES_MAX);
    rv = memory_path(joins, path, err);
    if (rv < 0) {
        return rv;
    }
    rv = file_read(path, &text, &problem);
    if (rv < 0 && rv != ERR_NOT_FOUND) {
        log_write(joins->options.log, LOG_WARN, "joins-not-known",
                  LOG_TEXT("problem", problem.msg));
    }
    return rv < 0 ? 0 : join_memory_read(&joins->table, str_text(&text), clock_wall_ms(), err);
}

/* ---- What comes in ---- */

static int load_tokens(const struct joins *joins, const char *cluster, struct join_tokens *out,
                       struct err *err)
{
    char path[PATH_MAX];

    if (joins->options.tokens == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no --join-tokens");
    }
    if (PATH_MAX <= snprintf(path, sizeof(path), "%s/%s", joins->options.tokens, cluster)) {
        return err_set(err, ERR_LIMIT, "the path of the tokens is too long");
    }
    return join_tokens_load(path, out, err);
}

static void describe(const struct join *join, struct err *out)
{
    err_record(out, ERR_INVALID, "%s at %s:%u, cluster %s (%s)", join->host, join->ip,
               join->data_port, join->cluster, join->cluster_uid);
}

/* Whether it is genuine: form, uid, what it says of itself, and its code, which costs most. A
 * verdict other than TAKEN says why not. */
static enum join_verdict examine(const struct joins *joins, const struct join_place *place,
                                 const char *uid, const struct join_text *text, struct arena *arena,
                                 struct join *out, struct err *err)
{
    CLEANUP(join_tokens_clear) struct join_tokens tokens = { .count = 0 };
    enum join_verdict verdict;
    struct err unfit; /* the verdict says as much; whose request it is, helps more */

    if (join_request_decode(text->bytes, text->size, arena, out, err) < 0) {
        return JOIN_MALFORMED;
    }
    if (strcmp(out->uid, uid) != 0) {
        err_record(err, ERR_INVALID, "it is one of %s", out->uid);
        return JOIN_MALFORMED;
    }
    describe(out, err);
    verdict = join_table_screen(out, place, clock_wall_ms());
    if (verdict != JOIN_TAKEN) {
        return verdict;
    }
    if (load_tokens(joins, place->cluster, &tokens, err) < 0) {
        return JOIN_UNTOKENED;
    }
    return join_request_verify(out, &tokens, &unfit) < 0 ? JOIN_FORGED : JOIN_TAKEN;
}

/* Whether one more may be done; what for is said where not. */
static bool may(struct rate *rate, struct err *err)
{
    err_record(err, ERR_LIMIT, "more than %u in a second", rate->per_second);
    return rate_take(rate, clock_mono_ms() * US_PER_MS);
}

/* Genuine, or not; and what to make of it if so. */
static enum join_verdict judge(const struct joins *joins, const struct join_place *place,
                               const char *uid, const struct join_text *text, struct arena *arena,
                               struct join *out, struct err *err)
{
    enum join_verdict verdict = examine(joins, place, uid, text, arena, out, err);

    if (verdict == JOIN_TAKEN) {
        describe(out, err);
        verdict = join_table_judge(&joins->table, out, place, clock_wall_ms());
    }
    return verdict;
}

static int take(struct joins *joins, const struct join_place *place, const struct join *join,
                const struct join_text *text, struct err *err)
{
    bool waited = join_table_find(&joins->table, join->cluster, join->uid) != NULL;
    struct join_entry *entry;
    int rv;

    if (!may(&joins->taken, err)) {
        return JOIN_HURRIED;
    }
    rv = join_table_take(&joins->table, join, place, clock_wall_ms(), &entry, err);
    if (rv != JOIN_TAKEN) {
        return rv;
    }
    rv = hold(joins, entry, join, place, text, err);
    if (rv < 0) {
        release(joins, entry, err->msg);
        return rv;
    }
    plan_expiry(joins);
    keep_memory(joins);
    if (!waited) {
        say_taken(joins, join, place);
    }
    return JOIN_TAKEN;
}

static void count(struct joins *joins, const struct join_place *place, const char *uid,
                  enum join_verdict verdict, const char *detail)
{
    joins->counts[verdict]++;
    if (verdict == JOIN_UNTOKENED && !place->own) {
        return; /* at a peer; who can check it will */
    }
    if (JOIN_DUPLICATE <= verdict) {
        refuse(joins, place, uid, verdict, detail);
    }
}

void joins_take(struct joins *joins, const struct join_place *place, struct rate *checks,
                const char *uid, const char *request, size_t request_bytes)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct join_text text = { request, request_bytes };
    struct join join;
    struct err err;
    int rv = JOIN_HURRIED;

    arena_init(&arena, JOIN_ARENA_BYTES);
    if (may(checks, &err)) {
        rv = (int)judge(joins, place, uid, &text, &arena, &join, &err);
    }
    if (rv == JOIN_TAKEN) {
        rv = take(joins, place, &join, &text, &err);
    }
    if (rv < 0) {
        log_write(joins->options.log, LOG_ERROR, "join-not-held", LOG_TEXT("problem", err.msg));
        return;
    }
    count(joins, place, uid, (enum join_verdict)rv, err.msg);
    if (rv == JOIN_TAKEN && place->own && joins->events.requested != NULL) {
        joins->events.requested(joins->ctx, place->cluster, place->slot, uid);
    }
}

enum join_verdict joins_judge(struct joins *joins, const struct join_place *place, const char *uid,
                              const char *request, size_t request_bytes)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct join_text text = { request, request_bytes };
    enum join_verdict verdict;
    struct join join;
    struct err err;

    arena_init(&arena, JOIN_ARENA_BYTES);
    verdict = judge(joins, place, uid, &text, &arena, &join, &err);
    if (JOIN_DUPLICATE <= verdict) {
        count(joins, place, uid, verdict, err.msg);
    }
    return verdict;
}

bool joins_wait(struct joins *joins, const char *cluster)
{
    struct join_entry *entry = NULL;

    while ((entry = join_table_next(&joins->table, entry)) != NULL) {
        if (strcmp(entry->cluster, cluster) == 0) {
            return true;
        }
    }
    return false;
}

static bool lists(const struct config_draft *config, const struct join_entry *entry)
{
    size_t i;

    for (i = 0; i < config->members_count; i++) {
        if (join_entry_admitted(entry, config->version, config->members[i].ip,
                                config->members[i].port)) {
            return true;
        }
    }
    return false;
}

void joins_configured(struct joins *joins, const struct config_draft *config)
{
    struct join_entry *entry = NULL;

    while ((entry = join_table_next(&joins->table, entry)) != NULL) {
        if (strcmp(entry->cluster, config->cluster) == 0 && lists(config, entry)) {
            release(joins, entry, "it was admitted");
        }
    }
    plan_expiry(joins);
}

/* ---- What subscribers and peers ask for ---- */

static bool waits_in(const struct join_entry *entry, const char *cluster, uint32_t slot)
{
    return entry->held && entry->own && entry->slot == slot && strcmp(entry->cluster, cluster) == 0;
}

bool joins_at(const struct joins *joins, const char *cluster, uint32_t slot, size_t index,
              struct session_join *out)
{
    size_t i;

    for (i = 0; joins->table.entries != NULL && i < JOIN_TABLE_MAX; i++) {
        const struct join_entry *entry = &joins->table.entries[i];

        if (waits_in(entry, cluster, slot) && index-- == 0) {
            const struct held *held = entry->user;

            *out = (struct session_join){ .uid = entry->uid,
                                          .request = held->text,
                                          .request_bytes = held->text_bytes };
            return true;
        }
    }
    return false;
}

uint64_t joins_count(const struct joins *joins, enum join_verdict verdict)
{
    return joins->counts[verdict];
}

size_t joins_held(const struct joins *joins)
{
    return joins->table.held;
}

void joins_stats(const struct joins *joins, struct rows *rows)
{
    char name[ROWS_NAME_BYTES_MAX + 1];
    int i;

    rows_add_number(rows, "joins_held", joins->table.held);
    for (i = 0; i < JOIN_VERDICT_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "joins_%s", join_verdict_word((enum join_verdict)i));
        rows_add_number(rows, name, joins->counts[i]);
    }
}

/* ---- Lifecycle ---- */

int joins_new(struct loop *loop, const struct joins_options *options,
              const struct joins_events *events, void *ctx, struct joins **out, struct err *err)
{
    CLEANUP(joins_free_p) struct joins *joins = mem_alloc(sizeof(*joins));
    int rv;

    if (joins == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    joins->options = *options;
    joins->events = *events;
    joins->ctx = ctx;
    join_table_init(&joins->table);
    rate_init(&joins->taken, JOINS_TAKEN_PER_S);
    rv = loop_timer_new(loop, on_expiry, joins, &joins->expiry, err);
    if (rv == 0) {
        rv = load_memory(joins, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(joins);
    return 0;
}

void joins_free(struct joins *joins)
{
    struct join_entry *entry = NULL;

    if (joins == NULL) {
        return;
    }
    while ((entry = join_table_next(&joins->table, entry)) != NULL) {
        struct held *held = entry->user;

        held->key = NULL; /* it belongs to the report, which goes next */
        held_free(held);
    }
    join_table_deinit(&joins->table);
    loop_timer_free(joins->expiry);
    free(joins);
}
