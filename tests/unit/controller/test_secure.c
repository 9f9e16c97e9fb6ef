/* What the controller says to discovery ports that take nothing but TLS. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/census.h"
#include "controller/pusher.h"
#include "loop/loop.h"
#include "memd/discovery_tls.h"
#include "support/certs.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/scene.h"
#include "watcher/discovery.h"
#include "watcher/discovery_host.h"

#define PORT 11210
#define RECORD "{\"a\":\"record\"}"

struct stage {
    struct scene_ip ip;
    struct cert node;
    struct cert controller;
    struct loop *loop;
    struct discovery_host *host;
    struct discovery *port;
    struct segment_cell cell;
    struct scene_path inbox;
    struct tls_context *tls;
    bool told;
    uint32_t version;
    struct err err;
};

static bool on_stats(void *ctx, const char *group, struct rows *rows)
{
    (void)ctx;
    rows_add(rows, "10.0.0.1", "7 1 1");
    return strcmp(group, "clients") == 0;
}

/* A port that wants TLS, and a certificate; it is made out to its address. */
static void begin(struct stage *s)
{
    struct discovery_host_options host_options = { .tls_required = true };
    struct discovery_options options;
    char names[64];
    struct err err;

    *s = (struct stage){ .ip = scene_ip(1),
                         .inbox = scene_path("inbox"),
                         .cell = { .payload = "", .record = "" } };
    (void)snprintf(names, sizeof(names), "DNS:muster-node,IP:%s", s->ip.text);
    s->node = cert_make_for("node", names);
    s->controller = cert_make("controller", "controller");
    host_options.tls =
        (struct tls_files){ s->node.cert.text, s->node.key.text, s->controller.cert.text, NULL };
    cr_assert_eq(mkdir(s->inbox.text, 0755), 0);
    cr_assert_eq(loop_new(&s->loop, &err), 0);
    cr_assert_eq(discovery_host_new(s->loop, &host_options, &s->host, &err), 0, "%s", err.msg);
    options = (struct discovery_options){ .host = s->host,
                                          .ip = s->ip.text,
                                          .port = PORT,
                                          .cell = &s->cell,
                                          .inbox = s->inbox.text,
                                          .source = { .stats = on_stats } };
    cr_assert_eq(discovery_new(s->loop, &options, &s->port, &err), 0, "%s", err.msg);
}

static void end(struct stage *s)
{
    discovery_free(s->port);
    discovery_host_free(s->host);
    tls_context_free(s->tls);
    loop_free(s->loop);
}

/* Speak as the options of a controller say. */
static void speak(struct stage *s, const char *name, bool with_certificate)
{
    struct discovery_tls_flags flags = { .ca = s->node.cert.text, .name = name };

    if (with_certificate) {
        flags.cert = s->controller.cert.text;
        flags.key = s->controller.key.text;
    }
    tls_context_free(s->tls);
    s->tls = NULL;
    cr_assert_eq(discovery_tls_load(&flags, &s->tls, &s->err), 0, "%s", s->err.msg);
}

static bool is_told(void *ctx)
{
    return ((struct stage *)ctx)->told;
}

static void await(struct stage *s)
{
    cr_assert(loop_wait_until(s->loop, is_told, s, WAIT_MS));
    s->told = false;
}

static void on_round(void *ctx, uint32_t version)
{
    struct stage *s = ctx;

    s->version = version;
    s->told = true;
}

static uint32_t count(struct stage *s)
{
    struct census_place place;
    struct census *census;
    struct err err;

    memset(&place, 0, sizeof(place));
    (void)snprintf(place.ip, sizeof(place.ip), "%s", s->ip.text);
    place.port = PORT;
    cr_assert_eq(census_new(s->loop, &s->tls, on_round, s, &census, &err), 0);
    cr_assert_eq(census_ask(census, &place, 1, &err), 1);
    await(s);
    census_free(census);
    return s->version;
}

Test(secure, the_census_is_taken_in_tls)
{
    struct stage s;

    begin(&s);
    cr_expect_eq(count(&s), 0, "plain text is not answered");
    speak(&s, NULL, true);
    cr_expect_eq(count(&s), 7);
    speak(&s, NULL, false);
    cr_expect_eq(count(&s), 0, "the port wants a certificate");
    end(&s);
}

Test(secure, nodes_must_have_the_name_that_was_agreed)
{
    struct stage s;

    begin(&s);
    speak(&s, "muster-node", true);
    cr_expect_eq(count(&s), 7);
    speak(&s, TLS_NAME_ADDRESS, true);
    cr_expect_eq(count(&s), 7);
    speak(&s, "another", true);
    cr_expect_eq(count(&s), 0);
    speak(&s, "somebody", true);
    cr_expect_eq(count(&s), 0, "a common name is none");
    end(&s);
}

