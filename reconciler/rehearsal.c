#include "reconciler/rehearsal.h"

#include <string.h>

#include "reconciler/rehearsal_parts.h"
#include "reconciler/slots.h"

#define SHELF_BYTES_MAX (UINT64_C(64) << 20)
#define CAPACITY_MIN 16

int rehearsal_no_memory(const struct rehearsal *rehearsal, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory to rehearse cluster %s", rehearsal->view.cluster);
}

/* ---- Lists in the order of (slot, host) ---- */

struct place {
    uint32_t slot;
    const char *host;
};

typedef struct place place_fn(const void *item);

static struct place place_of_intent(const void *item)
{
    const struct intent *intent = item;

    return (struct place){ intent->slot, intent->host };
}

static struct place place_of_node(const void *item)
{
    const struct rehearsed *node = item;

    return (struct place){ node->report.slot, node->report.host };
}

static struct place place_of_observation(const void *item)
{
    const struct slot_observation *seen = item;

    return (struct place){ seen->slot, seen->host };
}

static int place_compare(struct place a, struct place b)
{
    if (a.slot != b.slot) {
        return a.slot < b.slot ? -1 : 1;
    }
    return strcmp(a.host, b.host);
}

struct list {
    const void *items;
    size_t count;
    size_t size; /* of an item */
    place_fn *place_of;
};

/* Where the item is (returns true) or belongs. */
static bool list_find(const struct list *list, struct place place, size_t *out)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *item = (const char *)list->items + middle * list->size;

        if (place_compare(list->place_of(item), place) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return low < list->count &&
           place_compare(list->place_of((const char *)list->items + low * list->size), place) == 0;
}

bool rehearsal_intent_find(const struct rehearsal *rehearsal, uint32_t slot, const char *host,
                           size_t *at)
{
    const struct list list = { rehearsal->intents, rehearsal->intents_count,
                               sizeof(*rehearsal->intents), place_of_intent };

    return list_find(&list, (struct place){ slot, host }, at);
}

const struct intent *rehearsal_intent(const struct rehearsal *rehearsal, uint32_t slot,
                                      const char *host)
{
    size_t at;

    return rehearsal_intent_find(rehearsal, slot, host, &at) ? &rehearsal->intents[at] : NULL;
}

static bool node_find(const struct rehearsal *rehearsal, struct place place, size_t *at)
{
    const struct list list = { rehearsal->nodes, rehearsal->nodes_count, sizeof(*rehearsal->nodes),
                               place_of_node };

    return list_find(&list, place, at);
}

const struct rehearsed *rehearsal_node(const struct rehearsal *rehearsal, uint32_t slot,
                                       const char *host)
{
    size_t at;

    return node_find(rehearsal, (struct place){ slot, host }, &at) ? &rehearsal->nodes[at] : NULL;
}

struct slot_observation *rehearsal_observation(const struct rehearsal *rehearsal, uint32_t slot,
                                               const char *host)
{
    const struct list list = { rehearsal->observations, rehearsal->view.observations_count,
                               sizeof(*rehearsal->observations), place_of_observation };
    size_t at;

    return list_find(&list, (struct place){ slot, host }, &at) ? &rehearsal->observations[at]
                                                               : NULL;
}

/* A list with room for one more than `count`, or NULL. */
static void *grown(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    size_t more = *capacity == 0 ? CAPACITY_MIN : 2 * *capacity;
    void *copy;

    if (count < *capacity) {
        return items;
    }
    copy = arena_calloc(arena, more, size);
    if (copy != NULL) {
        if (0 < count) {
            memcpy(copy, items, count * size);
        }
        *capacity = more;
    }
    return copy;
}

int rehearsal_intents_grow(struct rehearsal *rehearsal, struct err *err)
{
    struct intent *intents =
        grown(rehearsal->arena, rehearsal->intents, rehearsal->view.intents_count,
              &rehearsal->intents_capacity, sizeof(*intents));

    if (intents == NULL) {
        return rehearsal_no_memory(rehearsal, err);
    }
    rehearsal->intents = intents;
    return 0;
}

struct rehearsed *rehearsal_node_at(struct rehearsal *rehearsal, uint32_t slot, const char *host)
{
    struct rehearsed *nodes;
    size_t at;

    if (node_find(rehearsal, (struct place){ slot, host }, &at)) {
        return &rehearsal->nodes[at];
    }
    nodes = grown(rehearsal->arena, rehearsal->nodes, rehearsal->nodes_count,
                  &rehearsal->nodes_capacity, sizeof(*nodes));
    if (nodes == NULL) {
        return NULL;
    }
    rehearsal->nodes = nodes;
    memmove(&nodes[at + 1], &nodes[at], (rehearsal->nodes_count - at) * sizeof(*nodes));
    nodes[at] = (struct rehearsed){ .report = { .slot = slot, .host = host } };
    rehearsal->nodes_count++;
    return &nodes[at];
}

/* ---- The beginning ---- */

