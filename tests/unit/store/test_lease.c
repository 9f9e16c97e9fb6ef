/* The lease against a real etcd. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "store/lease.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"

#define TTL_S UINT64_C(2)
#define LONG_TTL_S UINT64_C(6) /* outlives a machine that stands still for a moment */

struct world {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct lease *lease;
    uint64_t id;
    unsigned granted;
    unsigned lost;
    long left_s; /* of the lease, when etcd was asked last */
    unsigned renewals;
    bool changed;
    bool done;
};

static void on_changed(void *ctx, uint64_t id)
{
    struct world *w = ctx;

    cr_expect_eq(lease_id(w->lease), id);
    w->granted += id != 0 ? 1 : 0;
    w->lost += id == 0 ? 1 : 0;
    w->id = id;
    w->changed = true;
}

static void on_done(void *ctx)
{
    struct world *w = ctx;

    w->done = true;
}

static void world_start_for(struct world *w, uint64_t ttl_s)
{
    struct etcd_options options;
    struct err err;

    *w = (struct world){ .server = etcd_server_start() };
    options = etcd_server_patient(etcd_server_url(w->server));
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(etcd_new(w->loop, &options, &w->etcd, &err), 0, "%s", err.msg);
    cr_assert_eq(lease_new(w->loop, w->etcd, ttl_s, on_changed, w, &w->lease, &err), 0);
}

static void world_start(struct world *w)
{
    world_start_for(w, TTL_S);
}

static void world_end(struct world *w)
{
    lease_free(w->lease);
    etcd_free(w->etcd);
    loop_free(w->loop);
}

static void await_change(struct world *w)
{
    struct err err;

    w->changed = false;
    cr_assert_eq(loop_run_until(w->loop, &w->changed, WAIT_MS, &err), 0, "%s", err.msg);
}

/* How many seconds etcd gives the lease yet; -1: it knows none. */
static long left_s(struct world *w, uint64_t id)
{
    static const char name[] = "\"TTL\":\"";
    char json[64];
    CLEANUP(mem_free_p) char *reply = NULL;
    const char *at;

    (void)snprintf(json, sizeof(json), "{\"ID\":\"%llu\"}", (unsigned long long)id);
    reply = etcd_server_post(w->server, "/v3/lease/timetolive", json);
    at = strstr(reply, name);
    return at == NULL ? 0 : strtol(at + sizeof(name) - 1, NULL, 10);
}

static bool is_alive(struct world *w, uint64_t id)
{
    return 0 <= left_s(w, id);
}

static bool is_renewed_twice(void *ctx)
{
    struct world *w = ctx;
    long now_s = left_s(w, w->id);

    w->renewals += w->left_s < now_s ? 1 : 0;
    w->left_s = now_s;
    return w->renewals == 2;
}

static bool is_granted_again(void *ctx)
{
    const struct world *w = ctx;

    return w->granted == 2;
}

Test(lease, is_granted_and_kept_alive)
{
    struct world w;
    uint64_t id;

    world_start_for(&w, LONG_TTL_S);
    cr_expect_eq(lease_id(w.lease), 0);
    await_change(&w);
    id = w.id;
    cr_assert_neq(id, 0);
    w.left_s = left_s(&w, id);
    cr_expect(loop_wait_until(w.loop, is_renewed_twice, &w, WAIT_MS));
    cr_expect_eq(lease_id(w.lease), id);
    cr_expect_eq(w.lost, 0);
    world_end(&w);
}

Test(lease, revoked_is_gone_at_once)
{
    struct world w;
    struct err err;
    uint64_t id;

    world_start(&w);
    await_change(&w);
    id = w.id;
    lease_revoke(w.lease, on_done, &w);
    cr_expect_eq(lease_id(w.lease), 0);
    cr_assert_eq(loop_run_until(w.loop, &w.done, WAIT_MS, &err), 0);
    cr_expect_not(is_alive(&w, id));
    world_end(&w);
}

Test(lease, revoking_before_a_grant_is_told_too)
{
    struct world w;
    struct err err;

    world_start(&w);
    lease_revoke(w.lease, on_done, &w);
    cr_expect_not(w.done);
    cr_assert_eq(loop_run_until(w.loop, &w.done, WAIT_MS, &err), 0);
    cr_expect_eq(w.granted, 0);
    world_end(&w);
}

Test(lease, taken_away_by_somebody_it_is_lost_and_another_one_comes)
{
    struct world w;
    char json[64];
    uint64_t id;

    world_start(&w);
    await_change(&w);
    id = w.id;
    (void)snprintf(json, sizeof(json), "{\"ID\":\"%llu\"}", (unsigned long long)id);
    free(etcd_server_post(w.server, "/v3/lease/revoke", json));
    cr_expect(loop_wait_until(w.loop, is_granted_again, &w, WAIT_MS));
    cr_expect_neq(w.id, id);
    cr_expect_eq(w.lost, 1);
    world_end(&w);
}

Test(lease, out_of_etcds_reach_it_is_lost_by_the_clock)
{
    struct world w;
    uint64_t start_ms;

    world_start(&w);
    await_change(&w);
    etcd_server_freeze(w.server);
    start_ms = clock_mono_ms();
    await_change(&w);
    cr_expect_eq(w.id, 0);
    /* The renewal itself is given up after WAIT_MS only. */
    cr_expect_lt(clock_mono_ms() - start_ms, WAIT_MS / 2);
    etcd_server_thaw(w.server);
    await_change(&w);
    cr_expect_neq(w.id, 0);
    world_end(&w);
}

/* A process that was stopped for longer than the TTL must not believe in its lease. */
Test(lease, after_a_long_stop_it_does_not_count_before_anybody_says_so)
{
    struct world w;
    const struct timespec stop = { .tv_sec = TTL_S, .tv_nsec = 100000000 };

    world_start(&w);
    await_change(&w);
    (void)nanosleep(&stop, NULL); /* the loop stands still: this is the stopped process */
    cr_expect_eq(lease_id(w.lease), 0);
    cr_expect(loop_wait_until(w.loop, is_granted_again, &w, WAIT_MS));
    cr_expect_eq(w.lost, 1);
    world_end(&w);
}

Test(lease, shorter_than_etcd_allows_is_refused)
{
    struct loop *loop = NULL;
    struct etcd *etcd = NULL;
    struct lease *lease = NULL;
    struct etcd_options options = { .endpoints = "http://127.0.0.1:1" };
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(etcd_new(loop, &options, &etcd, &err), 0);
    cr_expect_eq(lease_new(loop, etcd, 1, on_changed, NULL, &lease, &err), ERR_INVALID);
    etcd_free(etcd);
    loop_free(loop);
}
