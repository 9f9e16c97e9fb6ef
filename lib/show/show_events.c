#include <stdlib.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

/* Of one cluster, of those that are named, or of all; and the specs of those that are named. */
static int read_events(struct context *context, const struct show_request *request,
                       struct facts *facts, struct err *err)
{
    const char *const *names = request->names_count == 0 ? &request->name : request->names;
    size_t count = request->names_count == 0 ? 1 : request->names_count;
    struct etcd_range *ranges = arena_calloc(&context->arena, 2 * count, sizeof(*ranges));
    size_t i;

    if (ranges == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    for (i = 0; i < count; i++) {
        ranges[2 * i].prefix = true;
        ranges[2 * i].key = names[i] == NULL ? context_key(context, "events/")
                                             : context_key(context, "events/%s/", names[i]);
        ranges[2 * i + 1].key =
            context_key(context, "clusters/%s/spec", names[i] == NULL ? "" : names[i]);
        if (ranges[2 * i].key == NULL || ranges[2 * i + 1].key == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for a key");
        }
    }
    return context_read(context, ranges, names[0] == NULL ? 1 : 2 * count, facts, err);
}

static bool is_chosen(const struct event *event, const struct show_request *request)
{
    return request->since_ms <= event->at_ms && show_wants(request, event->cluster);
}

static size_t count_events(const struct facts *facts, const struct show_request *request)
{
    const struct event_facts *event;
    size_t count = 0;

    for (event = facts->events; event != NULL; event = event->next) {
        count += is_chosen(&event->event, request) ? 1 : 0;
    }
    return count;
}

static int by_time(const void *a, const void *b)
{
    const struct event_facts *const *x = a;
    const struct event_facts *const *y = b;

    return ((*x)->event.at_ms > (*y)->event.at_ms) - ((*x)->event.at_ms < (*y)->event.at_ms);
}

/* Keys are in order of time within a cluster only. */
static int sorted_events(const struct facts *facts, const struct show_request *request,
                         const struct event_facts ***out, struct err *err)
{
    const struct event_facts **sorted =
        arena_calloc(request->arena, facts->events_count + 1, sizeof(struct event_facts *));
    const struct event_facts *event;
    size_t count = 0;

    if (sorted == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu events", facts->events_count);
    }
    for (event = facts->events; event != NULL; event = event->next) {
        if (is_chosen(&event->event, request)) {
            sorted[count++] = event;
        }
    }
    qsort(sorted, count, sizeof(struct event_facts *), by_time);
    *out = sorted;
    return 0;
}

static const struct table_column columns[] = {
    { .heading = "AGE", .moving = true },
    { .heading = "TIME", .wide = true },
    { .heading = "TYPE" },
    { .heading = "REASON" },
    { .heading = "CLUSTER" },
    { .heading = "SUBJECT" },
    { .heading = "PROGRAM", .wide = true },
    { .heading = "MESSAGE" },
};

static int events_rows(const struct facts *facts, const struct show_request *request,
                       struct table *table, struct err *err)
{
    const struct event_facts **sorted;
    size_t i;
    int rv = sorted_events(facts, request, &sorted, err);

    for (i = 0; 0 <= rv && sorted[i] != NULL; i++) {
        const struct event *event = &sorted[i]->event;
        char time[CLOCK_TEXT_SIZE];
        char age[24];

        output_age(request->now_ms, event->at_ms, age, sizeof(age));
        clock_format(event->at_ms, time);
        table_add(table, age);
        table_add(table, time);
        table_add(table, event->type);
        table_add(table, event->reason);
        table_add(table, event->cluster);
        table_add(table, event->subject);
        table_add(table, event->program);
        table_add(table, event->message);
    }
    return rv;
}

static int events_json(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    const struct event_facts **sorted;
    size_t i;
    int rv = sorted_events(facts, request, &sorted, err);

    str_append_text(out, "[");
    for (i = 0; 0 <= rv && sorted[i] != NULL; i++) {
        str_append_text(out, i == 0 ? "" : ",");
        rv = json_encode_event(&sorted[i]->event, out, err);
    }
    str_append_text(out, "]");
    return rv;
}

static int events_names(const struct facts *facts, const struct show_request *request,
                        struct str *out, struct err *err)
{
    const struct event_facts **sorted;
    size_t i;
    int rv = sorted_events(facts, request, &sorted, err);

    for (i = 0; 0 <= rv && sorted[i] != NULL; i++) {
        str_appendf(out, "%s/%s\n", sorted[i]->event.cluster, sorted[i]->id);
    }
    return rv;
}

const struct show_kind show_events = {
    .name = "events",
    .singular = "event",
    .brief = "ev",
    .fleeting = true,
    .follows = { "events/%s" },
    .of_cluster = true,
    .read = read_events,
    .count = count_events,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = events_rows,
    .json = events_json,
    .names = events_names,
};
