/* What the keys show to a pass, and what the effects of its plan make of them. */
#include "world.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/name.h"

/* ---- the view ---- */

static size_t hosts_view(const struct world *world, struct host_view *out)
{
    size_t i;

    for (i = 0; i < world->hosts_count; i++) {
        bool drains = world->keys.cordoned[i] && world->keys.cordons[i].drain;

        out[i] =
            (struct host_view){ .host = { .name = world->hosts[i].host.name },
                                .present = world->hosts[i].leased,
                                .cordoned = world->keys.cordoned[i],
                                .draining = drains,
                                .drain_since_ms = drains ? world->keys.cordons[i].since_ms : 0 };
        if (out[i].present) {
            out[i].host = world->hosts[i].host;
            out[i].indexes_used = world->hosts[i].others;
            out[i].indexes_used_count = world->hosts[i].others_count;
        }
    }
    return world->hosts_count;
}

/* Reports and observations stand in the order of slot and host. */
static size_t reports_view(const struct world *world, struct node_report *out)
{
    size_t count = 0;
    uint32_t slot;
    size_t h;

    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        for (h = 0; h < world->hosts_count; h++) {
            if (world->keys.reported[h][slot]) {
                out[count++] = world->keys.reports[h][slot];
            }
        }
    }
    return count;
}

static size_t seen_view(const struct world *world, struct slot_observation *out)
{
    size_t count = 0;
    uint32_t slot;
    size_t h;

    for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
        if (world->seen[WORLD_HOSTS_MAX][slot].slot != 0) {
            out[count++] = world->seen[WORLD_HOSTS_MAX][slot];
        }
        for (h = 0; h < world->hosts_count; h++) {
            if (world->seen[h][slot].slot != 0) {
                out[count++] = world->seen[h][slot];
            }
        }
    }
    return count;
}

/* Hosts that are told to run something, and those of them that are gone. */
static void fleet_view(const struct world *world, struct view *view)
{
    size_t h;
    size_t i;

    view->fleet_hosts = world->fleet_hosts;
    view->fleet_gone = world->fleet_gone;
    for (h = 0; h < world->hosts_count; h++) {
        bool used = false;

        for (i = 0; i < world->keys.intents_count; i++) {
            const struct intent *intent = &world->keys.intents[i];

            used = used || (intent->phase != INTENT_STOP &&
                            strcmp(intent->host, world->hosts[h].host.name) == 0);
        }
        view->fleet_hosts += used ? 1 : 0;
        view->fleet_gone += used && !world->hosts[h].leased ? 1 : 0;
    }
}

struct view world_view(struct world *world, struct arena *arena)
{
    struct host_view *hosts = arena_calloc(arena, WORLD_HOSTS_MAX, sizeof(*hosts));
    struct node_report *reports =
        arena_calloc(arena, (size_t)WORLD_HOSTS_MAX * WORLD_SLOTS_MAX, sizeof(*reports));
    struct slot_observation *seen =
        arena_calloc(arena, (size_t)(WORLD_HOSTS_MAX + 1) * WORLD_SLOTS_MAX, sizeof(*seen));
    struct intent *intents = arena_calloc(arena, WORLD_INTENTS_MAX, sizeof(*intents));
    struct join_view *joins = arena_calloc(arena, WORLD_JOINS_MAX, sizeof(*joins));
    struct view view = {
        .cluster = WORLD_CLUSTER,
        .now_ms = world->now_ms,
        .spec = world->keys.spec_there ? &world->keys.spec : NULL,
        .config = world->keys.config,
        .config_since_ms = world->config_since_ms,
        .polled_version = world->polled_version,
        .lineage = world->keys.lineage_there ? &world->keys.lineage : NULL,
        .alias = world->keys.alias_there ? &world->keys.alias : NULL,
        .status = world->keys.status,
        .intents = intents,
        .intents_count = world->keys.intents_count,
        .joins = joins,
        .joins_count = world->keys.joins_count,
        .observations = seen,
        .bad_keys = world->keys.bad_keys,
        .bad_keys_count = world->keys.bad_keys_count,
    };

