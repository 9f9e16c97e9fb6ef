#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd/etcd.h"
#include "etcd/etcd_wait.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/wait.h"
#include "watcher/report.h"

#define KEYS 300

struct fixture {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct arena arena;
    struct log log;
    struct report *report;
    bool clean;
    size_t foreign;
};

static void on_clean(void *ctx)
{
    struct fixture *f = ctx;

    f->clean = true;
}

static void on_foreign(void *ctx)
{
    struct fixture *f = ctx;

    f->foreign++;
}

static void set_up_with_ttl(struct fixture *f, uint64_t lease_ttl_s)
{
    struct etcd_options options = { 0 };
    struct err err;

    memset(f, 0, sizeof(*f));
    f->log = (struct log){ .fd = 2, .level = LOG_ERROR, .program = "test" };
    arena_init(&f->arena, 64U << 20);
    f->server = etcd_server_start();
    options.endpoints = etcd_server_url(f->server);
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(etcd_new(f->loop, &options, &f->etcd, &err), 0);
    cr_assert_eq(report_new(f->loop, f->etcd, lease_ttl_s, "h1", &f->log, &f->report, &err), 0);
}

static void set_up(struct fixture *f)
{
    set_up_with_ttl(f, 60);
}

static void tear_down(struct fixture *f)
{
    report_free(f->report);
    etcd_free(f->etcd);
    loop_free(f->loop);
    arena_deinit(&f->arena);
}

static struct report_key *new_key(struct fixture *f, const char *name)
{
    struct report_key *key;
    struct err err;

    cr_assert_eq(report_key_new(f->report, name, on_foreign, f, &key, &err), 0);
    return key;
}

static void put(struct report_key *key, const char *value, bool contested)
{
    struct err err;

    cr_assert_eq(report_key_put(key, value, strlen(value), contested, &err), 0);
}

static void run_for(struct fixture *f, uint64_t ms)
{
    bool never = false;
    struct err err;

    cr_assert_eq(loop_run_until(f->loop, &never, ms, &err), ERR_TIMEOUT);
}

static void run_until_clean(struct fixture *f)
{
    struct err err;

    f->clean = false;
    report_when_clean(f->report, on_clean, f);
    cr_assert_eq(loop_run_until(f->loop, &f->clean, WAIT_MS, &err), 0, "%s", err.msg);
}

/* The key's value, or "(none)". */
static const char *value_of(struct fixture *f, const char *key, uint64_t *lease)
{
    struct etcd_kv kv = { 0 };
    struct err err;
    int rv = etcd_wait_get(f->loop, f->etcd, key, &f->arena, &kv, &err);

    cr_assert(rv == 0 || rv == ERR_NOT_FOUND, "%s", err.msg);
    if (lease != NULL) {
        *lease = kv.lease;
    }
    return rv == 0 ? kv.value : "(none)";
}

static void report_of(const char *host, char *out, size_t out_size)
{
    (void)snprintf(
        out, out_size,
        "{\"cluster\":\"c\",\"slot\":1,\"host\":\"%s\",\"uid\":\"00000000000000aa\","
        "\"state\":\"up\",\"partition\":\"none\",\"ip\":\"10.0.0.1\",\"dataPort\":11211,"
        "\"discoveryPort\":11210,\"settings\":{\"memoryBytes\":67108864,\"threads\":4,"
        "\"maxConnections\":1024,\"maxItemBytes\":1048576,\"extraArgs\":[]},\"served\":"
        "{\"epoch\":0,\"version\":0,\"digest\":\"\"},\"versionSeen\":0,\"pid\":7,\"startedMs\":1,"
        "\"restarts\":0,\"clients\":-1,\"problem\":\"\"}",
        host);
}

Test(report, a_value_is_written_with_a_lease)
{
    struct fixture f;
    uint64_t lease;

    set_up(&f);
    put(new_key(&f, "/k"), "one", false);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", &lease), "one");
    cr_expect_neq(lease, 0);
    tear_down(&f);
}

