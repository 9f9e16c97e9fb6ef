/*
 * reconcile_bench - what a pass of the controller costs, by the number of nodes.
 *
 *     reconcile_bench [ROUNDS]
 *
 * A pass is measured as the daemon makes it, from the objects that it keeps in memory to the
 * transactions that it would send: observing, building the view, reconciling, building
 * transactions, memory included. Three states of a cluster: nothing to do; one node failed and is
 * to be replaced; every second node is down. Then the same 10 nodes with nothing to do, but in a
 * fleet of 1,000 such clusters. All sizes take turns in every round, so that their ratios belong
 * to one run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "bench/keyset.h"
#include "bench/series.h"
#include "codec/model_json.h"
#include "controller/cluster.h"
#include "controller/txn.h"
#include "reconciler/reconcile.h"

#define ROUNDS_DEFAULT 15
#define ROUNDS_MAX SERIES_MAX
#define PASS_BYTES_MAX (256U << 20)
#define NODES_PER_ROUND 20000U /* so many passes a round that each size has as many nodes to do */
#define SIZES 5
#define NODES_PER_HOST 4U
#define HOSTS_MIN 3U
#define NAME "bench"
#define FAILED_SLOT 2
#define FENCE 1
#define EVENT_LEASE 1

#define FLEET_CLUSTERS 1000U
#define FLEET_NODES 10U
#define FLEET_HOSTS 100U

#define SMALL_NODES 10U
#define SMALL_GOAL_US 20.0
#define LARGE_NODES 1000U
#define LARGE_GOAL_US 2000.0

enum part { PART_OBSERVE, PART_VIEW, PART_RECONCILE, PART_TXN, PART_ALL, PART_COUNT };

static const char *const part_texts[] = { "observe", "view", "reconcile", "txn", "whole pass" };

/* What the passes of a subject must ask for, or they are not what is to be measured. */
enum asked { ASKED_NOTHING, ASKED_INTENT, ASKED_ANYTHING };

/* One cluster in one state, and what its passes took, in microseconds. */
struct subject {
    struct keyset *keyset;
    struct cluster cluster;
    uint32_t nodes;
    uint64_t now_ms;
    enum asked asked;
    size_t view_bytes; /* that a pass takes for the view */
    size_t pass_bytes; /* and altogether */
    struct series parts[PART_COUNT];
};

static void ignore_slot(void *ctx, struct slot_state *slot)
{
    (void)ctx;
    (void)slot;
}

/* ---- One pass ---- */

static int make_view(struct subject *subject, struct arena *arena, uint64_t at_ns[PART_COUNT],
                     struct view *view, struct err *err)
{
    struct objects *objects = keyset_objects(subject->keyset);
    struct cluster_observations observations;
    int rv = cluster_observe(&subject->cluster, objects_cluster(objects, NAME), subject->now_ms,
                             ignore_slot, NULL, err);

    at_ns[PART_OBSERVE] = clock_mono_ns();
    if (0 <= rv) {
        rv = cluster_observations(&subject->cluster, arena, &observations, err);
    }
    return rv < 0 ? rv
                  : view_build(objects, NAME, &observations, subject->now_ms, arena, view, err);
}

static bool asks_for_intent(const struct plan *plan)
{
    size_t i;

    for (i = 0; i < plan->count; i++) {
        if (plan->effects[i].kind == EFFECT_INTENT_PUT) {
            return true;
        }
    }
    return false;
}

static int check_writes(const struct subject *subject, const struct plan *plan,
                        const struct txn_plan *writes, struct err *err)
{
    if (subject->asked == ASKED_INTENT && !asks_for_intent(plan)) {
        return err_set(err, ERR_FAILED, "a failed node is not replaced");
    }
    if (subject->asked == ASKED_NOTHING && 0 < writes->txns_count) {
        return err_set(err, ERR_FAILED, "there is something to do: %s",
                       plan->count == 0 ? "" : plan->effects[0].why);
    }
    return 0;
}

/* `at_ns` gets the times at which the parts ended. */
static int pass(struct subject *subject, struct arena *arena, uint64_t at_ns[PART_COUNT],
                struct err *err)
{
    struct txn_env env = { .objects = keyset_objects(subject->keyset),
                           .fence = FENCE,
                           .event_lease = EVENT_LEASE,
                           .dns = { DNS_PREFIX_DEFAULT, DNS_TTL_S_DEFAULT },
                           .arena = arena };
    struct txn_plan writes;
    struct view view;
    struct plan plan;
    int rv = make_view(subject, arena, at_ns, &view, err);

