#include "watcher/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/lease.h"

enum key_state {
    CLEAN,   /* etcd holds the value, or there is none yet */
    DIRTY,   /* to be put */
    DROPPED, /* to be deleted and freed */
};

struct report_key {
    struct report *report;
    struct report_key *next;
    char key[KEY_TEXT_SIZE];
    struct str value;
    enum key_state state;
    bool looked_at;    /* in this round */
    bool sent;         /* is in the transaction on its way */
    bool changed;      /* since it was sent */
    uint64_t revision; /* of our last put; 0: none known */
};

struct report {
    struct etcd *etcd;
    struct lease *lease;
    const char *host;
    const struct log *log;
    struct loop_defer *flush;
    struct loop_timer *retry;
    struct loop_timer *look;
    struct report_key *keys;
    struct report_key *fence; /* one of them; NULL: none */
    bool fenced;              /* its revision is known, and nothing doubtful was sent since */
    uint64_t fenced_off_ms;   /* when it was found to be another; 0: never */
    bool busy;                /* a transaction is on its way */
    bool troubled;
    loop_fn *clean;
    void *clean_ctx;
};

static void set_state(struct report_key *key, enum key_state state)
{
    key->state = state;
}

static void key_free(struct report_key *key)
{
    str_deinit(&key->value);
    free(key);
}

static void unlink_key(struct report_key *key)
{
    struct report_key **at = &key->report->keys;

    while (*at != key) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = key->next;
    key_free(key);
}

static void say_trouble(struct report *report, const struct err *err)
{
    if (!report->troubled) {
        log_write(report->log, LOG_WARN, "report-delayed", LOG_TEXT("problem", err->msg));
    }
    report->troubled = true;
}

static void try_later(struct report *report, const struct err *err)
{
    say_trouble(report, err);
    loop_timer_start(report->retry, REPORT_RETRY_MS);
}

static void went_well(struct report *report)
{
    if (report->troubled) {
        log_write(report->log, LOG_INFO, "report-resumed", LOG_TEXT("host", report->host));
    }
    report->troubled = false;
    loop_defer_schedule(report->flush);
}

/* ---- Writing: many keys in one transaction ---- */

/* The store was restored, say: what it tells of us is old, so there is no time to lose; unless two
 * watchers go by one name, and do this to each other. */
static void fenced_off(struct report *report)
{
    const struct err err = { ERR_CONFLICT, "somebody else has written the host's key" };
    uint64_t now_ms = clock_mono_ms();

    if (report->fenced_off_ms != 0 && now_ms < report->fenced_off_ms + REPORT_RETRY_MS) {
        try_later(report, &err);
    } else {
        loop_defer_schedule(report->flush);
    }
    report->fenced_off_ms = now_ms;
}

static void on_written(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct report *report = ctx;
    bool written = result != NULL && result->succeeded;
    struct report_key *next;
    struct report_key *key;

    report->busy = false;
    report->fenced = written && (report->fenced || report->fence == NULL || report->fence->sent);
    for (key = report->keys; key != NULL; key = next) {
        bool done = key->sent && written && !key->changed;

        next = key->next;
        if (key->sent && written) {
            key->revision = result->revision;
        }
        key->sent = false;
        if (done && key->state == DROPPED) {
            unlink_key(key);
        } else if (done) {
            set_state(key, CLEAN);
        }
    }
    if (written) {
        went_well(report);
    } else if (err == NULL) {
        fenced_off(report);
    } else {
        try_later(report, err);
    }
}

static struct etcd_op op_of(const struct report_key *key)
{
    if (key->state == DROPPED) {
        return (struct etcd_op){ .kind = ETCD_DELETE, .key = key->key };
    }
    return (struct etcd_op){ .kind = ETCD_PUT,
                             .key = key->key,
                             .value = str_text(&key->value),
                             .value_bytes = key->value.size,
                             .lease = lease_id(key->report->lease) };
}

static struct etcd_op send_key(struct report_key *key)
{
    key->sent = true;
    key->changed = false;
    return op_of(key);
}

static void send_txn(struct report *report, const struct etcd_txn *txn)
{
    struct err err;

    report->busy = true;
    if (etcd_txn(report->etcd, txn, on_written, report, &err) < 0) {
        on_written(report, NULL, &err);
    }
}

