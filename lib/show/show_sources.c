#include <string.h>

#include "codec/model_json.h"
#include "show/output.h"
#include "show/show.h"

#define REVISION_SHOWN 10 /* digits of a commit */

static int read_sources(struct context *context, const struct show_request *request,
                        struct facts *facts, struct err *err)
{
    struct etcd_range range = { .prefix = request->name == NULL };

    range.key = context_key(context, "sources/%s", request->name == NULL ? "" : request->name);
    if (range.key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    return context_read(context, &range, 1, facts, err);
}

static bool is_chosen(const struct source_facts *at, const struct show_request *request)
{
    return show_wants(request, at->source.name);
}

static size_t count_sources(const struct facts *facts, const struct show_request *request)
{
    const struct source_facts *at;
    size_t count = 0;

    for (at = facts->sources; at != NULL; at = at->next) {
        count += is_chosen(at, request) ? 1 : 0;
    }
    return count;
}

static const struct table_column columns[] = {
    { .heading = "NAME" },
    { .heading = "STATE" },
    { .heading = "REVISION" },
    { .heading = "CLUSTERS" },
    { .heading = "DRIFT" },
    { .heading = "APPLIED", .moving = true },
    { .heading = "CHECKED", .moving = true },
    { .heading = "BRANCH" },
    { .heading = "REPOSITORY" },
    { .heading = "PATH", .wide = true },
    { .heading = "HEAD", .wide = true },
    { .heading = "SIGNER", .wide = true },
    { .heading = "TITLE", .wide = true },
    { .heading = "ERROR" },
};

static void add_age(struct table *table, uint64_t now_ms, uint64_t then_ms)
{
    char age[24] = "";

    if (then_ms != 0) {
        output_age(now_ms, then_ms, age, sizeof(age));
    }
    table_add(table, age);
}

static void add_row(struct table *table, const struct source *source, uint64_t now_ms)
{
    table_add(table, source->name);
    table_add(table, source->running ? source_state_text(source->state) : "Ended");
    table_addf(table, "%.*s", REVISION_SHOWN, source->revision);
    table_addf(table, "%u", source->clusters);
    table_addf(table, "%u", source->drift_total);
    add_age(table, now_ms, source->applied_ms);
    add_age(table, now_ms, source->checked_ms);
    table_add(table, source->branch);
    table_add(table, source->repository);
    table_add(table, source->path);
    table_addf(table, "%.*s", REVISION_SHOWN, source->head);
    table_add(table, source->signer);
    table_add(table, source->title);
    table_addf(table, "%.*s", (int)strcspn(source->error, "\n"), source->error);
}

static int sources_rows(const struct facts *facts, const struct show_request *request,
                        struct table *table, struct err *err)
{
    const struct source_facts *at;

    (void)err;
    for (at = facts->sources; at != NULL; at = at->next) {
        if (is_chosen(at, request)) {
            add_row(table, &at->source, request->now_ms);
        }
    }
    return 0;
}

static int sources_json(const struct facts *facts, const struct show_request *request,
                        struct str *out, struct err *err)
{
    const struct source_facts *at;
    const char *separator = "";
    int rv = 0;

    str_append_text(out, request->name == NULL ? "[" : "");
    for (at = facts->sources; at != NULL && 0 <= rv; at = at->next) {
        if (is_chosen(at, request)) {
            str_append_text(out, separator);
            rv = json_encode_source(&at->source, out, err);
            separator = ",";
        }
    }
    str_append_text(out, request->name == NULL ? "]" : "");
    return rv;
}

static int sources_names(const struct facts *facts, const struct show_request *request,
                         struct str *out, struct err *err)
{
    const struct source_facts *at;

    (void)err;
    for (at = facts->sources; at != NULL; at = at->next) {
        if (is_chosen(at, request)) {
            str_appendf(out, "%s\n", at->source.name);
        }
    }
    return 0;
}

const struct show_kind show_sources = {
    .name = "sources",
    .singular = "source",
    .brief = "so",
    .follows = { "sources/" },
    .read = read_sources,
    .count = count_sources,
    .columns = columns,
    .columns_count = ARRAY_COUNT(columns),
    .rows = sources_rows,
    .json = sources_json,
    .names = sources_names,
};
