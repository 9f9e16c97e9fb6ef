#include "gitops/report.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "model/event.h"

#define SHORT_REVISION 10 /* digits in messages */

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- Status ---- */

struct verdict {
    enum source_state state;
    const char *error;
};

/* Why the head is not in force, if it isn't. */
static struct verdict judge_round(const struct report_round *round)
{
    const struct finding *finding = round->finding;

    if (finding->fetch_code == ERR_NOT_FOUND) {
        return (struct verdict){ SOURCE_REFUSED, finding->fetch_error };
    }
    if (finding->fetch_code != 0) {
        return (struct verdict){ SOURCE_UNREACHABLE, finding->fetch_error };
    }
    if (finding->head.code != 0) {
        return (struct verdict){ SOURCE_REFUSED, str_text(&finding->head.error) };
    }
    if (round->head.code == ERR_CONFLICT) {
        return (struct verdict){ SOURCE_CONFLICT, round->head.text };
    }
    if (round->head.code != 0) {
        return (struct verdict){ SOURCE_REFUSED, round->head.text };
    }
    return (struct verdict){ SOURCE_SYNCED, "" };
}

/* Of what another place had, nothing is in force from this one. */
static bool is_of_this_place(const struct report_round *round)
{
    const struct source *former = round->former;

    return strcmp(former->repository, round->repository) == 0 &&
           strcmp(former->branch, round->branch) == 0 && strcmp(former->path, round->path) == 0;
}

static void take_former(const struct source *former, struct source *next)
{
    next->revision = former->revision;
    next->title = former->title;
    next->signer = former->signer;
    next->applied_ms = former->applied_ms;
    next->head = former->head;
    next->checked_ms = former->checked_ms;
    next->clusters = former->clusters;
    next->drift = former->drift;
    next->drift_count = former->drift_count;
    next->drift_total = former->drift_total;
}

static void take_head(const struct report_round *round, struct source *next)
{
    const struct commit_found *head = &round->finding->head;

    if (strcmp(next->revision, head->revision) != 0) {
        next->applied_ms = round->now_ms;
    }
    next->revision = head->revision;
    next->title = head->title;
    next->signer = head->signer;
}

/* Why the head is not in force, and what that means for what is, when that may not be. */
static const char *error_text(const struct verdict *verdict, const struct finding *finding,
                              struct arena *arena)
{
    bool unverified = finding->last.code == ERR_UNVERIFIED && verdict->state != SOURCE_SYNCED;
    size_t size = strlen(verdict->error);

    /* The mistakes' last line end is none of an error's. */
    size -= 0 < size && verdict->error[size - 1] == '\n' ? 1 : 0;
    return arena_printf(arena, "%.*s%s%s", (int)size, verdict->error, unverified ? "\n" : "",
                        unverified ? str_text(&finding->last.error) : "");
}

int report_status(const struct report_round *round, struct arena *arena, struct source *out,
                  struct err *err)
{
    const struct finding *finding = round->finding;
    const struct source *former = round->former;
    const struct verdict verdict = judge_round(round);
    struct source next = { .name = round->name,
                           .repository = round->repository,
                           .branch = round->branch,
                           .path = round->path,
                           .state = verdict.state,
                           .error = error_text(&verdict, finding, arena),
                           .since_ms = round->now_ms,
                           .revision = "",
                           .title = "",
                           .signer = "",
                           .head = "",
                           .interval_ms = round->interval_ms,
                           .running = round->goes_on };
    int rv = 0;

    if (next.error == NULL) {
        return no_memory(err);
    }
    if (former != NULL) {
        if (is_of_this_place(round)) {
            take_former(former, &next);
        }
        next.since_ms = former->state == next.state ? former->since_ms : round->now_ms;
    }
    if (finding->fetch_code == 0 || finding->fetch_code == ERR_NOT_FOUND) {
        next.checked_ms = round->now_ms;
    }
    if (finding->fetch_code == 0) {
        next.head = finding->head.revision;
    }
    if (round->applied_head) {
        take_head(round, &next);
    }
    if (round->results != NULL) {
        next.clusters = (uint32_t)round->clusters;
        rv = judge_drift(round->results, former, round->now_ms, arena, &next, err);
    }
    if (0 <= rv) {
        *out = next;
    }
    return rv;
}

