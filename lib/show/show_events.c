#include <stdlib.h>

#include "codec/model_json.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

static int read_events(struct context *context, const char *name, struct facts *facts,
                       struct err *err)
{
    struct etcd_range ranges[] = {
        { .key = name == NULL ? context_key(context, "events/")
                              : context_key(context, "events/%s/", name),
          .prefix = true },
        { .key = name == NULL ? NULL : context_key(context, "clusters/%s/spec", name) },
    };

    if (ranges[0].key == NULL || (name != NULL && ranges[1].key == NULL)) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    return context_read(context, ranges, name == NULL ? 1 : 2, facts, err);
}

static size_t count_events(const struct facts *facts, const struct show_request *request)
{
    (void)request; /* no others were read */
    return facts->events_count;
}

static int by_time(const void *a, const void *b)
{
    const struct event_facts *const *x = a;
    const struct event_facts *const *y = b;

    return ((*x)->event.at_ms > (*y)->event.at_ms) - ((*x)->event.at_ms < (*y)->event.at_ms);
}

/* Keys are in order of time within a cluster only. */
static int sorted_events(const struct facts *facts, struct arena *arena,
                         const struct event_facts ***out, struct err *err)
{
    const struct event_facts **sorted =
        arena_calloc(arena, facts->events_count + 1, sizeof(struct event_facts *));
    const struct event_facts *event;
    size_t count = 0;

    if (sorted == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu events", facts->events_count);
    }
    for (event = facts->events; event != NULL; event = event->next) {
        sorted[count++] = event;
    }
    qsort(sorted, count, sizeof(struct event_facts *), by_time);
    *out = sorted;
    return 0;
}

static int events_table(const struct facts *facts, const struct show_request *request,
                        struct str *out, struct err *err)
{
    static const char *const headings[] = { "AGE",     "TYPE",    "REASON", "CLUSTER",
                                            "SUBJECT", "MESSAGE", NULL };
    const struct event_facts **sorted;
    struct table table;
    size_t i;
    int rv = sorted_events(facts, request->arena, &sorted, err);

    if (rv < 0) {
        return rv;
    }
    table_init(&table, request->arena, headings);
    for (i = 0; sorted[i] != NULL; i++) {
        const struct event *event = &sorted[i]->event;
        char age[24];

        output_age(request->now_ms, event->at_ms, age, sizeof(age));
        table_add(&table, age);
        table_add(&table, event->type);
        table_add(&table, event->reason);
        table_add(&table, event->cluster);
        table_add(&table, event->subject);
        table_add(&table, event->message);
    }
    return table_render(&table, 0, out, err);
}

static int events_json(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    const struct event_facts **sorted;
    size_t i;
    int rv = sorted_events(facts, request->arena, &sorted, err);

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
    int rv = sorted_events(facts, request->arena, &sorted, err);

    for (i = 0; 0 <= rv && sorted[i] != NULL; i++) {
        str_appendf(out, "%s/%s\n", sorted[i]->event.cluster, sorted[i]->id);
    }
    return rv;
}

const struct show_kind show_events = {
    .name = "events",
    .singular = "event",
    .of_cluster = true,
    .read = read_events,
    .count = count_events,
    .table = events_table,
    .json = events_json,
    .names = events_names,
};
