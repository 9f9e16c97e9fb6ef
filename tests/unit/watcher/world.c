#include "world.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "store/keys.h"
#include "support/net.h"
#include "support/wait.h"

#define ARENA_BYTES (256U << 20)
#define ARGS_MAX 48

/* ---- Lifecycle ---- */

void world_init(struct world *w)
{
    struct etcd_options options;
    struct err err;

    *w = (struct world){ 0 };
    arena_init(&w->arena, ARENA_BYTES);
    /* memcached runs as nobody, who must get through to its partition */
    cr_assert_eq(chmod(scene_dir(), 0755), 0);
    w->server = etcd_server_start();
    cr_assert_eq(loop_new(&w->loop, &err), 0);
    options = etcd_server_patient(etcd_server_url(w->server));
    cr_assert_eq(etcd_new(w->loop, &options, &w->etcd, &err), 0);
    cr_assert_eq(signing_key_create(scene_path("key").text, scene_path("trusted.pub").text, &err),
                 0, "%s", err.msg);
    cr_assert_eq(signing_key_load(scene_path("key").text, &w->key, &err), 0);
}

void world_deinit(struct world *w)
{
    etcd_free(w->etcd);
    loop_free(w->loop);
    arena_deinit(&w->arena);
}

void world_start_watcher(struct world *w, const char *const *more)
{
    struct scene_path program = scene_program("muster-watcher");
    struct scene_path keys = scene_path("trusted.pub");
    struct scene_path state = scene_path("state");
    struct scene_path partitions = scene_path("partitions");
    struct scene_ip first = scene_ip(1);
    struct scene_ip last = scene_ip(9);
    char addresses[2 * SCENE_IP_SIZE + 2];
    char name[32];
    const char *argv[ARGS_MAX] = {
        program.text,      "--etcd-endpoints", etcd_server_url(w->server),
        "--host",          WORLD_HOST,         "--trusted-keys",
        keys.text,         "--state-dir",      state.text,
        "--partition-dir", partitions.text,    "--addresses",
        addresses,         "--lease-ttl",      "10s",
    };
    struct process_spec spec = { .name = name, .argv = argv };
    size_t count = 15;

    (void)snprintf(addresses, sizeof(addresses), "%s-%s", first.text, last.text);
    (void)snprintf(name, sizeof(name), "watcher-%u", ++w->watchers);
    for (; more != NULL && *more != NULL; more++) {
        argv[count++] = *more;
    }
    w->watcher = process_start(&spec);
}

bool world_watcher_says(struct world *w, const char *text)
{
    return process_wait_output(w->watcher, text);
}

/* ---- Keys ---- */

static void intent_key_of(const char *cluster, uint32_t slot, char out[KEY_TEXT_SIZE])
{
    struct key key = { .kind = KEY_INTENT, .host = WORLD_HOST, .slot = slot };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    key_format(KEYS_PREFIX_DEFAULT, &key, out);
}

struct intent world_intent(uint32_t slot, enum intent_phase phase)
{
    static struct scene_ip ips[10];

    ips[slot] = scene_ip(slot);
    return (struct intent){ .host = WORLD_HOST,
                            .cluster = WORLD_CLUSTER,
                            .slot = slot,
                            .uid = WORLD_UID,
                            .phase = phase,
                            .phase_since_ms = 1,
                            .ip = ips[slot].text,
                            .data_port = WORLD_DATA_PORT,
                            .discovery_port = WORLD_DISCOVERY_PORT,
                            .settings = { .memory_bytes = UINT64_C(16) << 20,
                                          .threads = 1,
                                          .connections_max = 256,
                                          .item_bytes_max = 1U << 20 } };
}

static void intent_key(uint32_t slot, char out[KEY_TEXT_SIZE])
{
    intent_key_of(WORLD_CLUSTER, slot, out);
}

void world_put_intent(struct world *w, const struct intent *intent)
{
    CLEANUP(str_deinit) struct str json;
    char key[KEY_TEXT_SIZE];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_intent(intent, &json, &err), 0, "%s", err.msg);
    intent_key_of(intent->cluster, intent->slot, key);
    (void)etcd_server_put(w->server, key, str_text(&json));
}

void world_delete_intent(struct world *w, uint32_t slot)
{
    char key[KEY_TEXT_SIZE];

    intent_key(slot, key);
    (void)etcd_server_delete(w->server, key);
}

