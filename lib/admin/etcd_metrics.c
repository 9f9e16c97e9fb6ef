#include "admin/etcd_metrics.h"

#include "metrics/scrape.h"

static const struct metric rows[] = { ETCD_METRICS(METRIC_ROW) };

const struct metric_table etcd_metrics = { "etcd, as each program finds it", rows,
                                           ARRAY_COUNT(rows) };

int etcd_metrics_text(const struct etcd *etcd, struct arena *arena, struct str *out,
                      struct err *err)
{
    const struct etcd_counts *counts = etcd_counts(etcd);
    struct scrape scrape;
    unsigned i;

    scrape_init(&scrape, &etcd_metrics, arena);
    for (i = 0; i < ETCD_REQUEST_COUNT; i++) {
        const char *request = etcd_request_text((enum etcd_request)i);

        scrape_put_histogram(&scrape, METRIC_ETCD_SECONDS, &counts->seconds[i], LABELS(request));
        scrape_put(&scrape, METRIC_ETCD_FAILURES, (double)counts->failures[i], LABELS(request));
    }
    scrape_put(&scrape, METRIC_ETCD_FAILED_TRIES, (double)counts->failed_tries, NO_LABELS);
    scrape_put(&scrape, METRIC_ETCD_WATCHES_ENDED, (double)counts->watches_ended, NO_LABELS);
    scrape_put(&scrape, METRIC_ETCD_WATCH_EVENTS, (double)counts->watch_events, NO_LABELS);
    scrape_put(&scrape, METRIC_ETCD_SILENCE, (double)etcd_silence_ms(etcd) / 1e3, NO_LABELS);
    return scrape_text(&scrape, out, err);
}
