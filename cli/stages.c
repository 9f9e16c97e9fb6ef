#include "cli/stages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define SLOTS_NAMED_MAX 3

/* Text on the caller's buffer; what does not fit is cut. */
struct sentence {
    char *text;
    size_t used;
};

static void say(struct sentence *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct sentence *s, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(s->text + s->used, STAGES_WHY_SIZE - s->used, fmt, args);
    va_end(args);
    if (0 < n) {
        s->used += (size_t)n;
    }
    if (STAGES_WHY_SIZE <= s->used) {
        s->used = STAGES_WHY_SIZE - 1;
    }
}

const char *stage_text(enum stage stage)
{
    static const char *const texts[] = {
#define X(name, text) text,
        STAGES(X)
#undef X
    };

    CHECK(stage < STAGE_COUNT);
    return texts[stage];
}

/* Keys of a former cluster of this name tell nothing about this one. */
static const struct node_report *report_of(const struct cluster_facts *cluster,
                                           const struct node_facts *node)
{
    if (node == NULL || node->report == NULL ||
        strcmp(node->report->uid, cluster->spec->uid) != 0) {
        return NULL;
    }
    return node->report;
}

static bool config_is_ours(const struct cluster_facts *cluster)
{
    return cluster->config != NULL && strcmp(cluster->config->head.uid, cluster->spec->uid) == 0;
}

static bool serves_current(const struct cluster_facts *cluster, const struct node_report *report)
{
    return report->served.version == cluster->config->head.version &&
           strcmp(report->served.digest, cluster->config->digest) == 0;
}

static bool is_placed(const struct cluster_facts *cluster, uint32_t slot)
{
    const struct node_facts *found = facts_slot(cluster, slot);

    if (found == NULL) {
        return false;
    }
    return report_of(cluster, found) != NULL ||
           (found->intent != NULL && found->intent->phase == INTENT_RUN &&
            strcmp(found->intent->uid, cluster->spec->uid) == 0);
}

static enum stage stage_of(const struct cluster_facts *cluster, uint32_t slot)
{
    const struct node_facts *node = facts_slot(cluster, slot);
    const struct node_report *report = report_of(cluster, node);

    if (report == NULL || report->state != NODE_UP) {
        return is_placed(cluster, slot) ? STAGE_PLACED : STAGE_NONE;
    }
    if (!config_is_ours(cluster) || !facts_is_listed(cluster, node) ||
        report->version_seen < cluster->config->head.version) {
        return STAGE_STARTED;
    }
    return serves_current(cluster, report) ? STAGE_ACKNOWLEDGED : STAGE_PUSHED;
}

bool stages_is_taken_up(const struct cluster_facts *cluster)
{
    return cluster->status != NULL && strcmp(cluster->status->uid, cluster->spec->uid) == 0 &&
           cluster->status->observed_generation == cluster->spec->generation;
}

/*
 * Whether the reports have gone on since the status was written. It is of a former run then, or
 * the controller is about to write the next one: its word about convergence is not of these facts.
 */
static bool status_is_behind(const struct cluster_facts *cluster)
{
    size_t i;

    for (i = 0; i < cluster->status->slots_count; i++) {
        const struct slot_status *told = &cluster->status->slots[i];
        const struct node_report *report =
            report_of(cluster, facts_node(cluster, told->slot, told->host));

        if (told->slot <= cluster->spec->spec.nodes && report != NULL &&
            (strcmp(told->state, node_state_text(report->state)) != 0 ||
             told->version != report->served.version)) {
            return true;
        }
    }
    return false;
}

void stages_of(const struct cluster_facts *cluster, struct stages *out)
{
    uint32_t slot;
    int stage;

    memset(out, 0, sizeof(*out));
    if (cluster == NULL || cluster->spec == NULL || cluster->spec->deleting) {
        return;
    }
    out->wanted = cluster->spec->spec.nodes;
    for (slot = 1; slot <= out->wanted; slot++) {
        out->slots[slot] = stage_of(cluster, slot);
        for (stage = STAGE_NONE; stage <= (int)out->slots[slot]; stage++) {
            out->reached[stage]++;
        }
    }
    out->reached[STAGE_ALIAS] = cluster->alias != NULL && config_is_ours(cluster) ? 1 : 0;
    out->taken_up = stages_is_taken_up(cluster);
    out->converged = out->taken_up && cluster->status->conditions[CONDITION_CONVERGED].status &&
                     !status_is_behind(cluster);
}

