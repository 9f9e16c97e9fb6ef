/*
 * Modelled memcacheds: one comes up after some milliseconds, fails when its port is taken, answers
 * what memcached (with the module, when it was started with a partition) answers, and ends when it
 * is told to, when it crashes, or when its machine does.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "discovery/names.h"
#include "proc/proc.h"
#include "sim/sim_machine.h"

#define ARGS_BYTES_MAX 4096U
#define MS_PER_S 1000U
#define START_MS_MIN 2
#define START_MS_MAX 30
#define SLOW_PER_MILLE 60
#define SLOW_MS_MAX 40000
#define END_MS_MAX 60
#define KILL_MS_MAX 3
#define LIVES_MORE 32
#define EXITED(code) ((code) << 8) /* as waitpid(2) tells it */

/* ---- Life ---- */

struct sim_life *sim_life_of(struct sim_machine *machine, int64_t pid)
{
    return 0 < pid && pid <= machine->pids ? &machine->lives[pid - 1] : NULL;
}

static pid_t next_pid(struct sim_machine *machine)
{
    if ((size_t)machine->pids == machine->lives_capacity) {
        size_t capacity = machine->lives_capacity + LIVES_MORE;
        struct sim_life *grown = mem_realloc(machine->lives, capacity * sizeof(*grown));

        CHECK(grown != NULL);
        machine->lives = grown;
        machine->lives_capacity = capacity;
    }
    machine->lives[machine->pids] = (struct sim_life){ 0 };
    return ++machine->pids;
}

static void set_state(struct sim_memcached *memcached, enum sim_memcached_state state)
{
    memcached->state = state;
    memcached->steady_ms = sim_now_ms(memcached->machine->sim);
}

static void release(struct sim_memcached *memcached)
{
    sim_event_cancel(memcached->machine->sim, &memcached->life);
    sim_unlisten(memcached->machine->sim, &memcached->port);
    sim_copy_clear(&memcached->copy);
    free(memcached->args);
    free(memcached->item);
    free(memcached->partition_dir);
    free(memcached->log_path);
    free(memcached);
}

static void memcached_free(struct sim_memcached *memcached)
{
    struct sim_memcached **at = &memcached->machine->memcacheds;

    while (*at != memcached) {
        at = &(*at)->next;
    }
    *at = memcached->next;
    release(memcached);
}

static void end(struct sim_memcached *memcached, int status)
{
    struct sim_machine *machine = memcached->machine;

    sim_trace(machine->sim, "memcached %d at machine %u ends", (int)memcached->pid, machine->place);
    if (memcached->watched_by != NULL) {
        sim_proc_ended(memcached->watched_by, status);
    }
    memcached_free(memcached);
}

/* Its last turn, whatever else was planned. */
static void doom(struct sim_memcached *memcached, int status, uint64_t after_ms)
{
    memcached->dooms = true;
    memcached->status = status;
    sim_event_plan(memcached->machine->sim, &memcached->life, after_ms);
}

static void say(struct sim_memcached *memcached, const char *line)
{
    sim_disk_put(memcached->machine, memcached->log_path, line, strlen(line));
}

static void on_life(void *ctx)
{
    struct sim_memcached *memcached = ctx;

    if (memcached->dooms) {
        end(memcached, memcached->status);
    } else if (sim_listen(memcached->machine->sim, &memcached->port)) {
        set_state(memcached, SIM_MEMCACHED_SERVING);
    } else {
        say(memcached, "failed to listen on TCP port: Address already in use\n");
        doom(memcached, EXITED(EX_OSERR), 0);
    }
}

void sim_memcached_crash(struct sim_memcached *memcached)
{
    end(memcached, SIGSEGV);
}

void sim_memcached_hang(struct sim_memcached *memcached)
{
    if (memcached->state == SIM_MEMCACHED_SERVING) {
        sim_trace(memcached->machine->sim, "memcached %d hangs", (int)memcached->pid);
        set_state(memcached, SIM_MEMCACHED_HUNG);
    }
}

void sim_memcached_recover(struct sim_memcached *memcached)
{
    if (memcached->state == SIM_MEMCACHED_HUNG) {
        set_state(memcached, SIM_MEMCACHED_SERVING);
    }
}

void sim_memcacheds_deinit(struct sim_machine *machine)
{
    while (machine->memcacheds != NULL) {
        struct sim_memcached *first = machine->memcacheds;

        machine->memcacheds = first->next;
        if (first->watched_by != NULL) {
            sim_proc_lost(first->watched_by);
        }
        release(first);
    }
}

struct sim_memcached *sim_memcached_at(struct sim_machine *machine, const char *ip, uint16_t port)
{
    struct sim_memcached *it = machine->memcacheds;
    uint32_t number;

    if (!ipv4_parse(ip, &number)) {
        return NULL;
    }
    while (it != NULL && (it->port.ip != number || it->port.port != port ||
                          it->state == SIM_MEMCACHED_STARTING)) {
        it = it->next;
    }
    return it;
}

/* ---- What it answers ---- */

