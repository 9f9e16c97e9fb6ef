/*
 * The promises, checked against what really runs in the world, not against what reports say.
 *
 * P3 one version has one content, and versions only grow; P4 nobody is listed or aliased without
 * proof; P5 no live node is stopped while a reachable member lists it; P6 the disruption budget.
 */
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

#define AT(world) ((unsigned long long)((world)->now_ms - WORLD_START_MS))

#define PROMISE(world, cond, ...)                                               \
    do {                                                                        \
        if (!(cond)) {                                                          \
            cr_log_error("at %llu:\n%s", AT(world), str_text(&(world)->trace)); \
            cr_assert_fail(__VA_ARGS__);                                        \
        }                                                                       \
    } while (0)

static bool lists(const struct config *config, const char *ip, uint16_t port)
{
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        if (config->head.members[i].port == port && strcmp(config->head.members[i].ip, ip) == 0) {
            return true;
        }
    }
    return false;
}

static void check_commit(struct world *world, const struct config_draft *draft)
{
    const struct config *before = world->keys.config;
    size_t i;

    PROMISE(world, before == NULL || before->head.version < draft->version,
            "P3: version %u after %u", draft->version, before->head.version);
    PROMISE(world, 0 < draft->members_count, "an empty list");
    PROMISE(world, draft->version < WORLD_VERSIONS_MAX && world->digests[draft->version] == NULL,
            "P3: version %u was served before", draft->version);
    for (i = 0; i < draft->members_count; i++) {
        const struct member *member = &draft->members[i];
        const struct process *process = world_process_at(world, member->ip, member->port);

        PROMISE(world, i == 0 || draft->members[i - 1].slot < member->slot, "slots out of order");
        if (before != NULL && strcmp(before->head.uid, draft->uid) == 0 &&
            lists(before, member->ip, member->port)) {
            continue;
        }
        PROMISE(world, process != NULL && world->partition != PARTITION_NONE,
                "P4: slot %u is listed and does not run", member->slot);
        PROMISE(world, strcmp(process->uid, draft->uid) == 0, "P4: slot %u is of another cluster",
                member->slot);
        PROMISE(
            world,
            before == NULL || strcmp(before->head.uid, draft->uid) != 0 ||
                (process->served != NULL && before->head.version <= process->served->head.version),
            "P4: slot %u did not serve the configuration before", member->slot);
    }
}

static void check_alias(struct world *world, const struct alias *alias)
{
    const struct node_report *report = &world->keys.reports[alias->slot];

    PROMISE(world,
            world->keys.reported[alias->slot] && report->state == NODE_UP &&
                report->served.version == alias->version &&
                strcmp(report->served.digest, world->keys.config->digest) == 0 &&
                strcmp(report->ip, alias->ip) == 0,
            "P4: the alias is set to slot %u, which did not acknowledge version %u", alias->slot,
            alias->version);
    PROMISE(world, lists(world->keys.config, alias->ip, report->data_port),
            "the alias is set to slot %u, which is not listed", alias->slot);
}

/* Members that their watchers report up are reachable. */
static void check_stop(struct world *world, const struct intent *intent)
{
    size_t h;
    uint32_t slot;

    if (world->keys.spec.deleting ||
        world_process_at(world, intent->ip, intent->data_port) == NULL) {
        return;
    }
    for (h = 0; h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            const struct process *process = &world->hosts[h].processes[slot];

            if (!process->running || !world->keys.reported[slot] ||
                world->keys.reports[slot].state != NODE_UP ||
                strcmp(world->keys.reports[slot].host, world->hosts[h].host.name) != 0 ||
                !lists(world->keys.config, process->ip, process->port) ||
                strcmp(process->uid, intent->uid) != 0) {
                continue;
            }
            PROMISE(world, !lists(process->served, intent->ip, intent->data_port),
                    "P5: slot %u on %s is stopped while slot %u lists it", intent->slot,
                    intent->host, slot);
        }
    }
}

/* Listed and wanted nodes that do not serve, or will not, because of what intents ask for. */
static size_t unavailable(struct world *world)
{
    const struct config *config = world->keys.config;
    size_t count = 0;
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];
        const struct process *process = world_process_at(world, member->ip, member->port);
        size_t k;

        if (world->keys.spec.spec.nodes < member->slot) {
            continue;
        }
        if (process == NULL) {
            count++;
            continue;
        }
        for (k = 0; k < world->keys.intents_count; k++) {
            const struct intent *intent = &world->keys.intents[k];

            if (intent->slot == member->slot && strcmp(intent->ip, member->ip) == 0 &&
                intent->data_port == member->port &&
                !node_settings_equal(&intent->settings, &process->settings)) {
                count++;
            }
        }
    }
    return count;
}

static void check_budget(struct world *world, const struct intent *intent)
{
    const struct intent *there = world_intent(world, intent->host, intent->slot);
    const struct process *process = world_process_at(world, intent->ip, intent->data_port);

    if (there == NULL || process == NULL ||
        !lists(world->keys.config, intent->ip, intent->data_port) ||
        strcmp(world->keys.config->head.uid, intent->uid) != 0 ||
        node_settings_equal(&there->settings, &intent->settings)) {
        return;
    }
    PROMISE(world, unavailable(world) < world->keys.spec.spec.unavailable_max,
            "P6: slot %u is restarted while %zu nodes are unavailable", intent->slot,
            unavailable(world));
}

static void check_intent(struct world *world, const struct intent *intent)
{
    const struct intent *there = world_intent(world, intent->host, intent->slot);
    size_t i;

    if (intent->phase == INTENT_STOP) {
        check_stop(world, intent);
        return;
    }
    check_budget(world, intent);
    for (i = 0; i < world->keys.intents_count && there == NULL; i++) {
        PROMISE(world,
                strcmp(world->keys.intents[i].ip, intent->ip) != 0 ||
                    world->keys.intents[i].data_port != intent->data_port,
                "slot %u gets the address of slot %u", intent->slot, world->keys.intents[i].slot);
    }
}

void world_check_effect(struct world *world, const struct effect *effect)
{
    if (effect->kind == EFFECT_CONFIG_COMMIT) {
        check_commit(world, effect->of.config);
    } else if (effect->kind == EFFECT_ALIAS_SET) {
        check_alias(world, effect->of.alias);
    } else if (effect->kind == EFFECT_INTENT_PUT) {
        check_intent(world, effect->of.intent);
    }
}

void world_check(struct world *world)
{
    size_t h;
    uint32_t slot;

    for (h = 0; h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            const struct config *served = world->hosts[h].processes[slot].served;
            const char **digest;

            if (served == NULL) {
                continue;
            }
            digest = &world->digests[served->head.version];
            PROMISE(world, *digest == NULL || strcmp(*digest, served->digest) == 0,
                    "P3: version %u has two contents", served->head.version);
            *digest = served->digest;
        }
    }
}
