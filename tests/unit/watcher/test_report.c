#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
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
};

static void on_clean(void *ctx)
{
    struct fixture *f = ctx;

    f->clean = true;
}

static void set_up_with(struct fixture *f, uint64_t lease_ttl_s, uint64_t try_timeout_ms)
{
    struct etcd_options options;
    struct err err;

    memset(f, 0, sizeof(*f));
    f->log = (struct log){ .fd = 2, .level = LOG_ERROR, .program = "test" };
    arena_init(&f->arena, 64U << 20);
    f->server = etcd_server_start();
    options = etcd_server_patient(etcd_server_url(f->server));
    options.try_timeout_ms = try_timeout_ms;
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(etcd_new(f->loop, &options, &f->etcd, &err), 0);
    cr_assert_eq(report_new(f->loop, f->etcd, lease_ttl_s, "h1", &f->log, &f->report, &err), 0);
}

static void set_up(struct fixture *f)
{
    set_up_with(f, 60, WAIT_MS);
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

    cr_assert_eq(report_key_new(f->report, name, &key, &err), 0);
    return key;
}

static void put(struct report_key *key, const char *value)
{
    struct err err;

    cr_assert_eq(report_key_put(key, value, strlen(value), &err), 0);
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

Test(report, a_value_is_written_with_a_lease)
{
    struct fixture f;
    uint64_t lease;

    set_up(&f);
    put(new_key(&f, "/k"), "one");
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
    put(new_key(&f, "/first"), "x");
    run_until_clean(&f);
    before = etcd_server_revision(f.server);
    for (i = 0; i < KEYS; i++) {
        (void)snprintf(name, sizeof(name), "/k/%04zu", i);
        keys[i] = new_key(&f, name);
        put(keys[i], "not yet");
        put(keys[i], "last");
    }
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k/0000", NULL), "last");
    cr_expect_str_eq(value_of(&f, "/k/0299", NULL), "last");
    cr_expect_eq(etcd_server_revision(f.server) - before,
                 (KEYS + ETCD_TXN_OPS_MAX - 1) / ETCD_TXN_OPS_MAX);

    before = etcd_server_revision(f.server);
    for (i = 0; i < KEYS; i++) {
        put(keys[i], "last");
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
    put(key, "one");
    run_until_clean(&f);
    put(key, "two");
    run_for(&f, 0); /* it is on its way */
    put(key, "three");
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "three");
    tear_down(&f);
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
    put(new_key(&f, "/kept"), "one");
    put(new_key(&f, "/deleted"), "two");
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
        put(new_key(&f, name), "x");
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

Test(report, a_key_that_somebody_replaced_is_put_again)
{
    struct fixture f;
    uint64_t lease;

    set_up(&f);
    put(new_key(&f, "/k"), "ours");
    run_until_clean(&f);
    (void)etcd_server_put(f.server, "/k", "not ours");
    look(&f);
    cr_expect_str_eq(value_of(&f, "/k", &lease), "ours");
    cr_expect_neq(lease, 0);
    tear_down(&f);
}

static bool is_put_under(struct fixture *f, const char *key, uint64_t former)
{
    uint64_t lease;

    return strcmp(value_of(f, key, &lease), "ours") == 0 && lease != former;
}

Test(report, after_a_lost_lease_everything_is_put_again)
{
    struct fixture f;
    char json[64];
    uint64_t former;
    uint64_t before;

    set_up_with(&f, 3, WAIT_MS); /* the loss is noticed when it is to be renewed, before any look */
    put(new_key(&f, "/first"), "ours");
    put(new_key(&f, "/second"), "ours");
    (void)new_key(&f, "/never-put");
    run_until_clean(&f);
    (void)value_of(&f, "/first", &former);
    (void)snprintf(json, sizeof(json), "{\"ID\":\"%llu\"}", (unsigned long long)former);
    free(etcd_server_post(f.server, "/v3/lease/revoke", json));
    cr_assert_str_eq(value_of(&f, "/first", NULL), "(none)");
    before = clock_mono_ms();
    while (!is_put_under(&f, "/first", former)) {
        cr_assert_lt(clock_mono_ms() - before, WAIT_MS);
        run_for(&f, 10);
    }
    cr_expect(is_put_under(&f, "/second", former));
    cr_expect_str_eq(value_of(&f, "/never-put", NULL), "(none)");
    tear_down(&f);
}

Test(report, dropped_keys_are_deleted_whoever_wrote_them)
{
    struct report_key *ours;
    struct fixture f;

    set_up(&f);
    ours = new_key(&f, "/ours");
    put(ours, "x");
    put(new_key(&f, "/kept"), "x");
    run_until_clean(&f);
    (void)etcd_server_put(f.server, "/former", "x"); /* by an earlier watcher of this host */
    report_key_drop(ours);
    report_key_drop(new_key(&f, "/former"));
    report_key_drop(new_key(&f, "/never-written"));
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/ours", NULL), "(none)");
    cr_expect_str_eq(value_of(&f, "/former", NULL), "(none)");
    cr_expect_str_eq(value_of(&f, "/kept", NULL), "x");
    tear_down(&f);
}

/* A slot is forgotten and asked for again before its report's deletion was sent, or answered. */
Test(report, a_key_may_be_begun_with_again_while_it_is_being_deleted)
{
    struct report_key *key;
    struct fixture f;
    int sent;

    set_up(&f);
    for (sent = 0; sent < 2; sent++) {
        key = new_key(&f, "/k");
        put(key, "one");
        run_until_clean(&f);
        report_key_drop(key);
        if (sent != 0) {
            run_for(&f, 0);
        }
        key = new_key(&f, "/k");
        put(key, "one");
        run_until_clean(&f);
        cr_expect_str_eq(value_of(&f, "/k", NULL), "one");
        report_key_drop(key);
        run_until_clean(&f);
        cr_expect_str_eq(value_of(&f, "/k", NULL), "(none)");
    }
    tear_down(&f);
}

Test(report, a_key_dropped_during_its_write_is_deleted)
{
    struct report_key *key;
    struct fixture f;

    set_up(&f);
    put(new_key(&f, "/other"), "x");
    run_until_clean(&f);
    key = new_key(&f, "/k");
    put(key, "one");
    run_for(&f, 0); /* it is on its way */
    report_key_drop(key);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "(none)");
    tear_down(&f);
}

Test(report, what_could_not_be_written_is_written_later)
{
    struct report_key *key;
    struct fixture f;

    set_up(&f);
    key = new_key(&f, "/k");
    put(key, "one");
    run_until_clean(&f);
    etcd_server_kill(f.server);
    put(key, "two");
    run_for(&f, 50);
    put(key, "three");
    etcd_server_restart(f.server);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "three");
    tear_down(&f);
}