static bool is_key(const struct sim_request *request, const char *key)
{
    return strcmp(request->key, key) == 0;
}

/* What a joiner's memcached was started with. */
static bool answer_settings(struct sim_reply *out)
{
    out->value = "STAT maxbytes 67108864\r\nSTAT maxconns 1024\r\nSTAT num_threads 2\r\n"
                 "STAT item_size_max 1048576\r\n";
    out->value_bytes = strlen(out->value);
    return true;
}

static bool answer_stats(const struct sim_memcached *memcached, struct sim_reply *out)
{
    struct sim_machine *machine = memcached->machine;
    size_t clients =
        machine->world.clients(machine->world.ctx, memcached->port.ip, memcached->port.port);

    out->value_bytes = (size_t)snprintf(
        machine->text, sizeof(machine->text),
        "STAT pid %d\r\nSTAT uptime %llu\r\n"
        "STAT curr_connections %zu\r\n",
        (int)memcached->pid,
        (unsigned long long)(sim_now_ms(machine->sim) - memcached->begun_ms) / 1000, clients + 1);
    out->value = machine->text;
    return true;
}

/* What only a partition may be sent. */
static bool is_reserved(const struct sim_request *request)
{
    return is_key(request, KEY_RECORD) || strncmp(request->key, KEY_JOIN, strlen(KEY_JOIN)) == 0;
}

bool sim_partition_answer(struct sim_machine *machine, const char *dir,
                          const struct segment_cell *cell, const struct sim_request *request,
                          struct sim_reply *out)
{
    bool payload = request->kind == SIM_REQUEST_CONFIG ||
                   (request->kind == SIM_REQUEST_GET && is_key(request, KEY_PAYLOAD));
    bool record = request->kind == SIM_REQUEST_GET && is_key(request, KEY_RECORD);

    if (payload || record) {
        out->outcome = cell->version == 0 ? SIM_NOT_FOUND : SIM_OK;
        out->value = payload ? cell->payload : cell->record;
        out->value_bytes = payload ? cell->payload_bytes : cell->record_bytes;
        return true;
    }
    if (request->kind != SIM_REQUEST_SET || !is_reserved(request)) {
        return false;
    }
    if (!sim_partition_put(machine, dir,
                           is_key(request, KEY_RECORD) ? "" : request->key + strlen(KEY_JOIN),
                           request->value, request->value_bytes)) {
        out->outcome = SIM_REFUSED;
        out->value = "SERVER_ERROR no inbox";
        out->value_bytes = strlen(out->value);
    }
    return true;
}

static void note_record(struct sim_memcached *memcached, const struct sim_request *request,
                        const struct segment_cell *cell)
{
    struct sim_life *life = sim_life_of(memcached->machine, memcached->pid);

    if (request->kind == SIM_REQUEST_GET && is_key(request, KEY_RECORD) &&
        life->version < cell->version) {
        life->version = cell->version;
    }
}

void sim_memcached_answered_beside(struct sim_machine *machine, uint32_t ip,
                                   uint16_t discovery_port, const struct sim_request *request,
                                   const struct segment_cell *cell)
{
    struct sim_memcached *it;

    for (it = machine->memcacheds; it != NULL; it = it->next) {
        if (it->port.ip == ip && it->port.port == discovery_port + 1) {
            note_record(it, request, cell);
        }
    }
}

/* The module tells the tally, if there is one. */
static void note_poller(struct sim_memcached *memcached, const struct sim_request *request)
{
    struct sim_machine *machine = memcached->machine;
    struct sim_partition *partition = sim_partition_find(machine, memcached->partition_dir);
    struct poller seen = { .version = memcached->copy.cell.version,
                           .count = 1,
                           .seen_s = clock_mono_ms() / MS_PER_S };

    if (partition == NULL || seen.version == 0 || !sim_polls(request, &seen.peer)) {
        return;
    }
    machine->world.handed(machine->world.ctx, request->client, partition, seen.version);
    if (partition->has_tally) {
        CHECK(pollers_note(&partition->tally, &seen, NULL) != POLLERS_NONE);
    }
}

static bool answer(void *ctx, const struct sim_request *request, struct sim_reply *out)
{
    struct sim_memcached *memcached = ctx;
    struct sim_machine *machine = memcached->machine;
    struct sim_life *life = sim_life_of(machine, memcached->pid);

    if (memcached->state == SIM_MEMCACHED_HUNG) {
        return false;
    }
    CHECK(life != NULL);
    life->answered = true;
    if (sim_gate_answers(memcached, request, out)) {
        return true;
    }
    if (request->kind == SIM_REQUEST_VERSION) {
        out->value = "VERSION " SIM_MEMCACHED_VERSION;
        out->value_bytes = strlen(out->value);
        return true;
    }
    if (request->kind == SIM_REQUEST_DELETE) {
        out->value = memcached->partition_dir == NULL ? "ERROR" : "NOT_FOUND";
        out->value_bytes = strlen(out->value);
        return true;
    }
    if (request->kind == SIM_REQUEST_STATS) {
        return is_key(request, "settings") ? answer_settings(out) : answer_stats(memcached, out);
    }
    if (memcached->partition_dir != NULL) {
        sim_partition_read(machine, memcached->partition_dir, &memcached->copy);
        if (sim_partition_answer(machine, memcached->partition_dir, &memcached->copy.cell, request,
                                 out)) {
            note_record(memcached, request, &memcached->copy.cell);
            note_poller(memcached, request);
            return true;
        }
    }
    if (request->kind == SIM_REQUEST_CONFIG) {
        out->outcome = SIM_REFUSED;
        out->value = "ERROR";
        out->value_bytes = strlen(out->value);
    } else if (request->kind == SIM_REQUEST_GET) {
        out->outcome = SIM_NOT_FOUND;
    } else if (is_reserved(request)) {
        sim_broken(machine->sim, "P8", "%s is stored as an ordinary item at port %u", request->key,
                   memcached->port.port);
    }
    return true;
}

