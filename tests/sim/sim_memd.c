/*
 * lib/memd/memd.h and controller/probe.h over the modelled ports. Calls to one target run one after
 * another, as they do over one connection.
 */
#include "memd/memd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "controller/probe.h"
#include "model/name.h"
#include "sim/sim_state.h"

#define ANSWER_MS 600 /* to connect, and to answer */

struct memd_call {
    struct memd *memd;
    struct memd_call *next;
    struct sim_ask *ask; /* NULL: waits for those before it */
    uint32_t ip;
    uint16_t port;
    bool is_set;
    char *key;
    char *value;
    size_t value_bytes;
    memd_fn *done;
    void *ctx;
};

struct memd {
    struct sim *sim;
    struct memd_call *calls; /* oldest first */
};

/* ---- memd ---- */

int memd_new(struct loop *loop, const struct memd_options *options, struct memd **out,
             struct err *err)
{
    struct memd *memd = mem_alloc(sizeof(*memd));

    (void)loop;
    (void)options;
    if (memd == NULL) {
        return err_set(err, ERR_NOMEM, "memd");
    }
    memd->sim = sim_current();
    *out = memd;
    return 0;
}

static void call_free(struct memd_call *call)
{
    struct memd_call **link = &call->memd->calls;

    while (*link != call) {
        link = &(*link)->next;
    }
    *link = call->next;
    free(call->key);
    free(call->value);
    free(call);
}

void memd_free(struct memd *memd)
{
    if (memd == NULL) {
        return;
    }
    while (memd->calls != NULL) {
        sim_ask_drop(memd->sim, memd->calls->ask);
        call_free(memd->calls);
    }
    free(memd);
}

static bool waits_for_another(const struct memd_call *call)
{
    const struct memd_call *other = call->memd->calls;

    while (other != call && (other->ip != call->ip || other->port != call->port)) {
        other = other->next;
    }
    return other != call;
}

static void on_answer(void *ctx, const struct sim_reply *reply);

static void start(struct memd_call *call)
{
    struct sim *sim = call->memd->sim;
    const struct sim_request request = { .kind = call->is_set ? SIM_REQUEST_SET : SIM_REQUEST_GET,
                                         .key = call->key,
                                         .value = call->value,
                                         .value_bytes = call->value_bytes };
    char ip[IPV4_TEXT_SIZE];
    char what[sizeof("read from :65535") + IPV4_TEXT_SIZE];
    bool happens;

    ipv4_format(call->ip, ip);
    (void)snprintf(what, sizeof(what), "%s %s:%u", call->is_set ? "push to" : "read from", ip,
                   call->port);
    happens = sim_effect_begins(sim, what);

    call->ask = sim_ask(sim, call->ip, call->port, &request, ANSWER_MS, on_answer, call);
    if (happens) {
        sim_effect_ends(sim);
    }
}

static void start_waiting(struct memd *memd)
{
    struct memd_call *call;

    for (call = memd->calls; call != NULL; call = call->next) {
        if (call->ask == NULL && !waits_for_another(call)) {
            start(call);
        }
    }
}

static int failure(const struct sim_reply *reply, struct err *err)
{
    switch (reply->outcome) {
    case SIM_OK:
        return 0;
    case SIM_NOT_FOUND:
        return err_set(err, ERR_NOT_FOUND, "no such key");
    case SIM_REFUSED:
        return err_set(err, ERR_PROTOCOL, "%s", reply->value == NULL ? "refused" : reply->value);
    case SIM_UNREACHABLE:
        return err_set(err, ERR_IO, "connection refused");
    case SIM_TIMEOUT:
        return err_set(err, ERR_TIMEOUT, "no answer in time");
    }
    return err_set(err, ERR_IO, "no outcome");
}

static void on_answer(void *ctx, const struct sim_reply *reply)
{
    struct memd_call *call = ctx;
    struct memd *memd = call->memd;
    memd_fn *done = call->done;
    void *done_ctx = call->ctx;
    bool is_set = call->is_set;
    struct err err;
    int rv = failure(reply, &err);

    call_free(call);
    start_waiting(memd);
    if (rv < 0) {
        done(done_ctx, NULL, 0, &err);
    } else {
        done(done_ctx, is_set ? NULL : reply->value, is_set ? 0 : reply->value_bytes, NULL);
    }
}

