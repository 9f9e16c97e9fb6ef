#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_flags.h"
#include "cli/lock.h"
#include "cli/supervisor.h"
#include "cli/verb.h"
#include "client/options.h"
#include "proc/pidfile.h"

struct supervise_flags {
    const char *state_dir;
    struct log_flags log;
    bool standby;
};

static const struct opt opts[] = {
    STATE_DIR_FLAG(struct supervise_flags, state_dir),
    { "standby", 0, OPT_FLAG, offsetof(struct supervise_flags, standby), NULL, NULL,
      "wait until the supervisor that runs has ended, then take its place" },
    LOG_FLAGS(struct supervise_flags, log),
};

const struct opt_table cmd_supervise_options = {
    .program = "muster supervise",
    .synopsis = "",
    .summary = "Keep the processes of a state directory running; muster up --detach starts it, "
               "muster down ends it. SIGTERM stops all of them.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
};

struct run {
    struct local local;
    struct programs programs;
    struct log log;
    struct loop *loop;
    struct loop_signal *signals[2];
    struct supervisor *supervisor;
    int lock;
};

static void on_signal(void *ctx)
{
    struct run *run = ctx;

    loop_stop(run->loop);
}

static void on_note(void *ctx, const char *event, const char *process, const char *text)
{
    const struct run *run = ctx;

    log_write(&run->log, LOG_INFO, event, LOG_TEXT("process", process), LOG_TEXT("detail", text));
}

static int open_loop(struct run *run, struct err *err)
{
    static const int signums[] = { SIGINT, SIGTERM };
    size_t i;
    int rv = loop_new(&run->loop, err);

    for (i = 0; 0 <= rv && i < ARRAY_COUNT(signums); i++) {
        rv = loop_signal_new(run->loop, signums[i], on_signal, run, &run->signals[i], err);
    }
    return rv;
}

/* From here on `muster down` finds this process, and nobody takes it for the standby. */
static int become_supervisor(const struct run *run, char *const *argv, struct err *err)
{
    CLEANUP(pidfile_deinit) struct pidfile standby;
    char path[STATE_PATH_SIZE];

    pidfile_init(&standby);
    state_path(run->local.dir, "run/standby.pid", path);
    if (pidfile_read(path, &standby, err) == 0 && standby.pid == getpid()) {
        (void)unlink(path);
    }
    state_path(run->local.dir, STATE_UP_PID, path);
    return local_note_self(path, argv, err);
}

/* A supervisor that was told to stop takes its pid file away; one that died could not. */
static bool supervisor_has_died(const struct run *run)
{
    char path[STATE_PATH_SIZE];

    state_path(run->local.dir, STATE_UP_PID, path);
    return access(path, F_OK) == 0;
}

static int supervise(struct run *run, struct err *err)
{
    const struct supervisor_options supervisor_options = { .local = &run->local,
                                                           .programs = &run->programs,
                                                           .standby = true,
                                                           .note = on_note,
                                                           .ctx = run };
    struct err start_err = { 0 };
    char path[STATE_PATH_SIZE];
    bool never = false;
    int rv = supervisor_new(run->loop, &supervisor_options, &run->supervisor, err);

    if (rv < 0) {
        return rv;
    }
    if (supervisor_start(run->supervisor, &start_err) < 0) {
        log_write(&run->log, LOG_WARN, "not-all-started", LOG_TEXT("error", start_err.msg));
    }
    rv = loop_run_until(run->loop, &never, UINT64_MAX, err);
    if (rv != ERR_CANCELED) {
        return rv;
    }
    rv = supervisor_stop(run->supervisor, err);
    log_write(&run->log, LOG_INFO, "stopped",
              LOG_NUMBER("processes", supervisor_stopped(run->supervisor)));
    state_path(run->local.dir, STATE_UP_PID, path);
    (void)unlink(path);
    return rv;
}

static void run_deinit(struct run *run)
{
    supervisor_free(run->supervisor);
    loop_signal_free(run->signals[0]);
    loop_signal_free(run->signals[1]);
    loop_free(run->loop);
    fd_close_p(&run->lock);
}

static int prepare(struct run *run, const struct supervise_flags *flags, struct err *err)
{
    char dir[STATE_PATH_SIZE];
    int rv = log_flags_load(&flags->log, "muster-supervisor", &run->log, err);

    if (0 <= rv) {
        rv = state_dir_find(flags->state_dir, dir, err);
    }
    if (0 <= rv) {
        rv = programs_find(&run->programs, err);
    }
    if (0 <= rv) {
        rv = lock_take(dir, flags->standby, &run->lock, err);
    }
    if (0 <= rv) {
        rv = local_load(dir, &run->local, err);
    }
    return rv;
}

int cmd_supervise(int argc, char *const *argv, struct err *err)
{
    CLEANUP(run_deinit) struct run run = { .lock = -1 };
    struct supervise_flags flags = { .state_dir = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_supervise_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = prepare(&run, &flags, err);
    if (flags.standby && (rv == ERR_NOT_FOUND || (0 <= rv && !supervisor_has_died(&run)))) {
        return 0; /* everything was stopped while it waited */
    }
    if (0 <= rv) {
        local_clear_environment();
        rv = become_supervisor(&run, argv, err);
    }
    if (0 <= rv) {
        log_write(&run.log, LOG_INFO, flags.standby ? "took-over" : "supervising",
                  LOG_NUMBER("pid", getpid()));
        rv = open_loop(&run, err);
    }
    return rv < 0 ? rv : supervise(&run, err);
}
