/*
 * The calls of lib/etcd/etcd.h: each is a request message, work at the server, and a reply message;
 * what is lost on the way is waited for as the real client does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_doom.h"
#include "sim/sim_etcd_state.h"

#define TRY_MS 500
#define WRITE_TRY_MS 2000
#define DEADLINE_MS 5000
#define BACKOFF_MS_MIN 20
#define BACKOFF_MS_MAX 1000
#define PROPOSAL_MS_MAX 5000 /* that a write without quorum may still come true */
#define LOST_REQUEST_PER_MILLE 10
#define LOST_REPLY_PER_MILLE 10
#define NO_LEADER_PER_MILLE 400
#define COMES_TRUE_PER_MILLE 300
#define DOING_BYTES_MAX 65536U

enum call_kind { CALL_RANGE, CALL_TXN, CALL_GRANT, CALL_KEEPALIVE, CALL_REVOKE };

/* What is asked, in its own memory: it may arrive when who asked is long dead. */
struct request {
    unsigned refs;
    uint64_t client;
    uint64_t call;
    struct sim_party *party;
    uint32_t incarnation;
    uint32_t history; /* of the server whose connection it uses */
    uint64_t sent_ms;
    enum call_kind kind;
    enum sim_harm harm; /* LOST, UNANSWERED, LATE, or none of them */
    uint64_t lease;     /* or the TTL that is wanted */
    char *key;          /* of a range */
    bool prefix;
    uint64_t limit;
    struct etcd_compare *compares;
    size_t compares_count;
    struct etcd_op *ops;
    size_t ops_count;
};

struct reply {
    uint64_t client;
    uint64_t call;
    uint32_t history;
    int code; /* 0, or ERR_… */
    uint64_t revision;
    bool succeeded;
    uint64_t lease;
    uint64_t ttl_s;
    bool more;
    size_t count;
    struct sim_entry *entries[];
};

struct call {
    struct etcd *etcd;
    struct call *next;
    struct call **link;
    uint64_t id;
    enum call_kind kind;
    struct request *request;
    union {
        etcd_range_fn *range;
        etcd_txn_fn *txn;
        etcd_lease_fn *lease;
    } done;
    void *ctx;
    struct sim_event timer;
    bool pausing; /* the timer is for the next try, not for an answer */
    uint64_t deadline_ms;
    unsigned failures;
};

/* ---- Requests ---- */

static char *copy_text(const char *text)
{
    char *copy = text == NULL ? NULL : mem_strdup(text);

    CHECK(text == NULL || copy != NULL);
    return copy;
}

static void request_unref(void *ctx)
{
    struct request *request = ctx;
    size_t i;

    if (0 < --request->refs) {
        return;
    }
    for (i = 0; i < request->compares_count; i++) {
        free((char *)(uintptr_t)request->compares[i].key);
    }
    for (i = 0; i < request->ops_count; i++) {
        free((char *)(uintptr_t)request->ops[i].key);
        free((char *)(uintptr_t)request->ops[i].value);
    }
    free(request->compares);
    free(request->ops);
    free(request->key);
    free(request);
}

static struct request *request_new(const struct etcd *etcd, enum call_kind kind)
{
    struct request *request = mem_alloc(sizeof(*request));

    CHECK(request != NULL);
    request->refs = 1;
    request->client = etcd->id;
    request->party = etcd->party;
    request->incarnation = etcd->incarnation;
    request->kind = kind;
    request->harm = SIM_HARM_COUNT;
    return request;
}

static void copy_op(const struct etcd_op *from, struct etcd_op *to)
{
    *to = *from;
    to->key = copy_text(from->key);
    to->value = NULL;
    if (from->kind == ETCD_PUT) {
        char *value = mem_alloc(from->value_bytes + 1);

        CHECK(value != NULL);
        if (0 < from->value_bytes) {
            memcpy(value, from->value, from->value_bytes);
        }
        to->value = value;
    }
}

static void copy_txn(const struct etcd_txn *txn, struct request *request)
{
    size_t i;

    request->compares = mem_calloc(txn->compares_count + 1, sizeof(*request->compares));
    request->ops = mem_calloc(txn->ops_count + 1, sizeof(*request->ops));
    CHECK(request->compares != NULL);
    CHECK(request->ops != NULL);
    request->compares_count = txn->compares_count;
    request->ops_count = txn->ops_count;
    for (i = 0; i < txn->compares_count; i++) {
        request->compares[i] = txn->compares[i];
        request->compares[i].key = copy_text(txn->compares[i].key);
    }
    for (i = 0; i < txn->ops_count; i++) {
        copy_op(&txn->ops[i], &request->ops[i]);
    }
}