static void send_changes(struct report *report)
{
    struct etcd_op ops[ETCD_TXN_OPS_MAX];
    struct etcd_compare compare = { .target = ETCD_MOD_REVISION };
    struct etcd_txn txn = { .ops = ops };
    struct report_key *key;
    size_t bytes = 0;

    for (key = report->keys; key != NULL && txn.ops_count < ETCD_TXN_OPS_MAX; key = key->next) {
        if (key->state == CLEAN || REPORT_TXN_BYTES_MAX < bytes + key->value.size) {
            continue;
        }
        bytes += key->value.size;
        ops[txn.ops_count++] = send_key(key);
    }
    if (txn.ops_count == 0) {
        return;
    }
    if (report->fence != NULL) {
        compare.key = report->fence->key;
        compare.revision = report->fence->revision;
        txn.compares = &compare;
        txn.compares_count = 1;
    }
    send_txn(report, &txn);
}

/* Shut out all that was sent before. */
static void send_fence(struct report *report)
{
    struct etcd_op op;
    struct etcd_txn txn = { .ops = &op, .ops_count = 1 };

    if (0 < report->fence->value.size) {
        op = send_key(report->fence);
        send_txn(report, &txn);
    }
}

static void on_flush(void *ctx)
{
    struct report *report = ctx;

    if (report->busy || lease_id(report->lease) == 0 || loop_timer_running(report->retry)) {
        return;
    }
    if (report->fence != NULL && !report->fenced) {
        send_fence(report);
    } else {
        send_changes(report);
    }
    if (report->clean != NULL && report_is_clean(report)) {
        loop_fn *clean = TAKE(report->clean);

        clean(report->clean_ctx);
    }
}

static void on_retry(void *ctx)
{
    on_flush(ctx);
}

/* ---- Looking: is everything still there as it was put? ---- */

static void look_later(struct report *report)
{
    loop_timer_start(report->look, REPORT_LOOK_MS);
}

static void on_looked(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct report *report = ctx;
    bool differs = err == NULL && !result->succeeded;
    struct report_key *key;

    report->busy = false;
    report->fenced = report->fenced && !differs;
    for (key = report->keys; key != NULL; key = key->next) {
        if (key->sent && differs && key->state != DROPPED) {
            key->changed = true;
            set_state(key, DIRTY);
        }
        key->sent = false;
    }
    look_later(report);
    loop_defer_schedule(report->flush); /* what changed meanwhile has waited */
}

static bool may_look_at(const struct report_key *key)
{
    return key->state == CLEAN && 0 < key->value.size && key->revision != 0 && !key->looked_at;
}

/* A part of the keys, and so all of them in turn. Returns how many. */
static size_t choose_keys(struct report *report, struct etcd_compare *compares)
{
    struct report_key *key;
    size_t count = 0;

    for (key = report->keys; key != NULL && count < ETCD_TXN_OPS_MAX; key = key->next) {
        if (may_look_at(key)) {
            key->looked_at = true;
            key->sent = true;
            compares[count++] = (struct etcd_compare){ .key = key->key,
                                                       .target = ETCD_MOD_REVISION,
                                                       .revision = key->revision };
        }
    }
    for (key = count == ETCD_TXN_OPS_MAX ? NULL : report->keys; key != NULL; key = key->next) {
        key->looked_at = false;
    }
    return count;
}

static void on_look(void *ctx)
{
    struct report *report = ctx;
    struct etcd_compare compares[ETCD_TXN_OPS_MAX];
    struct etcd_txn txn = { .compares = compares };
    struct err err;

    if (!report->busy && lease_id(report->lease) != 0) {
        txn.compares_count = choose_keys(report, compares);
    }
    if (txn.compares_count == 0) {
        look_later(report);
        return;
    }
    report->busy = true;
    if (etcd_txn(report->etcd, &txn, on_looked, report, &err) < 0) {
        on_looked(report, NULL, &err);
    }
}

void report_look(struct report *report)
{
    loop_timer_start(report->look, 0);
}

/* What was bound to the former lease is gone or will be. */
static void on_lease(void *ctx, uint64_t id)
{
    struct report *report = ctx;
    struct report_key *key;

    if (id == 0) {
        log_write(report->log, LOG_WARN, "lease-lost", LOG_TEXT("host", report->host));
        return;
    }
    report->fenced = false;
    for (key = report->keys; key != NULL; key = key->next) {
        if (key->state != DROPPED && 0 < key->value.size) {
            key->changed = true;
            set_state(key, DIRTY);
        }
    }
    loop_defer_schedule(report->flush);
}

