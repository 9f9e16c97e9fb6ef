#include "cli/rollout_status.h"

#include <string.h>

#include "cli/stages.h"

#define REASON_DEADLINE "ProgressDeadlineExceeded"

/* What was said before the controller has heard that it shall go on doesn't count. */
static bool has_stalled(const struct cluster_facts *cluster)
{
    const struct status *status = cluster->status;

    return strcmp(status->conditions[CONDITION_PROGRESSING].reason, REASON_DEADLINE) == 0 &&
           cluster->spec->resumed_ms == status->resumed_ms;
}

static bool is_done(const struct cluster_facts *cluster, const struct stages *stages)
{
    const struct status *status = cluster->status;

    return stages->converged && !status->conditions[CONDITION_PROGRESSING].status &&
           status->nodes_wanted <= status->nodes_updated;
}

static void put_counts(const struct cluster_facts *cluster, struct str *out)
{
    const struct status *status = cluster->status;

    str_appendf(out, "%u of %u nodes updated, %u converged", status->nodes_updated,
                status->nodes_wanted, status->nodes_converged);
}

static void put_going(const struct cluster_facts *cluster, const struct stages *stages,
                      struct str *out)
{
    const struct condition *progressing = &cluster->status->conditions[CONDITION_PROGRESSING];
    char hindrance[STAGES_WHY_SIZE];

    put_counts(cluster, out);
    stages_hindrance(cluster, hindrance);
    if (cluster->spec->paused) {
        str_appendf(out, "; paused (muster rollout resume %s)", cluster->name);
    }
    if (hindrance[0] != '\0') {
        str_appendf(out, "; %s", hindrance);
    } else if (progressing->status) {
        str_appendf(out, "; %s", progressing->message);
    } else if (!stages->converged) {
        str_append_text(out, "; the controller has not looked at the latest reports yet");
    }
}

enum rollout_state rollout_status(const struct cluster_facts *cluster, struct str *out)
{
    struct stages stages;

    stages_of(cluster, &stages);
    str_appendf(out, "generation %llu: ", (unsigned long long)cluster->spec->generation);
    if (!stages.taken_up) {
        str_append_text(out, "no controller has taken it up yet");
        return ROLLOUT_GOING;
    }
    if (is_done(cluster, &stages)) {
        put_counts(cluster, out);
        str_appendf(out, ", version %u is served", cluster->status->version);
        return ROLLOUT_DONE;
    }
    if (has_stalled(cluster)) {
        put_counts(cluster, out);
        str_appendf(out, "; %s", cluster->status->conditions[CONDITION_PROGRESSING].message);
        return ROLLOUT_STALLED;
    }
    put_going(cluster, &stages, out);
    return ROLLOUT_GOING;
}
