#include "watcher/watcher_admin.h"

#include <stdlib.h>

#include "base/mem.h"
#include "metrics/scrape.h"
#include "watcher/watcher_metrics.h"
#include "watcher/watcher_parts.h"

#define SCRAPE_BYTES_MAX (64U << 20)

struct watcher_admin {
    struct watcher *watcher;
    struct admin *http;
};

static void answer_metrics(void *ctx, const char *rest, struct admin_reply *reply)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct watcher_admin *admin = ctx;
    struct err err;

    (void)rest;
    arena_init(&arena, SCRAPE_BYTES_MAX);
    reply->type = SCRAPE_CONTENT_TYPE;
    if (watcher_metrics_text(admin->watcher, &arena, &reply->body, &err) < 0) {
        admin_fail(reply, ADMIN_STATUS_FAILED, &err);
    }
}

static void answer_healthz(void *ctx, const char *rest, struct admin_reply *reply)
{
    (void)ctx;
    (void)rest;
    str_append_text(&reply->body, "ok\n");
}

/* How many of the watcher's nodes serve the newest configuration that is known here. */
static size_t count_current(const struct watcher *w)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < w->slots_count; i++) {
        struct slot_figures figures;

        slot_measure(w->slots[i], &figures);
        count += figures.current && figures.state == NODE_UP ? 1 : 0;
    }
    return count;
}

static void answer_readyz(void *ctx, const char *rest, struct admin_reply *reply)
{
    const struct watcher_admin *admin = ctx;
    const struct watcher *w = admin->watcher;
    size_t current = count_current(w);

    (void)rest;
    if (0 < current || (w->sidecar == NULL && w->heard)) {
        str_appendf(&reply->body, "ready: %zu of %zu nodes serve the newest configuration\n",
                    current, w->slots_count);
        return;
    }
    reply->status = ADMIN_STATUS_UNAVAILABLE;
    if (w->slots_count == 0 && w->heard) {
        str_append_text(&reply->body, "not ready: it is no node of the cluster yet\n");
    } else if (w->slots_count == 0) {
        str_appendf(&reply->body, "not ready: etcd at %s was not heard yet\n",
                    w->config->etcd.endpoints);
    } else {
        str_append_text(&reply->body, "not ready: the newest configuration is not served yet\n");
    }
}

static const struct admin_path paths[] = {
    { "/metrics", "for Prometheus", answer_metrics, false },
    { "/healthz", "whether the process works", answer_healthz, false },
    { "/readyz", "whether it does what it is there for", answer_readyz, false },
};

int watcher_admin_new(struct loop *loop, const struct watcher_config *config,
                      struct watcher *watcher, struct watcher_admin **out, struct err *err)
{
    CLEANUP(watcher_admin_free_p) struct watcher_admin *admin = mem_alloc(sizeof(*admin));
    const struct admin_options options = { .usual = WATCHER_ADMIN_LISTEN,
                                           .listen = config->flags.admin_listen,
                                           .paths = paths,
                                           .count = ARRAY_COUNT(paths),
                                           .ctx = admin };
    int rv;

    if (admin == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    admin->watcher = watcher;
    rv = admin_open(loop, &options, &config->log, &admin->http, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(admin);
    return 0;
}

void watcher_admin_free(struct watcher_admin *admin)
{
    if (admin != NULL) {
        admin_free(admin->http);
        free(admin);
    }
}
