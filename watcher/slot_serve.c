#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "discovery/names.h"
#include "proc/proc_port.h"
#include "watcher/slot_parts.h"

#define MS_PER_S 1000U

static const char ask_record[] = "get " KEY_RECORD "\r\n";

static void set_proof(struct slot *slot, enum proof_state state)
{
    slot->proof.state = state;
}

static bool is_asking(const struct slot *slot)
{
    return slot->proof.state == PROOF_ASKED || slot->proof.state == PROOF_RECALLED;
}

/* ---- The proof: what was put in force is read where clients ask for it ---- */

static void prove_failed(struct slot *slot, const char *problem)
{
    struct proof *proof = &slot->proof;

    (void)snprintf(proof->problem, sizeof(proof->problem), "version %u is not served: %.200s",
                   partition_served(slot->partition).version, problem);
    set_proof(slot, PROOF_FAILED);
    proof->retry_ms = proof->retry_ms == 0 ? SLOT_READ_RETRY_MS : 2 * proof->retry_ms;
    if (SLOT_READ_RETRY_MAX_MS < proof->retry_ms) {
        proof->retry_ms = SLOT_READ_RETRY_MAX_MS;
    }
    loop_timer_start(slot->proof_retry, proof->retry_ms);
    slot_touch(slot);
}

static void prove_given(struct slot *slot)
{
    struct served served = partition_served(slot->partition);
    struct proof *proof = &slot->proof;

    set_proof(slot, PROOF_GIVEN);
    (void)snprintf(proof->digest, sizeof(proof->digest), "%s", served.digest);
    proof->given = served;
    proof->given.digest = proof->digest;
    proof->problem[0] = '\0';
    proof->retry_ms = 0;
    slot_touch(slot);
}

static void on_record(void *ctx, const char *record, size_t record_bytes, const struct err *err)
{
    struct slot *slot = ctx;
    bool overtaken = slot->proof.version != partition_served(slot->partition).version;
    struct err problem;

    if (slot->proof.state != PROOF_ASKED) {
        return; /* nobody wants to know any more */
    }
    if (record != NULL && partition_holds(slot->partition, record, record_bytes)) {
        prove_given(slot);
    } else if (overtaken) {
        set_proof(slot, PROOF_NONE);
        slot_serve_prove(slot);
    } else if (err != NULL) {
        prove_failed(slot, err->msg); /* no answer disproves nothing */
    } else {
        slot->proof.given = (struct served){ 0, 0, "" };
        if (partition_repair(slot->partition, &problem) < 0) {
            slot_log(slot, LOG_WARN, "partition-unusable", problem.msg);
        }
        prove_failed(slot, record == NULL ? "nothing is" : "something else is");
    }
}

static void on_beside(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct slot *slot = ctx;
    const char *record = NULL;
    size_t record_bytes = 0;

    if (reply != NULL && memtext_block(reply, reply_bytes, &record, &record_bytes, NULL) < 0) {
        record = NULL;
    }
    on_record(slot, record, record_bytes, err);
}

static int ask_beside(struct slot *slot, struct err *err)
{
    const struct intent *intent = slot_start_of(slot);
    int rv = 0;

    if (slot->discovery == NULL) {
        return err_set(err, ERR_IO, "%.200s", slot->listen_problem);
    }
    if (slot->beside == NULL) {
        rv = memtext_new(slot->host->loop, intent->ip, intent->discovery_port, HEALTH_TIMEOUT_MS,
                         &slot->beside, err);
        if (rv == 0) {
            memtext_use_tls(slot->beside, discovery_host_peers_tls(slot->host->discovery));
        }
    }
    return rv < 0 ? rv
                  : memtext_ask(slot->beside, ask_record, sizeof(ask_record) - 1, MEMTEXT_END,
                                on_beside, slot, err);
}

/* It is judged like any other record. */
static void on_recalled(void *ctx, const char *record, size_t record_bytes, const struct err *err)
{
    struct slot *slot = ctx;
    struct err problem;

    (void)err;
    if (slot->proof.state != PROOF_RECALLED) {
        return; /* nobody wants to know any more */
    }
    set_proof(slot, PROOF_NONE);
    if (partition_served(slot->partition).version != 0) {
        slot_serve_prove(slot); /* it came in meanwhile */
    } else if (record != NULL &&
               partition_offer(slot->partition, record, record_bytes, &problem) < 0) {
        slot_log(slot, LOG_WARN, "nothing-recalled", problem.msg);
    }
    slot_touch(slot);
}

