/* muster-watcher - the node side of one host. See config.c for its options. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "watcher/watcher.h"
#include "watcher/watcher_admin.h"

static void on_terminate(void *ctx)
{
    watcher_leave(ctx);
}

static void on_interrupt(void *ctx)
{
    watcher_stop(ctx);
}

static void on_hangup(void *ctx)
{
    watcher_reload(ctx);
}

/* Discovery ports hold a descriptor for each client. Best effort: with fewer they hold fewer. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(const struct watcher_config *config, struct err *err)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    CLEANUP(watcher_free_p) struct watcher *watcher = NULL;
    CLEANUP(watcher_admin_free_p) struct watcher_admin *admin = NULL;
    CLEANUP(loop_signal_free_p) struct loop_signal *term = NULL;
    CLEANUP(loop_signal_free_p) struct loop_signal *interrupt = NULL;
    CLEANUP(loop_signal_free_p) struct loop_signal *hangup = NULL;
    int rv;

    raise_descriptor_limit();
    rv = loop_new(&loop, err);

    if (rv == 0) {
        rv = watcher_new(loop, config, &watcher, err);
    }
    if (rv == 0) {
        rv = watcher_admin_new(loop, config, watcher, &admin, err);
    }
    if (rv == 0) {
        rv = loop_signal_new(loop, SIGTERM, on_terminate, watcher, &term, err);
    }
    if (rv == 0) {
        rv = loop_signal_new(loop, SIGINT, on_interrupt, watcher, &interrupt, err);
    }
    if (rv == 0) {
        rv = loop_signal_new(loop, SIGHUP, on_hangup, watcher, &hangup, err);
    }
    if (rv < 0) {
        return rv;
    }
    loop_run(loop);
    return watcher_result(watcher, err);
}

int main(int argc, char **argv)
{
    static struct watcher_config config;
    struct opt_result result;
    struct err err;
    int rv;

    config.flags.timeout_ms = UINT64_MAX;
    rv = opt_parse(&watcher_config_table, argc, argv, &config.flags, &result, &err);
    if (rv == 0 && result.help) {
        opt_print_help(stdout, &watcher_config_table);
        return 0;
    }
    if (rv == 0 && result.version) {
        (void)printf("muster-watcher %s\n", MUSTER_VERSION);
        return 0;
    }
    if (rv == 0 && 0 < result.positional_count) {
        rv = err_set(&err, ERR_USAGE, "unexpected argument '%s'", result.positional[0]);
    }
    if (rv == 0) {
        rv = watcher_config_load(&config, &err);
        if (rv < 0) {
            opt_name_origin(&watcher_config_table, argc, argv, &err);
        }
    }
    if (rv == 0) {
        rv = run(&config, &err);
    }
    if (rv < 0) {
        (void)fprintf(stderr, "muster-watcher: %s\n", err.msg);
    }
    return err_exit_code(rv);
}
