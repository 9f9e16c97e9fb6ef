/*
 * The promises, checked against what really runs in the world, not against what reports say.
 *
 * P3 one version has one content, and versions only grow; P4 nobody is listed or aliased without
 * proof; P5 no live node is stopped while a reachable member lists it, nor with clients that have
 * not had their time; P6 the budgets: nodes that are down, and nodes that are too many.
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

static bool lists(const struct config *config, uint32_t slot, const char *ip, uint16_t port)
{
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];

        if (member->slot == slot && member->port == port && strcmp(member->ip, ip) == 0) {
            return true;
        }
    }
    return false;
}

/* Who says of the slot that it is up there, or NULL. */
static const struct node_report *reported_at(const struct world *world, uint32_t slot,
                                             const char *ip, uint16_t port)
{
    size_t h;

    for (h = 0; h < world->hosts_count; h++) {
        const struct node_report *report = &world->keys.reports[h][slot];

        if (world->keys.reported[h][slot] && report->state == NODE_UP &&
            report->data_port == port && strcmp(report->ip, ip) == 0) {
            return report;
        }
    }
    return NULL;
}

/* A machine may be dead since, but its node did say so. */
static bool has_proved(const struct world *world, const struct member *member, const char *uid,
                       const struct config *before)
{
    const struct node_report *report = reported_at(world, member->slot, member->ip, member->port);

    return report != NULL && report->partition != PARTITION_NONE && strcmp(report->uid, uid) == 0 &&
           (before == NULL || strcmp(before->head.uid, uid) != 0 ||
            before->head.version <= report->served.version);
}

/*
 * No report knows of the number. Only an etcd that went back, while every node that saw more was
 * silent, may give it away again: nothing is left then from which it could be known.
 */
static void check_number(struct world *world, uint32_t version)
{
    uint32_t slot;
    size_t h;

    PROMISE(world, version < WORLD_VERSIONS_MAX, "version %u", version);
    for (h = 0; h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            PROMISE(world,
                    !world->keys.reported[h][slot] ||
                        world->keys.reports[h][slot].version_seen < version,
                    "P3: slot %u has seen version %u before", slot, version);
        }
    }
    world->forked = world->forked || (world->restored && world->digests[version] != NULL);
    PROMISE(world, world->forked || world->digests[version] == NULL,
            "P3: version %u was served before", version);
}

static void check_commit(struct world *world, const struct config_draft *draft)
{
    const struct config *before = world->keys.config;
    size_t i;

    PROMISE(world, before == NULL || before->head.version < draft->version,
            "P3: version %u after %u", draft->version, before->head.version);
    PROMISE(world, 0 < draft->members_count, "an empty list");
    check_number(world, draft->version);
    for (i = 0; i < draft->members_count; i++) {
        const struct member *member = &draft->members[i];
        const struct process *process = world_process_at(world, member->ip, member->port);

        PROMISE(world, i == 0 || draft->members[i - 1].slot < member->slot, "slots out of order");
        if (before != NULL && strcmp(before->head.uid, draft->uid) == 0 &&
            lists(before, member->slot, member->ip, member->port)) {
            continue;
        }
        PROMISE(world, has_proved(world, member, draft->uid, before),
                "P4: slot %u is listed without proof", member->slot);
        PROMISE(world, process == NULL || strcmp(process->uid, draft->uid) == 0,
                "P4: slot %u is of another cluster", member->slot);
    }
}

static void check_alias(struct world *world, const struct alias *alias)
{
    const struct node_report *report = reported_at(world, alias->slot, alias->ip, alias->port);

    if (report == NULL) {
        report = reported_at(world, alias->slot, alias->ip, (uint16_t)(alias->port + 1));
    }
    PROMISE(world,
            report != NULL && report->served.version == alias->version &&
                strcmp(report->served.digest, world->keys.config->digest) == 0,
            "P4: the alias is set to slot %u, which did not acknowledge version %u", alias->slot,
            alias->version);
    PROMISE(world, lists(world->keys.config, alias->slot, alias->ip, report->data_port),
            "the alias is set to slot %u, which is not listed", alias->slot);
}

/* Whether nobody has reported the node, nor heard of it, for convergeTimeout. */
static bool is_out_of_reach(const struct world *world, size_t h, uint32_t slot)
{
    uint64_t since_ms = world->seen[h][slot].unreachable_since_ms;

    return !world->keys.reported[h][slot] && since_ms != 0 &&
           since_ms + WORLD_CONVERGE_TIMEOUT_MS <= world->now_ms;
}

