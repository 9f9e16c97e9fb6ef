/* The slot of a memcached that joined: it is listened to, spoken for, and never started or ended.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "watcher/slot_parts.h"

#define SECOND_MS 1000U
/* The same start, told twice in whole seconds. */
#define SAME_START_MS 3000U

bool slot_is_attached(const struct slot *slot)
{
    return slot->host->attached != NULL;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a < b ? b - a : a - b;
}

/* Who answers now was there before, perhaps before this watcher; or it is a new start. */
static void note_start(struct slot *slot, bool ended)
{
    uint64_t started_ms = clock_wall_ms() - health_uptime_s(slot->health) * SECOND_MS;
    bool another = slot->heard_pid != 0 && slot->heard_pid != health_pid(slot->health);

    slot->heard_pid = health_pid(slot->health);
    if (slot->starts != 0 && !ended && !another &&
        distance(started_ms, slot->started_wall_ms) < SAME_START_MS) {
        return;
    }
    slot->starts++;
    slot->started_wall_ms = started_ms;
    slot_log(slot, LOG_INFO, slot->starts == 1 ? "memcached-found" : "memcached-started", "");
}

static void on_found(struct slot *slot, enum partition_mode mode)
{
    struct err err;

    note_start(slot, !slot->agent.process);
    if (!slot->agent.process) {
        agent_adopted(&slot->agent, clock_mono_ms());
    }
    slot->mode = mode;
    slot->process_problem[0] = '\0';
    slot_serve_unprove(slot);
    if (slot_serve_open(slot, slot->wanted.intent.uid, &err) < 0) {
        slot_log(slot, LOG_WARN, "partition-unusable", err.msg);
    }
    slot_serve_listen(slot);
    slot_serve_prove(slot);
}

static void on_answered(void *ctx, enum partition_mode mode)
{
    struct slot *slot = ctx;

    if (slot->agent.state == AGENT_STOPPED) {
        return; /* it is let go */
    }
    slot->refusals = 0;
    slot->adopted = false;
    if (mode != PARTITION_NONE) {
        on_found(slot, mode);
    }
    agent_answered(&slot->agent, clock_mono_ms());
    if (mode != PARTITION_NONE || slot->agent.state != AGENT_UP) {
        slot_touch(slot);
    }
    if (mode != PARTITION_NONE) {
        slot->host->attached->found(slot->host->ctx);
    }
}

static void on_ended(struct slot *slot)
{
    slot_log(slot, LOG_WARN, "memcached-gone", slot->process_problem);
    slot_event(slot, "Warning", "MemcachedDied", "%s", slot->process_problem);
    slot->mode = PARTITION_NONE;
    slot->adopted = false;
    slot_serve_unprove(slot);
    agent_ended(&slot->agent, clock_mono_ms());
    slot_touch(slot);
}

/* Nobody listens: it has ended. Nobody answers in time: it may hang. */
static void on_silent(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;

    if (!slot->agent.process) {
        return;
    }
    (void)snprintf(slot->process_problem, sizeof(slot->process_problem),
                   "the data port does not answer: %.200s", err->msg);
    if (err->code == ERR_IO && ++slot->refusals == ATTACHED_REFUSALS_MIN) {
        on_ended(slot);
        return;
    }
    slot->refusals = err->code == ERR_IO ? slot->refusals : 0;
    if (agent_silent(&slot->agent, clock_mono_ms())) {
        slot_touch(slot);
    }
}

static void on_clients(void *ctx, int64_t clients)
{
    struct slot *slot = ctx;

    slot->clients = clients;
    slot_touch(slot);
}

static bool is_heard(const struct slot *slot)
{
    const struct intent *intent = &slot->wanted.intent;

    return slot->health != NULL && strcmp(slot->heard_ip, intent->ip) == 0 &&
           slot->heard_port == intent->data_port;
}

static int listen_to(struct slot *slot, struct err *err)
{
    static const struct health_events events = { on_answered, on_silent, on_clients };
    const struct intent *intent = &slot->wanted.intent;
    int rv;

    health_free(slot->health);
    slot->health = NULL;
    slot->mode = PARTITION_NONE;
    rv = health_new(slot->host->loop, intent->ip, intent->data_port, &events, slot, &slot->health,
                    err);
    if (rv < 0) {
        return rv;
    }
    /* Until it is known whether it runs, the last report holds. */
    agent_adopted(&slot->agent, clock_mono_ms());
    slot->adopted = true;
    slot->refusals = 0;
    slot_process_count_clients(slot);
    (void)snprintf(slot->heard_ip, sizeof(slot->heard_ip), "%s", intent->ip);
    slot->heard_port = intent->data_port;
    health_start(slot->health, HEALTH_ANYBODY);
    return 0;
}

void slot_attached_open(struct slot *slot)
{
    struct err err;
    int rv;

    if (slot->wanted.intent.phase == INTENT_STOP) {
        return;
    }
    rv = slot_serve_open(slot, slot->wanted.intent.uid, &err);
    if (rv < 0) {
        slot_log(slot, LOG_WARN, "partition-unusable", err.msg);
    }
    slot_serve_listen(slot);
    if (!is_heard(slot)) {
        rv = listen_to(slot, &err);
        if (rv < 0) {
            slot_log(slot, LOG_ERROR, "data-port-not-watched", err.msg);
        }
    }
}

/* The files stay: memcached serves on what it holds, and its next slot begins with it. */
void slot_attached_close(struct slot *slot)
{
    slot_serve_close(slot);
    slot->version_noted = slot_serve_version_seen(slot);
    slot->begun_noted = slot_serve_version_begun(slot);
    partition_free(slot->partition);
    slot->partition = NULL;
}

void slot_attached_stopped(struct slot *slot)
{
    if (slot->agent.state != AGENT_STOPPED || slot->health == NULL) {
        return;
    }
    health_free(slot->health);
    slot->health = NULL;
    slot->mode = PARTITION_NONE;
    slot_attached_close(slot);
    slot_log(slot, LOG_INFO, "node-let-go", "");
}

void slot_leave(struct slot *slot)
{
    slot->leaving = true;
    slot_log(slot, LOG_INFO, "node-leaving", "");
    slot_touch(slot);
}

bool slot_is_let_go(const struct slot *slot)
{
    return slot->agent.state == AGENT_STOPPED;
}

bool slot_is_asked(const struct slot *slot)
{
    return slot->present && slot->asked;
}

const struct intent *slot_wanted(const struct slot *slot)
{
    return slot->wanted.known ? &slot->wanted.intent : NULL;
}