static struct memd_call *call_new(struct memd *memd, const char *ip, uint16_t port, const char *key)
{
    struct memd_call *call = mem_alloc(sizeof(*call));
    struct memd_call **link = &memd->calls;

    CHECK(call != NULL);
    CHECK(ipv4_parse(ip, &call->ip));
    call->memd = memd;
    call->port = port;
    call->key = mem_strdup(key);
    CHECK(call->key != NULL);
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = call;
    return call;
}

int memd_set(struct memd *memd, const char *ip, uint16_t port, const char *key, const char *value,
             size_t value_bytes, memd_fn *done, void *ctx, struct err *err)
{
    struct memd_call *call = call_new(memd, ip, port, key);

    (void)err;
    call->is_set = true;
    call->value = mem_alloc(value_bytes + 1);
    CHECK(call->value != NULL);
    memcpy(call->value, value, value_bytes);
    call->value_bytes = value_bytes;
    call->done = done;
    call->ctx = ctx;
    start_waiting(memd);
    return 0;
}

int memd_get(struct memd *memd, const char *ip, uint16_t port, const char *key, memd_fn *done,
             void *ctx, struct err *err)
{
    struct memd_call *call = call_new(memd, ip, port, key);

    (void)err;
    call->done = done;
    call->ctx = ctx;
    start_waiting(memd);
    return 0;
}

void memd_forget(struct memd *memd, const char *ip, uint16_t port)
{
    (void)memd;
    (void)ip;
    (void)port;
}

/* ---- probe ---- */

struct probe {
    struct sim *sim;
    struct probe *next; /* of the run */
    struct sim_party *party;
    unsigned failures; /* in a row */
    struct loop_timer *timer;
    struct sim_ask *ask;
    probe_fn *fn;
    void *ctx;
    uint32_t ip;
    uint16_t port;
};

static void on_version(void *ctx, const struct sim_reply *reply)
{
    struct probe *probe = ctx;

    probe->ask = NULL;
    probe->failures = reply->outcome == SIM_OK ? 0 : probe->failures + 1;
    loop_timer_start(probe->timer, PROBE_PERIOD_MS);
    probe->fn(probe->ctx, reply->outcome == SIM_OK);
}

static void ask_version(void *ctx)
{
    struct probe *probe = ctx;
    const struct sim_request request = { .kind = SIM_REQUEST_VERSION };

    probe->ask =
        sim_ask(probe->sim, probe->ip, probe->port, &request, PROBE_TIMEOUT_MS, on_version, probe);
}

int probe_new(struct loop *loop, const char *ip, uint16_t port, probe_fn *fn, void *ctx,
              struct probe **out, struct err *err)
{
    struct probe *probe = mem_alloc(sizeof(*probe));
    int rv;

    CHECK(probe != NULL);
    CHECK(ipv4_parse(ip, &probe->ip));
    probe->sim = sim_current();
    probe->port = port;
    probe->fn = fn;
    probe->ctx = ctx;
    rv = loop_timer_new(loop, ask_version, probe, &probe->timer, err);
    if (rv < 0) {
        free(probe);
        return rv;
    }
    loop_timer_start(probe->timer, 0);
    probe->party = sim_running(probe->sim);
    probe->next = probe->sim->probes;
    probe->sim->probes = probe;
    *out = probe;
    return 0;
}

unsigned sim_probed_in_vain(struct sim *sim, const struct sim_party *party, uint32_t ip,
                            uint16_t port)
{
    const struct probe *probe = sim->probes;

    while (probe != NULL && (probe->party != party || probe->ip != ip || probe->port != port)) {
        probe = probe->next;
    }
    return probe == NULL ? 0 : probe->failures;
}

void probe_free(struct probe *probe)
{
    struct probe **link;

    if (probe == NULL) {
        return;
    }
    link = &probe->sim->probes;
    while (*link != probe) {
        link = &(*link)->next;
    }
    *link = probe->next;
    sim_ask_drop(probe->sim, probe->ask);
    loop_timer_free(probe->timer);
    free(probe);
}

bool probe_is_at(const struct probe *probe, const char *ip, uint16_t port)
{
    uint32_t number;

    return ipv4_parse(ip, &number) && probe->port == port && probe->ip == number;
}
