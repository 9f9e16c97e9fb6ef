#include "cli/cordon.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "show/host_list.h"

int cordon_reason_check(const char *reason, struct err *err)
{
    if (reason != NULL && CORDON_REASON_MAX < strlen(reason)) {
        return err_set(err, ERR_USAGE, "--reason: must have at most %d bytes, got %zu",
                       CORDON_REASON_MAX, strlen(reason));
    }
    return 0;
}

int cordon_decide(const struct cordon *current, const char *host, enum cordon_wish wish,
                  const char *reason, uint64_t now_ms, struct cordon *next)
{
    bool drain = wish == CORDON_DRAIN;

    if (wish == CORDON_OFF) {
        return current == NULL ? 1 : 0;
    }
    *next = (struct cordon){ .host = host, .drain = drain, .since_ms = now_ms, .reason = "" };
    if (current != NULL) {
        next->reason = current->reason;
        next->since_ms = current->drain == drain ? current->since_ms : now_ms;
    }
    if (reason != NULL) {
        next->reason = reason;
    }
    return current != NULL && current->drain == drain && strcmp(current->reason, next->reason) == 0
               ? 1
               : 0;
}

/* Whether the host is known, and away. */
static int look_for_host(struct context *context, const char *host, struct cordon_outcome *out,
                         struct err *err)
{
    struct etcd_range ranges[HOST_LIST_RANGES];
    const struct host_entry *entry;
    struct host_list list;
    struct facts facts;
    int rv = host_list_ranges(context, NULL, ranges, err);

    facts_init(&facts, &context->arena, context->prefix);
    if (0 <= rv) {
        rv = context_read(context, ranges, HOST_LIST_RANGES, &facts, err);
    }
    if (0 <= rv) {
        rv = host_list_make(&facts, &context->arena, &list, err);
    }
    if (rv < 0) {
        return rv;
    }
    entry = host_list_find(&list, host);
    if (entry == NULL) {
        return host_list_unknown(&list, host, err);
    }
    out->away = entry->host == NULL;
    return 0;
}

/* The cordon as it is: NULL for none, or for one that can't be read, which then is replaced. */
static int read_cordon(struct context *context, const char *key, const struct cordon **current,
                       uint64_t *revision, struct err *err)
{
    struct cordon *cordon = arena_alloc(&context->arena, sizeof(*cordon));
    struct err unreadable;
    struct etcd_kv kv;
    int rv;

    *current = NULL;
    *revision = 0;
    if (cordon == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a cordon");
    }
    rv = etcd_wait_get(context->loop, context->etcd, key, &context->arena, &kv, err);
    if (rv == ERR_NOT_FOUND) {
        return 0;
    }
    if (rv < 0) {
        return context_name_etcd(context, err);
    }
    *revision = kv.mod_revision;
    rv = json_decode_cordon(kv.value, kv.value_bytes, &context->arena, cordon, &unreadable);
    *current = rv < 0 ? NULL : cordon;
    return 0;
}

static int write_cordon(struct context *context, const char *key, const struct cordon *next,
                        uint64_t revision, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    const struct etcd_compare compare = { .key = key,
                                          .target = ETCD_MOD_REVISION,
                                          .revision = revision };
    struct etcd_op op = { .kind = ETCD_DELETE, .key = key };
    const struct etcd_txn txn = {
        .compares = &compare, .compares_count = 1, .ops = &op, .ops_count = 1
    };
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    if (next != NULL) {
        rv = json_encode_cordon(next, &json, err);
        if (rv < 0) {
            return rv;
        }
        op.kind = ETCD_PUT;
        op.value = str_text(&json);
        op.value_bytes = json.size;
    }
    return context_write(context, &txn, err);
}

static int try_change(struct context *context, const char *host, enum cordon_wish wish,
                      const char *reason, struct cordon_outcome *out, struct err *err)
{
    const char *key = context_key(context, "cordons/%s", host);
    const struct cordon *current;
    struct cordon next;
    uint64_t revision;
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    rv = read_cordon(context, key, &current, &revision, err);
    if (rv < 0) {
        return rv;
    }
    if (cordon_decide(current, host, wish, reason, clock_wall_ms(), &next) == 1 &&
        (current != NULL || revision == 0)) {
        return 0;
    }
    rv = write_cordon(context, key, wish == CORDON_OFF ? NULL : &next, revision, err);
    if (rv == 0 || rv == ERR_TIMEOUT) {
        out->changed = true; /* perhaps: a try after it tells */
    }
    return rv;
}

int cordon_change(struct context *context, const char *host, enum cordon_wish wish,
                  const char *reason, struct cordon_outcome *out, struct err *err)
{
    struct cordon_outcome outcome = { .changed = false };
    int tries;
    int rv = look_for_host(context, host, &outcome, err);

    if (rv < 0) {
        return rv;
    }
    for (tries = 0; tries < CORDON_TRIES_MAX; tries++) {
        rv = try_change(context, host, wish, reason, &outcome, err);
        if (rv != ERR_CONFLICT && rv != ERR_TIMEOUT) {
            break;
        }
    }
    if (rv < 0) {
        return rv;
    }
    *out = outcome;
    return 0;
}
