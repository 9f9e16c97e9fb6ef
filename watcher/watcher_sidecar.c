#include <stdio.h>
#include <string.h>

#include "codec/model_json.h"
#include "watcher/leave_file.h"
#include "watcher/watcher_parts.h"

#define INTENT_ARENA_BYTES (1U << 20)

/* ---- The one slot ---- */

static bool is_this(const struct slot *slot, const struct key *key)
{
    return slot_number(slot) == key->slot && strcmp(slot_cluster(slot), key->cluster) == 0;
}

/* A slot that nobody asks for any more gives way to the one that is asked for now. */
static int make_room(struct watcher *w, const struct key *key, struct err *err)
{
    struct slot *slot = w->slots_count == 0 ? NULL : w->slots[0];

    if (slot != NULL && is_this(slot, key)) {
        return 0;
    }
    if (w->stopping) {
        return err_set(err, ERR_CONFLICT, "its watcher ends, and does not ask any more");
    }
    if (slot == NULL) {
        return 0;
    }
    if (slot_is_asked(slot) || !w->heard) {
        return err_set(err, ERR_CONFLICT, "this memcached is slot %u of %s", slot_number(slot),
                       slot_cluster(slot));
    }
    slot_give_up(slot);
    watcher_remove_slot(w, slot);
    return 0;
}

int watcher_sidecar_admit(struct watcher *w, const struct key *key, const struct mirror_item *item,
                          struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct intent intent;
    int rv;

    arena_init(&arena, INTENT_ARENA_BYTES);
    if (w->sidecar == NULL) {
        return 0;
    }
    rv = json_decode_intent(item->value, item->value_bytes, &arena, &intent, err);
    if (rv == 0 && !sidecar_is_meant(w->sidecar, &intent) &&
        (w->heard || !sidecar_remembers(w->sidecar, &intent))) {
        rv = err_set(err, ERR_INVALID, "it is not for who joined from here as this one");
    }
    return rv < 0 ? rv : make_room(w, key, err);
}

static bool is_sent_away(const struct watcher *w)
{
    return w->leave_file != NULL && leave_file_is_there(w->leave_file);
}

static bool holds_a_node(const struct watcher *w)
{
    size_t i;

    for (i = 0; i < w->slots_count; i++) {
        if (!slot_is_let_go(w->slots[i])) {
            return true;
        }
    }
    return false;
}

static void leave(struct watcher *w)
{
    size_t i;

    w->leaving = true;
    for (i = 0; i < w->slots_count; i++) {
        if (!slot_is_let_go(w->slots[i])) {
            slot_leave(w->slots[i]);
        }
    }
    log_write(w->log, LOG_INFO, "leaving",
              LOG_NUMBER("for-ms-at-most", w->config->flags.leave_timeout_ms));
    loop_timer_start(w->patience, w->config->flags.leave_timeout_ms);
    watcher_sidecar_update(w);
}

void watcher_sidecar_update(struct watcher *w)
{
    struct sidecar_view view = { .heard = w->heard,
                                 .known = 0 < w->slots_count,
                                 .leaving = w->leaving || w->stopping || is_sent_away(w) };
    size_t i;

    if (w->sidecar == NULL) {
        return;
    }
    for (i = 0; i < w->slots_count; i++) {
        const struct intent *intent = slot_wanted(w->slots[i]);
        bool asked = intent != NULL && slot_is_asked(w->slots[i]);

        view.let_go = view.let_go || (asked && intent->phase == INTENT_STOP);
        view.placed = view.placed || (asked && intent->phase != INTENT_STOP &&
                                      sidecar_is_here(w->sidecar, intent));
    }
    sidecar_update(w->sidecar, &view);
    if (is_sent_away(w) && holds_a_node(w) && !w->leaving && !w->stopping) {
        leave(w);
    }
}

/* ---- What slots and sidecar tell ---- */

static void on_found(void *ctx)
{
    struct watcher *w = ctx;

    sidecar_look(w->sidecar);
}

