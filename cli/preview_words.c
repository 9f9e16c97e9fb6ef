#include "cli/preview_words.h"

#include "base/units.h"
#include "model/name.h"

#define SLOTS_NAMED_MAX 8

/* "0001 on h1 at 10.0.0.1:11211" */
static void append_node(struct str *out, const struct intent *intent)
{
    char slot[SLOT_TEXT_SIZE];

    slot_format(intent->slot, slot);
    str_appendf(out, "%s on %s at %s:%u", slot, intent->host, intent->ip,
                (unsigned int)intent->data_port);
}

static void append_slots(struct str *out, const char *sign, const struct forecast_slots *slots)
{
    size_t i;

    for (i = 0; i < slots->count && i < SLOTS_NAMED_MAX; i++) {
        char slot[SLOT_TEXT_SIZE];

        slot_format(slots->list[i], slot);
        str_appendf(out, " %s%s", sign, slot);
    }
    if (i < slots->count) {
        str_appendf(out, " %s%zu more", sign, slots->count - i);
    }
}

void preview_words_settings(struct str *out, const struct node_settings *a,
                            const struct node_settings *b)
{
    const char *separator = "";
    char before[UNITS_TEXT_SIZE];
    char after[UNITS_TEXT_SIZE];

    if (a->memory_bytes != b->memory_bytes) {
        size_format(a->memory_bytes, before);
        size_format(b->memory_bytes, after);
        str_appendf(out, "memory %s to %s", before, after);
        separator = ", ";
    }
    if (a->threads != b->threads) {
        str_appendf(out, "%sthreads %u to %u", separator, a->threads, b->threads);
        separator = ", ";
    }
    if (a->connections_max != b->connections_max) {
        str_appendf(out, "%smaxConnections %u to %u", separator, a->connections_max,
                    b->connections_max);
        separator = ", ";
    }
    if (a->item_bytes_max != b->item_bytes_max) {
        size_format(a->item_bytes_max, before);
        size_format(b->item_bytes_max, after);
        str_appendf(out, "%smaxItemSize %s to %s", separator, before, after);
        separator = ", ";
    }
    if (separator[0] == '\0' && !node_settings_equal(a, b)) {
        str_append_text(out, a->restart_ms == b->restart_ms ? "extraArgs" : "as it was asked to");
    }
}

static void append_commit(struct str *out, const struct forecast_step *step)
{
    str_appendf(out, "commit version %u: %zu node%s", step->version, step->nodes,
                step->nodes == 1 ? "" : "s");
    if (0 < step->joined.count + step->left.count + step->moved.count) {
        str_append_text(out, ",");
    }
    append_slots(out, "+", &step->joined);
    append_slots(out, "-", &step->left);
    append_slots(out, "~", &step->moved);
}

static void append_push(struct str *out, const struct forecast_step *step)
{
    char slot[SLOT_TEXT_SIZE];

    if (step->slot != 0) {
        slot_format(step->slot, slot);
        str_appendf(out, "push version %u to %s", step->version, slot);
    } else {
        str_appendf(out, "push version %u to %zu nodes", step->version, step->nodes);
    }
}

static void append_endpoint(struct str *out, const struct forecast_step *step)
{
    char slot[SLOT_TEXT_SIZE];

    slot_format(step->slot, slot);
    if (step->act == FORECAST_VOUCH) {
        str_appendf(out, "endpoint stays at %s, for version %u", slot, step->alias->version);
    } else {
        str_appendf(out, "endpoint points to %s at %s:%u", slot, step->alias->ip,
                    (unsigned int)step->alias->port);
    }
}

static void append_restart(struct str *out, const struct forecast_step *step)
{
    str_append_text(out, "restart ");
    append_node(out, step->after);
    if (!node_settings_equal(&step->before->settings, &step->after->settings)) {
        str_append_text(out, ", ");
        preview_words_settings(out, &step->before->settings, &step->after->settings);
    }
}

static void append_drain(struct str *out, const struct forecast_step *step, uint64_t drain_ms)
{
    char text[UNITS_TEXT_SIZE];

    str_append_text(out, "drain ");
    append_node(out, step->after);
    duration_format(drain_ms, text);
    str_appendf(out, ", at most %s", text);
}

static void append_wait(struct str *out, const struct forecast_step *step)
{
    unsigned long long tenths = (unsigned long long)step->wait_ms / 100;

    str_appendf(out, "wait %llu.%llus", tenths / 10, tenths % 10);
}

void preview_words_step(struct str *out, const struct forecast_step *step, uint64_t drain_ms)
{
    char slot[SLOT_TEXT_SIZE];

    switch (step->act) {
    case FORECAST_START:
    case FORECAST_ADOPT:
    case FORECAST_JOIN:
    case FORECAST_RESUME:
    case FORECAST_STOP:
    case FORECAST_LET_GO:
        str_appendf(out, "%s ", forecast_act_text(step->act));
        append_node(out, step->after);
        break;
    case FORECAST_TAKE_OVER:
        str_append_text(out, "take over ");
        append_node(out, step->after);
        break;
    case FORECAST_RESTART:
        append_restart(out, step);
        break;
    case FORECAST_DRAIN:
        append_drain(out, step, drain_ms);
        break;
    case FORECAST_REMOVE:
        slot_format(step->slot, slot);
        str_appendf(out, "forget %s on %s", slot, step->before->host);
        break;
    case FORECAST_COMMIT:
        append_commit(out, step);
        break;
    case FORECAST_PUSH:
        append_push(out, step);
        break;
    case FORECAST_ENDPOINT:
    case FORECAST_VOUCH:
        append_endpoint(out, step);
        break;
    case FORECAST_ENDPOINT_GO:
        str_append_text(out, "remove the endpoint");
        break;
    case FORECAST_WAIT:
        append_wait(out, step);
        break;
    case FORECAST_END:
        str_append_text(out, "remove all keys of the cluster");
        break;
    case FORECAST_ACT_COUNT:
        break;
    }
}
