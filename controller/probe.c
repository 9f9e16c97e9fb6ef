#include "controller/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "memd/memtext.h"
#include "model/name.h"

#define REQUEST "version\r\n"

struct probe {
    struct memtext *connection;
    struct loop_timer *timer;
    probe_fn *fn;
    void *ctx;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
};

static void answered(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct probe *probe = ctx;

    (void)reply_bytes;
    loop_timer_start(probe->timer, PROBE_PERIOD_MS);
    probe->fn(probe->ctx, err == NULL && strncmp(reply, "VERSION ", strlen("VERSION ")) == 0);
}

static void ask(void *ctx)
{
    struct probe *probe = ctx;
    struct err err;

    if (memtext_ask(probe->connection, REQUEST, strlen(REQUEST), MEMTEXT_LINE, answered, probe,
                    &err) < 0) {
        loop_timer_start(probe->timer, PROBE_PERIOD_MS);
    }
}

int probe_new(struct loop *loop, const char *ip, uint16_t port, probe_fn *fn, void *ctx,
              struct probe **out, struct err *err)
{
    CLEANUP(probe_free_p) struct probe *probe = mem_alloc(sizeof(*probe));
    int rv;

    if (probe == NULL) {
        return err_set(err, ERR_NOMEM, "probe of %s:%u", ip, port);
    }
    probe->fn = fn;
    probe->ctx = ctx;
    probe->port = port;
    (void)snprintf(probe->ip, sizeof(probe->ip), "%s", ip);
    rv = memtext_new(loop, ip, port, PROBE_TIMEOUT_MS, &probe->connection, err);
    if (0 <= rv) {
        rv = loop_timer_new(loop, ask, probe, &probe->timer, err);
    }
    if (rv < 0) {
        return rv;
    }
    loop_timer_start(probe->timer, 0);
    *out = TAKE(probe);
    return 0;
}

void probe_free(struct probe *probe)
{
    if (probe == NULL) {
        return;
    }
    memtext_free(probe->connection);
    loop_timer_free(probe->timer);
    free(probe);
}

bool probe_is_at(const struct probe *probe, const char *ip, uint16_t port)
{
    return probe->port == port && strcmp(probe->ip, ip) == 0;
}
