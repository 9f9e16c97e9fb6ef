#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/pidfile.h"
#include "proc/proc.h"
#include "support/scene.h"
#include "support/wait.h"

struct fixture {
    struct loop *loop;
    struct proc *proc;
    struct scene_path log;
    struct scene_path pid_file;
    bool ended;
    int status;
};

static void on_exit_noted(void *ctx, int status)
{
    struct fixture *f = ctx;

    f->ended = true;
    f->status = status;
}

static void set_up(struct fixture *f)
{
    struct err err;

    *f = (struct fixture){ .log = scene_path("log"), .pid_file = scene_path("pid") };
    cr_assert_eq(loop_new(&f->loop, &err), 0);
}

static void tear_down(struct fixture *f)
{
    proc_free(f->proc);
    loop_free(f->loop);
}

static int start(struct fixture *f, const char *const *argv, struct err *err)
{
    const char *env[] = { scene_mark(), "MUSTER_TEST_VALUE=given", NULL };
    struct proc_spec spec = {
        .argv = argv, .env = env, .log_path = f->log.text, .pid_path = f->pid_file.text
    };

    return proc_start(f->loop, &spec, on_exit_noted, f, &f->proc, err);
}

static void start_or_fail(struct fixture *f, const char *const *argv)
{
    struct err err;

    cr_assert_eq(start(f, argv, &err), 0, "%s", err.msg);
}

static void wait_for_end(struct fixture *f)
{
    struct err err;

    cr_assert_eq(loop_run_until(f->loop, &f->ended, WAIT_MS, &err), 0, "%s", err.msg);
}

