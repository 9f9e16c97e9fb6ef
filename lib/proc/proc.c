#include "proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "proc/pidfile.h"

#define STATUS_UNKNOWN (-1)
#define EXIT_NOT_STARTED 127

struct proc {
    pid_t pid;
    int pidfd;
    struct loop_fd *watch;
    proc_exit_fn *exited;
    void *ctx;
    bool running;
};

/* What the child needs between fork and exec, all prepared before: it may call nothing that
 * allocates or locks. */
struct launch {
    const char *const *argv;
    char **env;
    int input;
    int output;
    int go[2];     /* the parent writes one byte when the pid file is there */
    int failed[2]; /* the child writes errno when exec failed; closed by a good exec */
};

static void close_both(int pair[2])
{
    fd_close_p(&pair[0]);
    fd_close_p(&pair[1]);
}

static void launch_deinit(struct launch *launch)
{
    fd_close_p(&launch->input);
    fd_close_p(&launch->output);
    close_both(launch->go);
    close_both(launch->failed);
    free(launch->env);
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;

    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    return count;
}

static bool same_variable(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");

    return strncmp(a, b, size) == 0 && b[size] == '=';
}

/* The own environment with `added` in place of variables of the same names. */
static int make_env(const char *const *added, char ***out, struct err *err)
{
    size_t added_count = count_texts(added);
    size_t own_count = count_texts((const char *const *)environ);
    char **env = mem_calloc(own_count + added_count + 1, sizeof(*env));
    size_t count = 0;
    size_t i;
    size_t j;

    if (env == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < own_count; i++) {
        for (j = 0; j < added_count && !same_variable(added[j], environ[i]); j++) {
        }
        if (j == added_count) {
            env[count++] = environ[i];
        }
    }
    for (i = 0; i < added_count; i++) {
        /* execve() takes char *const[] and changes nothing. */
        memcpy(&env[count++], &added[i], sizeof(added[i]));
    }
    *out = env;
    return 0;
}

static int launch_init(struct launch *launch, const struct proc_spec *spec, struct err *err)
{
    const char *log_path = spec->log_path == NULL ? "/dev/null" : spec->log_path;

    *launch = (struct launch){
        .argv = spec->argv, .input = -1, .output = -1, .go = { -1, -1 }, .failed = { -1, -1 }
    };
    launch->output = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (launch->output < 0) {
        return err_set(err, ERR_IO, "%s: %s", log_path, strerror(errno));
    }
    launch->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (launch->input < 0 || pipe2(launch->go, O_CLOEXEC) < 0 ||
        pipe2(launch->failed, O_CLOEXEC) < 0) {
        return err_set(err, ERR_IO, "start %s: %s", spec->argv[0], strerror(errno));
    }
    return make_env(spec->env, &launch->env, err);
}

