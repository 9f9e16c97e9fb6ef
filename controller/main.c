/*
 * muster-controller - options, signals, and one run of the controller.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controller/config.h"
#include "controller/controller.h"
#include "controller/controller_admin.h"

/* etcd may be away: then the lease ends by itself. */
#define RESIGN_MS_MAX 2000

struct program {
    struct loop *loop;
    struct controller *controller;
    struct controller_admin *admin;
    struct controller_config config;
    struct loop_signal *terminate;
    struct loop_signal *interrupt;
    struct loop_signal *hangup;
    struct tls_context *discovery_tls; /* NULL: plain */
    struct loop_timer *patience;
    bool leaving;
    struct err failure; /* code 0: none */
};

static void stop(void *ctx)
{
    struct program *program = ctx;

    loop_stop(program->loop);
}

/* The first signal hands leadership over, a second one does not wait for that. */
static void on_signal(void *ctx)
{
    struct program *program = ctx;

    if (program->leaving) {
        loop_stop(program->loop);
        return;
    }
    program->leaving = true;
    log_write(&program->config.log, LOG_INFO, "stopping",
              LOG_TEXT("identity", program->config.identity));
    loop_timer_start(program->patience, RESIGN_MS_MAX);
    controller_resign(program->controller, stop, program);
}

/* Certificates anew; when they can't be used, the former ones hold. */
static void on_hangup(void *ctx)
{
    struct program *program = ctx;
    struct tls_context *fresh = NULL;
    struct err err;

    if (discovery_tls_load(&program->config.discovery_flags, &fresh, &err) < 0) {
        log_write(&program->config.log, LOG_WARN, "certificate-refused",
                  LOG_TEXT("problem", err.msg));
        return;
    }
    tls_context_free(program->discovery_tls);
    program->discovery_tls = fresh;
    log_write(&program->config.log, LOG_INFO, "certificate-loaded");
}

static void on_failure(void *ctx, const struct err *err)
{
    struct program *program = ctx;

    program->failure = *err;
    loop_stop(program->loop);
}

static int prepare(struct program *program, struct err *err)
{
    int rv = discovery_tls_load(&program->config.discovery_flags, &program->discovery_tls, err);

    program->config.discovery_tls = &program->discovery_tls;
    if (0 <= rv) {
        rv = loop_new(&program->loop, err);
    }
    if (0 <= rv) {
        rv = loop_timer_new(program->loop, stop, program, &program->patience, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(program->loop, SIGTERM, on_signal, program, &program->terminate, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(program->loop, SIGINT, on_signal, program, &program->interrupt, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(program->loop, SIGHUP, on_hangup, program, &program->hangup, err);
    }
    if (0 <= rv) {
        rv = controller_new(program->loop, &program->config, on_failure, program,
                            &program->controller, err);
    }
    if (0 <= rv) {
        rv = controller_admin_new(program->loop, &program->config, program->controller,
                                  &program->admin, err);
    }
    return rv;
}

static void release(struct program *program)
{
    controller_admin_free(program->admin);
    controller_free(program->controller);
    loop_signal_free(program->terminate);
    loop_signal_free(program->interrupt);
    loop_signal_free(program->hangup);
    loop_timer_free(program->patience);
    loop_free(program->loop);
    tls_context_free(program->discovery_tls);
}

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "muster-controller: %s\n", err->msg);
    return err_exit_code(err->code);
}

int main(int argc, char **argv)
{
    static struct program program; /* the options point into it */
    struct opt_result options = { .positional_count = 0 };
    struct err err;
    int rv = config_load(argc, argv, &program.config, &options, &err);

    if (rv < 0) {
        return fail(&err);
    }
    if (options.help) {
        opt_print_help(stdout, &controller_options);
        return 0;
    }
    if (options.version) {
        (void)printf("muster-controller %s\n", MUSTER_VERSION);
        return 0;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    rv = prepare(&program, &err);
    if (rv < 0) {
        release(&program);
        return fail(&err);
    }
    log_write(&program.config.log, LOG_INFO, "started", LOG_TEXT("version", MUSTER_VERSION),
              LOG_TEXT("identity", program.config.identity),
              LOG_TEXT("etcd", program.config.etcd.endpoints));
    loop_run(program.loop);
    release(&program);
    return program.failure.code < 0 ? fail(&program.failure) : 0;
}
