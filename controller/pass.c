#include "controller/pass.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/backoff.h"
#include "controller/executor.h"
#include "controller/leavers.h"
#include "controller/probing.h"
#include "controller/pushing.h"
#include "controller/strays.h"
#include "controller/txn.h"
#include "reconciler/reconcile.h"
#include "view/view_build.h"

#define PASS_BYTES_MAX (256U << 20)
#define PASSES_PER_TURN 64 /* then the loop looks at its events first */
#define BUSY_MAX 64        /* clusters with transactions under way */
#define CONFLICT_MS_MIN 10
#define CONFLICT_MS_MAX 2000
#define CONFLICTS_HASTY 3 /* in a row; after that changes don't hasten the next try */
/* In a row; with each so many the watch is doubted: it should have told what has changed. */
#define CONFLICTS_DOUBTFUL 5
#define FAILURE_MS_MIN 100
#define FAILURE_MS_MAX 15000
#define DOUBT_MS 100
/* Status and events are for people: several changes of them become one write, and none is under
 * way when something urgent is due. */
#define LAZY_MS 25
#define WAKE_MS_MIN 10 /* a wake that is due already must not turn into a busy loop */

static bool is_cluster(const struct cluster *cluster)
{
    return strcmp(cluster->name, NO_CLUSTER) != 0;
}

static void set_state(struct cluster *cluster, enum cluster_state state)
{
    cluster->state = state;
}

/* ---- Marking ---- */

static void schedule(struct controller *c)
{
    loop_defer_schedule(c->passes);
}

static bool is_due(const struct cluster *cluster)
{
    return cluster->dirty && cluster->state == CLUSTER_IDLE;
}

static void queue(struct controller *c, struct cluster *cluster)
{
    if (is_due(cluster)) {
        fleet_queue(&c->fleet, cluster);
        schedule(c);
    }
}

static void mark(struct controller *c, struct cluster *cluster)
{
    cluster->dirty = true;
    if (cluster->state == CLUSTER_CONFLICT && cluster->failures <= CONFLICTS_HASTY) {
        set_state(cluster, CLUSTER_IDLE);
    }
    queue(c, cluster);
}

static void timer_ended(void *ctx)
{
    struct cluster *cluster = ctx;

    if (cluster->state == CLUSTER_BACKOFF || cluster->state == CLUSTER_CONFLICT) {
        set_state(cluster, CLUSTER_IDLE);
    }
    mark(cluster->owner, cluster);
}

static void timer_start(struct cluster *cluster, uint64_t after_ms)
{
    cluster->timer_due_ms = clock_mono_ms() + after_ms;
    loop_timer_start(cluster->timer, after_ms);
}

void pass_wake_no_later(struct cluster *cluster, uint64_t after_ms)
{
    if (!loop_timer_running(cluster->timer) || clock_mono_ms() + after_ms < cluster->timer_due_ms) {
        timer_start(cluster, after_ms);
    }
}

static int cluster_get(struct controller *c, const char *name, struct cluster **out,
                       struct err *err)
{
    struct cluster *cluster;
    int rv = fleet_get(&c->fleet, name, &cluster, err);

    if (rv < 0) {
        return rv;
    }
    if (cluster->timer == NULL) {
        cluster->owner = c;
        rv = loop_timer_new(c->loop, timer_ended, cluster, &cluster->timer, err);
        if (rv < 0) {
            fleet_remove(&c->fleet, cluster);
            return rv;
        }
    }
    *out = cluster;
    return 0;
}

void pass_mark(struct controller *c, const char *name)
{
    struct cluster *cluster;
    struct err err;

    if (!c->leading) {
        return;
    }
    if (cluster_get(c, name, &cluster, &err) < 0) {
        log_write(c->log, LOG_ERROR, "cluster-unattended", LOG_TEXT("cluster", name),
                  LOG_TEXT("error", err.msg));
        return;
    }
    mark(c, cluster);
}

void pass_mark_all(struct controller *c)
{
    size_t i;

    for (i = 0; i < c->objects.clusters_count; i++) {
        pass_mark(c, c->objects.clusters[i]->name);
    }
}

void pass_mark_unschedulable(struct controller *c)
{
    size_t i;

    for (i = 0; i < c->objects.clusters_count; i++) {
        const struct object *status = object_single(c->objects.clusters[i], KEY_STATUS);

        if (status != NULL && status->of.status.conditions[CONDITION_UNSCHEDULABLE].status) {
            pass_mark(c, c->objects.clusters[i]->name);
        }
    }
}

