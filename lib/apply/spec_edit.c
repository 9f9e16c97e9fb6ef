#include "apply/spec_edit.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"

const char *spec_change_text(enum spec_change change)
{
    static const char *const texts[] = { "unchanged", "configured", "created" };

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

int spec_edit_apply(struct spec_edit *edit, const struct spec *wanted, const char *uid,
                    uint64_t now_ms, struct err *err)
{
    if (edit->current == NULL) {
        edit->change = SPEC_CREATED;
        edit->next = (struct spec_record){
            .spec = *wanted, .uid = uid, .generation = 1, .created_ms = now_ms, .changed_ms = now_ms
        };
        return 0;
    }
    if (edit->current->deleting) {
        return is_deleting(edit, err);
    }
    edit->next = *edit->current;
    edit->next.spec = *wanted;
    keep_restart(&edit->next.spec, &edit->current->spec);
    if (spec_equal(&edit->current->spec, &edit->next.spec)) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    edit->change = SPEC_CONFIGURED;
    edit->next.generation++;
    edit->next.changed_ms = now_ms;
    return 0;
}

int spec_edit_restart(struct spec_edit *edit, uint64_t now_ms, struct err *err)
{
    struct spec wanted;
    uint64_t *restart_ms = &wanted.settings.restart_ms;
    int rv = check_current(edit, err);

    if (rv < 0) {
        return rv;
    }
    wanted = edit->current->spec;
    *restart_ms = *restart_ms < now_ms ? now_ms : *restart_ms + 1;
    return spec_edit_apply(edit, &wanted, edit->current->uid, now_ms, err);
}

int spec_edit_scale(struct spec_edit *edit, uint32_t nodes, uint64_t now_ms, struct err *err)
{
    struct spec wanted;

    if (edit->current == NULL) {
        return not_found(edit, err);
    }
    wanted = edit->current->spec;
    wanted.nodes = nodes;
    return spec_edit_apply(edit, &wanted, edit->current->uid, now_ms, err);
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

int spec_edit_undo(struct spec_edit *edit, uint64_t generation, uint64_t now_ms, struct err *err)
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
    return spec_edit_apply(edit, &former->spec, edit->current->uid, now_ms, err);
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