static bool get(struct world *w, const char *key, struct etcd_kv *out)
{
    struct err err;
    int rv = etcd_wait_get(w->loop, w->etcd, key, &w->arena, out, &err);

    cr_assert(rv == 0 || rv == ERR_NOT_FOUND, "%s: %s", key, err.msg);
    return rv == 0;
}

bool world_has_intent(struct world *w, uint32_t slot)
{
    char key[KEY_TEXT_SIZE];
    struct etcd_kv kv;

    intent_key(slot, key);
    return get(w, key, &kv);
}

bool world_report(struct world *w, uint32_t slot, struct node_report *out)
{
    struct key key = {
        .kind = KEY_NODE, .cluster = WORLD_CLUSTER, .host = WORLD_HOST, .slot = slot
    };
    char text[KEY_TEXT_SIZE];
    struct etcd_kv kv;
    struct err err;

    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    if (!get(w, text, &kv)) {
        return false;
    }
    cr_assert_eq(json_decode_node_report(kv.value, kv.value_bytes, &w->arena, out, &err), 0, "%s",
                 err.msg);
    return true;
}

bool world_host(struct world *w, struct host *out)
{
    struct key key = { .kind = KEY_HOST, .host = WORLD_HOST };
    char text[KEY_TEXT_SIZE];
    struct etcd_kv kv;
    struct err err;

    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    if (!get(w, text, &kv)) {
        return false;
    }
    cr_assert_eq(json_decode_host(kv.value, kv.value_bytes, &w->arena, out, &err), 0, "%s",
                 err.msg);
    return true;
}

/* ---- Waiting ---- */

struct await {
    struct world *world;
    uint32_t slot;
    world_report_fn *fn;
    const void *ctx;
    struct node_report report;
    bool found;
};

static bool report_pleases(void *ctx)
{
    struct await *a = ctx;

    a->found = world_report(a->world, a->slot, &a->report);
    return a->found && a->fn(&a->report, a->ctx);
}

struct node_report world_await(struct world *w, uint32_t slot, world_report_fn *fn, const void *ctx)
{
    struct await a = { .world = w, .slot = slot, .fn = fn, .ctx = ctx };
    bool pleased = wait_until(report_pleases, &a, WAIT_MS);

    if (!pleased) {
        char *log = process_output(w->watcher);

        cr_assert(pleased,
                  "slot %u %s: state %s, partition %s, version %u, problem '%s'; the log:\n%s",
                  slot, a.found ? "is not as it should be" : "is not reported",
                  a.found ? node_state_text(a.report.state) : "",
                  a.found ? partition_mode_text(a.report.partition) : "",
                  a.found ? a.report.served.version : 0, a.found ? a.report.problem : "", log);
    }
    return a.report;
}

static bool is_up(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_UP;
}

struct node_report world_await_up(struct world *w, uint32_t slot)
{
    return world_await(w, slot, is_up, NULL);
}

static bool serves_version(const struct node_report *report, const void *ctx)
{
    return report->state == NODE_UP && report->served.version == *(const uint32_t *)ctx;
}

struct node_report world_await_served(struct world *w, uint32_t slot, uint32_t version)
{
    return world_await(w, slot, serves_version, &version);
}

static bool was_restarted(const struct node_report *report, const void *ctx)
{
    const uint32_t *wanted = ctx;

    return report->state == NODE_UP && report->served.version == wanted[0] &&
           wanted[1] <= report->restarts;
}

struct node_report world_await_restarted(struct world *w, uint32_t slot, uint32_t version,
                                         uint32_t restarts)
{
    const uint32_t wanted[2] = { version, restarts };

    return world_await(w, slot, was_restarted, wanted);
}

static bool has_problem(const struct node_report *report, const void *ctx)
{
    return strstr(report->problem, ctx) != NULL;
}

struct node_report world_await_problem(struct world *w, uint32_t slot, const char *text)
{
    return world_await(w, slot, has_problem, text);
}

static bool is_unreported(void *ctx)
{
    struct await *a = ctx;

    return !world_report(a->world, a->slot, &a->report);
}

void world_await_no_report(struct world *w, uint32_t slot)
{
    struct await a = { .world = w, .slot = slot };

    cr_assert(wait_until(is_unreported, &a, WAIT_MS), "the report stays");
}

