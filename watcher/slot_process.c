#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "discovery/names.h"
#include "proc/proc_port.h"
#include "watcher/memcached_argv.h"
#include "watcher/slot_parts.h"

#define ARGS_ARENA_BYTES (1U << 20)

/* ---- The control group ---- */

#define GROUP_NAME_SIZE (CLUSTER_NAME_MAX + 32)

static void name_group(const struct slot *slot, char out[GROUP_NAME_SIZE])
{
    (void)snprintf(out, GROUP_NAME_SIZE, "muster-%s-%04u", slot->cluster, slot->number);
}

/* Without a group it runs all the same: the limit protects the host, not the node. */
static void join_group(struct slot *slot)
{
    char name[GROUP_NAME_SIZE];
    struct err err;

    name_group(slot, name);
    if (cgroup_put(&slot->host->config->cgroups, name,
                   memcached_bytes_max(&slot->running.intent.settings), proc_pid(slot->proc),
                   &err) < 0) {
        slot_log(slot, LOG_WARN, "no-memory-limit", err.msg);
    }
}

/* Whether the kernel ended the process for its memory; the group goes. */
static bool leave_group(const struct slot *slot)
{
    char name[GROUP_NAME_SIZE];
    bool too_large;

    name_group(slot, name);
    too_large = cgroup_oom_kills(&slot->host->config->cgroups, name) != 0;
    cgroup_remove(&slot->host->config->cgroups, name);
    return too_large;
}

/* ---- Its words ---- */

/* What the module says when it stays inactive begins so. */
#define MODULE_WORDS "muster_partition: "

static void on_words(void *ctx, const char *line, uint32_t left_out)
{
    struct slot *slot = ctx;
    char words[OVERHEAR_LINE_MAX + 64];

    (void)snprintf(words, sizeof(words), "%s", line);
    if (left_out != 0) {
        (void)snprintf(words, sizeof(words), "%s (%u lines before it left out)", line, left_out);
    }
    slot_log(slot, LOG_INFO, "memcached-says", words);
    if (strncmp(line, MODULE_WORDS, strlen(MODULE_WORDS)) == 0) {
        slot_event(slot, "Warning", "PartitionModule", "the partition module says: %s",
                   line + strlen(MODULE_WORDS));
    }
}

static void listen_to(struct slot *slot, bool ended)
{
    overhear_look(&slot->overhear, slot->files.log, clock_mono_ms(), ended, on_words, slot);
}

/* ---- Its answers ---- */

static void on_answered(void *ctx, enum partition_mode mode)
{
    struct slot *slot = ctx;

    agent_answered(&slot->agent, clock_mono_ms());
    listen_to(slot, false);
    if (mode != PARTITION_NONE) {
        if (slot->mode != PARTITION_NONE && slot->mode != mode) {
            slot_serve_turn(slot, mode);
        }
        slot->mode = mode;
        slot->adopted = false;
        slot->process_problem[0] = '\0';
        slot_serve_prove(slot);
        slot_touch(slot);
    } else if (slot->agent.state != AGENT_UP) {
        slot_touch(slot);
    }
}

static void on_silent(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;

    listen_to(slot, false);
    if (agent_silent(&slot->agent, clock_mono_ms())) {
        slot_touch(slot);
    }
    if (slot->mode != PARTITION_NONE || err->code == ERR_TIMEOUT) {
        (void)snprintf(slot->process_problem, sizeof(slot->process_problem),
                       "the data port does not answer: %.200s", err->msg);
    }
}

static void on_clients(void *ctx, int64_t clients)
{
    struct slot *slot = ctx;

    slot->clients = clients;
    slot_touch(slot);
}

void slot_process_count_clients(struct slot *slot)
{
    bool draining = slot->wanted.known && slot->wanted.intent.phase == INTENT_DRAIN;

    if (!draining) {
        slot->clients = REPORT_CLIENTS_UNKNOWN;
    }
    if (slot->health != NULL) {
        health_count_clients(slot->health, draining);
    }
}

static int start_health(struct slot *slot, struct err *err)
{
    static const struct health_events events = { on_answered, on_silent, on_clients };
    const struct intent *intent = slot_start_of(slot);
    int rv;

    health_free(slot->health);
    slot->health = NULL;
    slot->mode = PARTITION_NONE;
    rv = health_new(slot->host->loop, intent->ip, intent->data_port, &events, slot, &slot->health,
                    err);
    if (rv < 0) {
        return rv;
    }
    slot_process_count_clients(slot);
    health_start(slot->health, proc_pid(slot->proc));
    return 0;
}

/* Why it ended, as far as that can be found out: the port's holder, or its own last words. */
static void explain_exit(struct slot *slot, int status, bool too_large)
{
    const struct intent *intent = &slot->running.intent;
    char name[PROC_NAME_SIZE];
    char how[64];
    char words[160];
    pid_t pid;

    proc_status_text(status, how, sizeof(how));
    if (slot->running.known && slot->mode == PARTITION_NONE &&
        proc_port_holder(intent->ip, intent->data_port, &pid, name, sizeof(name), NULL) == 0) {
        (void)snprintf(slot->process_problem, sizeof(slot->process_problem),
                       "port %s:%u is in use by %s (pid %d)", intent->ip, intent->data_port, name,
                       (int)pid);
        return;
    }
    if (too_large) {
        (void)snprintf(slot->process_problem, sizeof(slot->process_problem),
                       "memcached: %s: it took more memory than its control group may have (%llu "
                       "MiB)",
                       how, (unsigned long long)(memcached_bytes_max(&intent->settings) >> 20));
        return;
    }
    file_last_line(slot->files.log, slot->log_from, words, sizeof(words));
    (void)snprintf(slot->process_problem, sizeof(slot->process_problem), "memcached: %s%s%s", how,
                   words[0] == '\0' ? "" : ": ", words);
}

