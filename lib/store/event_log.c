#include "store/event_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/envelope.h"
#include "codec/model_json.h"
#include "store/keys.h"

#define EVENT_BYTES_MAX 16384U
#define BATCH_MAX 64U

struct entry {
    char key[KEY_TEXT_SIZE];
    struct str value;
};

struct event_log {
    struct etcd *etcd;
    const char *prefix;
    struct loop_defer *flush;
    struct loop_timer *retry;
    struct entry *entries; /* EVENT_LOG_PENDING_MAX; a ring, made with the first event */
    size_t first;
    size_t count;
    size_t sent; /* of them, in the transaction on its way */
    size_t dropped;
    uint64_t counts[EVENT_REASON_COUNT];
    bool busy;
    uint64_t lease;
    uint64_t lease_since_ms;
};

static struct entry *entry_at(struct event_log *log, size_t i)
{
    return &log->entries[(log->first + i) % EVENT_LOG_PENDING_MAX];
}

static void drop_first(struct event_log *log, size_t count)
{
    for (; 0 < count; count--) {
        str_deinit(&entry_at(log, 0)->value);
        log->first = (log->first + 1) % EVENT_LOG_PENDING_MAX;
        log->count--;
    }
}

static void try_later(struct event_log *log)
{
    log->busy = false;
    log->sent = 0;
    loop_timer_start(log->retry, EVENT_LOG_RETRY_MS);
}

static void on_written(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct event_log *log = ctx;

    if (result == NULL) {
        if (err->code == ERR_NOT_FOUND) {
            log->lease = 0; /* etcd does not know it: a restored or emptied one */
        }
        try_later(log);
        return;
    }
    drop_first(log, log->sent);
    log->sent = 0;
    log->busy = false;
    loop_defer_schedule(log->flush);
}

static void write_batch(struct event_log *log)
{
    struct etcd_op ops[BATCH_MAX];
    struct etcd_txn txn = { .ops = ops };

    for (; txn.ops_count < BATCH_MAX && txn.ops_count < log->count; txn.ops_count++) {
        const struct entry *entry = entry_at(log, txn.ops_count);

        ops[txn.ops_count] = (struct etcd_op){ .kind = ETCD_PUT,
                                               .key = entry->key,
                                               .value = str_text(&entry->value),
                                               .value_bytes = entry->value.size,
                                               .lease = log->lease };
    }
    log->busy = true;
    log->sent = txn.ops_count;
    if (etcd_txn(log->etcd, &txn, on_written, log, NULL) < 0) {
        try_later(log);
    }
}

static void on_lease(void *ctx, uint64_t lease, uint64_t ttl_s, const struct err *err)
{
    struct event_log *log = ctx;

    (void)ttl_s;
    if (err != NULL || lease == 0) {
        try_later(log);
        return;
    }
    log->busy = false;
    log->lease = lease;
    log->lease_since_ms = clock_mono_ms();
    loop_defer_schedule(log->flush);
}

static void on_flush(void *ctx)
{
    struct event_log *log = ctx;

    if (log->busy || log->count == 0 || loop_timer_running(log->retry)) {
        return;
    }
    if (log->lease != 0 && clock_mono_ms() - log->lease_since_ms < EVENT_LOG_TTL_S * 1000U) {
        write_batch(log);
        return;
    }
    log->busy = true;
    /* Twice the TTL, because the lease takes in events for as long as the TTL. */
    if (etcd_lease_grant(log->etcd, 2 * (uint64_t)EVENT_LOG_TTL_S, on_lease, log, NULL) < 0) {
        try_later(log);
    }
}

int event_log_new(struct loop *loop, struct etcd *etcd, const char *prefix, struct event_log **out,
                  struct err *err)
{
    CLEANUP(event_log_free_p) struct event_log *log = mem_alloc(sizeof(*log));
    int rv;

    if (log == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    log->etcd = etcd;
    log->prefix = prefix;
    rv = loop_defer_new(loop, on_flush, log, &log->flush, err);
    if (rv == 0) {
        rv = loop_timer_new(loop, on_flush, log, &log->retry, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(log);
    return 0;
}

void event_log_free(struct event_log *log)
{
    if (log == NULL) {
        return;
    }
    drop_first(log, log->count);
    free(log->entries);
    loop_defer_free(log->flush);
    loop_timer_free(log->retry);
    free(log);
}

static void name_key(const struct event_log *log, const struct event *event,
                     char out[KEY_TEXT_SIZE])
{
    struct key key = { .kind = KEY_EVENT };
    char id[UID_TEXT_SIZE];

    random_hex16(id);
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", event->cluster);
    (void)snprintf(key.id, sizeof(key.id), "%013" PRIu64 "-%s", event->at_ms, id);
    key_format(log->prefix, &key, out);
}

static bool fill(struct event_log *log, struct entry *entry, const struct event *event)
{
    str_init(&entry->value, EVENT_BYTES_MAX);
    if (json_encode_event(event, &entry->value, NULL) < 0) {
        str_deinit(&entry->value);
        return false;
    }
    name_key(log, event, entry->key);
    return true;
}

void event_log_add(struct event_log *log, const struct event *event)
{
    enum event_reason reason;

    if (event_reason_parse(event->reason, &reason)) {
        log->counts[reason]++;
    }
    if (log->entries == NULL) {
        log->entries = mem_calloc(EVENT_LOG_PENDING_MAX, sizeof(*log->entries));
    }
    if (log->entries == NULL || log->count == EVENT_LOG_PENDING_MAX ||
        !fill(log, entry_at(log, log->count), event)) {
        log->dropped++;
        return;
    }
    log->count++;
    loop_defer_schedule(log->flush);
}

uint64_t event_log_count(const struct event_log *log, enum event_reason reason)
{
    return log->counts[reason];
}

bool event_log_is_idle(const struct event_log *log)
{
    return log->count == 0;
}

size_t event_log_dropped(const struct event_log *log)
{
    return log->dropped;
}