struct await_event {
    struct world *world;
    const char *reason;
};

static bool event_is_there(void *ctx)
{
    struct await_event *a = ctx;
    struct etcd_range range = { .key = KEYS_PREFIX_DEFAULT "/events/", .prefix = true };
    struct etcd_range_result result;
    struct err err;
    size_t i;

    cr_assert_eq(
        etcd_wait_range(a->world->loop, a->world->etcd, &range, &a->world->arena, &result, &err), 0,
        "%s", err.msg);
    for (i = 0; i < result.count; i++) {
        struct event event;

        cr_assert_eq(json_decode_event(result.kvs[i].value, result.kvs[i].value_bytes,
                                       &a->world->arena, &event, &err),
                     0, "%s", err.msg);
        if (strcmp(event.reason, a->reason) == 0) {
            return true;
        }
    }
    return false;
}

void world_await_event(struct world *w, const char *reason)
{
    struct await_event a = { w, reason };

    cr_assert(wait_until(event_is_there, &a, WAIT_MS), "no event %s", reason);
}

/* ---- Configurations ---- */

const char *world_seal(struct world *w, const struct world_record *record)
{
    struct member members[2];
    struct config_draft draft = { .cluster =
                                      record->cluster == NULL ? WORLD_CLUSTER : record->cluster,
                                  .uid = record->uid == NULL ? WORLD_UID : record->uid,
                                  .epoch = record->epoch == 0 ? 1 : record->epoch,
                                  .version = record->version,
                                  .members = members,
                                  .members_count = 2 };
    CLEANUP(str_deinit) struct str json;
    struct config config;
    struct err err;
    uint32_t i;

    for (i = 0; i < 2; i++) {
        struct intent intent = world_intent(i + 1, INTENT_RUN);

        members[i] = (struct member){ i + 1, intent.ip, intent.ip, WORLD_DATA_PORT };
    }
    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(envelope_seal(&draft, record->key == NULL ? &w->key : record->key, &w->arena,
                               &config, &err),
                 0, "%s", err.msg);
    cr_assert_eq(json_encode_config(&config, &json, &err), 0, "%s", err.msg);
    return arena_strdup(&w->arena, str_text(&json));
}

char *world_ask(uint32_t slot, uint16_t port, const char *request, const char *end)
{
    return net_ask(scene_ip(slot).text, port, request, end);
}

void world_push(struct world *w, uint32_t slot, uint16_t port, const char *record)
{
    const char *request =
        arena_printf(&w->arena, "set muster:config 0 0 %zu\r\n%s\r\n", strlen(record), record);
    char *reply = world_ask(slot, port, request, "\r\n");

    cr_assert_str_eq(reply, "STORED\r\n");
    free(reply);
}

void world_push_version(struct world *w, uint32_t slot, uint32_t version)
{
    struct world_record record = { .version = version };

    world_push(w, slot, WORLD_DATA_PORT, world_seal(w, &record));
}

bool world_serves(uint32_t slot, uint16_t port, uint32_t version)
{
    char *reply = world_ask(slot, port, "config get cluster\r\n", "END\r\n");
    const char *line = strchr(reply, '\n');
    uint32_t told = UINT32_MAX;

    if (strcmp(reply, "END\r\n") == 0) {
        told = 0;
    } else if (strncmp(reply, "CONFIG cluster 0 ", 17) == 0 && line != NULL) {
        told = (uint32_t)strtoul(line + 1, NULL, 10);
    }
    free(reply);
    return told == version;
}

/* ---- Processes ---- */

bool world_lives(int64_t pid)
{
    return kill((pid_t)pid, 0) == 0;
}

static bool has_ended(void *ctx)
{
    return !world_lives(*(int64_t *)ctx);
}

void world_await_end(int64_t pid)
{
    cr_assert(wait_until(has_ended, &pid, WAIT_MS), "process %d lives on", (int)pid);
}

struct node_report world_begin(struct world *w)
{
    struct intent intent = world_intent(1, INTENT_RUN);

    world_init(w);
    world_start_watcher(w, NULL);
    world_put_intent(w, &intent);
    return world_await_up(w, 1);
}

struct node_report world_begin_serving(struct world *w, uint32_t version)
{
    (void)world_begin(w);
    world_push_version(w, 1, version);
    return world_await_served(w, 1, version);
}