static void on_exit_of_process(void *ctx, int status)
{
    struct slot *slot = ctx;
    bool asked = slot->agent.asked_to_end;
    bool too_large = leave_group(slot);

    listen_to(slot, true);
    if (asked) {
        slot->process_problem[0] = '\0';
    } else {
        explain_exit(slot, status, too_large);
        slot_log(slot, LOG_WARN, "memcached-died", slot->process_problem);
        slot_event(slot, "Warning", "MemcachedDied", "%s", slot->process_problem);
    }
    proc_free(slot->proc);
    slot->proc = NULL;
    slot->adopted = false;
    health_free(slot->health);
    slot->health = NULL;
    slot->mode = PARTITION_NONE;
    slot_serve_unprove(slot);
    agent_ended(&slot->agent, clock_mono_ms());
    slot_touch(slot);
}

/*
 * A process of an earlier watcher may run although nothing else of the slot was known. 0: it was
 * taken over; what it was started with is known only if its arguments are those of now.
 */
static int adopt_left_over(struct slot *slot, const char *const *argv, struct err *err)
{
    struct loop *loop = slot->host->loop;
    int rv = proc_adopt(loop, slot->files.pid, argv, on_exit_of_process, slot, &slot->proc, err);

    if (rv == 0) {
        return held_intent_copy(&slot->running, &slot->wanted, err);
    }
    if (rv != ERR_CONFLICT) {
        return rv;
    }
    held_intent_deinit(&slot->running);
    held_intent_init(&slot->running);
    return proc_adopt(loop, slot->files.pid, NULL, on_exit_of_process, slot, &slot->proc, err);
}

static int run_memcached(struct slot *slot, const char *const *argv, struct err *err)
{
    char preload[PATH_MAX + 16];
    char partition[PATH_MAX + 32];
    const char *env[] = { partition, preload, NULL };
    struct proc_spec spec = {
        .argv = argv, .env = env, .log_path = slot->files.log, .pid_path = slot->files.pid
    };
    const char *module = slot->host->config->module;
    int rv;

    (void)snprintf(partition, sizeof(partition), "%s=%s", PARTITION_VARIABLE,
                   partition_path(slot->partition));
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", module);
    if (module[0] == '\0') {
        env[0] = NULL;
    }
    rv = held_intent_copy(&slot->running, &slot->wanted, err);
    if (rv < 0) {
        return rv;
    }
    slot->starts++;
    slot->started_wall_ms = clock_wall_ms();
    rv = slot_report_note(slot, err);
    if (rv < 0) {
        return rv;
    }
    node_files_turn_log(&slot->files);
    slot->log_from = file_bytes(slot->files.log);
    slot->overhear.from = slot->log_from;
    partition_uncount(slot->partition);
    rv = proc_start(slot->host->loop, &spec, on_exit_of_process, slot, &slot->proc, err);
    if (rv == 0) {
        join_group(slot);
    }
    return rv;
}

int slot_process_start(struct slot *slot, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    const char *const *argv = NULL;
    int rv;

    arena_init(&arena, ARGS_ARENA_BYTES);
    rv = node_files_make(&slot->files, err);
    if (rv == 0) {
        rv = slot_serve_open(slot, slot->wanted.intent.uid, err);
    }
    if (rv == 0) {
        rv = memcached_argv(slot->host->program, &slot->wanted.intent, slot->host->config->user,
                            &arena, &argv, err);
    }
    if (rv < 0) {
        return rv;
    }
    rv = adopt_left_over(slot, argv, err);
    if (rv == ERR_NOT_FOUND) {
        rv = run_memcached(slot, argv, err);
    }
    if (rv == 0) {
        slot_serve_listen(slot);
        rv = start_health(slot, err);
    }
    return rv;
}

/* The notes about the start may be gone; with the arguments of now it needs no restart for that. */
static int adopt_noted(struct slot *slot, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    const char *const *argv;
    int rv;

    arena_init(&arena, ARGS_ARENA_BYTES);
    if (slot->running.known) {
        return proc_adopt(slot->host->loop, slot->files.pid, NULL, on_exit_of_process, slot,
                          &slot->proc, err);
    }
    rv = memcached_argv(slot->host->program, &slot->wanted.intent, slot->host->config->user, &arena,
                        &argv, err);
    return rv < 0 ? rv : adopt_left_over(slot, argv, err);
}

int slot_process_take_up(struct slot *slot, struct err *err)
{
    struct err problem;

    if (adopt_noted(slot, &problem) < 0 && slot->proc == NULL) {
        agent_hold(&slot->agent, clock_mono_ms());
        return 0;
    }
    agent_adopted(&slot->agent, clock_mono_ms());
    slot->adopted = true;
    overhear_skip(&slot->overhear, slot->files.log);
    slot->starts = slot->starts == 0 ? 1 : slot->starts; /* from now on that is noted */
    slot_log(slot, LOG_INFO, "memcached-adopted", "");
    if (slot_serve_open(slot, slot_start_of(slot)->uid, &problem) < 0) {
        slot_log(slot, LOG_WARN, "partition-unusable", problem.msg);
    }
    slot_serve_listen(slot);
    return start_health(slot, err);
}
