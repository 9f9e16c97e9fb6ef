/* The mirror against a real etcd. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "etcd/etcd_wait.h"
#include "loop/loop.h"
#include "store/mirror.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/relay.h"
#include "support/scene.h"

#define PREFIX "/t/"
#define KEYS 40

/* What the mirror's user keeps per key: what it was told last. */
struct note {
    char value[64];
};

struct world {
    struct etcd_server *server;
    struct loop *loop;
    struct etcd *etcd;
    struct mirror *mirror;
    struct arena arena;
    uint64_t awaited;
    unsigned puts;
    unsigned gones;
    unsigned syncs;
    unsigned troubles;
    bool troubled;
    unsigned random;
};

static bool has_reached(void *ctx)
{
    const struct world *w = ctx;

    return mirror_is_synced(w->mirror) && w->awaited <= mirror_revision(w->mirror);
}

static void on_put(void *ctx, struct mirror_item *item)
{
    struct world *w = ctx;
    struct note *note = item->user;

    if (note == NULL) {
        note = calloc(1, sizeof(*note));
        cr_assert_not_null(note);
        item->user = note;
    }
    (void)snprintf(note->value, sizeof(note->value), "%s", item->value);
    w->puts++;
}

static void on_gone(void *ctx, struct mirror_item *item)
{
    struct world *w = ctx;

    cr_assert_not_null(item->user, "%s", item->key);
    free(item->user);
    w->gones++;
}

static void on_synced(void *ctx)
{
    struct world *w = ctx;

    w->syncs++;
}

static void on_trouble(void *ctx, const struct err *err)
{
    struct world *w = ctx;

    cr_expect_neq(err != NULL, w->troubled);
    w->troubled = err != NULL;
    w->troubles++;
}

static const struct mirror_events events = {
    .put = on_put, .gone = on_gone, .synced = on_synced, .trouble = on_trouble
};

static void world_open(struct world *w, const struct etcd_options *options)
{
    struct err err;

    arena_init(&w->arena, 64U << 20U);
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(etcd_new(w->loop, options, &w->etcd, &err), 0, "%s", err.msg);
}

static void world_start(struct world *w)
{
    struct etcd_options options;

    *w = (struct world){ .server = etcd_server_start() };
    options = etcd_server_patient(etcd_server_url(w->server));
    world_open(w, &options);
}

static void world_mirror(struct world *w)
{
    struct err err;

    cr_assert_eq(mirror_new(w->loop, w->etcd, PREFIX, &events, w, &w->mirror, &err), 0);
}

static void world_end(struct world *w)
{
    struct mirror_item *item = mirror_seek(w->mirror, "");

    for (; item != NULL; item = mirror_next(w->mirror, item)) {
        free(item->user);
    }
    mirror_free(w->mirror);
    etcd_free(w->etcd);
    loop_free(w->loop);
    arena_deinit(&w->arena);
}

/* Run until the mirror has heard of `revision`. */
static void await(struct world *w, uint64_t revision)
{
    w->awaited = revision;
    cr_assert(loop_wait_until(w->loop, has_reached, w, WAIT_MS), "revision %llu: %s",
              (unsigned long long)revision, etcd_trouble(w->etcd));
}

static void expect_item(struct world *w, const char *key, const char *value)
{
    const struct mirror_item *item = mirror_get(w->mirror, key);

    cr_assert_eq(item != NULL, value != NULL, "%s", key);
    if (value != NULL) {
        cr_expect_str_eq(item->value, value);
        cr_expect_str_eq(((const struct note *)item->user)->value, value);
    }
}

/* The mirror holds just what a fresh list holds, and its user was told the same. */
static void expect_equal_to_list(struct world *w)
{
    struct etcd_range range = { .key = PREFIX, .prefix = true };
    struct etcd_range_result result;
    struct mirror_item *item;
    struct err err;
    size_t i;

    cr_assert_eq(etcd_wait_range(w->loop, w->etcd, &range, &w->arena, &result, &err), 0);
    await(w, result.revision);
    item = mirror_seek(w->mirror, "");
    for (i = 0; i < result.count; i++) {
        const struct etcd_kv *kv = &result.kvs[i];

        cr_assert_not_null(item, "%s is missing", kv->key);
        cr_assert_str_eq(item->key, kv->key);
        cr_assert_str_eq(item->value, kv->value);
        cr_assert_eq(item->mod_revision, kv->mod_revision, "%s", kv->key);
        cr_assert_eq(item->create_revision, kv->create_revision, "%s", kv->key);
        cr_assert_str_eq(((const struct note *)item->user)->value, kv->value);
        item = mirror_next(w->mirror, item);
    }
    cr_assert_null(item, "%s is too much", item == NULL ? "" : item->key);
}

