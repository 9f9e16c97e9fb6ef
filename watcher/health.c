#include "watcher/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "discovery/names.h"
#include "memd/memtext.h"
#include "model/name.h"

static const char ask_who[] = MEMTEXT_ASK_WHO;
static const char ask_stats[] = "stats\r\n";
static const char ask_record[] = "get " KEY_RECORD "\r\n";

enum state {
    STOPPED,
    FIRST,  /* the port has not answered since the start */
    STEADY, /* it has */
};

/* A module that was switched off answers on this connection never again, but on later ones, if it
 * is switched on: after so many looks another one is made. */
#define LOOKS_BESIDE 15U

struct health {
    struct loop *loop;
    struct loop_timer *next;
    struct loop_timer *count;
    struct memtext *memtext; /* of the running process; NULL while STOPPED */
    struct health_events events;
    void *ctx;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    enum state state;
    pid_t pid;
    bool ours;         /* FIRST: who answers is that process */
    int64_t pid_heard; /* of who answers, as it says itself */
    uint64_t uptime_s;
    uint64_t delay_ms;
    enum partition_mode mode; /* as told last */
    unsigned looks_beside;
    bool again;         /* FIRST: only the connection is new, as far as is known, */
    int64_t pid_before; /* to what told this of itself */
    uint64_t uptime_before_s;
    bool answers_discovery; /* to the last ask_who */
    bool counting;
    health_record_fn *record;
    void *record_ctx;
};

static void set_state(struct health *health, enum state state)
{
    health->state = state;
}

static void on_silence(struct health *health, const struct err *err)
{
    if (health->pid == HEALTH_ANYBODY) {
        set_state(health, FIRST); /* it may be another one when it answers again */
    }
    loop_timer_start(health->next, health->delay_ms);
    health->delay_ms *= 2;
    if (HEALTH_FIRST_MAX_MS < health->delay_ms) {
        health->delay_ms = HEALTH_FIRST_MAX_MS;
    }
    health->events.silent(health->ctx, err);
}

static bool number_in(const char *stats, const char *name, uint64_t *out)
{
    const char *at = strstr(stats, name);

    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    return bytes_to_u64(at, strcspn(at, "\r\n"), 0, INT32_MAX, out);
}

int64_t health_pid_in(const char *stats)
{
    uint64_t pid;

    return number_in(stats, "STAT pid ", &pid) ? (int64_t)pid : 0;
}

static void note_who(struct health *health, const char *reply, size_t reply_bytes)
{
    health->answers_discovery = reply != NULL && memtext_is_partition(reply, reply_bytes);
}

/* The answer who it is follows on the same connection, and tells the rest. */
static void on_identity(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;

    (void)reply_bytes;
    (void)err;
    if (reply == NULL) {
        return;
    }
    health->pid_heard = health_pid_in(reply);
    health->ours =
        health->pid == HEALTH_ANYBODY ? health->pid_heard != 0 : health->pid_heard == health->pid;
    if (!number_in(reply, "STAT uptime ", &health->uptime_s)) {
        health->uptime_s = 0;
    }
}

static void on_first(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;
    enum partition_mode mode = PARTITION_BESIDE;
    struct err stranger;
    bool as_before;

    if (reply == NULL) {
        on_silence(health, err);
        return;
    }
    note_who(health, reply, reply_bytes);
    if (!health->ours) {
        err_record(&stranger, ERR_CONFLICT, "another process answers");
        on_silence(health, &stranger);
        return;
    }
    if (health->answers_discovery) {
        mode = PARTITION_IN_PROCESS;
    }
    if (health->state == FIRST && health->counting) {
        loop_timer_start(health->count, 0);
    }
    set_state(health, STEADY);
    as_before = health->again && mode == health->mode && health->pid_heard == health->pid_before &&
                health->uptime_before_s <= health->uptime_s;
    health->again = false;
    health->mode = mode;
    health->looks_beside = 0;
    health->delay_ms = HEALTH_FIRST_MS;
    loop_timer_start(health->next, HEALTH_MS);
    health->events.answered(health->ctx, as_before ? PARTITION_NONE : mode);
}

