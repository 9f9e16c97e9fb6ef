/* Plans as text for people. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/preview.h"
#include "cli/preview_words.h"
#include "model/name.h"
#include "show/table.h"

#define CELL_SIZE 512
#define CELL_BYTES_MAX 65536

/* ---- The spec ---- */

static int text_spec(const struct preview *plan, struct arena *arena, struct str *out,
                     struct err *err)
{
    static const char *const headings[] = { " ", "FIELD", "NOW", "THEN", NULL };
    struct table table;
    size_t i;

    if (plan->diff.count == 0) {
        return 0;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < plan->diff.count; i++) {
        const struct spec_diff_line *line = &plan->diff.lines[i];

        table_add(&table, plan->before == NULL || line->before[0] == '\0' ? "+"
                          : line->after[0] == '\0'                        ? "-"
                                                                          : "~");
        table_add(&table, line->name);
        table_add(&table, plan->before == NULL ? "" : line->before);
        table_add(&table, line->after);
    }
    str_append_text(out, "\n  Spec\n");
    return table_render(&table, 2, out, err);
}

/* ---- Slots ---- */

static const char *sign_of(enum forecast_change change)
{
    switch (change) {
    case FORECAST_NEW:
        return "+";
    case FORECAST_GONE:
        return "-";
    case FORECAST_MOVED:
    case FORECAST_RESTARTED:
        return "~";
    case FORECAST_UNPLACED:
        return "!";
    case FORECAST_SAME:
        break;
    }
    return " ";
}

/* "h1", or "h1 -> h2" where it changes. */
static void add_pair(struct table *table, const char *before, const char *after)
{
    if (before[0] != '\0' && after[0] != '\0' && strcmp(before, after) != 0) {
        table_addf(table, "%s -> %s", before, after);
    } else {
        table_add(table, after[0] != '\0' ? after : before);
    }
}

static void address_text(const struct intent *intent, char out[CELL_SIZE])
{
    out[0] = '\0';
    if (intent != NULL) {
        (void)snprintf(out, CELL_SIZE, "%s:%u", intent->ip, (unsigned int)intent->data_port);
    }
}

static void append_change(struct str *out, const struct forecast_slot *slot, bool ends)
{
    switch (slot->change) {
    case FORECAST_NEW:
        str_append_text(out, "starts");
        break;
    case FORECAST_GONE:
        str_append_text(out, ends ? "" : "leaves the list, drains, ");
        str_append_text(out, slot->before->attached ? "is let go" : "stops");
        break;
    case FORECAST_MOVED:
        str_append_text(out, slot->was_up ? "moves, starts empty" : "is replaced, starts empty");
        break;
    case FORECAST_RESTARTED:
        str_append_text(out, "restarts empty");
        break;
    case FORECAST_UNPLACED:
        str_append_text(out, "finds no place");
        break;
    case FORECAST_SAME:
        break;
    }
    if (slot->before != NULL && slot->after != NULL &&
        !node_settings_equal(&slot->before->settings, &slot->after->settings)) {
        str_append_text(out, ": ");
        preview_words_settings(out, &slot->before->settings, &slot->after->settings);
    }
    if (slot->after != NULL && slot->rule[0] != '\0' && strcmp(slot->rule, "serve") != 0) {
        str_appendf(out, " (in the end: %s)", slot->sentence);
    }
}

static void add_slot(struct table *table, const struct forecast_slot *slot, bool ends,
                     struct str *cell)
{
    char number[SLOT_TEXT_SIZE];
    char before[CELL_SIZE];
    char after[CELL_SIZE];

    slot_format(slot->slot, number);
    address_text(slot->before, before);
    address_text(slot->after, after);
    str_clear(cell);
    append_change(cell, slot, ends);
    table_add(table, sign_of(slot->change));
    table_add(table, number);
    add_pair(table, slot->before == NULL ? "" : slot->before->host,
             slot->after == NULL ? "" : slot->after->host);
    add_pair(table, before, after);
    table_add(table, str_text(cell));
}

static int text_slots(const struct preview *plan, struct arena *arena, struct str *out,
                      struct err *err)
{
    static const char *const headings[] = { " ", "SLOT", "HOST", "ADDRESS", "WHAT BECOMES OF IT",
                                            NULL };
    CLEANUP(str_deinit) struct str cell;
    size_t same = 0;
    struct table table;
    size_t i;
    int rv;