/* ---- Ends of calls ---- */

static void call_free(struct call *call)
{
    sim_event_cancel(call->etcd->server->sim, &call->timer);
    *call->link = call->next;
    if (call->next != NULL) {
        call->next->link = call->link;
    }
    request_unref(call->request);
    free(call);
}

static void tell_range(const struct call *call, const struct reply *reply, const struct err *err)
{
    struct etcd_range_result result = { .revision = reply->revision,
                                        .count = reply->count,
                                        .more = reply->more };
    struct etcd_kv *kvs = mem_calloc(reply->count + 1, sizeof(*kvs));
    size_t i;

    CHECK(kvs != NULL);
    for (i = 0; i < reply->count; i++) {
        kvs[i] = sim_entry_kv(reply->entries[i]);
    }
    result.kvs = kvs;
    call->done.range(call->ctx, err == NULL ? &result : NULL, err);
    free(kvs);
}

/* Off the list first: the callback may free the client. */
static void finish(struct call *call, const struct reply *reply, const struct err *err)
{
    struct call told = *call;
    const struct etcd_txn_result result = { .succeeded = reply->succeeded,
                                            .revision = reply->revision };

    call_free(call);
    switch (told.kind) {
    case CALL_RANGE:
        tell_range(&told, reply, err);
        break;
    case CALL_TXN:
        told.done.txn(told.ctx, err == NULL ? &result : NULL, err);
        break;
    case CALL_GRANT:
    case CALL_KEEPALIVE:
    case CALL_REVOKE:
        told.done.lease(told.ctx, err == NULL ? reply->lease : 0, err == NULL ? reply->ttl_s : 0,
                        err);
        break;
    }
}

static void fail(struct call *call, int code, const char *why)
{
    const struct reply nothing = { .code = code };
    struct err err;

    err_record(&err, code, "%s", why);
    finish(call, &nothing, &err);
}

static void try_now(struct call *call);

static void try_later(struct call *call)
{
    struct sim *sim = call->etcd->server->sim;
    uint64_t full_ms = (uint64_t)BACKOFF_MS_MIN << (call->failures < 8 ? call->failures : 8);
    uint64_t pause_ms;

    call->failures++;
    full_ms = full_ms < BACKOFF_MS_MAX ? full_ms : BACKOFF_MS_MAX;
    pause_ms = sim_between(sim, SIM_CHANCE_NET, full_ms / 2, full_ms);
    if (call->deadline_ms <= sim_now_ms(sim) + pause_ms) {
        fail(call, ERR_UNAVAILABLE, "no success");
        return;
    }
    call->pausing = true;
    sim_event_plan(sim, &call->timer, pause_ms);
}

static void on_timer(void *ctx)
{
    struct call *call = ctx;

    if (call->pausing) {
        try_now(call);
    } else if (call->kind == CALL_TXN) {
        fail(call, ERR_TIMEOUT, "write: outcome unknown");
    } else {
        try_later(call);
    }
}

/* ---- Replies ---- */

static void reply_free(void *ctx)
{
    struct reply *reply = ctx;
    size_t i;

    for (i = 0; i < reply->count; i++) {
        sim_entry_unref(reply->entries[i]);
    }
    free(reply);
}

struct etcd *sim_etcd_client(struct sim_etcd *server, uint64_t id)
{
    struct etcd *etcd = server->clients;

    while (etcd != NULL && etcd->id != id) {
        etcd = etcd->next;
    }
    return etcd;
}

/* Runs as the client's process. */
static void on_reply(struct sim *sim, void *body)
{
    const struct reply *reply = body;
    struct etcd *etcd = sim_etcd_client(sim_etcd(sim), reply->client);
    struct call *call = etcd == NULL ? NULL : etcd->calls;

    while (call != NULL && call->id != reply->call) {
        call = call->next;
    }
    if (call == NULL || call->pausing || reply->history != sim_etcd(sim)->history) {
        return;
    }
    if (reply->code == ERR_UNAVAILABLE) {
        try_later(call);
    } else if (reply->code < 0) {
        fail(call, reply->code, err_text(reply->code));
    } else {
        finish(call, reply, NULL);
    }
}