/* ---- Failures ---- */

/* Say it once, not with each try. */
static void log_trouble(struct controller *c, struct cluster *cluster, const struct err *err)
{
    if (strcmp(cluster->trouble, err->msg) == 0) {
        return;
    }
    memcpy(cluster->trouble, err->msg, sizeof(cluster->trouble));
    log_write(c->log, LOG_WARN, "pass-failed", LOG_TEXT("cluster", cluster->name),
              LOG_TEXT("error", err->msg));
}

static void succeed(struct controller *c, struct cluster *cluster)
{
    cluster->failures = 0;
    if (cluster->trouble[0] != '\0') {
        cluster->trouble[0] = '\0';
        log_write(c->log, LOG_INFO, "pass-recovered", LOG_TEXT("cluster", cluster->name));
    }
}

/*
 * Nothing is known but what the keys say: the next pass is on fresh facts. After a conflict those
 * are on their way, or came in the meantime.
 */
static void fail(struct controller *c, struct cluster *cluster, const struct err *err)
{
    bool conflict = err->code == ERR_CONFLICT;

    c->counts.conflicts += conflict ? 1 : 0;
    c->counts.failed += conflict ? 0 : 1;
    cluster->failures++;
    if (err->code == ERR_NOT_FOUND) {
        event_lease_drop(c->event_lease);
    }
    if (conflict && cluster->dirty && cluster->failures <= CONFLICTS_HASTY) {
        set_state(cluster, CLUSTER_IDLE);
        queue(c, cluster);
        return;
    }
    if (conflict && cluster->failures % CONFLICTS_DOUBTFUL == 0) {
        mirror_refresh(c->mirror);
    }
    cluster->dirty = true;
    set_state(cluster, conflict ? CLUSTER_CONFLICT : CLUSTER_BACKOFF);
    timer_start(cluster, conflict ? backoff_ms(cluster->failures, CONFLICT_MS_MIN, CONFLICT_MS_MAX)
                                  : backoff_ms(cluster->failures, FAILURE_MS_MIN, FAILURE_MS_MAX));
    if (!conflict || CONFLICTS_HASTY < cluster->failures) {
        log_trouble(c, cluster, err);
    }
}

/* ---- One pass ---- */

static void connection_drop(struct controller *c, const char *ip, uint16_t data_port)
{
    memd_forget(c->memd, ip, data_port);
    memd_forget(c->memd, ip, (uint16_t)(data_port - 1));
}

static void slot_gone(void *ctx, struct slot_state *slot)
{
    probing_end(slot);
    connection_drop(ctx, slot->ip, slot->data_port);
}

static void log_notes(struct controller *c, const struct cluster *cluster,
                      const struct txn_plan *plan)
{
    size_t i;

    for (i = 0; i < plan->notes_count; i++) {
        const struct txn_note *note = &plan->notes[i];

        log_write(c->log, note->kind == EFFECT_STATUS_PUT ? LOG_DEBUG : LOG_INFO,
                  effect_kind_text(note->kind), LOG_TEXT("cluster", cluster->name),
                  LOG_NUMBER("slot", note->slot), LOG_TEXT("rule", note->why),
                  LOG_TEXT("detail", note->detail));
    }
}

/* What the pass asked for is written. */
static void pass_done(struct controller *c, struct cluster *cluster, const struct txn_plan *plan)
{
    set_state(cluster, CLUSTER_IDLE);
    cluster->names_written = true;
    succeed(c, cluster);
    log_notes(c, cluster, plan);
    counts_done(&c->counts, plan);
    if (plan->wake_at_ms != 0) {
        uint64_t now_ms = clock_wall_ms();
        uint64_t after_ms = plan->wake_at_ms <= now_ms ? 0 : plan->wake_at_ms - now_ms;

        timer_start(cluster, after_ms < WAKE_MS_MIN ? WAKE_MS_MIN : after_ms);
    } else {
        loop_timer_stop(cluster->timer);
    }
    if (plan->cut || cluster->dirty) {
        mark(c, cluster);
    }
}

/* End what the cluster keeps running, and drop it. Must not be busy. */
static void cluster_drop(struct controller *c, struct cluster *cluster)
{
    size_t i;

    for (i = 0; i < cluster->slots_count; i++) {
        slot_gone(c, &cluster->slots[i]);
    }
    leavers_end(cluster);
    loop_timer_free(cluster->timer);
    executor_free(cluster->executor);
    fleet_remove(&c->fleet, cluster);
}

