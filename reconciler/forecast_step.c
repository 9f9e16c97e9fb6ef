/* The steps of a forecast, and the names of what they are. */
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "reconciler/alias.h"
#include "reconciler/forecast_parts.h"
#include "reconciler/joins.h"
#include "reconciler/membership.h"
#include "reconciler/node_rules.h"
#include "reconciler/push.h"

#define STEPS_CAPACITY_MIN 32

const char *forecast_act_text(enum forecast_act act)
{
    static const char *const texts[] = {
#define X(name, text) text,
        FORECAST_ACTS(X)
#undef X
    };

    CHECK((size_t)act < ARRAY_COUNT(texts));
    return texts[act];
}

const char *forecast_change_text(enum forecast_change change)
{
    static const char *const texts[] = {
#define X(name, text) text,
        FORECAST_CHANGES(X)
#undef X
    };

    CHECK((size_t)change < ARRAY_COUNT(texts));
    return texts[change];
}

const char *forecast_sentence(const char *rule)
{
    static const struct rule_table *const tables[] = { &node_rules, &membership_rules, &alias_rules,
                                                       &push_rules, &join_rules };
    size_t t;
    size_t i;

    for (t = 0; t < ARRAY_COUNT(tables); t++) {
        for (i = 0; i < tables[t]->count; i++) {
            if (strcmp(tables[t]->rules[i].name, rule) == 0) {
                return tables[t]->rules[i].sentence;
            }
        }
    }
    return "";
}

static int steps_grow(struct making *making, struct err *err)
{
    size_t capacity = making->steps_capacity == 0 ? STEPS_CAPACITY_MIN : 2 * making->steps_capacity;
    struct forecast_step *steps;

    if (making->out.steps_count < making->steps_capacity) {
        return 0;
    }
    if (FORECAST_STEPS_MAX <= making->out.steps_count) {
        return err_set(err, ERR_LIMIT, "more than %d steps", FORECAST_STEPS_MAX);
    }
    steps = arena_calloc(making->arena, capacity, sizeof(*steps));
    if (steps == NULL) {
        return forecast_no_memory(making, err);
    }
    if (0 < making->out.steps_count) {
        memcpy(steps, making->steps, making->out.steps_count * sizeof(*steps));
    }
    making->steps = steps;
    making->steps_capacity = capacity;
    return 0;
}

static int step_append(struct making *making, const struct forecast_step *step, struct err *err)
{
    int rv = steps_grow(making, err);

    if (0 <= rv) {
        making->steps[making->out.steps_count++] = *step;
    }
    return rv;
}

/* The step, behind the wait before it. */
static int step_add(struct making *making, struct forecast_step step, struct err *err)
{
    struct forecast_step wait = { .act = FORECAST_WAIT,
                                  .rule = making->waited_why,
                                  .wait_ms = making->waiting_ms };
    int rv = 0;

    if (0 < making->waiting_ms) {
        wait.sentence = forecast_sentence(wait.rule);
        rv = step_append(making, &wait, err);
        making->out.waited_ms += making->waiting_ms;
        making->waiting_ms = 0;
    }
    step.sentence = forecast_sentence(step.rule);
    return rv < 0 ? rv : step_append(making, &step, err);
}

static enum forecast_act act_of(const struct making *making, const struct intent *before,
                                const struct intent *after)
{
    if (after->phase == INTENT_STOP) {
        return after->attached ? FORECAST_LET_GO : FORECAST_STOP;
    }
    if (before == NULL) {
        const struct rehearsed *node = rehearsal_node(&making->rehearsal, after->slot, after->host);

        if (node != NULL && node->told) {
            return FORECAST_ADOPT;
        }
        return after->attached ? FORECAST_JOIN : FORECAST_START;
    }
    if (before->data_port != after->data_port || strcmp(before->ip, after->ip) != 0 ||
        !node_settings_equal(&before->settings, &after->settings)) {
        return after->attached ? FORECAST_JOIN : FORECAST_RESTART;
    }
    if (strcmp(before->uid, after->uid) != 0) {
        return FORECAST_TAKE_OVER;
    }
    return after->phase == INTENT_DRAIN ? FORECAST_DRAIN : FORECAST_RESUME;
}

