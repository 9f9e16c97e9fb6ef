#include "cli/preview.h"

#include "cli/spec_edit.h"

/* Stands for the incarnation of a cluster that is not made yet. */
#define UID_PLANNED "0000000000000000"

static int decide(struct spec_edit *edit, const struct spec *wanted, uint64_t now_ms,
                  struct err *err)
{
    return wanted == NULL ? spec_edit_delete(edit, now_ms, err)
                          : spec_edit_apply(edit, wanted, UID_PLANNED, now_ms, err);
}

int preview_make(const struct view *view, const struct spec *wanted, struct arena *arena,
                 struct preview *out, struct err *err)
{
    struct preview plan = { .name = view->cluster,
                            .wish = wanted == NULL ? PREVIEW_DELETE : PREVIEW_APPLY,
                            .before = view->spec };
    struct spec_edit edit = { .name = view->cluster, .current = view->spec };
    struct spec_record *after = arena_alloc(arena, sizeof(*after));
    struct view next = *view;
    int rv;

    if (after == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the plan of cluster %s", view->cluster);
    }
    rv = decide(&edit, wanted, view->now_ms, err);
    if (rv < 0) {
        return rv;
    }
    plan.spec_changes = edit.change != SPEC_UNCHANGED;
    *after = plan.spec_changes ? edit.next : *view->spec;
    plan.after = after;
    next.spec = after;
    if (wanted != NULL) {
        rv = spec_diff(plan.before == NULL ? NULL : &plan.before->spec, &after->spec, arena,
                       &plan.diff, err);
    }
    if (0 <= rv) {
        rv = forecast_make(&next, arena, &plan.forecast, err);
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
    return plan->spec_changes || 0 < plan->forecast.steps_count;
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
