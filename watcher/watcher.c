#include "watcher/watcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "proc/proc.h"
#include "watcher/files.h"
#include "watcher/leave_file.h"
#include "watcher/partition_files.h"
#include "watcher/watcher_parts.h"

#define NAMES_ARENA_BYTES (64U << 10)

/* ---- Slots ---- */

static struct slot *find_slot(struct watcher *w, const char *cluster, uint32_t number)
{
    size_t i;

    for (i = 0; i < w->slots_count; i++) {
        if (slot_number(w->slots[i]) == number && strcmp(slot_cluster(w->slots[i]), cluster) == 0) {
            return w->slots[i];
        }
    }
    return NULL;
}

static int add_slot(struct watcher *w, const char *cluster, uint32_t number, struct slot **out,
                    struct err *err)
{
    int rv;

    if (w->slots_count == HOST_NODES_MAX) {
        return err_set(err, ERR_LIMIT, "this host has %d nodes already", HOST_NODES_MAX);
    }
    rv = slot_new(&w->shared, cluster, number, out, err);
    if (rv == 0) {
        w->slots[w->slots_count++] = *out;
    }
    return rv;
}

void watcher_remove_slot(struct watcher *w, struct slot *slot)
{
    size_t i = 0;

    while (w->slots[i] != slot) {
        i++;
        CHECK(i < w->slots_count);
    }
    w->slots[i] = w->slots[--w->slots_count];
    slot_free(slot);
}

/* All is said. Who was let go is forgotten first, unless patience ends: the next one by this name
 * would have to wait until the lease of the report is over. */
static void on_clean(void *ctx)
{
    struct watcher *w = ctx;

    if (!watcher_sidecar_awaits(w)) {
        loop_stop(w->loop);
    }
}

static void on_gone(void *ctx, struct slot *slot)
{
    struct watcher *w = ctx;

    watcher_remove_slot(w, slot);
    if (w->sidecar != NULL) {
        watcher_retake_intents(w); /* another slot may have waited for this one to go */
    }
    if (w->stopping) {
        report_when_clean(w->report, on_clean, w);
    }
}

static void on_found(void *ctx, const char *cluster, uint32_t number)
{
    struct watcher *w = ctx;
    struct slot *slot;
    struct err err;

    if (w->sidecar != NULL && 0 < w->slots_count) {
        return; /* it was given up for the one that is there, in the middle of which it died */
    }
    if (add_slot(w, cluster, number, &slot, &err) < 0) {
        log_write(w->log, LOG_WARN, "node-not-taken-up", LOG_TEXT("cluster", cluster),
                  LOG_NUMBER("slot", number), LOG_TEXT("problem", err.msg));
        return;
    }
    if (!slot_is_known(slot)) {
        log_write(w->log, LOG_WARN, "node-files-useless", LOG_TEXT("cluster", cluster),
                  LOG_NUMBER("slot", number));
        slot_drop(slot);
        watcher_remove_slot(w, slot);
    }
}

/* ---- Intents ---- */

static void say_bad_key(struct watcher *w, const struct key *key, const char *text,
                        const struct err *err)
{
    char subject[KEY_TEXT_SIZE + 8];
    struct event event = { .cluster = key->cluster[0] == '\0' ? "-" : key->cluster,
                           .at_ms = clock_wall_ms(),
                           .program = "muster-watcher",
                           .type = "Warning",
                           .reason = "KeyInvalid",
                           .subject = subject,
                           .message = err->msg };

    (void)snprintf(subject, sizeof(subject), "key %s", text);
    log_write(w->log, LOG_WARN, "key-invalid", LOG_TEXT("key", text),
              LOG_TEXT("problem", err->msg));
    event_log_add(w->events, &event);
}

static int take_intent(struct watcher *w, const struct key *key, const struct mirror_item *item,
                       struct err *err)
{
    struct slot *slot;
    bool fresh;
    int rv;

