#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "client/clusters.h"
#include "support/etcd_server.h"

#define PREFIX "/muster/v1"
#define LEAVES 30 /* of a cluster with a lineage: more than asking for its name costs */

struct world {
    struct etcd_server *server;
    struct context context;
    struct options options;
    struct str heard; /* keys, as they came */
};

static void world_start(struct world *w)
{
    struct err err;

    memset(w, 0, sizeof(*w));
    w->server = etcd_server_start();
    w->options.etcd.endpoints = etcd_server_url(w->server);
    w->options.timeout_ms = 20000;
    cr_assert_eq(setenv("XDG_CONFIG_HOME", "/nonexistent", 1), 0);
    cr_assert_eq(context_open(&w->context, &w->options, &err), 0, "%s", err.msg);
    str_init(&w->heard, 1U << 20);
}

static void world_end(struct world *w)
{
    str_deinit(&w->heard);
    context_close(&w->context);
}

static void put(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct world *w, const char *fmt, ...)
{
    char below[128];
    char key[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(below, sizeof(below), fmt, args);
    va_end(args);
    (void)snprintf(key, sizeof(key), PREFIX "/%s", below);
    (void)etcd_server_put(w->server, key, "x");
}

static void put_old(struct world *w, const char *name)
{
    unsigned i;

    put(w, "lineage/%s", name);
    put(w, "clusters/%s/spec", name);
    for (i = 0; i < LEAVES; i++) {
        put(w, "clusters/%s/history/%010u", name, i + 1);
    }
}

static void expect_names(struct world *w, const char *want)
{
    CLEANUP(str_deinit) struct str all;
    const char **names = NULL;
    size_t count = 0;
    struct err err;
    size_t i;

    str_init(&all, 4096);
    cr_assert_eq(clusters_list(&w->context, &names, &count, &err), 0, "%s", err.msg);
    for (i = 0; i < count; i++) {
        str_appendf(&all, "%s ", names[i]);
    }
    cr_expect_str_eq(str_text(&all), want);
}

static int hear(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    struct world *w = ctx;

    (void)err;
    str_appendf(&w->heard, "%s\n", kv->key + strlen(PREFIX));
    return 0;
}

static void expect_heard(struct world *w, const char *key, bool once)
{
    const char *first = strstr(str_text(&w->heard), key);

    cr_expect_eq(first != NULL, once, "%s in: %s", key, str_text(&w->heard));
    cr_expect(first == NULL || strstr(first + 1, key) == NULL, "%s was told twice", key);
}

/* With a lineage, without one in each kind of gap, with nothing but that; and what is no cluster.
 */
Test(clusters, all_are_found_whether_they_have_a_lineage_or_not)
{
    struct world w;

    world_start(&w);
    expect_names(&w, "");
    put(&w, "clusters/%s/spec", "only");
    expect_names(&w, "only ");
    put_old(&w, "b");
    put_old(&w, "b-1");
    put_old(&w, "d");
    put(&w, "lineage/%s", "c");
    expect_names(&w, "b b-1 d only ");
    put(&w, "clusters/%s/spec", "a");
    put(&w, "clusters/%s/spec", "b-0");
    put(&w, "clusters/%s/spec", "b0");
    put(&w, "clusters/%s/generations/0000000001", "b0");
    put(&w, "clusters/%s/spec", "z");
    put(&w, "clusters/%s/spec", "No Name");
    expect_names(&w, "a b b-0 b-1 b0 d only z ");
    world_end(&w);
}

/* Most of them are gone: then all keys are listed, which tells the same. */
Test(clusters, all_are_found_among_many_that_are_gone)
{
    struct world w;
    unsigned i;

    world_start(&w);
    put_old(&w, "b");
    put(&w, "clusters/%s/spec", "a");
    for (i = 0; i < LEAVES; i++) {
        put(&w, "lineage/gone-%u", i);
    }
    expect_names(&w, "a b ");
    world_end(&w);
}

/* Each key that is asked for comes once, and no other. */
Test(clusters, what_is_asked_for_comes_of_each)
{
    static const struct etcd_range leaves[] = { { .key = "history/", .prefix = true },
                                                { .key = "spec" } };
    static const char *const names[] = { "a", "gone" };
    struct clusters_query query = { .leaves = leaves,
                                    .leaves_count = ARRAY_COUNT(leaves),
                                    .besides = "hosts/" };
    struct world w;
    struct err err;

    world_start(&w);
    put_old(&w, "b");
    put(&w, "clusters/%s/status", "b");
    put(&w, "clusters/%s/spec", "a");
    put(&w, "hosts/%s", "h1");
    cr_assert_eq(clusters_each(&w.context, &query, hear, &w, &err), 0, "%s", err.msg);
    expect_heard(&w, "/clusters/a/spec\n", true);
    expect_heard(&w, "/clusters/b/spec\n", true);
    expect_heard(&w, "/clusters/b/history/0000000001\n", true);
    expect_heard(&w, "/clusters/b/history/0000000030\n", true);
    expect_heard(&w, "/hosts/h1\n", true);
    expect_heard(&w, "status", false);
    expect_heard(&w, "lineage", false);
    str_clear(&w.heard);
    query.names = names;
    query.names_count = ARRAY_COUNT(names);
    query.besides = NULL;
    cr_assert_eq(clusters_each(&w.context, &query, hear, &w, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&w.heard), "/clusters/a/spec\n");
    world_end(&w);
}
