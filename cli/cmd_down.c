#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/lock.h"
#include "cli/supervisor.h"
#include "cli/verb.h"
#include "client/options.h"
#include "proc/proc.h"

#define LOOK_AGAIN_MS 20

struct down_flags {
    const char *state_dir;
    uint64_t timeout_ms;
    bool purge;
};

static const struct opt opts[] = {
    { "purge", 0, OPT_FLAG, offsetof(struct down_flags, purge), NULL, NULL,
      "remove the state as well: specs, configurations, keys" },
    TIMEOUT_FLAG(struct down_flags, timeout_ms, "60s", "how long the end may take"),
    STATE_DIR_FLAG(struct down_flags, state_dir),
};

const struct opt_table cmd_down_options = {
    .program = "muster down",
    .synopsis = "[--purge]",
    .summary = "Stop everything that muster up runs on this machine, the memcacheds included. What "
               "etcd knows is kept, so that muster up brings the same clusters up again, empty.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster down\n"
                "  muster down --purge --state-dir /tmp/try\n",
};

struct run {
    struct local local;
    struct loop *loop;
    struct loop_timer *timer;
    struct proc *supervisor;
    int lock;
    bool stopped; /* something that ran */
    bool waited;  /* for the supervisor's end, or a moment */
};

static void on_due(void *ctx)
{
    struct run *run = ctx;

    run->waited = true;
}

static void supervisor_ended(void *ctx, int status)
{
    struct run *run = ctx;

    (void)status;
    run->waited = true;
}

/* Tell the supervisor to stop everything, and wait for its end; or for a moment without one. */
static int end_supervisor(struct run *run, uint64_t left_ms, struct err *err)
{
    char path[STATE_PATH_SIZE];
    int rv;

    state_path(run->local.dir, STATE_UP_PID, path);
    run->waited = false;
    rv = proc_adopt(run->loop, path, NULL, supervisor_ended, run, &run->supervisor, err);
    if (0 <= rv) {
        run->stopped = true;
        rv = proc_signal(run->supervisor, SIGTERM, err);
    } else {
        /* A successor is just taking over and has not noted its pid yet. */
        loop_timer_start(run->timer, LOOK_AGAIN_MS);
    }
    if (0 <= rv || rv == ERR_NOT_FOUND) {
        rv = loop_run_until(run->loop, &run->waited, left_ms, err);
    }
    proc_free(TAKE(run->supervisor));
    return rv;
}

/* The lock is ours when no supervisor is left. */
static int take_lock(struct run *run, uint64_t timeout_ms, struct err *err)
{
    uint64_t end_ms = clock_mono_ms() + timeout_ms;
    int rv = lock_take(run->local.dir, false, &run->lock, err);

    while (rv == ERR_CONFLICT) {
        uint64_t now_ms = clock_mono_ms();

        if (end_ms <= now_ms) {
            return err_set(err, ERR_TIMEOUT, "the supervisor of %s does not end", run->local.dir);
        }
        rv = end_supervisor(run, end_ms - now_ms, err);
        if (0 <= rv) {
            rv = lock_take(run->local.dir, false, &run->lock, err);
        }
    }
    return rv;
}

static void on_note(void *ctx, const char *event, const char *process, const char *text)
{
    (void)ctx;
    (void)printf("%s %s (%s)\n", process, event, text);
}

/* What runs without a supervisor. */
static int stop_rest(struct run *run, struct err *err)
{
    const struct supervisor_options supervisor_options = { .local = &run->local, .note = on_note };
    CLEANUP(supervisor_free_p) struct supervisor *supervisor = NULL;
    char path[STATE_PATH_SIZE];
    int rv = supervisor_new(run->loop, &supervisor_options, &supervisor, err);

    /* Before the end of the processes: from here on no standby may take over. */
    state_path(run->local.dir, STATE_UP_PID, path);
    (void)unlink(path);
    if (0 <= rv) {
        rv = supervisor_stop(supervisor, err);
    }
    if (0 <= rv && 0 < supervisor_stopped(supervisor)) {
        run->stopped = true;
    }
    return rv;
}

static int purge(const struct run *run, struct err *err)
{
    char partitions[STATE_PATH_SIZE];
    int rv;

    partition_dir(&run->local, partitions);
    rv = dir_remove(partitions, err);
    return rv < 0 ? rv : state_dir_purge(run->local.dir, err);
}

static int down(struct run *run, const struct down_flags *flags, struct err *err)
{
    int rv = loop_new(&run->loop, err);

    if (0 <= rv) {
        rv = loop_timer_new(run->loop, on_due, run, &run->timer, err);
    }
    if (0 <= rv) {
        rv = take_lock(run, flags->timeout_ms, err);
    }
    if (0 <= rv) {
        rv = stop_rest(run, err);
    }
    if (0 <= rv && flags->purge) {
        rv = purge(run, err);
    }
    if (0 <= rv) {
        (void)printf(flags->purge ? "%s; %s is removed.\n" : "%s; the state is kept in %s.\n",
                     run->stopped ? "Stopped" : "Nothing was running", run->local.dir);
    }
    return rv;
}

static void run_deinit(struct run *run)
{
    proc_free(run->supervisor);
    loop_timer_free(run->timer);
    loop_free(run->loop);
    fd_close_p(&run->lock);
}

int cmd_down(int argc, char *const *argv, struct err *err)
{
    CLEANUP(run_deinit) struct run run = { .lock = -1 };
    struct down_flags flags = { .state_dir = NULL };
    char dir[STATE_PATH_SIZE];
    struct opt_result args;
    int rv = options_read(&cmd_down_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = state_dir_find(flags.state_dir, dir, err);
    if (0 <= rv) {
        rv = local_load(dir, &run.local, err);
    }
    if (rv == ERR_NOT_FOUND) {
        (void)printf("Nothing to stop: muster up has no state in %s.\n", dir);
        return 0;
    }
    return rv < 0 ? rv : down(&run, &flags, err);
}