    if (key->kind != KEY_INTENT) {
        return err_set(err, ERR_INVALID, "it is no key of an intent");
    }
    rv = watcher_sidecar_admit(w, key, item, err);
    if (rv < 0) {
        return rv;
    }
    slot = find_slot(w, key->cluster, key->slot);
    fresh = slot == NULL;
    rv = fresh ? add_slot(w, key->cluster, key->slot, &slot, err) : 0;
    if (rv < 0) {
        return rv;
    }
    rv = slot_intend(slot, item->value, item->value_bytes, err);
    if (rv < 0 && fresh && !slot_is_known(slot)) {
        slot_drop(slot);
        watcher_remove_slot(w, slot);
    }
    return rv;
}

static void on_intent_put(void *ctx, struct mirror_item *item)
{
    struct watcher *w = ctx;
    struct key key;
    struct err err;

    if (!key_parse(w->config->flags.prefix, item->key, &key)) {
        return;
    }
    if (take_intent(w, &key, item, &err) < 0 && err.code != ERR_CONFLICT) {
        say_bad_key(w, &key, item->key, &err);
    }
    watcher_sidecar_update(w);
}

void watcher_retake_intents(struct watcher *w)
{
    struct mirror_item *item;

    for (item = mirror_seek(w->mirror, ""); item != NULL; item = mirror_next(w->mirror, item)) {
        on_intent_put(w, item);
    }
    watcher_sidecar_update(w);
}

static void on_intent_gone(void *ctx, struct mirror_item *item)
{
    struct watcher *w = ctx;
    struct slot *slot;
    struct key key;

    if (!key_parse(w->config->flags.prefix, item->key, &key) || key.kind != KEY_INTENT) {
        return;
    }
    slot = find_slot(w, key.cluster, key.slot);
    if (slot != NULL) {
        slot_unintend(slot);
    }
    watcher_sidecar_update(w);
}

static void intent_prefix(const struct watcher *w, char out[KEY_TEXT_SIZE])
{
    CHECK(snprintf(out, KEY_TEXT_SIZE, "%s/intent/%s/", w->config->flags.prefix,
                   w->config->host.name) < KEY_TEXT_SIZE);
}

static bool is_intended(struct watcher *w, const struct slot *slot)
{
    struct key key = { .kind = KEY_INTENT, .slot = slot_number(slot) };
    char text[KEY_TEXT_SIZE];

    (void)snprintf(key.host, sizeof(key.host), "%s", w->config->host.name);
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", slot_cluster(slot));
    key_format(w->config->flags.prefix, &key, text);
    return mirror_get(w->mirror, text) != NULL;
}

static void on_exit_of_nobody(void *ctx, int status)
{
    (void)ctx;
    (void)status;
}

/* Files that say nothing, of a node that is neither wanted nor running: a machine lost power before
 * they were on its disk. */
static void on_left_over(void *ctx, const char *cluster, uint32_t number)
{
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(proc_free_p) struct proc *proc = NULL;
    struct watcher *w = ctx;
    struct node_files files;
    struct err err;

    arena_init(&arena, NAMES_ARENA_BYTES);
    if (find_slot(w, cluster, number) != NULL ||
        node_files_name(w->config->flags.state_dir, cluster, number, &arena, &files, &err) < 0 ||
        proc_adopt(w->loop, files.pid, NULL, on_exit_of_nobody, NULL, &proc, &err) !=
            ERR_NOT_FOUND) {
        return;
    }
    log_write(w->log, LOG_INFO, "node-files-removed", LOG_TEXT("cluster", cluster),
              LOG_NUMBER("slot", number));
    node_files_remove(&files);
}

/* The list is whole: what has no intent in it has none. */
static void on_synced(void *ctx)
{
    struct watcher *w = ctx;
    size_t i;

    if (!w->heard) {
        log_write(w->log, LOG_INFO, "etcd-heard", LOG_TEXT("host", w->config->host.name),
                  LOG_NUMBER("nodes", w->slots_count));
        node_files_scan(w->config->flags.state_dir, on_left_over, w);
    }
    if (!w->stopping && !w->leaving) {
        loop_timer_stop(w->patience);
    }
    w->heard = true;
    report_look(w->report);
    for (i = 0; i < w->slots_count; i++) {
        if (!is_intended(w, w->slots[i])) {
            slot_unintend(w->slots[i]);
        }
    }
    if (w->sidecar != NULL) {
        watcher_retake_intents(w); /* what nobody asks for is known now, and gives way */
    }
}