static int adopt(struct fixture *f, const char *const *argv, struct err *err)
{
    return proc_adopt(f->loop, f->pid_file.text, argv, on_exit_noted, f, &f->proc, err);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Whether a child is left that is not the scene's guard, which was there before. */
static bool has_children(void)
{
    char command[64];

    (void)snprintf(command, sizeof(command), "test $(ps -o pid= --ppid %d | wc -l) -gt 2",
                   (int)getpid());
    return system(command) == 0;
}

static const char *const sleeping[] = { "/bin/sleep", "1000", NULL };

Test(proc, its_output_and_its_exit_status_arrive)
{
    const char *const argv[] = { "/bin/sh", "-c", "echo said; echo aloud >&2; exit 7", NULL };
    CLEANUP(mem_free_p) char *log = NULL;
    char text[64];
    struct fixture f;

    set_up(&f);
    start_or_fail(&f, argv);
    wait_for_end(&f);
    log = scene_read(f.log.text);
    cr_expect_str_eq(log, "said\naloud\n");
    proc_status_text(f.status, text, sizeof(text));
    cr_expect_str_eq(text, "exit 7");
    cr_expect_not(proc_running(f.proc));
    tear_down(&f);
}

Test(proc, the_pid_file_is_there_before_the_first_instruction)
{
    CLEANUP(mem_free_p) char *log = NULL;
    struct scene_path script;
    struct fixture f;
    char pid[16];

    set_up(&f);
    script = scene_path("%s", f.pid_file.text + strlen(scene_dir()) + 1);
    {
        const char *const argv[] = { "/usr/bin/head", "-n1", script.text, NULL };

        start_or_fail(&f, argv);
        (void)snprintf(pid, sizeof(pid), "%d ", (int)proc_pid(f.proc));
    }
    wait_for_end(&f);
    log = scene_read(f.log.text);
    cr_expect_eq(strncmp(log, pid, strlen(pid)), 0, "'%s' does not begin with '%s'", log, pid);
    tear_down(&f);
}

Test(proc, it_leads_a_session_and_inherits_neither_descriptors_nor_ignored_signals)
{
    const char *const argv[] = { "/bin/sh", "-c",
                                 "ls /proc/self/fd | tr '\\n' ' '; "
                                 "ignored=$(sed -n 's/^SigIgn:.//p' /proc/self/status); "
                                 "echo ignored $((0x$ignored & ~0x180000000)); "
                                 "ps -o sid= -p $$ | tr -d ' '; echo $$ $MUSTER_TEST_VALUE",
                                 NULL };
    CLEANUP(mem_free_p) char *log = NULL;
    char expected[128];
    struct fixture f;

    set_up(&f);
    (void)signal(SIGUSR1, SIG_IGN);
    start_or_fail(&f, argv);
    wait_for_end(&f);
    log = scene_read(f.log.text);
    /* 3 is the directory that ls reads; signals 32 and 33 are the C library's own, out of reach */
    (void)snprintf(expected, sizeof(expected), "0 1 2 3 ignored 0\n%d\n%d given\n",
                   (int)proc_pid(f.proc), (int)proc_pid(f.proc));
    cr_expect_str_eq(log, expected);
    tear_down(&f);
}

Test(proc, a_program_that_is_missing_leaves_nothing_behind)
{
    const char *const argv[] = { "/nonexistent/program", NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    cr_expect_eq(start(&f, argv, &err), ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "/nonexistent/program"), "%s", err.msg);
    cr_expect_not(exists(f.pid_file.text));
    cr_expect_not(has_children(), "a child is left");
    tear_down(&f);
}

Test(proc, a_pid_file_that_cannot_be_written_starts_nothing)
{
    struct fixture f;
    struct err err;

    set_up(&f);
    f.pid_file = scene_path("no/such/directory/pid");
    cr_expect_eq(start(&f, sleeping, &err), ERR_IO);
    cr_expect_not(has_children(), "a child is left");
    tear_down(&f);
}

Test(proc, what_was_let_go_runs_on_and_is_adopted)
{
    struct fixture f;
    char text[64];
    struct err err;
    pid_t pid;

    set_up(&f);
    start_or_fail(&f, sleeping);
    pid = proc_pid(f.proc);
    proc_free(TAKE(f.proc));
    cr_assert_eq(kill(pid, 0), 0);

    cr_assert_eq(adopt(&f, sleeping, &err), 0, "%s", err.msg);
    cr_expect_eq(proc_pid(f.proc), pid);
    cr_expect(proc_running(f.proc));
    cr_assert_eq(proc_signal(f.proc, SIGTERM, &err), 0);
    wait_for_end(&f);
    proc_status_text(f.status, text, sizeof(text));
    cr_expect_str_eq(text, "killed by signal 15");
    tear_down(&f);
}

/* Started by a process that has ended since: not our child, so nobody knows the status. */
Test(proc, a_process_of_a_former_parent_is_adopted)
{
    struct fixture f;
    char text[64];
    struct err err;
    pid_t parent;
    int status;

    set_up(&f);
    parent = fork();
    if (parent == 0) {
        struct fixture child;

        set_up(&child);
        _exit(start(&child, sleeping, NULL) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(parent, &status, 0), parent);
    cr_assert_eq(status, 0);

    cr_assert_eq(adopt(&f, sleeping, &err), 0, "%s", err.msg);
    cr_assert_eq(proc_signal(f.proc, SIGKILL, &err), 0);
    wait_for_end(&f);
    proc_status_text(f.status, text, sizeof(text));
    cr_expect_str_eq(text, "ended");
    tear_down(&f);
}

Test(proc, other_arguments_are_a_conflict_unless_any_are_right)
{
    const char *const others[] = { "/bin/sleep", "1001", NULL };
    const char *const more[] = { "/bin/sleep", "1000", "1", NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    start_or_fail(&f, sleeping);
    proc_free(TAKE(f.proc));
    cr_expect_eq(adopt(&f, others, &err), ERR_CONFLICT);
    cr_expect_eq(adopt(&f, more, &err), ERR_CONFLICT);
    cr_expect(exists(f.pid_file.text));
    cr_assert_eq(adopt(&f, NULL, &err), 0, "%s", err.msg);
    cr_assert_eq(proc_signal(f.proc, SIGKILL, &err), 0);
    wait_for_end(&f);
    tear_down(&f);
}

Test(proc, a_process_that_has_ended_is_not_adopted)
{
    const char *const argv[] = { "/bin/true", NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    start_or_fail(&f, argv);
    wait_for_end(&f);
    proc_free(TAKE(f.proc));
    cr_expect_eq(adopt(&f, argv, &err), ERR_NOT_FOUND);
    cr_expect_not(exists(f.pid_file.text), "the pid file is left");
    tear_down(&f);
}

/* A pid file about ourselves with one detail changed: a recycled pid looks like that. */
static void expect_not_adopted(uint64_t other_ticks, const char *other_arg)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    const char *argv[] = { "/proc/self/exe", other_arg, NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    start_or_fail(&f, sleeping);
    pidfile_init(&file);
    cr_assert_eq(pidfile_read(f.pid_file.text, &file, &err), 0, "%s", err.msg);
    cr_assert(pidfile_is_alive(&file));
    proc_free(TAKE(f.proc));

    file.start_ticks += other_ticks;
    if (other_arg != NULL) {
        cr_assert_eq(pidfile_set_args(&file, argv, &err), 0);
    }
    cr_assert_eq(pidfile_write(&file, f.pid_file.text, &err), 0);
    cr_expect_eq(adopt(&f, NULL, &err), ERR_NOT_FOUND);
    cr_expect_not(exists(f.pid_file.text));
    cr_expect_eq(kill(file.pid, 0), 0, "a stranger was harmed");
    tear_down(&f);
}

Test(proc, a_recycled_pid_is_not_adopted)
{
    expect_not_adopted(1, NULL);
}

Test(proc, a_pid_with_another_command_line_is_not_adopted)
{
    expect_not_adopted(0, "1000");
}

/* Between reading a stale pid file and removing it, a successor may have been noted. */
Test(proc, only_the_pid_file_that_was_read_is_removed)
{
    CLEANUP(pidfile_deinit) struct pidfile stale;
    struct pidfile nobody = { 0 };
    struct scene_path path = scene_path("pid");
    struct err err;

    pidfile_init(&stale);
    (void)scene_write("pid", "12 5\n");
    cr_assert_eq(pidfile_read(path.text, &stale, &err), 0);
    (void)scene_write("pid", "12 6\n");
    pidfile_remove(&stale, path.text);
    pidfile_remove(&nobody, path.text);
    cr_expect(exists(path.text));
    (void)scene_write("pid", "12 5\n");
    pidfile_remove(&stale, path.text);
    cr_expect_not(exists(path.text));
}

Test(proc, a_pid_file_of_garbage_is_nobody)
{
    static const char *const texts[] = {
        "", "\n", "12", "12 \n", "x 5\n", "-1 5\n", "1 2 3\nargs", "0 0\n", "99999999999 1\n"
    };
    struct fixture f;
    struct err err;
    size_t i;

    set_up(&f);
    for (i = 0; i < ARRAY_COUNT(texts); i++) {
        (void)scene_write("pid", texts[i]);
        cr_expect_eq(adopt(&f, NULL, &err), ERR_NOT_FOUND, "'%s'", texts[i]);
        cr_expect_not(exists(f.pid_file.text), "'%s'", texts[i]);
    }
    cr_expect_eq(adopt(&f, NULL, &err), ERR_NOT_FOUND);
    tear_down(&f);
}

Test(proc, a_script_is_adopted_although_its_interpreter_stands_first)
{
    struct scene_path script = scene_write("script", "#!/bin/sh\nread line\nsleep 1000\n:\n");
    const char *const argv[] = { script.text, "an argument", NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    {
        char command[SCENE_PATH_SIZE + 16];

        (void)snprintf(command, sizeof(command), "chmod +x %s", script.text);
        cr_assert_eq(system(command), 0);
    }
    start_or_fail(&f, argv);
    proc_free(TAKE(f.proc));
    cr_assert_eq(adopt(&f, argv, &err), 0, "%s", err.msg);
    cr_assert_eq(proc_signal(f.proc, SIGKILL, &err), 0);
    wait_for_end(&f);
    tear_down(&f);
}

Test(proc, a_signal_to_what_has_ended_reaches_nobody)
{
    const char *const argv[] = { "/bin/true", NULL };
    struct fixture f;
    struct err err;

    set_up(&f);
    start_or_fail(&f, argv);
    wait_for_end(&f);
    cr_expect_eq(proc_signal(f.proc, SIGTERM, &err), ERR_NOT_FOUND);
    tear_down(&f);
}
