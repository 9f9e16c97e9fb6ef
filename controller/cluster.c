#include "controller/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "controller/backoff.h"

void cluster_deinit(struct cluster *cluster)
{
    free(cluster->slots);
    cluster->slots = NULL;
    cluster->slots_count = 0;
    cluster->slots_capacity = 0;
}

static int slot_compare(const struct slot_state *state, uint32_t slot, const char *host)
{
    if (state->seen.slot != slot) {
        return state->seen.slot < slot ? -1 : 1;
    }
    return strcmp(state->host, host);
}

/* Where the slot's node on the host is or belongs. */
static size_t slot_place(const struct cluster *cluster, uint32_t slot, const char *host)
{
    size_t low = 0;
    size_t high = cluster->slots_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slot_compare(&cluster->slots[middle], slot, host) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct cluster *cluster, size_t place, uint32_t slot, const char *host)
{
    return place < cluster->slots_count && slot_compare(&cluster->slots[place], slot, host) == 0;
}

/* Keys come in the order of their slots, mostly: a slot is looked for behind the one before. */
struct slot_state *cluster_slot(struct cluster *cluster, uint32_t slot, const char *host)
{
    size_t place = cluster->place + 1;

    if (!is_at(cluster, place, slot, host)) {
        place = slot_place(cluster, slot, host);
    }
    if (!is_at(cluster, place, slot, host)) {
        return NULL;
    }
    cluster->place = place;
    return &cluster->slots[place];
}

static int slot_of(struct cluster *cluster, uint32_t slot, const char *host,
                   struct slot_state **out, struct err *err)
{
    struct slot_state *found = cluster_slot(cluster, slot, host);
    size_t place;

    if (found != NULL) {
        *out = found;
        return 0;
    }
    if (cluster->slots_count == cluster->slots_capacity) {
        size_t capacity = cluster->slots_capacity == 0 ? 4 : cluster->slots_capacity * 2;
        struct slot_state *grown = mem_realloc(cluster->slots, capacity * sizeof(*grown));

        if (grown == NULL) {
            return err_set(err, ERR_NOMEM, "slots of %s", cluster->name);
        }
        cluster->slots = grown;
        cluster->slots_capacity = capacity;
    }
    CHECK(cluster->slots != NULL);
    place = slot_place(cluster, slot, host);
    found = &cluster->slots[place];
    memmove(found + 1, found, (cluster->slots_count - place) * sizeof(*found));
    *found = (struct slot_state){ .seen = { .slot = slot } };
    (void)snprintf(found->host, sizeof(found->host), "%s", host);
    cluster->slots_count++;
    *out = found;
    return 0;
}

/* ---- Observing the keys ---- */

static void forget_probes(struct slot_state *slot)
{
    slot->probe_failures = 0;
    slot->seen.unreachable_since_ms = 0;
}

/* Another process answers there, or the same at another place: earlier pushes and probes say
 * nothing. */
static void slot_moved(struct slot_state *slot, const char *ip, uint16_t data_port)
{
    if (strcmp(slot->ip, ip) == 0 && slot->data_port == data_port) {
        return;
    }
    (void)snprintf(slot->ip, sizeof(slot->ip), "%s", ip);
    slot->data_port = data_port;
    slot->push_failures = 0;
    slot->seen.pushing_version = 0;
    slot->seen.pushed_version = 0;
    slot->seen.push_retry_at_ms = 0;
    forget_probes(slot);
}

static void observe_report(struct slot_state *slot, const struct node_report *report)
{
    slot->kept = true;
    slot->seen.report_gone_since_ms = 0;
    slot->probe_wanted = report->state == NODE_DOWN;
    slot_moved(slot, report->ip, report->data_port);
    if (slot->started_ms != report->started_ms) {
        slot->started_ms = report->started_ms;
        slot->push_failures = 0;
        slot->seen.pushed_version = 0;
        slot->seen.push_retry_at_ms = 0;
    }
    if (!slot->probe_wanted) {
        forget_probes(slot);
    }
}

