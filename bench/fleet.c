#include "bench/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "bench/keyset.h"
#include "bench/tree.h"
#include "codec/model_json.h"
#include "etcd/etcd.h"
#include "loop/loop.h"

#define PATH_SIZE 256
#define ETCD_URL "http://127.91.0.250:2379"
#define ETCD_PEER_URL "http://127.91.0.250:2380"
#define ETCD_MEMBERS "default=http://127.91.0.250:2380"
#define ADMIN_ADDRESS "127.91.0.250:11280"
#define FLOOR_PREFIX "/floor/"
#define LEASE_TTL_S 3600
#define STEP_TIMEOUT_MS 30000
#define SETTLE_ROUNDS_MAX 60
#define BATCH_OPS 100
#define BATCH_BYTES_MAX (ETCD_VALUE_BYTES_MAX / 2)

struct fleet {
    struct fleet_shape shape;
    struct loop *loop;
    struct keyset *keyset;
    struct signing_key key;
    struct etcd *etcd;
    struct etcd_watch *watch;       /* of muster's keys */
    struct etcd_watch *floor_watch; /* of the floor's */
    struct loop_timer *timer;
    uint64_t lease;
    uint64_t writes;
    uint64_t revision_committed; /* by the last transaction that was waited for */
    uint64_t floor_seen;
    uint32_t touches;
    char dir[PATH_SIZE];
    pid_t etcd_pid;
    pid_t controller_pid;
    /* What is waited for. */
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;       /* an order to run it; 0: not waited for, or seen */
    uint64_t slot_at_ns; /* when it was seen */
    uint64_t generation; /* converged; 0: not waited for */
    bool committed;
    bool heard; /* of a write of the floor */
    bool converged;
    bool elapsed;
    bool failed;
    struct err err;
};

/* ---- Waiting ---- */

static void fail(struct fleet *fleet, const struct err *err)
{
    fleet->err = *err;
    fleet->failed = true;
    loop_stop(fleet->loop);
}

static int await(struct fleet *fleet, const bool *done, struct err *err)
{
    int rv = loop_run_until(fleet->loop, done, STEP_TIMEOUT_MS, err);

    if (fleet->failed) {
        *err = fleet->err;
        rv = err->code;
    }
    return rv;
}

static void timer_ended(void *ctx)
{
    struct fleet *fleet = ctx;

    fleet->elapsed = true;
}

int fleet_run(struct fleet *fleet, uint64_t ms, struct err *err)
{
    fleet->elapsed = false;
    loop_timer_start(fleet->timer, ms);
    return await(fleet, &fleet->elapsed, err);
}

int fleet_settle(struct fleet *fleet, uint64_t quiet_ms, struct err *err)
{
    unsigned rounds;

    for (rounds = 0; rounds < SETTLE_ROUNDS_MAX; rounds++) {
        uint64_t before = fleet->writes;
        int rv = fleet_run(fleet, quiet_ms, err);

        if (rv < 0 || before == fleet->writes) {
            return rv;
        }
    }
    return err_set(err, ERR_TIMEOUT, "something is written all the time");
}

/* ---- Writing ---- */

static void on_commit(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct fleet *fleet = ctx;

    if (result == NULL) {
        fail(fleet, err);
        return;
    }
    fleet->revision_committed = result->revision;
    fleet->committed = true;
}

static void on_answer(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    if (result == NULL) {
        fail(ctx, err);
    }
}

static int commit(struct fleet *fleet, const struct etcd_op *ops, size_t count, struct err *err)
{
    const struct etcd_txn txn = { .ops = ops, .ops_count = count };
    int rv;

    fleet->committed = false;
    rv = etcd_txn(fleet->etcd, &txn, on_commit, fleet, err);
    return rv < 0 ? rv : await(fleet, &fleet->committed, err);
}

/* Keys that hold their watcher's lease. */
static uint64_t lease_of(const struct fleet *fleet, enum key_kind kind)
{
    return kind == KEY_HOST || kind == KEY_NODE ? fleet->lease : 0;
}

/* Put one value and wait for nothing. */
static int put_soon(struct fleet *fleet, const struct key *key, int encoded, const struct str *json,
                    struct err *err)
{
    char text[KEY_TEXT_SIZE];
    const struct etcd_op op = { ETCD_PUT, text, str_text(json), json->size,
                                lease_of(fleet, key->kind) };
    const struct etcd_txn txn = { .ops = &op, .ops_count = 1 };

    key_format(KEYSET_PREFIX, key, text);
    return encoded < 0 ? encoded : etcd_txn(fleet->etcd, &txn, on_answer, fleet, err);
}

/* ---- The watchers ---- */

static struct key cluster_key(enum key_kind kind, const char *cluster)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    return key;
}