static void on_trouble(void *ctx, const struct err *err)
{
    struct watcher *w = ctx;

    if (err == NULL) {
        if (w->troubled) {
            log_write(w->log, LOG_INFO, "etcd-back", LOG_TEXT("host", w->config->host.name));
        }
        w->troubled = false;
        return;
    }
    if (!w->troubled) {
        log_write(w->log, LOG_WARN, "etcd-away", LOG_TEXT("problem", err->msg));
    }
    w->troubled = true;
}

/* ---- Clusters that are gone ---- */

static const char *next_unasked(void *ctx)
{
    struct watcher *w = ctx;
    size_t i;

    for (i = 0; w->heard && i < w->slots_count; i++) {
        const struct slot *slot = w->slots[w->bygone_turn++ % w->slots_count];

        if (slot_is_unasked(slot)) {
            return slot_cluster(slot);
        }
    }
    return NULL;
}

static void on_bygone(void *ctx, const char *cluster, uint32_t version)
{
    struct watcher *w = ctx;
    size_t i;

    for (i = 0; i < w->slots_count; i++) {
        if (strcmp(slot_cluster(w->slots[i]), cluster) == 0) {
            slot_bygone(w->slots[i], version);
        }
    }
}

/* ---- The host ---- */

static int put_host(struct watcher *w, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct host host = w->config->host;
    int rv;

    host.watcher_version = MUSTER_VERSION;
    host.memcached_version = w->program.version;
    host.problem = w->program.problem;
    str_init(&json, REPORT_VALUE_BYTES_MAX);
    rv = json_encode_host(&host, &json, err);
    return rv < 0 ? rv : report_key_put(w->host_key, str_text(&json), json.size, err);
}

void watcher_put_host(struct watcher *w)
{
    struct err err;

    if (put_host(w, &err) < 0) {
        log_write(w->log, LOG_ERROR, "host-not-reported", LOG_TEXT("problem", err.msg));
    }
}

static void look_for_program(struct watcher *w)
{
    char former[MEMCACHED_PROBLEM_SIZE];

    memcpy(former, w->program.problem, sizeof(former));
    memcached_find(w->config->flags.memcached, &w->program);
    if (w->program.problem[0] == '\0') {
        log_write(w->log, LOG_INFO, "memcached-found", LOG_TEXT("path", w->program.path),
                  LOG_TEXT("version", w->program.version));
        return;
    }
    if (strcmp(former, w->program.problem) != 0) {
        log_write(w->log, LOG_ERROR, "memcached-unusable", LOG_TEXT("problem", w->program.problem));
    }
    loop_timer_start(w->program_retry, WATCHER_PROGRAM_MS);
}

static void on_program_retry(void *ctx)
{
    struct watcher *w = ctx;
    size_t i;

    look_for_program(w);
    watcher_put_host(w);
    for (i = 0; i < w->slots_count; i++) {
        slot_program_changed(w->slots[i]);
    }
}

/* ---- Lifecycle ---- */

/* "10.0.0.7", or "10.0.0.7-10.0.0.9". */
static void addresses_text(const struct host *host, char out[2 * IPV4_TEXT_SIZE])
{
    char last[IPV4_TEXT_SIZE];
    uint32_t first;

    (void)snprintf(out, 2 * IPV4_TEXT_SIZE, "%s", host->ip_first);
    if (1 < host->ip_count && ipv4_parse(host->ip_first, &first)) {
        ipv4_format(first + (uint32_t)host->ip_count - 1, last);
        (void)snprintf(out, 2 * IPV4_TEXT_SIZE, "%s-%s", host->ip_first, last);
    }
}

