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

static void take_nodes(struct slot_walk *walk, struct slot_keys *keys)
{
    const struct view *view = walk->view;

    keys->intents = view->intents + walk->intent;
    while (walk->intent < view->intents_count && view->intents[walk->intent].slot == keys->slot) {
        keys->intents_count++;
        walk->intent++;
    }
    keys->reports = view->reports + walk->report;
    while (walk->report < view->reports_count && view->reports[walk->report].slot == keys->slot) {
        keys->reports_count++;
        walk->report++;
    }
}

/* There may be observations of slots that are gone. */
static void take_seen(struct slot_walk *walk, struct slot_keys *keys)
{
    const struct view *view = walk->view;

    while (walk->observation < view->observations_count &&
           view->observations[walk->observation].slot < keys->slot) {
        walk->observation++;
    }
    keys->seen = view->observations + walk->observation;
    while (walk->observation < view->observations_count &&
           view->observations[walk->observation].slot == keys->slot) {
        keys->seen_count++;
        walk->observation++;
    }
}

/* Take everything about `slot` off the lists. */
static struct slot_keys slot_take(struct slot_walk *walk, uint32_t slot)
{
    const struct config *config = walk->config;
    struct slot_keys keys = { .slot = slot };

    if (walk->wanted == slot && slot <= walk->wanted_max) {
        keys.wanted = true;
        walk->wanted++;
    }
    while (config != NULL && walk->member < config->head.members_count &&
           config->head.members[walk->member].slot == slot) {
        keys.member = &config->head.members[walk->member];
        walk->member++;
    }
    take_nodes(walk, &keys);
    take_seen(walk, &keys);
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

const struct intent *slot_intent(const struct slot_keys *keys, const char *host)
{
    size_t i;

    for (i = 0; i < keys->intents_count; i++) {
        if (strcmp(keys->intents[i].host, host) == 0) {
            return &keys->intents[i];
        }
    }
    return NULL;
}

const struct node_report *slot_report(const struct slot_keys *keys, const char *host)
{
    size_t i;

    for (i = 0; i < keys->reports_count; i++) {
        if (strcmp(keys->reports[i].host, host) == 0) {
            return &keys->reports[i];
        }
    }
    return NULL;
}

const struct slot_observation *slot_seen(const struct slot_keys *keys, const char *host)
{
    size_t i;

    for (i = 0; i < keys->seen_count; i++) {
        if (strcmp(keys->seen[i].host, host) == 0) {
            return &keys->seen[i];
        }
    }
    return NULL;
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

bool member_is_at(const struct member *member, const char *ip, uint16_t data_port)
{
    return member != NULL && member->port == data_port && strcmp(member->ip, ip) == 0;
}

bool intent_is_listed(const struct intent *intent, const struct member *member)
{
    return member_is_at(member, intent->ip, intent->data_port);
}
