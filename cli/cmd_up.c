#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/lock.h"
#include "cli/preflight.h"
#include "cli/spec_files.h"
#include "cli/supervisor.h"
#include "cli/up.h"
#include "cli/verb.h"
#include "client/options.h"
#include "codec/envelope.h"
#include "proc/proc.h"

struct up_flags {
    struct opt_texts files;
    const char *state_dir;
    const char *network;
    uint64_t controllers; /* 0: not given */
    const char *join_tokens;
    uint64_t timeout_ms;
    bool detach;
};

static const struct opt opts[] = {
    { "file", 'f', OPT_TEXTS, offsetof(struct up_flags, files), "FILE|DIR", NULL,
      "specs to apply; without it the clusters that are there are brought up again" },
    { "detach", 'd', OPT_FLAG, offsetof(struct up_flags, detach), NULL, NULL,
      "return when everything is converged and leave it running" },
    TIMEOUT_FLAG(struct up_flags, timeout_ms, "60s",
                 "how long to wait for convergence; after it what runs keeps running, and --detach "
                 "exits with 1"),
    STATE_DIR_FLAG(struct up_flags, state_dir),
    { "network", 0, OPT_TEXT, offsetof(struct up_flags, network), "CIDR", NULL,
      "loopback addresses to use, a /24 (" LOCAL_NETWORK_DEFAULT "); kept in the state directory" },
    { "controllers", 0, OPT_NUMBER, offsetof(struct up_flags, controllers), "N", NULL,
      "how many controllers to run, 1 to 5 (1); kept in the state directory" },
    { "join-tokens", 0, OPT_TEXT, offsetof(struct up_flags, join_tokens), "DIR", NULL,
      "token files, each named like its cluster: who holds a token of a cluster may ask to join "
      "it; kept in the state directory" },
};

const struct opt_table cmd_up_options = {
    .program = "muster up",
    .synopsis = "[-f FILE] [--detach]",
    .summary =
        "Run everything on this machine: etcd, muster-controller and muster-watcher as processes "
        "of their own, and the clusters of FILE. Stays in the foreground until Ctrl-C, which stops "
        "all of it. What an earlier run has left running is taken over as it is. MUSTER_* variables "
        "count for these options only: what is started does not see them.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster up -f examples/quickstart.yaml\n"
                "  muster up -f examples/quickstart.yaml --detach && muster get nodes\n",
};

/* One run of the verb. */
struct run {
    struct up up;
    struct up_flags flags;
    char *const *argv;
    char dir[STATE_PATH_SIZE];
    char url[LOCAL_URL_SIZE];
    char join_tokens[STATE_PATH_SIZE]; /* of the flag; "" */
    bool other_tokens;                 /* than those that were written down */
    struct options options;            /* of the context */
    int lock;                          /* held in the foreground */
    bool attached;                     /* a supervisor runs already */
    struct supervisor *supervisor;
    struct proc *started; /* the supervisor that --detach has started */
    char failure[ERR_MSG_MAX];
};

/* ---- The installation ---- */

static int check_network(const struct run *run, const struct local *local, struct err *err)
{
    char network[IPV4_TEXT_SIZE + 3];
    char option[STATE_OPTION_SIZE];
    uint32_t wanted;
    int rv;

    if (run->flags.network == NULL) {
        return 0;
    }
    rv = local_network_parse(run->flags.network, &wanted, err);
    if (rv < 0 || wanted == local->network) {
        return rv;
    }
    local_network_format(local->network, network);
    state_dir_option(run->dir, option);
    return err_set(
        err, ERR_CONFLICT,
        "%s was made with --network %s; use that, another --state-dir, or remove it with "
        "muster down --purge%s",
        run->dir, network, option);
}

static int make_local(const struct run *run, struct local *local, struct err *err)
{
    const char *network = run->flags.network == NULL ? LOCAL_NETWORK_DEFAULT : run->flags.network;

    *local = (struct local){ .controllers = 1 };
    (void)snprintf(local->dir, sizeof(local->dir), "%s", run->dir);
    (void)snprintf(local->prefix, sizeof(local->prefix), "%s", KEYS_PREFIX_DEFAULT);
    return local_network_parse(network, &local->network, err);
}

