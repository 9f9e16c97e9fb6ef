#include "controller/controller_metrics.h"

#include <string.h>

#include "admin/etcd_metrics.h"
#include "admin/process_metrics.h"
#include "base/clock.h"
#include "controller/controller_state.h"
#include "metrics/scrape.h"

static const struct metric rows[] = { CONTROLLER_METRICS(METRIC_ROW) };

const struct metric_table controller_metrics = { "muster-controller", rows, ARRAY_COUNT(rows) };

/* The state of a node that nobody reports of, in a status. */
#define SILENT "silent"
/* The reason of Degraded and Stalled while the brake is on. */
#define BRAKE_REASON "MassFailure"

static const char *const slot_states[] = {
#define X(name, text) text,
    NODE_STATES(X)
#undef X
        SILENT
};

static const char *const partition_modes[] = {
#define X(name, text) text,
    PARTITION_MODES(X)
#undef X
};

/* ---- What it did ---- */

static void put_leadership(struct scrape *scrape, const struct controller *c)
{
    scrape_put(scrape, METRIC_LEADER, leader_fence(c->leader) != 0 ? 1 : 0, NO_LABELS);
    scrape_put(scrape, METRIC_LEADER_CHANGES, (double)c->counts.leader_changes, NO_LABELS);
    scrape_put(scrape, METRIC_SYNCED, mirror_is_synced(c->mirror) && !c->unheard ? 1 : 0,
               NO_LABELS);
    scrape_put(scrape, METRIC_REVISION, (double)mirror_revision(c->mirror), NO_LABELS);
}

static void put_work(struct scrape *scrape, const struct controller *c)
{
    const struct controller_counts *counts = &c->counts;
    unsigned i;

    scrape_put_histogram(scrape, METRIC_PASSES, &counts->pass_seconds, NO_LABELS);
    scrape_put(scrape, METRIC_PASS_FAILURES, (double)counts->failed, NO_LABELS);
    scrape_put(scrape, METRIC_PASS_CONFLICTS, (double)counts->conflicts, NO_LABELS);
    scrape_put(scrape, METRIC_QUEUE, (double)c->fleet.due_count, NO_LABELS);
    scrape_put(scrape, METRIC_BUSY, (double)c->busy, NO_LABELS);
    for (i = 0; i < EFFECT_WAKE_AT; i++) {
        if (i != EFFECT_CONFIG_PUSH) { /* has counters of its own */
            scrape_put(scrape, METRIC_EFFECTS, (double)counts->effects[i],
                       LABELS(effect_kind_text((enum effect_kind)i)));
        }
    }
    for (i = 0; i < EVENT_REASON_COUNT; i++) {
        const struct event_row *row = event_row((enum event_reason)i);

        if (strcmp(row->program, EVENT_BY_WATCHER) != 0 &&
            strcmp(row->program, EVENT_BY_GITOPS) != 0) {
            scrape_put(scrape, METRIC_EVENTS, (double)counts->events[i], LABELS(row->reason));
        }
    }
    scrape_put(scrape, METRIC_PUSHES, (double)counts->pushes, NO_LABELS);
    scrape_put(scrape, METRIC_PUSH_FAILURES, (double)counts->push_failures, NO_LABELS);
    scrape_put_histogram(scrape, METRIC_CONVERGENCE, &counts->converge_seconds, NO_LABELS);
}

/* ---- What there is ---- */

static size_t count_objects(const struct object *object)
{
    size_t count = 0;

    for (; object != NULL; object = object->next) {
        count++;
    }
    return count;
}

static void put_hosts(struct scrape *scrape, const struct controller *c)
{
    const struct object *host;
    size_t count = 0;
    size_t unfit = 0;

    for (host = c->objects.hosts; host != NULL; host = host->next) {
        if (host->problem == NULL) {
            count++;
            unfit += host->of.host.problem[0] == '\0' ? 0 : 1;
        }
    }
    scrape_put(scrape, METRIC_HOSTS, (double)count, NO_LABELS);
    scrape_put(scrape, METRIC_HOSTS_UNFIT, (double)unfit, NO_LABELS);
    scrape_put(scrape, METRIC_HOSTS_CORDONED, (double)count_objects(c->objects.cordons), NO_LABELS);
    scrape_put(scrape, METRIC_KEYS_INVALID, (double)count_objects(c->objects.strays), NO_LABELS);
}

static void put_words(struct scrape *scrape, size_t metric, const char *cluster,
                      const char *const *words, const size_t *counts, size_t words_count)
{
    size_t i;

    for (i = 0; i < words_count; i++) {
        scrape_put(scrape, metric, (double)counts[i], LABELS(cluster, words[i]));
    }
}

static void count_word(const char *word, const char *const *words, size_t *counts, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        counts[i] += strcmp(word, words[i]) == 0 ? 1 : 0;
    }
}

