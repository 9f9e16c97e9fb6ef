#include "watcher/slot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "watcher/slot_parts.h"

#define INTENT_ARENA_BYTES (1U << 20)
#define NAMES_ARENA_BYTES (64U << 10)
/* A step settles after a few rules; one that goes on has lost its way. */
#define STEP_RULES_MAX 8

/* ---- Intents ---- */

void held_intent_init(struct held_intent *held)
{
    *held = (struct held_intent){ 0 };
    arena_init(&held->arena, INTENT_ARENA_BYTES);
}

void held_intent_deinit(struct held_intent *held)
{
    arena_deinit(&held->arena);
    held->known = false;
}

int held_intent_read(struct held_intent *held, const char *json, size_t json_bytes, struct err *err)
{
    struct held_intent fresh;
    int rv;

    held_intent_init(&fresh);
    rv = json_decode_intent(json, json_bytes, &fresh.arena, &fresh.intent, err);
    if (rv < 0) {
        held_intent_deinit(&fresh);
        return rv;
    }
    fresh.known = true;
    held_intent_deinit(held);
    *held = fresh;
    return 0;
}

int held_intent_copy(struct held_intent *to, const struct held_intent *from, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_intent(&from->intent, &json, err);
    return rv < 0 ? rv : held_intent_read(to, str_text(&json), json.size, err);
}

/* Whether a process started for `a` is what `b` asks for. Of which incarnation of the cluster it is
 * makes no difference to memcached: only its partition begins anew. */
static bool same_start(const struct intent *a, const struct intent *b)
{
    return strcmp(a->ip, b->ip) == 0 && a->data_port == b->data_port &&
           a->discovery_port == b->discovery_port &&
           node_settings_equal(&a->settings, &b->settings);
}

/* A store that was emptied knows the cluster by another uid: what runs goes over to it, warm. */
static void turn_over(struct slot *slot)
{
    struct err err;
    int rv;

    if (slot->proc == NULL || !slot->running.known ||
        strcmp(slot->running.intent.uid, slot->wanted.intent.uid) == 0 ||
        !same_start(&slot->running.intent, &slot->wanted.intent)) {
        return;
    }
    rv = slot_serve_open(slot, slot->wanted.intent.uid, &err);
    if (rv == 0) {
        rv = held_intent_copy(&slot->running, &slot->wanted, &err);
    }
    if (rv == 0) {
        rv = slot_report_note(slot, &err);
    }
    slot_log(slot, rv < 0 ? LOG_WARN : LOG_INFO, "incarnation-changed", rv < 0 ? err.msg : "");
}

const struct intent *slot_start_of(const struct slot *slot)
{
    return slot->running.known ? &slot->running.intent : &slot->wanted.intent;
}

void slot_touch(struct slot *slot)
{
    loop_defer_schedule(slot->step);
}

/* ---- Steps ---- */

static void do_start(struct slot *slot)
{
    struct err err;

    if (slot_process_start(slot, &err) == 0) {
        slot_log(slot, LOG_INFO, "memcached-started", "");
        return;
    }
    (void)snprintf(slot->process_problem, sizeof(slot->process_problem), "%.300s", err.msg);
    slot_log(slot, LOG_WARN, "memcached-not-started", err.msg);
    if (slot->proc == NULL) {
        agent_ended(&slot->agent, clock_mono_ms());
    }
}

static void do_signal(struct slot *slot, int signum, const char *why)
{
    struct err err;

    slot_log(slot, LOG_INFO, signum == SIGTERM ? "memcached-stopping" : "memcached-killing", why);
    if (proc_signal(slot->proc, signum, &err) < 0 && err.code != ERR_NOT_FOUND) {
        slot_log(slot, LOG_WARN, "signal-failed", err.msg);
    }
}

/* A watcher that began after the process had ended has left the partition alone. */
static void remove_partition(struct slot *slot)
{
    struct err err;

    if (slot->partition == NULL && slot_serve_open(slot, slot->wanted.intent.uid, &err) < 0) {
        slot_log(slot, LOG_WARN, "partition-not-removed", err.msg);
        return;
    }
    partition_remove(TAKE(slot->partition));
}

static void forget(struct slot *slot)
{
    slot_log(slot, LOG_INFO, "node-forgotten", "");
    report_key_drop(slot->report);
    slot->report = NULL;
    if (slot_is_attached(slot)) {
        slot_attached_close(slot);
    } else {
        slot_serve_close(slot);
        remove_partition(slot);
    }
    loop_timer_stop(slot->keeper);
    node_files_remove(&slot->files);
    slot->host->gone(slot->host->ctx, slot);
}