/* ---- Events ---- */

struct telling {
    const struct report_round *round;
    const struct source *next;
    struct arena *arena;
    struct event *list; /* room for REPORT_EVENTS_MAX and one more */
    size_t count;
    size_t left_out;
    bool failed; /* no memory */
};

/* `cluster` NULL: about the source as a whole. */
static void tell(struct telling *telling, const char *cluster, enum event_reason reason,
                 const char *message)
{
    const struct event_row *row = event_row(reason);

    if (message == NULL) {
        telling->failed = true;
        return;
    }
    if (telling->count == REPORT_EVENTS_MAX) {
        telling->left_out++;
        return;
    }
    telling->list[telling->count++] = (struct event){
        .cluster = cluster == NULL ? "-" : cluster,
        .at_ms = telling->round->now_ms,
        .program = REPORT_PROGRAM,
        .type = row->type,
        .reason = row->reason,
        .subject = cluster == NULL ? arena_printf(telling->arena, "source %s", telling->round->name)
                                   : "cluster",
        .message = message,
    };
    telling->failed = telling->failed || telling->list[telling->count - 1].subject == NULL;
}

static const char *commit_text(const struct telling *telling)
{
    return arena_printf(telling->arena, "%.*s (%s)", SHORT_REVISION, telling->next->revision,
                        telling->next->title);
}

static bool is_new_revision(const struct telling *telling)
{
    const struct source *former = telling->round->former;

    return former == NULL || strcmp(former->revision, telling->next->revision) != 0;
}

static void tell_applied(struct telling *telling)
{
    const struct report_round *round = telling->round;
    const char *commit = commit_text(telling);

    if (!round->applied_head || !is_new_revision(telling) || commit == NULL) {
        telling->failed = telling->failed || commit == NULL;
        return;
    }
    if (round->finding->rewritten) {
        tell(telling, NULL, EVENT_SOURCE_REWRITTEN,
             arena_printf(telling->arena, "branch %s was rewritten: %s does not descend from %.*s",
                          round->branch, commit, SHORT_REVISION, round->former->revision));
    }
    tell(telling, NULL, EVENT_SOURCE_APPLIED,
         arena_printf(telling->arena, "%s is in force: %s", commit,
                      judgement_text(&round->head, telling->arena)));
}

static enum event_reason trouble_reason(enum source_state state)
{
    switch (state) {
    case SOURCE_REFUSED:
        return EVENT_SOURCE_REFUSED;
    case SOURCE_CONFLICT:
        return EVENT_SOURCE_CONFLICT;
    case SOURCE_UNREACHABLE:
        return EVENT_SOURCE_UNREACHABLE;
    case SOURCE_SYNCED:
    case SOURCE_STATE_COUNT:
        break;
    }
    return EVENT_SOURCE_RECOVERED;
}

/* What a repository that is away answers may be another text each time, and is no news. */
static bool is_news(const struct source *former, const struct source *next)
{
    if (former == NULL || former->state != next->state) {
        return former != NULL || next->state != SOURCE_SYNCED;
    }
    return next->state != SOURCE_SYNCED && next->state != SOURCE_UNREACHABLE &&
           (strcmp(former->head, next->head) != 0 || strcmp(former->error, next->error) != 0);
}