static const struct config *config_of(const struct fleet *fleet, const char *cluster)
{
    const struct cluster_objects *keys = objects_cluster(keyset_objects(fleet->keyset), cluster);
    const struct object *config = keys == NULL ? NULL : object_single(keys, KEY_CONFIG);

    return config == NULL ? NULL : &config->of.config;
}

static int report(struct fleet *fleet, const struct intent *intent, uint32_t restarts,
                  struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct node_report value = keyset_report(intent, config_of(fleet, intent->cluster));
    struct key key = keyset_report_key(intent);

    value.restarts = restarts;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_soon(fleet, &key, json_encode_node_report(&value, &json, err), &json, err);
}

static int report_all(struct fleet *fleet, const char *cluster, struct err *err)
{
    const struct object *object =
        objects_cluster(keyset_objects(fleet->keyset), cluster)->lists[KEY_INTENT];
    int rv = 0;

    for (; 0 <= rv && object != NULL; object = object->next) {
        rv = report(fleet, &object->of.intent, 0, err);
    }
    return rv;
}

/* ---- What is heard ---- */

static void look_intent(struct fleet *fleet, const struct key *key)
{
    if (key->slot == fleet->slot && strcmp(key->cluster, fleet->cluster) == 0) {
        fleet->slot_at_ns = clock_mono_ns();
        fleet->slot = 0;
    }
}

static void look_status(struct fleet *fleet, const struct key *key)
{
    const struct cluster_objects *keys =
        objects_cluster(keyset_objects(fleet->keyset), key->cluster);
    const struct object *status = object_single(keys, KEY_STATUS);

    if (fleet->generation != 0 && strcmp(key->cluster, fleet->cluster) == 0 && status != NULL &&
        status->of.status.observed_generation == fleet->generation &&
        status->of.status.conditions[CONDITION_CONVERGED].status) {
        fleet->generation = 0;
        fleet->converged = true;
    }
}

/* A key was put, and is in the keyset. */
static int react(struct fleet *fleet, const struct key *key, const struct object *object,
                 struct err *err)
{
    if (key->kind == KEY_INTENT) {
        look_intent(fleet, key);
        return report(fleet, &object->of.intent, 0, err);
    }
    if (key->kind == KEY_CONFIG) {
        return report_all(fleet, key->cluster, err);
    }
    if (key->kind == KEY_STATUS) {
        look_status(fleet, key);
    }
    return 0;
}

static int take_event(struct fleet *fleet, const struct etcd_event *event, struct err *err)
{
    struct key key;
    const struct object *object;
    int rv;

    if (!key_parse(KEYSET_PREFIX, event->kv.key, &key)) {
        return 0;
    }
    if (event->deleted) {
        keyset_remove(fleet->keyset, &key);
        return 0;
    }
    rv = keyset_put(fleet->keyset, &key, event->kv.value, event->kv.value_bytes, err);
    object = keyset_object(fleet->keyset, &key);
    return rv < 0 || object == NULL ? rv : react(fleet, &key, object, err);
}

static void on_events(void *ctx, const struct etcd_event *events, size_t count, uint64_t revision)
{
    struct fleet *fleet = ctx;
    struct err err;
    size_t i;

    (void)revision;
    fleet->writes += count;
    for (i = 0; i < count; i++) {
        if (take_event(fleet, &events[i], &err) < 0) {
            fail(fleet, &err);
            return;
        }
    }
}

static void on_floor_events(void *ctx, const struct etcd_event *events, size_t count,
                            uint64_t revision)
{
    struct fleet *fleet = ctx;

    (void)events;
    (void)count;
    fleet->floor_seen = revision;
    fleet->heard = true;
}

static void on_watch_end(void *ctx, const struct err *err)
{
    fail(ctx, err);
}

/* ---- Changes ---- */

void fleet_cluster_name(unsigned cluster, char out[CLUSTER_NAME_MAX + 1])
{
    (void)snprintf(out, CLUSTER_NAME_MAX + 1, "c%04u", cluster);
}

int fleet_grow(struct fleet *fleet, unsigned cluster, struct fleet_times *out, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    uint64_t began_ns;
    struct spec_record record;
    struct key key;
    int rv;

    fleet_cluster_name(cluster, fleet->cluster);
    key = cluster_key(KEY_SPEC, fleet->cluster);
    record = keyset_object(fleet->keyset, &key)->of.spec;
    record.spec.nodes++;
    record.generation++;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    fleet->slot = record.spec.nodes;
    fleet->generation = record.generation;
    fleet->converged = false;
    began_ns = clock_mono_ns();
    rv = put_soon(fleet, &key, json_encode_spec_record(&record, &json, err), &json, err);
    if (0 <= rv) {
        rv = await(fleet, &fleet->converged, err);
    }
    if (rv < 0) {
        return err_wrap(err, "one more node for %s", fleet->cluster);
    }
    if (fleet->slot != 0) {
        return err_set(err, ERR_FAILED, "%s converged without a new node", fleet->cluster);
    }
    out->first_ms = (double)(fleet->slot_at_ns - began_ns) / 1e6;
    out->converged_ms = (double)(clock_mono_ns() - began_ns) / 1e6;
    return 0;
}