static void send_reply(struct sim_etcd *server, const struct request *request, struct reply *reply)
{
    struct sim_post post = { .from = server->place,
                             .to = request->party->place,
                             .receiver = request->party,
                             .arrive = on_reply,
                             .release = reply_free,
                             .body = reply };

    reply->client = request->client;
    reply->call = request->call;
    reply->history = server->history;
    if (request->party->incarnation != request->incarnation ||
        request->harm == SIM_HARM_UNANSWERED ||
        (request->kind == CALL_TXN &&
         sim_strikes(server->sim, SIM_ETCD_UNKNOWN, LOST_REPLY_PER_MILLE))) {
        reply_free(reply);
        return;
    }
    sim_post(server->sim, &post);
}

static struct reply *reply_new(const struct sim_store *store, size_t entries)
{
    struct reply *reply = mem_alloc(sizeof(*reply) + entries * sizeof(struct sim_entry *));

    CHECK(reply != NULL);
    reply->revision = store->revision;
    return reply;
}

/* ---- At the server ---- */

static bool is_wanted(const struct request *request, const char *key)
{
    return request->prefix ? strncmp(key, request->key, strlen(request->key)) == 0
                           : strcmp(key, request->key) == 0;
}

static struct reply *range_of(const struct sim_store *store, const struct request *request)
{
    const struct sim_entries *keys = &store->keys;
    size_t first = sim_store_seek(store, request->key);
    size_t end = first;
    struct reply *reply;
    size_t i;

    while (end < keys->count && is_wanted(request, keys->list[end]->key)) {
        end++;
    }
    reply = reply_new(store, end - first);
    for (i = first; i < end; i++) {
        if (request->limit != 0 && reply->count == request->limit) {
            reply->more = true;
            break;
        }
        reply->entries[reply->count++] = sim_entry_ref(keys->list[i]);
    }
    return reply;
}

static struct reply *serve_range(struct sim_etcd *server, const struct request *request)
{
    struct etcd *etcd = sim_etcd_client(server, request->client);
    struct sim_store old;
    struct reply *reply;

    if (etcd == NULL || etcd->old_revision == 0 || strcmp(etcd->old_prefix, request->key) != 0) {
        return range_of(&server->store, request);
    }
    sim_trace(server->sim, "etcd: a list of %s as of revision %llu", request->key,
              (unsigned long long)etcd->old_revision);
    sim_store_copy_at(&server->store, etcd->old_revision, &old);
    reply = range_of(&old, request);
    sim_store_deinit(&old);
    etcd->old_revision = 0;
    return reply;
}

/* What etcd refuses whatever its keys are. */
static int check_ops(struct sim_etcd *server, const struct request *request)
{
    size_t i;
    size_t j;

    for (i = 0; i < request->ops_count; i++) {
        const struct etcd_op *op = &request->ops[i];

        if (op->kind == ETCD_PUT && op->lease != 0 && sim_lease_find(server, op->lease) == NULL) {
            return ERR_NOT_FOUND;
        }
        for (j = 0; op->kind == ETCD_PUT && j < i; j++) {
            if (request->ops[j].kind == ETCD_PUT && strcmp(request->ops[j].key, op->key) == 0) {
                return ERR_INVALID;
            }
        }
    }
    return 0;
}

static struct reply *serve_txn(struct sim_etcd *server, const struct request *request)
{
    struct etcd_txn txn = { .compares = request->compares,
                            .compares_count = request->compares_count,
                            .ops = request->ops,
                            .ops_count = request->ops_count };
    struct reply *reply;
    int code = check_ops(server, request);
    bool succeeded =
        code == 0 && sim_etcd_commit(server, &txn, request->party, request->incarnation);

    reply = reply_new(&server->store, 0);
    reply->code = code;
    reply->succeeded = succeeded;
    return reply;
}

static struct reply *serve_lease(struct sim_etcd *server, const struct request *request)
{
    struct sim_lease *lease = sim_lease_find(server, request->lease);
    struct reply *reply;

    if (request->kind == CALL_REVOKE && lease != NULL) {
        sim_lease_revoke(lease);
    }
    reply = reply_new(&server->store, 0);
    reply->lease = request->lease;
    if (request->kind == CALL_GRANT) {
        reply->lease = sim_lease_grant(server, request->lease * 1000);
        reply->ttl_s = request->lease;
    } else if (request->kind == CALL_KEEPALIVE && lease != NULL) {
        sim_lease_prolong(lease);
        reply->ttl_s = lease->ttl_ms / 1000;
    } else if (request->kind == CALL_REVOKE && lease == NULL) {
        reply->code = ERR_NOT_FOUND;
    }
    return reply;
}

