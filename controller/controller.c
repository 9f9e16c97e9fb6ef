#include "controller/controller.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "controller/controller_state.h"
#include "controller/pass.h"
#include "controller/pushing.h"
#include "controller/strays.h"
#include "controller/txn.h"

#define START_NOTICE_MS 1000 /* etcd that takes longer to answer is worth a word */

/* ---- What the mirror tells ---- */

static void log_bad_key(struct controller *c, const struct mirror_item *item)
{
    const struct object *object = item->user;

    if (object != NULL && object->problem != NULL) {
        log_write(c->log, LOG_WARN, "key-invalid", LOG_TEXT("key", item->key),
                  LOG_TEXT("problem", object->problem));
    }
}

/* Mark who looks at this key. */
static void key_changed(struct controller *c, const struct key *key)
{
    switch (key->kind) {
    case KEY_HOST:
    case KEY_CORDON:
        pass_mark_all(c);
        break;
    case KEY_SPEC:
    case KEY_NODE:
    case KEY_JOIN_REPORT:
    case KEY_CONFIG:
    case KEY_HISTORY:
    case KEY_GENERATION:
    case KEY_ALIAS:
    case KEY_STATUS:
    case KEY_LINEAGE:
    case KEY_INTENT:
    case KEY_UNKNOWN:
        if (key->cluster[0] != '\0') {
            pass_mark(c, key->cluster);
        }
        break;
    case KEY_LEADER:
    case KEY_SOURCE:
    case KEY_EVENT:
        break;
    }
    if (strays_pending(&c->objects)) {
        pass_mark(c, NO_CLUSTER);
    }
}

static void leader_changed_key(struct controller *c, const struct mirror_item *item)
{
    /* Before that the absence of a key means nothing. */
    if (item != NULL && item->create_revision != c->counts.leader_revision) {
        c->counts.leader_revision = item->create_revision;
        c->counts.leader_changes++;
    }
    if (mirror_is_synced(c->mirror) || item != NULL) {
        leader_seen(c->leader, item);
    }
}

static void on_put(void *ctx, struct mirror_item *item)
{
    struct controller *c = ctx;
    struct key key;
    struct err err;

    if (objects_put(&c->objects, item, &key, &err) < 0) {
        log_write(c->log, LOG_ERROR, "key-unread", LOG_TEXT("key", item->key),
                  LOG_TEXT("error", err.msg));
    }
    log_bad_key(c, item);
    if (key.kind == KEY_LEADER) {
        leader_changed_key(c, item);
    }
    key_changed(c, &key);
}

static void on_gone(void *ctx, struct mirror_item *item)
{
    struct controller *c = ctx;
    struct key key;

    objects_gone(&c->objects, item, &key);
    if (key.kind == KEY_LEADER) {
        leader_changed_key(c, NULL);
    }
    if (key.kind == KEY_INTENT) {
        pass_mark_unschedulable(c);
    }
    key_changed(c, &key);
}

static void on_trouble(void *ctx, const struct err *err)
{
    struct controller *c = ctx;

    if (err != NULL && !c->unheard) {
        log_write(c->log, LOG_WARN, "etcd-unreachable", LOG_TEXT("error", err->msg));
    } else if (err == NULL && c->unheard) {
        log_write(c->log, LOG_INFO, "etcd-reachable",
                  LOG_TEXT("endpoints", c->config->etcd.endpoints));
    }
    c->unheard = err != NULL;
}

static void on_synced(void *ctx)
{
    struct controller *c = ctx;
    struct key key = { .kind = KEY_LEADER };
    char text[KEY_TEXT_SIZE];

    loop_timer_stop(c->start_timer);
    on_trouble(c, NULL);
    log_write(c->log, LOG_INFO, "synced", LOG_NUMBER("revision", mirror_revision(c->mirror)));
    key_format(c->config->prefix, &key, text);
    leader_seen(c->leader, mirror_get(c->mirror, text));
    loop_defer_schedule(c->passes);
}

/* ---- Leadership ---- */

static void on_leadership(void *ctx, bool leads)
{
    struct controller *c = ctx;

    c->leading = leads;
    log_write(c->log, LOG_INFO, leads ? "leading" : "following",
              LOG_TEXT("identity", c->config->identity),
              LOG_NUMBER("fence", leader_fence(c->leader)));
    if (leads) {
        pass_begin_all(c);
    } else {
        pass_end_all(c);
    }
}