static void put_slots(struct scrape *scrape, const char *cluster, const struct status *status)
{
    size_t states[ARRAY_COUNT(slot_states)] = { 0 };
    size_t modes[ARRAY_COUNT(partition_modes)] = { 0 };
    size_t i;

    for (i = 0; i < status->slots_count; i++) {
        count_word(status->slots[i].state, slot_states, states, ARRAY_COUNT(states));
        count_word(status->slots[i].partition, partition_modes, modes, ARRAY_COUNT(modes));
    }
    put_words(scrape, METRIC_SLOT_STATE, cluster, slot_states, states, ARRAY_COUNT(states));
    put_words(scrape, METRIC_SLOT_PARTITION, cluster, partition_modes, modes, ARRAY_COUNT(modes));
}

static bool brakes(const struct condition *condition)
{
    return condition->status && strcmp(condition->reason, BRAKE_REASON) == 0;
}

static void put_status(struct scrape *scrape, const char *cluster, const struct status *status)
{
    const struct condition *conditions = status->conditions;
    unsigned i;

    scrape_put(scrape, METRIC_WANTED, status->nodes_wanted, LABELS(cluster));
    scrape_put(scrape, METRIC_READY, status->nodes_ready, LABELS(cluster));
    scrape_put(scrape, METRIC_CONVERGED, status->nodes_converged, LABELS(cluster));
    scrape_put(scrape, METRIC_UPDATED, status->nodes_updated, LABELS(cluster));
    scrape_put(scrape, METRIC_OBSERVED, (double)status->observed_generation, LABELS(cluster));
    for (i = 0; i < CONDITION_COUNT; i++) {
        bool holds = conditions[i].reason[0] != '\0' && conditions[i].status;

        scrape_put(scrape, METRIC_CONDITION, holds ? 1 : 0,
                   LABELS(cluster, condition_type_text((enum condition_type)i)));
    }
    scrape_put(
        scrape, METRIC_BRAKE,
        brakes(&conditions[CONDITION_DEGRADED]) || brakes(&conditions[CONDITION_STALLED]) ? 1 : 0,
        LABELS(cluster));
    put_slots(scrape, cluster, status);
}

static void put_age(struct scrape *scrape, const struct controller *c, const char *name)
{
    const struct cluster *cluster = fleet_find(&c->fleet, name);
    uint64_t now_ms = clock_wall_ms();

    if (cluster != NULL && cluster->config_since_ms != 0 && cluster->config_since_ms <= now_ms) {
        scrape_put(scrape, METRIC_AGE, (double)(now_ms - cluster->config_since_ms) / 1e3,
                   LABELS(name));
    }
}

static void put_cluster(struct scrape *scrape, const struct controller *c,
                        const struct cluster_objects *keys)
{
    const struct object *spec = object_single(keys, KEY_SPEC);
    const struct object *status = object_single(keys, KEY_STATUS);
    const struct object *config = object_single(keys, KEY_CONFIG);

    if (keys->lists[KEY_SPEC] == NULL && status == NULL && config == NULL) {
        return; /* all that is left of a deleted one */
    }
    if (spec != NULL) {
        scrape_put(scrape, METRIC_GENERATION, (double)spec->of.spec.generation, LABELS(keys->name));
    }
    if (status != NULL) {
        put_status(scrape, keys->name, &status->of.status);
    }
    scrape_put(scrape, METRIC_VERSION, config == NULL ? 0 : config->of.config.head.version,
               LABELS(keys->name));
    scrape_put(scrape, METRIC_ENDPOINT, object_single(keys, KEY_ALIAS) == NULL ? 0 : 1,
               LABELS(keys->name));
    scrape_put(scrape, METRIC_JOINS, (double)count_objects(keys->lists[KEY_JOIN_REPORT]),
               LABELS(keys->name));
    put_age(scrape, c, keys->name);
}

static void put_clusters(struct scrape *scrape, const struct controller *c)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < c->objects.clusters_count; i++) {
        count += c->objects.clusters[i]->lists[KEY_SPEC] != NULL ? 1 : 0;
        put_cluster(scrape, c, c->objects.clusters[i]);
    }
    scrape_put(scrape, METRIC_CLUSTERS, (double)count, NO_LABELS);
}

int controller_metrics_text(struct controller *c, struct arena *arena, struct str *out,
                            struct err *err)
{
    struct scrape scrape;
    int rv;

    scrape_init(&scrape, &controller_metrics, arena);
    put_leadership(&scrape, c);
    put_work(&scrape, c);
    put_hosts(&scrape, c);
    put_clusters(&scrape, c);
    rv = process_metrics_text("muster-controller", arena, out, err);
    if (0 <= rv) {
        rv = etcd_metrics_text(c->etcd, arena, out, err);
    }
    return rv < 0 ? rv : scrape_text(&scrape, out, err);
}