    str_init(&cell, CELL_BYTES_MAX);
    table_init(&table, arena, headings);
    for (i = 0; i < plan->forecast.slots_count; i++) {
        if (plan->forecast.slots[i].change == FORECAST_SAME) {
            same++;
        } else {
            add_slot(&table, &plan->forecast.slots[i], plan->forecast.ended, &cell);
        }
    }
    str_append_text(out, "\n  Nodes\n");
    if (same == plan->forecast.slots_count) {
        str_appendf(out, "    %s\n", same == 0 ? "there are none" : "all stay as they are");
        return 0;
    }
    rv = table_render(&table, 2, out, err);
    if (0 < same) {
        str_appendf(out, "    %zu other%s as %s\n", same, same == 1 ? " stays" : "s stay",
                    same == 1 ? "it is" : "they are");
    }
    return rv;
}

/* ---- Steps ---- */

static int text_steps(const struct preview *plan, struct arena *arena, struct str *out,
                      struct err *err)
{
    static const char *const headings[] = { "STEP", "WHAT", "RULE", "WHY", NULL };
    CLEANUP(str_deinit) struct str cell;
    struct table table;
    size_t i;

    str_init(&cell, CELL_BYTES_MAX);
    if (plan->forecast.steps_count == 0) {
        return 0;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < plan->forecast.steps_count; i++) {
        const struct forecast_step *step = &plan->forecast.steps[i];

        str_clear(&cell);
        preview_words_step(&cell, step, plan->after->spec.drain_ms);
        table_addf(&table, "%zu", i + 1);
        table_add(&table, str_text(&cell));
        table_add(&table, step->rule);
        table_add(&table, step->sentence);
    }
    str_append_text(out, "\n  Steps\n");
    return table_render(&table, 4, out, err);
}

/* ---- What it means ---- */

static void append_share(struct str *out, uint32_t thousandths)
{
    str_appendf(out, "%u.%u %%", thousandths / 10, thousandths % 10);
}

static bool same_share(const struct preview_keys_share *a, const struct preview_keys_share *b)
{
    return a->moved == b->moved && a->missed == b->missed;
}

static void text_keys(const struct preview_keys *keys, struct str *out)
{
    size_t way;

    for (way = 0; keys->known && way < PREVIEW_KEYS_WAY_COUNT; way++) {
        const struct preview_keys_share *share = &keys->shares[way];

        /* Without a domain names are addresses. */
        if (way == PREVIEW_KEYS_KETAMA_IP &&
            same_share(share, &keys->shares[PREVIEW_KEYS_KETAMA_NAME])) {
            continue;
        }
        str_append_text(out, way == 0 ? "    Keys           " : "                   ");
        append_share(out, share->moved);
        str_append_text(out, " move, ");
        append_share(out, share->missed);
        str_appendf(out, " are missed at first: %s",
                    preview_keys_way_whom((enum preview_keys_way)way));
        if (share->tried) {
            str_appendf(out, ", %d keys tried\n", PREVIEW_KEYS_TRIED);
        } else {
            str_append_text(out, ", to be expected\n");
        }
    }
}

static void append_alias(struct str *out, const struct alias *alias)
{
    char slot[SLOT_TEXT_SIZE];

    slot_format(alias->slot, slot);
    str_appendf(out, "%s at %s:%u", slot, alias->ip, (unsigned int)alias->port);
}

static void text_endpoint(const struct forecast *forecast, struct str *out)
{
    const struct alias *before = forecast->alias_before;
    const struct alias *after = forecast->alias_after;

    str_append_text(out, "    Endpoint       ");
    if (after == NULL) {
        str_append_text(out, before == NULL ? "there is none" : "goes");
    } else if (before == NULL) {
        str_append_text(out, "is set: ");
        append_alias(out, after);
    } else if (forecast->endpoint_moves == 0) {
        str_append_text(out, "stays: ");
        append_alias(out, after);
    } else {
        append_alias(out, before);
        str_append_text(out, " -> ");
        append_alias(out, after);
        if (1 < forecast->endpoint_moves) {
            str_appendf(out, ", moves %zu times", forecast->endpoint_moves);
        }
    }
    str_append_char(out, '\n');
}

static void text_configuration(const struct forecast *forecast, struct str *out)
{
    str_append_text(out, "    Configuration  ");
    if (forecast->ended) {
        str_append_text(out, "goes");
    } else if (forecast->versions == 0) {
        str_append_text(out, "stays as it is");
    } else {
        if (0 < forecast->version_before) {
            str_appendf(out, "version %u -> ", forecast->version_before);
        }
        str_appendf(out, "version %u", forecast->version_after);
        if (1 < forecast->versions) {
            str_appendf(out, ", %zu new ones", forecast->versions);
        }
    }
    str_append_char(out, '\n');
}

