/* HTTP requests to a real server (etcd's gateway), and to sockets that never answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/http.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/relay.h"
#include "support/scene.h"

#define READ_ALL "{\"key\":\"AA==\",\"range_end\":\"AA==\"}"
#define WATCH_ALL "{\"create_request\":{\"key\":\"AA==\",\"range_end\":\"AA==\"}}"

struct world {
    struct loop *loop;
    struct http *http;
    struct http_request *request;
    struct etcd_server *server;
    bool done;
    bool data;
    bool another;
    unsigned status;
    bool sent;
    int code;
    char body[4096];
    size_t data_bytes;
    void (*on_data)(struct world *w);
    void (*on_done)(struct world *w);
};

static void on_done(void *ctx, const struct http_result *result, const struct err *err)
{
    struct world *w = ctx;

    w->done = true;
    w->status = result->status;
    w->sent = result->sent;
    w->code = err == NULL ? 0 : err->code;
    (void)snprintf(w->body, sizeof(w->body), "%s", result->body);
    cr_expect_eq(strlen(result->body), result->body_bytes);
    if (w->on_done != NULL) {
        w->on_done(w);
    }
}

static void on_data(void *ctx, struct str *received)
{
    struct world *w = ctx;

    w->data = true;
    w->data_bytes += received->size;
    str_drop_head(received, received->size);
    if (w->on_data != NULL) {
        w->on_data(w);
    }
}

static void world_start(struct world *w)
{
    struct http_options options = { 0 };
    struct err err;

    *w = (struct world){ .loop = NULL };
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(http_new(w->loop, &options, &w->http, &err), 0, "%s", err.msg);
}

static void world_end(struct world *w)
{
    http_free(w->http);
    loop_free(w->loop);
}

static void start(struct world *w, const char *url, const char *path, const char *body,
                  struct http_call call)
{
    char whole[256];
    struct err err;

    (void)snprintf(whole, sizeof(whole), "%s%s", url, path);
    call.url = whole;
    call.body = body;
    call.body_bytes = strlen(body);
    call.reply_bytes_max = call.reply_bytes_max == 0 ? 65536 : call.reply_bytes_max;
    call.done = on_done;
    call.ctx = w;
    w->done = false;
    cr_assert_eq(http_start(w->http, &call, &w->request, &err), 0, "%s", err.msg);
}

static void await(struct world *w, const bool *flag)
{
    struct err err;

    cr_assert_eq(loop_run_until(w->loop, flag, WAIT_MS, &err), 0, "%s", err.msg);
}

Test(http, a_reply_is_whole_and_the_connection_is_kept)
{
    struct etcd_server *server = etcd_server_start();
    struct relay *relay =
        relay_start(scene_ip(1).text, 80, etcd_server_ip(server), ETCD_SERVER_PORT);
    struct world w;
    char url[64];
    int i;

    (void)snprintf(url, sizeof(url), "http://%s:80", scene_ip(1).text);
    world_start(&w);
    for (i = 0; i < 5; i++) {
        start(&w, url, "/v3/kv/range", READ_ALL, (struct http_call){ .timeout_ms = WAIT_MS });
        cr_expect_not(w.done, "never from inside the call");
        await(&w, &w.done);
        cr_expect_eq(w.code, 0);
        cr_expect_eq(w.status, 200);
        cr_expect_not_null(strstr(w.body, "\"revision\""));
    }
    cr_expect_eq(relay_connections(relay), 1);
    start(&w, url, "/nothing", "{}", (struct http_call){ .timeout_ms = WAIT_MS });
    await(&w, &w.done);
    cr_expect_eq(w.code, 0, "a reply is a reply");
    cr_expect_eq(w.status, 404);
    world_end(&w);
}

Test(http, headers_are_sent)
{
    int listener = net_listen(scene_ip(1).text, 80);
    static const char *const headers[] = { "X-One: 1", "X-Two: 2", NULL };
    struct world w;
    char url[64];
    char text[4096] = "";
    int peer;

    (void)snprintf(url, sizeof(url), "http://%s:80", scene_ip(1).text);
    world_start(&w);
    start(&w, url, "/path", "{\"a\":1}",
          (struct http_call){ .headers = headers, .timeout_ms = 300 });
    await(&w, &w.done);
    cr_expect_eq(w.code, ERR_TIMEOUT);
    cr_expect(w.sent, "the peer has it, though it does not answer");
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(peer, 0);
    cr_assert_gt(read(peer, text, sizeof(text) - 1), 0);
    cr_expect_not_null(strstr(text, "POST /path HTTP/1.1\r\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\r\nX-One: 1\r\n"));
    cr_expect_not_null(strstr(text, "\r\nX-Two: 2\r\n"));
    cr_expect_not_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    cr_expect_null(strstr(text, "Expect:"));
    cr_expect_not_null(strstr(text, "\r\n\r\n{\"a\":1}"));
    cr_assert_eq(close(peer), 0);
    cr_assert_eq(close(listener), 0);
    world_end(&w);
}

Test(http, without_a_peer_nothing_was_sent)
{
    struct world w;
    char url[64];

    (void)snprintf(url, sizeof(url), "http://%s:80", scene_ip(1).text);
    world_start(&w);
    start(&w, url, "/", "{}", (struct http_call){ .timeout_ms = WAIT_MS });
    await(&w, &w.done);
    cr_expect_eq(w.code, ERR_IO);
    cr_expect_not(w.sent);
    cr_expect_eq(w.status, 0);
    world_end(&w);
}

Test(http, a_reply_that_is_too_large_is_refused)
{
    struct etcd_server *server = etcd_server_start();
    struct world w;

    world_start(&w);
    start(&w, etcd_server_url(server), "/v3/kv/range", READ_ALL,
          (struct http_call){ .timeout_ms = WAIT_MS, .reply_bytes_max = 20 });
    await(&w, &w.done);
    cr_expect_eq(w.code, ERR_LIMIT);
    world_end(&w);
}

Test(http, a_url_that_is_too_long_is_refused)
{
    struct world w;
    char url[HTTP_URL_MAX + 2];
    struct http_call call = { .url = url, .body = "", .done = on_done };
    struct err err;

    memset(url, 'x', sizeof(url));
    url[HTTP_URL_MAX + 1] = '\0';
    world_start(&w);
    cr_expect_eq(http_start(w.http, &call, &w.request, &err), ERR_INVALID);
    world_end(&w);
}

/* ---- What callbacks may do ---- */