static int check_join_tokens(const struct run *run, const struct local *local, struct err *err)
{
    char option[STATE_OPTION_SIZE];

    if (run->join_tokens[0] == '\0' || strcmp(run->join_tokens, local->join_tokens) == 0) {
        return 0;
    }
    state_dir_option(run->dir, option);
    return err_set(err, ERR_CONFLICT, "it runs %s%s; stop everything first with muster down%s",
                   local->join_tokens[0] == '\0' ? "without --join-tokens" : "with --join-tokens ",
                   local->join_tokens, option);
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What is written down counts; flags must agree with it where a change would break what runs. */
static int load_local(struct run *run, struct err *err)
{
    struct local *local = &run->up.local;
    uint32_t controllers = (uint32_t)run->flags.controllers;
    char option[STATE_OPTION_SIZE];
    int rv = local_load(run->dir, local, err);

    if (rv == ERR_NOT_FOUND) {
        rv = make_local(run, local, err);
    } else if (0 <= rv) {
        rv = check_network(run, local, err);
    }
    if (rv < 0) {
        return rv;
    }
    state_dir_option(run->dir, option);
    if (run->attached && controllers != 0 && controllers != local->controllers) {
        return err_set(err, ERR_CONFLICT,
                       "%u controller%s running; stop everything first with muster down%s",
                       local->controllers, local->controllers == 1 ? " is" : "s are", option);
    }
    if (run->attached) {
        return check_join_tokens(run, local, err);
    }
    if (controllers != 0) {
        local->controllers = controllers;
    }
    run->other_tokens =
        run->join_tokens[0] != '\0' && strcmp(run->join_tokens, local->join_tokens) != 0;
    if (run->other_tokens) {
        memcpy(local->join_tokens, run->join_tokens, sizeof(local->join_tokens));
    }
    return 0;
}

/* The watcher wants the whole path. */
static int find_join_tokens(struct run *run, struct err *err)
{
    char real[PATH_MAX];

    if (run->flags.join_tokens == NULL) {
        return 0;
    }
    if (realpath(run->flags.join_tokens, real) == NULL || !is_directory(real)) {
        return err_set(err, ERR_USAGE, "--join-tokens: %s is no directory", run->flags.join_tokens);
    }
    if (sizeof(run->join_tokens) <= strlen(real) || strchr(real, '\n') != NULL) {
        return err_set(err, ERR_USAGE, "--join-tokens: %s: too long", real);
    }
    memcpy(run->join_tokens, real, strlen(real) + 1);
    return 0;
}

static int take_lock(struct run *run, struct err *err)
{
    char option[STATE_OPTION_SIZE];
    int rv = lock_take(run->dir, false, &run->lock, err);

    if (rv != ERR_CONFLICT) {
        return rv;
    }
    if (!run->flags.detach) {
        state_dir_option(run->dir, option);
        return err_set(err, rv,
                       "muster up is already running in %s: change it with muster apply%s, "
                       "stop it with muster down%s",
                       run->dir, option, option);
    }
    run->attached = true;
    return 0;
}

static int make_keys(const struct run *run, struct err *err)
{
    char secret[STATE_PATH_SIZE];
    char public[STATE_PATH_SIZE];

    state_path(run->dir, STATE_SECRET_KEY, secret);
    state_path(run->dir, STATE_PUBLIC_KEY, public);
    return access(secret, F_OK) == 0 && access(public, F_OK) == 0
               ? 0
               : signing_key_create(secret, public, err);
}

static void ignore_exit(void *ctx, int status)
{
    (void)ctx;
    (void)status;
}

/* A watcher that an earlier run has left is taken over as it is: it would never hear of them. */
static int check_watcher(struct run *run, struct err *err)
{
    CLEANUP(proc_free_p) struct proc *watcher = NULL;
    struct local_process process;
    char option[STATE_OPTION_SIZE];
    int rv = local_process_make(&run->up.local, &run->up.programs, LOCAL_PROCESS_WATCHER, 0,
                                &process, err);

    if (rv < 0 || !run->other_tokens ||
        proc_adopt(run->up.context.loop, process.pid_path, NULL, ignore_exit, NULL, &watcher, err) <
            0) {
        return rv;
    }
    state_dir_option(run->dir, option);
    return err_set(err, ERR_CONFLICT,
                   "--join-tokens: a watcher runs with others; stop it first with muster down%s",
                   option);
}

/* etcd's ports must be free, unless it is our etcd of an earlier run that holds them. */
static int check_ports(struct run *run, struct err *err)
{
    CLEANUP(proc_free_p) struct proc *etcd = NULL;
    struct local_process process;
    char address[IPV4_TEXT_SIZE];
    int rv =
        local_process_make(&run->up.local, &run->up.programs, LOCAL_PROCESS_ETCD, 0, &process, err);

    if (rv < 0) {
        return rv;
    }
    if (proc_adopt(run->up.context.loop, process.pid_path, NULL, ignore_exit, NULL, &etcd, err) ==
        0) {
        return 0;
    }
    local_address(&run->up.local, LOCAL_ETCD_HOST, address);
    rv = preflight_port(address, LOCAL_ETCD_CLIENT_PORT, err);
    if (0 <= rv) {
        rv = preflight_port(address, LOCAL_ETCD_PEER_PORT, err);
    }
    return rv == ERR_CONFLICT ? err_wrap(err, "etcd can't start (choose another --network?)") : rv;
}

static int open_context(struct run *run, struct err *err)
{
    local_etcd_url(&run->up.local, run->url);
    run->options = (struct options){ .etcd = { .endpoints = run->url },
                                     .prefix = run->up.local.prefix,
                                     .state_dir = run->dir,
                                     .timeout_ms = run->up.timeout_ms };
    return context_open(&run->up.context, &run->options, err);
}

static int prepare(struct run *run, struct err *err)
{
    int rv;

    if (LOCAL_CONTROLLERS_MAX < run->flags.controllers) {
        return err_set(err, ERR_USAGE, "--controllers: must be between 1 and %d",
                       LOCAL_CONTROLLERS_MAX);
    }
    if (0 < run->flags.files.count) {
        rv = spec_files_read(&run->flags.files, &run->up.documents, err);
        if (rv < 0) {
            return rv;
        }
    }
    rv = find_join_tokens(run, err);
    if (0 <= rv) {
        rv = programs_find(&run->up.programs, err);
    }
    if (0 <= rv) {
        rv = state_dir_find(run->flags.state_dir, run->dir, err);
    }
    if (0 <= rv) {
        rv = state_dir_make(run->dir, err);
    }
    if (0 <= rv) {
        rv = take_lock(run, err);
    }
    if (0 <= rv) {
        rv = load_local(run, err);
    }
    if (0 <= rv) {
        rv = open_context(run, err);
    }
    if (0 <= rv && !run->attached) {
        rv = check_ports(run, err);
    }
    if (0 <= rv && !run->attached) {
        rv = check_watcher(run, err);
    }
    if (0 <= rv && !run->attached) {
        rv = make_keys(run, err);
    }
    if (0 <= rv && !run->attached) {
        rv = partition_dir_make(&run->up.local, err);
    }
    /* Last: what is refused above must not bind the next try to its flags. */
    if (0 <= rv && !run->attached) {
        rv = local_save(&run->up.local, err);
    }
    return rv;
}

/* ---- In the foreground ---- */

static void on_signal(void *ctx)
{
    struct run *run = ctx;

    run->up.interrupted = true;
    loop_stop(run->up.context.loop);
}

static void on_note(void *ctx, const char *event, const char *process, const char *text)
{
    struct run *run = ctx;

    progress_note(&run->up.progress, clock_mono_ms(), "%s %s (%s)", process, event, text);
}

static int bring_up(struct run *run, struct err *err)
{
    int rv = up_await_etcd(&run->up, err);

    if (0 <= rv) {
        rv = up_bring_up(&run->up, err);
    }
    if (0 <= rv && !run->up.interrupted) {
        rv = up_tell(&run->up, err);
    }
    return rv;
}

/* Bring up, and stay until a signal comes. What hangs may still come: it is told, not given up. */
static int stay(struct run *run, struct err *err)
{
    bool never = false;
    int rv = bring_up(run, err);

    if (rv == ERR_TIMEOUT) {
        progress_note(&run->up.progress, clock_mono_ms(), "%s", err->msg);
    } else if (rv < 0 && rv != ERR_CANCELED) {
        return rv;
    }
    if (run->up.interrupted) {
        return 0;
    }
    (void)printf("\nCtrl-C stops everything.\n");
    (void)fflush(stdout);
    rv = loop_run_until(run->up.context.loop, &never, UINT64_MAX, err);
    return rv == ERR_CANCELED ? 0 : rv;
}

static int stop(struct run *run, struct err *err)
{
    int rv;

    up_deinit(&run->up);
    (void)printf("\nStopping…\n");
    (void)fflush(stdout);
    rv = supervisor_stop(run->supervisor, err);
    if (0 <= rv) {
        (void)printf("Stopped %u processes; what they know is kept in %s.\n",
                     supervisor_stopped(run->supervisor), run->dir);
    }
    return rv;
}

/* A failed start takes back what it did, and no more. */
static int undo(struct run *run, struct err *err)
{
    char option[STATE_OPTION_SIZE];
    int rv;

    if (!supervisor_has_found(run->supervisor)) {
        return stop(run, err);
    }
    up_deinit(&run->up);
    rv = supervisor_undo(run->supervisor, err);
    state_dir_option(run->dir, option);
    if (0 <= rv) {
        (void)printf("Stopped the %u processes that this run has started; what ran before runs "
                     "on: muster down%s stops it.\n",
                     supervisor_stopped(run->supervisor), option);
    }
    return rv;
}

static int run_supervised(struct run *run, struct err *err)
{
    const struct supervisor_options supervisor_options = {
        .local = &run->up.local, .programs = &run->up.programs, .note = on_note, .ctx = run
    };
    struct err stop_err = { 0 };
    int rv = supervisor_new(run->up.context.loop, &supervisor_options, &run->supervisor, err);
    int stop_rv;

    if (rv < 0) {
        return rv;
    }
    rv = supervisor_start(run->supervisor, err);
    if (0 <= rv) {
        rv = stay(run, err);
    }
    stop_rv = rv < 0 ? undo(run, &stop_err) : stop(run, &stop_err);
    if (0 <= rv && stop_rv < 0) {
        *err = stop_err;
        rv = stop_rv;
    }
    return rv;
}

static int run_foreground(struct run *run, struct err *err)
{
    static const int signums[] = { SIGINT, SIGTERM, SIGHUP };
    struct loop_signal *signals[ARRAY_COUNT(signums)] = { NULL };
    char pid_path[STATE_PATH_SIZE];
    size_t i;
    int rv;

    state_path(run->dir, STATE_UP_PID, pid_path);
    rv = local_note_self(pid_path, run->argv, err);
    for (i = 0; 0 <= rv && i < ARRAY_COUNT(signums); i++) {
        rv = loop_signal_new(run->up.context.loop, signums[i], on_signal, run, &signals[i], err);
    }
    if (0 <= rv) {
        local_clear_environment();
        rv = run_supervised(run, err);
    }
    for (i = 0; i < ARRAY_COUNT(signums); i++) {
        loop_signal_free(signals[i]);
    }
    (void)unlink(pid_path);
    return rv;
}

/* ---- Detached ---- */

/* Killed, it has a successor; but one that gives up leaves nothing to wait for. */
static void on_supervisor_exit(void *ctx, int status)
{
    struct run *run = ctx;
    char how[64];
    char log_path[STATE_PATH_SIZE];
    char words[ERR_MSG_MAX / 2];

    proc_free(TAKE(run->started));
    proc_status_text(status, how, sizeof(how));
    if (strncmp(how, "exit", 4) != 0) {
        return;
    }
    state_path(run->dir, "log/up.log", log_path);
    up_last_words(log_path, words, sizeof(words));
    (void)snprintf(run->failure, sizeof(run->failure), "the supervisor ended (%s): %s", how, words);
    loop_stop(run->up.context.loop);
}

static int start_supervisor(struct run *run, struct err *err)
{
    struct local_process process;
    struct proc_spec spec;
    int rv = local_process_make_supervisor(&run->up.local, &run->up.programs, &process, err);

    if (rv < 0) {
        return rv;
    }
    spec = (struct proc_spec){ .argv = process.argv,
                               .log_path = process.log_path,
                               .pid_path = process.pid_path };
    local_clear_environment();
    fd_close_p(&run->lock); /* the supervisor takes it */
    run->lock = -1;
    rv = proc_start(run->up.context.loop, &spec, on_supervisor_exit, run, &run->started, err);
    if (0 <= rv) {
        progress_note(&run->up.progress, clock_mono_ms(),
                      "supervisor started (pid %d), logs in %s/log", (int)proc_pid(run->started),
                      run->dir);
    }
    return rv;
}

static int tell_time_is_up(const struct run *run, struct err *err)
{
    char option[STATE_OPTION_SIZE];

    state_dir_option(run->dir, option);
    (void)fprintf(stderr,
                  "muster: %s\nmuster: everything keeps running: see muster get nodes%s and "
                  "%s/log; muster down%s stops it\n",
                  err->msg, option, run->dir, option);
    err->msg[0] = '\0';
    return ERR_FAILED;
}

static int run_detached(struct run *run, struct err *err)
{
    int rv = 0;

    if (run->attached) {
        progress_note(&run->up.progress, clock_mono_ms(), "already running in %s", run->dir);
    } else {
        rv = start_supervisor(run, err);
    }
    if (0 <= rv) {
        rv = bring_up(run, err);
    }
    if (rv == ERR_CANCELED && run->failure[0] != '\0') {
        return err_set(err, ERR_FAILED, "%s", run->failure);
    }
    if (rv == ERR_TIMEOUT) {
        return tell_time_is_up(run, err);
    }
    return rv;
}

static void run_deinit(struct run *run)
{
    up_deinit(&run->up);
    supervisor_free(run->supervisor);
    proc_free(run->started);
    context_close(&run->up.context);
    documents_deinit(&run->up.documents);
    fd_close_p(&run->lock);
}

int cmd_up(int argc, char *const *argv, struct err *err)
{
    CLEANUP(run_deinit) struct run run = { .lock = -1, .argv = argv };
    struct opt_result args;
    int rv;

    documents_init(&run.up.documents);
    rv = options_read(&cmd_up_options, argc, argv, &run.flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    run.up.start_ms = clock_mono_ms();
    run.up.timeout_ms = run.flags.timeout_ms;
    progress_init(&run.up.progress, stdout, run.up.start_ms);
    rv = prepare(&run, err);
    if (rv < 0) {
        return rv;
    }
    return run.flags.detach ? run_detached(&run, err) : run_foreground(&run, err);
}