static void say_start(const struct watcher *w)
{
    const struct watcher_config *config = w->config;
    char addresses[2 * IPV4_TEXT_SIZE];

    addresses_text(&config->host, addresses);
    log_write(w->log, LOG_INFO, "started", LOG_TEXT("version", MUSTER_VERSION),
              LOG_TEXT("host", config->host.name), LOG_TEXT("addresses", addresses),
              LOG_NUMBER("nodes-max", config->host.nodes_max),
              LOG_TEXT("state-dir", config->flags.state_dir));
    if (config->module[0] == '\0' && config->mode == WATCHER_HOST) {
        log_write(w->log, LOG_WARN, "no-module",
                  LOG_TEXT("detail", "discovery is answered beside memcached only"));
    }
    if (!partitions_in_memory(config->flags.partition_dir)) {
        log_write(w->log, LOG_WARN, "partitions-not-in-memory",
                  LOG_TEXT("dir", config->flags.partition_dir));
    }
}

static void on_patience_over(void *ctx)
{
    struct watcher *w = ctx;

    if (w->leaving && !w->stopping) {
        w->result = ERR_TIMEOUT;
        watcher_sidecar_answer(w, LEAVE_FILE_KEPT);
        watcher_stop(w);
        return;
    }
    if (!w->stopping) {
        w->result = ERR_UNAVAILABLE;
    }
    loop_stop(w->loop);
}

/* Two watchers on one directory would start every node twice. */
static int lock_state(struct watcher *w, struct err *err)
{
    const char *dir = w->config->flags.state_dir;
    char path[PATH_MAX];
    int rv = dir_make(dir, err);

    if (rv < 0) {
        return rv;
    }
    (void)snprintf(path, sizeof(path), "%s/watcher.lock", dir);
    rv = file_lock_new(path, &w->lock, err);
    if (rv == ERR_CONFLICT) {
        return err_set(err, ERR_CONFLICT, "another watcher uses the state directory %s", dir);
    }
    return rv;
}

static void on_join_requested(void *ctx, const char *cluster, uint32_t number, const char *uid)
{
    struct slot *slot = find_slot(ctx, cluster, number);

    if (slot != NULL) {
        slot_join_requested(slot, uid);
    }
}

static int open_joins(struct watcher *w, struct err *err)
{
    static const struct joins_events events = { on_join_requested };
    struct joins_options options = { .log = w->log,
                                     .report = w->report,
                                     .events = w->events,
                                     .prefix = w->config->flags.prefix,
                                     .host = w->config->host.name,
                                     .state_dir = w->config->flags.state_dir,
                                     .tokens = w->config->flags.join_tokens };

    return joins_new(w->loop, &options, &events, w, &w->joins, err);
}

static int open_store(struct watcher *w, struct err *err)
{
    const struct watcher_config *config = w->config;
    struct key key = { .kind = KEY_HOST };
    char text[KEY_TEXT_SIZE];
    int rv = etcd_new(w->loop, &config->etcd, &w->etcd, err);

    if (rv == 0) {
        rv = report_new(w->loop, w->etcd, (config->flags.lease_ttl_ms + 999) / 1000,
                        config->host.name, w->log, &w->report, err);
    }
    if (rv == 0) {
        rv = event_log_new(w->loop, w->etcd, config->flags.prefix, &w->events, err);
    }
    if (rv < 0) {
        return rv;
    }
    (void)snprintf(key.host, sizeof(key.host), "%s", config->host.name);
    key_format(config->flags.prefix, &key, text);
    rv = report_key_new(w->report, text, &w->host_key, err);
    if (rv == 0) {
        report_fence(w->host_key);
    }
    return rv;
}

static int open_local(struct watcher *w, struct err *err)
{
    const struct watcher_config *config = w->config;
    struct partitions_options options = { .dir = config->flags.partition_dir,
                                          .single = config->mode == WATCHER_SIDECAR,
                                          .keys = &config->keys,
                                          .uid = config->uid,
                                          .gid = config->gid };
    int rv = lock_state(w, err);

    if (rv == 0) {
        rv = loop_timer_new(w->loop, on_program_retry, w, &w->program_retry, err);
    }
    if (rv == 0) {
        rv = loop_timer_new(w->loop, on_patience_over, w, &w->patience, err);
    }
    if (rv == 0) {
        rv = discovery_host_new(w->loop, &config->discovery, &w->discovery, err);
    }
    return rv < 0 ? rv : partitions_new(w->loop, &options, &w->partitions, err);
}