static void text_effect(const struct preview *plan, struct str *out)
{
    const struct forecast *forecast = &plan->forecast;
    char lost[UNITS_TEXT_SIZE];
    char all[UNITS_TEXT_SIZE];

    if (forecast->steps_count == 0) {
        return;
    }
    str_append_text(out, "\n  Effect on clients\n");
    text_configuration(forecast, out);
    text_endpoint(forecast, out);
    text_keys(&plan->keys, out);
    if (0 < forecast->memory_up) {
        size_format_short(forecast->memory_lost, lost);
        size_format_short(forecast->memory_up, all);
        str_append_text(out, "    Cache          ");
        append_share(out, (uint32_t)(forecast->memory_lost / (forecast->memory_up / 1000)));
        str_appendf(out, " of the memory that is up loses its items (%s of %s)\n", lost, all);
    }
}

static void text_blocks(const struct preview *plan, struct str *out)
{
    enum condition_type types[PREVIEW_BLOCKS_MAX];
    size_t count = preview_blocks(plan, types);
    size_t i;

    if (count == 0 && plan->forecast.settled) {
        return;
    }
    str_append_text(out, "\n  In the way\n");
    for (i = 0; i < count; i++) {
        const struct condition *one = &plan->forecast.status->conditions[types[i]];

        str_appendf(out, "  ! %s (%s): %s\n", condition_type_text(types[i]), one->reason,
                    one->message);
    }
    if (!plan->forecast.settled) {
        str_append_text(out, "  ! the forecast was broken off: it finds no end\n");
    }
}

/* ---- The whole ---- */

static void text_head(const struct preview *plan, struct str *out)
{
    unsigned long long after = (unsigned long long)plan->after->generation;
    bool works = 0 < plan->forecast.steps_count;

    str_appendf(out, "Cluster %s", plan->name);
    if (!preview_changes(plan)) {
        str_append_text(out, ": no changes.\n");
    } else if (plan->wish.kind == PREVIEW_DELETE) {
        str_append_text(out, plan->writes ? " will be deleted.\n" : " is being deleted.\n");
    } else if (plan->wish.kind == PREVIEW_DRAIN) {
        str_appendf(out, " %s host %s.\n", works ? "leaves" : "can't leave", plan->wish.host);
    } else if (plan->before == NULL) {
        str_append_text(out, " will be created.\n");
    } else if (plan->writes) {
        str_appendf(out, " will be changed: generation %llu to %llu.\n", after - 1, after);
    } else {
        str_appendf(out, " stays at generation %llu, which is still being worked at.\n", after);
    }
}

static int text_cluster(const struct preview *plan, struct arena *arena, struct str *out,
                        struct err *err)
{
    int rv;

    text_head(plan, out);
    if (!preview_changes(plan)) {
        text_blocks(plan, out);
        return 0;
    }
    rv = text_spec(plan, arena, out, err);
    if (0 <= rv) {
        rv = text_slots(plan, arena, out, err);
    }
    if (0 <= rv) {
        rv = text_steps(plan, arena, out, err);
    }
    if (0 <= rv) {
        text_effect(plan, out);
        text_blocks(plan, out);
    }
    return rv;
}

static void text_sum(const struct previews *plans, struct str *out)
{
    struct forecast sum = { .starts = 0 };
    size_t i;

    for (i = 0; i < plans->count; i++) {
        const struct forecast *forecast = &plans->list[i].forecast;

        sum.starts += forecast->starts;
        sum.stops += forecast->stops;
        sum.restarts += forecast->restarts;
        sum.moves += forecast->moves;
        sum.versions += forecast->versions;
        sum.pushes += forecast->pushes;
    }
    str_appendf(out,
                "\nPlan: %zu to start, %zu to stop, %zu to restart in place, %zu slot%s to move; "
                "%zu new version%s, %zu push%s.\n"
                "Nothing was written. It is a forecast of what the controller does while every "
                "host obeys.\n",
                sum.starts, sum.stops, sum.restarts, sum.moves, sum.moves == 1 ? "" : "s",
                sum.versions, sum.versions == 1 ? "" : "s", sum.pushes,
                sum.pushes == 1 ? "" : "es");
    if (!plans->led) {
        str_append_text(out, "  ! No controller leads: nothing of it happens until one does.\n");
    }
}

int preview_text(const struct previews *plans, struct arena *arena, struct str *out,
                 struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < plans->count; i++) {
        str_append_text(out, i == 0 ? "" : "\n");
        rv = text_cluster(&plans->list[i], arena, out, err);
    }
    if (0 <= rv && previews_change(plans)) {
        text_sum(plans, out);
    }
    return rv < 0 ? rv : str_check(out, err);
}
