#include "integration/etcdview.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "etcd/etcd_wait.h"
#include "loop/loop.h"

#define VIEW_BYTES_MAX (64U << 20)
#define KEY_SIZE 512
#define ETCD_HOST 250

static void connect_to(struct loop **loop, struct etcd **etcd)
{
    char url[64];
    struct etcd_options options = { .endpoints = url,
                                    .try_timeout_ms = LAB_PATIENCE_MS,
                                    .request_timeout_ms = LAB_PATIENCE_MS };
    struct err err;

    (void)snprintf(url, sizeof(url), "http://%s:2379", scene_ip(ETCD_HOST).text);
    cr_assert_eq(loop_new(loop, &err), 0);
    cr_assert_eq(etcd_new(*loop, &options, etcd, &err), 0, "%s", err.msg);
}

void etcdview_read(const char *below, struct arena *arena, struct etcd_range_result *out)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    CLEANUP(etcd_free_p) struct etcd *etcd = NULL;
    char key[KEY_SIZE];
    struct etcd_range range = { .key = key, .prefix = true };
    struct err err;

    connect_to(&loop, &etcd);
    (void)snprintf(key, sizeof(key), "%s%s", LAB_PREFIX, below);
    cr_assert_eq(etcd_wait_range(loop, etcd, &range, arena, out, &err), 0, "%s", err.msg);
}

size_t etcdview_count(const char *below)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read(below, &arena, &view);
    return view.count;
}

uint64_t etcdview_revision(void)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read("leader", &arena, &view);
    return view.revision;
}

bool etcdview_is_quiet(uint64_t quiet_ms)
{
    uint64_t before = etcdview_revision();
    uint64_t until_ms = clock_mono_ms() + quiet_ms;

    while (clock_mono_ms() < until_ms) {
        if (etcdview_revision() != before) {
            return false;
        }
        lab_pause();
    }
    return true;
}

bool etcdview_has(const char *below, const char *text)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;
    size_t i;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read(below, &arena, &view);
    for (i = 0; i < view.count; i++) {
        if (strstr(view.kvs[i].value, text) != NULL) {
            return true;
        }
    }
    return false;
}

uint64_t etcdview_leader(void)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read("leader", &arena, &view);
    return view.count == 0 ? 0 : view.kvs[0].create_revision;
}

static void write_one(const struct etcd_op *op)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    CLEANUP(etcd_free_p) struct etcd *etcd = NULL;
    struct etcd_txn txn = { .ops = op, .ops_count = 1 };
    struct etcd_txn_result result;
    struct err err;

    connect_to(&loop, &etcd);
    cr_assert_eq(etcd_wait_txn(loop, etcd, &txn, &result, &err), 0, "%s", err.msg);
}

void etcdview_write(const char *below, const char *value)
{
    char key[KEY_SIZE];
    struct etcd_op op = { .kind = value == NULL ? ETCD_DELETE : ETCD_PUT,
                          .key = key,
                          .value = value,
                          .value_bytes = value == NULL ? 0 : strlen(value) };

    (void)snprintf(key, sizeof(key), "%s%s", LAB_PREFIX, below);
    write_one(&op);
}

void etcdview_delete_all(void)
{
    write_one(&(struct etcd_op){ .kind = ETCD_DELETE_PREFIX, .key = LAB_PREFIX });
}