static int floor_step(struct fleet *fleet, const char *name, const struct object *like,
                      struct err *err)
{
    const struct etcd_op op = { ETCD_PUT, name, like->bytes, like->bytes_count, 0 };
    int rv = commit(fleet, &op, 1, err);

    while (0 <= rv && fleet->floor_seen < fleet->revision_committed) {
        fleet->heard = false;
        rv = await(fleet, &fleet->heard, err);
    }
    return rv;
}

int fleet_floor(struct fleet *fleet, double *ms, struct err *err)
{
    const struct cluster_objects *keys = keyset_objects(fleet->keyset)->clusters[0];
    uint64_t began_ns = clock_mono_ns();
    int rv = floor_step(fleet, FLOOR_PREFIX "spec", keys->lists[KEY_SPEC], err);

    if (0 <= rv) {
        rv = floor_step(fleet, FLOOR_PREFIX "intent", keys->lists[KEY_INTENT], err);
    }
    *ms = (double)(clock_mono_ns() - began_ns) / 1e6;
    return rv;
}

int fleet_touch_host(struct fleet *fleet, unsigned host, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = keyset_host_key(host);
    struct host value = keyset_object(fleet->keyset, &key)->of.host;
    char version[32];

    (void)snprintf(version, sizeof(version), "1.6.%u", ++fleet->touches);
    value.memcached_version = version;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    return put_soon(fleet, &key, json_encode_host(&value, &json, err), &json, err);
}

int fleet_touch_report(struct fleet *fleet, unsigned cluster, struct err *err)
{
    char name[CLUSTER_NAME_MAX + 1];
    const struct cluster_objects *keys;

    fleet_cluster_name(cluster, name);
    keys = objects_cluster(keyset_objects(fleet->keyset), name);
    return report(fleet, &keys->lists[KEY_INTENT]->of.intent, ++fleet->touches, err);
}

uint64_t fleet_writes(const struct fleet *fleet)
{
    return fleet->writes;
}

const char *fleet_etcd_url(void)
{
    return ETCD_URL;
}

const char *fleet_metrics_url(void)
{
    return "http://" ADMIN_ADDRESS "/metrics";
}

pid_t fleet_controller_pid(const struct fleet *fleet)
{
    return fleet->controller_pid;
}

/* ---- Start ---- */

struct seeding {
    struct fleet *fleet;
    struct etcd_op ops[BATCH_OPS];
    size_t count;
    size_t bytes;
};

static int seed_flush(struct seeding *seeding, struct err *err)
{
    int rv = seeding->count == 0 ? 0 : commit(seeding->fleet, seeding->ops, seeding->count, err);

    seeding->count = 0;
    seeding->bytes = 0;
    return rv;
}

static int seed_one(void *ctx, const char *key, const char *value, size_t value_bytes,
                    struct err *err)
{
    struct seeding *seeding = ctx;
    struct key parsed;

    CHECK(key_parse(KEYSET_PREFIX, key, &parsed));
    seeding->ops[seeding->count++] = (struct etcd_op){ ETCD_PUT, key, value, value_bytes,
                                                       lease_of(seeding->fleet, parsed.kind) };
    seeding->bytes += value_bytes;
    if (seeding->count == BATCH_OPS || BATCH_BYTES_MAX < seeding->bytes) {
        return seed_flush(seeding, err);
    }
    return 0;
}

static void on_lease(void *ctx, uint64_t lease, uint64_t ttl_s, const struct err *err)
{
    struct fleet *fleet = ctx;

    (void)ttl_s;
    if (err != NULL) {
        fail(fleet, err);
    }
    fleet->lease = lease;
    fleet->committed = true;
}

