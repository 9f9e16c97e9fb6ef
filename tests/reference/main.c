/*
 * muster-reference - write docs/metrics.md and docs/events.md, or tell whether they are up to date.
 *
 * muster-reference DIR          write them
 * muster-reference --check DIR  exit with 1 when one differs from what would be written
 */
#include <stdio.h>
#include <string.h>

#include "admin/etcd_metrics.h"
#include "admin/process_metrics.h"
#include "base/file.h"
#include "controller/controller_metrics.h"
#include "gitops/gitops_metrics.h"
#include "model/event.h"
#include "watcher/watcher_metrics.h"

#define PAGE_BYTES_MAX (1U << 20)
#define PATH_SIZE 4096

enum { EXIT_DONE = 0, EXIT_STALE = 1, EXIT_FAILED = 2 };

/* ---- Metrics ---- */

static void put_labels(const struct metric *metric, struct str *out)
{
    size_t count = metric_labels_count(metric);
    size_t size;
    size_t i;

    for (i = 0; i < count; i++) {
        const char *label = metric_label(metric, i, &size);

        str_appendf(out, "%s`%.*s`", i == 0 ? "" : ", ", (int)size, label);
    }
}

static void put_table(const struct metric_table *table, struct str *out)
{
    size_t i;

    str_appendf(out, "\n## %s\n\n| metric | type | labels | |\n|---|---|---|---|\n", table->title);
    for (i = 0; i < table->count; i++) {
        const struct metric *metric = &table->metrics[i];

        str_appendf(out, "| `%s` | %s | ", metric->name, metric_type_text(metric->type));
        put_labels(metric, out);
        str_appendf(out, " | %s |\n", metric->help);
    }
}

static void make_metrics(struct str *out)
{
    static const struct metric_table *const tables[] = { &controller_metrics, &watcher_metrics,
                                                         &gitops_metrics, &etcd_metrics,
                                                         &process_metrics };
    size_t i;

    str_append_text(
        out,
        "# Metrics\n\n"
        "What `/metrics` of the daemons tells Prometheus; how to have it scraped:\n"
        "[operations.md](operations.md#watching-it). This page is made from the programs' tables "
        "(`make docs`).\n\n"
        "Every controller tells of all clusters, from its copy of etcd, whether it leads or not:\n"
        "queries take the maximum over controllers. Series of a cluster or node end with it. What\n"
        "memcached itself counts (hits, evictions, memory) is memcached_exporter's to tell.\n");
    for (i = 0; i < ARRAY_COUNT(tables); i++) {
        put_table(tables[i], out);
    }
}

/* ---- Events ---- */

static void make_events(struct str *out)
{
    unsigned i;

    str_append_text(
        out, "# Events\n\n"
             "The reasons that events give (`muster get events`). This page is made from the\n"
             "programs' table (`make docs`). Counters of them are among the "
             "[metrics](metrics.md).\n\n"
             "| reason | type | from | meaning | what to do |\n|---|---|---|---|---|\n");
    for (i = 0; i < EVENT_REASON_COUNT; i++) {
        const struct event_row *row = event_row((enum event_reason)i);

        str_appendf(out, "| `%s` | %s | %s | %s | %s |\n", row->reason, row->type, row->program,
                    row->meaning, row->action);
    }
}

/* ---- Pages ---- */

static const struct {
    const char *name;
    void (*make)(struct str *out);
} pages[] = { { "metrics.md", make_metrics }, { "events.md", make_events } };

static int failed(const struct err *err)
{
    (void)fprintf(stderr, "muster-reference: %s\n", err->msg);
    return EXIT_FAILED;
}

static int check(const char *path, const struct str *page)
{
    CLEANUP(str_deinit) struct str kept;
    struct err err;

    str_init(&kept, PAGE_BYTES_MAX);
    if (file_read(path, &kept, &err) < 0) {
        return failed(&err);
    }
    if (strcmp(str_text(&kept), str_text(page)) == 0) {
        return EXIT_DONE;
    }
    (void)fprintf(stderr, "%s: it is not what the tables say. Run: make docs\n", path);
    return EXIT_STALE;
}

static int handle(const char *folder, size_t i, bool checking)
{
    CLEANUP(str_deinit) struct str page;
    char path[PATH_SIZE];
    struct err err;

    str_init(&page, PAGE_BYTES_MAX);
    pages[i].make(&page);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, pages[i].name);
    if (str_check(&page, &err) < 0) {
        return failed(&err);
    }
    if (checking) {
        return check(path, &page);
    }
    return file_write(path, page.bytes, page.size, &err) < 0 ? failed(&err) : EXIT_DONE;
}

int main(int argc, char **argv)
{
    bool checking = argc == 3 && strcmp(argv[1], "--check") == 0;
    int worst = EXIT_DONE;
    size_t i;

    if (!checking && argc != 2) {
        (void)fprintf(stderr, "usage: muster-reference [--check] DIR\n");
        return EXIT_FAILED;
    }
    for (i = 0; i < ARRAY_COUNT(pages); i++) {
        int outcome = handle(argv[argc - 1], i, checking);

        worst = worst < outcome ? outcome : worst;
    }
    return worst;
}