/* Nothing is in force, but memcached may hold what the segment has lost. */
static void recall(struct slot *slot)
{
    set_proof(slot, PROOF_NONE);
    if (slot->mode == PARTITION_IN_PROCESS &&
        health_read_record(slot->health, on_recalled, slot, NULL) == 0) {
        set_proof(slot, PROOF_RECALLED);
    }
}

void slot_serve_prove(struct slot *slot)
{
    struct err err;
    int rv;

    if (slot->mode == PARTITION_NONE || slot->partition == NULL || is_asking(slot)) {
        return;
    }
    loop_timer_stop(slot->proof_retry);
    slot->proof.version = partition_served(slot->partition).version;
    if (slot->proof.version == 0) {
        recall(slot);
        return;
    }
    set_proof(slot, PROOF_ASKED);
    rv = slot->mode == PARTITION_IN_PROCESS
             ? health_read_record(slot->health, on_record, slot, &err)
             : ask_beside(slot, &err);
    if (rv < 0) {
        prove_failed(slot, err.msg);
    }
}

static void on_proof_retry(void *ctx)
{
    slot_serve_prove(ctx);
}

void slot_serve_unprove(struct slot *slot)
{
    loop_timer_stop(slot->proof_retry);
    memtext_free(slot->beside);
    slot->beside = NULL;
    slot->proof = (struct proof){ 0 };
    set_proof(slot, PROOF_NONE);
}

void slot_serve_turn(struct slot *slot, enum partition_mode mode)
{
    const char *words = mode == PARTITION_IN_PROCESS
                            ? "the data port answers discovery again"
                            : "the data port does not answer discovery any more";

    slot_serve_unprove(slot);
    slot_log(slot, LOG_WARN, "partition-mode", words);
    slot_event(slot, mode == PARTITION_IN_PROCESS ? "Normal" : "Warning", "PartitionMode", "%s",
               words);
}

/* ---- The partition ---- */

static void on_served(void *ctx, bool again)
{
    struct slot *slot = ctx;
    uint64_t now_ms = clock_mono_ms();

    if (again) {
        /* Who pushes it once more has not seen the acknowledgement. */
        if (slot->proof.state == PROOF_GIVEN && slot->report != NULL &&
            slot->repeated_ms + SLOT_REPEAT_MS <= now_ms) {
            slot->repeated_ms = now_ms;
            report_key_again(slot->report);
        }
        return;
    }
    slot->refused[0] = '\0';
    if (slot->discovery != NULL) {
        discovery_changed(slot->discovery);
    }
    if (!is_asking(slot)) {
        set_proof(slot, PROOF_NONE);
    }
    slot_joins_configured(slot);
    slot_peers_follow(slot);
    slot_serve_prove(slot);
    slot_touch(slot);
}

static void on_refused(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;
    uint64_t now_ms = clock_mono_ms();

    if (strcmp(slot->refused, err->msg) == 0 ||
        (slot->refused[0] != '\0' && now_ms < slot->refused_logged_ms + SLOT_REFUSED_LOG_MS)) {
        return;
    }
    (void)snprintf(slot->refused, sizeof(slot->refused), "%s", err->msg);
    slot->refused_logged_ms = now_ms;
    slot_log(slot, LOG_WARN, "config-refused", err->msg);
    if (slot_may_tell(&slot->refused_event_ms, SLOT_REFUSED_EVENT_MS)) {
        slot_event(slot, "Warning", "ConfigRefused", "a record in the inbox was refused: %s",
                   err->msg);
    }
}

static void on_joining(void *ctx, const char *uid, const char *request, size_t request_bytes)
{
    struct slot *slot = ctx;

    slot_joining(slot, slot->number, true, uid, request, request_bytes);
}

/* It can't happen; if it does, somebody signed twice, or has the key. */
static void on_conflict(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;

    if (slot_may_tell(&slot->conflict_event_ms, SLOT_REFUSED_EVENT_MS)) {
        slot_log(slot, LOG_ERROR, "config-conflict", err->msg);
        slot_event(slot, "Warning", "ConfigConflict", "a record in the inbox: %s", err->msg);
    }
}

/* At once, and then so often that nobody drowns in it; none is left out of the count. */
static void tell_repaired(struct slot *slot)
{
    char text[SLOT_PROBLEM_SIZE + 32];
    uint32_t more = slot->repaired_untold - 1;

    (void)snprintf(text, sizeof(text), "%s", slot->repaired_what);
    if (0 < more) {
        (void)snprintf(text, sizeof(text), "%s (and %u more)", slot->repaired_what, more);
    }
    slot_log(slot, LOG_WARN, "partition-repaired", text);
    slot_event(slot, "Warning", "PartitionRepaired", "the partition was put right: %s", text);
    slot->repaired_untold = 0;
    loop_timer_start(slot->repaired_next, SLOT_REPAIRED_EVENT_MS);
}

