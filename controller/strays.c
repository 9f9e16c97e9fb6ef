#include "controller/strays.h"

#include "controller/txn.h"

/* Of one pass; the rest follows with the next. */
#define STRAYS_PER_PASS_MAX 32

static bool pending(const struct object *object)
{
    return object->problem != NULL && !object->announced;
}

static bool any_pending(const struct object *list)
{
    for (; list != NULL; list = list->next) {
        if (pending(list)) {
            return true;
        }
    }
    return false;
}

bool strays_pending(const struct objects *objects)
{
    return any_pending(objects->cordons) || any_pending(objects->strays);
}

static int add_event(struct object *object, uint64_t now_ms, struct arena *arena,
                     struct effect *out, struct err *err)
{
    struct event *event = arena_alloc(arena, sizeof(*event));
    const char *subject = arena_printf(arena, "key %s", object->text);

    if (event == NULL || subject == NULL) {
        return err_set(err, ERR_NOMEM, "event");
    }
    *event = (struct event){ .cluster = NO_CLUSTER,
                             .at_ms = now_ms,
                             .program = "muster-controller",
                             .type = "Warning",
                             .reason = "KeyInvalid",
                             .subject = subject,
                             .message = object->problem };
    *out = (struct effect){ .kind = EFFECT_EVENT_ADD, .why = "key-invalid", .of.event = event };
    object->announced = true;
    return 0;
}

static int add_list(struct object *list, uint64_t now_ms, struct arena *arena,
                    struct effect *effects, size_t *count, struct err *err)
{
    for (; list != NULL && *count < STRAYS_PER_PASS_MAX; list = list->next) {
        int rv;

        if (!pending(list)) {
            continue;
        }
        rv = add_event(list, now_ms, arena, &effects[*count], err);
        if (rv < 0) {
            return rv;
        }
        (*count)++;
    }
    return 0;
}

int strays_plan(struct objects *objects, uint64_t now_ms, struct arena *arena, struct plan *plan,
                struct err *err)
{
    struct effect *effects = arena_calloc(arena, STRAYS_PER_PASS_MAX, sizeof(*effects));
    size_t count = 0;
    int rv;

    if (effects == NULL) {
        return err_set(err, ERR_NOMEM, "events");
    }
    rv = add_list(objects->cordons, now_ms, arena, effects, &count, err);
    if (0 <= rv) {
        rv = add_list(objects->strays, now_ms, arena, effects, &count, err);
    }
    if (rv < 0) {
        return rv;
    }
    *plan = (struct plan){ .effects = effects, .count = count };
    return 0;
}

static void retry_list(struct object *list)
{
    for (; list != NULL; list = list->next) {
        list->announced = false;
    }
}

void strays_retry(struct objects *objects)
{
    retry_list(objects->cordons);
    retry_list(objects->strays);
}