/* Many keys changed many times in one turn: few transactions, each key once. */
Test(report, changes_of_one_turn_go_out_together)
{
    struct report_key *keys[KEYS];
    struct fixture f;
    uint64_t before;
    char name[32];
    size_t i;

    set_up(&f);
    put(new_key(&f, "/first"), "x", false);
    run_until_clean(&f);
    before = etcd_server_revision(f.server);
    for (i = 0; i < KEYS; i++) {
        (void)snprintf(name, sizeof(name), "/k/%04zu", i);
        keys[i] = new_key(&f, name);
        put(keys[i], "not yet", false);
        put(keys[i], "last", false);
    }
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k/0000", NULL), "last");
    cr_expect_str_eq(value_of(&f, "/k/0299", NULL), "last");
    cr_expect_eq(etcd_server_revision(f.server) - before,
                 (KEYS + ETCD_TXN_OPS_MAX - 1) / ETCD_TXN_OPS_MAX);

    before = etcd_server_revision(f.server);
    for (i = 0; i < KEYS; i++) {
        put(keys[i], "last", false);
    }
    run_until_clean(&f);
    cr_expect_eq(etcd_server_revision(f.server), before, "what did not change is not written");
    tear_down(&f);
}

Test(report, a_change_during_a_write_is_written_too)
{
    struct report_key *key;
    struct fixture f;

    set_up(&f);
    key = new_key(&f, "/k");
    put(key, "one", false);
    run_until_clean(&f);
    put(key, "two", false);
    run_for(&f, 0); /* it is on its way */
    put(key, "three", false);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "three");
    tear_down(&f);
}

static bool has_met_foreign(void *ctx)
{
    const struct fixture *f = ctx;

    return 0 < f->foreign;
}

static void look(struct fixture *f)
{
    report_look(f->report);
    run_for(f, 100);
    run_until_clean(f);
}

Test(report, a_key_that_somebody_deleted_is_put_again)
{
    struct fixture f;
    uint64_t before;
    uint64_t lease;

    set_up(&f);
    put(new_key(&f, "/kept"), "one", false);
    put(new_key(&f, "/deleted"), "two", false);
    run_until_clean(&f);
    (void)etcd_server_delete(f.server, "/deleted");
    look(&f);
    cr_expect_str_eq(value_of(&f, "/deleted", &lease), "two");
    cr_expect_neq(lease, 0);
    cr_expect_str_eq(value_of(&f, "/kept", NULL), "one");
    before = etcd_server_revision(f.server);
    look(&f);
    cr_expect_eq(etcd_server_revision(f.server), before, "what is there is not written");
    tear_down(&f);
}

Test(report, all_of_many_keys_are_looked_at_in_turn)
{
    struct fixture f;
    char name[32];
    size_t i;

    set_up(&f);
    for (i = 0; i < KEYS; i++) {
        (void)snprintf(name, sizeof(name), "/k/%04zu", i);
        put(new_key(&f, name), "x", false);
    }
    run_until_clean(&f);
    (void)etcd_server_delete(f.server, "/k/0000");
    (void)etcd_server_delete(f.server, "/k/0299");
    for (i = 0; i < KEYS; i += ETCD_TXN_OPS_MAX) {
        look(&f);
    }
    cr_expect_str_eq(value_of(&f, "/k/0000", NULL), "x");
    cr_expect_str_eq(value_of(&f, "/k/0299", NULL), "x");
    tear_down(&f);
}

Test(report, a_look_takes_nothing_from_another_host)
{
    struct fixture f;
    char foreign[1024];

    set_up(&f);
    report_of("h2", foreign, sizeof(foreign));
    put(new_key(&f, "/k"), "ours", false);
    run_until_clean(&f);
    (void)etcd_server_put(f.server, "/k", foreign);
    look(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), foreign);
    cr_expect_eq(f.foreign, 1);
    (void)etcd_server_delete(f.server, "/k"); /* by its host, which was told to stop */
    look(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "ours");
    tear_down(&f);
}

