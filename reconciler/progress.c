#include "reconciler/progress.h"

#include <string.h>

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
}

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? b_ms : a_ms;
}

/* Whether something is to be done about the node that belongs to a rollout, and may be. */
static bool is_work(const struct facts *facts, const struct node *node)
{
    if (has(node, FACT(BLOCKED))) {
        return false;
    }
    return has(node, FACT(LEAVING)) || (has(node, FACT(SETTINGS_OLD)) && !facts->record->paused);
}

static bool is_updated(const struct node *node)
{
    return has(node, FACT(PROVEN)) && (node->facts & (FACT(SETTINGS_OLD) | FACT(LEAVING))) == 0;
}

/* What was told of this very cluster. */
static const struct status *told(const struct facts *facts)
{
    const struct status *status = facts->view->status;

    return status != NULL && strcmp(status->uid, facts->record->uid) == 0 ? status : NULL;
}

/* The goal is another one since then: an operator said so, of the rollout or of a node's host. */
static uint64_t goal_since_ms(const struct facts *facts)
{
    uint64_t since_ms = 0;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (has(node, FACT(WANTED) | FACT(LEAVING)) && node->host != NULL) {
            since_ms = later(since_ms, node->host->drain_since_ms);
        }
    }
    return since_ms;
}

/*
 * When the rollout began or last came nearer. That it was resumed is seen by the record's being
 * another one than the status tells of: the operator's clock may be any time away from ours.
 */
static uint64_t nearer_ms(const struct facts *facts, uint32_t updated)
{
    const struct status *before = told(facts);

    if (before == NULL || before->progress_ms == 0 ||
        before->observed_generation != facts->record->generation ||
        before->resumed_ms != facts->record->resumed_ms) {
        return facts->view->now_ms;
    }
    if (before->nodes_updated < updated) {
        return later(before->progress_ms, facts->view->now_ms);
    }
    return later(before->progress_ms, goal_since_ms(facts));
}

/* Whether the rollout waits for nodes that were succeeded to drain, before it can go on. */
static bool is_by_successor(const struct node *node)
{
    return has(node, FACT(LEAVING)) || has(node, FACT(SUCCEEDED)) ||
           has(node, FACT(SETTINGS_OLD) | FACT(STATIC));
}

struct progress progress_find(const struct facts *facts)
{
    const struct status *before = told(facts);
    struct progress progress = { .deadline_ms = UINT64_MAX };
    uint32_t placed = 0;
    bool drains = false;
    bool work = false;
    size_t i;

    for (i = 0; i < facts->nodes_count; i++) {
        const struct node *node = &facts->nodes[i];

        if (has(node, FACT(WANTED) | FACT(PLACED))) {
            placed++;
            progress.updated += is_updated(node) ? 1 : 0;
            work = work || is_work(facts, node);
            drains = drains || is_by_successor(node);
        }
    }
    progress.active = work || (!facts->record->paused && !facts->config_blocked && before != NULL &&
                               before->progress_ms != 0 && progress.updated < placed);
    if (progress.active) {
        progress.since_ms = nearer_ms(facts, progress.updated);
        progress.deadline_ms = progress.since_ms + facts->spec->progress_deadline_ms +
                               (drains ? facts->spec->drain_ms : 0);
        progress.stalled = progress.deadline_ms <= facts->view->now_ms;
    }
    return progress;
}
