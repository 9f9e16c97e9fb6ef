#include "gitops/judge.h"

#include <string.h>

#include "apply/merge.h"
#include "base/str.h"

#define TEXT_BYTES_MAX 8192U

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool is_followed(const struct judge_rules *rules, const char *name)
{
    const struct source_facts *at = rules->sources;

    while (at != NULL && strcmp(at->source.name, name) != 0) {
        at = at->next;
    }
    return at != NULL;
}

/* The other repository that has applied the cluster, or NULL. */
static const char *other_repository(const struct judge_rules *rules,
                                    const struct batch_result *result)
{
    const struct spec_record *before = result->before;
    size_t i;

    for (i = 0; result->document != NULL && before != NULL && i < before->managers_count; i++) {
        const struct spec_manager *manager = &before->managers[i];

        if (manager->applies && strcmp(manager->name, rules->source) != 0 &&
            is_followed(rules, manager->name)) {
            return manager->name;
        }
    }
    return NULL;
}

/* What is to be deleted stands in no document. */
static void add_place(struct str *text, const struct batch_result *result)
{
    if (result->document == NULL) {
        return;
    }
    str_appendf(text, "%s:%u:%u: ", result->document->file, result->document->read.line,
                result->document->read.column);
}

static void add_conflicts(struct str *text, const struct batch_result *result)
{
    size_t i;

    for (i = 0; i < result->conflicts_count; i++) {
        const struct merge_other *other = &result->conflicts[i];

        add_place(text, result);
        str_appendf(text, "cluster '%s': %s is to be %s, but is %s, set by %s\n", result->name,
                    other->path, other->wanted, other->live[0] == '\0' ? "left out" : other->live,
                    other->manager);
    }
    if (result->conflicts_count == 0) {
        add_place(text, result);
        str_appendf(text, "%s\n", result->problem);
    }
}

static void take_result(const struct judge_rules *rules, const struct batch_result *result,
                        struct judgement *judged, struct str *text)
{
    const char *other = rules->force ? NULL : other_repository(rules, result);

    if (result->outcome == BATCH_CONFLICT && result->before != NULL && result->before->deleting) {
        judged->waiting++;
        return;
    }
    if (other != NULL) {
        judged->code = ERR_CONFLICT;
        add_place(text, result);
        str_appendf(text, "cluster '%s' comes from the source '%s'; it can't be in both\n",
                    result->name, other);
        return;
    }
    switch (result->outcome) {
    case BATCH_CONFLICT:
        judged->code = ERR_CONFLICT;
        add_conflicts(text, result);
        break;
    case BATCH_CREATED:
        judged->created++;
        break;
    case BATCH_CONFIGURED:
        judged->configured++;
        break;
    case BATCH_PRUNED:
        judged->pruned++;
        break;
    case BATCH_UNCHANGED:
        break;
    }
}

/* How many clusters are this source's alone now. */
static size_t count_owned(const struct judge_rules *rules, const struct batch_results *results)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < results->count; i++) {
        const struct spec_record *before = results->list[i].before;

        count +=
            before != NULL && !before->deleting && merge_is_source_alone(before, rules->source);
    }
    return count;
}

static void guard(const struct judge_rules *rules, const struct batch_results *results,
                  struct judgement *judged, struct str *text)
{
    size_t owned = count_owned(rules, results);

    if (judged->code != 0 || rules->allow_empty || 2 * judged->pruned <= owned) {
        return;
    }
    judged->code = ERR_LIMIT;
    str_appendf(text,
                "would delete %zu of %zu clusters, with all that is cached in them; if that is "
                "meant, run muster gitops once with --once --allow-empty\n",
                judged->pruned, owned);
}

int judge_results(const struct judge_rules *rules, const struct batch_results *results,
                  struct arena *arena, struct judgement *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct judgement judged = { .code = 0 };
    size_t i;

    str_init(&text, TEXT_BYTES_MAX);
    for (i = 0; i < results->count; i++) {
        take_result(rules, &results->list[i], &judged, &text);
    }
    guard(rules, results, &judged, &text);
    if (0 < text.size) {
        str_truncate(&text, text.size - 1); /* the last line's end */
    }
    judged.text = arena_strdup(arena, str_text(&text));
    if (judged.text == NULL) {
        return no_memory(err);
    }
    *out = judged;
    return 0;
}

/* "spec.rollout.drain" is called "rollout.drain" by everybody. */
static const char *short_path(const char *path)
{
    const char *dot = strchr(path, '.');

    return dot == NULL ? path : dot + 1;
}

static uint64_t drifted_since(const struct source *former, const struct source_drift *drift,
                              uint64_t now_ms)
{
    size_t i;

    for (i = 0; former != NULL && i < former->drift_count; i++) {
        const struct source_drift *at = &former->drift[i];

        if (strcmp(at->cluster, drift->cluster) == 0 && strcmp(at->field, drift->field) == 0 &&
            strcmp(at->found, drift->found) == 0) {
            return at->since_ms;
        }
    }
    return now_ms;
}

int judge_drift(const struct batch_results *results, const struct source *former, uint64_t now_ms,
                struct arena *arena, struct source *next, struct err *err)
{
    struct source_drift *list = arena_calloc(arena, SOURCE_DRIFT_MAX, sizeof(*list));
    size_t count = 0;
    size_t i;
    size_t j;

    if (list == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < results->count; i++) {
        const struct batch_result *result = &results->list[i];

        for (j = 0; j < result->drift_count && count < SOURCE_DRIFT_MAX; j++) {
            list[count] = (struct source_drift){ .cluster = result->name,
                                                 .field = short_path(result->drift[j].path),
                                                 .wanted = result->drift[j].wanted,
                                                 .found = result->drift[j].live,
                                                 .manager = result->drift[j].manager };
            list[count].since_ms = drifted_since(former, &list[count], now_ms);
            count++;
        }
    }
    next->drift = list;
    next->drift_count = count;
    next->drift_total = results->drift < UINT32_MAX ? (uint32_t)results->drift : UINT32_MAX;
    return 0;
}

static void add_count(struct str *text, size_t count, const char *what)
{
    if (0 < count) {
        str_appendf(text, "%s%zu %s", text->size == 0 ? "" : ", ", count, what);
    }
}

const char *judgement_text(const struct judgement *judgement, struct arena *arena)
{
    CLEANUP(str_deinit) struct str text;

    str_init(&text, TEXT_BYTES_MAX);
    add_count(&text, judgement->created, "created");
    add_count(&text, judgement->configured, "configured");
    add_count(&text, judgement->pruned, "deleted");
    add_count(&text, judgement->waiting, "waiting for its deletion to end");
    return text.size == 0 ? "nothing changed" : arena_strdup(arena, str_text(&text));
}