Test(mirror, follows_what_others_write)
{
    struct world w;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/s/x", "not ours");
    world_mirror(&w);
    cr_expect_not(mirror_is_synced(w.mirror));
    await(&w, etcd_server_revision(w.server));
    expect_item(&w, "/t/a", "1");
    expect_item(&w, "/s/x", NULL);
    await(&w, etcd_server_put(w.server, "/t/b", "2"));
    await(&w, etcd_server_put(w.server, "/t/a", "3"));
    expect_item(&w, "/t/a", "3");
    expect_item(&w, "/t/b", "2");
    await(&w, etcd_server_delete(w.server, "/t/a"));
    expect_item(&w, "/t/a", NULL);
    cr_expect_eq(w.puts, 3);
    cr_expect_eq(w.gones, 1);
    cr_expect_eq(w.syncs, 1);
    cr_expect_eq(w.troubles, 0);
    expect_equal_to_list(&w);
    world_end(&w);
}

Test(mirror, items_are_found_in_the_order_of_their_keys)
{
    struct world w;
    struct mirror_item *item;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/c", "3");
    (void)etcd_server_put(w.server, "/t/a", "1");
    world_mirror(&w);
    await(&w, etcd_server_put(w.server, "/t/b/x", "2"));
    item = mirror_seek(w.mirror, "/t/a0");
    cr_assert_not_null(item);
    cr_expect_str_eq(item->key, "/t/b/x");
    item = mirror_next(w.mirror, item);
    cr_assert_not_null(item);
    cr_expect_str_eq(item->key, "/t/c");
    (void)mirror_seek(w.mirror, "/t/a"); /* looking elsewhere meanwhile is fine */
    cr_expect_null(mirror_next(w.mirror, item));
    cr_expect_null(mirror_seek(w.mirror, "/t/d"));
    world_end(&w);
}

/* The events that are still on their way would make the mirror forget what we know already. */
Test(mirror, older_events_do_not_undo_own_writes)
{
    struct world w;
    struct err err;
    uint64_t revision;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/a", "0");
    world_mirror(&w);
    await(&w, etcd_server_revision(w.server));
    (void)etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/t/b", "1");
    revision = etcd_server_put(w.server, "/t/a", "2");
    cr_assert_eq(mirror_wrote(w.mirror, "/t/a", "2", 1, revision, &err), 0);
    expect_item(&w, "/t/a", "2");
    revision = etcd_server_delete(w.server, "/t/b");
    mirror_deleted(w.mirror, "/t/b", revision);
    revision = etcd_server_put(w.server, "/t/n", "3");
    cr_assert_eq(mirror_wrote(w.mirror, "/t/n", "3", 1, revision, &err), 0);
    cr_expect_eq(w.puts, 3);
    await(&w, revision);
    cr_expect_eq(w.puts, 3, "the events of own writes are no news");
    cr_expect_eq(w.gones, 0, "/t/b was never seen");
    expect_item(&w, "/t/a", "2");
    expect_item(&w, "/t/b", NULL);
    expect_equal_to_list(&w);
    /* What the watch has passed already is old news. */
    cr_assert_eq(mirror_wrote(w.mirror, "/t/b", "1", 1, revision - 1, &err), 0);
    mirror_deleted(w.mirror, "/t/a", revision - 1);
    expect_equal_to_list(&w);
    world_end(&w);
}

static bool is_list_made(void *ctx)
{
    return 0 < relay_held_bytes(ctx);
}

/* A list that was made before an own write, and comes after it, must not undo it either. */
Test(mirror, an_older_list_does_not_undo_own_writes)
{
    struct world w = { .server = etcd_server_start() };
    struct relay *relay = relay_start(scene_ip(1).text, 2379, etcd_server_ip(w.server), 2379);
    char url[64];
    struct etcd_options options = { .endpoints = url, .try_timeout_ms = WAIT_MS };
    struct err err;
    uint64_t revision;

    (void)snprintf(url, sizeof(url), "http://%s:2379", scene_ip(1).text);
    world_open(&w, &options);
    (void)etcd_server_put(w.server, "/t/changed", "old");
    (void)etcd_server_put(w.server, "/t/deleted", "old");
    relay_set(relay, RELAY_HOLD_REPLIES);
    world_mirror(&w);
    cr_assert(loop_wait_until(w.loop, is_list_made, relay, WAIT_MS));
    revision = etcd_server_put(w.server, "/t/changed", "new");
    cr_assert_eq(mirror_wrote(w.mirror, "/t/changed", "new", 3, revision, &err), 0);
    revision = etcd_server_delete(w.server, "/t/deleted");
    mirror_deleted(w.mirror, "/t/deleted", revision);
    revision = etcd_server_put(w.server, "/t/made", "new");
    cr_assert_eq(mirror_wrote(w.mirror, "/t/made", "new", 3, revision, &err), 0);
    cr_expect_not(mirror_is_synced(w.mirror));
    relay_set(relay, RELAY_PASS);
    await(&w, 1);
    expect_item(&w, "/t/changed", "new");
    expect_item(&w, "/t/deleted", NULL);
    expect_item(&w, "/t/made", "new");
    cr_expect_eq(w.puts, 2);
    cr_expect_eq(w.gones, 0);
    await(&w, revision);
    expect_equal_to_list(&w);
    cr_expect_eq(w.puts, 2);
    world_end(&w);
}