static void on_repaired_next(void *ctx)
{
    struct slot *slot = ctx;

    if (0 < slot->repaired_untold) {
        tell_repaired(slot);
    }
}

static void on_repaired(void *ctx, const char *what)
{
    struct slot *slot = ctx;

    slot->repaired_untold++;
    (void)snprintf(slot->repaired_what, sizeof(slot->repaired_what), "%s", what);
    if (!loop_timer_running(slot->repaired_next)) {
        tell_repaired(slot);
    }
}

static void on_begins(void *ctx, uint32_t version)
{
    struct slot *slot = ctx;
    struct err err;

    if (node_files_note_version(&slot->files, version, &err) < 0) {
        slot_log(slot, LOG_WARN, "version-not-noted", err.msg);
    }
}

static void on_closed(void *ctx, bool closed)
{
    struct slot *slot = ctx;

    slot_log(slot, LOG_WARN, closed ? "partition-closed" : "partition-opened", "");
    slot_event(slot, closed ? "Warning" : "Normal", closed ? "PartitionClosed" : "PartitionOpened",
               closed ? "nobody can write to the partition: the file `closed` is there"
                      : "configurations and requests to join can be written again");
}

static int turn_over(struct slot *slot, const char *uid, struct err *err)
{
    int rv = partition_repair(slot->partition, err);

    if (rv < 0 || strcmp(partition_uid(slot->partition), uid) == 0) {
        return rv;
    }
    slot_serve_unprove(slot);
    rv = partition_reset(slot->partition, uid, err);
    if (slot->discovery != NULL) {
        discovery_changed(slot->discovery);
    }
    slot_peers_follow(slot);
    return rv;
}

int slot_serve_open(struct slot *slot, const char *uid, struct err *err)
{
    static const struct partition_events events = { on_served,   on_refused, on_conflict,
                                                    on_repaired, on_joining, on_begins,
                                                    on_closed };
    struct partition_id id = { .cluster = slot->cluster, .slot = slot->number, .uid = uid };
    struct err problem;
    int rv;

    if (slot->partition != NULL) {
        return turn_over(slot, uid, err);
    }
    rv = partition_open(slot->host->partitions, &id, slot->version_noted, &events, slot,
                        &slot->partition, &problem, err);
    if (rv < 0) {
        return rv;
    }
    partition_begun(slot->partition, slot->begun_noted);
    if (problem.code != 0) {
        slot_log(slot, LOG_WARN, "partition-cleared", problem.msg);
        slot_event(slot, "Warning", "PartitionCleared", "what the partition held was dropped: %s",
                   problem.msg);
    }
    /* Where something was served, a former watcher knew to whom. */
    slot->pollers_since_s = slot_serve_version_seen(slot) == 0 ? 0 : clock_mono_ms() / MS_PER_S;
    partition_look(slot->partition);
    slot_peers_follow(slot);
    return 0;
}

uint32_t slot_serve_version_seen(const struct slot *slot)
{
    uint32_t seen = slot->partition == NULL ? 0 : partition_version_seen(slot->partition);

    return seen < slot->version_noted ? slot->version_noted : seen;
}

uint32_t slot_serve_version_begun(const struct slot *slot)
{
    uint32_t begun =
        slot->partition == NULL ? slot->begun_noted : partition_version_begun(slot->partition);

    return begun <= slot_serve_version_seen(slot) ? 0 : begun;
}

/* ---- The discovery port ---- */

static void note_listen_problem(struct slot *slot, const struct intent *intent,
                                const struct err *err)
{
    char name[PROC_NAME_SIZE];
    pid_t pid;

    if (slot->listen_problem[0] != '\0') {
        return; /* who holds the port is looked for once */
    }
    if (err->code == ERR_CONFLICT &&
        proc_port_holder(intent->ip, intent->discovery_port, &pid, name, sizeof(name), NULL) == 0) {
        (void)snprintf(slot->listen_problem, sizeof(slot->listen_problem),
                       "discovery port %s:%u is in use by %s (pid %d)", intent->ip,
                       intent->discovery_port, name, (int)pid);
    } else {
        (void)snprintf(slot->listen_problem, sizeof(slot->listen_problem), "%.300s", err->msg);
    }
    slot_log(slot, LOG_WARN, "discovery-not-listening", slot->listen_problem);
}

