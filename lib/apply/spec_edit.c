#include "apply/spec_edit.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"

const char *spec_change_text(enum spec_change change)
{
    static const char *const texts[] = {
        [SPEC_UNCHANGED] = "unchanged",
        [SPEC_RECORDED] = "unchanged",
        [SPEC_CONFIGURED] = "configured",
        [SPEC_CREATED] = "created",
    };

    CHECK((size_t)change < ARRAY_COUNT(texts));
    return texts[change];
}

static int is_deleting(const struct spec_edit *edit, struct err *err)
{
    return err_set(err, ERR_CONFLICT,
                   "cluster '%s' is being deleted; wait for its end (muster wait %s --for deleted)",
                   edit->name, edit->name);
}

static int not_found(const struct spec_edit *edit, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", edit->name);
}

/* A cluster that takes changes: it is there, and is to stay. */
static int check_current(const struct spec_edit *edit, struct err *err)
{
    if (edit->current == NULL) {
        return not_found(edit, err);
    }
    return edit->current->deleting ? is_deleting(edit, err) : 0;
}

/* No document says it, and no former spec takes it back. */
static void keep_restart(struct spec *next, const struct spec *current)
{
    if (next->settings.restart_ms < current->settings.restart_ms) {
        next->settings.restart_ms = current->settings.restart_ms;
    }
}

