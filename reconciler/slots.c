#include "reconciler/slots.h"

#include <string.h>

#define SLOT_NONE UINT32_MAX

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t lowest_slot(const struct slot_walk *walk)
{
    const struct view *view = walk->view;
    const struct config *config = walk->config;
    uint32_t slot = SLOT_NONE;

    if (walk->wanted <= walk->wanted_max) {
        slot = walk->wanted;
    }
    if (walk->intent < view->intents_count) {
        slot = lower(slot, view->intents[walk->intent].slot);
    }
    if (walk->report < view->reports_count) {
        slot = lower(slot, view->reports[walk->report].slot);
    }
    if (config != NULL && walk->member < config->head.members_count) {
        slot = lower(slot, config->head.members[walk->member].slot);
    }
    return slot;
}

/* Take everything about `slot` off the lists. */
static struct slot_keys slot_take(struct slot_walk *walk, uint32_t slot)
{
    const struct view *view = walk->view;
    const struct config *config = walk->config;
    struct slot_keys keys = { .slot = slot };

    if (walk->wanted == slot && slot <= walk->wanted_max) {
        keys.wanted = true;
        walk->wanted++;
    }
    keys.intents = view->intents + walk->intent;
    while (walk->intent < view->intents_count && view->intents[walk->intent].slot == slot) {
        keys.intents_count++;
        walk->intent++;
    }
    while (walk->report < view->reports_count && view->reports[walk->report].slot == slot) {
        keys.report = &view->reports[walk->report];
        walk->report++;
    }
    while (config != NULL && walk->member < config->head.members_count &&
           config->head.members[walk->member].slot == slot) {
        keys.member = &config->head.members[walk->member];
        walk->member++;
    }
    while (walk->observation < view->observations_count &&
           view->observations[walk->observation].slot <= slot) {
        if (view->observations[walk->observation].slot == slot) {
            keys.seen = &view->observations[walk->observation];
        }
        walk->observation++;
    }
    return keys;
}

bool slot_walk_next(struct slot_walk *walk, struct slot_keys *out)
{
    uint32_t slot = lowest_slot(walk);

    if (slot == SLOT_NONE) {
        return false;
    }
    *out = slot_take(walk, slot);
    return true;
}

const struct host_view *host_find(const struct view *view, const char *name)
{
    size_t low = 0;
    size_t high = view->hosts_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(view->hosts[middle].host.name, name);

        if (order == 0) {
            return &view->hosts[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool host_is_there(const struct host_view *host)
{
    return host != NULL && host->present;
}

bool intent_is_reported(const struct intent *intent, const struct node_report *report)
{
    return report != NULL && strcmp(report->host, intent->host) == 0 &&
           strcmp(report->uid, intent->uid) == 0;
}

bool intent_is_listed(const struct intent *intent, const struct member *member)
{
    return member != NULL && member->port == intent->data_port &&
           strcmp(member->ip, intent->ip) == 0;
}

/* How good a claim an intent has on its slot, worst first. */
enum claim {
    CLAIM_NONE,     /* an order to stop, for a host that is not there */
    CLAIM_STOPPING, /* what stops holds the slot until it has stopped */
    CLAIM_FOREIGN,  /* of a former cluster of this name */
    CLAIM_DRAINING,
    CLAIM_RUNNING,
    CLAIM_LISTED, /* clients know it, and its host reports it (again) */
};

static enum claim claim_of(const struct slot_walk *walk, const struct slot_keys *keys,
                           const struct intent *intent)
{
    bool reported = intent_is_reported(intent, keys->report);

    if (intent->phase == INTENT_STOP) {
        return reported || host_is_there(host_find(walk->view, intent->host)) ? CLAIM_STOPPING
                                                                              : CLAIM_NONE;
    }
    if (strcmp(intent->uid, walk->uid) != 0) {
        return CLAIM_FOREIGN;
    }
    if (intent->phase == INTENT_DRAIN) {
        return CLAIM_DRAINING;
    }
    if (reported && keys->report->state != NODE_STOPPED && intent_is_listed(intent, keys->member)) {
        return CLAIM_LISTED;
    }
    return CLAIM_RUNNING;
}

/* Of equal claims the newest order holds. */
const struct intent *slot_owner(const struct slot_walk *walk, const struct slot_keys *keys)
{
    const struct intent *owner = NULL;
    enum claim best = CLAIM_NONE;
    size_t i;

    for (i = 0; i < keys->intents_count; i++) {
        const struct intent *intent = &keys->intents[i];
        enum claim claim = claim_of(walk, keys, intent);

        if (best < claim ||
            (owner != NULL && claim == best && owner->phase_since_ms < intent->phase_since_ms)) {
            owner = intent;
            best = claim;
        }
    }
    return owner;
}

const struct node_report *slot_orphan(const struct slot_keys *keys)
{
    size_t i;

    if (keys->report == NULL || keys->report->state == NODE_STOPPED) {
        return NULL;
    }
    for (i = 0; i < keys->intents_count; i++) {
        if (strcmp(keys->intents[i].host, keys->report->host) == 0) {
            return NULL;
        }
    }
    return keys->report;
}
