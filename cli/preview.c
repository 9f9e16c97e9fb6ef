#include "cli/preview.h"

#include <string.h>

#include "apply/spec_edit.h"

/* Stands for the incarnation of a cluster that is not made yet. */
#define UID_PLANNED "0000000000000000"

static int no_memory(const struct view *view, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for the plan of cluster %s", view->cluster);
}

/* The spec as it is to be: in the plan, and in the view that the forecast is made of. */
static int wish_spec(const struct spec_edit *edit, struct arena *arena, struct preview *plan,
                     struct view *next, struct err *err)
{
    struct spec_record *after = arena_alloc(arena, sizeof(*after));

    if (after == NULL) {
        return no_memory(next, err);
    }
    plan->writes = edit->change != SPEC_UNCHANGED && edit->change != SPEC_RECORDED;
    *after = edit->change != SPEC_UNCHANGED ? edit->next : *edit->current;
    plan->after = after;
    next->spec = after;
    return 0;
}

static int wish_apply(const struct preview_wish *wish, struct arena *arena, struct preview *plan,
                      struct view *next, struct err *err)
{
    struct spec_edit edit = { .name = next->cluster, .current = next->spec };
    const struct spec_wish spec_wish = { .merge = wish->document,
                                         .uid = UID_PLANNED,
                                         .now_ms = next->now_ms };
    int rv = spec_edit_apply(&edit, &spec_wish, arena, err);

    if (0 <= rv) {
        rv = wish_spec(&edit, arena, plan, next, err);
    }
    return rv < 0 ? rv
                  : spec_diff(plan->before == NULL ? NULL : &plan->before->spec, &plan->after->spec,
                              arena, &plan->diff, err);
}

static int wish_delete(struct arena *arena, struct preview *plan, struct view *next,
                       struct err *err)
{
    struct spec_edit edit = { .name = next->cluster, .current = next->spec };
    int rv = spec_edit_delete(&edit, next->now_ms, err);

    return rv < 0 ? rv : wish_spec(&edit, arena, plan, next, err);
}

static int wish_drain(const struct preview_wish *wish, struct arena *arena, struct preview *plan,
                      struct view *next, struct err *err)
{
    struct host_view *hosts = arena_calloc(arena, next->hosts_count + 1, sizeof(*hosts));
    size_t i;

    if (next->spec == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", next->cluster);
    }
    if (hosts == NULL) {
        return no_memory(next, err);
    }
    for (i = 0; i < next->hosts_count; i++) {
        bool drained = strcmp(next->hosts[i].host.name, wish->host) == 0;

        hosts[i] = next->hosts[i];
        plan->writes = plan->writes || (drained && !hosts[i].draining);
        hosts[i].cordoned = hosts[i].cordoned || drained;
        hosts[i].draining = hosts[i].draining || drained;
    }
    next->hosts = hosts;
    plan->after = next->spec;
    return 0;
}

static int wish_in(const struct preview_wish *wish, struct arena *arena, struct preview *plan,
                   struct view *next, struct err *err)
{
    switch (wish->kind) {
    case PREVIEW_APPLY:
        return wish_apply(wish, arena, plan, next, err);
    case PREVIEW_DELETE:
        return wish_delete(arena, plan, next, err);
    case PREVIEW_DRAIN:
        break;
    }
    return wish_drain(wish, arena, plan, next, err);
}

/* What can't be read is not replaced by what is applied. */
static int check_spec(const struct view *view, struct err *err)
{
    size_t i;

    for (i = 0; i < view->bad_keys_count; i++) {
        if (view->bad_keys[i].kind == BAD_KEY_SPEC) {
            return err_set(err, ERR_CONFLICT,
                           "key %s can't be read: %s; repair or remove the key first",
                           view->bad_keys[i].key, view->bad_keys[i].problem);
        }
    }
    return 0;
}

int preview_make(const struct view *view, const struct preview_wish *wish, struct arena *arena,
                 struct preview *out, struct err *err)
{
    struct preview plan = { .name = view->cluster, .wish = *wish, .before = view->spec };
    struct view *next = arena_alloc(arena, sizeof(*next)); /* the forecast refers to it */
    int rv;

    if (next == NULL) {
        return no_memory(view, err);
    }
    *next = *view;
    rv = check_spec(view, err);
    if (0 <= rv) {
        rv = wish_in(wish, arena, &plan, next, err);
    }
    if (0 <= rv) {
        rv = forecast_make(next, arena, &plan.forecast, err);
    }
    if (0 <= rv) {
        rv = preview_keys_find(&plan.forecast, arena, &plan.keys, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = plan;
    return 0;
}

bool preview_changes(const struct preview *plan)
{
    return plan->writes || 0 < plan->forecast.steps_count;
}

bool previews_change(const struct previews *plans)
{
    size_t i;

    for (i = 0; i < plans->count; i++) {
        if (preview_changes(&plans->list[i])) {
            return true;
        }
    }
    return false;
}

size_t preview_blocks(const struct preview *plan, enum condition_type out[PREVIEW_BLOCKS_MAX])
{
    static const enum condition_type types[] = { CONDITION_KEY_INVALID, CONDITION_UNSCHEDULABLE,
                                                 CONDITION_STALLED };
    const struct status *status = plan->forecast.status;
    size_t count = 0;
    size_t i;

    if (status == NULL || plan->forecast.ended) {
        return 0;
    }
    for (i = 0; i < ARRAY_COUNT(types); i++) {
        const struct condition *one = &status->conditions[types[i]];
        const struct condition *last = count == 0 ? NULL : &status->conditions[out[count - 1]];

        /* Stalled repeats what stalls it. */
        if (one->status && one->reason[0] != '\0' &&
            (last == NULL || !text_equal(one->reason, condition_type_text(out[count - 1])))) {
            out[count++] = types[i];
        }
    }
    if (count == 0 && !plan->forecast.converged) {
        out[count++] = CONDITION_CONVERGED;
    }
    return count;
}