/* Look at the same process over another connection. */
static void begin_again(struct health *health)
{
    health->pid_before = health->pid_heard;
    health->uptime_before_s = health->uptime_s;
    health_start(health, health->pid);
    health->again = true;
}

/* It answers, and nobody else does. Told is the mode when it is another one than before. */
static void on_who(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;
    enum partition_mode mode;

    if (health->state != STEADY) {
        return; /* another process answers: all is asked anew */
    }
    if (reply == NULL) {
        on_silence(health, err);
        return;
    }
    note_who(health, reply, reply_bytes);
    mode = health->answers_discovery ? PARTITION_IN_PROCESS : PARTITION_BESIDE;
    if (mode == PARTITION_BESIDE && ++health->looks_beside == LOOKS_BESIDE) {
        begin_again(health);
        return;
    }
    health->delay_ms = HEALTH_FIRST_MS;
    loop_timer_start(health->next, HEALTH_MS);
    if (mode == health->mode) {
        mode = PARTITION_NONE;
    } else {
        health->mode = mode;
    }
    health->events.answered(health->ctx, mode);
}

/* Whoever answered before does again; or another one, of whom all is to be found out. In a
 * container every process may have the same pid: a later one has run for less long. */
static void on_same(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;
    int64_t pid = health->pid_heard;
    uint64_t uptime_s = health->uptime_s;

    if (reply == NULL) {
        return; /* so has what follows */
    }
    on_identity(health, reply, reply_bytes, err);
    if (health->pid_heard != pid || health->uptime_s < uptime_s) {
        set_state(health, FIRST);
        loop_timer_start(health->next, 0);
    }
}

static void ask_next(struct health *health)
{
    struct err err;
    int rv;

    if (health->state == FIRST) {
        health->ours = false;
        rv = memtext_ask(health->memtext, ask_stats, sizeof(ask_stats) - 1, MEMTEXT_END,
                         on_identity, health, &err);
        rv = rv < 0 ? rv
                    : memtext_ask(health->memtext, ask_who, sizeof(ask_who) - 1, MEMTEXT_LINE,
                                  on_first, health, &err);
    } else {
        rv = health->pid == HEALTH_ANYBODY
                 ? memtext_ask(health->memtext, ask_stats, sizeof(ask_stats) - 1, MEMTEXT_END,
                               on_same, health, &err)
                 : 0;
        rv = rv < 0 ? rv
                    : memtext_ask(health->memtext, ask_who, sizeof(ask_who) - 1, MEMTEXT_LINE,
                                  on_who, health, &err);
    }
    if (rv < 0) {
        on_silence(health, &err);
    }
}

static void on_next(void *ctx)
{
    ask_next(ctx);
}

int64_t health_pid(const struct health *health)
{
    return health->pid_heard;
}

uint64_t health_uptime_s(const struct health *health)
{
    return health->uptime_s;
}

/* ---- Clients ---- */

int64_t health_clients_in(const char *stats)
{
    uint64_t connections;

    if (!number_in(stats, "STAT curr_connections ", &connections)) {
        return REPORT_CLIENTS_UNKNOWN;
    }
    return connections == 0 ? 0 : (int64_t)connections - 1;
}

static void on_stats(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;

    (void)reply_bytes;
    (void)err;
    if (!health->counting) {
        return;
    }
    loop_timer_start(health->count, HEALTH_CLIENTS_MS);
    health->events.clients(health->ctx,
                           reply == NULL ? REPORT_CLIENTS_UNKNOWN : health_clients_in(reply));
}

