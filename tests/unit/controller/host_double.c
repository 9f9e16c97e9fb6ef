#include "host_double.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "store/keys.h"
#include "support/etcd_server.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/scene.h"

#define DATA_PORT 11211

static struct double_node *node_of(struct host_double *host, const char *key)
{
    size_t i;

    for (i = 0; i < DOUBLE_NODES_MAX; i++) {
        if (strcmp(host->nodes[i].key, key) == 0) {
            return &host->nodes[i];
        }
    }
    return NULL;
}

struct double_node *host_double_node(struct host_double *host, const char *cluster, uint32_t slot)
{
    char path[256];

    (void)snprintf(path, sizeof(path), DOUBLE_PREFIX "/intent/%s/%s/%04u", host->name, cluster,
                   slot);
    return node_of(host, path);
}

size_t host_double_running(const struct host_double *host)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < DOUBLE_NODES_MAX; i++) {
        n += host->nodes[i].memcached != NULL;
    }
    return n;
}

const struct mirror_item *host_double_key(struct host_double *host, const char *path)
{
    char key[KEY_TEXT_SIZE];

    (void)snprintf(key, sizeof(key), DOUBLE_PREFIX "/%s", path);
    return mirror_get(host->mirror, key);
}

static void write_key(struct host_double *host, const char *key, const char *value)
{
    struct etcd_op op = { .kind = value == NULL ? ETCD_DELETE : ETCD_PUT,
                          .key = key,
                          .value = value,
                          .value_bytes = value == NULL ? 0 : strlen(value) };
    struct etcd_txn txn = { .ops = &op, .ops_count = 1 };
    struct etcd_txn_result result;
    struct err err;

    cr_assert_eq(etcd_wait_txn(host->loop, host->etcd, &txn, &result, &err), 0, "%s", err.msg);
}

void host_double_put(struct host_double *host, const char *path, const char *value)
{
    char key[KEY_TEXT_SIZE];

    (void)snprintf(key, sizeof(key), DOUBLE_PREFIX "/%s", path);
    write_key(host, key, value);
}

/* ---- Nodes ---- */

/* What clients of the node would be told: the record that it holds, when it verifies. */
static void read_back(struct host_double *host, struct double_node *node)
{
    char *reply = net_ask(node->ip, DATA_PORT, "get muster:config\r\nquit\r\n", NULL);
    const char *begin = strchr(reply, '\n');
    const char *end = strrchr(reply, '}');
    struct config config;
    struct err err;

    arena_clear(&host->arena);
    if (begin != NULL && end != NULL && begin < end &&
        json_decode_config(begin + 1, (size_t)(end - begin), &host->arena, &config, &err) == 0) {
        cr_assert_eq(envelope_verify(&config, &host->keys, &err), 0, "%s", err.msg);
        node->served = config.head.version;
        memcpy(node->digest, config.digest, sizeof(node->digest));
    }
    free(reply);
}

static void report(struct host_double *host, struct double_node *node, const struct intent *intent,
                   enum node_state state)
{
    CLEANUP(str_deinit) struct str json;
    struct node_report value = { .cluster = node->cluster,
                                 .slot = node->slot,
                                 .host = host->name,
                                 .uid = intent->uid,
                                 .state = state,
                                 .partition = PARTITION_IN_PROCESS,
                                 .ip = intent->ip,
                                 .data_port = intent->data_port,
                                 .discovery_port = intent->discovery_port,
                                 .settings = intent->settings,
                                 .served = { .epoch = node->served == 0 ? 0 : 1,
                                             .version = node->served,
                                             .digest = node->digest },
                                 .version_seen = node->served,
                                 .pid = node->memcached == NULL ? 0 : process_pid(node->memcached),
                                 .started_ms = node->started_ms,
                                 .clients =
                                     intent->phase == INTENT_RUN ? REPORT_CLIENTS_UNKNOWN : 0,
                                 .problem = state == NODE_DOWN ? "killed" : "" };
    char path[256];
    struct err err;

    str_init(&json, sizeof(node->report) - 1);
    cr_assert_eq(json_encode_node_report(&value, &json, &err), 0, "%s", err.msg);
    if (strcmp(node->report, str_text(&json)) == 0) {
        return;
    }
    (void)snprintf(node->report, sizeof(node->report), "%s", str_text(&json));
    (void)snprintf(path, sizeof(path), "clusters/%s/nodes/%04u/%s", node->cluster, node->slot,
                   host->name);
    host_double_put(host, path, node->report);
}

static void node_start(struct double_node *node, const struct intent *intent)
{
    (void)snprintf(node->ip, sizeof(node->ip), "%s", intent->ip);
    node->started_ms = clock_wall_ms();
    node->memcached = process_startl("memcached", "memcached", "-u", "root", "-U", "0", "-p",
                                     "11211", "-l", intent->ip, NULL);
}

static void follow(struct host_double *host, struct double_node *node, const struct intent *intent)
{
    if (intent->phase == INTENT_STOP) {
        if (node->memcached != NULL) {
            process_kill(node->memcached);
            node->memcached = NULL;
        }
        report(host, node, intent, NODE_STOPPED);
        return;
    }
    if (node->memcached == NULL) {
        node_start(node, intent);
    }
    if (node->muted || !net_answers(node->ip, DATA_PORT)) {
        return;
    }
    if (host->acknowledging) {
        read_back(host, node);
    }
    report(host, node, intent, NODE_UP);
}