static struct agent_input input_of(const struct slot *slot)
{
    return (struct agent_input){
        .present = slot->present,
        .stop = slot->wanted.intent.phase == INTENT_STOP,
        .bygone = slot->bygone,
        .runnable = slot->host->program->problem[0] == '\0',
        .matches = slot->running.known && same_start(&slot->running.intent, &slot->wanted.intent),
    };
}

/* Do what the rule says. Returns whether the slot still exists and may have more to do. */
static bool obey(struct slot *slot, const struct agent_rule *rule, uint64_t now_ms)
{
    agent_follow(&slot->agent, rule, now_ms);
    switch (rule->action) {
    case AGENT_DO_START:
        do_start(slot);
        return true;
    case AGENT_DO_TERM:
        do_signal(slot, SIGTERM, rule->name);
        return true;
    case AGENT_DO_KILL:
        do_signal(slot, SIGKILL, rule->name);
        return true;
    case AGENT_DO_FORGET:
        forget(slot);
        return false;
    case AGENT_DO_NOTHING:
        break;
    }
    return false;
}

static void after_step(struct slot *slot, uint64_t now_ms)
{
    uint64_t wake_ms = agent_wake_ms(&slot->agent, now_ms);

    if (slot->agent.state == AGENT_STOPPED) {
        slot_serve_close(slot);
    }
    if (slot_is_attached(slot)) {
        slot_attached_stopped(slot);
    }
    slot_report_put(slot);
    if (wake_ms == UINT64_MAX) {
        loop_timer_stop(slot->wake);
    } else {
        loop_timer_start(slot->wake, wake_ms - now_ms);
    }
}

static const struct agent_rule *rule_for(const struct slot *slot, uint64_t now_ms)
{
    struct agent_input input = input_of(slot);

    return slot_is_attached(slot) ? attached_rule(attached_facts(&slot->agent, &input))
                                  : agent_rule(agent_facts(&slot->agent, &input, now_ms));
}

static void on_step(void *ctx)
{
    struct slot *slot = ctx;
    uint64_t now_ms = clock_mono_ms();
    const struct agent_rule *rule;
    int i;

    if (!slot->wanted.known) {
        return;
    }
    turn_over(slot);
    for (i = 0; i < STEP_RULES_MAX; i++) {
        rule = rule_for(slot, now_ms);
        if (rule->action == AGENT_DO_FORGET) {
            (void)obey(slot, rule, now_ms);
            return;
        }
        if (!obey(slot, rule, now_ms)) {
            break;
        }
    }
    after_step(slot, now_ms);
    if (slot_is_attached(slot) && slot_is_let_go(slot)) {
        slot->host->attached->let_go(slot->host->ctx, slot);
    }
}

static void on_wake(void *ctx)
{
    on_step(ctx);
}

/* ---- Lifecycle ---- */

static int load_intent(struct slot *slot, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = file_read(slot->files.intent, &json, err);
    if (rv == 0) {
        rv = held_intent_read(&slot->wanted, str_text(&json), json.size, err);
    }
    if (rv == 0 && slot->wanted.intent.attached != slot_is_attached(slot)) {
        held_intent_deinit(&slot->wanted);
        held_intent_init(&slot->wanted);
        return err_set(err, ERR_INVALID, "it was left by a watcher of another mode");
    }
    return rv;
}

/* Take up what runs. What is wanted is the last intent, or else what was started. */
static int take_up(struct slot *slot, struct err *err)
{
    struct err problem;
    int rv;

    if (load_intent(slot, &problem) < 0 && problem.code != ERR_NOT_FOUND) {
        slot_log(slot, LOG_WARN, "intent-file-unreadable", problem.msg);
    }
    slot->begun_noted = node_files_version(&slot->files);
    if (slot_report_load(slot, &problem) < 0 && problem.code != ERR_NOT_FOUND) {
        slot_log(slot, LOG_WARN, "report-file-unreadable", problem.msg);
    }
    if (!slot->wanted.known && slot->running.known) {
        rv = held_intent_copy(&slot->wanted, &slot->running, err);
        if (rv < 0) {
            return rv;
        }
    }
    if (!slot->wanted.known) {
        return 0;
    }
    if (slot_is_attached(slot)) {
        slot_attached_open(slot);
        return 0;
    }
    return slot_process_take_up(slot, err);
}

static int open_parts(struct slot *slot, struct err *err)
{
    struct loop *loop = slot->host->loop;
    int rv = loop_defer_new(loop, on_step, slot, &slot->step, err);

    if (rv == 0) {
        rv = loop_timer_new(loop, on_wake, slot, &slot->wake, err);
    }
    if (rv == 0) {
        rv = slot_serve_init(slot, err);
    }
    if (rv == 0) {
        rv = slot_report_init(slot, err);
    }
    return rv < 0 ? rv : take_up(slot, err);
}