/* A copy of the intent as it stands now; `*out` is NULL when there is none. */
static int intent_keep(struct making *making, uint32_t slot, const char *host,
                       const struct intent **out, struct err *err)
{
    const struct intent *intent = rehearsal_intent(&making->rehearsal, slot, host);
    struct intent *copy;

    *out = NULL;
    if (intent == NULL) {
        return 0;
    }
    copy = arena_alloc(making->arena, sizeof(*copy));
    if (copy == NULL) {
        return forecast_no_memory(making, err);
    }
    *copy = *intent;
    *out = copy;
    return 0;
}

/* Not everything in an intent is for its host: counts of flaps are no step. */
static bool is_step(const struct intent *before, const struct intent *after)
{
    return before == NULL || after == NULL || before->phase != after->phase ||
           before->data_port != after->data_port || strcmp(before->ip, after->ip) != 0 ||
           strcmp(before->uid, after->uid) != 0 ||
           !node_settings_equal(&before->settings, &after->settings);
}

static int take_intent(struct making *making, const struct effect *effect, struct err *err)
{
    const struct intent *intent = effect->of.intent;
    struct forecast_step step = { .act = FORECAST_REMOVE,
                                  .slot = effect->slot,
                                  .rule = effect->why };
    int rv = intent_keep(making, intent->slot, intent->host, &step.before, err);

    if (0 <= rv && effect->kind == EFFECT_INTENT_PUT) {
        step.act = act_of(making, step.before, intent);
    }
    if (0 <= rv) {
        rv = rehearsal_effect(&making->rehearsal, effect, err);
    }
    if (0 <= rv) {
        rv = intent_keep(making, intent->slot, intent->host, &step.after, err);
    }
    return rv < 0 || !is_step(step.before, step.after) ? rv : step_add(making, step, err);
}

static bool same_address(const struct member *a, const struct member *b)
{
    return a->port == b->port && strcmp(a->ip, b->ip) == 0;
}

/* Who joins, leaves and moves with a version; both lists are in the order of the slots. */
static int members_compare(struct making *making, const struct config_draft *draft,
                           struct forecast_step *step, struct err *err)
{
    static const struct config none = { .head = { .members = NULL } };
    const struct config *config = making->rehearsal.view.config;
    const struct config_draft *before = config == NULL ? &none.head : &config->head;
    struct forecast_slots *const lists[] = { &step->joined, &step->left, &step->moved };
    size_t i = 0;
    size_t k = 0;

    for (i = 0; i < ARRAY_COUNT(lists); i++) {
        lists[i]->list =
            arena_calloc(making->arena, before->members_count + draft->members_count + 1,
                         sizeof(*lists[i]->list));
        if (lists[i]->list == NULL) {
            return forecast_no_memory(making, err);
        }
    }
    i = 0;
    while (i < before->members_count || k < draft->members_count) {
        const struct member *a = i < before->members_count ? &before->members[i] : NULL;
        const struct member *b = k < draft->members_count ? &draft->members[k] : NULL;

        if (b == NULL || (a != NULL && a->slot < b->slot)) {
            CHECK(a != NULL); /* else both lists were at their ends */
            step->left.list[step->left.count++] = a->slot;
            i++;
        } else if (a == NULL || b->slot < a->slot) {
            step->joined.list[step->joined.count++] = b->slot;
            k++;
        } else {
            if (!same_address(a, b)) {
                step->moved.list[step->moved.count++] = b->slot;
            }
            i++;
            k++;
        }
    }
    return 0;
}

