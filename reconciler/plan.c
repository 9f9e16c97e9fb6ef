#include "reconciler/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"

#define CAPACITY_MIN 16
#define TEXT_MAX 1024
#define PROGRAM "muster-controller"

void plan_init(struct plan_builder *plan, const struct view *view, struct arena *arena)
{
    *plan = (struct plan_builder){ .view = view, .arena = arena, .wake = { .at_ms = UINT64_MAX } };
}

void *plan_alloc(struct plan_builder *plan, size_t count, size_t size)
{
    void *block = arena_calloc(plan->arena, count, size);

    plan->failed = plan->failed || block == NULL;
    return block;
}

/* A list of twice the capacity with what was in it, or NULL, which sticks. */
static void *grown(struct plan_builder *plan, const void *list, size_t size, size_t *capacity)
{
    size_t more = *capacity == 0 ? CAPACITY_MIN : 2 * *capacity;
    void *grown = plan_alloc(plan, more, size);

    if (grown == NULL) {
        return NULL;
    }
    if (0 < *capacity) {
        memcpy(grown, list, *capacity * size);
    }
    *capacity = more;
    return grown;
}

static void add(struct plan_builder *plan, struct effect effect)
{
    if (plan->count == plan->capacity && !plan->failed) {
        plan->effects = grown(plan, plan->effects, sizeof(*plan->effects), &plan->capacity);
    }
    if (!plan->failed) {
        plan->effects[plan->count++] = effect;
    }
}

void plan_intent(struct plan_builder *plan, enum effect_kind kind, const struct intent *intent,
                 const char *why)
{
    add(plan,
        (struct effect){ .kind = kind, .slot = intent->slot, .why = why, .of.intent = intent });
}

void plan_config(struct plan_builder *plan, const struct config_draft *draft, const char *why)
{
    add(plan, (struct effect){ .kind = EFFECT_CONFIG_COMMIT, .why = why, .of.config = draft });
}

void plan_push(struct plan_builder *plan, uint32_t slot, struct push_target target, const char *why)
{
    add(plan,
        (struct effect){ .kind = EFFECT_CONFIG_PUSH, .slot = slot, .why = why, .of.push = target });
}

void plan_alias(struct plan_builder *plan, const struct alias *alias, const char *why)
{
    add(plan, (struct effect){
                  .kind = EFFECT_ALIAS_SET, .slot = alias->slot, .why = why, .of.alias = alias });
}

void plan_status(struct plan_builder *plan, const struct status *status, const char *why)
{
    add(plan, (struct effect){ .kind = EFFECT_STATUS_PUT, .why = why, .of.status = status });
}

void plan_plain(struct plan_builder *plan, enum effect_kind kind, const char *why)
{
    add(plan, (struct effect){ .kind = kind, .why = why });
}

static const char *subject_text(struct plan_builder *plan, uint32_t slot)
{
    char text[SLOT_TEXT_SIZE];

    if (slot == 0) {
        return "cluster";
    }
    slot_format(slot, text);
    return plan_text(plan, "slot %s", text);
}

void plan_event(struct plan_builder *plan, uint32_t slot, bool warning, const char *reason,
                const char *why, const char *fmt, ...)
{
    struct event *event = plan_alloc(plan, 1, sizeof(*event));
    char message[TEXT_MAX];
    va_list args;

    if (event == NULL) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    *event = (struct event){
        .cluster = plan->view->cluster,
        .at_ms = plan->view->now_ms,
        .program = PROGRAM,
        .type = warning ? "Warning" : "Normal",
        .reason = reason,
        .subject = subject_text(plan, slot),
        .message = plan_text(plan, "%s", message),
    };
    add(plan,
        (struct effect){ .kind = EFFECT_EVENT_ADD, .slot = slot, .why = why, .of.event = event });
}

static void wake_keep(struct plan_builder *plan, struct wake wake)
{
    if (plan->wakes_count == plan->wakes_capacity && !plan->failed) {
        plan->wakes = grown(plan, plan->wakes, sizeof(*plan->wakes), &plan->wakes_capacity);
    }
    if (!plan->failed) {
        plan->wakes[plan->wakes_count++] = wake;
    }
}

void plan_wake(struct plan_builder *plan, const struct node *node, uint64_t at_ms, const char *why)
{
    struct wake wake = { .node = node, .at_ms = at_ms, .why = why };

    if (at_ms < plan->wake.at_ms) {
        plan->wake = wake;
    }
    if (plan->explains) {
        wake_keep(plan, wake);
    }
}

/* Names of unreadable keys and words of other programs may be anything. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || '~' < *text) {
            *text = '?';
        }
    }
}

const char *plan_text(struct plan_builder *plan, const char *fmt, ...)
{
    char text[TEXT_MAX];
    const char *copy;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    make_printable(text);
    copy = arena_strdup(plan->arena, text);
    plan->failed = plan->failed || copy == NULL;
    return copy == NULL ? "" : copy;
}

int plan_finish(struct plan_builder *builder, struct plan *out, struct err *err)
{
    if (builder->wake.at_ms != UINT64_MAX) {
        add(builder, (struct effect){ .kind = EFFECT_WAKE_AT,
                                      .why = builder->wake.why,
                                      .of.at_ms = builder->wake.at_ms });
    }
    if (builder->failed) {
        return err_set(err, ERR_NOMEM, "no memory for the plan of cluster %s",
                       builder->view->cluster);
    }
    *out = (struct plan){ .effects = builder->effects, .count = builder->count };
    return 0;
}
