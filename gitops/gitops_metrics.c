#include "gitops/gitops_metrics.h"

#include <stdio.h>

#include "admin/etcd_metrics.h"
#include "admin/process_metrics.h"
#include "gitops/report.h"
#include "metrics/scrape.h"

#define MS_PER_S 1000.0

const struct histogram_bounds fetch_seconds_bounds = { 8, { 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60 } };

static const struct metric rows[] = { GITOPS_METRICS(METRIC_ROW) };

const struct metric_table gitops_metrics = { REPORT_PROGRAM, rows, ARRAY_COUNT(rows) };

void gitops_counts_take(struct gitops_counts *counts, const struct source *status)
{
    counts->known = true;
    counts->rounds[status->state]++;
    counts->state = status->state;
    (void)snprintf(counts->revision, sizeof(counts->revision), "%s", status->revision);
    (void)snprintf(counts->head, sizeof(counts->head), "%s", status->head);
    counts->applied_ms = status->applied_ms;
    counts->checked_ms = status->checked_ms;
    counts->clusters = status->clusters;
    counts->drift = status->drift_total;
}

static void put_status(struct scrape *scrape, const struct gitops_counts *counts,
                       const char *source)
{
    enum source_state state;

    for (state = 0; state < SOURCE_STATE_COUNT; state++) {
        scrape_put(scrape, METRIC_GITOPS_STATE, counts->state == state ? 1 : 0,
                   LABELS(source, source_state_text(state)));
    }
    scrape_put(scrape, METRIC_GITOPS_REVISION, 1, LABELS(source, counts->revision, counts->head));
    scrape_put(scrape, METRIC_GITOPS_APPLIED, (double)counts->applied_ms / MS_PER_S,
               LABELS(source));
    scrape_put(scrape, METRIC_GITOPS_CHECKED, (double)counts->checked_ms / MS_PER_S,
               LABELS(source));
    scrape_put(scrape, METRIC_GITOPS_CLUSTERS, counts->clusters, LABELS(source));
    scrape_put(scrape, METRIC_GITOPS_DRIFT, counts->drift, LABELS(source));
}

int gitops_metrics_text(const struct gitops_counts *counts, const char *source,
                        const struct etcd *etcd, struct arena *arena, struct str *out,
                        struct err *err)
{
    struct scrape scrape;
    enum source_state state;
    int rv;

    scrape_init(&scrape, &gitops_metrics, arena);
    for (state = 0; state < SOURCE_STATE_COUNT; state++) {
        scrape_put(&scrape, METRIC_GITOPS_ROUNDS, (double)counts->rounds[state],
                   LABELS(source, source_state_text(state)));
    }
    scrape_put(&scrape, METRIC_GITOPS_ROUNDS, (double)counts->failed, LABELS(source, "failed"));
    scrape_put_histogram(&scrape, METRIC_GITOPS_FETCH, &counts->fetch_seconds, LABELS(source));
    scrape_put(&scrape, METRIC_GITOPS_CHANGES, (double)counts->created, LABELS(source, "created"));
    scrape_put(&scrape, METRIC_GITOPS_CHANGES, (double)counts->configured,
               LABELS(source, "configured"));
    scrape_put(&scrape, METRIC_GITOPS_CHANGES, (double)counts->deleted, LABELS(source, "deleted"));
    if (counts->known) {
        put_status(&scrape, counts, source);
    }
    rv = scrape_text(&scrape, out, err);
    if (0 <= rv) {
        rv = etcd_metrics_text(etcd, arena, out, err);
    }
    return rv < 0 ? rv : process_metrics_text(REPORT_PROGRAM, arena, out, err);
}