static void cancel_it(struct world *w)
{
    http_cancel(w->request);
}

static void free_all(struct world *w)
{
    http_free(TAKE(w->http));
}

static void start_another(struct world *w)
{
    w->on_done = NULL;
    w->another = true;
    start(w, etcd_server_url(w->server), "/v3/kv/range", READ_ALL,
          (struct http_call){ .timeout_ms = WAIT_MS });
}

Test(http, a_stream_goes_on_until_it_is_canceled_by_its_own_data)
{
    struct etcd_server *server = etcd_server_start();
    struct world w;

    world_start(&w);
    start(&w, etcd_server_url(server), "/v3/watch", WATCH_ALL,
          (struct http_call){ .data = on_data });
    await(&w, &w.data);
    w.data = false;
    w.on_data = cancel_it;
    (void)etcd_server_put(server, "/a", "1");
    await(&w, &w.data);
    cr_expect_gt(w.data_bytes, 100);
    (void)etcd_server_put(server, "/a", "2");
    w.data = false;
    loop_wait_ms(w.loop, 20);
    cr_expect_not(w.data);
    cr_expect_not(w.done);
    world_end(&w);
}

Test(http, everything_may_be_freed_by_the_data_of_a_stream)
{
    struct etcd_server *server = etcd_server_start();
    struct world w;

    world_start(&w);
    w.on_data = free_all;
    start(&w, etcd_server_url(server), "/v3/watch", WATCH_ALL,
          (struct http_call){ .data = on_data });
    await(&w, &w.data);
    cr_expect_null(w.http);
    world_end(&w);
}

Test(http, everything_may_be_freed_by_a_reply)
{
    struct etcd_server *server = etcd_server_start();
    struct world w;

    world_start(&w);
    w.on_done = free_all;
    start(&w, etcd_server_url(server), "/v3/watch", WATCH_ALL,
          (struct http_call){ .data = on_data });
    start(&w, etcd_server_url(server), "/v3/kv/range", READ_ALL,
          (struct http_call){ .timeout_ms = WAIT_MS });
    await(&w, &w.done);
    cr_expect_null(w.http);
    world_end(&w);
}

Test(http, a_reply_may_start_the_next_request)
{
    struct world w;

    world_start(&w);
    w.server = etcd_server_start();
    w.on_done = start_another;
    start(&w, etcd_server_url(w.server), "/v3/kv/range", READ_ALL,
          (struct http_call){ .timeout_ms = WAIT_MS });
    await(&w, &w.another);
    await(&w, &w.done);
    cr_expect_eq(w.status, 200);
    world_end(&w);
}

Test(http, a_canceled_request_is_silent)
{
    struct etcd_server *server = etcd_server_start();
    struct world w;

    world_start(&w);
    start(&w, etcd_server_url(server), "/v3/kv/range", READ_ALL,
          (struct http_call){ .timeout_ms = WAIT_MS });
    http_cancel(w.request);
    http_cancel(NULL);
    loop_wait_ms(w.loop, 20);
    cr_expect_not(w.done);
    world_end(&w);
}

Test(http, memory_that_runs_out_is_told)
{
    struct etcd_server *server = etcd_server_start();
    struct http_options options = { .ca_file = "/ca" };
    struct http *other = NULL;
    struct world w;
    struct err err;
    int n = 0;
    int rv;

    do {
        CLEANUP(loop_free_p) struct loop *loop = NULL;

        cr_assert_eq(loop_new(&loop, &err), 0);
        mem_fail_after(n++);
        rv = http_new(loop, &options, &other, &err);
        if (rv == 0) {
            http_free(TAKE(other));
        }
        cr_assert(rv == 0 || rv == ERR_NOMEM);
    } while (rv < 0);
    mem_fail_after(-1);
    cr_expect_geq(n, 3);

    world_start(&w);
    n = 0;
    do { /* within the request's way, too: it fails, and the next one succeeds */
        struct http_call call = { .body = READ_ALL, .body_bytes = strlen(READ_ALL) };
        char url[128];

        (void)snprintf(url, sizeof(url), "%s/v3/kv/range", etcd_server_url(server));
        call.url = url;
        call.timeout_ms = WAIT_MS;
        call.reply_bytes_max = 65536;
        call.done = on_done;
        call.ctx = &w;
        w.done = false;
        mem_fail_after(n++);
        rv = http_start(w.http, &call, &w.request, &err);
        if (rv == 0) {
            await(&w, &w.done);
            rv = w.code;
        }
    } while (mem_has_failed());
    cr_expect_eq(rv, 0);
    cr_expect_geq(n, 3);
    world_end(&w);
}
