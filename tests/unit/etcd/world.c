#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void world_open(struct world *w, const struct etcd_options *options)
{
    struct err err;

    arena_init(&w->arena, 64U << 20U);
    if (w->loop == NULL) {
        cr_assert_eq(loop_new(&w->loop, &err), 0);
    }
    cr_assert_eq(etcd_new(w->loop, options, &w->etcd, &err), 0, "%s", err.msg);
}

void world_start(struct world *w)
{
    struct etcd_options options;

    *w = (struct world){ .server = etcd_server_start() };
    options = etcd_server_patient(etcd_server_url(w->server));
    world_open(w, &options);
}

void world_start_impatient(struct world *w)
{
    struct etcd_options options = { .try_timeout_ms = WORLD_TRY_MS, .request_timeout_ms = WAIT_MS };

    *w = (struct world){ .server = etcd_server_start() };
    options.endpoints = etcd_server_url(w->server);
    world_open(w, &options);
}

void world_start_relayed(struct world *w)
{
    struct scene_ip ip = scene_ip(1);
    char url[64];
    struct etcd_options options = { .endpoints = url,
                                    .try_timeout_ms = WORLD_TRY_MS,
                                    .request_timeout_ms = WAIT_MS };

    *w = (struct world){ .server = etcd_server_start() };
    w->relay = relay_start(ip.text, RELAY_PORT, etcd_server_ip(w->server), ETCD_SERVER_PORT);
    (void)snprintf(url, sizeof(url), "http://%s:%d", ip.text, RELAY_PORT);
    world_open(w, &options);
}

void world_end(struct world *w)
{
    etcd_free(w->etcd);
    loop_free(w->loop);
    arena_deinit(&w->arena);
}

int world_write(struct world *w, const struct etcd_compare *compare, const struct etcd_op *op,
                struct etcd_txn_result *result, struct err *err)
{
    struct etcd_txn txn = {
        .compares = compare, .compares_count = compare == NULL ? 0 : 1, .ops = op, .ops_count = 1
    };

    return etcd_wait_txn(w->loop, w->etcd, &txn, result, err);
}

uint64_t world_put(struct world *w, const char *key, const char *value, uint64_t lease)
{
    struct etcd_op op = { .kind = ETCD_PUT, .key = key, .value = value, .lease = lease };
    struct etcd_txn_result result = { 0 };
    struct err err;

    op.value_bytes = strlen(value);
    cr_assert_eq(world_write(w, NULL, &op, &result, &err), 0, "%s", err.msg);
    cr_assert(result.succeeded);
    return result.revision;
}

struct etcd_range_result world_list(struct world *w, const char *prefix)
{
    struct etcd_range range = { .key = prefix, .prefix = true };
    struct etcd_range_result result = { 0 };
    struct err err;

    cr_assert_eq(etcd_wait_range(w->loop, w->etcd, &range, &w->arena, &result, &err), 0, "%s",
                 err.msg);
    return result;
}

int world_read(struct world *w, const char *key, struct etcd_range_result *result, struct err *err)
{
    struct etcd_range range = { .key = key };

    return etcd_wait_range(w->loop, w->etcd, &range, &w->arena, result, err);
}
