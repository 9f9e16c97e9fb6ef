#include "apply/batch.h"

#include <string.h>

#include "apply/spec_store.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "client/clusters.h"
#include "codec/envelope.h"

const char *batch_outcome_text(enum batch_outcome outcome)
{
    static const char *const texts[] = {
        [BATCH_UNCHANGED] = "unchanged", [BATCH_CONFIGURED] = "configured",
        [BATCH_CREATED] = "created",     [BATCH_PRUNED] = "pruned",
        [BATCH_CONFLICT] = "conflict",
    };

    CHECK((size_t)outcome < ARRAY_COUNT(texts));
    return texts[outcome];
}

int batch_source_check(const char *text, struct err *err)
{
    /* Managers that are none. */
    static const char *const taken[] = { "scale",   "edit",    "label",
                                         "rollout", "restart", MERGE_MANAGER_UNKNOWN };
    size_t size = strlen(text);
    size_t i;

    if (size == 0 || SPEC_MANAGER_NAME_MAX < size ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") != size) {
        return err_set(err, ERR_USAGE,
                       "'%.64s' can't be the name of a source: 1 to %d lower case letters, "
                       "digits, '-' and '.'",
                       text, SPEC_MANAGER_NAME_MAX);
    }
    for (i = 0; i < ARRAY_COUNT(taken); i++) {
        if (strcmp(taken[i], text) == 0) {
            return err_set(err, ERR_USAGE, "'%s' can't be the name of a source: it stands for %s",
                           text, "changes by hand");
        }
    }
    return 0;
}

/* A batch in the making: an edit, a uid and a result per document, then those to be pruned. */
struct batch {
    struct context *context;
    const struct documents *documents;
    const struct batch_options *options;
    struct spec_edit *edits;
    char (*uids)[UID_TEXT_SIZE];
    struct batch_result *results;
    size_t count;
    uint64_t now_ms;
};

static int no_memory(const struct batch *batch, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for %zu clusters", batch->documents->count);
}

/* ---- What it is about ---- */

