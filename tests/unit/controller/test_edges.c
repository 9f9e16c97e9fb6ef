/* The parts at the edges, each on a real server: pushes, probes, the lease of events. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/event_lease.h"
#include "controller/probe.h"
#include "controller/pusher.h"
#include "etcd/etcd_wait.h"
#include "loop/loop.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"

#define PORT 11211

static bool answers(void *ctx)
{
    return net_answers(ctx, PORT);
}

static struct process *memcached_start(struct scene_ip *ip)
{
    struct process *process = process_startl("memcached", "memcached", "-u", "root", "-l", ip->text,
                                             "-p", "11211", "-U", "0", NULL);

    cr_assert(wait_until(answers, ip->text, WAIT_MS));
    return process;
}

/* ---- Pushes ---- */

struct committed {
    uint32_t version;
    size_t done;
    size_t failed;
    size_t canceled;
    size_t wanted;
};

static const char *record(void *ctx, const char *cluster, uint32_t version, size_t *bytes)
{
    struct committed *committed = ctx;

    cr_assert_str_eq(cluster, "a");
    *bytes = strlen("the record");
    return version == committed->version ? "the record" : NULL;
}

static void pushed(void *ctx, const struct push_order *order, const struct err *err)
{
    struct committed *committed = ctx;

    cr_assert_gt(order->slot, 0);
    committed->done++;
    committed->failed += err != NULL && err->code != ERR_CANCELED;
    committed->canceled += err != NULL && err->code == ERR_CANCELED;
}

static bool all_done(void *ctx)
{
    struct committed *committed = ctx;

    return committed->wanted <= committed->done;
}

struct push_world {
    struct loop *loop;
    struct memd *memd;
    struct pusher *pusher;
    struct committed committed;
};

static void push_world_start(struct push_world *w)
{
    const struct push_events events = { .record = record, .done = pushed };
    struct memd_options options = { .connect_timeout_ms = 5000, .reply_timeout_ms = 5000 };
    struct err err;

    *w = (struct push_world){ .committed = { .version = 3 } };
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(memd_new(w->loop, &options, &w->memd, &err), 0);
    cr_assert_eq(pusher_new(w->memd, &events, &w->committed, &w->pusher, &err), 0);
}

static void push_world_end(struct push_world *w)
{
    pusher_free(w->pusher);
    memd_free(w->memd);
    loop_free(w->loop);
}

static int push(struct push_world *w, const char *ip, uint32_t slot, uint32_t version)
{
    struct push_order order = { .cluster = "a", .slot = slot, .port = PORT, .version = version };
    struct err err;
    int rv;

    (void)snprintf(order.ip, sizeof(order.ip), "%s", ip);
    rv = pusher_push(w->pusher, &order, &err);
    w->committed.wanted += 0 <= rv;
    return rv;
}

Test(pusher, many_pushes_all_arrive)
{
    struct scene_ip ip = scene_ip(1);
    struct push_world w;
    uint32_t i;
    char *reply;

    push_world_start(&w);
    memcached_start(&ip);
    for (i = 1; i <= 3 * PUSHES_AT_ONCE; i++) {
        cr_assert_eq(push(&w, ip.text, i, 3), 0);
    }
    cr_assert_eq(w.committed.done, 0);
    cr_assert(loop_wait_until(w.loop, all_done, &w.committed, WAIT_MS));
    cr_assert_eq(w.committed.failed, 0);
    reply = net_ask(ip.text, PORT, "get muster:config\r\nquit\r\n", NULL);
    cr_assert_not_null(strstr(reply, "the record"), "%s", reply);
    free(reply);
    push_world_end(&w);
}

Test(pusher, a_superseded_version_is_not_pushed)
{
    struct scene_ip ip = scene_ip(1);
    struct push_world w;
    uint32_t i;

    push_world_start(&w);
    memcached_start(&ip);
    cr_assert_eq(push(&w, ip.text, 1, 2), ERR_CANCELED);
    for (i = 1; i <= PUSHES_AT_ONCE + 10; i++) {
        cr_assert_eq(push(&w, ip.text, i, 3), 0);
    }
    w.committed.version = 4;
    cr_assert(loop_wait_until(w.loop, all_done, &w.committed, WAIT_MS));
    cr_assert_eq(w.committed.canceled, 10, "those that waited for their turn");
    push_world_end(&w);
}

