#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "codec/model_json.h"
#include "watcher/slot_parts.h"

#define REPORT_ARENA_BYTES (1U << 20)
/* How long after a change the file is written: an acknowledgement must not wait for a disk, and
 * several changes become one write. A version that is lost with a crash stands in the segment. */
#define KEEP_AFTER_MS 1000

static enum node_state state_of(const struct slot *slot)
{
    switch (slot->agent.state) {
    case AGENT_UP:
        /* Without the module, and without the port beside it, nobody answers discovery. */
        return slot->mode == PARTITION_BESIDE && slot->discovery == NULL ? NODE_DOWN : NODE_UP;
    case AGENT_STARTING:
        return NODE_STARTING;
    case AGENT_WAITING:
        return slot->starts == 0 && slot->process_problem[0] == '\0' &&
                       slot->host->program->problem[0] == '\0'
                   ? NODE_STARTING
                   : NODE_DOWN;
    case AGENT_SILENT:
    case AGENT_STOPPING:
        return NODE_DOWN;
    case AGENT_STOPPED:
    case AGENT_GONE:
        break;
    }
    return NODE_STOPPED;
}

/* The one that matters most. */
static const char *problem_of(const struct slot *slot, enum node_state state)
{
    if (state == NODE_STOPPED) {
        return "";
    }
    if (slot->proc == NULL && slot->host->program->problem[0] != '\0') {
        return slot->host->program->problem;
    }
    if (state != NODE_UP && slot->process_problem[0] != '\0') {
        return slot->process_problem;
    }
    return slot->listen_problem[0] != '\0' ? slot->listen_problem : slot->proof.problem;
}

static void compose_attached(const struct slot *slot, struct node_report *out)
{
    bool heard = slot->agent.process && slot->health != NULL;
    const struct node_settings *settings = slot->host->attached->settings;

    out->attached = true;
    out->join = slot->wanted.known ? slot->wanted.intent.join : "";
    out->join_issued_ms = slot->wanted.known ? slot->wanted.intent.join_issued_ms : 0;
    out->leaving = slot->leaving;
    out->pid = heard ? health_pid(slot->health) : 0;
    out->started_ms = heard ? slot->started_wall_ms : 0;
    if (settings->threads != 0) {
        out->settings = *settings;
    }
}

/* Of the intent that is known, not of the one that was started from. */
static uint32_t turn_of(const struct slot *slot)
{
    return slot->wanted.known ? slot->wanted.intent.settings_turn
                              : slot->running.intent.settings_turn;
}

void slot_report_compose(const struct slot *slot, struct node_report *out)
{
    /* What runs is told; what is wanted, before anything ran. */
    const struct intent *intent = slot_start_of(slot);
    const struct proof *proof = &slot->proof;

    *out = (struct node_report){
        .cluster = slot->cluster,
        .slot = slot->number,
        .host = slot->host->config->host.name,
        /* What does not run is of no incarnation but the wanted one. */
        .uid = slot->proc == NULL && slot->wanted.known ? slot->wanted.intent.uid : intent->uid,
        .state = state_of(slot),
        .partition = slot->mode,
        .ip = intent->ip,
        .data_port = intent->data_port,
        .discovery_port = intent->discovery_port,
        .settings = intent->settings,
        .settings_turn = turn_of(slot),
        .served = { 0, 0, "" },
        .version_seen = slot_serve_version_seen(slot),
        .version_begun = slot_serve_version_begun(slot),
        .pid = slot->proc == NULL ? 0 : proc_pid(slot->proc),
        .started_ms = slot->proc == NULL ? 0 : slot->started_wall_ms,
        .restarts = slot->starts == 0 ? 0 : slot->starts - 1,
        .clients = slot->clients,
        .unreachable = slot->unreachable.list,
        .unreachable_count = slot->unreachable.count,
    };
    if (proof->given.version != 0) {
        out->served = proof->given;
    }
    out->problem = problem_of(slot, out->state);
    if (slot_is_attached(slot)) {
        compose_attached(slot, out);
    }
}

void slot_log(const struct slot *slot, enum log_level level, const char *event, const char *text)
{
    int64_t pid = slot->proc == NULL ? slot->heard_pid : proc_pid(slot->proc);
    char number[SLOT_TEXT_SIZE];

    slot_format(slot->number, number);
    if (text[0] == '\0' && pid == 0) {
        log_write(slot->host->log, level, event, LOG_TEXT("cluster", slot->cluster),
                  LOG_TEXT("slot", number));
    } else if (text[0] == '\0') {
        log_write(slot->host->log, level, event, LOG_TEXT("cluster", slot->cluster),
                  LOG_TEXT("slot", number), LOG_NUMBER("pid", pid));
    } else {
        log_write(slot->host->log, level, event, LOG_TEXT("cluster", slot->cluster),
                  LOG_TEXT("slot", number), LOG_TEXT("detail", text));
    }
}

bool slot_may_tell(uint64_t *told_ms, uint64_t pause_ms)
{
    uint64_t now_ms = clock_mono_ms();

    if (*told_ms != 0 && now_ms < *told_ms + pause_ms) {
        return false;
    }
    *told_ms = now_ms;
    return true;
}

void slot_event(struct slot *slot, const char *type, const char *reason, const char *fmt, ...)
{
    char message[ERR_MSG_MAX + 64];
    char subject[SLOT_TEXT_SIZE + 8];
    char number[SLOT_TEXT_SIZE];
    struct event event = { .cluster = slot->cluster,
                           .at_ms = clock_wall_ms(),
                           .program = "muster-watcher",
                           .type = type,
                           .reason = reason,
                           .subject = subject,
                           .message = message };
    va_list args;

    slot_format(slot->number, number);
    (void)snprintf(subject, sizeof(subject), "slot %s", number);
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    event_log_add(slot->host->events, &event);
}

