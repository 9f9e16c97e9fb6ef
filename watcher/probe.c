#include "watcher/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "discovery/names.h"
#include "memd/memtext.h"
#include "model/name.h"

static const char ask_discovery[] = "config get cluster\r\n";
static const char ask_version[] = "version\r\n";
static const char ask_stats[] = "stats\r\n";
static const char ask_record[] = "get " KEY_RECORD "\r\n";

enum state {
    STOPPED,
    FIRST,  /* the port has not answered since the start */
    STEADY, /* it has */
};

struct probe {
    struct loop *loop;
    struct loop_timer *next;
    struct loop_timer *count;
    struct memtext *memtext; /* of the running process; NULL while STOPPED */
    struct probe_events events;
    void *ctx;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    enum state state;
    uint64_t delay_ms;
    bool counting;
    probe_record_fn *record;
    void *record_ctx;
};

static void set_state(struct probe *probe, enum state state)
{
    probe->state = state;
}

static void on_silence(struct probe *probe, const struct err *err)
{
    loop_timer_start(probe->next, probe->delay_ms);
    probe->delay_ms *= 2;
    if (PROBE_FIRST_MAX_MS < probe->delay_ms) {
        probe->delay_ms = PROBE_FIRST_MAX_MS;
    }
    probe->events.silent(probe->ctx, err);
}

static void on_discovery(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct probe *probe = ctx;
    enum partition_mode mode = PARTITION_BESIDE;

    if (reply == NULL) {
        on_silence(probe, err);
        return;
    }
    if (strncmp(reply, "CONFIG ", 7) == 0 || (reply_bytes == 3 && memcmp(reply, "END", 3) == 0)) {
        mode = PARTITION_IN_PROCESS;
    }
    set_state(probe, STEADY);
    loop_timer_start(probe->next, PROBE_MS);
    if (probe->counting) {
        loop_timer_start(probe->count, 0);
    }
    probe->events.answered(probe->ctx, mode);
}

static void on_version(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct probe *probe = ctx;

    (void)reply_bytes;
    if (reply == NULL) {
        on_silence(probe, err);
        return;
    }
    probe->delay_ms = PROBE_FIRST_MS;
    loop_timer_start(probe->next, PROBE_MS);
    probe->events.answered(probe->ctx, PARTITION_NONE);
}

static void ask_next(struct probe *probe)
{
    struct err err;
    int rv;

    if (probe->state == FIRST) {
        rv = memtext_ask(probe->memtext, ask_discovery, sizeof(ask_discovery) - 1, MEMTEXT_END,
                         on_discovery, probe, &err);
    } else {
        rv = memtext_ask(probe->memtext, ask_version, sizeof(ask_version) - 1, MEMTEXT_LINE,
                         on_version, probe, &err);
    }
    if (rv < 0) {
        on_silence(probe, &err);
    }
}

static void on_next(void *ctx)
{
    ask_next(ctx);
}

/* ---- Clients ---- */

int64_t probe_clients_in(const char *stats)
{
    static const char name[] = "STAT curr_connections ";
    const char *at = strstr(stats, name);
    uint64_t connections;

    if (at == NULL) {
        return REPORT_CLIENTS_UNKNOWN;
    }
    at += sizeof(name) - 1;
    if (!bytes_to_u64(at, strcspn(at, "\r\n"), 0, UINT32_MAX, &connections)) {
        return REPORT_CLIENTS_UNKNOWN;
    }
    return connections == 0 ? 0 : (int64_t)connections - 1;
}

static void on_stats(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct probe *probe = ctx;

    (void)reply_bytes;
    (void)err;
    if (!probe->counting) {
        return;
    }
    loop_timer_start(probe->count, PROBE_CLIENTS_MS);
    probe->events.clients(probe->ctx,
                          reply == NULL ? REPORT_CLIENTS_UNKNOWN : probe_clients_in(reply));
}

static void on_count(void *ctx)
{
    struct probe *probe = ctx;

    if (probe->state != STEADY || !probe->counting) {
        return;
    }
    if (memtext_ask(probe->memtext, ask_stats, sizeof(ask_stats) - 1, MEMTEXT_END, on_stats, probe,
                    NULL) < 0) {
        loop_timer_start(probe->count, PROBE_CLIENTS_MS);
    }
}

void probe_count_clients(struct probe *probe, bool on)
{
    if (probe->counting == on) {
        return;
    }
    probe->counting = on;
    loop_timer_stop(probe->count);
    if (on && probe->state == STEADY) {
        loop_timer_start(probe->count, 0);
    }
}

/* ---- The record ---- */

static void on_record(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct probe *probe = ctx;
    probe_record_fn *done = TAKE(probe->record);
    const char *record = NULL;
    size_t record_bytes = 0;
    struct err problem;
    int rv;

    if (reply == NULL) {
        done(probe->record_ctx, NULL, 0, err);
        return;
    }
    rv = memtext_block(reply, reply_bytes, &record, &record_bytes, &problem);
    done(probe->record_ctx, rv == 0 ? record : NULL, record_bytes,
         rv < 0 && rv != ERR_NOT_FOUND ? &problem : NULL);
}

int probe_read_record(struct probe *probe, probe_record_fn *done, void *ctx, struct err *err)
{
    int rv;

    if (probe->memtext == NULL || probe->record != NULL) {
        return err_set(err, ERR_FAILED, "nothing runs, or a question is on its way");
    }
    rv = memtext_ask(probe->memtext, ask_record, sizeof(ask_record) - 1, MEMTEXT_END, on_record,
                     probe, err);
    if (rv == 0) {
        probe->record = done;
        probe->record_ctx = ctx;
    }
    return rv;
}

/* ---- Lifecycle ---- */

int probe_new(struct loop *loop, const char *ip, uint16_t port, const struct probe_events *events,
              void *ctx, struct probe **out, struct err *err)
{
    CLEANUP(probe_free_p) struct probe *probe = mem_alloc(sizeof(*probe));
    int rv;

    if (probe == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!name_is_ipv4(ip)) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    memcpy(probe->ip, ip, strlen(ip) + 1);
    probe->loop = loop;
    probe->port = port;
    probe->events = *events;
    probe->ctx = ctx;
    set_state(probe, STOPPED);
    rv = loop_timer_new(loop, on_next, probe, &probe->next, err);
    if (rv == 0) {
        rv = loop_timer_new(loop, on_count, probe, &probe->count, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(probe);
    return 0;
}

void probe_free(struct probe *probe)
{
    if (probe == NULL) {
        return;
    }
    memtext_free(probe->memtext);
    loop_timer_free(probe->next);
    loop_timer_free(probe->count);
    free(probe);
}

/* The connection goes with the process: answers of a former one can't be taken for its own. */
void probe_stop(struct probe *probe)
{
    memtext_free(probe->memtext);
    probe->memtext = NULL;
    probe->record = NULL;
    loop_timer_stop(probe->next);
    loop_timer_stop(probe->count);
    set_state(probe, STOPPED);
}

void probe_start(struct probe *probe)
{
    struct err err;

    probe_stop(probe);
    if (memtext_new(probe->loop, probe->ip, probe->port, PROBE_TIMEOUT_MS, &probe->memtext, &err) <
        0) {
        return; /* out of memory: the silence is noticed, and the process started anew */
    }
    probe->delay_ms = PROBE_FIRST_MS;
    set_state(probe, FIRST);
    loop_timer_start(probe->next, 0);
}