static bool fields_equal(const struct spec_manager *a, const struct spec_manager *b)
{
    size_t i;

    if (a->fields_count != b->fields_count) {
        return false;
    }
    for (i = 0; i < a->fields_count; i++) {
        if (strcmp(a->fields[i].path, b->fields[i].path) != 0 ||
            strcmp(a->fields[i].value, b->fields[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool managers_equal(const struct spec_record *record, const struct merge *merge)
{
    size_t i;

    if (record->managers_count != merge->managers_count) {
        return false;
    }
    for (i = 0; i < merge->managers_count; i++) {
        const struct spec_manager *a = &record->managers[i];
        const struct spec_manager *b = &merge->managers[i];

        if (strcmp(a->name, b->name) != 0 || a->applies != b->applies || !fields_equal(a, b)) {
            return false;
        }
    }
    return true;
}

/* Have the record be as a merge says. */
static void take_merge(struct spec_edit *edit, const struct merge *merge, uint64_t now_ms)
{
    bool same = spec_equal(&edit->current->spec, &merge->spec);

    edit->change = SPEC_UNCHANGED;
    if (same && managers_equal(edit->current, merge)) {
        return;
    }
    edit->change = same ? SPEC_RECORDED : SPEC_CONFIGURED;
    edit->next = *edit->current;
    edit->next.managers = merge->managers;
    edit->next.managers_count = merge->managers_count;
    if (!same) {
        edit->next.spec = merge->spec;
        edit->next.generation++;
        edit->next.changed_ms = now_ms;
    }
}

static int in_conflict(const struct spec_edit *edit, struct err *err)
{
    const struct merge_other *first = &edit->merge.conflicts[0];

    return err_set(err, ERR_CONFLICT,
                   "cluster '%s': %s is to be %.64s, but '%s' manages it and has set it to %.64s; "
                   "--force-conflicts takes it over",
                   edit->name, first->path, first->wanted[0] == '\0' ? "empty" : first->wanted,
                   first->manager, first->live[0] == '\0' ? "nothing" : first->live);
}

int spec_edit_apply(struct spec_edit *edit, const struct spec_wish *wish, struct arena *arena,
                    struct err *err)
{
    int rv;

    memset(&edit->merge, 0, sizeof(edit->merge));
    if (edit->current != NULL && edit->current->deleting) {
        return is_deleting(edit, err);
    }
    rv = merge_document(edit->current, &wish->merge, arena, &edit->merge, err);
    if (rv < 0) {
        return rv;
    }
    if (0 < edit->merge.conflicts_count) {
        return in_conflict(edit, err);
    }
    if (edit->current != NULL) {
        take_merge(edit, &edit->merge, wish->now_ms);
        return 0;
    }
    edit->change = SPEC_CREATED;
    edit->next = (struct spec_record){ .spec = edit->merge.spec,
                                       .uid = wish->uid,
                                       .generation = 1,
                                       .created_ms = wish->now_ms,
                                       .changed_ms = wish->now_ms,
                                       .managers = edit->merge.managers,
                                       .managers_count = edit->merge.managers_count };
    return 0;
}

int spec_edit_change(struct spec_edit *edit, const struct spec *wanted, const char *manager,
                     uint64_t now_ms, struct arena *arena, struct err *err)
{
    struct spec next = *wanted;
    struct merge merge;
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    keep_restart(&next, &edit->current->spec);
    edit->change = SPEC_UNCHANGED;
    if (spec_equal(&edit->current->spec, &next)) {
        return 0;
    }
    rv = merge_act(edit->current, &next, manager, arena, &merge, err);
    if (0 <= rv) {
        take_merge(edit, &merge, now_ms);
    }
    return rv;
}

int spec_edit_restart(struct spec_edit *edit, uint64_t now_ms, struct err *err)
{
    uint64_t *restart_ms = &edit->next.spec.settings.restart_ms;
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    edit->change = SPEC_CONFIGURED;
    edit->next = *edit->current;
    edit->next.generation++;
    edit->next.changed_ms = now_ms;
    *restart_ms = *restart_ms < now_ms ? now_ms : *restart_ms + 1;
    return 0;
}

int spec_edit_scale(struct spec_edit *edit, uint32_t nodes, uint64_t now_ms, struct arena *arena,
                    struct err *err)
{
    struct spec wanted;
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    wanted = edit->current->spec;
    wanted.nodes = nodes;
    return spec_edit_change(edit, &wanted, "scale", now_ms, arena, err);
}

int spec_edit_delete(struct spec_edit *edit, uint64_t now_ms, struct err *err)
{
    if (edit->current == NULL) {
        return not_found(edit, err);
    }
    if (edit->current->deleting) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    edit->change = SPEC_CONFIGURED;
    edit->next = *edit->current;
    edit->next.deleting = true;
    edit->next.generation++;
    edit->next.changed_ms = now_ms;
    return 0;
}

const struct spec_record *spec_edit_former(const struct spec_edit *edit, uint64_t generation)
{
    const struct spec_record *found = NULL;
    const struct generation_facts *at;

    for (at = edit->history; at != NULL; at = at->next) {
        const struct spec_record *record = &at->record;

        if (strcmp(record->uid, edit->current->uid) != 0 ||
            edit->current->generation <= record->generation) {
            continue;
        }
        if (generation == 0 || record->generation == generation) {
            found = record;
        }
    }
    return found;
}

int spec_edit_undo(struct spec_edit *edit, uint64_t generation, uint64_t now_ms,
                   struct arena *arena, struct err *err)
{
    const struct spec_record *former;
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    if (generation == edit->current->generation) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    former = spec_edit_former(edit, generation);
    if (former == NULL && generation == 0) {
        return err_set(err, ERR_NOT_FOUND, "cluster '%s' has no former generation", edit->name);
    }
    if (former == NULL) {
        return err_set(err, ERR_NOT_FOUND,
                       "generation %llu of cluster '%s' is not kept; muster rollout history %s "
                       "lists those that are",
                       (unsigned long long)generation, edit->name, edit->name);
    }
    edit->undone = former->generation;
    return spec_edit_change(edit, &former->spec, "rollout", now_ms, arena, err);
}

int spec_edit_pause(struct spec_edit *edit, struct err *err)
{
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    edit->next = *edit->current;
    edit->next.paused = true;
    edit->change = edit->current->paused ? SPEC_UNCHANGED : SPEC_CONFIGURED;
    return 0;
}

int spec_edit_resume(struct spec_edit *edit, uint64_t now_ms, struct err *err)
{
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    edit->next = *edit->current;
    edit->next.paused = false;
    /* Another value tells the controller of it, whatever this clock says. */
    edit->next.resumed_ms =
        edit->current->resumed_ms < now_ms ? now_ms : edit->current->resumed_ms + 1;
    edit->change = SPEC_CONFIGURED;
    return 0;
}

int spec_edit_confirm(struct spec_edit *edit, uint64_t confirmed_ms, struct err *err)
{
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    edit->next = *edit->current;
    edit->change = edit->current->confirmed_ms < confirmed_ms ? SPEC_CONFIGURED : SPEC_UNCHANGED;
    if (edit->change == SPEC_CONFIGURED) {
        edit->next.confirmed_ms = confirmed_ms;
    }
    return 0;
}