    if (rv < 0) {
        return rv;
    }
    at_ns[PART_VIEW] = clock_mono_ns();
    subject->view_bytes = arena->used_bytes;
    rv = reconcile(&view, arena, &plan, err);
    if (rv < 0) {
        return rv;
    }
    at_ns[PART_RECONCILE] = clock_mono_ns();
    env.view = &view;
    rv = txn_build(&env, &plan, &writes, err);
    if (rv < 0) {
        return rv;
    }
    subject->pass_bytes = arena->used_bytes;
    return check_writes(subject, &plan, &writes, err);
}

/* Time of this thread on a processor: others of this machine don't count. */
static uint64_t cpu_ns(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* One pass, memory included; what its parts took is added to `parts`. */
static int pass_run(struct subject *subject, struct series parts[PART_ALL], struct err *err)
{
    uint64_t at_ns[PART_COUNT];
    uint64_t before_ns = clock_mono_ns();
    struct arena arena;
    size_t part;
    int rv;

    arena_init(&arena, PASS_BYTES_MAX);
    rv = pass(subject, &arena, at_ns, err);
    arena_deinit(&arena);
    at_ns[PART_TXN] = clock_mono_ns();
    for (part = 0; 0 <= rv && part < PART_ALL; part++) {
        series_add(&parts[part], (double)(at_ns[part] - before_ns) / 1e3);
        before_ns = at_ns[part];
    }
    return rv;
}

/*
 * So many passes that a round takes every size as long, if cost is linear. The processor's clock
 * is too slow for parts: they are told by the median of single passes, on the wall.
 */
static int round_run(struct subject *subject, struct err *err)
{
    unsigned passes = NODES_PER_ROUND / subject->nodes;
    struct series parts[PART_ALL] = { { .count = 0 } };
    uint64_t began_ns = cpu_ns();
    unsigned i;
    size_t part;

    for (i = 0; i < passes; i++) {
        int rv = pass_run(subject, parts, err);

        if (rv < 0) {
            return rv;
        }
    }
    series_add(&subject->parts[PART_ALL], (double)(cpu_ns() - began_ns) / 1e3 / passes);
    for (part = 0; part < PART_ALL; part++) {
        series_add(&subject->parts[part], series_quantile(&parts[part], 0.5));
    }
    return 0;
}

/* ---- States ---- */

static unsigned hosts_for(uint32_t nodes)
{
    unsigned hosts = nodes / NODES_PER_HOST;

    return hosts < HOSTS_MIN ? HOSTS_MIN : hosts;
}

static int subject_init(struct subject *subject, const struct signing_key *key, uint32_t nodes,
                        struct err *err)
{
    int rv = keyset_new(key, hosts_for(nodes), &subject->keyset, err);

    subject->nodes = nodes;
    (void)snprintf(subject->cluster.name, sizeof(subject->cluster.name), NAME);
    if (0 <= rv) {
        rv = keyset_add_cluster(subject->keyset, NAME, nodes, err);
        subject->now_ms = keyset_made_ms(subject->keyset) + KEYSET_SETTLED_MS;
    }
    return rv;
}

static void subject_deinit(struct subject *subject)
{
    cluster_deinit(&subject->cluster);
    keyset_free(subject->keyset);
}

/* The intent of a slot; there is one. */
static const struct intent *intent_of(const struct subject *subject, uint32_t slot)
{
    const struct objects *objects = keyset_objects(subject->keyset);
    const struct object *object = objects_cluster(objects, NAME)->lists[KEY_INTENT];

    while (object->key.slot != slot) {
        object = object->next;
    }
    return &object->of.intent;
}

static int observe(struct subject *subject, struct err *err)
{
    const struct objects *objects = keyset_objects(subject->keyset);

    return cluster_observe(&subject->cluster, objects_cluster(objects, NAME), subject->now_ms,
                           ignore_slot, NULL, err);
}

/* One node is silent and unreachable for so long that it is to be replaced. */
static int fail_one(struct subject *subject, struct err *err)
{
    const struct intent *failed = intent_of(subject, FAILED_SLOT);
    struct key key = keyset_report_key(failed);
    bool told = false;
    unsigned i;
    int rv;

    keyset_remove(subject->keyset, &key);
    rv = observe(subject, err);
    for (i = 0; 0 <= rv && !told && i < PROBE_FAILURES_MIN; i++) {
        told = cluster_probed(&subject->cluster, FAILED_SLOT, failed->host, false, subject->now_ms);
    }
    subject->now_ms += 2 * (uint64_t)SPEC_FAIL_AFTER_MS_DEFAULT;
    subject->asked = ASKED_INTENT;
    return rv < 0 || told ? rv : err_set(err, ERR_FAILED, "probes that fail are no news");
}

static int put_down(struct subject *subject, uint32_t slot, struct err *err)
{
    const struct objects *objects = keyset_objects(subject->keyset);
    const struct object *config = object_single(objects_cluster(objects, NAME), KEY_CONFIG);
    const struct intent *intent = intent_of(subject, slot);
    struct node_report report = keyset_report(intent, &config->of.config);
    struct key key = keyset_report_key(intent);
    CLEANUP(str_deinit) struct str json;
    int rv;

    report.state = NODE_DOWN;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_node_report(&report, &json, err);
    return rv < 0 ? rv : keyset_put(subject->keyset, &key, str_text(&json), json.size, err);
}

/* ---- Telling ---- */

static double median(struct subject *subject, enum part part)
{
    return series_quantile(&subject->parts[part], 0.5);
}

static void print_subject(const char *what, struct subject *subject)
{
    struct series *whole = &subject->parts[PART_ALL];
    size_t part;

    printf("%-10s %5u nodes  %9.2f us  p10 %9.2f  p90 %9.2f  (", what, subject->nodes,
           series_quantile(whole, 0.5), series_quantile(whole, 0.1), series_quantile(whole, 0.9));
    for (part = 0; part < PART_ALL; part++) {
        printf("%s%s %.2f", part == 0 ? "" : ", ", part_texts[part],
               median(subject, (enum part)part));
    }
    printf(")\n");
}

static void print_exponents(struct subject *subjects)
{
    double x[SIZES];
    double y[SIZES];
    size_t part;
    size_t i;

    printf("%-10s exponent from %u to %u nodes: ", "", subjects[0].nodes,
           subjects[SIZES - 1].nodes);
    for (part = PART_COUNT; 0 < part; part--) {
        for (i = 0; i < SIZES; i++) {
            x[i] = subjects[i].nodes;
            y[i] = median(&subjects[i], (enum part)(part - 1));
        }
        printf(" %s %.2f", part_texts[part - 1], series_exponent(x, y, SIZES));
    }
    printf("\n%-10s %u nodes cost %.1f times %u nodes\n", "", subjects[SIZES - 1].nodes,
           median(&subjects[SIZES - 1], PART_ALL) / median(&subjects[0], PART_ALL),
           subjects[0].nodes);
}

static void print_goal(struct subject *subject, double goal_us)
{
    double us = median(subject, PART_ALL);

    printf("goal: %u nodes with nothing to do below %.0f us: %.2f us, %s\n", subject->nodes,
           goal_us, us, us < goal_us ? "met" : "MISSED");
}

static void print_memory(const struct subject *subject)
{
    printf("%-10s %5u nodes  view %6.0f bytes a node, whole pass %6.0f bytes a node\n", "memory",
           subject->nodes, (double)subject->view_bytes / subject->nodes,
           (double)subject->pass_bytes / subject->nodes);
}

/* ---- Runs ---- */

typedef int prepare_fn(struct subject *subject, struct err *err);

static int prepare_nothing(struct subject *subject, struct err *err)
{
    (void)subject;
    (void)err;
    return 0;
}

static int prepare_half_down(struct subject *subject, struct err *err)
{
    uint32_t slot;
    int rv = 0;

    subject->asked = ASKED_ANYTHING;
    for (slot = 1; 0 <= rv && slot <= subject->nodes; slot += 2) {
        rv = put_down(subject, slot, err);
    }
    return rv;
}

static int rounds_run(struct subject *subjects, size_t count, uint64_t rounds, struct err *err)
{
    uint64_t done;
    size_t i;
    int rv = 0;

    for (done = 0; 0 <= rv && done < rounds; done++) {
        for (i = 0; 0 <= rv && i < count; i++) {
            rv = round_run(&subjects[i], err);
        }
    }
    return rv;
}

/* One state at all sizes. */
static int measure_state(const char *what, prepare_fn *prepare, const struct signing_key *key,
                         uint64_t rounds, struct err *err)
{
    static const uint32_t sizes[SIZES] = { SMALL_NODES, 30, 100, 300, LARGE_NODES };
    struct subject *subjects = calloc(SIZES, sizeof(*subjects));
    size_t i;
    int rv = subjects == NULL ? err_set(err, ERR_NOMEM, "subjects") : 0;

    for (i = 0; 0 <= rv && i < SIZES; i++) {
        rv = subject_init(&subjects[i], key, sizes[i], err);
        if (0 <= rv) {
            rv = prepare(&subjects[i], err);
        }
    }
    if (0 <= rv) {
        rv = rounds_run(subjects, SIZES, rounds, err);
    }
    for (i = 0; 0 <= rv && i < SIZES; i++) {
        print_subject(what, &subjects[i]);
    }
    if (0 <= rv) {
        print_exponents(subjects);
    }
    for (i = 0; 0 <= rv && prepare == prepare_nothing && i < SIZES; i++) {
        print_memory(&subjects[i]);
    }
    if (0 <= rv && prepare == prepare_nothing) {
        print_goal(&subjects[0], SMALL_GOAL_US);
        print_goal(&subjects[SIZES - 1], LARGE_GOAL_US);
    }
    for (i = 0; subjects != NULL && i < SIZES; i++) {
        subject_deinit(&subjects[i]);
    }
    free(subjects);
    return rv;
}

static int fill_fleet(struct keyset *keyset, struct err *err)
{
    unsigned i;
    int rv = 0;

    for (i = 1; 0 <= rv && i < FLEET_CLUSTERS; i++) {
        char name[CLUSTER_NAME_MAX + 1];

        (void)snprintf(name, sizeof(name), "c%04u", i);
        rv = keyset_add_cluster(keyset, name, FLEET_NODES, err);
    }
    return rv;
}

static int measure_fleet(const struct signing_key *key, uint64_t rounds, struct err *err)
{
    struct subject *subject = calloc(1, sizeof(*subject));
    int rv;

    if (subject == NULL) {
        return err_set(err, ERR_NOMEM, "subject");
    }
    subject->nodes = FLEET_NODES;
    (void)snprintf(subject->cluster.name, sizeof(subject->cluster.name), NAME);
    rv = keyset_new(key, FLEET_HOSTS, &subject->keyset, err);
    if (0 <= rv) {
        rv = keyset_add_cluster(subject->keyset, NAME, FLEET_NODES, err);
    }
    if (0 <= rv) {
        rv = fill_fleet(subject->keyset, err);
        subject->now_ms = keyset_made_ms(subject->keyset) + KEYSET_SETTLED_MS;
    }
    if (0 <= rv) {
        rv = rounds_run(subject, 1, rounds, err);
    }
    if (0 <= rv) {
        print_subject("in fleet", subject);
        print_memory(subject);
        printf("%-10s of %u clusters on %u hosts\n", "", FLEET_CLUSTERS, FLEET_HOSTS);
    }
    subject_deinit(subject);
    free(subject);
    return rv;
}

int main(int argc, char **argv)
{
    struct signing_key key = { .id = "0123456789abcdef" };
    uint64_t rounds = ROUNDS_DEFAULT;
    struct err err = { 0 };
    int rv;

    if (2 < argc || (argc == 2 && !text_to_u64(argv[1], 1, ROUNDS_MAX, &rounds))) {
        (void)fprintf(stderr, "usage: %s [ROUNDS]\n", argv[0]);
        return 2;
    }
    rv = measure_state("idle", prepare_nothing, &key, rounds, &err);
    if (0 <= rv) {
        rv = measure_state("one failed", fail_one, &key, rounds, &err);
    }
    if (0 <= rv) {
        rv = measure_state("half down", prepare_half_down, &key, rounds, &err);
    }
    if (0 <= rv) {
        rv = measure_fleet(&key, rounds, &err);
    }
    if (rv < 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], err.msg);
        return 1;
    }
    return 0;
}
