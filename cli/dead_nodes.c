#include "cli/dead_nodes.h"

#include <string.h>

#include "show/output.h"

#define AGE_SIZE 24

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? b_ms : a_ms;
}

/* What the status of a former cluster of this name says is not about this one. */
static bool is_own(const struct cluster_facts *cluster)
{
    return cluster->spec != NULL && cluster->status != NULL &&
           strcmp(cluster->spec->uid, cluster->status->uid) == 0;
}

/* Nodes on their way out don't count; who joined is beyond those that the spec asks for. */
static bool is_wanted(const struct cluster_facts *cluster, const struct slot_status *slot)
{
    return slot->slot <= cluster->spec->spec.nodes || strcmp(slot->rule, "hold-in-doubt") == 0;
}

/* As the controller counts: its report says nothing better, and its data port does not answer. */
static bool is_dead(const struct cluster_facts *cluster, const struct slot_status *slot)
{
    return slot->unreachable_since_ms != 0 && strcmp(slot->state, node_state_text(NODE_UP)) != 0 &&
           strcmp(slot->phase, intent_phase_text(INTENT_RUN)) == 0 && is_wanted(cluster, slot);
}

static void put_line(const struct cluster_facts *cluster, const struct slot_status *slot,
                     uint64_t now_ms, struct str *out)
{
    char silent[AGE_SIZE];
    char unreachable[AGE_SIZE];

    output_age(now_ms, slot->silent_since_ms, silent, sizeof(silent));
    output_age(now_ms, slot->unreachable_since_ms, unreachable, sizeof(unreachable));
    str_appendf(out, "%s/%04u  on %s at %s:%u: %s", cluster->name, slot->slot, slot->host, slot->ip,
                slot->data_port, slot->state);
    if (slot->silent_since_ms != 0) {
        str_appendf(out, " for %s", silent);
    }
    str_appendf(out, ", unreachable for %s\n", unreachable);
}

size_t dead_nodes(const struct cluster_facts *cluster, uint64_t now_ms, struct str *out,
                  uint64_t *confirmed_ms)
{
    uint64_t latest_ms = now_ms;
    size_t count = 0;
    size_t i;

    for (i = 0; is_own(cluster) && i < cluster->status->slots_count; i++) {
        const struct slot_status *slot = &cluster->status->slots[i];

        if (is_dead(cluster, slot)) {
            count++;
            put_line(cluster, slot, now_ms, out);
            latest_ms = later(latest_ms, later(slot->silent_since_ms, slot->unreachable_since_ms));
        }
    }
    *confirmed_ms = latest_ms;
    return count;
}
