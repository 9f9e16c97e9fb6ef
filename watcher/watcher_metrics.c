#include "watcher/watcher_metrics.h"

#include <string.h>

#include "admin/etcd_metrics.h"
#include "admin/process_metrics.h"
#include "metrics/scrape.h"
#include "model/event.h"
#include "model/name.h"
#include "watcher/watcher_parts.h"

static const struct metric rows[] = { WATCHER_METRICS(METRIC_ROW) };

const struct metric_table watcher_metrics = { "muster-watcher", rows, ARRAY_COUNT(rows) };

static void put_host(struct scrape *scrape, const struct watcher *w)
{
    unsigned i;

    scrape_put(scrape, METRIC_ETCD_HEARD, w->heard && !w->troubled ? 1 : 0, NO_LABELS);
    scrape_put(scrape, METRIC_MEMCACHED, w->program.problem[0] == '\0' ? 1 : 0, NO_LABELS);
    scrape_put(scrape, METRIC_REPORTS, report_is_clean(w->report) ? 1 : 0, NO_LABELS);
    scrape_put(scrape, METRIC_EVENTS_DROPPED, (double)event_log_dropped(w->events), NO_LABELS);
    scrape_put(scrape, METRIC_JOINS_HELD, (double)joins_held(w->joins), NO_LABELS);
    scrape_put(scrape, METRIC_NODES, (double)w->slots_count, NO_LABELS);
    for (i = 0; i < EVENT_REASON_COUNT; i++) {
        const struct event_row *row = event_row((enum event_reason)i);

        if (strcmp(row->program, EVENT_BY_CONTROLLER) != 0 &&
            strcmp(row->program, EVENT_BY_GITOPS) != 0) {
            scrape_put(scrape, METRIC_WATCHER_EVENTS,
                       (double)event_log_count(w->events, (enum event_reason)i),
                       LABELS(row->reason));
        }
    }
    for (i = 0; i < JOIN_VERDICT_COUNT; i++) {
        scrape_put(scrape, METRIC_JOIN_REQUESTS,
                   (double)joins_count(w->joins, (enum join_verdict)i),
                   LABELS(join_verdict_word((enum join_verdict)i)));
    }
}

/* A node, as its series are labelled. */
struct node_scrape {
    struct scrape *scrape;
    const char *cluster;
    const char *slot;
};

static void put(const struct node_scrape *node, enum watcher_metric metric, double value)
{
    scrape_put(node->scrape, metric, value, LABELS(node->cluster, node->slot));
}

static void put_word(const struct node_scrape *node, enum watcher_metric metric, double value,
                     const char *word)
{
    scrape_put(node->scrape, metric, value, LABELS(node->cluster, node->slot, word));
}

static void put_state(const struct node_scrape *node, const struct slot_figures *figures)
{
    static const enum node_state states[] = {
#define X(name, text) NODE_##name,
        NODE_STATES(X)
#undef X
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(states); i++) {
        put_word(node, METRIC_NODE_STATE, figures->state == states[i] ? 1 : 0,
                 node_state_text(states[i]));
    }
    put(node, METRIC_NODE_IN_PROCESS, figures->mode == PARTITION_IN_PROCESS ? 1 : 0);
    put(node, METRIC_NODE_VERSION, figures->version);
    put(node, METRIC_NODE_CURRENT, figures->current ? 1 : 0);
    put(node, METRIC_NODE_RESTARTS, figures->restarts);
}

static void put_partition(const struct node_scrape *node, const struct partition_counts *counts)
{
    static const char *const reasons[] = {
#define X(name, word) word,
        PARTITION_REFUSALS(X)
#undef X
    };
    size_t i;

    put(node, METRIC_RECORDS, (double)counts->taken);
    for (i = 0; i < ARRAY_COUNT(reasons); i++) {
        put_word(node, METRIC_RECORDS_REFUSED, (double)counts->refused_for[i], reasons[i]);
    }
    put(node, METRIC_RECORDS_DROPPED, (double)counts->dropped);
    put(node, METRIC_RECORD_CONFLICTS, (double)counts->conflicts);
    put(node, METRIC_PARTITION_REPAIRS, (double)counts->repaired);
    put(node, METRIC_PARTITION_CLOSED, counts->closed ? 1 : 0);
}

static void put_discovery(const struct node_scrape *node, const struct discovery_counts *counts)
{
    static const char *const reasons[] = {
#define X(name, text) &(text)[sizeof("cut_") - 1],
        DISCOVERY_CUTS(X)
#undef X
    };
    size_t i;

    put(node, METRIC_DISCOVERY_REQUESTS, (double)counts->requests);
    put(node, METRIC_DISCOVERY_WRITES, (double)counts->writes);
    put(node, METRIC_DISCOVERY_CONNECTIONS, (double)counts->connections);
    put(node, METRIC_DISCOVERY_SUBSCRIBERS, (double)counts->subscribers);
    put(node, METRIC_DISCOVERY_OPENED, (double)counts->connections_ever);
    for (i = 0; i < ARRAY_COUNT(reasons); i++) {
        put_word(node, METRIC_DISCOVERY_CUT, (double)counts->cuts[i], reasons[i]);
    }
}

static void put_node(struct scrape *scrape, struct slot *slot, char number[SLOT_TEXT_SIZE])
{
    struct node_scrape node = { scrape, slot_cluster(slot), number };
    struct slot_figures figures;
    size_t i;

    slot_format(slot_number(slot), number);
    slot_measure(slot, &figures);
    put_state(&node, &figures);
    put_partition(&node, &figures.partition);
    put(&node, METRIC_PEERS, (double)figures.peers);
    put(&node, METRIC_PEERS_REACHABLE, (double)figures.peers_reachable);
    put(&node, METRIC_PEERS_LAG, (double)figures.peers_lag_ms / 1e3);
    put(&node, METRIC_REPAIRS_GIVEN, (double)figures.repairs_given);
    put(&node, METRIC_REPAIRS_TAKEN, (double)figures.partition.fetched);
    put_discovery(&node, &figures.discovery);
    for (i = 0; figures.counted && i < TALLY_COUNT; i++) {
        put_word(&node, METRIC_MODULE, (double)figures.counters.counts[i],
                 tally_counter_text((enum tally_counter)i));
    }
}

static int put_nodes(struct scrape *scrape, const struct watcher *w, struct arena *arena,
                     struct err *err)
{
    char(*numbers)[SLOT_TEXT_SIZE] = arena_calloc(arena, w->slots_count + 1, sizeof(*numbers));
    size_t i;

    if (numbers == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", w->slots_count);
    }
    for (i = 0; i < w->slots_count; i++) {
        put_node(scrape, w->slots[i], numbers[i]);
    }
    return 0;
}

int watcher_metrics_text(struct watcher *w, struct arena *arena, struct str *out, struct err *err)
{
    struct scrape scrape;
    int rv = process_metrics_text("muster-watcher", arena, out, err);

    if (0 <= rv) {
        rv = etcd_metrics_text(w->etcd, arena, out, err);
    }
    scrape_init(&scrape, &watcher_metrics, arena);
    if (0 <= rv) {
        put_host(&scrape, w);
        rv = put_nodes(&scrape, w, arena, err);
    }
    return rv < 0 ? rv : scrape_text(&scrape, out, err);
}