static void serve(struct sim_etcd *server, const struct request *request)
{
    switch (request->kind) {
    case CALL_RANGE:
        send_reply(server, request, serve_range(server, request));
        break;
    case CALL_TXN:
        send_reply(server, request, serve_txn(server, request));
        break;
    case CALL_GRANT:
    case CALL_KEEPALIVE:
    case CALL_REVOKE:
        send_reply(server, request, serve_lease(server, request));
        break;
    }
}

static void on_request(struct sim *sim, void *body);

/* Without quorum: refused at the door, or lost, or it waits and comes true later. */
static void serve_without_quorum(struct sim_etcd *server, struct request *request)
{
    struct sim *sim = server->sim;
    uint64_t wait_ms = server->quorum_at_ms - sim_now_ms(sim);
    struct sim_post post = { .from = server->place,
                             .to = server->place,
                             .in_stream = true,
                             .delay_ms = wait_ms,
                             .arrive = on_request,
                             .release = request_unref,
                             .body = request };

    if (sim_chance(sim, SIM_CHANCE_NET, NO_LEADER_PER_MILLE)) {
        struct reply *reply = reply_new(&server->store, 0);

        reply->code = ERR_UNAVAILABLE;
        send_reply(server, request, reply);
    } else if (request->kind == CALL_TXN && wait_ms < PROPOSAL_MS_MAX &&
               sim_chance(sim, SIM_CHANCE_NET, COMES_TRUE_PER_MILLE)) {
        request->refs++;
        sim_post(sim, &post);
    }
}

static void on_request(struct sim *sim, void *body)
{
    struct request *request = body;
    struct sim_etcd *server = sim_etcd(sim);

    if (request->history != server->history || request->harm == SIM_HARM_LOST ||
        (request->kind == CALL_TXN && sim_strikes(sim, SIM_ETCD_UNKNOWN, LOST_REQUEST_PER_MILLE))) {
        return;
    }
    if (!sim_etcd_has_quorum(server)) {
        serve_without_quorum(server, request);
        return;
    }
    serve(server, request);
}

/* ---- Calls ---- */

static void try_now(struct call *call)
{
    struct sim *sim = call->etcd->server->sim;
    struct sim_post post = { .from = call->etcd->party->place,
                             .to = call->etcd->server->place,
                             .arrive = on_request,
                             .release = request_unref,
                             .body = call->request };

    call->pausing = false;
    call->request->sent_ms = sim_now_ms(sim);
    call->request->history = call->etcd->server->history;
    sim_event_plan(sim, &call->timer, call->kind == CALL_TXN ? WRITE_TRY_MS : TRY_MS);
    if (call->request->harm == SIM_HARM_LATE) {
        post.in_stream = true;
        post.delay_ms = SIM_LATE_MS;
    }
    if (sim_alive(sim)) {
        call->request->refs++;
        sim_post(sim, &post);
    }
}

static struct call *call_new(struct etcd *etcd, struct request *request, void *ctx)
{
    struct call *call = mem_alloc(sizeof(*call));

    CHECK(call != NULL);
    call->etcd = etcd;
    call->id = ++etcd->calls_made;
    call->kind = request->kind;
    call->request = request;
    call->ctx = ctx;
    call->deadline_ms = sim_now_ms(etcd->server->sim) + DEADLINE_MS;
    request->call = call->id;
    sim_event_init(&call->timer, etcd->party, on_timer, call);
    call->next = etcd->calls;
    call->link = &etcd->calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    etcd->calls = call;
    return call;
}

int etcd_range(struct etcd *etcd, const struct etcd_range *range, etcd_range_fn *done, void *ctx,
               struct err *err)
{
    struct request *request = request_new(etcd, CALL_RANGE);
    struct call *call;

    (void)err;
    CHECK(range->revision == 0);
    request->key = copy_text(range->key);
    request->prefix = range->prefix;
    request->limit = range->limit;
    call = call_new(etcd, request, ctx);
    call->done.range = done;
    try_now(call);
    return 0;
}

/* For the story: what the transaction writes. */
static void trace_txn(struct sim *sim, const struct etcd_txn *txn)
{
    size_t i;

    for (i = 0; i < txn->ops_count; i++) {
        const struct etcd_op *op = &txn->ops[i];

        sim_trace(sim, "asks etcd to %s %s%s%.*s", op->kind == ETCD_PUT ? "put" : "delete", op->key,
                  op->kind == ETCD_PUT ? " " : "",
                  (int)(op->kind == ETCD_PUT ? op->value_bytes : 0),
                  op->kind == ETCD_PUT ? op->value : "");
    }
}

