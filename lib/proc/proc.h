/*
 * proc - child processes that may outlive their parent, and finding them again.
 *
 * A process is started without a shell, in a session of its own, with its output appended to a
 * file, and noted in a pid file: pid, start time (field 22 of /proc/<pid>/stat) and arguments. A
 * later run of the parent, or of its successor, adopts it by that file only when all three still
 * hold, so that a recycled pid is never taken for it. The end of a process, own child or adopted,
 * is seen through a pidfd (pidfd_open(2), Linux 5.3).
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

#define PROC_ARGS_MAX 96

struct proc;

struct proc_spec {
    const char *const *argv; /* argv[0] is the path; NULL-terminated */
    const char *const
        *env; /* "NAME=value" added to the own environment; NULL-terminated; may be NULL */
    const char *log_path; /* stdout and stderr are appended; NULL: /dev/null */
    const char *pid_path;
};

/* `status` as of waitpid(2), or -1 when it was not our child and nobody can know. */
typedef void proc_exit_fn(void *ctx, int status);

/* Start. The pid file is written before the process can run its first instruction. */
MUST_USE int proc_start(struct loop *loop, const struct proc_spec *spec, proc_exit_fn *exited,
                        void *ctx, struct proc **out, struct err *err);

/*
 * Take over a running process by its pid file. ERR_NOT_FOUND when it does not run any more (the
 * file is removed), ERR_CONFLICT when it runs with other arguments than `argv` (NULL: any are
 * right).
 */
MUST_USE int proc_adopt(struct loop *loop, const char *pid_path, const char *const *argv,
                        proc_exit_fn *exited, void *ctx, struct proc **out, struct err *err);

pid_t proc_pid(const struct proc *proc);
bool proc_running(const struct proc *proc);

/* Send a signal through the pidfd: never to a recycled pid. */
MUST_USE int proc_signal(const struct proc *proc, int signum, struct err *err);

/* Let go of it; the process runs on. */
void proc_free(struct proc *proc);
DEFINE_CLEANUP(struct proc, proc_free);

/* What an exit status says, for a log: "exit 71", "killed by signal 9". */
void proc_status_text(int status, char *out, size_t out_size);

#endif