static uint64_t revision_of(struct fixture *f, const char *key)
{
    struct etcd_kv kv = { 0 };
    struct err err;

    cr_assert_eq(etcd_wait_get(f->loop, f->etcd, key, &f->arena, &kv, &err), 0, "%s", err.msg);
    return kv.mod_revision;
}

/* A write that was given up, and happens all the same, finds the fence at another revision. */
Test(report, nothing_is_written_behind_an_older_fence)
{
    struct report_key *fence;
    struct report_key *key;
    struct fixture f;
    uint64_t first;

    set_up(&f);
    fence = new_key(&f, "/host");
    report_fence(fence);
    key = new_key(&f, "/k");
    put(key, "one");
    run_for(&f, 50);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "(none)", "the fence comes first");
    put(fence, "ours");
    run_until_clean(&f);
    first = revision_of(&f, "/host");
    cr_expect_lt(first, revision_of(&f, "/k"));

    put(key, "two");
    run_until_clean(&f);
    cr_expect_eq(revision_of(&f, "/host"), first, "it is written anew only in doubt");

    (void)etcd_server_put(f.server, "/host", "not ours");
    put(key, "three");
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/host", NULL), "ours");
    cr_expect_str_eq(value_of(&f, "/k", NULL), "three");
    cr_expect_lt(revision_of(&f, "/host"), revision_of(&f, "/k"));
    tear_down(&f);
}

static void run_until_it_complains(struct fixture *f)
{
    uint64_t before = clock_mono_ms();

    while (lseek(f->log.fd, 0, SEEK_END) == 0) {
        cr_assert_lt(clock_mono_ms() - before, WAIT_MS);
        run_for(f, 10);
    }
}

/* What may still happen must find another fence than it was sent behind. */
Test(report, a_doubtful_outcome_makes_a_new_fence)
{
    struct report_key *fence;
    struct report_key *key;
    struct fixture f;
    uint64_t first;

    set_up_with(&f, 60, 500);
    fence = new_key(&f, "/host");
    report_fence(fence);
    put(fence, "ours");
    key = new_key(&f, "/k");
    put(key, "one");
    run_until_clean(&f);
    first = revision_of(&f, "/host");
    f.log.fd = memfd_create("log", MFD_CLOEXEC);
    f.log.level = LOG_WARN;
    etcd_server_freeze(f.server);
    put(key, "two");
    run_until_it_complains(&f);
    etcd_server_thaw(f.server);
    run_until_clean(&f);
    cr_expect_str_eq(value_of(&f, "/k", NULL), "two");
    cr_expect_lt(first, revision_of(&f, "/host"));
    cr_expect_lt(revision_of(&f, "/host"), revision_of(&f, "/k"));
    (void)close(f.log.fd);
    tear_down(&f);
}