static void reset_signals(void)
{
    sigset_t none;
    int signum;

    for (signum = 1; signum < NSIG; signum++) {
        (void)signal(signum, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void run_child(const struct launch *launch)
{
    char go;
    int error;
    ssize_t written;

    (void)setsid();
    (void)close(launch->go[1]); /* else a parent that died would never be noticed */
    if (read(launch->go[0], &go, 1) != 1) {
        _exit(EXIT_NOT_STARTED);
    }
    if (dup2(launch->input, 0) < 0 || dup2(launch->output, 1) < 0 || dup2(launch->output, 2) < 0) {
        _exit(EXIT_NOT_STARTED);
    }
    /* Old kernels know no close_range(); all of our own descriptors are marked anyway. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    reset_signals();
    (void)execve(launch->argv[0], (char *const *)(uintptr_t)launch->argv, launch->env);
    error = errno;
    written = write(launch->failed[1], &error, sizeof(error));
    (void)written;
    _exit(EXIT_NOT_STARTED);
}

/* Signals stay blocked over the fork: one that came early would run the parent's handler in the
 * child, and libuv's handlers write to a pipe that both share. */
static pid_t fork_child(const struct launch *launch)
{
    sigset_t all;
    sigset_t former;
    pid_t pid;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &former);
    pid = fork();
    if (pid == 0) {
        run_child(launch);
    }
    (void)sigprocmask(SIG_SETMASK, &former, NULL);
    return pid;
}

static int note(const struct proc_spec *spec, pid_t pid, struct err *err)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    int rv;

    pidfile_init(&file);
    file.pid = pid;
    rv = pidfile_start_ticks(pid, &file.start_ticks, err);
    if (rv == 0) {
        rv = pidfile_set_args(&file, spec->argv, err);
    }
    return rv < 0 ? rv : pidfile_write(&file, spec->pid_path, err);
}

/* Let the child go on to exec and wait until that has happened. */
static int release(struct launch *launch, struct err *err)
{
    int error = 0;
    ssize_t got;

    fd_close_p(&launch->failed[1]);
    launch->failed[1] = -1;
    if (write(launch->go[1], "g", 1) != 1) {
        return err_set(err, ERR_IO, "start %s: %s", launch->argv[0], strerror(errno));
    }
    do {
        got = read(launch->failed[0], &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    if (got != 0) {
        return err_set(err, error == ENOENT ? ERR_NOT_FOUND : ERR_IO, "can't run %s: %s",
                       launch->argv[0], strerror(got < 0 ? errno : error));
    }
    return 0;
}

static bool has_ended(int pidfd)
{
    struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 1;
}

static void on_pidfd(void *ctx, unsigned events)
{
    struct proc *proc = ctx;
    int status;

    (void)events;
    loop_fd_want(proc->watch, 0);
    /* ECHILD: adopted from a former parent, whose the status is. */
    if (waitpid(proc->pid, &status, WNOHANG) != proc->pid) {
        status = STATUS_UNKNOWN;
    }
    proc->running = false;
    proc->exited(proc->ctx, status);
}

/* Takes over `*pidfd`. */
static int proc_new(struct loop *loop, pid_t pid, int *pidfd, struct proc **out, struct err *err)
{
    struct proc *proc = mem_alloc(sizeof(*proc));
    int rv;

    if (proc == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    proc->pid = pid;
    proc->running = true;
    rv = loop_fd_new(loop, *pidfd, on_pidfd, proc, &proc->watch, err);
    if (rv < 0) {
        free(proc);
        return rv;
    }
    proc->pidfd = *pidfd;
    *pidfd = -1;
    loop_fd_want(proc->watch, LOOP_READABLE);
    *out = proc;
    return 0;
}

/* The child waits for its release; whatever fails up to there ends it. */
static int start_forked(struct loop *loop, const struct proc_spec *spec, struct launch *launch,
                        pid_t pid, struct proc **out, struct err *err)
{
    CLEANUP(fd_close_p) int pidfd = pidfd_open(pid, 0);
    CLEANUP(proc_free_p) struct proc *proc = NULL;
    int rv;

    if (pidfd < 0) {
        return err_set(err, ERR_IO, "pidfd_open: %s", strerror(errno));
    }
    rv = note(spec, pid, err);
    if (rv == 0) {
        rv = proc_new(loop, pid, &pidfd, &proc, err);
    }
    if (rv == 0) {
        rv = release(launch, err);
    }
    if (rv < 0) {
        (void)unlink(spec->pid_path);
        return rv;
    }
    *out = TAKE(proc);
    return 0;
}

int proc_start(struct loop *loop, const struct proc_spec *spec, proc_exit_fn *exited, void *ctx,
               struct proc **out, struct err *err)
{
    CLEANUP(launch_deinit) struct launch launch;
    struct proc *proc;
    pid_t pid;
    int rv;

    CHECK(spec->argv[0] != NULL);
    rv = launch_init(&launch, spec, err);
    if (rv < 0) {
        return rv;
    }
    if (PROC_ARGS_MAX < count_texts(spec->argv)) {
        return err_set(err, ERR_LIMIT, "%s: more than %d arguments", spec->argv[0], PROC_ARGS_MAX);
    }
    pid = fork_child(&launch);
    if (pid < 0) {
        return err_set(err, ERR_IO, "fork: %s", strerror(errno));
    }
    rv = start_forked(loop, spec, &launch, pid, &proc, err);
    if (rv < 0) {
        /* It has failed or still waits for the release: either way this ends at once. */
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rv;
    }
    proc->exited = exited;
    proc->ctx = ctx;
    *out = proc;
    return 0;
}

int proc_adopt(struct loop *loop, const char *pid_path, const char *const *argv,
               proc_exit_fn *exited, void *ctx, struct proc **out, struct err *err)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    CLEANUP(fd_close_p) int pidfd = -1;
    struct proc *proc;
    int rv;

    pidfile_init(&file);
    rv = pidfile_read(pid_path, &file, err);
    if (rv < 0 && rv != ERR_INVALID) {
        return rv;
    }
    /* The descriptor comes first, and is looked at last: what was compared between is its process,
     * not a successor of the same number. */
    pidfd = rv < 0 ? -1 : pidfd_open(file.pid, 0);
    if (pidfd < 0 || !pidfile_is_alive(&file) || has_ended(pidfd)) {
        pidfile_remove(&file, pid_path);
        return err_set(err, ERR_NOT_FOUND, "the process of %s does not run", pid_path);
    }
    if (argv != NULL && !pidfile_has_args(&file, argv)) {
        return err_set(err, ERR_CONFLICT, "process %d runs with other arguments", (int)file.pid);
    }
    rv = proc_new(loop, file.pid, &pidfd, &proc, err);
    if (rv < 0) {
        return rv;
    }
    proc->exited = exited;
    proc->ctx = ctx;
    *out = proc;
    return 0;
}

pid_t proc_pid(const struct proc *proc)
{
    return proc->pid;
}

bool proc_running(const struct proc *proc)
{
    return proc->running;
}

int proc_signal(const struct proc *proc, int signum, struct err *err)
{
    if (pidfd_send_signal(proc->pidfd, signum, NULL, 0) < 0) {
        return err_set(err, errno == ESRCH ? ERR_NOT_FOUND : ERR_IO, "signal %d to process %d: %s",
                       signum, (int)proc->pid, strerror(errno));
    }
    return 0;
}

void proc_free(struct proc *proc)
{
    if (proc == NULL) {
        return;
    }
    loop_fd_free(proc->watch);
    if (proc->running && has_ended(proc->pidfd)) {
        (void)waitpid(proc->pid, NULL, WNOHANG);
    }
    (void)close(proc->pidfd);
    free(proc);
}

void proc_status_text(int status, char *out, size_t out_size)
{
    if (status == STATUS_UNKNOWN) {
        (void)snprintf(out, out_size, "ended");
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(out, out_size, "killed by signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(out, out_size, "exit %d", WEXITSTATUS(status));
    }
}
