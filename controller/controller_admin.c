#include "controller/controller_admin.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "client/context.h"
#include "codec/json_text.h"
#include "controller/controller_metrics.h"
#include "controller/controller_state.h"
#include "metrics/scrape.h"
#include "show/show.h"
#include "show/show_list.h"

#define SCRAPE_BYTES_MAX (512U << 20)

struct controller_admin {
    const struct controller_config *config;
    struct controller *controller;
    struct admin *http;
};

static void answer_metrics(void *ctx, const char *rest, struct admin_reply *reply)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct controller_admin *admin = ctx;
    struct err err;

    (void)rest;
    arena_init(&arena, SCRAPE_BYTES_MAX);
    reply->type = SCRAPE_CONTENT_TYPE;
    if (controller_metrics_text(admin->controller, &arena, &reply->body, &err) < 0) {
        admin_fail(reply, ADMIN_STATUS_FAILED, &err);
    }
}

static void answer_healthz(void *ctx, const char *rest, struct admin_reply *reply)
{
    (void)ctx;
    (void)rest;
    str_append_text(&reply->body, "ok\n");
}

static void answer_readyz(void *ctx, const char *rest, struct admin_reply *reply)
{
    const struct controller_admin *admin = ctx;
    const struct controller *c = admin->controller;

    (void)rest;
    if (mirror_is_synced(c->mirror) && !c->unheard) {
        str_append_text(&reply->body,
                        leader_fence(c->leader) != 0 ? "ready: leads\n" : "ready: stands by\n");
        return;
    }
    reply->status = ADMIN_STATUS_UNAVAILABLE;
    str_appendf(&reply->body, "not ready: etcd at %s can't be reached: %s\n",
                admin->config->etcd.endpoints,
                etcd_trouble(c->etcd)[0] == '\0' ? "no answer yet" : etcd_trouble(c->etcd));
}

/* ---- The API: on a thread, with nothing of the controller's but its options ---- */

static unsigned status_of(const struct err *err)
{
    switch (err->code) {
    case ERR_NOT_FOUND:
        return ADMIN_STATUS_NOT_FOUND;
    case ERR_USAGE:
        return ADMIN_STATUS_BAD_REQUEST;
    case ERR_UNAVAILABLE:
        return ADMIN_STATUS_BAD_GATEWAY;
    default:
        return ADMIN_STATUS_FAILED;
    }
}

static int list(const struct controller_admin *admin, const char *kind, const char *name,
                struct str *out, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct options options = { .etcd = admin->config->etcd_flags,
                               .prefix = admin->config->prefix,
                               .timeout_ms = API_TIMEOUT_MS };
    int rv = context_open(&context, &options, err);

    if (0 <= rv) {
        rv = context_use_tls(&context, &admin->config->discovery_flags, err);
    }
    return rv < 0 ? rv : show_list_json(&context, kind, name, out, err);
}

static void list_kinds(struct str *out)
{
    size_t i;

    str_append_text(out, "{\n  \"kinds\": [");
    for (i = 0; show_kinds[i] != NULL; i++) {
        str_appendf(out, "%s\n    \"%s\"", i == 0 ? "" : ",", show_kinds[i]->name);
    }
    str_append_text(out, "\n  ]\n}\n");
}

/* `rest` is "KIND", "KIND/" or "KIND/NAME"; "": which kinds there are. */
static void answer_api(void *ctx, const char *rest, struct admin_reply *reply)
{
    const struct controller_admin *admin = ctx;
    const char *slash = strchr(rest, '/');
    size_t size = slash == NULL ? strlen(rest) : (size_t)(slash - rest);
    CLEANUP(mem_free_p) char *kind = mem_strdup(rest);
    struct err err;

    reply->type = ADMIN_TYPE_JSON;
    if (rest[0] == '\0') {
        list_kinds(&reply->body);
        return;
    }
    if (kind == NULL) {
        reply->status = ADMIN_STATUS_FAILED;
        return;
    }
    kind[size] = '\0';
    if (list(admin, kind, slash == NULL || slash[1] == '\0' ? NULL : slash + 1, &reply->body,
             &err) < 0) {
        str_clear(&reply->body);
        reply->status = status_of(&err);
        str_append_text(&reply->body, "{\"error\":");
        json_quote(err.msg, &reply->body);
        str_append_text(&reply->body, "}\n");
    }
}

/* ---- Life ---- */

static const struct admin_path paths[] = {
    { "/metrics", "for Prometheus", answer_metrics, false },
    { "/healthz", "whether the process works", answer_healthz, false },
    { "/readyz", "whether it reaches etcd, and leads or stands by", answer_readyz, false },
    { "/api/v1/", "KIND[/NAME]: what muster get KIND [NAME] -o json prints", answer_api, true },
};

int controller_admin_new(struct loop *loop, const struct controller_config *config,
                         struct controller *controller, struct controller_admin **out,
                         struct err *err)
{
    CLEANUP(controller_admin_free_p) struct controller_admin *admin = mem_alloc(sizeof(*admin));
    const struct admin_options options = { .listen = config->admin_listen,
                                           .usual = CONTROLLER_ADMIN_LISTEN,
                                           .paths = paths,
                                           .count = ARRAY_COUNT(paths),
                                           .ctx = admin };
    int rv;

    if (admin == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    admin->config = config;
    admin->controller = controller;
    rv = admin_open(loop, &options, &config->log, &admin->http, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(admin);
    return 0;
}

void controller_admin_free(struct controller_admin *admin)
{
    if (admin != NULL) {
        admin_free(admin->http);
        free(admin);
    }
}