static void written(void *ctx, const struct txn_plan *plan, const struct err *err)
{
    struct cluster *cluster = ctx;
    struct controller *c = cluster->owner;

    cluster->executor = NULL;
    c->busy--;
    objects_release(&c->objects, cluster->name);
    if (err == NULL) {
        pass_done(c, cluster, plan);
        pushing_start(c, cluster, plan);
    } else {
        if (!is_cluster(cluster)) {
            strays_retry(&c->objects);
        }
        fail(c, cluster, err);
    }
    if (!c->leading) {
        cluster_drop(c, cluster);
    }
    schedule(c);
}

static int reserve(struct controller *c, const struct txn_plan *plan, struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < plan->intents_count; i++) {
        rv = objects_reserve(&c->objects, plan->intents[i], err);
    }
    return rv;
}

static int write_plan(struct controller *c, struct cluster *cluster, struct arena *arena,
                      const struct txn_plan *plan, struct err *err)
{
    struct executor_deps deps = { .etcd = c->etcd,
                                  .mirror = c->mirror,
                                  .prefix = c->config->prefix };
    int rv = reserve(c, plan, err);

    if (0 <= rv) {
        rv = executor_start(&deps, arena, plan, written, cluster, &cluster->executor, err);
    }
    if (rv < 0) {
        objects_release(&c->objects, cluster->name);
        return rv;
    }
    set_state(cluster, CLUSTER_BUSY);
    c->busy++;
    return 0;
}

static int make_plan(struct controller *c, struct cluster *cluster, struct arena *arena,
                     struct view *view, struct plan *plan, struct err *err)
{
    const struct cluster_objects *keys = objects_cluster(&c->objects, cluster->name);
    struct cluster_observations observations;
    uint64_t now_ms = clock_wall_ms();
    int rv;

    *view = (struct view){ .cluster = cluster->name, .now_ms = now_ms };
    if (!is_cluster(cluster)) {
        return strays_plan(&c->objects, now_ms, arena, plan, err);
    }
    rv = cluster_observe(cluster, keys, now_ms, slot_gone, c, err);
    if (rv < 0) {
        return rv;
    }
    probing_follow(c, cluster);
    leavers_follow(c, cluster, keys);
    rv = cluster_observations(cluster, arena, &observations, err);
    if (0 <= rv) {
        rv = view_build(&c->objects, cluster->name, &observations, now_ms, arena, view, err);
    }
    return rv < 0 ? rv : reconcile(view, arena, plan, err);
}

/* Whether the writes can wait a little; then the timer runs. */
static bool put_off(struct cluster *cluster, const struct txn_plan *plan)
{
    uint64_t now_ms = clock_mono_ms();

    if (plan->urgent || !is_cluster(cluster) ||
        (cluster->lazy_due_ms != 0 && cluster->lazy_due_ms <= now_ms)) {
        cluster->lazy_due_ms = 0;
        return false;
    }
    if (cluster->lazy_due_ms == 0) {
        cluster->lazy_due_ms = now_ms + LAZY_MS;
    }
    timer_start(cluster, cluster->lazy_due_ms - now_ms);
    return true;
}

/* Returns 0 when the plan is written, on its way, put off, or waits for an event lease. */
static int pass(struct controller *c, struct cluster *cluster, struct arena *arena, struct err *err)
{
    struct txn_env env = { .objects = &c->objects,
                           .revision = mirror_revision(c->mirror),
                           .fence = leader_fence(c->leader),
                           .event_lease = event_lease_id(c->event_lease),
                           .key = &c->key,
                           .dns = c->config->dns,
                           .names_due = is_cluster(cluster) && !cluster->names_written,
                           .arena = arena };
    struct txn_plan writes;
    struct view view;
    struct plan plan;
    int rv;

    if (env.fence == 0) {
        /* The lease came into doubt in this very turn. No fence would be one that a key without a
         * leader lets through. */
        cluster->dirty = true;
        loop_timer_start(c->doubt_timer, DOUBT_MS);
        return 0;
    }
    rv = make_plan(c, cluster, arena, &view, &plan, err);
    env.view = &view;
    if (rv < 0) {
        return rv;
    }
    if (env.event_lease == 0 && txn_needs_event_lease(&plan)) {
        set_state(cluster, CLUSTER_LEASE);
        cluster->dirty = true;
        return event_lease_ask(c->event_lease, err);
    }
    rv = txn_build(&env, &plan, &writes, err);
    if (rv < 0) {
        return rv;
    }
    pushing_start(c, cluster, &writes);
    if (0 < writes.txns_count && put_off(cluster, &writes)) {
        return 0;
    }
    if (0 < writes.txns_count) {
        return write_plan(c, cluster, arena, &writes, err);
    }
    pass_done(c, cluster, &writes);
    return 0;
}

