#include "cli/dead_nodes.h"

#include <string.h>

#include "cli/output.h"

#define AGE_SIZE 24

/* What the status of a former cluster of this name says is not about this one. */
static bool is_own(const struct cluster_facts *cluster)
{
    return cluster->spec != NULL && cluster->status != NULL &&
           strcmp(cluster->spec->uid, cluster->status->uid) == 0;
}

static bool is_dead(const struct cluster_facts *cluster, const struct slot_status *slot)
{
    return slot->silent_since_ms != 0 && slot->unreachable_since_ms != 0 &&
           strcmp(slot->phase, "run") == 0 && slot->slot <= cluster->spec->spec.nodes;
}

size_t dead_nodes(const struct cluster_facts *cluster, uint64_t now_ms, struct str *out,
                  uint64_t *confirmed_ms)
{
    uint64_t latest_ms = now_ms;
    size_t count = 0;
    size_t i;

    for (i = 0; is_own(cluster) && i < cluster->status->slots_count; i++) {
        const struct slot_status *slot = &cluster->status->slots[i];
        char silent[AGE_SIZE];
        char unreachable[AGE_SIZE];

        if (!is_dead(cluster, slot)) {
            continue;
        }
        count++;
        latest_ms = latest_ms <= slot->silent_since_ms ? slot->silent_since_ms + 1 : latest_ms;
        latest_ms =
            latest_ms <= slot->unreachable_since_ms ? slot->unreachable_since_ms + 1 : latest_ms;
        output_age(now_ms, slot->silent_since_ms, silent, sizeof(silent));
        output_age(now_ms, slot->unreachable_since_ms, unreachable, sizeof(unreachable));
        str_appendf(out, "%s/%04u  on %s at %s:%u: silent for %s, unreachable for %s\n",
                    cluster->name, slot->slot, slot->host, slot->ip, slot->data_port, silent,
                    unreachable);
    }
    *confirmed_ms = latest_ms;
    return count;
}
