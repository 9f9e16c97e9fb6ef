/* The nodes that a slot's node watches: where they come from, and what comes of it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "discovery/rows.h"
#include "watcher/slot_parts.h"

#define CONFIG_ARENA_BYTES (8U << 20)
#define ROW_NAME_SIZE 64

_Static_assert(RING_SUCCESSORS <= REPORT_PEERS_MAX, "a report has room for all peers");

static int on_offered(void *ctx, uint32_t peer, const char *record, size_t record_bytes,
                      struct err *err)
{
    struct slot *slot = ctx;

    (void)peer;
    return partition_offer(slot->partition, record, record_bytes, err);
}

static void on_repaired(void *ctx, uint32_t peer, uint32_t from_version, uint32_t to_version)
{
    struct slot *slot = ctx;
    char text[ERR_MSG_MAX];
    char number[SLOT_TEXT_SIZE];

    slot->repairs_given++;
    slot_format(peer, number);
    (void)snprintf(text, sizeof(text),
                   "slot %s lagged behind at version %u, and has version %u now", number,
                   from_version, to_version);
    slot_log(slot, LOG_WARN, "peer-repaired", text);
    if (slot_may_tell(&slot->peer_repaired_event_ms, SLOT_REPAIRED_EVENT_MS)) {
        slot_event(slot, "Warning", "PeerRepaired", "%s", text);
    }
}

static void on_conflict(void *ctx, uint32_t peer, uint32_t version)
{
    struct slot *slot = ctx;
    char text[ERR_MSG_MAX];
    char number[SLOT_TEXT_SIZE];

    slot_format(peer, number);
    (void)snprintf(text, sizeof(text), "slot %s serves version %u with another content", number,
                   version);
    if (slot_may_tell(&slot->conflict_event_ms, SLOT_REFUSED_EVENT_MS)) {
        slot_log(slot, LOG_ERROR, "config-conflict", text);
        slot_event(slot, "Warning", "ConfigConflict", "%s", text);
    }
}

static void on_joining(void *ctx, uint32_t peer, const char *uid, const char *request,
                       size_t request_bytes)
{
    slot_joining(ctx, peer, false, uid, request, request_bytes);
}

static void note_unreachable(struct slot *slot)
{
    struct unreachable *it = &slot->unreachable;
    uint32_t slots[RING_SUCCESSORS];
    size_t i;

    it->count = slot->peers == NULL ? 0 : peers_unreachable(slot->peers, slots);
    for (i = 0; i < it->count; i++) {
        slot_format(slots[i], it->texts[i]);
        it->list[i] = it->texts[i];
    }
}

static void on_opinion(void *ctx)
{
    note_unreachable(ctx);
    slot_touch(ctx);
}

/* ---- Whom to watch ---- */

/* Who moves to another address watches from there. */
static int take_place(struct slot *slot, struct err *err)
{
    static const struct peers_events events = { on_offered, on_repaired, on_conflict, on_joining,
                                                on_opinion };
    const struct intent *intent = slot_start_of(slot);
    struct ring_self self = { .slot = slot->number, .ip = intent->ip, .port = intent->data_port };
    int rv;

    if (slot->peers != NULL && slot->peers_port == intent->data_port &&
        strcmp(slot->peers_ip, intent->ip) == 0) {
        return 0;
    }
    slot_peers_stop(slot);
    (void)snprintf(slot->peers_ip, sizeof(slot->peers_ip), "%s", intent->ip);
    slot->peers_port = intent->data_port;
    rv = peers_new(slot->host->loop, &self, &events, slot, &slot->peers, err);
    if (rv == 0) {
        peers_use_tls(slot->peers, discovery_host_peers_tls(slot->host->discovery));
    }
    return rv;
}

static int follow(struct slot *slot, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct segment_cell *cell = partition_cell(slot->partition);
    struct config config = { 0 };
    int rv;

    arena_init(&arena, CONFIG_ARENA_BYTES);
    if (cell->version != 0) {
        rv = json_decode_config(cell->record, cell->record_bytes, &arena, &config, err);
        if (rv < 0) {
            return rv;
        }
    }
    rv = take_place(slot, err);
    return rv < 0 ? rv
                  : peers_follow(slot->peers, &config.head, cell->record, cell->record_bytes, err);
}

void slot_peers_follow(struct slot *slot)
{
    struct err err;

    if (slot->partition != NULL && follow(slot, &err) < 0) {
        slot_log(slot, LOG_WARN, "peers-not-watched", err.msg);
    }
    note_unreachable(slot);
}

void slot_peers_stop(struct slot *slot)
{
    peers_free(slot->peers);
    slot->peers = NULL;
    note_unreachable(slot);
}

/* ---- What is seen ---- */

static void add(struct rows *rows, uint32_t peer, const char *field, uint64_t value)
{
    char name[ROW_NAME_SIZE];
    char number[SLOT_TEXT_SIZE];

    slot_format(peer, number);
    (void)snprintf(name, sizeof(name), "%s:%s", number, field);
    rows_add_number(rows, name, value);
}

static void add_peer(struct rows *rows, const struct peer_view *view, uint64_t now_ms)
{
    char name[ROW_NAME_SIZE];
    char number[SLOT_TEXT_SIZE];

    slot_format(view->slot, number);
    (void)snprintf(name, sizeof(name), "%s:endpoint", number);
    rows_addf(rows, name, "%s:%u", view->ip, view->port);
    add(rows, view->slot, "subscribed", view->subscribed);
    if (view->looked) {
        add(rows, view->slot, "reachable", view->reachable);
    }
    add(rows, view->slot, "unreachable", view->unreachable);
    add(rows, view->slot, "beside", view->beside);
    add(rows, view->slot, "version", view->version);
    if (view->changed_ms != 0) {
        add(rows, view->slot, "changed_ms_ago", now_ms - view->changed_ms);
    }
    add(rows, view->slot, "lag_ms", view->lag_ms);
    add(rows, view->slot, "repairs", view->repairs);
}

bool slot_peers_stats(const struct slot *slot, const char *group, struct rows *rows)
{
    struct peer_view views[RING_SUCCESSORS];
    uint64_t now_ms = clock_mono_ms();
    size_t count;
    size_t i;

    if (strcmp(group, "peers") != 0) {
        return false;
    }
    count = slot->peers == NULL ? 0 : peers_list(slot->peers, views);
    for (i = 0; i < count; i++) {
        add_peer(rows, &views[i], now_ms);
    }
    return true;
}
