#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "store/event_log.h"
#include "store/keys.h"
#include "support/etcd_server.h"
#include "support/wait.h"

struct fixture {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct event_log *log;
    struct arena arena;
    struct etcd_range_result found;
    size_t wanted;
};

static void set_up(struct fixture *f)
{
    struct etcd_options options;
    struct err err;

    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 256U << 20);
    f->server = etcd_server_start();
    options = etcd_server_patient(etcd_server_url(f->server));
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(etcd_new(f->loop, &options, &f->etcd, &err), 0);
    cr_assert_eq(event_log_new(f->loop, f->etcd, KEYS_PREFIX_DEFAULT, &f->log, &err), 0);
}

static void tear_down(struct fixture *f)
{
    event_log_free(f->log);
    etcd_free(f->etcd);
    loop_free(f->loop);
    arena_deinit(&f->arena);
}

static void add(struct fixture *f, const char *cluster, uint64_t at_ms)
{
    struct event event = { .cluster = cluster,
                           .at_ms = at_ms,
                           .program = "test",
                           .type = "Normal",
                           .reason = "Tested",
                           .subject = "slot 0001",
                           .message = "a message" };

    event_log_add(f->log, &event);
}

static bool all_there(void *ctx)
{
    struct fixture *f = ctx;
    struct etcd_range range = { .key = KEYS_PREFIX_DEFAULT "/events/", .prefix = true };
    struct err err;

    return etcd_wait_range(f->loop, f->etcd, &range, &f->arena, &f->found, &err) == 0 &&
           f->wanted <= f->found.count &&
           event_log_is_idle(f->log); /* else the log may not know yet, and write it again */
}

static void await_events(struct fixture *f, size_t count)
{
    f->wanted = count;
    cr_assert(wait_until(all_there, f, WAIT_MS), "%zu events instead of %zu", f->found.count,
              count);
    cr_expect_eq(f->found.count, count);
}

Test(event_log, events_stand_in_the_order_of_their_time_on_one_lease)
{
    struct fixture f;
    struct event event;
    struct key key;
    size_t i;

    set_up(&f);
    for (i = 0; i < 100; i++) {
        add(&f, "demo", 1000 + i);
    }
    await_events(&f, 100);
    for (i = 0; i < 100; i++) {
        const struct etcd_kv *kv = &f.found.kvs[i];

        cr_assert(key_parse(KEYS_PREFIX_DEFAULT, kv->key, &key));
        cr_expect_eq(key.kind, KEY_EVENT);
        cr_expect_neq(kv->lease, 0);
        cr_expect_eq(kv->lease, f.found.kvs[0].lease);
        cr_assert_eq(json_decode_event(kv->value, kv->value_bytes, &f.arena, &event, NULL), 0);
        cr_expect_eq(event.at_ms, 1000 + i);
    }
    tear_down(&f);
}

Test(event_log, events_about_no_cluster_have_a_place_too)
{
    struct fixture f;

    set_up(&f);
    add(&f, "-", 1);
    await_events(&f, 1);
    tear_down(&f);
}

Test(event_log, too_many_are_dropped_and_counted)
{
    struct fixture f;
    size_t i;

    set_up(&f);
    for (i = 0; i < EVENT_LOG_PENDING_MAX + 3; i++) {
        add(&f, "demo", i);
    }
    cr_expect_eq(event_log_dropped(f.log), 3);
    await_events(&f, EVENT_LOG_PENDING_MAX);
    tear_down(&f);
}

Test(event_log, a_lease_that_etcd_has_forgotten_is_replaced)
{
    struct fixture f;

    set_up(&f);
    add(&f, "demo", 1);
    await_events(&f, 1);
    etcd_server_kill(f.server);
    etcd_server_wipe(f.server);
    etcd_server_restart(f.server);
    add(&f, "demo", 2);
    await_events(&f, 1);
    tear_down(&f);
}

Test(event_log, without_memory_an_event_is_dropped)
{
    struct fixture f;
    int n;

    set_up(&f);
    for (n = 0; n < 20; n++) {
        mem_fail_after(n);
        add(&f, "demo", (uint64_t)n);
    }
    cr_expect_gt(event_log_dropped(f.log), 0);
    mem_fail_after(-1);
    tear_down(&f);
}
