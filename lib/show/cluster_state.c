#include "show/cluster_state.h"

static struct cluster_state plain(const char *word, bool led)
{
    return (struct cluster_state){ .word = word,
                                   .reason = led ? "" : "NoLeader",
                                   .message = led ? "" : "no controller leads" };
}

static struct cluster_state by_condition(const char *word, const struct condition *condition)
{
    return (struct cluster_state){ .word = word,
                                   .reason = condition->reason,
                                   .message = condition->message };
}

struct cluster_state cluster_state(const struct cluster_facts *cluster, bool led)
{
    /* Conditions that are a state of their own when they are true, the gravest first. */
    static const struct {
        enum condition_type type;
        const char *word;
    } states[] = {
        { CONDITION_KEY_INVALID, "Stalled" }, { CONDITION_UNSCHEDULABLE, "Stalled" },
        { CONDITION_STALLED, "Stalled" },     { CONDITION_DEGRADED, "Degraded" },
        { CONDITION_CONVERGED, "Ready" },
    };
    const struct condition *conditions;
    size_t i;

    if (cluster->spec == NULL) {
        return plain("Unreadable", led);
    }
    if (cluster->spec->deleting) {
        return plain("Deleting", led);
    }
    if (cluster->status == NULL ||
        cluster->status->observed_generation != cluster->spec->generation) {
        return plain("Pending", led);
    }
    if (!led) {
        return plain("Unknown", led);
    }
    conditions = cluster->status->conditions;
    for (i = 0; i < ARRAY_COUNT(states); i++) {
        if (conditions[states[i].type].status) {
            return by_condition(states[i].word, &conditions[states[i].type]);
        }
    }
    return by_condition(cluster->spec->paused ? "Paused" : "Converging",
                        &conditions[CONDITION_CONVERGED]);
}