static void share(struct watcher *w)
{
    w->shared = (struct slot_host){ .loop = w->loop,
                                    .config = w->config,
                                    .log = w->log,
                                    .program = &w->program,
                                    .partitions = w->partitions,
                                    .discovery = w->discovery,
                                    .report = w->report,
                                    .events = w->events,
                                    .joins = w->joins,
                                    .gone = on_gone,
                                    .ctx = w };
}

int watcher_new(struct loop *loop, const struct watcher_config *config, struct watcher **out,
                struct err *err)
{
    static const struct mirror_events events = { on_intent_put, on_intent_gone, on_synced,
                                                 on_trouble };
    static const struct bygone_events bygone = { next_unasked, on_bygone };
    CLEANUP(watcher_free_p) struct watcher *w = mem_alloc(sizeof(*w));
    char prefix[KEY_TEXT_SIZE];
    int rv;

    if (w == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    w->loop = loop;
    w->config = config;
    w->log = &config->log;
    rv = open_local(w, err);
    if (rv == 0) {
        rv = open_store(w, err);
    }
    if (rv == 0) {
        rv = open_joins(w, err);
    }
    if (rv < 0) {
        return rv;
    }
    share(w);
    say_start(w);
    if (config->mode == WATCHER_HOST) {
        look_for_program(w);
    }
    rv = watcher_sidecar_open(w, err);
    if (rv < 0) {
        return rv;
    }
    node_files_scan(config->flags.state_dir, on_found, w);
    rv = put_host(w, err);
    if (rv < 0) {
        return rv;
    }
    intent_prefix(w, prefix);
    rv = mirror_new(loop, w->etcd, prefix, &events, w, &w->mirror, err);
    if (rv == 0) {
        rv = bygone_new(loop, w->etcd, config->flags.prefix, &bygone, w, &w->bygone, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (config->flags.timeout_ms != UINT64_MAX) {
        loop_timer_start(w->patience, config->flags.timeout_ms);
    }
    *out = TAKE(w);
    return 0;
}

void watcher_free(struct watcher *w)
{
    if (w == NULL) {
        return;
    }
    while (0 < w->slots_count) {
        slot_free(w->slots[--w->slots_count]);
    }
    leave_file_free(w->leave_file);
    sidecar_free(w->sidecar);
    bygone_free(w->bygone);
    mirror_free(w->mirror);
    joins_free(w->joins);
    event_log_free(w->events);
    report_free(w->report);
    etcd_free(w->etcd);
    partitions_free(w->partitions);
    discovery_host_free(w->discovery);
    loop_timer_free(w->program_retry);
    loop_timer_free(w->patience);
    file_lock_free(w->lock);
    free(w);
}

void watcher_reload(struct watcher *w)
{
    const char *cert = w->config->discovery.tls.cert;
    struct err err;

    if (discovery_host_reload(w->discovery, &err) < 0) {
        log_write(w->log, LOG_WARN, "certificate-refused", LOG_TEXT("problem", err.msg),
                  LOG_TEXT("effect", "the former certificate is used on"));
    } else {
        log_write(w->log, LOG_INFO, "reloaded", LOG_TEXT("certificate", cert == NULL ? "" : cert));
    }
}

void watcher_stop(struct watcher *w)
{
    if (w->stopping) {
        return;
    }
    w->stopping = true;
    log_write(w->log, LOG_INFO, "stopping", LOG_NUMBER("nodes-left-running", w->slots_count));
    watcher_sidecar_ends(w);
    loop_timer_start(w->patience, WATCHER_FLUSH_MS);
    report_when_clean(w->report, on_clean, w);
}

int watcher_result(const struct watcher *w, struct err *err)
{
    if (w->result == ERR_UNAVAILABLE) {
        return err_set(err, ERR_UNAVAILABLE, "etcd at %s can't be reached: %s",
                       w->config->etcd.endpoints, etcd_trouble(w->etcd));
    }
    if (w->result == ERR_TIMEOUT) {
        return err_set(err, ERR_TIMEOUT,
                       "the controller has not let go of this node within --leave-timeout: it is "
                       "still in the cluster");
    }
    return 0;
}