    memcpy(intents, world->keys.intents, sizeof(world->keys.intents));
    memcpy(joins, world->keys.joins, sizeof(world->keys.joins));
    view.hosts_count = hosts_view(world, hosts);
    view.hosts = hosts;
    view.reports_count = reports_view(world, reports);
    view.reports = reports;
    view.observations_count = seen_view(world, seen);
    fleet_view(world, &view);
    return view;
}

/* ---- copies that outlive the pass ---- */

static const char *keep(struct world *world, const char *text)
{
    const char *copy = arena_strdup(&world->arena, text);

    cr_assert_not_null(copy, "the world is out of memory");
    return copy;
}

static struct intent keep_intent(struct world *world, const struct intent *intent)
{
    struct intent copy = *intent;

    copy.host = keep(world, intent->host);
    copy.cluster = keep(world, intent->cluster);
    copy.uid = keep(world, intent->uid);
    copy.ip = keep(world, intent->ip);
    copy.join = keep(world, intent->join);
    return copy;
}

static const struct config *keep_config(struct world *world, const struct config_draft *draft)
{
    struct config *config = arena_alloc(&world->arena, sizeof(*config));
    struct member *members =
        arena_calloc(&world->arena, draft->members_count, sizeof(struct member));
    const char *payload;
    size_t i;

    cr_assert(config != NULL && members != NULL);
    payload = arena_printf(&world->arena, "%u", draft->version);
    for (i = 0; i < draft->members_count; i++) {
        members[i] = draft->members[i];
        members[i].hostname = keep(world, members[i].hostname);
        members[i].ip = keep(world, members[i].ip);
        payload = arena_printf(&world->arena, "%s %s|%s|%u", payload, members[i].hostname,
                               members[i].ip, (unsigned int)members[i].port);
    }
    *config =
        (struct config){ .head = *draft, .payload = payload, .payload_bytes = strlen(payload) };
    config->head.cluster = keep(world, draft->cluster);
    config->head.uid = keep(world, draft->uid);
    config->head.members = members;
    /* The text itself will do for a digest: it differs when the content does. */
    config->digest =
        arena_printf(&world->arena, "%s/%" PRIu64 "/%s", config->head.uid, draft->epoch, payload);
    config->key_id = "";
    config->signature = "";
    return config;
}

static const struct status *keep_status(struct world *world, const struct status *status)
{
    struct status *copy = arena_alloc(&world->arena, sizeof(*copy));
    struct slot_status *slots =
        arena_calloc(&world->arena, status->slots_count, sizeof(struct slot_status));
    size_t i;

    cr_assert(copy != NULL && slots != NULL);
    *copy = *status;
    copy->uid = keep(world, status->uid);
    for (i = 0; i < CONDITION_COUNT; i++) {
        copy->conditions[i].reason = keep(world, status->conditions[i].reason);
        copy->conditions[i].message = keep(world, status->conditions[i].message);
    }
    for (i = 0; i < status->slots_count; i++) {
        slots[i] = status->slots[i];
        slots[i].host = keep(world, slots[i].host);
        slots[i].ip = keep(world, slots[i].ip);
    }
    copy->slots = slots;
    return copy;
}

/* ---- effects ---- */

/* Intents stand in the order of slot and host. */
static void intent_put(struct world *world, const struct intent *intent)
{
    struct intent *there = world_intent(world, intent->host, intent->slot);
    struct intent copy = keep_intent(world, intent);
    size_t i = world->keys.intents_count;

    if (there != NULL) {
        *there = copy;
        return;
    }
    cr_assert_lt(i, WORLD_INTENTS_MAX);
    while (0 < i && (intent->slot < world->keys.intents[i - 1].slot ||
                     (intent->slot == world->keys.intents[i - 1].slot &&
                      strcmp(intent->host, world->keys.intents[i - 1].host) < 0))) {
        world->keys.intents[i] = world->keys.intents[i - 1];
        i--;
    }
    world->keys.intents[i] = copy;
    world->keys.intents_count++;
}