Test(mirror, a_deleted_key_comes_back_when_somebody_puts_it_again)
{
    struct world w;
    uint64_t revision;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/a", "0");
    world_mirror(&w);
    await(&w, etcd_server_revision(w.server));
    revision = etcd_server_delete(w.server, "/t/a");
    mirror_deleted(w.mirror, "/t/a", revision);
    expect_item(&w, "/t/a", NULL);
    cr_expect_null(mirror_seek(w.mirror, ""));
    await(&w, etcd_server_put(w.server, "/t/a", "1"));
    expect_item(&w, "/t/a", "1");
    cr_expect_eq(w.gones, 1);
    world_end(&w);
}

Test(mirror, after_an_outage_only_the_difference_is_told)
{
    struct world w;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/t/b", "1");
    (void)etcd_server_put(w.server, "/t/c", "1");
    world_mirror(&w);
    await(&w, etcd_server_revision(w.server));
    w.puts = 0;
    etcd_server_kill(w.server);
    etcd_server_restart(w.server);
    (void)etcd_server_put(w.server, "/t/b", "2");
    etcd_server_compact(w.server, etcd_server_revision(w.server));
    await(&w, etcd_server_delete(w.server, "/t/c"));
    expect_item(&w, "/t/a", "1");
    expect_item(&w, "/t/b", "2");
    expect_item(&w, "/t/c", NULL);
    cr_expect_eq(w.puts, 1);
    cr_expect_eq(w.gones, 1);
    cr_expect_eq(w.troubles, 2, "told once, and that it is over");
    cr_expect_not(w.troubled);
    world_end(&w);
}

static bool is_empty(void *ctx)
{
    const struct world *w = ctx;

    return mirror_seek(w->mirror, "") == NULL;
}

Test(mirror, an_emptied_store_is_noticed_though_its_revisions_went_back)
{
    struct world w;
    struct err err;

    world_start(&w);
    (void)etcd_server_put(w.server, "/t/a", "1");
    (void)etcd_server_put(w.server, "/t/b", "1");
    world_mirror(&w);
    await(&w, etcd_server_revision(w.server));
    /* An own write that is newer than what the emptied store will say. */
    cr_assert_eq(
        mirror_wrote(w.mirror, "/t/own", "1", 1, etcd_server_put(w.server, "/t/own", "1"), &err),
        0);
    etcd_server_kill(w.server);
    etcd_server_wipe(w.server);
    etcd_server_restart(w.server);
    cr_expect(loop_wait_until(w.loop, is_empty, &w, WAIT_MS));
    cr_expect_eq(w.gones, 3);
    await(&w, etcd_server_put(w.server, "/t/a", "new"));
    expect_item(&w, "/t/a", "new");
    expect_equal_to_list(&w);
    world_end(&w);
}

/* ---- A random writer ---- */

static unsigned random_below(struct world *w, unsigned n)
{
    w->random = w->random * 1103515245U + 12345U;
    return (w->random >> 16U) % n;
}

/* Put or delete a key; now and then the mirror is told as of an own write. */
static void write_something(struct world *w)
{
    char key[16];
    char value[16];
    bool own = random_below(w, 3) == 0;
    struct err err;
    uint64_t revision;

    (void)snprintf(key, sizeof(key), PREFIX "%02u", random_below(w, KEYS));
    (void)snprintf(value, sizeof(value), "%u", random_below(w, 1000));
    if (random_below(w, 3) == 0) {
        bool existed = mirror_get(w->mirror, key) != NULL;

        revision = etcd_server_delete(w->server, key);
        if (own && existed) {
            mirror_deleted(w->mirror, key, revision);
        }
        return;
    }
    revision = etcd_server_put(w->server, key, value);
    if (own) {
        cr_assert_eq(mirror_wrote(w->mirror, key, value, strlen(value), revision, &err), 0);
    }
}

static void random_story(unsigned seed)
{
    struct world w;
    int i;

    world_start(&w);
    w.random = seed;
    world_mirror(&w);
    for (i = 0; i < 600; i++) {
        write_something(&w);
        if (random_below(&w, 4) == 0) {
            loop_wait_ms(w.loop, random_below(&w, 3));
        }
        if (i % 150 == 149) {
            etcd_server_compact(w.server, etcd_server_revision(w.server));
        }
        if (i == 300) {
            etcd_server_kill(w.server);
            etcd_server_restart(w.server);
        }
        if (i % 100 == 99) {
            expect_equal_to_list(&w);
        }
    }
    expect_equal_to_list(&w);
    world_end(&w);
}

Test(mirror, equals_a_fresh_list_whatever_is_written)
{
    random_story(1);
}

Test(mirror, equals_a_fresh_list_whatever_else_is_written)
{
    random_story(20);
}