Test(pusher, a_node_that_is_not_there_fails)
{
    struct scene_ip ip = scene_ip(1);
    struct push_world w;

    push_world_start(&w);
    cr_assert_eq(push(&w, ip.text, 1, 3), 0);
    cr_assert(loop_wait_until(w.loop, all_done, &w.committed, WAIT_MS));
    cr_assert_eq(w.committed.failed, 1);
    cr_assert_eq(push(&w, ip.text, 1, 3), 0);
    push_world_end(&w); /* one is under way */
    cr_assert_eq(w.committed.done, 1);
}

/* ---- Probes ---- */

struct probed {
    bool answers;
    size_t count;
    size_t wanted;
    bool answer_wanted;
};

static void on_probe(void *ctx, bool answered)
{
    struct probed *probed = ctx;

    probed->answers = answered;
    probed->count++;
}

static bool probe_says(void *ctx)
{
    struct probed *probed = ctx;

    return probed->wanted < probed->count && probed->answers == probed->answer_wanted;
}

static void expect_probe(struct loop *loop, struct probed *probed, bool answer)
{
    probed->wanted = probed->count;
    probed->answer_wanted = answer;
    cr_assert(loop_wait_until(loop, probe_says, probed, WAIT_MS));
}

Test(probe, it_follows_a_node_that_goes_and_comes)
{
    struct scene_ip ip = scene_ip(1);
    struct probed probed = { .count = 0 };
    struct process *memcached;
    struct probe *probe;
    struct loop *loop;
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(probe_new(loop, ip.text, PORT, on_probe, &probed, &probe, &err), 0);
    cr_assert(probe_is_at(probe, ip.text, PORT));
    cr_assert_not(probe_is_at(probe, ip.text, PORT + 1));
    expect_probe(loop, &probed, false);
    memcached = memcached_start(&ip);
    expect_probe(loop, &probed, true);
    process_kill(memcached);
    expect_probe(loop, &probed, false);
    probe_free(probe);
    loop_free(loop);
}

/* ---- The lease of events ---- */

struct lease_wait {
    bool done;
    int code;
};

static void on_lease(void *ctx, const struct err *err)
{
    struct lease_wait *wait = ctx;

    wait->done = true;
    wait->code = err == NULL ? 0 : err->code;
}

Test(event_lease, one_lease_serves_until_it_is_dropped)
{
    struct etcd_server *server = etcd_server_start();
    const struct etcd_options options = etcd_server_patient(etcd_server_url(server));
    struct lease_wait wait = { .done = false };
    struct event_lease *lease;
    struct etcd *etcd;
    struct loop *loop;
    struct err err;
    uint64_t first;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(etcd_new(loop, &options, &etcd, &err), 0);
    cr_assert_eq(event_lease_new(etcd, 3600000, on_lease, &wait, &lease, &err), 0);
    cr_assert_eq(event_lease_id(lease), 0);
    cr_assert_eq(event_lease_ask(lease, &err), 0);
    cr_assert_eq(event_lease_ask(lease, &err), 0, "asking twice asks once");
    cr_assert_eq(loop_run_until(loop, &wait.done, WAIT_MS, &err), 0);
    cr_assert_eq(wait.code, 0);
    first = event_lease_id(lease);
    cr_assert_neq(first, 0);
    event_lease_drop(lease);
    cr_assert_eq(event_lease_id(lease), 0);
    wait.done = false;
    cr_assert_eq(event_lease_ask(lease, &err), 0);
    cr_assert_eq(loop_run_until(loop, &wait.done, WAIT_MS, &err), 0);
    cr_assert_neq(event_lease_id(lease), first);
    etcd_free(etcd);
    event_lease_free(lease);
    loop_free(loop);
}
