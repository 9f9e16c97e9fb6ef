#include "model/source.h"

#include <string.h>

#include "base/check.h"

static const char *const state_texts[] = {
#define X(name, text, meaning) text,
    SOURCE_STATES(X)
#undef X
};

const char *source_state_text(enum source_state state)
{
    CHECK((size_t)state < SOURCE_STATE_COUNT);
    return state_texts[state];
}

bool source_is_stale(const struct source *source, uint64_t now_ms)
{
    uint64_t age_ms = source->checked_ms < now_ms ? now_ms - source->checked_ms : 0;

    return 3 * (source->interval_ms + SOURCE_HEARTBEAT_MS) < age_ms;
}

static bool drift_equal(const struct source_drift *a, const struct source_drift *b)
{
    return strcmp(a->cluster, b->cluster) == 0 && strcmp(a->field, b->field) == 0 &&
           strcmp(a->wanted, b->wanted) == 0 && strcmp(a->found, b->found) == 0 &&
           strcmp(a->manager, b->manager) == 0 && a->since_ms == b->since_ms;
}

static bool drifts_equal(const struct source *a, const struct source *b)
{
    size_t i;

    if (a->drift_total != b->drift_total || a->drift_count != b->drift_count) {
        return false;
    }
    for (i = 0; i < a->drift_count; i++) {
        if (!drift_equal(&a->drift[i], &b->drift[i])) {
            return false;
        }
    }
    return true;
}

static bool place_equal(const struct source *a, const struct source *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->repository, b->repository) == 0 &&
           strcmp(a->branch, b->branch) == 0 && strcmp(a->path, b->path) == 0;
}

bool source_equal(const struct source *a, const struct source *b)
{
    return place_equal(a, b) && a->state == b->state && a->since_ms == b->since_ms &&
           strcmp(a->revision, b->revision) == 0 && strcmp(a->title, b->title) == 0 &&
           strcmp(a->signer, b->signer) == 0 && a->applied_ms == b->applied_ms &&
           strcmp(a->head, b->head) == 0 && strcmp(a->error, b->error) == 0 &&
           a->interval_ms == b->interval_ms && a->running == b->running &&
           a->clusters == b->clusters && drifts_equal(a, b);
}
