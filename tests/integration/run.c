#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/lab.h"

#define RUN_ARGS_MAX 64

/* A file in memory for output: unlike a pipe it keeps nobody waiting who inherits it. */
static int memory_file(const char *text)
{
    int fd = memfd_create("lab", MFD_CLOEXEC);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void take_output(int fd, char out[RUN_OUTPUT_SIZE])
{
    ssize_t size = pread(fd, out, RUN_OUTPUT_SIZE - 1, 0);

    out[size < 0 ? 0 : size] = '\0';
    (void)close(fd);
}

/* In the child: no way back. */
__attribute__((noreturn)) static void become(const char *path, const char *const *args,
                                             const char *const *env, const int fds[3])
{
    char state[SCENE_PATH_SIZE + 32];
    char patience[] = "MUSTER_TIMEOUT=60s"; /* etcd stands still when the machine does */
    char *argv[RUN_ARGS_MAX + 2] = { strdup(path) };
    size_t i;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setsid();
    for (i = 0; i < 3; i++) {
        (void)dup2(fds[i], (int)i);
    }
    for (i = 0; args[i] != NULL && i < RUN_ARGS_MAX; i++) {
        argv[i + 1] = strdup(args[i]);
    }
    (void)snprintf(state, sizeof(state), "MUSTER_STATE_DIR=%s", lab_state().text);
    (void)putenv(state);
    (void)putenv(patience);
    (void)putenv(strdup(scene_mark()));
    for (; env != NULL && *env != NULL; env++) {
        (void)putenv(strdup(*env));
    }
    (void)execve(path, argv, environ);
    (void)dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

static bool ended(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

void lab_run_with(struct run_result *result, const char *program, const char *const *args,
                  const char *const *env, const char *input)
{
    int fds[3] = { memory_file(input), memory_file(""), memory_file("") };
    const char *mark = scene_mark(); /* the scene must be there before its first child */
    struct scene_path built = scene_program(program);
    int status = 0;
    pid_t pid = fork();

    (void)mark;
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        become(program[0] == '/' ? program : built.text, args, env, fds);
    }
    if (!WITHIN(2 * LAB_PATIENCE_MS, ended(pid, &status))) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    (void)close(fds[0]);
    take_output(fds[1], result->out);
    take_output(fds[2], result->err);
    lab_note_partitions();
}

void lab_run(struct run_result *result, const char *program, const char *const *args)
{
    lab_run_with(result, program, args, NULL, "");
}

void must_muster(struct run_result *result, int code, const char *const *args)
{
    lab_run(result, "muster", args);
    cr_assert_eq(result->exit_code, code, "muster %s %s: exit code %d, expected %d\n%s%s", args[0],
                 args[1] == NULL ? "" : args[1], result->exit_code, code, result->out, result->err);
}

void must_ok(const char *const *args)
{
    struct run_result result;

    must_muster(&result, 0, args);
}

void must_converge(void)
{
    MUST_OK("wait", LAB_CLUSTER, "--for", "converged", "--timeout", "60s");
}

void must_scale(unsigned nodes)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%u", nodes);
    MUST_OK("scale", LAB_CLUSTER, "--nodes", number);
    must_converge();
}

void must_say(const char *where, const char *text)
{
    cr_assert_not_null(strstr(where, text), "'%s' is missing in:\n%s", text, where);
}