/* Who wanted to leave has ended well. Who did not (its machine was away for long, its host is
 * drained) asks to join again when its intent is gone; whether it may is the controller's to say.
 */
static void on_let_go(void *ctx, struct slot *slot)
{
    struct watcher *w = ctx;

    (void)slot;
    if (w->leaving) {
        watcher_sidecar_answer(w, LEAVE_FILE_LEFT);
        watcher_stop(w);
        loop_timer_start(w->patience, WATCHER_LET_GO_MS);
    }
}

static void on_heard(void *ctx)
{
    struct watcher *w = ctx;

    w->program.problem[0] = '\0';
    (void)snprintf(w->program.version, sizeof(w->program.version), "%s",
                   sidecar_version(w->sidecar));
    watcher_put_host(w);
}

static void answer(struct watcher *w, const char *text)
{
    struct err err;

    if (leave_file_answer(w->leave_file, text, &err) < 0) {
        log_write(w->log, LOG_WARN, "leave-not-answered", LOG_TEXT("problem", err.msg));
    }
}

void watcher_sidecar_answer(struct watcher *w, const char *text)
{
    if (is_sent_away(w)) {
        answer(w, text);
    }
}

/* What is no node yet need not leave: it does not ask any more. */
static void on_leave_file(void *ctx)
{
    struct watcher *w = ctx;

    log_write(w->log, LOG_INFO, is_sent_away(w) ? "leave-asked" : "leave-taken-back",
              LOG_TEXT("file", w->config->flags.leave_file));
    if (!holds_a_node(w)) {
        watcher_sidecar_answer(w, LEAVE_FILE_LEFT);
    }
    watcher_sidecar_update(w);
}

int watcher_sidecar_open(struct watcher *w, struct err *err)
{
    const struct host *host = &w->config->host;
    struct sidecar_options options = { .config = w->config,
                                       .log = w->log,
                                       .etcd = w->etcd,
                                       .report = w->report,
                                       .tls = discovery_host_peers_tls(w->discovery),
                                       .heard = on_heard,
                                       .ctx = w };
    int rv;

    if (w->config->mode != WATCHER_SIDECAR) {
        return 0;
    }
    (void)snprintf(w->program.problem, sizeof(w->program.problem),
                   "no memcached has answered at %s:%u yet", host->ip_first, host->data_port);
    rv = sidecar_new(w->loop, &options, &w->sidecar, err);
    if (rv < 0) {
        return rv;
    }
    w->attached = (struct slot_attached){ .settings = sidecar_settings(w->sidecar),
                                          .found = on_found,
                                          .let_go = on_let_go };
    w->shared.attached = &w->attached;
    if (w->config->flags.leave_file == NULL) {
        return 0;
    }
    return leave_file_new(w->loop, w->config->flags.leave_file, on_leave_file, w, &w->leave_file,
                          err);
}

/* ---- Leaving ---- */

void watcher_sidecar_ends(struct watcher *w)
{
    if (w->sidecar == NULL || (w->config->flags.stay && !w->leaving)) {
        return;
    }
    (void)snprintf(w->program.problem, sizeof(w->program.problem), "its watcher has ended");
    watcher_put_host(w);
    if (w->leave_file != NULL && !holds_a_node(w)) {
        answer(w, LEAVE_FILE_LEFT); /* who asks from now on asks nobody */
    }
}

bool watcher_sidecar_awaits(const struct watcher *w)
{
    size_t i;

    for (i = 0; w->sidecar != NULL && w->leaving && i < w->slots_count; i++) {
        if (slot_is_let_go(w->slots[i])) {
            return true;
        }
    }
    return false;
}

void watcher_leave(struct watcher *w)
{
    bool leaves = w->sidecar != NULL && !w->config->flags.stay && !w->leaving && holds_a_node(w);

    if (w->stopping) {
        loop_timer_start(w->patience, WATCHER_FLUSH_MS); /* told once more */
    } else if (leaves) {
        leave(w);
    } else {
        watcher_stop(w);
        watcher_sidecar_update(w); /* it does not ask any more */
    }
}