static const struct document *document_find(const struct documents *documents, const char *name)
{
    size_t low = 0;
    size_t high = documents->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, documents->list[middle].read.spec.name);

        if (order == 0) {
            return &documents->list[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static int batch_begin(struct batch *batch, const char *const *others, size_t others_count,
                       struct err *err)
{
    struct arena *arena = &batch->context->arena;
    size_t documents = batch->documents->count;
    size_t most = documents + others_count + 1;
    size_t i;

    batch->edits = arena_calloc(arena, most, sizeof(*batch->edits));
    batch->uids = arena_calloc(arena, most, sizeof(*batch->uids));
    batch->results = arena_calloc(arena, most, sizeof(*batch->results));
    if (batch->edits == NULL || batch->uids == NULL || batch->results == NULL) {
        return no_memory(batch, err);
    }
    for (i = 0; i < documents; i++) {
        batch->edits[i].name = batch->documents->list[i].read.spec.name;
        batch->results[i].document = &batch->documents->list[i];
        random_hex16(batch->uids[i]);
    }
    batch->count = documents;
    for (i = 0; i < others_count; i++) {
        if (document_find(batch->documents, others[i]) == NULL) {
            batch->edits[batch->count].may_be_bad = true;
            batch->edits[batch->count++].name = others[i];
        }
    }
    return 0;
}

/* ---- Decisions ---- */

/* Whether somebody else has written the cluster since the operator looked. */
static int check_revision(const struct batch *batch, const struct spec_edit *edit, struct err *err)
{
    uint64_t expected = batch->options->expect_revision;

    if (expected == BATCH_ANY_REVISION || edit->done != SPEC_UNCHANGED) {
        return 0;
    }
    if (edit->revision == 0 && 0 < expected) {
        return err_set(err, ERR_CONFLICT, "there is no cluster '%s', --expect-revision wants one",
                       edit->name);
    }
    if (expected < edit->revision) {
        return err_set(
            err, ERR_CONFLICT, "cluster '%s' was changed at revision %llu, after the expected %llu",
            edit->name, (unsigned long long)edit->revision, (unsigned long long)expected);
    }
    return 0;
}

static int decide_document(struct batch *batch, size_t i, struct err *err)
{
    const struct document *document = batch->results[i].document;
    struct spec_edit *edit = &batch->edits[i];
    const struct spec_wish wish = { .merge = { .source = batch->options->source,
                                               .spec = &document->read.spec,
                                               .set = document->read.set,
                                               .force = batch->options->force },
                                    .uid = batch->uids[i],
                                    .now_ms = batch->now_ms };
    int rv = check_revision(batch, edit, err);

    return rv < 0 ? rv : spec_edit_apply(edit, &wish, &batch->context->arena, err);
}

/* Whether whoever was asked about deletions was told of this one. */
static int check_asked(const struct batch *batch, const char *name, struct err *err)
{
    const struct batch_results *asked = batch->options->prune_asked;
    size_t i;

    for (i = 0; asked != NULL && i < asked->count; i++) {
        if (asked->list[i].outcome == BATCH_PRUNED && strcmp(asked->list[i].name, name) == 0) {
            return 0;
        }
    }
    return asked == NULL ? 0
                         : err_set(err, ERR_CONFLICT,
                                   "cluster '%s' would be deleted, too: '%s' has applied it "
                                   "meanwhile",
                                   name, batch->options->source);
}

/* What left the documents; whatever else there is stays out of the results. */
static int decide_other(struct batch *batch, size_t i, struct err *err)
{
    struct spec_edit *edit = &batch->edits[i];
    int rv;

    edit->change = SPEC_UNCHANGED;
    if (edit->current == NULL || edit->current->deleting ||
        !merge_is_source_alone(edit->current, batch->options->source)) {
        return 0;
    }
    rv = check_asked(batch, edit->name, err);
    return rv < 0 ? rv : spec_edit_delete(edit, batch->now_ms, err);
}

static enum batch_outcome outcome_of(const struct spec_edit *edit, bool pruned)
{
    enum spec_change change = edit->done < edit->change ? edit->change : edit->done;

    switch (change) {
    case SPEC_CREATED:
        return BATCH_CREATED;
    case SPEC_CONFIGURED:
        return pruned ? BATCH_PRUNED : BATCH_CONFIGURED;
    case SPEC_UNCHANGED:
    case SPEC_RECORDED:
        break;
    }
    return BATCH_UNCHANGED;
}

/* What a decision comes to. A conflict is a result, too; what else went wrong is returned. */
static int note(struct batch *batch, size_t i, int rv, const struct err *why, struct err *err)
{
    struct spec_edit *edit = &batch->edits[i];
    struct batch_result *result = &batch->results[i];

    result->name = edit->name;
    result->before = edit->current;
    result->drift = edit->merge.drift;
    result->drift_count = edit->merge.drift_count;
    result->conflicts = edit->merge.conflicts;
    result->conflicts_count = edit->merge.conflicts_count;
    if (0 <= rv) {
        result->outcome = outcome_of(edit, result->document == NULL);
        result->after = edit->change == SPEC_UNCHANGED ? edit->current : &edit->next;
        return 0;
    }
    if (rv != ERR_CONFLICT && rv != ERR_LIMIT) {
        *err = *why;
        return rv;
    }
    edit->change = SPEC_UNCHANGED;
    result->outcome = BATCH_CONFLICT;
    result->after = edit->current;
    result->problem = arena_strdup(&batch->context->arena, why->msg);
    return result->problem == NULL ? no_memory(batch, err) : 0;
}

static int decide(struct batch *batch, struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < batch->count; i++) {
        struct err why = { .code = 0 };
        int decided = i < batch->documents->count ? decide_document(batch, i, &why)
                                                  : decide_other(batch, i, &why);

        rv = note(batch, i, decided, &why, err);
    }
    return rv;
}

/* ---- Results ---- */

/* Drop the clusters that are nobody's business, and count. */
static void sum_up(struct batch *batch, struct batch_results *out)
{
    size_t i;

    *out = (struct batch_results){ .list = batch->results };
    for (i = 0; i < batch->count; i++) {
        const struct batch_result *result = &batch->results[i];

        if (result->document == NULL && result->outcome == BATCH_UNCHANGED) {
            continue;
        }
        out->changes += result->outcome != BATCH_UNCHANGED && result->outcome != BATCH_CONFLICT;
        out->conflicts += result->outcome == BATCH_CONFLICT;
        out->drift += result->drift_count;
        out->list[out->count++] = *result;
    }
}

static int first_conflict(const struct batch *batch, struct err *err)
{
    size_t count = 0;
    size_t first = batch->count;
    size_t i;

    for (i = 0; i < batch->count; i++) {
        if (batch->results[i].outcome == BATCH_CONFLICT) {
            first = count++ == 0 ? i : first;
        }
    }
    return count == 0 ? 0 : err_set(err, ERR_CONFLICT, "%s", batch->results[first].problem);
}

/* Read, decide and write until nobody interferes. */
static int run(struct batch *batch, struct err *err)
{
    const struct batch_options *options = batch->options;
    int tries;
    int rv = 0;

    for (tries = 0; tries < SPEC_STORE_TRIES_MAX; tries++) {
        rv = spec_store_read(batch->context, batch->edits, batch->count, err);
        if (0 <= rv) {
            rv = decide(batch, err);
        }
        if (rv < 0) {
            return rv;
        }
        if (options->dry_run || (!options->skip_conflicts && first_conflict(batch, err) < 0)) {
            return 0;
        }
        rv = spec_store_write(batch->context, batch->edits, batch->count, err);
        if (rv != ERR_CONFLICT && rv != ERR_TIMEOUT) {
            return rv;
        }
    }
    return rv;
}

int batch_apply(struct context *context, const struct documents *documents,
                const struct batch_options *options, struct batch_results *out, struct err *err)
{
    struct batch batch = {
        .context = context, .documents = documents, .options = options, .now_ms = clock_wall_ms()
    };
    const char **others = NULL;
    size_t others_count = 0;
    int rv = 0;

    if (options->prune) {
        rv = clusters_list(context, &others, &others_count, err);
    }
    if (0 <= rv) {
        rv = batch_begin(&batch, others, others_count, err);
    }
    if (0 <= rv) {
        rv = run(&batch, err);
    }
    if (rv < 0) {
        return rv;
    }
    rv = options->skip_conflicts ? 0 : first_conflict(&batch, err);
    sum_up(&batch, out);
    return rv;
}
