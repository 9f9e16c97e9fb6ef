#include "watcher/slot_parts.h"

static void measure_peers(const struct slot *slot, struct slot_figures *out)
{
    struct peer_view views[RING_SUCCESSORS];
    size_t i;

    if (slot->peers == NULL) {
        return;
    }
    out->peers = peers_list(slot->peers, views);
    for (i = 0; i < out->peers; i++) {
        out->peers_reachable += views[i].unreachable ? 0 : 1;
        out->peers_lag_ms =
            out->peers_lag_ms < views[i].lag_ms ? views[i].lag_ms : out->peers_lag_ms;
    }
}

void slot_measure(struct slot *slot, struct slot_figures *out)
{
    struct node_report report;

    slot_report_compose(slot, &report);
    *out = (struct slot_figures){ .state = report.state,
                                  .mode = report.partition,
                                  .version = report.served.version,
                                  .restarts = report.restarts,
                                  .repairs_given = slot->repairs_given };
    if (slot->partition != NULL) {
        uint32_t in_force = partition_served(slot->partition).version;

        out->partition = partition_counts(slot->partition);
        out->current = in_force != 0 && in_force == out->version;
    }
    if (slot->discovery != NULL) {
        out->discovery = discovery_counts(slot->discovery);
    }
    measure_peers(slot, out);
    out->counted = slot_stats_counters(slot, &out->counters);
}
