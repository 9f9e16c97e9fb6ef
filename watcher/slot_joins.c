/* What a slot has to do with requests to join: it passes them on, and says who was admitted. */
#include <string.h>

#include "codec/model_json.h"
#include "discovery/segment.h"
#include "watcher/joins.h"
#include "watcher/slot_parts.h"

#define CONFIG_ARENA_BYTES (8U << 20)

/* 1: nothing is in force. */
static int read_config(const struct slot *slot, struct arena *arena, struct config *out)
{
    const struct segment_cell *cell = partition_cell(slot->partition);
    struct err err;
    int rv;

    if (cell->version == 0) {
        return 1;
    }
    rv = json_decode_config(cell->record, cell->record_bytes, arena, out, &err);
    if (rv < 0) {
        slot_log(slot, LOG_ERROR, "config-not-read", err.msg);
    }
    return rv;
}

/* Of which incarnation the cluster is here, and how far it is. */
static void identify(const struct slot *slot, struct join_place *place)
{
    place->cluster_uid = partition_uid(slot->partition);
    place->version = partition_served(slot->partition).version;
}

void slot_joining(struct slot *slot, uint32_t seen_in_slot, bool own, const char *uid,
                  const char *request, size_t request_bytes)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct join_place place = { .cluster = slot->cluster, .slot = seen_in_slot, .own = own };
    struct config config;

    arena_init(&arena, CONFIG_ARENA_BYTES);
    if (slot->partition == NULL) {
        return; /* of which incarnation the cluster is, is not known */
    }
    identify(slot, &place);
    if (!own && read_config(slot, &arena, &config) == 0) {
        place.config = &config.head;
    }
    joins_take(slot->host->joins, &place, own ? &slot->checks_own : &slot->checks_of_peers, uid,
               request, request_bytes);
}

const char *slot_join_refusal(void *ctx, const char *uid, const char *request, size_t request_bytes)
{
    const struct slot *slot = ctx;
    struct join_place place = { .cluster = slot->cluster, .slot = slot->number, .own = true };
    enum join_verdict verdict;

    if (slot->partition == NULL) {
        return NULL;
    }
    identify(slot, &place);
    verdict = joins_judge(slot->host->joins, &place, uid, request, request_bytes);
    return verdict < JOIN_DUPLICATE ? NULL : join_verdict_word(verdict);
}

void slot_joins_configured(struct slot *slot)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct config config;

    arena_init(&arena, CONFIG_ARENA_BYTES);
    if (joins_wait(slot->host->joins, slot->cluster) && read_config(slot, &arena, &config) == 0) {
        joins_configured(slot->host->joins, &config.head);
    }
}

bool slot_join_at(void *ctx, size_t index, struct session_join *out)
{
    const struct slot *slot = ctx;

    return joins_at(slot->host->joins, slot->cluster, slot->number, index, out);
}

bool slot_joins_stats(const struct slot *slot, const char *group, struct rows *rows)
{
    if (strcmp(group, "joins") != 0) {
        return false;
    }
    joins_stats(slot->host->joins, rows);
    return true;
}

void slot_join_requested(struct slot *slot, const char *uid)
{
    if (slot->discovery != NULL) {
        discovery_joining(slot->discovery, uid);
    }
}