int slot_new(const struct slot_host *host, const char *cluster, uint32_t number, struct slot **out,
             struct err *err)
{
    CLEANUP(slot_free_p) struct slot *slot = mem_alloc(sizeof(*slot));
    int rv;

    if (slot == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    slot->host = host;
    slot->number = number;
    slot->present = true;
    slot->clients = REPORT_CLIENTS_UNKNOWN;
    (void)snprintf(slot->cluster, sizeof(slot->cluster), "%s", cluster);
    arena_init(&slot->names, NAMES_ARENA_BYTES);
    held_intent_init(&slot->wanted);
    held_intent_init(&slot->running);
    agent_init(&slot->agent);
    rv = node_files_name(host->config->flags.state_dir, cluster, number, &slot->names, &slot->files,
                         err);
    if (rv == 0) {
        rv = open_parts(slot, err);
    }
    if (rv < 0) {
        return rv;
    }
    slot_touch(slot);
    *out = TAKE(slot);
    return 0;
}

void slot_free(struct slot *slot)
{
    if (slot == NULL) {
        return;
    }
    slot_report_deinit(slot);
    proc_free(slot->proc);
    health_free(slot->health);
    slot_serve_deinit(slot);
    loop_defer_free(slot->step);
    loop_timer_free(slot->wake);
    held_intent_deinit(&slot->wanted);
    held_intent_deinit(&slot->running);
    arena_deinit(&slot->names);
    free(slot);
}

void slot_drop(struct slot *slot)
{
    report_key_drop(slot->report);
    slot->report = NULL;
}

void slot_give_up(struct slot *slot)
{
    slot_log(slot, LOG_INFO, "node-given-up", "");
    slot_drop(slot);
    slot_attached_close(slot);
    loop_timer_stop(slot->keeper);
    node_files_remove(&slot->files);
}

const char *slot_cluster(const struct slot *slot)
{
    return slot->cluster;
}

uint32_t slot_number(const struct slot *slot)
{
    return slot->number;
}

bool slot_is_known(const struct slot *slot)
{
    return slot->wanted.known;
}

static int check_place(const struct slot *slot, const struct intent *intent, struct err *err)
{
    if (strcmp(intent->host, slot->host->config->host.name) != 0 ||
        strcmp(intent->cluster, slot->cluster) != 0 || intent->slot != slot->number) {
        return err_set(err, ERR_INVALID, "it is about slot %u of %s on %s", intent->slot,
                       intent->cluster, intent->host);
    }
    if (intent->attached != slot_is_attached(slot)) {
        return err_set(err, ERR_INVALID, "it is for a %s, which this watcher is none of",
                       intent->attached ? "memcached that joined" : "host of memcacheds");
    }
    return 0;
}

static int keep_intent(struct slot *slot, const char *json, size_t json_bytes, struct err *err)
{
    int rv = node_files_make(&slot->files, err);

    return rv < 0 ? rv : file_write(slot->files.intent, json, json_bytes, err);
}

int slot_intend(struct slot *slot, const char *json, size_t json_bytes, struct err *err)
{
    struct held_intent fresh;
    struct err problem;
    int rv;

    held_intent_init(&fresh);
    rv = held_intent_read(&fresh, json, json_bytes, err);
    if (rv == 0) {
        rv = check_place(slot, &fresh.intent, err);
    }
    if (rv < 0) {
        held_intent_deinit(&fresh);
        return rv;
    }
    if (!slot->wanted.known || !slot->asked || !same_start(&fresh.intent, &slot->wanted.intent)) {
        agent_hurry(&slot->agent);
    }
    held_intent_deinit(&slot->wanted);
    slot->wanted = fresh;
    slot->present = true;
    slot->bygone = false;
    slot->asked = true;
    if (keep_intent(slot, json, json_bytes, &problem) < 0) {
        slot_log(slot, LOG_WARN, "intent-not-kept", problem.msg);
    }
    if (slot_is_attached(slot)) {
        slot_attached_open(slot);
    }
    slot_process_count_clients(slot);
    slot_touch(slot);
    return 0;
}

void slot_unintend(struct slot *slot)
{
    slot->present = false;
    slot->asked = false;
    slot_touch(slot);
}

bool slot_is_unasked(const struct slot *slot)
{
    return !slot->present &&
           (slot_is_attached(slot) ? !slot->agent.process : slot->agent.state == AGENT_STOPPED);
}

void slot_bygone(struct slot *slot, uint32_t version)
{
    if (slot_is_unasked(slot) && slot_serve_version_seen(slot) <= version &&
        slot_serve_version_begun(slot) <= version) {
        slot->bygone = true;
        slot_touch(slot);
    }
}

void slot_program_changed(struct slot *slot)
{
    agent_hurry(&slot->agent);
    slot_touch(slot);
}
