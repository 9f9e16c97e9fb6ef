/* The end of a forecast, compared with its beginning. */
#include <string.h>

#include "reconciler/forecast_parts.h"

static uint32_t slot_next(const struct view *view, uint32_t after, uint32_t best)
{
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        uint32_t slot = view->intents[i].slot;

        if (view->intents[i].phase != INTENT_STOP && after < slot && slot < best) {
            best = slot;
        }
    }
    return best;
}

static bool is_wanted(const struct view *view, uint32_t slot)
{
    return view->spec != NULL && !view->spec->deleting && slot <= spec_placed(&view->spec->spec);
}

static bool same_place(const struct intent *a, const struct intent *b)
{
    return a->data_port == b->data_port && strcmp(a->ip, b->ip) == 0 &&
           strcmp(a->host, b->host) == 0;
}

static enum forecast_change change_of(const struct forecast_slot *slot,
                                      const struct rehearsed *node)
{
    if (slot->before == NULL) {
        return slot->after == NULL ? FORECAST_UNPLACED : FORECAST_NEW;
    }
    if (slot->after == NULL) {
        return FORECAST_GONE;
    }
    if (!same_place(slot->before, slot->after)) {
        return FORECAST_MOVED;
    }
    return node != NULL && 0 < node->restarts + node->starts ? FORECAST_RESTARTED : FORECAST_SAME;
}

static void slot_rule(const struct status *status, struct forecast_slot *slot)
{
    size_t i;

    slot->rule = "";
    for (i = 0; status != NULL && i < status->slots_count; i++) {
        const struct slot_status *one = &status->slots[i];
        bool same_host = slot->after == NULL || strcmp(one->host, slot->after->host) == 0;

        if (one->slot == slot->slot && same_host) {
            slot->rule = one->rule;
        }
    }
    slot->sentence = forecast_sentence(slot->rule);
}

static struct forecast_slot slot_of(const struct making *making, uint32_t number)
{
    const struct rehearsal *rehearsal = &making->rehearsal;
    struct forecast_slot slot = { .slot = number,
                                  .before = view_holder(making->first, number),
                                  .after = view_holder(&rehearsal->view, number) };
    const struct rehearsed *node =
        slot.before == NULL ? NULL : rehearsal_node(rehearsal, number, slot.before->host);

    slot.was_up = node != NULL && node->was_up;
    slot.emptied = slot.was_up && 0 < node->restarts + node->stops;
    slot.change = change_of(&slot, node);
    slot_rule(making->out.status, &slot);
    return slot;
}

static int sum_slots(struct making *making, struct err *err)
{
    const struct view *first = making->first;
    const struct view *last = &making->rehearsal.view;
    size_t wanted = first->spec == NULL ? 0 : spec_placed(&first->spec->spec);
    struct forecast_slot *slots = arena_calloc(
        making->arena, wanted + first->intents_count + last->intents_count + 1, sizeof(*slots));
    uint32_t slot = 0;

    if (slots == NULL) {
        return forecast_no_memory(making, err);
    }
    for (;;) {
        uint32_t next = is_wanted(first, slot + 1) ? slot + 1 : UINT32_MAX;

        slot = slot_next(last, slot, slot_next(first, slot, next));
        if (slot == UINT32_MAX) {
            break;
        }
        slots[making->out.slots_count] = slot_of(making, slot);
        making->out.moves += slots[making->out.slots_count].change == FORECAST_MOVED ? 1 : 0;
        making->out.slots_count++;
    }
    making->out.slots = slots;
    return 0;
}

static void sum_nodes(struct making *making)
{
    const struct rehearsal *rehearsal = &making->rehearsal;
    struct forecast *out = &making->out;
    size_t i;

    for (i = 0; i < rehearsal->nodes_count; i++) {
        const struct rehearsed *node = &rehearsal->nodes[i];

        out->starts += node->starts;
        out->restarts += node->restarts;
        out->stops += node->stops;
        out->memory_up += node->memory_before;
        out->memory_lost += 0 < node->restarts + node->stops ? node->memory_before : 0;
    }
}

static const struct member *members_keep(struct arena *arena, const struct config *config)
{
    size_t count = config->head.members_count;
    struct member *members = arena_calloc(arena, count + 1, sizeof(*members));
    size_t i;

    for (i = 0; members != NULL && i < count; i++) {
        members[i] = config->head.members[i];
        members[i].hostname = arena_strdup(arena, members[i].hostname);
        members[i].ip = arena_strdup(arena, members[i].ip);
        if (members[i].hostname == NULL || members[i].ip == NULL) {
            return NULL;
        }
    }
    return members;
}

static int sum_members(struct making *making, struct err *err)
{
    const struct config *before = making->first->config;
    const struct config *after = making->rehearsal.view.config;
    struct forecast *out = &making->out;

    if (before != NULL) {
        out->version_before = before->head.version;
        out->members_before = before->head.members;
        out->members_before_count = before->head.members_count;
    }
    if (after != NULL) {
        out->version_after = after->head.version;
        out->members_after_count = after->head.members_count;
        out->members_after = members_keep(making->arena, after);
        if (out->members_after == NULL) {
            return forecast_no_memory(making, err);
        }
    }
    return 0;
}

int forecast_sum(struct making *making, struct err *err)
{
    const struct view *last = &making->rehearsal.view;
    struct forecast *out = &making->out;
    int rv = 0;

    if (last->status != NULL) {
        struct status *status = rehearsal_keep_status(last->status, making->arena);

        if (status == NULL) {
            return forecast_no_memory(making, err);
        }
        out->status = status;
        out->converged = status->conditions[CONDITION_CONVERGED].status;
    }
    out->alias_before = making->first->alias;
    if (last->alias != NULL) {
        struct alias *alias = arena_alloc(making->arena, sizeof(*alias));

        if (alias == NULL) {
            return forecast_no_memory(making, err);
        }
        *alias = *last->alias;
        out->alias_after = alias;
    }
    out->ended = making->rehearsal.forgotten;
    out->converged = out->converged || out->ended;
    out->steps = making->steps;
    sum_nodes(making);
    rv = sum_slots(making, err);
    return rv < 0 ? rv : sum_members(making, err);
}