/* ---- Starting ---- */

static char *copy_text(const char *text)
{
    char *copy = mem_strdup(text);

    CHECK(copy != NULL);
    return copy;
}

char *sim_args_text(const char *const *argv)
{
    CLEANUP(str_deinit) struct str line;
    size_t i;

    str_init(&line, ARGS_BYTES_MAX);
    for (i = 0; argv[i] != NULL; i++) {
        str_appendf(&line, "%s%s", i == 0 ? "" : " ", argv[i]);
    }
    CHECK(!str_failed(&line));
    return copy_text(str_text(&line));
}

static const char *argument(const char *const *argv, const char *option)
{
    size_t i;

    for (i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], option) == 0) {
            return argv[i + 1];
        }
    }
    CHECK(false);
}

static const char *partition_in(const char *const *env)
{
    size_t length = strlen(PARTITION_VARIABLE "=");

    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, PARTITION_VARIABLE "=", length) == 0) {
            return *env + length;
        }
    }
    return NULL;
}

/* How long until it listens; or it fails, which is planned here. */
static void plan_start(struct sim_memcached *memcached)
{
    struct sim *sim = memcached->machine->sim;

    if (!sim_strikes(sim, SIM_MEMCACHED_SLOW, SLOW_PER_MILLE)) {
        sim_event_plan(sim, &memcached->life,
                       sim_between(sim, SIM_CHANCE_NODES, START_MS_MIN, START_MS_MAX));
    } else if (sim_fault_between(sim, SIM_MEMCACHED_SLOW, 0, 2) == 0) {
        say(memcached, "failed to start\n");
        doom(memcached, EXITED(EXIT_FAILURE), START_MS_MAX);
    } else {
        sim_event_plan(sim, &memcached->life,
                       sim_fault_between(sim, SIM_MEMCACHED_SLOW, START_MS_MAX, SLOW_MS_MAX));
    }
}

struct sim_memcached *sim_memcached_start(struct sim_machine *machine, const struct proc_spec *spec)
{
    struct sim_memcached *memcached = mem_alloc(sizeof(*memcached));
    const char *partition = partition_in(spec->env);

    CHECK(memcached != NULL);
    memcached->machine = machine;
    memcached->pid = next_pid(machine);
    memcached->begun_ms = sim_now_ms(machine->sim);
    memcached->args = sim_args_text(spec->argv);
    memcached->partition_dir = partition == NULL ? NULL : copy_text(partition);
    memcached->log_path = copy_text(spec->log_path);
    if (sscanf(spec->log_path, SIM_STATE_DIR "/nodes/%63[^/]/%u/", memcached->cluster,
               &memcached->slot) != 2) {
        memcached->cluster[0] = '\0'; /* somebody else's */
        memcached->slot = 0;
    }
    memcached->port.place = machine->place;
    memcached->port.serve = answer;
    memcached->port.ctx = memcached;
    CHECK(ipv4_parse(argument(spec->argv, "-l"), &memcached->port.ip));
    memcached->port.port = (uint16_t)atoi(argument(spec->argv, "-p"));
    memcached->next = machine->memcacheds;
    machine->memcacheds = memcached;
    sim_event_init(&memcached->life, NULL, on_life, memcached);
    set_state(memcached, SIM_MEMCACHED_STARTING);
    plan_start(memcached);
    sim_trace(machine->sim, "memcached %d begins: %s", (int)memcached->pid, memcached->args);
    machine->world.begun(machine->world.ctx, memcached);
    return memcached;
}

/* ---- Ending ---- */

void sim_memcached_signal(struct sim_memcached *memcached, int signum)
{
    struct sim_machine *machine = memcached->machine;

    machine->world.ending(machine->world.ctx, memcached, signum);
    memcached->asked_to_end = memcached->asked_to_end || signum != SIGKILL;
    if (signum == SIGKILL) {
        doom(memcached, SIGKILL, sim_below(machine->sim, SIM_CHANCE_NODES, KILL_MS_MAX));
    } else if (memcached->state != SIM_MEMCACHED_HUNG && !memcached->dooms) {
        doom(memcached, EXITED(0), sim_below(machine->sim, SIM_CHANCE_NODES, END_MS_MAX));
    }
}