/* The intent is gone: so is the report. */
static void forget(struct host_double *host, struct double_node *node)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "clusters/%s/nodes/%04u/%s", node->cluster, node->slot,
                   host->name);
    if (node->memcached == NULL) {
        host_double_put(host, path, NULL);
        *node = (struct double_node){ .slot = 0 };
    }
}

/* The host's intents as they are now; decoded texts live in the arena. */
static size_t snapshot(struct host_double *host, struct arena *arena, struct intent *intents,
                       const char **keys)
{
    char prefix[128];
    struct mirror_item *item;
    struct err err;
    size_t n = 0;

    (void)snprintf(prefix, sizeof(prefix), DOUBLE_PREFIX "/intent/%s/", host->name);
    for (item = mirror_seek(host->mirror, prefix);
         item != NULL && strncmp(item->key, prefix, strlen(prefix)) == 0;
         item = mirror_next(host->mirror, item)) {
        cr_assert_lt(n, DOUBLE_NODES_MAX);
        if (json_decode_intent(item->value, item->value_bytes, arena, &intents[n], &err) == 0) {
            keys[n] = arena_strdup(arena, item->key);
            n++;
        }
    }
    return n;
}

/* The node of an intent: it is one from the first sight on, even when it is to stop already. */
static struct double_node *node_for(struct host_double *host, const char *key,
                                    const struct intent *intent)
{
    struct double_node *node = node_of(host, key);

    if (node == NULL) {
        node = node_of(host, "");
        cr_assert_not_null(node);
        (void)snprintf(node->key, sizeof(node->key), "%s", key);
        (void)snprintf(node->cluster, sizeof(node->cluster), "%s", intent->cluster);
        (void)snprintf(node->ip, sizeof(node->ip), "%s", intent->ip);
        node->slot = intent->slot;
    }
    return node;
}

/* Writing waits for etcd and runs the loop, so the mirror is only read before. */
void host_double_step(struct host_double *host)
{
    struct intent intents[DOUBLE_NODES_MAX];
    const char *keys[DOUBLE_NODES_MAX];
    struct arena arena;
    size_t count;
    size_t i;

    arena_init(&arena, 4U << 20);
    count = snapshot(host, &arena, intents, keys);
    for (i = 0; i < DOUBLE_NODES_MAX; i++) {
        if (host->nodes[i].key[0] != '\0' && mirror_get(host->mirror, host->nodes[i].key) == NULL) {
            forget(host, &host->nodes[i]);
        }
    }
    for (i = 0; i < count; i++) {
        /* Writing takes its time, in which an intent may have gone. */
        if (mirror_get(host->mirror, keys[i]) != NULL) {
            follow(host, node_for(host, keys[i], &intents[i]), &intents[i]);
        }
    }
    arena_deinit(&arena);
}

/* ---- Life ---- */

static void on_put(void *ctx, struct mirror_item *item)
{
    (void)ctx;
    (void)item;
}

static void on_synced(void *ctx)
{
    (void)ctx;
}

static bool synced(void *ctx)
{
    return mirror_is_synced(ctx);
}

static void announce(struct host_double *host)
{
    CLEANUP(str_deinit) struct str json;
    struct host value = { .name = host->name,
                          .zone = "",
                          .memory_bytes = UINT64_C(8) << 30,
                          .nodes_max = 16,
                          .ip_first = host->ip_first,
                          .ip_count = 16,
                          .data_port = DATA_PORT,
                          .watcher_version = "0.1.0",
                          .memcached_version = "1.6.18",
                          .problem = "" };
    char path[128];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_host(&value, &json, &err), 0, "%s", err.msg);
    (void)snprintf(path, sizeof(path), "hosts/%s", host->name);
    host_double_put(host, path, str_text(&json));
}

void host_double_start(struct host_double *host, struct loop *loop, const char *endpoints,
                       const char *name, const char *ip_first, const struct trusted_keys *keys)
{
    const struct mirror_events events = {
        .put = on_put, .gone = on_put, .synced = on_synced, .trouble = NULL
    };
    const struct etcd_options options = etcd_server_patient(endpoints);
    struct err err;

    *host = (struct host_double){ .loop = loop, .acknowledging = true, .keys = *keys };
    (void)snprintf(host->name, sizeof(host->name), "%s", name);
    (void)snprintf(host->ip_first, sizeof(host->ip_first), "%s", ip_first);
    arena_init(&host->arena, 4U << 20);
    cr_assert_eq(etcd_new(loop, &options, &host->etcd, &err), 0, "%s", err.msg);
    cr_assert_eq(
        mirror_new(loop, host->etcd, DOUBLE_PREFIX "/", &events, host, &host->mirror, &err), 0,
        "%s", err.msg);
    cr_assert(loop_wait_until(loop, synced, host->mirror, WAIT_MS));
    announce(host);
}

void host_double_end(struct host_double *host)
{
    mirror_free(host->mirror);
    etcd_free(host->etcd);
    arena_deinit(&host->arena);
}
