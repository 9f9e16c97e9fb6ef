#include "view/view_recall.h"

#include <string.h>

/* The lists of a view, walked together in the order of (slot, host). */
struct walk {
    const struct view *view;
    size_t intent;
    size_t report;
};

static int compare(uint32_t a_slot, const char *a_host, uint32_t b_slot, const char *b_host)
{
    if (a_slot != b_slot) {
        return a_slot < b_slot ? -1 : 1;
    }
    return strcmp(a_host, b_host);
}

/* The next place that an intent or a report tells of; NULL each: it does not. */
static bool walk_next(struct walk *walk, const struct intent **intent,
                      const struct node_report **report)
{
    const struct view *view = walk->view;
    int order = 0;

    *intent = walk->intent < view->intents_count ? &view->intents[walk->intent] : NULL;
    *report = walk->report < view->reports_count ? &view->reports[walk->report] : NULL;
    if (*intent != NULL && *report != NULL) {
        order = compare((*intent)->slot, (*intent)->host, (*report)->slot, (*report)->host);
    }
    if (0 < order) {
        *intent = NULL;
    } else if (order < 0) {
        *report = NULL;
    }
    walk->intent += *intent != NULL ? 1 : 0;
    walk->report += *report != NULL ? 1 : 0;
    return *intent != NULL || *report != NULL;
}

static const struct slot_status *told_of(const struct view *view, uint32_t slot, const char *host)
{
    size_t i;

    for (i = 0; view->status != NULL && i < view->status->slots_count; i++) {
        const struct slot_status *told = &view->status->slots[i];

        if (told->slot == slot && strcmp(told->host, host) == 0) {
            return told;
        }
    }
    return NULL;
}

static struct slot_observation recall(const struct view *view, uint32_t slot, const char *host,
                                      const struct node_report *report)
{
    const struct slot_status *told = told_of(view, slot, host);
    struct slot_observation seen = { .slot = slot, .host = host };

    if (report == NULL) {
        seen.report_gone_since_ms =
            told == NULL || told->silent_since_ms == 0 ? view->now_ms : told->silent_since_ms;
    }
    /* Others are not probed. */
    if (told != NULL && (report == NULL || report->state == NODE_DOWN)) {
        seen.unreachable_since_ms = told->unreachable_since_ms;
    }
    return seen;
}

/* Whether an intent or a report is about the address that the member names. */
static bool is_known(const struct view *view, const struct member *member)
{
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (intent->slot == member->slot && intent->data_port == member->port &&
            strcmp(intent->ip, member->ip) == 0) {
            return true;
        }
    }
    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];

        if (report->slot == member->slot && report->data_port == member->port &&
            strcmp(report->ip, member->ip) == 0) {
            return true;
        }
    }
    return false;
}

/* Enter `seen` where it belongs. */
static void insert(struct slot_observation *list, size_t count, struct slot_observation seen)
{
    for (;
         0 < count && compare(seen.slot, seen.host, list[count - 1].slot, list[count - 1].host) < 0;
         count--) {
        list[count] = list[count - 1];
    }
    list[count] = seen;
}

int view_recall(struct view *view, struct arena *arena, struct err *err)
{
    size_t members = view->config == NULL ? 0 : view->config->head.members_count;
    struct slot_observation *list =
        arena_calloc(arena, view->intents_count + view->reports_count + members + 1, sizeof(*list));
    struct walk walk = { .view = view };
    const struct intent *intent;
    const struct node_report *report;
    size_t count = 0;
    size_t i;

    if (list == NULL) {
        return err_set(err, ERR_NOMEM, "observations of %s", view->cluster);
    }
    while (walk_next(&walk, &intent, &report)) {
        list[count++] = recall(view, intent != NULL ? intent->slot : report->slot,
                               intent != NULL ? intent->host : report->host, report);
    }
    for (i = 0; i < members; i++) {
        const struct member *member = &view->config->head.members[i];

        if (!is_known(view, member)) {
            insert(list, count++, recall(view, member->slot, "", NULL));
        }
    }
    view->observations = list;
    view->observations_count = count;
    return 0;
}