static int take_commit(struct making *making, const struct effect *effect, struct err *err)
{
    struct forecast_step step = { .act = FORECAST_COMMIT,
                                  .rule = effect->why,
                                  .version = effect->of.config->version,
                                  .nodes = effect->of.config->members_count };
    int rv = members_compare(making, effect->of.config, &step, err);

    making->out.versions++;
    if (0 <= rv) {
        rv = rehearsal_effect(&making->rehearsal, effect, err);
    }
    return rv < 0 ? rv : step_add(making, step, err);
}

/* Pushes of one pass are one step. */
static int take_push(struct making *making, const struct effect *effect, struct err *err)
{
    struct forecast_step *last =
        making->out.steps_count == 0 ? NULL : &making->steps[making->out.steps_count - 1];
    int rv = rehearsal_effect(&making->rehearsal, effect, err);

    if (rv <= 0) {
        return rv;
    }
    making->out.pushes++;
    if (last != NULL && last->act == FORECAST_PUSH && making->waiting_ms == 0 &&
        last->version == effect->of.push.version) {
        last->nodes++;
        last->slot = 0;
        return 1;
    }
    rv = step_add(making,
                  (struct forecast_step){ .act = FORECAST_PUSH,
                                          .slot = effect->slot,
                                          .rule = effect->why,
                                          .version = effect->of.push.version,
                                          .nodes = 1 },
                  err);
    return rv < 0 ? rv : 1;
}

static int take_alias(struct making *making, const struct effect *effect, struct err *err)
{
    const struct alias *before = making->rehearsal.view.alias;
    bool stays = before != NULL && before->slot == effect->of.alias->slot &&
                 before->port == effect->of.alias->port &&
                 strcmp(before->ip, effect->of.alias->ip) == 0;
    struct alias *copy = arena_alloc(making->arena, sizeof(*copy));
    int rv = rehearsal_effect(&making->rehearsal, effect, err);

    if (rv < 0 || copy == NULL) {
        return rv < 0 ? rv : forecast_no_memory(making, err);
    }
    *copy = making->rehearsal.alias; /* whose texts last */
    making->out.endpoint_moves += stays ? 0 : 1;
    return step_add(making,
                    (struct forecast_step){ .act = stays ? FORECAST_VOUCH : FORECAST_ENDPOINT,
                                            .slot = copy->slot,
                                            .rule = effect->why,
                                            .alias = copy },
                    err);
}

static int take_plain(struct making *making, const struct effect *effect, enum forecast_act act,
                      struct err *err)
{
    int rv = rehearsal_effect(&making->rehearsal, effect, err);

    return rv < 0
               ? rv
               : step_add(making, (struct forecast_step){ .act = act, .rule = effect->why }, err);
}

int forecast_take(struct making *making, const struct effect *effect, struct err *err)
{
    int rv;

    switch (effect->kind) {
    case EFFECT_INTENT_PUT:
    case EFFECT_INTENT_DELETE:
        rv = take_intent(making, effect, err);
        return rv < 0 ? rv : 1;
    case EFFECT_CONFIG_COMMIT:
        rv = take_commit(making, effect, err);
        return rv < 0 ? rv : 1;
    case EFFECT_CONFIG_PUSH:
        return take_push(making, effect, err);
    case EFFECT_ALIAS_SET:
        rv = take_alias(making, effect, err);
        return rv < 0 ? rv : 1;
    case EFFECT_ALIAS_CLEAR:
        rv = take_plain(making, effect, FORECAST_ENDPOINT_GO, err);
        return rv < 0 ? rv : 1;
    case EFFECT_CLUSTER_FORGET:
        rv = take_plain(making, effect, FORECAST_END, err);
        return rv < 0 ? rv : 1;
    case EFFECT_STATUS_PUT:
        rv = rehearsal_effect(&making->rehearsal, effect, err);
        return rv < 0 ? rv : 0;
    case EFFECT_WAKE_AT:
        making->wake_at_ms = effect->of.at_ms;
        making->wake_why = effect->why;
        break;
    case EFFECT_EVENT_ADD:
        break;
    }
    return 0;
}