/* A node that should have a report and has none. */
static void observe_silence(struct slot_state *slot, const char *ip, uint16_t data_port,
                            uint64_t now_ms)
{
    if (slot->kept) {
        return; /* it has a report */
    }
    slot->kept = true;
    slot->probe_wanted = true;
    if (slot->seen.report_gone_since_ms == 0) {
        slot->seen.report_gone_since_ms = now_ms;
    }
    slot_moved(slot, ip, data_port);
}

static int observe_reports(struct cluster *cluster, const struct object *object, struct err *err)
{
    struct slot_state *slot;
    int rv = 0;

    for (; 0 <= rv && object != NULL; object = object->next) {
        rv = slot_of(cluster, object->key.slot, object->key.host, &slot, err);
        if (0 <= rv && object->problem == NULL) {
            observe_report(slot, &object->of.report);
        } else if (0 <= rv) {
            slot->kept = true; /* a report is there, whatever it says */
        }
    }
    return rv;
}

static int observe_intents(struct cluster *cluster, const struct object *object, uint64_t now_ms,
                           struct err *err)
{
    struct slot_state *slot;
    int rv = 0;

    for (; 0 <= rv && object != NULL; object = object->next) {
        const struct intent *intent = &object->of.intent;

        if (object->problem != NULL) {
            continue;
        }
        rv = slot_of(cluster, object->key.slot, object->key.host, &slot, err);
        if (0 <= rv && slot->ip[0] == '\0') {
            slot_moved(slot, intent->ip, intent->data_port); /* its report can't be read */
        }
        if (0 <= rv) {
            observe_silence(slot, intent->ip, intent->data_port, now_ms);
        }
    }
    return rv;
}

/* Whether a report or an intent tells of the member. */
static bool member_is_known(const struct cluster *cluster, const struct member *member)
{
    size_t i = slot_place(cluster, member->slot, "");

    for (; i < cluster->slots_count && cluster->slots[i].seen.slot == member->slot; i++) {
        const struct slot_state *slot = &cluster->slots[i];

        if (slot->kept && slot->data_port == member->port && strcmp(slot->ip, member->ip) == 0) {
            return true;
        }
    }
    return false;
}

static int observe_members(struct cluster *cluster, const struct object *config, uint64_t now_ms,
                           struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && config != NULL && i < config->of.config.head.members_count; i++) {
        const struct member *member = &config->of.config.head.members[i];
        struct slot_state *slot;

        if (!member_is_known(cluster, member)) {
            rv = slot_of(cluster, member->slot, "", &slot, err);
            if (0 <= rv) {
                observe_silence(slot, member->ip, member->port, now_ms);
            }
        }
    }
    return rv;
}

static int observe_nodes(struct cluster *cluster, const struct cluster_objects *keys,
                         uint64_t now_ms, struct err *err)
{
    int rv = observe_reports(cluster, keys->lists[KEY_NODE], err);

    if (0 <= rv) {
        rv = observe_intents(cluster, keys->lists[KEY_INTENT], now_ms, err);
    }
    if (0 <= rv) {
        rv = observe_members(cluster, object_single(keys, KEY_CONFIG), now_ms, err);
    }
    return rv;
}

static void observe_config(struct cluster *cluster, const struct cluster_objects *keys,
                           uint64_t now_ms)
{
    const struct object *config = object_single(keys, KEY_CONFIG);
    uint32_t version = config == NULL ? 0 : config->of.config.head.version;
    size_t i;

    if (version == cluster->config_version) {
        return;
    }
    cluster->config_version = version;
    cluster->config_since_ms = version == 0 ? 0 : now_ms;
    for (i = 0; i < cluster->slots_count; i++) {
        cluster->slots[i].seen.push_retry_at_ms = 0; /* was about the former one */
    }
}

int cluster_observe(struct cluster *cluster, const struct cluster_objects *keys, uint64_t now_ms,
                    cluster_slot_fn *slot_gone, void *ctx, struct err *err)
{
    size_t kept = 0;
    size_t i;
    int rv;

    for (i = 0; i < cluster->slots_count; i++) {
        cluster->slots[i].kept = false;
        cluster->slots[i].probe_wanted = false;
    }
    observe_config(cluster, keys, now_ms);
    rv = observe_nodes(cluster, keys, now_ms, err);
    if (rv < 0) {
        return rv;
    }
    for (i = 0; i < cluster->slots_count; i++) {
        if (cluster->slots[i].kept) {
            cluster->slots[kept++] = cluster->slots[i];
        } else {
            slot_gone(ctx, &cluster->slots[i]);
        }
    }
    cluster->slots_count = kept;
    return 0;
}

