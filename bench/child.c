#include "bench/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_FAILED 127
#define PATH_SIZE 128

__attribute__((noreturn)) static void become(const char *const *argv, int output, pid_t parent)
{
    char *const *args;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0) {
        _exit(EXEC_FAILED);
    }
    memcpy(&args, &argv, sizeof(args)); /* execvp() takes texts it does not change as such */
    (void)execvp(args[0], args);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", args[0], strerror(errno));
    _exit(EXEC_FAILED);
}

int child_start(const char *const *argv, const char *log_path, pid_t *out, struct err *err)
{
    CLEANUP(fd_close_p)
    int output = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    pid_t pid;

    if (output < 0) {
        return err_set(err, ERR_IO, "%s: %s", log_path, strerror(errno));
    }
    (void)fflush(NULL); /* or the child would print it again */
    pid = fork();
    if (pid < 0) {
        return err_set(err, ERR_IO, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        become(argv, output, parent);
    }
    *out = pid;
    return 0;
}

void child_kill(pid_t pid)
{
    if (0 < pid) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
}

static FILE *proc_open(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        (void)err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return file;
}

int child_memory(pid_t pid, struct child_memory *out, struct err *err)
{
    char path[PATH_SIZE];
    char line[256];
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    file = proc_open(path, err);
    if (file == NULL) {
        return err->code;
    }
    *out = (struct child_memory){ 0 };
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long long kib;

        if (sscanf(line, "Private_Clean: %llu", &kib) == 1 ||
            sscanf(line, "Private_Dirty: %llu", &kib) == 1) {
            out->private_kib += kib;
        } else if (sscanf(line, "Rss: %llu", &kib) == 1) {
            out->resident_kib = kib;
        }
    }
    (void)fclose(file);
    return 0;
}

static int thread_cpu_ns(pid_t pid, const char *thread, uint64_t *out, struct err *err)
{
    char path[PATH_SIZE];
    unsigned long long ns;
    FILE *file;
    int n;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, thread);
    file = proc_open(path, err);
    if (file == NULL) {
        return err->code;
    }
    n = fscanf(file, "%llu", &ns);
    (void)fclose(file);
    if (n != 1) {
        return err_set(err, ERR_IO, "%s can't be read", path);
    }
    *out = ns;
    return 0;
}

int child_cpu_ms(pid_t pid, double *out, struct err *err)
{
    char path[PATH_SIZE];
    struct dirent *entry;
    uint64_t sum_ns = 0;
    DIR *tasks;
    int rv = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    if (tasks == NULL) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    while (0 <= rv && (entry = readdir(tasks)) != NULL) {
        uint64_t ns = 0;

        if (entry->d_name[0] != '.') {
            rv = thread_cpu_ns(pid, entry->d_name, &ns, err);
        }
        sum_ns += ns;
    }
    (void)closedir(tasks);
    if (0 <= rv) {
        *out = (double)sum_ns / 1e6;
    }
    return rv;
}
