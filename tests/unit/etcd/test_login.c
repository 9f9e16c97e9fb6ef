/* Users, passwords and tokens against a real etcd. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "world.h"

static void post(struct world *w, const char *path, const char *json)
{
    free(etcd_server_post(w->server, path, json));
}

/* Users root/root, and reader/r"d who may read (but not write) below /t/. */
static void enable_auth(struct world *w)
{
    post(w, "/v3/auth/user/add", "{\"name\":\"root\",\"password\":\"root\"}");
    post(w, "/v3/auth/role/add", "{\"name\":\"root\"}");
    post(w, "/v3/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}");
    post(w, "/v3/auth/user/add", "{\"name\":\"reader\",\"password\":\"r\\\"d\"}");
    post(w, "/v3/auth/role/add", "{\"name\":\"reader\"}");
    post(w, "/v3/auth/role/grant",
         "{\"name\":\"reader\",\"perm\":{\"permType\":\"READ\",\"key\":\"L3Qv\","
         "\"range_end\":\"L3Qw\"}}");
    post(w, "/v3/auth/user/grant", "{\"user\":\"reader\",\"role\":\"reader\"}");
    post(w, "/v3/auth/enable", "{}");
}

static void start(struct world *w, const char *user, const char *password)
{
    struct etcd_options options;

    *w = (struct world){ .server = etcd_server_start() };
    (void)etcd_server_put(w->server, "/t/a", "1");
    enable_auth(w);
    /* A login costs 100 ms of computing, and more on a busy machine. */
    options = etcd_server_patient(etcd_server_url(w->server));
    options.user = user;
    options.password = password;
    world_open(w, &options);
}

Test(login, with_the_right_password_opens)
{
    struct world w;

    start(&w, "root", "root");
    cr_expect_eq(world_list(&w, "/t/").count, 1);
    (void)world_put(&w, "/t/b", "2", 0);
    cr_expect_eq(world_list(&w, "/t/").count, 2);
    world_end(&w);
}

Test(login, with_a_wrong_password_or_none_is_denied)
{
    struct world w;
    struct world anonymous = { .loop = NULL };
    struct etcd_options options;
    struct etcd_range_result result;
    struct err err;

    start(&w, "root", "wrong");
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), ERR_DENIED);
    options = etcd_server_patient(etcd_server_url(w.server));
    world_open(&anonymous, &options);
    cr_expect_eq(world_read(&anonymous, "/t/a", &result, &err), ERR_DENIED);
    world_end(&anonymous);
    world_end(&w);
}

Test(login, permissions_hold)
{
    struct world w;
    struct etcd_op op = { .kind = ETCD_PUT, .key = "/t/b", .value = "2", .value_bytes = 1 };
    struct etcd_txn_result written;
    struct etcd_range_result result;
    struct err err;

    start(&w, "reader", "r\"d");
    cr_expect_eq(world_list(&w, "/t/").count, 1);
    cr_expect_eq(world_write(&w, NULL, &op, &written, &err), ERR_DENIED);
    cr_expect_eq(world_read(&w, "/u", &result, &err), ERR_DENIED);
    world_end(&w);
}

/* Tokens live in the members' memory: after a restart they mean nothing. */
Test(login, a_token_that_is_not_known_any_more_is_renewed)
{
    struct world w;
    struct etcd_op op = { .kind = ETCD_PUT, .key = "/t/b", .value = "2", .value_bytes = 1 };
    struct etcd_txn_result written;
    struct err err;

    start(&w, "root", "root");
    cr_expect_eq(world_list(&w, "/t/").count, 1);
    etcd_server_kill(w.server);
    etcd_server_restart(w.server);
    cr_expect_eq(world_write(&w, NULL, &op, &written, &err), 0, "%s", err.msg);
    world_end(&w);
}

Test(login, is_not_needed_where_etcd_asks_for_none)
{
    struct world w = { .server = etcd_server_start() };
    struct etcd_options options = etcd_server_patient(etcd_server_url(w.server));

    options.user = "root";
    options.password = "root";
    world_open(&w, &options);
    (void)world_put(&w, "/t/a", "1", 0);
    world_end(&w);
}

/* ---- Watches ---- */

struct watcher {
    struct etcd_watch *watch;
    size_t events;
    int end_code;
};

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct watcher *watcher = ctx;

    (void)events;
    (void)revision;
    watcher->events += count;
}

static void on_end(void *ctx, const struct err *err)
{
    struct watcher *watcher = ctx;

    watcher->end_code = err->code;
    etcd_watch_free(TAKE(watcher->watch));
}

static bool has_event(void *ctx)
{
    const struct watcher *watcher = ctx;

    return 0 < watcher->events;
}

static bool has_ended(void *ctx)
{
    const struct watcher *watcher = ctx;

    return watcher->end_code != 0;
}

Test(login, a_watch_logs_in_too_and_is_told_what_it_may_not_see)
{
    struct world w;
    struct watcher allowed = { 0 };
    struct watcher denied = { 0 };
    struct err err;

    start(&w, "reader", "r\"d");
    cr_assert_eq(
        etcd_watch_new(w.etcd, "/t/", 1, on_events, on_end, &allowed, &allowed.watch, &err), 0);
    cr_assert_eq(etcd_watch_new(w.etcd, "/u/", 1, on_events, on_end, &denied, &denied.watch, &err),
                 0);
    cr_expect(loop_wait_until(w.loop, has_event, &allowed, WAIT_MS));
    cr_expect(loop_wait_until(w.loop, has_ended, &denied, WAIT_MS));
    cr_expect_eq(denied.end_code, ERR_DENIED);
    cr_expect_eq(allowed.end_code, 0);
    etcd_watch_free(allowed.watch);
    world_end(&w);
}
