/* What passes ask for, put into force. */
#include <string.h>

#include "reconciler/rehearsal_parts.h"

static int intent_put(struct rehearsal *r, const struct intent *intent, struct err *err)
{
    struct intent copy = *intent;
    size_t at;

    copy.host = arena_strdup(r->arena, intent->host);
    copy.ip = arena_strdup(r->arena, intent->ip);
    if (copy.host == NULL || copy.ip == NULL) {
        return rehearsal_no_memory(r, err);
    }
    if (!rehearsal_intent_find(r, intent->slot, intent->host, &at)) {
        int rv = rehearsal_intents_grow(r, err);

        if (rv < 0) {
            return rv;
        }
        memmove(&r->intents[at + 1], &r->intents[at],
                (r->intents_count - at) * sizeof(*r->intents));
        r->intents_count++;
    }
    r->intents[at] = copy;
    return 1;
}

static int intent_delete(struct rehearsal *r, const struct intent *intent)
{
    size_t at;

    if (!rehearsal_intent_find(r, intent->slot, intent->host, &at)) {
        return 0;
    }
    r->intents_count--;
    memmove(&r->intents[at], &r->intents[at + 1], (r->intents_count - at) * sizeof(*r->intents));
    return 1;
}

static size_t digits(uint32_t number)
{
    size_t count = 1;

    for (; 10 <= number; number /= 10) {
        count++;
    }
    return count;
}

/* "<version>\n<hostname>|<ip>|<port> <hostname>|<ip>|<port>\n" */
static size_t payload_bytes(const struct config_draft *draft)
{
    size_t bytes = digits(draft->version) + 1;
    size_t i;

    for (i = 0; i < draft->members_count; i++) {
        const struct member *member = &draft->members[i];

        bytes += strlen(member->hostname) + strlen(member->ip) + digits(member->port) + 3;
    }
    return bytes;
}

static int config_commit(struct rehearsal *r, const struct config_draft *draft, struct err *err)
{
    struct arena *arena = shelf_turn(&r->configs);
    struct member *members = arena_calloc(arena, draft->members_count + 1, sizeof(*members));
    const char *digest = arena_printf(r->arena, "rehearsed version %u", draft->version);
    size_t i;

    if (members == NULL || digest == NULL) {
        return rehearsal_no_memory(r, err);
    }
    for (i = 0; i < draft->members_count; i++) {
        members[i] = draft->members[i];
        members[i].hostname = arena_strdup(arena, draft->members[i].hostname);
        members[i].ip = arena_strdup(arena, draft->members[i].ip);
        if (members[i].hostname == NULL || members[i].ip == NULL) {
            return rehearsal_no_memory(r, err);
        }
    }
    r->config = (struct config){ .head = *draft,
                                 .payload = "",
                                 .payload_bytes = payload_bytes(draft),
                                 .digest = digest,
                                 .key_id = "",
                                 .signature = "" };
    r->config.head.members = members;
    r->lineage = (struct lineage){ .epoch = draft->epoch, .version = draft->version };
    r->view.config = &r->config;
    r->view.config_since_ms = r->view.now_ms;
    r->view.lineage = &r->lineage;
    for (i = 0; i < r->view.observations_count; i++) {
        r->observations[i].push_retry_at_ms = 0; /* was about the former version */
    }
    return 1;
}

/* A node that is up serves it at once; what is on its way up does so when it is there. */
static int config_push(struct rehearsal *r, uint32_t slot, const struct push_target *target)
{
    struct rehearsed *node = rehearsal_node_at(r, slot, target->host);

    if (r->view.config == NULL || node == NULL || !node->told ||
        node->report.state == NODE_STOPPED) {
        return 0;
    }
    node->report.version_seen = r->view.config->head.version;
    if (node->report.state == NODE_UP) {
        rehearsal_serve(r, node);
    }
    return 1;
}

static int alias_set(struct rehearsal *r, const struct alias *alias, struct err *err)
{
    struct alias copy = *alias;

    copy.host = arena_strdup(r->arena, alias->host);
    copy.ip = arena_strdup(r->arena, alias->ip);
    if (copy.host == NULL || copy.ip == NULL) {
        return rehearsal_no_memory(r, err);
    }
    r->alias = copy;
    r->view.alias = &r->alias;
    return 1;
}

struct status *rehearsal_keep_status(const struct status *status, struct arena *arena)
{
    struct status *copy = arena_alloc(arena, sizeof(*copy));
    struct slot_status *slots = arena_calloc(arena, status->slots_count + 1, sizeof(*slots));
    size_t i;

    if (copy == NULL || slots == NULL) {
        return NULL;
    }
    *copy = *status;
    copy->slots = slots;
    for (i = 0; i < CONDITION_COUNT; i++) {
        copy->conditions[i].message = arena_strdup(arena, status->conditions[i].message);
        if (copy->conditions[i].message == NULL) {
            return NULL;
        }
    }
    for (i = 0; i < status->slots_count; i++) {
        slots[i] = status->slots[i];
        slots[i].host = arena_strdup(arena, slots[i].host);
        slots[i].ip = arena_strdup(arena, slots[i].ip);
        if (slots[i].host == NULL || slots[i].ip == NULL) {
            return NULL;
        }
    }
    return copy;
}

static int status_put(struct rehearsal *r, const struct status *status, struct err *err)
{
    r->view.status = rehearsal_keep_status(status, shelf_turn(&r->statuses));
    return r->view.status == NULL ? rehearsal_no_memory(r, err) : 1;
}

static void forget(struct rehearsal *r)
{
    r->view.spec = NULL;
    r->view.config = NULL;
    r->view.alias = NULL;
    r->view.status = NULL;
    r->forgotten = true;
}

int rehearsal_effect(struct rehearsal *rehearsal, const struct effect *effect, struct err *err)
{
    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        return intent_put(rehearsal, effect->of.intent, err);
    case EFFECT_INTENT_DELETE:
        return intent_delete(rehearsal, effect->of.intent);
    case EFFECT_CONFIG_COMMIT:
        return config_commit(rehearsal, effect->of.config, err);
    case EFFECT_CONFIG_PUSH:
        return config_push(rehearsal, effect->slot, &effect->of.push);
    case EFFECT_ALIAS_SET:
        return alias_set(rehearsal, effect->of.alias, err);
    case EFFECT_ALIAS_CLEAR:
        rehearsal->view.alias = NULL;
        return 1;
    case EFFECT_STATUS_PUT:
        return status_put(rehearsal, effect->of.status, err);
    case EFFECT_CLUSTER_FORGET:
        forget(rehearsal);
        return 1;
    case EFFECT_EVENT_ADD:
    case EFFECT_WAKE_AT:
        break;
    }
    return 0;
}