static int start_etcd(struct fleet *fleet, struct err *err)
{
    char data[PATH_SIZE + 16];
    char log[PATH_SIZE + 16];
    const char *argv[] = { "etcd",        "--data-dir",
                           data,          "--listen-client-urls",
                           ETCD_URL,      "--advertise-client-urls",
                           ETCD_URL,      "--listen-peer-urls",
                           ETCD_PEER_URL, "--initial-advertise-peer-urls",
                           ETCD_PEER_URL, "--initial-cluster",
                           ETCD_MEMBERS,  "--log-level",
                           "error",       NULL };
    const struct etcd_options options = { .endpoints = ETCD_URL,
                                          .request_timeout_ms = STEP_TIMEOUT_MS };
    int rv;

    (void)snprintf(data, sizeof(data), "%s/etcd", fleet->dir);
    (void)snprintf(log, sizeof(log), "%s/etcd.log", fleet->dir);
    rv = child_start(argv, log, &fleet->etcd_pid, err);
    if (0 <= rv) {
        rv = etcd_new(fleet->loop, &options, &fleet->etcd, err);
    }
    if (0 <= rv) {
        rv = etcd_lease_grant(fleet->etcd, LEASE_TTL_S, on_lease, fleet, err);
    }
    return rv < 0 ? rv : await(fleet, &fleet->committed, err);
}

static int make_keys(struct fleet *fleet, struct err *err)
{
    char secret[PATH_SIZE + 16];
    char public[PATH_SIZE + 16];
    unsigned i;
    int rv;

    (void)snprintf(secret, sizeof(secret), "%s/signing.key", fleet->dir);
    (void)snprintf(public, sizeof(public), "%s/signing.pub", fleet->dir);
    rv = signing_key_create(secret, public, err);
    if (0 <= rv) {
        rv = signing_key_load(secret, &fleet->key, err);
    }
    if (0 <= rv) {
        rv = keyset_new(&fleet->key, fleet->shape.hosts, &fleet->keyset, err);
    }
    for (i = 0; 0 <= rv && i < fleet->shape.clusters; i++) {
        char name[CLUSTER_NAME_MAX + 1];

        fleet_cluster_name(i, name);
        rv = keyset_add_cluster(fleet->keyset, name, fleet->shape.nodes, err);
    }
    return rv;
}

static int seed(struct fleet *fleet, struct err *err)
{
    struct seeding seeding = { .fleet = fleet };
    int rv = keyset_each(fleet->keyset, seed_one, &seeding, err);

    return rv < 0 ? rv : seed_flush(&seeding, err);
}

int fleet_new(const struct fleet_shape *shape, struct fleet **out, struct err *err)
{
    CLEANUP(fleet_free_p) struct fleet *fleet = mem_alloc(sizeof(*fleet));
    int rv;

    if (fleet == NULL) {
        return err_set(err, ERR_NOMEM, "fleet");
    }
    fleet->shape = *shape;
    rv = loop_new(&fleet->loop, err);
    if (0 <= rv) {
        rv = loop_timer_new(fleet->loop, timer_ended, fleet, &fleet->timer, err);
    }
    if (rv < 0) {
        return rv;
    }
    (void)snprintf(fleet->dir, sizeof(fleet->dir), "/tmp/muster-bench.XXXXXX");
    if (mkdtemp(fleet->dir) == NULL) {
        fleet->dir[0] = '\0';
        return err_set(err, ERR_IO, "mkdtemp: %s", strerror(errno));
    }
    rv = make_keys(fleet, err);
    if (0 <= rv) {
        rv = start_etcd(fleet, err);
    }
    if (0 <= rv) {
        rv = seed(fleet, err);
    }
    if (0 <= rv) {
        rv = etcd_watch_new(fleet->etcd, KEYSET_PREFIX "/", fleet->revision_committed + 1,
                            on_events, on_watch_end, fleet, &fleet->watch, err);
    }
    if (0 <= rv) {
        rv = etcd_watch_new(fleet->etcd, FLOOR_PREFIX, fleet->revision_committed + 1,
                            on_floor_events, on_watch_end, fleet, &fleet->floor_watch, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(fleet);
    return 0;
}

int fleet_control(struct fleet *fleet, struct err *err)
{
    char program[PATH_SIZE];
    char key[PATH_SIZE + 16];
    char log[PATH_SIZE + 16];
    const char *argv[] = { program, "--etcd-endpoints", ETCD_URL,      "--signing-key",
                           key,     "--admin-listen",   ADMIN_ADDRESS, NULL };

    (void)snprintf(program, sizeof(program), "%s/muster-controller", fleet->shape.bin_dir);
    (void)snprintf(key, sizeof(key), "%s/signing.key", fleet->dir);
    (void)snprintf(log, sizeof(log), "%s/controller.log", fleet->dir);
    return child_start(argv, log, &fleet->controller_pid, err);
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    etcd_watch_free(fleet->watch);
    etcd_watch_free(fleet->floor_watch);
    etcd_free(fleet->etcd);
    child_kill(fleet->controller_pid);
    child_kill(fleet->etcd_pid);
    keyset_free(fleet->keyset);
    loop_timer_free(fleet->timer);
    loop_free(fleet->loop);
    signing_key_clear(&fleet->key);
    if (fleet->dir[0] != '\0') {
        tree_remove(fleet->dir);
    }
    free(fleet);
}