static void look_at_status(struct controller *c, struct cluster *cluster)
{
    const struct cluster_objects *keys = objects_cluster(&c->objects, cluster->name);
    const struct object *status = keys == NULL ? NULL : object_single(keys, KEY_STATUS);

    if (status != NULL) {
        counts_status(&c->counts, &status->of.status, &cluster->unconverged_ms);
    }
}

static void pass_cluster(struct controller *c, struct cluster *cluster)
{
    uint64_t begin_ns = clock_mono_ns();
    struct arena arena;
    struct err err;

    arena_init(&arena, PASS_BYTES_MAX);
    cluster->dirty = false;
    look_at_status(c, cluster);
    if (pass(c, cluster, &arena, &err) < 0) {
        if (!is_cluster(cluster)) {
            strays_retry(&c->objects);
        }
        fail(c, cluster, &err);
    }
    arena_deinit(&arena);
    histogram_add(&c->counts.pass_seconds, &pass_seconds_bounds,
                  (double)(clock_mono_ns() - begin_ns) / 1e9);
}

/* ---- Which are due ---- */

/* Whether there is something to reconcile, not just what outlives a cluster. */
static bool has_keys(const struct controller *c, const struct cluster *cluster)
{
    const struct cluster_objects *keys;
    size_t kind;

    if (!is_cluster(cluster)) {
        return strays_pending(&c->objects);
    }
    keys = objects_cluster(&c->objects, cluster->name);
    for (kind = 0; keys != NULL && kind <= KEY_UNKNOWN; kind++) {
        if (kind != KEY_LINEAGE && kind != KEY_EVENT && keys->lists[kind] != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether writes may go out now. A lease in doubt is renewed or lost soon; look again then. */
static bool may_write(struct controller *c)
{
    if (!c->leading || c->resigned || !mirror_is_synced(c->mirror)) {
        return false;
    }
    if (leader_fence(c->leader) == 0) {
        loop_timer_start(c->doubt_timer, DOUBT_MS);
        return false;
    }
    return true;
}

static void run_due(struct controller *c, struct cluster *cluster)
{
    if (!is_due(cluster)) {
        return;
    }
    if (!has_keys(c, cluster)) {
        cluster_drop(c, cluster);
        return;
    }
    pass_cluster(c, cluster);
    if (is_due(cluster)) {
        fleet_queue(&c->fleet, cluster); /* the pass could not be; what it waits for schedules */
    }
}

void pass_run(void *ctx)
{
    struct controller *c = ctx;
    /* Each at most once: one that can't go on waits behind the others for the next turn. */
    size_t left = c->fleet.due_count;
    bool more = PASSES_PER_TURN < left;

    if (!may_write(c)) {
        return;
    }
    for (left = more ? PASSES_PER_TURN : left; 0 < left && c->busy < BUSY_MAX; left--) {
        run_due(c, fleet_next(&c->fleet));
    }
    if (more && c->busy < BUSY_MAX) {
        schedule(c);
    }
}

void pass_begin_all(struct controller *c)
{
    pass_mark_all(c);
    strays_retry(&c->objects);
    if (strays_pending(&c->objects)) {
        pass_mark(c, NO_CLUSTER);
    }
}

void pass_end_all(struct controller *c)
{
    size_t i = 0;

    while (i < c->fleet.count) {
        struct cluster *cluster = c->fleet.clusters[i];

        if (cluster->state == CLUSTER_BUSY) {
            i++; /* its transaction is refused by etcd, or was in time */
        } else {
            cluster_drop(c, cluster);
        }
    }
}

void pass_drop_all(struct controller *c)
{
    while (0 < c->fleet.count) {
        cluster_drop(c, c->fleet.clusters[0]);
    }
}

void pass_event_lease(void *ctx, const struct err *err)
{
    struct controller *c = ctx;
    size_t i;

    for (i = 0; i < c->fleet.count; i++) {
        struct cluster *cluster = c->fleet.clusters[i];

        if (cluster->state == CLUSTER_LEASE && err != NULL) {
            fail(c, cluster, err);
        } else if (cluster->state == CLUSTER_LEASE) {
            set_state(cluster, CLUSTER_IDLE);
            mark(c, cluster);
        }
    }
}