/* Not yet synced: say so once, soon, and give up when that is wanted. */
static void start_overdue(void *ctx)
{
    struct controller *c = ctx;
    uint64_t limit_ms = c->config->start_timeout_ms;
    uint64_t waited_ms = clock_mono_ms() - c->started_ms;
    const char *why = etcd_trouble(c->etcd);
    struct err err;

    (void)err_set(&err, ERR_UNAVAILABLE, "etcd at %s can't be reached: %s",
                  c->config->etcd.endpoints, why[0] == '\0' ? "no answer" : why);
    if (limit_ms != 0 && limit_ms <= waited_ms) {
        c->failed(c->ctx, &err);
        return;
    }
    on_trouble(c, &err);
    if (limit_ms != 0) {
        loop_timer_start(c->start_timer, limit_ms - waited_ms);
    }
}

/* ---- Life ---- */

static int make_parts(struct controller *c, struct err *err)
{
    const struct push_events push_events = { .record = pushing_record, .done = pushing_done };
    const struct leader_options options = { .prefix = c->config->prefix,
                                            .identity = c->config->identity,
                                            .lease_ttl_s = c->config->lease_ttl_s };
    int rv = etcd_new(c->loop, &c->config->etcd, &c->etcd, err);

    if (0 <= rv) {
        rv = memd_new(c->loop, NULL, &c->memd, err);
    }
    if (0 <= rv) {
        rv = pusher_new(c->memd, &push_events, c, &c->pusher, err);
    }
    if (0 <= rv) {
        pusher_use_tls(c->pusher, c->loop, c->config->discovery_tls);
    }
    if (0 <= rv) {
        rv = event_lease_new(c->etcd, c->config->event_ttl_ms, pass_event_lease, c, &c->event_lease,
                             err);
    }
    if (0 <= rv) {
        rv = loop_defer_new(c->loop, pass_run, c, &c->passes, err);
    }
    if (0 <= rv) {
        rv = loop_timer_new(c->loop, pass_run, c, &c->doubt_timer, err);
    }
    if (0 <= rv) {
        rv = loop_timer_new(c->loop, start_overdue, c, &c->start_timer, err);
    }
    if (0 <= rv) {
        rv = leader_new(c->loop, c->etcd, &options, on_leadership, c, &c->leader, err);
    }
    return rv;
}

static int begin(struct controller *c, struct err *err)
{
    const struct mirror_events events = {
        .put = on_put, .gone = on_gone, .synced = on_synced, .trouble = on_trouble
    };
    char prefix[KEYS_PREFIX_MAX + 2] = "";

    (void)strncat(prefix, c->config->prefix, KEYS_PREFIX_MAX);
    (void)strncat(prefix, "/", 2); /* so that a longer prefix is not ours */
    c->started_ms = clock_mono_ms();
    loop_timer_start(c->start_timer, 0 < c->config->start_timeout_ms &&
                                             c->config->start_timeout_ms < START_NOTICE_MS
                                         ? c->config->start_timeout_ms
                                         : START_NOTICE_MS);
    return mirror_new(c->loop, c->etcd, prefix, &events, c, &c->mirror, err);
}

int controller_new(struct loop *loop, const struct controller_config *config,
                   controller_fail_fn *failed, void *ctx, struct controller **out, struct err *err)
{
    CLEANUP(controller_free_p) struct controller *c = mem_alloc(sizeof(*c));
    int rv;

    if (c == NULL) {
        return err_set(err, ERR_NOMEM, "controller");
    }
    c->loop = loop;
    c->config = config;
    c->log = &config->log;
    c->failed = failed;
    c->ctx = ctx;
    rv = signing_key_load(config->signing_key, &c->key, err);
    if (rv < 0) {
        return rv;
    }
    objects_init(&c->objects, config->prefix, &c->key);
    rv = make_parts(c, err);
    if (0 <= rv) {
        rv = begin(c, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(c);
    return 0;
}

/* etcd goes first: what waits for it is not called back, and so may go afterwards. */
void controller_free(struct controller *c)
{
    if (c == NULL) {
        return;
    }
    leader_free(c->leader);
    mirror_free(c->mirror);
    etcd_free(c->etcd);
    event_lease_free(c->event_lease);
    pass_drop_all(c);
    fleet_deinit(&c->fleet);
    pusher_free(c->pusher);
    memd_free(c->memd);
    objects_deinit(&c->objects);
    loop_timer_free(c->start_timer);
    loop_timer_free(c->doubt_timer);
    loop_defer_free(c->passes);
    signing_key_clear(&c->key);
    free(c);
}

void controller_resign(struct controller *c, loop_fn *done, void *ctx)
{
    c->resigned = true;
    leader_resign(c->leader, done, ctx);
}