int report_new(struct loop *loop, struct etcd *etcd, uint64_t lease_ttl_s, const char *host,
               const struct log *log, struct report **out, struct err *err)
{
    CLEANUP(report_free_p) struct report *report = mem_alloc(sizeof(*report));
    int rv;

    if (report == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    report->etcd = etcd;
    report->host = host;
    report->log = log;
    rv = loop_defer_new(loop, on_flush, report, &report->flush, err);
    if (rv == 0) {
        rv = loop_timer_new(loop, on_retry, report, &report->retry, err);
    }
    if (rv == 0) {
        rv = loop_timer_new(loop, on_look, report, &report->look, err);
    }
    if (rv == 0) {
        rv = lease_new(loop, etcd, lease_ttl_s, on_lease, report, &report->lease, err);
    }
    if (rv < 0) {
        return rv;
    }
    look_later(report);
    *out = TAKE(report);
    return 0;
}

void report_free(struct report *report)
{
    if (report == NULL) {
        return;
    }
    while (report->keys != NULL) {
        struct report_key *key = report->keys;

        report->keys = key->next;
        key_free(key);
    }
    lease_free(report->lease);
    loop_defer_free(report->flush);
    loop_timer_free(report->retry);
    loop_timer_free(report->look);
    free(report);
}

static struct report_key *find_key(const struct report *report, const char *text)
{
    struct report_key *key = report->keys;

    while (key != NULL && strcmp(key->key, text) != 0) {
        key = key->next;
    }
    return key;
}

/* What is on its way is about the former one; what is put from now on follows it. */
static void key_begin_again(struct report_key *key)
{
    CHECK(key->state == DROPPED);
    str_deinit(&key->value);
    str_init(&key->value, REPORT_VALUE_BYTES_MAX);
    key->sent = false;
    key->revision = 0;
    set_state(key, CLEAN);
}

int report_key_new(struct report *report, const char *key, struct report_key **out, struct err *err)
{
    struct report_key *fresh = find_key(report, key);

    if (fresh != NULL) {
        key_begin_again(fresh);
        *out = fresh;
        return 0;
    }
    fresh = mem_alloc(sizeof(*fresh));
    if (fresh == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    CHECK(strlen(key) < sizeof(fresh->key));
    memcpy(fresh->key, key, strlen(key) + 1);
    fresh->report = report;
    str_init(&fresh->value, REPORT_VALUE_BYTES_MAX);
    fresh->next = report->keys;
    report->keys = fresh;
    *out = fresh;
    return 0;
}

void report_fence(struct report_key *key)
{
    key->report->fence = key;
}

int report_key_put(struct report_key *key, const char *value, size_t value_bytes, struct err *err)
{
    struct str next;

    if (key->value.size == value_bytes && memcmp(str_text(&key->value), value, value_bytes) == 0) {
        return 0;
    }
    str_init(&next, REPORT_VALUE_BYTES_MAX);
    str_append(&next, value, value_bytes);
    if (str_failed(&next)) {
        str_deinit(&next);
        return err_set(err, ERR_NOMEM, "out of memory for the report");
    }
    str_deinit(&key->value);
    key->value = next;
    key->changed = true;
    set_state(key, DIRTY);
    loop_defer_schedule(key->report->flush);
    return 0;
}

void report_key_again(struct report_key *key)
{
    if (key->state == CLEAN && 0 < key->value.size) {
        key->changed = true;
        set_state(key, DIRTY);
        loop_defer_schedule(key->report->flush);
    }
}

void report_key_drop(struct report_key *key)
{
    key->changed = true;
    set_state(key, DROPPED);
    loop_defer_schedule(key->report->flush);
}

bool report_is_clean(const struct report *report)
{
    const struct report_key *key;

    for (key = report->keys; key != NULL; key = key->next) {
        if (key->state != CLEAN) {
            return false;
        }
    }
    return true;
}

void report_when_clean(struct report *report, loop_fn *done, void *ctx)
{
    report->clean = done;
    report->clean_ctx = ctx;
    loop_defer_schedule(report->flush);
}