int cluster_observations(const struct cluster *cluster, struct arena *arena,
                         struct cluster_observations *out, struct err *err)
{
    struct slot_observation *list = arena_calloc(arena, cluster->slots_count + 1, sizeof(*list));
    size_t i;

    if (list == NULL) {
        return err_set(err, ERR_NOMEM, "observations of %s", cluster->name);
    }
    for (i = 0; i < cluster->slots_count; i++) {
        list[i] = cluster->slots[i].seen;
        list[i].host = cluster->slots[i].host;
    }
    *out = (struct cluster_observations){ .slots = list,
                                          .slots_count = cluster->slots_count,
                                          .config_since_ms = cluster->config_since_ms,
                                          .polled_version = cluster->polled_version };
    return 0;
}

/* ---- Pushes and probes ---- */

void cluster_pushing(struct cluster *cluster, uint32_t slot, const char *host, uint32_t version)
{
    struct slot_state *found = cluster_slot(cluster, slot, host);

    if (found != NULL) {
        found->seen.pushing_version = version;
    }
}

/* The node whose push to `ip` is under way, or NULL: it has moved, and the answer means nothing. */
static struct slot_state *pushed_slot(struct cluster *cluster, uint32_t slot, const char *host,
                                      const char *ip)
{
    struct slot_state *found = cluster_slot(cluster, slot, host);

    if (found == NULL || strcmp(found->ip, ip) != 0) {
        return NULL;
    }
    found->seen.pushing_version = 0;
    return found;
}

void cluster_pushed(struct cluster *cluster, uint32_t slot, const char *host, const char *ip,
                    uint32_t version, uint64_t now_ms)
{
    struct slot_state *found = pushed_slot(cluster, slot, host, ip);

    if (found != NULL) {
        found->seen.pushed_version = version;
        /* A late answer about a former version delays nothing. */
        found->seen.push_retry_at_ms =
            version < cluster->config_version ? 0 : now_ms + PUSH_ACK_WAIT_MS;
        found->push_failures = 0;
    }
}

unsigned cluster_push_failed(struct cluster *cluster, uint32_t slot, const char *host,
                             const char *ip, uint64_t now_ms)
{
    struct slot_state *found = pushed_slot(cluster, slot, host, ip);

    if (found == NULL) {
        return 0;
    }
    found->push_failures++;
    found->seen.push_retry_at_ms =
        now_ms + backoff_ms(found->push_failures, PUSH_RETRY_MS_MIN, PUSH_RETRY_MS_MAX);
    return found->push_failures;
}

/*
 * One that looked dead answers: it may be that the looking failed. The others count again when they
 * have failed once more, since they first did.
 */
static void ask_others_anew(struct cluster *cluster, const struct slot_state *but)
{
    size_t i;

    for (i = 0; i < cluster->slots_count; i++) {
        struct slot_state *slot = &cluster->slots[i];

        if (slot != but && slot->seen.unreachable_since_ms != 0) {
            slot->seen.unreachable_since_ms = 0;
            slot->probe_failures = PROBE_FAILURES_MIN - 1;
        }
    }
}

bool cluster_probed(struct cluster *cluster, uint32_t slot, const char *host, bool answers,
                    uint64_t now_ms)
{
    struct slot_state *found = cluster_slot(cluster, slot, host);
    bool was_unreachable = found != NULL && found->seen.unreachable_since_ms != 0;

    if (found == NULL) {
        return false;
    }
    if (answers) {
        forget_probes(found);
        if (was_unreachable) {
            ask_others_anew(cluster, found);
        }
        return was_unreachable;
    }
    if (found->probe_failures == 0) {
        found->probe_failed_ms = now_ms;
    }
    found->probe_failures += found->probe_failures < PROBE_FAILURES_MIN ? 1 : 0;
    if (was_unreachable || found->probe_failures < PROBE_FAILURES_MIN) {
        return false;
    }
    found->seen.unreachable_since_ms = found->probe_failed_ms;
    return true;
}