static void tell_state(struct telling *telling)
{
    const struct source *next = telling->next;
    bool knows_head = next->state == SOURCE_REFUSED || next->state == SOURCE_CONFLICT;

    if (!is_news(telling->round->former, next)) {
        return;
    }
    if (next->state != SOURCE_SYNCED) {
        tell(telling, NULL, trouble_reason(next->state),
             arena_printf(telling->arena, "%.*s%s%s", knows_head ? SHORT_REVISION : 0, next->head,
                          knows_head && next->head[0] != '\0' ? ": " : "", next->error));
    } else if (!is_new_revision(telling)) {
        const char *commit = commit_text(telling);

        tell(telling, NULL, EVENT_SOURCE_RECOVERED,
             commit == NULL ? NULL : arena_printf(telling->arena, "%s is in force", commit));
    }
}

/* A commit's clusters are told where people look for the clusters. */
static void tell_cluster(struct telling *telling, const struct batch_result *result)
{
    const char *commit = commit_text(telling);
    bool again = !is_new_revision(telling);

    if (commit == NULL) {
        telling->failed = true;
        return;
    }
    if (result->outcome == BATCH_CREATED && again) {
        tell(telling, result->name, EVENT_RECREATED,
             arena_printf(telling->arena, "was deleted, but is in %s of source %s", commit,
                          telling->round->name));
    } else if (result->outcome != BATCH_UNCHANGED && result->outcome != BATCH_CONFLICT) {
        tell(telling, result->name, EVENT_SPEC_APPLIED,
             arena_printf(telling->arena, "%s by %s of source %s",
                          result->outcome == BATCH_PRUNED ? "deleted"
                                                          : batch_outcome_text(result->outcome),
                          commit, telling->round->name));
    }
}

static bool has_drift(const struct source *source, const struct source_drift *drift, bool value)
{
    size_t i;

    for (i = 0; source != NULL && i < source->drift_count; i++) {
        const struct source_drift *at = &source->drift[i];

        if (strcmp(at->cluster, drift->cluster) == 0 && strcmp(at->field, drift->field) == 0 &&
            (!value || strcmp(at->found, drift->found) == 0)) {
            return true;
        }
    }
    return false;
}

static const char *or_none(const char *text)
{
    return text[0] == '\0' ? "none" : text;
}

static void tell_drift(struct telling *telling)
{
    const struct source *former = telling->round->former;
    const struct source *next = telling->next;
    size_t i;

    for (i = 0; i < next->drift_count; i++) {
        const struct source_drift *drift = &next->drift[i];

        if (!has_drift(former, drift, true)) {
            tell(telling, drift->cluster, EVENT_DRIFTED,
                 arena_printf(telling->arena, "%s is %s%s%s, source %s says %s", drift->field,
                              or_none(drift->found), drift->manager[0] == '\0' ? "" : ", set by ",
                              drift->manager, next->name, or_none(drift->wanted)));
        }
    }
    if (former == NULL || telling->round->results == NULL) {
        return;
    }
    for (i = 0; i < former->drift_count; i++) {
        const struct source_drift *drift = &former->drift[i];

        if (!has_drift(next, drift, false)) {
            tell(telling, drift->cluster, EVENT_DRIFT_ENDED,
                 arena_printf(telling->arena, "%s is as source %s says", drift->field, next->name));
        }
    }
}

int report_events(const struct report_round *round, const struct source *next, struct arena *arena,
                  const struct event **out, size_t *count, struct err *err)
{
    struct telling telling = { .round = round, .next = next, .arena = arena };
    size_t i;

    telling.list = arena_calloc(arena, REPORT_EVENTS_MAX + 1, sizeof(*telling.list));
    if (telling.list == NULL) {
        return no_memory(err);
    }
    tell_applied(&telling);
    tell_state(&telling);
    for (i = 0; round->results != NULL && i < round->results->count; i++) {
        tell_cluster(&telling, &round->results->list[i]);
    }
    tell_drift(&telling);
    if (0 < telling.left_out) {
        telling.count--;
        tell(&telling, NULL, EVENT_SOURCE_APPLIED,
             arena_printf(arena, "%zu more events are left out", telling.left_out + 1));
    }
    if (telling.failed) {
        return no_memory(err);
    }
    *out = telling.list;
    *count = telling.count;
    return 0;
}