Test(secure, a_node_must_have_its_own_address)
{
    struct stage s;
    struct cert stranger;

    begin(&s);
    stranger = cert_make_for("node", "IP:10.0.0.1,DNS:address,DNS:*.node"); /* takes its place */
    cr_assert_eq(discovery_host_reload(s.host, &s.err), 0, "%s", s.err.msg);
    cr_assert_str_eq(stranger.cert.text, s.node.cert.text);
    speak(&s, NULL, true);
    cr_expect_eq(count(&s), 7);
    speak(&s, TLS_NAME_ADDRESS, true);
    cr_expect_eq(count(&s), 0);
    speak(&s, "a.node", true);
    cr_expect_eq(count(&s), 0, "a name that stands for many is none");
    end(&s);
}

/* OpenSSL would take them for any name, and for any name below a domain. */
Test(secure, a_name_that_many_have_is_refused)
{
    static const char *const names[] = { "", ".node" };
    struct cert own = cert_make("own", "own");
    struct tls_context *tls = NULL;
    struct err err;
    size_t i;

    for (i = 0; i < 2; i++) {
        const struct discovery_tls_flags flags = { .ca = own.cert.text, .name = names[i] };

        cr_expect_eq(discovery_tls_load(&flags, &tls, &err), ERR_INVALID, "'%s'", names[i]);
        cr_expect_null(tls);
    }
}

Test(secure, options_that_do_not_fit_are_refused)
{
    struct cert own = cert_make("own", "own");
    struct tls_context *tls = NULL;
    struct err err;

    cr_expect_eq(discovery_tls_load(&(struct discovery_tls_flags){ .ca = NULL }, &tls, &err), 0);
    cr_expect_null(tls, "plain text");
    cr_expect_eq(discovery_tls_load(&(struct discovery_tls_flags){ .name = "a" }, &tls, &err),
                 ERR_USAGE);
    cr_expect_eq(discovery_tls_load(
                     &(struct discovery_tls_flags){ .ca = own.cert.text, .cert = own.cert.text },
                     &tls, &err),
                 ERR_USAGE);
    cr_expect_eq(
        discovery_tls_load(&(struct discovery_tls_flags){ .ca = own.key.text }, &tls, &err),
        ERR_INVALID);
    cr_expect_not_null(strstr(err.msg, own.key.text), "%s", err.msg);
    cr_expect_null(tls);
}

/* ---- Pushes ---- */

static const char *record(void *ctx, const char *cluster, uint32_t version, size_t *bytes)
{
    (void)ctx;
    (void)cluster;
    *bytes = strlen(RECORD);
    return version == 3 ? RECORD : NULL;
}

static void pushed(void *ctx, const struct push_order *order, const struct err *err)
{
    struct stage *s = ctx;

    (void)order;
    s->told = true;
    s->err = err == NULL ? (struct err){ .code = 0 } : *err;
}

static int push(struct stage *s, struct pusher *pusher)
{
    struct push_order order = {
        .cluster = "a", .slot = 1, .port = PORT, .beside = true, .version = 3
    };

    (void)snprintf(order.ip, sizeof(order.ip), "%s", s->ip.text);
    cr_assert_eq(pusher_push(pusher, &order, &s->err), 0, "%s", s->err.msg);
    await(s);
    return s->err.code;
}

Test(secure, configurations_are_pushed_in_tls)
{
    const struct push_events events = { .record = record, .done = pushed };
    struct memd *memd;
    struct pusher *pusher;
    struct stage s;

    begin(&s);
    speak(&s, TLS_NAME_ADDRESS, true);
    cr_assert_eq(memd_new(s.loop, NULL, &memd, &s.err), 0);
    cr_assert_eq(pusher_new(memd, &events, &s, &pusher, &s.err), 0);
    cr_expect_lt(push(&s, pusher), 0, "plain text is not answered");
    pusher_use_tls(pusher, s.loop, &s.tls);
    cr_expect_eq(push(&s, pusher), 0, "%s", s.err.msg);
    cr_expect_eq(rmdir(s.inbox.text), -1, "it lies there");
    speak(&s, "another", true);
    cr_expect_eq(push(&s, pusher), ERR_IO);
    cr_expect_not_null(strstr(s.err.msg, "ostname mismatch"), "%s", s.err.msg);
    pusher_free(pusher);
    memd_free(memd);
    end(&s);
}