/* "put KEY, delete KEY" */
static const char *text_of(struct etcd *etcd, const struct etcd_txn *txn)
{
    size_t i;

    if (!sim_doom_reads(etcd->server->sim)) {
        return "write to etcd";
    }
    str_clear(&etcd->doing);
    for (i = 0; i < txn->ops_count; i++) {
        str_appendf(&etcd->doing, "%s%s %s", i == 0 ? "" : ", ",
                    txn->ops[i].kind == ETCD_PUT ? "put" : "delete", txn->ops[i].key);
    }
    return str_text(&etcd->doing);
}

int etcd_txn(struct etcd *etcd, const struct etcd_txn *txn, etcd_txn_fn *done, void *ctx,
             struct err *err)
{
    struct sim *sim = etcd->server->sim;
    struct request *request;
    struct call *call;
    bool happens;

    if (ETCD_TXN_OPS_MAX < txn->ops_count || ETCD_TXN_OPS_MAX < txn->compares_count) {
        return err_set(err, ERR_LIMIT, "too large a transaction");
    }
    happens = sim_effect_begins(sim, text_of(etcd, txn));
    if (happens) {
        trace_txn(sim, txn);
    }
    request = request_new(etcd, CALL_TXN);
    request->harm = sim_doom_of_message(sim);
    copy_txn(txn, request);
    call = call_new(etcd, request, ctx);
    call->done.txn = done;
    try_now(call);
    if (happens) {
        sim_effect_ends(sim);
    }
    return 0;
}

static int lease_call(struct etcd *etcd, enum call_kind kind, uint64_t number, etcd_lease_fn *done,
                      void *ctx)
{
    struct request *request = request_new(etcd, kind);
    struct call *call;

    request->lease = number;
    call = call_new(etcd, request, ctx);
    call->done.lease = done;
    try_now(call);
    return 0;
}

int etcd_lease_grant(struct etcd *etcd, uint64_t ttl_s, etcd_lease_fn *done, void *ctx,
                     struct err *err)
{
    (void)err;
    return lease_call(etcd, CALL_GRANT, ttl_s, done, ctx);
}

int etcd_lease_keepalive(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                         struct err *err)
{
    (void)err;
    return lease_call(etcd, CALL_KEEPALIVE, lease, done, ctx);
}

int etcd_lease_revoke(struct etcd *etcd, uint64_t lease, etcd_lease_fn *done, void *ctx,
                      struct err *err)
{
    (void)err;
    return lease_call(etcd, CALL_REVOKE, lease, done, ctx);
}

void etcd_cancel(struct etcd *etcd, const void *ctx)
{
    struct call *call = etcd->calls;

    while (call != NULL) {
        struct call *next = call->next;

        if (call->ctx == ctx) {
            call_free(call);
        }
        call = next;
    }
}

/* ---- Life ---- */

int etcd_new(struct loop *loop, const struct etcd_options *options, struct etcd **out,
             struct err *err)
{
    struct sim *sim = sim_current();
    struct etcd *etcd = mem_alloc(sizeof(*etcd));

    (void)loop;
    (void)options;
    if (etcd == NULL) {
        return err_set(err, ERR_NOMEM, "etcd");
    }
    CHECK(sim_running(sim) != NULL);
    etcd->server = sim_etcd(sim);
    etcd->party = sim_running(sim);
    etcd->incarnation = etcd->party->incarnation;
    etcd->id = ++etcd->server->clients_made;
    etcd->next = etcd->server->clients;
    etcd->server->clients = etcd;
    str_init(&etcd->doing, DOING_BYTES_MAX);
    *out = etcd;
    return 0;
}

void etcd_free(struct etcd *etcd)
{
    struct etcd **link;

    if (etcd == NULL) {
        return;
    }
    while (etcd->calls != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): that takes it off the list */
        call_free(etcd->calls);
    }
    sim_watches_drop(etcd);
    link = &etcd->server->clients;
    while (*link != etcd) {
        link = &(*link)->next;
    }
    *link = etcd->next;
    str_deinit(&etcd->doing);
    free(etcd);
}

const char *etcd_trouble(const struct etcd *etcd)
{
    (void)etcd;
    return "";
}