/* The lease ends and another host reports instead; then etcd gives this one a new lease. */
Test(report, after_a_lost_lease_nothing_is_taken_from_another_host)
{
    struct report_key *taken;
    struct fixture f;
    char foreign[1024];
    char json[64];
    uint64_t former;
    uint64_t lease;

    set_up_with_ttl(&f, 3); /* the loss is noticed when it is to be renewed, before any look */
    report_of("h2", foreign, sizeof(foreign));
    taken = new_key(&f, "/taken");
    put(taken, "ours", false);
    put(new_key(&f, "/free"), "ours", false);
    run_until_clean(&f);
    (void)value_of(&f, "/taken", &former);
    (void)snprintf(json, sizeof(json), "{\"ID\":\"%llu\"}", (unsigned long long)former);
    free(etcd_server_post(f.server, "/v3/lease/revoke", json));
    (void)etcd_server_put(f.server, "/taken", foreign);
    cr_assert(loop_wait_until(f.loop, has_met_foreign, &f, WAIT_MS));
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/free", &lease), "ours");
    cr_expect_neq(lease, former);
    put(taken, "ours, changed", false);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/taken", NULL), foreign);
    report_told(f.report); /* it is ours after all */
    put(taken, "ours again", false);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/taken", NULL), "ours again");
    tear_down(&f);
}

Test(report, a_contested_key_is_written_where_nothing_or_our_own_stands)
{
    struct report_key *key;
    struct fixture f;
    char own[1024];

    set_up(&f);
    report_of("h1", own, sizeof(own));
    (void)etcd_server_put(f.server, "/ours", own); /* by an earlier watcher of this host */
    put(new_key(&f, "/ours"), "new", true);
    key = new_key(&f, "/free");
    put(key, "one", true);
    run_until_clean(&f);
    put(key, "two", true);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/ours", NULL), "new");
    cr_expect_str_eq(value_of(&f, "/free", NULL), "two");
    cr_expect_eq(f.foreign, 0);
    tear_down(&f);
}

Test(report, a_contested_key_of_another_host_is_left_alone)
{
    struct report_key *key;
    struct fixture f;
    char foreign[1024];

    set_up(&f);
    report_of("h2", foreign, sizeof(foreign));
    (void)etcd_server_put(f.server, "/k", foreign);
    key = new_key(&f, "/k");
    put(key, "ours", true);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), foreign);
    cr_expect_eq(f.foreign, 1);
    report_key_drop(key);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), foreign);
    tear_down(&f);
}

Test(report, only_our_own_key_is_deleted)
{
    struct report_key *ours;
    struct report_key *taken;
    struct fixture f;
    char foreign[1024];

    set_up(&f);
    report_of("h2", foreign, sizeof(foreign));
    ours = new_key(&f, "/ours");
    taken = new_key(&f, "/taken");
    put(ours, "x", false);
    put(taken, "x", false);
    run_until_clean(&f);
    (void)etcd_server_put(f.server, "/taken", foreign);
    report_key_drop(ours);
    report_key_drop(taken);
    report_key_drop(new_key(&f, "/never-written"));
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/ours", NULL), "(none)");
    cr_expect_str_eq(value_of(&f, "/taken", NULL), foreign);
    tear_down(&f);
}

Test(report, a_key_is_deleted_only_as_it_was_seen)
{
    struct fixture f;
    uint64_t seen;
    struct err err;

    set_up(&f);
    seen = etcd_server_put(f.server, "/as-seen", "x");
    cr_assert_eq(report_delete(f.report, "/as-seen", seen, &err), 0);
    seen = etcd_server_put(f.server, "/changed", "x");
    (void)etcd_server_put(f.server, "/changed", "y");
    cr_assert_eq(report_delete(f.report, "/changed", seen, &err), 0);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/as-seen", NULL), "(none)");
    cr_expect_str_eq(value_of(&f, "/changed", NULL), "y");
    tear_down(&f);
}

Test(report, what_could_not_be_written_is_written_later)
{
    struct report_key *key;
    struct fixture f;

    set_up(&f);
    key = new_key(&f, "/k");
    put(key, "one", false);
    run_until_clean(&f);
    etcd_server_kill(f.server);
    put(key, "two", false);
    run_for(&f, 50);
    put(key, "three", false);
    etcd_server_restart(f.server);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "three");
    tear_down(&f);
}
