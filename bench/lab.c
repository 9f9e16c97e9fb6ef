#include "bench/lab.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define CMDLINE_BYTES_MAX 8192
#define ARGS_MAX 16

static int run(const char *const *argv, struct err *err)
{
    pid_t pid;
    int status;

    (void)fflush(NULL); /* or the child would print it again */
    pid = fork();
    if (pid < 0) {
        return err_set(err, ERR_IO, "fork: %s", strerror(errno));
    }
    if (pid == 0) {
        char *args[ARGS_MAX] = { NULL };
        size_t i;

        for (i = 0; argv[i] != NULL && i + 1 < ARGS_MAX; i++) {
            args[i] = strdup(argv[i]);
        }
        if (freopen("/dev/null", "w", stdout) != NULL) {
            (void)execv(args[0], args);
        }
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, ERR_FAILED, "%s %s failed", argv[0], argv[1]);
    }
    return 0;
}

static int write_spec(const char *path, unsigned nodes, struct err *err)
{
    FILE *file = fopen(path, "we");

    if (file == NULL) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    (void)fprintf(file,
                  "apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: bench\n"
                  "spec:\n  nodes: %u\n  memory: 8Mi\n  threads: 1\n  maxItemSize: 512Ki\n"
                  "  rollout:\n    drain: 0s\n",
                  nodes);
    if (fclose(file) != 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

int lab_start(struct lab *lab, const char *bin_dir, unsigned number, unsigned nodes,
              struct err *err)
{
    char program[LAB_PATH_MAX + 16];
    char spec[LAB_PATH_MAX + 16];
    char network[48];
    const char *argv[] = { program, "up",          "--detach",     "--file",    spec,  "--network",
                           network, "--state-dir", lab->state_dir, "--timeout", "60s", NULL };
    uint64_t started;
    int rv;

    (void)snprintf(lab->bin_dir, sizeof(lab->bin_dir), "%s", bin_dir);
    (void)snprintf(lab->state_dir, sizeof(lab->state_dir), "/tmp/muster-bench.XXXXXX");
    (void)snprintf(lab->network, sizeof(lab->network), "127.90.%u", number);
    (void)snprintf(lab->endpoints, sizeof(lab->endpoints), "http://%s.250:2379", lab->network);
    if (mkdtemp(lab->state_dir) == NULL) {
        return err_set(err, ERR_IO, "mkdtemp: %s", strerror(errno));
    }
    (void)snprintf(program, sizeof(program), "%s/muster", bin_dir);
    (void)snprintf(spec, sizeof(spec), "%s/spec.yaml", lab->state_dir);
    (void)snprintf(network, sizeof(network), "%s.0/24", lab->network);
    rv = write_spec(spec, nodes, err);
    if (rv < 0) {
        return rv;
    }
    started = clock_mono_ns();
    rv = run(argv, err);
    lab->start_ms = (double)(clock_mono_ns() - started) / 1e6;
    if (rv < 0) {
        lab_stop(lab);
    }
    return rv;
}

void lab_stop(const struct lab *lab)
{
    char program[LAB_PATH_MAX + 16];
    const char *down[] = { program, "down", "--purge", "--state-dir", lab->state_dir, NULL };
    const char *rm[] = { "/bin/rm", "-rf", lab->state_dir, NULL };
    struct err err = { 0 };

    (void)snprintf(program, sizeof(program), "%s/muster", lab->bin_dir);
    if (run(down, &err) < 0 || run(rm, &err) < 0) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
    }
}

/* Whether `pid` runs `program` with the lab's state directory among its arguments. */
static bool is_ours(const struct lab *lab, const char *pid, const char *program)
{
    char path[LAB_PATH_MAX];
    char cmdline[CMDLINE_BYTES_MAX];
    const char *name;
    size_t size;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size = fread(cmdline, 1, sizeof(cmdline) - 1, file);
    (void)fclose(file);
    cmdline[size] = '\0';
    name = strrchr(cmdline, '/');
    return strcmp(name == NULL ? cmdline : name + 1, program) == 0 &&
           memmem(cmdline, size, lab->state_dir, strlen(lab->state_dir)) != NULL;
}

int lab_pid(const struct lab *lab, const char *program, pid_t *out, struct err *err)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    uint64_t pid = 0;

    if (proc == NULL) {
        return err_set(err, ERR_IO, "/proc: %s", strerror(errno));
    }
    while ((entry = readdir(proc)) != NULL) {
        if (text_to_u64(entry->d_name, 1, UINT32_MAX, &pid) &&
            is_ours(lab, entry->d_name, program)) {
            break;
        }
    }
    (void)closedir(proc);
    if (entry == NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s does not run", program);
    }
    *out = (pid_t)pid;
    return 0;
}

int lab_memory(const struct lab *lab, const char *program, struct child_memory *out,
               struct err *err)
{
    pid_t pid;
    int rv = lab_pid(lab, program, &pid, err);

    return rv < 0 ? rv : child_memory(pid, out, err);
}