static void on_count(void *ctx)
{
    struct health *health = ctx;

    if (health->state != STEADY || !health->counting) {
        return;
    }
    if (memtext_ask(health->memtext, ask_stats, sizeof(ask_stats) - 1, MEMTEXT_END, on_stats,
                    health, NULL) < 0) {
        loop_timer_start(health->count, HEALTH_CLIENTS_MS);
    }
}

void health_count_clients(struct health *health, bool on)
{
    if (health->counting == on) {
        return;
    }
    health->counting = on;
    loop_timer_stop(health->count);
    if (on && health->state == STEADY) {
        loop_timer_start(health->count, 0);
    }
}

/* ---- The record ---- */

static void on_record(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct health *health = ctx;
    health_record_fn *done = TAKE(health->record);
    const char *record = NULL;
    size_t record_bytes = 0;
    struct err problem;
    int rv;

    if (reply == NULL) {
        done(health->record_ctx, NULL, 0, err);
        return;
    }
    if (!health->answers_discovery) {
        err_record(&problem, ERR_UNVERIFIED, "the port does not answer discovery any more");
        done(health->record_ctx, NULL, 0, &problem);
        return;
    }
    rv = memtext_block(reply, reply_bytes, &record, &record_bytes, &problem);
    done(health->record_ctx, rv == 0 ? record : NULL, record_bytes,
         rv < 0 && rv != ERR_NOT_FOUND ? &problem : NULL);
}

/* An ordinary item of memcached's own may have that name: it proves nothing. */
static void on_asked_who(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    (void)err;
    note_who(ctx, reply, reply_bytes);
}

int health_read_record(struct health *health, health_record_fn *done, void *ctx, struct err *err)
{
    int rv;

    if (health->memtext == NULL || health->record != NULL) {
        return err_set(err, ERR_FAILED, "nothing runs, or a question is on its way");
    }
    rv = memtext_ask(health->memtext, ask_who, sizeof(ask_who) - 1, MEMTEXT_LINE, on_asked_who,
                     health, err);
    if (rv == 0) {
        rv = memtext_ask(health->memtext, ask_record, sizeof(ask_record) - 1, MEMTEXT_END,
                         on_record, health, err);
    }
    if (rv == 0) {
        health->record = done;
        health->record_ctx = ctx;
    }
    return rv;
}

/* ---- Lifecycle ---- */

int health_new(struct loop *loop, const char *ip, uint16_t port, const struct health_events *events,
               void *ctx, struct health **out, struct err *err)
{
    CLEANUP(health_free_p) struct health *health = mem_alloc(sizeof(*health));
    int rv;

    if (health == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!name_is_ipv4(ip)) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    memcpy(health->ip, ip, strlen(ip) + 1);
    health->loop = loop;
    health->port = port;
    health->events = *events;
    health->ctx = ctx;
    set_state(health, STOPPED);
    rv = loop_timer_new(loop, on_next, health, &health->next, err);
    if (rv == 0) {
        rv = loop_timer_new(loop, on_count, health, &health->count, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(health);
    return 0;
}

void health_free(struct health *health)
{
    if (health == NULL) {
        return;
    }
    memtext_free(health->memtext);
    loop_timer_free(health->next);
    loop_timer_free(health->count);
    free(health);
}

/* The connection goes with the process: answers of a former one can't be taken for its own. */
void health_stop(struct health *health)
{
    memtext_free(health->memtext);
    health->memtext = NULL;
    health->record = NULL;
    health->again = false;
    loop_timer_stop(health->next);
    loop_timer_stop(health->count);
    set_state(health, STOPPED);
}

void health_start(struct health *health, pid_t pid)
{
    struct err err;

    health_stop(health);
    if (memtext_new(health->loop, health->ip, health->port, HEALTH_TIMEOUT_MS, &health->memtext,
                    &err) < 0) {
        return; /* out of memory: the silence is noticed, and the process started anew */
    }
    health->pid = pid;
    health->pid_heard = 0;
    health->delay_ms = HEALTH_FIRST_MS;
    set_state(health, FIRST);
    loop_timer_start(health->next, 0);
}
