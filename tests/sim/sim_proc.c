/*
 * How watchers handle modelled memcacheds: lib/proc/proc.h and proc_port.h on the running party's
 * machine. The pid file holds the pid alone: pids are never given twice.
 */
#include "proc/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proc/proc_port.h"
#include "sim/sim_machine.h"

#define STATUS_UNKNOWN (-1)

struct proc {
    struct sim_machine *machine;
    struct sim_memcached *process; /* NULL: it has ended */
    pid_t pid;
    bool child;
    int status;
    struct sim_event ended;
    proc_exit_fn *exited;
    void *ctx;
};

/* ---- The machine's side ---- */

void sim_proc_ended(struct proc *proc, int status)
{
    proc->process = NULL;
    proc->status = proc->child ? status : STATUS_UNKNOWN;
    sim_event_plan(proc->machine->sim, &proc->ended, 0);
}

void sim_proc_lost(struct proc *proc)
{
    proc->process = NULL;
}

/* ---- lib/proc/proc.h ---- */

static void on_ended(void *ctx)
{
    struct proc *proc = ctx;

    proc->exited(proc->ctx, proc->status);
}

static int watch(struct sim_machine *machine, struct sim_memcached *memcached, bool child,
                 proc_exit_fn *exited, void *ctx, struct proc **out, struct err *err)
{
    struct proc *proc = mem_alloc(sizeof(*proc));

    if (proc == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    proc->machine = machine;
    proc->process = memcached;
    proc->pid = memcached->pid;
    proc->child = child;
    proc->exited = exited;
    proc->ctx = ctx;
    sim_event_init(&proc->ended, sim_running(machine->sim), on_ended, proc);
    memcached->watched_by = proc;
    *out = proc;
    return 0;
}

int proc_start(struct loop *loop, const struct proc_spec *spec, proc_exit_fn *exited, void *ctx,
               struct proc **out, struct err *err)
{
    struct sim_machine *machine = sim_machine_here();
    struct sim_memcached *memcached;
    char pid[24];
    int rv;

    (void)loop;
    if (!sim_effect_begins(machine->sim, "start memcached")) {
        return err_set(err, ERR_IO, "dead");
    }
    memcached = sim_memcached_start(machine, spec);
    (void)snprintf(pid, sizeof(pid), "%d", (int)memcached->pid);
    sim_disk_put(machine, spec->pid_path, pid, strlen(pid));
    rv = watch(machine, memcached, true, exited, ctx, out, err);
    sim_effect_ends(machine->sim);
    return rv;
}

static struct sim_memcached *find_pid(struct sim_machine *machine, const char *pid_path)
{
    const struct sim_file *file = sim_disk_find(machine, pid_path);
    struct sim_memcached *it = machine->memcacheds;

    while (file != NULL && it != NULL && it->pid != (pid_t)atoi(file->bytes)) {
        it = it->next;
    }
    return file == NULL ? NULL : it;
}

int proc_adopt(struct loop *loop, const char *pid_path, const char *const *argv,
               proc_exit_fn *exited, void *ctx, struct proc **out, struct err *err)
{
    struct sim_machine *machine = sim_machine_here();
    struct sim_memcached *memcached = find_pid(machine, pid_path);
    CLEANUP(mem_free_p) char *args = argv == NULL ? NULL : sim_args_text(argv);

    (void)loop;
    if (memcached == NULL) {
        if (sim_alive(machine->sim)) {
            sim_disk_remove(machine, pid_path);
        }
        return err_set(err, ERR_NOT_FOUND, "%s: it does not run", pid_path);
    }
    if (args != NULL && strcmp(args, memcached->args) != 0) {
        return err_set(err, ERR_CONFLICT, "pid %d runs with other arguments", (int)memcached->pid);
    }
    return watch(machine, memcached, false, exited, ctx, out, err);
}

pid_t proc_pid(const struct proc *proc)
{
    return proc->pid;
}

bool proc_running(const struct proc *proc)
{
    return proc->process != NULL;
}

int proc_signal(const struct proc *proc, int signum, struct err *err)
{
    struct sim_machine *machine = proc->machine;
    struct sim_memcached *memcached = proc->process;

    if (memcached == NULL) {
        return err_set(err, ERR_NOT_FOUND, "it has ended");
    }
    if (!sim_effect_begins(machine->sim, "signal memcached")) {
        return err_set(err, ERR_IO, "dead");
    }
    sim_memcached_signal(memcached, signum);
    sim_effect_ends(machine->sim);
    return 0;
}

void proc_free(struct proc *proc)
{
    if (proc == NULL) {
        return;
    }
    if (proc->process != NULL && proc->process->watched_by == proc) {
        proc->process->watched_by = NULL;
    }
    sim_event_cancel(proc->machine->sim, &proc->ended);
    free(proc);
}

void proc_status_text(int status, char *out, size_t out_size)
{
    (void)snprintf(out, out_size, "status %d", status);
}

/* ---- lib/proc/proc_port.h ---- */

int proc_port_holder(const char *ip, uint16_t port, pid_t *pid, char *name, size_t name_size,
                     struct err *err)
{
    const struct sim_memcached *memcached = sim_memcached_at(sim_machine_here(), ip, port);

    if (memcached == NULL) {
        return err_set(err, ERR_NOT_FOUND, "nobody holds %s:%u", ip, port);
    }
    *pid = memcached->pid;
    (void)snprintf(name, name_size, "memcached");
    return 0;
}