/* What is known about a slot that hangs before `stage`. */
static void say_slot(struct sentence *s, const struct cluster_facts *cluster, uint32_t slot)
{
    const struct node_facts *found = facts_slot(cluster, slot);
    const struct node_report *report = report_of(cluster, found);

    say(s, "; %04u", slot);
    if (report != NULL) {
        say(s, " on %s is %s, serves version %u", report->host, node_state_text(report->state),
            report->served.version);
        if (report->problem[0] != '\0') {
            say(s, " (%s)", report->problem);
        }
    } else if (found != NULL && found->intent != NULL) {
        say(s, " on %s has not reported", found->intent->host);
    } else {
        say(s, " has no host");
    }
}

/* A condition that holds, unless its message was said already. */
static void say_condition(struct sentence *s, const struct cluster_facts *cluster,
                          enum condition_type type)
{
    const struct condition *condition = &cluster->status->conditions[type];

    if (condition->status &&
        (condition->message[0] == '\0' || strstr(s->text, condition->message) == NULL)) {
        say(s, "%s%s: %s", s->used == 0 ? "" : "; ", condition_type_text(type), condition->message);
    }
}

static void say_hindrances(struct sentence *s, const struct cluster_facts *cluster)
{
    say_condition(s, cluster, CONDITION_UNSCHEDULABLE);
    say_condition(s, cluster, CONDITION_KEY_INVALID);
    say_condition(s, cluster, CONDITION_STALLED);
}

void stages_hindrance(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE])
{
    struct sentence s = { out, 0 };

    out[0] = '\0';
    if (cluster != NULL && cluster->spec != NULL && stages_is_taken_up(cluster)) {
        say_hindrances(&s, cluster);
    }
}

static void say_stage(struct sentence *s, const struct cluster_facts *cluster,
                      const struct stages *stages, enum stage stage)
{
    uint32_t named = 0;
    uint32_t slot;

    say(s, "stage '%s' hangs: %u of %u nodes", stage_text(stage), stages->reached[stage],
        stages->wanted);
    for (slot = 1; slot <= stages->wanted; slot++) {
        if (stages->slots[slot] < stage && named++ < SLOTS_NAMED_MAX) {
            say_slot(s, cluster, slot);
        }
    }
    if (SLOTS_NAMED_MAX < named) {
        say(s, "; and %u more", named - SLOTS_NAMED_MAX);
    }
}

void stages_why(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE])
{
    struct sentence s = { out, 0 };
    struct stages stages;
    int stage = STAGE_PLACED;

    out[0] = '\0';
    if (cluster == NULL || cluster->spec == NULL) {
        say(&s, "there is no spec that can be read");
        return;
    }
    if (cluster->spec->deleting) {
        say(&s, "it is being deleted");
        return;
    }
    stages_of(cluster, &stages);
    while (stage < STAGE_ALIAS && stages.reached[stage] == stages.wanted) {
        stage++;
    }
    if (stage < STAGE_ALIAS) {
        say_stage(&s, cluster, &stages, (enum stage)stage);
    } else if (stages.reached[STAGE_ALIAS] == 0) {
        say(&s, "stage 'alias' hangs: the endpoint is not set");
    } else {
        say(&s, "all wanted nodes serve the configuration, but the cluster is not converged");
    }
    if (!stages_is_taken_up(cluster)) {
        say(&s, "; no controller has taken up generation %llu of the spec (is one running?)",
            (unsigned long long)cluster->spec->generation);
        return;
    }
    say_hindrances(&s, cluster);
    say_condition(&s, cluster, CONDITION_DEGRADED);
    if (STAGE_ALIAS <= stage && !stages.converged) {
        say(&s, "; Converged: %s", cluster->status->conditions[CONDITION_CONVERGED].message);
    }
}

void stages_why_not_deleted(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE])
{
    struct sentence s = { out, 0 };
    size_t named = 0;
    size_t i;

    out[0] = '\0';
    if (cluster == NULL) {
        say(&s, "it is gone");
        return;
    }
    if (cluster->spec != NULL && !cluster->spec->deleting) {
        say(&s, "nobody asked for its deletion (muster delete cluster %s)", cluster->name);
        return;
    }
    if (cluster->spec != NULL && !stages_is_taken_up(cluster)) {
        say(&s, "no controller has taken up the deletion (is one running?)");
    } else {
        say(&s, "%zu nodes are left", cluster->nodes_count);
    }
    for (i = 0; i < cluster->nodes_count && named < SLOTS_NAMED_MAX; i++, named++) {
        const struct node_facts *node = &cluster->nodes[i];

        say(&s, "; %04u on %s is %s", node->slot, node->host,
            node->report == NULL ? "silent" : node_state_text(node->report->state));
    }
}
