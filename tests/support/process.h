/*
 * process - programs that a test starts, watches and ends.
 *
 * Each runs in a session of its own with its output in a file, and gets SIGKILL when the test's
 * process dies; the scene's guard ends what it leaves behind. Handles live as long as the test.
 */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process;

struct process_spec {
    const char *name;        /* of the output file in the scene's directory, and for messages */
    const char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
    const char *const *env;  /* "NAME=value" to add, NULL-terminated; NULL: none */
};

/* Start a program. */
struct process *process_start(const struct process_spec *spec);

/* The same by arguments: process_startl("memcached", "memcached", "-p", "0", NULL). */
__attribute__((sentinel)) struct process *process_startl(const char *name, ...);

pid_t process_pid(const struct process *process);
bool process_running(struct process *process);

/* Send a signal to it, or to all of its session. */
void process_signal(struct process *process, int signum);
void process_signal_session(struct process *process, int signum);

/* Wait for its end: the exit code, or 128 + the signal that killed it. Fails after WAIT_MS. */
int process_wait(struct process *process);

/* SIGKILL to its session, and wait. Fine when it has ended. */
void process_kill(struct process *process);

/* What it has written to stdout and stderr; on the heap. */
char *process_output(const struct process *process);

/* Wait until `text` stands in its output. false: it has ended, or WAIT_MS are over, without. */
bool process_wait_output(struct process *process, const char *text);

/* Run a program to its end: its exit code; `output` (may be NULL) gets its output, on the heap. */
int process_run(const struct process_spec *spec, char **output);

#endif