static void say_change(struct slot *slot, const struct node_report *report)
{
    char number[SLOT_TEXT_SIZE];

    if (slot->said_version != report->served.version && report->served.version != 0) {
        slot_format(slot->number, number);
        log_write(slot->host->log, LOG_INFO, "config-served", LOG_TEXT("cluster", slot->cluster),
                  LOG_TEXT("slot", number), LOG_NUMBER("version", report->served.version),
                  LOG_TEXT("from", partition_mode_text(report->partition)));
    }
    slot->said_version = report->served.version;
    if (slot->said_state != report->state || !slot->said) {
        slot_format(slot->number, number);
        log_write(slot->host->log, LOG_INFO, "node-state", LOG_TEXT("cluster", slot->cluster),
                  LOG_TEXT("slot", number), LOG_TEXT("state", node_state_text(report->state)),
                  LOG_TEXT("partition", partition_mode_text(report->partition)),
                  LOG_TEXT("problem", report->problem));
    }
    slot->said_state = report->state;
    slot->said = true;
}

static bool is_kept(const struct slot *slot, const struct node_report *report)
{
    return slot->kept && slot->kept_version == report->version_seen &&
           slot->kept_restarts == report->restarts;
}

/* The file serves a restart: it is written when what that needs has changed. */
static int keep(struct slot *slot, const struct node_report *report, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_node_report(report, &json, err);
    if (rv == 0) {
        rv = node_files_make(&slot->files, err);
    }
    if (rv == 0) {
        rv = file_write(slot->files.report, str_text(&json), json.size, err);
    }
    if (rv == 0) {
        slot->kept = true;
        slot->kept_version = report->version_seen;
        slot->kept_restarts = report->restarts;
    }
    return rv;
}

static void on_keep(void *ctx)
{
    struct slot *slot = ctx;
    struct node_report report;
    struct err err;

    slot_report_compose(slot, &report);
    if (!is_kept(slot, &report) && keep(slot, &report, &err) < 0) {
        slot_log(slot, LOG_WARN, "report-not-kept", err.msg);
    }
}

int slot_report_note(struct slot *slot, struct err *err)
{
    struct node_report report;

    slot_report_compose(slot, &report);
    report.started_ms = slot->started_wall_ms;
    return keep(slot, &report, err);
}

/*
 * Whether the last report still says more than is known now: of an adopted process before it has
 * answered, and of one that answers before it was asked what it serves. Both last milliseconds,
 * at most until the agent gives it up as silent.
 */
static bool is_premature(const struct slot *slot)
{
    return (slot->adopted && slot->agent.state == AGENT_STARTING) ||
           (slot->agent.state == AGENT_UP &&
            (slot->proof.state == PROOF_ASKED || slot->proof.state == PROOF_RECALLED) &&
            slot->proof.given.version == 0);
}

void slot_report_put(struct slot *slot)
{
    CLEANUP(str_deinit) struct str json;
    struct node_report report;
    struct err err;
    int rv;

    str_init(&json, REPORT_VALUE_BYTES_MAX);
    if (is_premature(slot)) {
        return;
    }
    slot_report_compose(slot, &report);
    rv = json_encode_node_report(&report, &json, &err);
    if (rv == 0) {
        rv = report_key_put(slot->report, str_text(&json), json.size, &err);
    }
    if (rv < 0) {
        slot_log(slot, LOG_ERROR, "report-failed", err.msg);
        return;
    }
    say_change(slot, &report);
    if (slot->starts != 0 && !is_kept(slot, &report) && !loop_timer_running(slot->keeper)) {
        loop_timer_start(slot->keeper, KEEP_AFTER_MS);
    }
}

/* What a report says about the start of its process, as an intent. */
static int started_from(struct slot *slot, const struct node_report *report, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct intent intent = { .host = report->host,
                             .cluster = report->cluster,
                             .slot = report->slot,
                             .uid = report->uid,
                             .phase = INTENT_RUN,
                             .ip = report->ip,
                             .data_port = report->data_port,
                             .discovery_port = report->discovery_port,
                             .settings = report->settings,
                             .settings_turn = report->settings_turn };
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_intent(&intent, &json, err);
    return rv < 0 ? rv : held_intent_read(&slot->running, str_text(&json), json.size, err);
}

int slot_report_load(struct slot *slot, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(arena_deinit) struct arena arena;
    struct node_report report = { 0 };
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    arena_init(&arena, REPORT_ARENA_BYTES);
    rv = file_read(slot->files.report, &json, err);
    if (rv == 0) {
        rv = json_decode_node_report(str_text(&json), json.size, &arena, &report, err);
    }
    if (rv < 0) {
        return rv;
    }
    slot->version_noted = report.version_seen;
    slot->starts = report.restarts + 1;
    slot->started_wall_ms = report.started_ms;
    return slot_is_attached(slot) ? 0 : started_from(slot, &report, err);
}

int slot_report_init(struct slot *slot, struct err *err)
{
    struct key key = { .kind = KEY_NODE, .slot = slot->number };
    char text[KEY_TEXT_SIZE];
    int rv = loop_timer_new(slot->host->loop, on_keep, slot, &slot->keeper, err);

    if (rv < 0) {
        return rv;
    }
    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", slot->cluster);
    (void)snprintf(key.host, sizeof(key.host), "%s", slot->host->config->host.name);
    key_format(slot->host->config->flags.prefix, &key, text);
    return report_key_new(slot->host->report, text, &slot->report, err);
}

void slot_report_deinit(struct slot *slot)
{
    if (slot->keeper != NULL && loop_timer_running(slot->keeper)) {
        on_keep(slot);
    }
    loop_timer_free(slot->keeper);
}