void world_intent_remove(struct world *world, const struct intent *intent)
{
    struct intent *there = world_intent(world, intent->host, intent->slot);
    size_t i;

    cr_assert_not_null(there, "an intent is deleted that is not there");
    i = (size_t)(there - world->keys.intents);
    world->keys.intents_count--;
    memmove(there, there + 1, (world->keys.intents_count - i) * sizeof(*there));
}

static void forget(struct world *world)
{
    world->keys.spec_there = false;
    world->keys.config = NULL;
    world->keys.alias_there = false;
    world->keys.status = NULL;
    memset(world->keys.reported, 0, sizeof(world->keys.reported));
}

static void alias_set(struct world *world, const struct alias *alias)
{
    world->keys.alias_there = true;
    world->keys.alias = *alias;
    world->keys.alias.host = keep(world, alias->host);
    world->keys.alias.ip = keep(world, alias->ip);
}

static void config_commit(struct world *world, const struct config_draft *draft)
{
    world->keys.config = keep_config(world, draft);
    world->keys.lineage_there = true;
    world->keys.lineage = (struct lineage){ .epoch = draft->epoch, .version = draft->version };
}

static void push_begin(struct world *world, const struct effect *effect)
{
    size_t h = world_host(world, effect->of.push.host);
    struct push_target *push = &world->pushes[h][effect->slot];

    cr_assert_lt(h, WORLD_HOSTS_MAX);
    *push = effect->of.push;
    push->ip = keep(world, effect->of.push.ip);
    world->seen[h][effect->slot].pushing_version = push->version;
}

/* ---- the story ---- */

static void tell_detail(struct world *world, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        str_appendf(&world->trace, " %s %s", effect->of.intent->host,
                    intent_phase_text(effect->of.intent->phase));
        break;
    case EFFECT_INTENT_DELETE:
        str_appendf(&world->trace, " %s", effect->of.intent->host);
        break;
    case EFFECT_CONFIG_COMMIT:
        str_appendf(&world->trace, " v%u [%s]", effect->of.config->version, world_members(world));
        break;
    case EFFECT_CONFIG_PUSH:
        str_appendf(&world->trace, " v%u", effect->of.push.version);
        break;
    case EFFECT_ALIAS_SET:
        str_appendf(&world->trace, " v%u", effect->of.alias->version);
        break;
    case EFFECT_ALIAS_CLEAR:
    case EFFECT_STATUS_PUT:
    case EFFECT_EVENT_ADD:
    case EFFECT_CLUSTER_FORGET:
    case EFFECT_WAKE_AT:
        break;
    }
}

static void tell(struct world *world, const struct effect *effect)
{
    char slot[SLOT_TEXT_SIZE] = "-";

    if (effect->kind == EFFECT_STATUS_PUT || effect->kind == EFFECT_EVENT_ADD) {
        return;
    }
    if (effect->slot != 0) {
        slot_format(effect->slot, slot);
    }
    str_appendf(&world->trace, "[%5" PRIu64 "] %s %s", world->now_ms - WORLD_START_MS, slot,
                effect_kind_text(effect->kind));
    tell_detail(world, effect);
    str_appendf(&world->trace, " %s\n", effect->why);
}

void world_effect(struct world *world, const struct effect *effect)
{
    world_check_effect(world, effect);
    world->writes++;
    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
        intent_put(world, effect->of.intent);
        break;
    case EFFECT_INTENT_DELETE:
        world_intent_remove(world, effect->of.intent);
        break;
    case EFFECT_CONFIG_COMMIT:
        config_commit(world, effect->of.config);
        break;
    case EFFECT_CONFIG_PUSH:
        push_begin(world, effect);
        break;
    case EFFECT_ALIAS_SET:
        alias_set(world, effect->of.alias);
        break;
    case EFFECT_ALIAS_CLEAR:
        world->keys.alias_there = false;
        break;
    case EFFECT_STATUS_PUT:
        world->keys.status = keep_status(world, effect->of.status);
        break;
    case EFFECT_EVENT_ADD:
        world->events++;
        break;
    case EFFECT_CLUSTER_FORGET:
        forget(world);
        break;
    case EFFECT_WAKE_AT:
        cr_assert_fail("a wake-up is no effect on the world");
        break;
    }
    tell(world, effect);
}