/* What became of the records that were written here, and of the segment; with the other rows of
 * `stats partition`. */
static void add_counts(const struct slot *slot, struct rows *rows)
{
    struct partition_counts counts = partition_counts(slot->partition);

    rows_add_number(rows, "muster_records_judged", counts.taken);
    rows_add_number(rows, "muster_records_refused", counts.refused);
    rows_add_number(rows, "muster_records_dropped", counts.dropped);
    rows_add_number(rows, "muster_records_in_conflict", counts.conflicts);
    rows_add_number(rows, "muster_segment_repairs", counts.repaired);
    rows_add_number(rows, "muster_writes_closed", counts.closed ? 1 : 0);
}

static bool on_stats(void *ctx, const char *group, struct rows *rows)
{
    struct slot *slot = ctx;
    bool joins = slot_joins_stats(slot, group, rows);
    bool others = slot_peers_stats(slot, group, rows);

    if (strcmp(group, "partition") == 0 && slot->partition != NULL) {
        add_counts(slot, rows);
    }
    return slot_stats(slot, group, rows) || joins || others;
}

static int listen_now(struct slot *slot, const struct intent *intent, struct err *err)
{
    struct discovery_options options = { .host = slot->host->discovery,
                                         .ip = intent->ip,
                                         .port = intent->discovery_port,
                                         .cell = partition_cell(slot->partition),
                                         .inbox = partition_inbox_path(slot->partition),
                                         .source = { on_stats, slot_join_at, slot_join_refusal,
                                                     slot },
                                         .polled = slot_polled };

    return discovery_new(slot->host->loop, &options, &slot->discovery, err);
}

void slot_serve_listen(struct slot *slot)
{
    const struct intent *intent = slot_start_of(slot);
    struct err err;

    if (slot->discovery != NULL && strcmp(slot->listen_ip, intent->ip) == 0 &&
        slot->listen_port == intent->discovery_port) {
        return;
    }
    discovery_free(slot->discovery);
    slot->discovery = NULL;
    if (slot->partition == NULL) {
        err_record(&err, ERR_IO, "there is no partition");
    } else if (listen_now(slot, intent, &err) == 0) {
        (void)snprintf(slot->listen_ip, sizeof(slot->listen_ip), "%s", intent->ip);
        slot->listen_port = intent->discovery_port;
        slot->listen_problem[0] = '\0';
        slot_peers_follow(slot);
        slot_touch(slot);
        return;
    }
    note_listen_problem(slot, intent, &err);
    loop_timer_start(slot->listen_retry, SLOT_LISTEN_RETRY_MS);
    slot_touch(slot);
}

static void on_listen_retry(void *ctx)
{
    struct slot *slot = ctx;

    const struct intent *intent = slot_start_of(slot);
    struct err err;

    if (slot->partition == NULL && slot_serve_open(slot, intent->uid, &err) < 0) {
        slot_log(slot, LOG_DEBUG, "partition-unusable", err.msg);
    }
    slot_serve_listen(slot);
}

void slot_serve_close(struct slot *slot)
{
    slot_serve_unprove(slot);
    slot_peers_stop(slot);
    loop_timer_stop(slot->listen_retry);
    slot->listen_problem[0] = '\0';
    discovery_free(slot->discovery);
    slot->discovery = NULL;
}

int slot_serve_init(struct slot *slot, struct err *err)
{
    struct loop *loop = slot->host->loop;
    int rv = loop_timer_new(loop, on_listen_retry, slot, &slot->listen_retry, err);

    rate_init(&slot->checks_own, JOINS_CHECKED_PER_S);
    rate_init(&slot->checks_of_peers, JOINS_CHECKED_PER_S);
    if (0 <= rv) {
        rv = loop_timer_new(loop, on_repaired_next, slot, &slot->repaired_next, err);
    }
    return rv < 0 ? rv : loop_timer_new(loop, on_proof_retry, slot, &slot->proof_retry, err);
}

void slot_serve_deinit(struct slot *slot)
{
    memtext_free(slot->beside);
    slot_peers_stop(slot);
    discovery_free(slot->discovery);
    partition_free(slot->partition);
    slot_stats_forget(slot);
    pollers_deinit(&slot->pollers);
    loop_timer_free(slot->listen_retry);
    loop_timer_free(slot->proof_retry);
    loop_timer_free(slot->repaired_next);
}