/*
 * Whether a client may hear the node, now or as soon as it comes up again: it runs, and its watcher
 * or the probes say so; or its watcher is there to start it.
 */
static bool may_answer(const struct world *world, size_t h, uint32_t slot)
{
    if (world->keys.reported[h][slot]) {
        return world->keys.reports[h][slot].state != NODE_STOPPED;
    }
    return world->hosts[h].processes[slot].running && !is_out_of_reach(world, h, slot);
}

/* Whoever may have clients has had time to lose them. */
static void check_drained(struct world *world, const struct process *process,
                          const struct intent *intent)
{
    const struct intent *there = world_intent(world, intent->host, intent->slot);
    bool known = world->keys.spec.spec.drain_ends == SPEC_DRAIN_CLIENTS ||
                 (world->keys.spec.spec.drain_ends == SPEC_DRAIN_EVIDENCE && there != NULL &&
                  there->left_version <= world->polled_version);

    if (!process->listed || (process->clients == 0 && known) ||
        is_out_of_reach(world, world_host(world, intent->host), intent->slot)) {
        return;
    }
    PROMISE(world,
            there != NULL && there->phase == INTENT_DRAIN &&
                there->phase_since_ms + world->keys.spec.spec.drain_ms <= world->now_ms,
            "P5: slot %u on %s is stopped with clients", intent->slot, intent->host);
}

static void check_stop(struct world *world, const struct intent *intent)
{
    const struct process *stopped =
        &world->hosts[world_host(world, intent->host)].processes[intent->slot];
    size_t h;
    uint32_t slot;

    if (world->keys.spec.deleting || !stopped->running) {
        return;
    }
    check_drained(world, stopped, intent);
    for (h = 0; h < world->hosts_count; h++) {
        for (slot = 1; slot <= WORLD_SLOTS_MAX; slot++) {
            const struct process *process = &world->hosts[h].processes[slot];

            if (!process->known || !may_answer(world, h, slot) ||
                !lists(world->keys.config, slot, process->ip, process->port) ||
                strcmp(process->uid, intent->uid) != 0) {
                continue;
            }
            PROMISE(world, !lists(process->served, intent->slot, intent->ip, intent->data_port),
                    "P5: slot %u on %s is stopped while slot %u lists it", intent->slot,
                    intent->host, slot);
        }
    }
}

/* Whether the node serves and will go on to, as far as the keys tell. */
static bool is_available(struct world *world, const struct member *member)
{
    const struct node_report *report = reported_at(world, member->slot, member->ip, member->port);
    const struct intent *intent;

    if (report == NULL) {
        return false;
    }
    intent = world_intent(world, report->host, member->slot);
    return intent != NULL && intent->settings_turn == report->settings_turn &&
           node_settings_equal(&intent->settings, &report->settings);
}

/* Whether the slot is there because somebody joined. */
static bool is_joined(const struct world *world, uint32_t slot)
{
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *intent = &world->keys.intents[i];

        if (intent->slot == slot && intent->attached && intent->phase == INTENT_RUN) {
            return true;
        }
    }
    return false;
}

/* Other listed and wanted nodes that are down, or are about to be. */
static size_t unavailable(struct world *world, uint32_t but)
{
    const struct config *config = world->keys.config;
    size_t count = 0;
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];

        if ((member->slot <= spec_placed(&world->keys.spec.spec) ||
             is_joined(world, member->slot)) &&
            member->slot != but && !is_available(world, member)) {
            count++;
        }
    }
    return count;
}

static void check_budget(struct world *world, const struct intent *intent, const char *why)
{
    const struct intent *there = world_intent(world, intent->host, intent->slot);
    const struct node_report *report = world_report(world, intent->host, intent->slot);

    if (there == NULL || report == NULL || report->state != NODE_UP ||
        !lists(world->keys.config, intent->slot, intent->ip, intent->data_port) ||
        strcmp(world->keys.config->head.uid, intent->uid) != 0 || intent->attached ||
        node_settings_equal(&there->settings, &intent->settings)) {
        return;
    }
    PROMISE(world, unavailable(world, intent->slot) < world->keys.spec.spec.unavailable_max,
            "P6: %s restarts slot %u while %zu nodes are unavailable", why, intent->slot,
            unavailable(world, intent->slot));
}

/* Nodes of the slot that run, or are told to and have not answered yet. */
static size_t runners(const struct world *world, uint32_t slot)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *intent = &world->keys.intents[i];
        const struct node_report *report = world_report(world, intent->host, slot);

        if (intent->slot == slot && report == NULL) {
            size_t h = world_host(world, intent->host);

            count += intent->phase == INTENT_RUN && world->hosts[h].leased ? 1 : 0;
        } else if (intent->slot == slot) {
            count += report->state == NODE_UP || report->state == NODE_STARTING ? 1 : 0;
        }
    }
    return count;
}

