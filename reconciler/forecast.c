#include "reconciler/forecast.h"

#include "reconciler/forecast_parts.h"
#include "reconciler/reconcile.h"

#define PASS_BYTES_MAX (UINT64_C(256) << 20)
/* No change takes a node more passes than this; beyond, something goes round in circles. */
#define ROUNDS_PER_NODE 32
#define ROUNDS_MIN 128

int forecast_no_memory(const struct making *making, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for the forecast of cluster %s",
                   making->first->cluster);
}

/* One pass, and the hosts act once. Returns 1 when anything was done, 0, or a failure. */
static int round_make(struct making *making, struct err *err)
{
    struct plan plan = { .count = 0 };
    bool done = false;
    size_t i;
    int rv;

    arena_clear(&making->passes);
    making->wake_at_ms = UINT64_MAX;
    rv = reconcile(&making->rehearsal.view, &making->passes, &plan, err);
    for (i = 0; 0 <= rv && i < plan.count; i++) {
        rv = forecast_take(making, &plan.effects[i], err);
        done = done || 0 < rv;
    }
    if (0 <= rv) {
        rv = rehearsal_obey(&making->rehearsal, err);
        done = done || 0 < rv;
    }
    return rv < 0 ? rv : (int)done;
}

static size_t rounds_max(const struct view *view)
{
    size_t nodes = view->intents_count + view->reports_count;

    nodes += view->spec == NULL ? 0 : view->spec->spec.nodes;
    return ROUNDS_MIN + ROUNDS_PER_NODE * nodes;
}

/* Nothing happens by itself any more: let the time pass that the last pass would wake for. */
static void wait(struct making *making)
{
    uint64_t now_ms = making->rehearsal.view.now_ms;

    if (now_ms < making->wake_at_ms) {
        making->waiting_ms += REHEARSAL_ROUND_MS + making->wake_at_ms - now_ms;
        making->waited_why = making->wake_why;
        rehearsal_wait(&making->rehearsal, making->wake_at_ms);
    }
}

static int rounds_make(struct making *making, struct err *err)
{
    size_t left = rounds_max(making->first);
    size_t waits = 0;
    int rv;

    for (; 0 < left; left--) {
        rv = round_make(making, err);
        if (rv < 0) {
            return rv;
        }
        if (making->rehearsal.forgotten ||
            (rv == 0 && (making->wake_at_ms == UINT64_MAX || waits == FORECAST_WAITS_MAX))) {
            making->out.settled = true;
            return 0;
        }
        if (rv == 0) {
            wait(making);
        }
        waits = rv == 0 ? waits + 1 : 0;
    }
    return 0;
}

int forecast_make(const struct view *view, struct arena *arena, struct forecast *out,
                  struct err *err)
{
    struct making making = { .first = view, .arena = arena, .waited_why = "" };
    int rv = rehearsal_init(&making.rehearsal, view, arena, err);

    arena_init(&making.passes, PASS_BYTES_MAX);
    if (0 <= rv) {
        rv = rounds_make(&making, err);
    }
    if (0 <= rv) {
        rv = forecast_sum(&making, err);
    }
    arena_deinit(&making.passes);
    rehearsal_deinit(&making.rehearsal);
    if (rv < 0) {
        return rv;
    }
    *out = making.out;
    return 0;
}