static int show_reports(struct rehearsal *r, struct err *err)
{
    size_t count = 0;
    size_t i;

    if (r->reports_capacity < r->nodes_count) {
        r->reports = arena_calloc(r->arena, r->nodes_capacity, sizeof(*r->reports));
        if (r->reports == NULL) {
            return rehearsal_no_memory(r, err);
        }
        r->reports_capacity = r->nodes_capacity;
    }
    for (i = 0; i < r->nodes_count; i++) {
        if (r->nodes[i].told) {
            r->reports[count++] = r->nodes[i].report;
        }
    }
    r->view.reports = r->reports;
    r->view.reports_count = count;
    return 0;
}

int rehearsal_show(struct rehearsal *rehearsal, struct err *err)
{
    if (rehearsal->shown_capacity < rehearsal->intents_count || rehearsal->shown == NULL) {
        rehearsal->shown =
            arena_calloc(rehearsal->arena, rehearsal->intents_capacity, sizeof(*rehearsal->shown));
        if (rehearsal->shown == NULL) {
            return rehearsal_no_memory(rehearsal, err);
        }
        rehearsal->shown_capacity = rehearsal->intents_capacity;
    }
    memcpy(rehearsal->shown, rehearsal->intents,
           rehearsal->intents_count * sizeof(*rehearsal->shown));
    rehearsal->view.intents = rehearsal->shown;
    rehearsal->view.intents_count = rehearsal->intents_count;
    return show_reports(rehearsal, err);
}

static int take_reports(struct rehearsal *r, const struct view *view, struct err *err)
{
    size_t i;

    r->partition = PARTITION_IN_PROCESS;
    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];
        struct rehearsed *node = rehearsal_node_at(r, report->slot, report->host);

        if (node == NULL) {
            return rehearsal_no_memory(r, err);
        }
        *node = (struct rehearsed){ .report = *report, .told = true };
        if (report->state == NODE_UP) {
            node->was_up = true;
            node->memory_before = report->settings.memory_bytes;
            r->partition = report->partition;
        }
    }
    return rehearsal_show(r, err);
}

static int take_lists(struct rehearsal *r, const struct view *view, struct err *err)
{
    r->intents_capacity = view->intents_count + CAPACITY_MIN;
    r->intents = arena_calloc(r->arena, r->intents_capacity, sizeof(*r->intents));
    r->observations =
        arena_calloc(r->arena, view->observations_count + 1, sizeof(*r->observations));
    if (r->intents == NULL || r->observations == NULL) {
        return rehearsal_no_memory(r, err);
    }
    r->intents_count = view->intents_count;
    if (0 < view->intents_count) {
        memcpy(r->intents, view->intents, view->intents_count * sizeof(*r->intents));
    }
    if (0 < view->observations_count) {
        memcpy(r->observations, view->observations,
               view->observations_count * sizeof(*r->observations));
    }
    r->view.observations = r->observations;
    return take_reports(r, view, err);
}

static void shelf_init(struct shelf *shelf)
{
    arena_init(&shelf->arenas[0], SHELF_BYTES_MAX);
    arena_init(&shelf->arenas[1], SHELF_BYTES_MAX);
    shelf->at = 0;
}

static void shelf_deinit(struct shelf *shelf)
{
    arena_deinit(&shelf->arenas[0]);
    arena_deinit(&shelf->arenas[1]);
}

struct arena *shelf_turn(struct shelf *shelf)
{
    shelf->at = 1 - shelf->at;
    arena_clear(&shelf->arenas[shelf->at]);
    return &shelf->arenas[shelf->at];
}

int rehearsal_init(struct rehearsal *rehearsal, const struct view *view, struct arena *arena,
                   struct err *err)
{
    *rehearsal = (struct rehearsal){ .arena = arena, .view = *view };
    rehearsal->view.polled_version = UINT32_MAX; /* clients ask, and learn */
    shelf_init(&rehearsal->configs);
    shelf_init(&rehearsal->statuses);
    return take_lists(rehearsal, view, err);
}

void rehearsal_deinit(struct rehearsal *rehearsal)
{
    shelf_deinit(&rehearsal->configs);
    shelf_deinit(&rehearsal->statuses);
}

/* ---- Looking ---- */

static bool holds_before(const struct intent *a, const struct intent *b,
                         const struct member *member)
{
    if (intent_is_listed(a, member) != intent_is_listed(b, member)) {
        return intent_is_listed(a, member);
    }
    if (a->phase != b->phase) {
        return a->phase < b->phase;
    }
    return b->phase_since_ms < a->phase_since_ms;
}

const struct intent *view_holder(const struct view *view, uint32_t slot)
{
    const struct member *member = view->config == NULL ? NULL : config_member(view->config, slot);
    const struct intent *holder = NULL;
    size_t i;

    for (i = 0; i < view->intents_count; i++) {
        const struct intent *intent = &view->intents[i];

        if (intent->slot == slot && intent->phase != INTENT_STOP &&
            (holder == NULL || holds_before(intent, holder, member))) {
            holder = intent;
        }
    }
    return holder;
}
