#include "support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/scene.h"
#include "support/wait.h"

#define ARGS_MAX 64
#define EXEC_FAILED 127

struct process {
    char name[64];
    struct scene_path output;
    pid_t pid;
    bool ended;
    int status;
};

struct wait_output {
    struct process *process;
    const char *text;
    bool found;
};

/* In the child; only async-signal-safe calls from here on (and putenv(), before any thread). */
__attribute__((noreturn)) static void become(const struct process_spec *spec, int output,
                                             pid_t parent)
{
    const char *const *env = spec->env;
    sigset_t none;
    char *const *argv;
    int signum;

    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXEC_FAILED);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (signum = 1; signum < NSIG; signum++) {
        (void)signal(signum, SIG_DFL);
    }
    (void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    (void)putenv(strdup(scene_mark()));
    for (; env != NULL && *env != NULL; env++) {
        (void)putenv(strdup(*env));
    }
    memcpy(&argv, &spec->argv, sizeof(argv)); /* execvp() takes texts it does not change as such */
    (void)execvp(argv[0], argv);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(EXEC_FAILED);
}

struct process *process_start(const struct process_spec *spec)
{
    struct process *process = scene_alloc(sizeof(*process));
    pid_t parent = getpid();
    int output;

    (void)snprintf(process->name, sizeof(process->name), "%s", spec->name);
    process->output = scene_path("%s.output", spec->name);
    output = open(process->output.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) {
        scene_fail("%s: %s", process->output.text, strerror(errno));
    }
    process->pid = fork();
    if (process->pid < 0) {
        scene_fail("fork: %s", strerror(errno));
    }
    if (process->pid == 0) {
        become(spec, output, parent);
    }
    (void)close(output);
    return process;
}

struct process *process_startl(const char *name, ...)
{
    const char *argv[ARGS_MAX + 1] = { NULL };
    struct process_spec spec = { .name = name, .argv = argv };
    const char *arg;
    size_t count = 0;
    va_list args;

    va_start(args, name);
    while ((arg = va_arg(args, const char *)) != NULL) {
        if (count == ARGS_MAX) {
            scene_fail("%s: more than %d arguments", name, ARGS_MAX);
        }
        argv[count++] = arg;
    }
    va_end(args);
    return process_start(&spec);
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

bool process_running(struct process *process)
{
    if (!process->ended && waitpid(process->pid, &process->status, WNOHANG) == process->pid) {
        process->ended = true;
    }
    return !process->ended;
}

void process_signal(struct process *process, int signum)
{
    if (process_running(process)) {
        (void)kill(process->pid, signum);
    }
}

void process_signal_session(struct process *process, int signum)
{
    if (process_running(process)) {
        (void)kill(-process->pid, signum);
    }
}

static bool has_ended(void *ctx)
{
    return !process_running(ctx);
}

int process_wait(struct process *process)
{
    if (!wait_until(has_ended, process, WAIT_MS)) {
        CLEANUP(mem_free_p) char *output = process_output(process);

        scene_fail("%s does not end; it said:\n%s", process->name, output);
    }
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status)
                                      : 128 + WTERMSIG(process->status);
}

void process_kill(struct process *process)
{
    process_signal_session(process, SIGKILL);
    (void)process_wait(process);
}

char *process_output(const struct process *process)
{
    return scene_read(process->output.text);
}

static bool output_holds(void *ctx)
{
    struct wait_output *wait = ctx;
    bool running = process_running(wait->process); /* before looking: the last words count */
    CLEANUP(mem_free_p) char *output = process_output(wait->process);

    wait->found = strstr(output, wait->text) != NULL;
    return wait->found || !running;
}

bool process_wait_output(struct process *process, const char *text)
{
    struct wait_output wait = { .process = process, .text = text };

    return wait_until(output_holds, &wait, WAIT_MS) && wait.found;
}

int process_run(const struct process_spec *spec, char **output)
{
    struct scene_path file = scene_path("%s.output", spec->name);
    struct process *process;
    int code;

    (void)unlink(file.text);
    process = process_start(spec);
    code = process_wait(process);
    if (output != NULL) {
        *output = process_output(process);
    }
    return code;
}