/* A successor is placed while fewer nodes than maxSurge run beyond one a slot. */
static void check_surge(struct world *world, const struct intent *intent, const char *why)
{
    const struct spec *spec = &world->keys.spec.spec;
    bool moves = strcmp(why, "leave-host") == 0;
    size_t surge = 0;
    uint32_t slot;

    if (!moves && strcmp(why, "succeed") != 0) {
        return;
    }
    for (slot = 1; slot <= spec->nodes; slot++) {
        size_t count = runners(world, slot);

        surge += count < 2 ? 0 : count - 1;
    }
    PROMISE(world, surge < spec->surge_max || (moves && surge == 0),
            "P6: %s starts a successor of slot %u while %zu nodes run beyond one a slot", why,
            intent->slot, surge);
    PROMISE(world, moves || unavailable(world, intent->slot) <= spec->unavailable_max,
            "P6: %s starts a successor of slot %u while %zu nodes are unavailable", why,
            intent->slot, unavailable(world, intent->slot));
    PROMISE(world, !world->keys.cordoned[world_host(world, intent->host)],
            "%s places slot %u on %s, which is cordoned", why, intent->slot, intent->host);
}

/* A joiner has one slot, unless a backup gave it two, and nobody joins beyond maxNodes. */
static void check_join(struct world *world, const struct intent *intent, const char *why)
{
    const struct spec *spec = &world->keys.spec.spec;
    uint32_t count = spec->nodes;
    uint32_t slot;
    size_t i;

    for (i = 0; i < world->keys.intents_count; i++) {
        const struct intent *other = &world->keys.intents[i];

        PROMISE(world,
                world->restored || !other->attached || other->phase != INTENT_RUN ||
                    other->slot == intent->slot || strcmp(other->join, intent->join) != 0,
                "%s gives joiner %s slot %u besides slot %u", why, intent->join, intent->slot,
                other->slot);
    }
    for (slot = spec->nodes + 1; slot <= WORLD_SLOTS_MAX; slot++) {
        count += is_joined(world, slot) ? 1 : 0;
    }
    PROMISE(world, strcmp(why, "join") != 0 || count < spec->nodes_max,
            "joiner %s is let in beyond %u nodes", intent->join, spec->nodes_max);
    PROMISE(world, strcmp(why, "join") != 0 || spec_is_open(spec),
            "joiner %s is let into a cluster that nobody may join", intent->join);
}

/* What runs already is told of as it is, whatever address it has. */
static void check_intent(struct world *world, const struct intent *intent, const char *why)
{
    bool fresh =
        world_intent(world, intent->host, intent->slot) == NULL && strcmp(why, "adopt") != 0;
    size_t i;

    if (intent->phase == INTENT_STOP) {
        check_stop(world, intent);
        return;
    }
    check_budget(world, intent, why);
    if (intent->attached && intent->phase == INTENT_RUN) {
        check_join(world, intent, why);
    }
    if (fresh) {
        check_surge(world, intent, why);
    }
    for (i = 0; fresh && i < world->keys.intents_count; i++) {
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
        check_intent(world, effect->of.intent, effect->why);
    }
}

static void check_rule(struct world *world, const struct explained_rule *decision)
{
    const struct rule_law *law = rule_law_broken(decision->table, decision->facts);

    PROMISE(world, law == NULL, "a pass found what there can't be: not so: %s", law->sentence);
}

void world_check_laws(struct world *world, const struct explanation *explanation)
{
    size_t i;

    for (i = 0; i < explanation->nodes_count; i++) {
        check_rule(world, &explanation->nodes[i].decision);
        check_rule(world, &explanation->nodes[i].push);
    }
    for (i = 0; i < explanation->joins_count; i++) {
        check_rule(world, &explanation->joins[i].decision);
    }
    if (explanation->known) {
        check_rule(world, &explanation->membership);
        check_rule(world, &explanation->alias);
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
            struct process *process = &world->hosts[h].processes[slot];

            process->listed =
                process->listed ||
                (process->running && lists(world->keys.config, slot, process->ip, process->port));
            if (served == NULL) {
                continue;
            }
            digest = &world->digests[served->head.version];
            PROMISE(world, world->forked || *digest == NULL || strcmp(*digest, served->digest) == 0,
                    "P3: version %u has two contents", served->head.version);
            *digest = served->digest;
        }
    }
}
