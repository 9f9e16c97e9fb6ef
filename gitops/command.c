#include "gitops/command.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "client/context.h"
#include "gitops/cache.h"
#include "gitops/follow.h"
#include "gitops/options/gitops_options.h"
#include "gitops/pace.h"
#include "model/name.h"

static int check_source(const char *name, struct err *err)
{
    if (!name_is_label(name, SOURCE_NAME_MAX)) {
        return err_set(err, ERR_USAGE,
                       "--source: must be lower case letters, digits and inner hyphens, at most "
                       "%d, got '%.64s'",
                       SOURCE_NAME_MAX, name);
    }
    return batch_source_check(name, err) < 0 ? err_wrap(err, "--source") : 0;
}

static int check_flags(const struct gitops_flags *flags, struct err *err)
{
    const struct gitops_options *options = &flags->gitops;
    int rv;

    if (options->remote.url == NULL) {
        return err_set(err, ERR_USAGE, "--repo is needed");
    }
    if (options->dry_run && !options->once) {
        return err_set(err, ERR_USAGE, "--dry-run: goes with --once");
    }
    if (options->interval_ms < PACE_INTERVAL_MIN_MS) {
        return err_set(err, ERR_USAGE, "--interval: must be at least 1s");
    }
    if (options->fetch_timeout_ms == 0) {
        return err_set(err, ERR_USAGE, "--fetch-timeout: must be more than 0s");
    }
    rv = check_source(options->source, err);
    if (0 <= rv) {
        rv = remote_path_check(options->path, err);
    }
    if (0 <= rv) {
        rv = remote_check(&options->remote, err);
    }
    return rv < 0 ? rv : admin_address_check(flags->admin_listen, err);
}

/* ---- One round, told ---- */

static void print_drift(const struct source *status)
{
    size_t i;

    for (i = 0; i < status->drift_count; i++) {
        const struct source_drift *drift = &status->drift[i];

        (void)printf("cluster/%s drifted: %s is %s%s%s, the repository says %s\n", drift->cluster,
                     drift->field, drift->found[0] == '\0' ? "none" : drift->found,
                     drift->manager[0] == '\0' ? "" : ", set by ", drift->manager,
                     drift->wanted[0] == '\0' ? "none" : drift->wanted);
    }
}

static void print_round(const struct round_result *result, bool dry_run)
{
    const struct source *status = &result->status;
    size_t i;

    for (i = 0; result->results != NULL && i < result->results->count; i++) {
        const struct batch_result *cluster = &result->results->list[i];

        if (cluster->outcome != BATCH_UNCHANGED) {
            (void)printf("cluster/%s %s%s\n", cluster->name, batch_outcome_text(cluster->outcome),
                         dry_run ? " (dry run)" : "");
        }
    }
    print_drift(status);
    (void)printf("source/%s %s", status->name, source_state_text(status->state));
    if (status->revision[0] != '\0') {
        (void)printf(": %.10s (%s)", status->revision, status->title);
    }
    (void)printf("\n");
}

/* Why the head is not in force, as an exit code; the lines are the message. */
static int outcome(const struct round_result *result, struct err *err)
{
    const struct finding *finding = &result->finding;
    int code = finding->fetch_code;

    if (result->status.state == SOURCE_SYNCED) {
        return 0;
    }
    if (code == 0) {
        code = finding->head.code != 0 ? finding->head.code : result->head_code;
    }
    (void)fprintf(stderr, "%s\n", result->status.error);
    return err_set(err, code == 0 ? ERR_FAILED : code, "%s", "the branch's head is not in force");
}

static int run_once(const struct follow *follow, struct err *err)
{
    CLEANUP(round_result_deinit) struct round_result result;
    int rv;

    round_result_init(&result);
    rv = follow_once(follow, &result, err);
    if (rv < 0) {
        return rv;
    }
    print_round(&result, follow->options->dry_run);
    return outcome(&result, err);
}

/* The program itself, for the child that fetches; also after it was replaced by a newer one. */
static int find_program(char out[PATH_MAX], struct err *err)
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);

    if (size < 0) {
        return err_set(err, ERR_FAILED, "/proc/self/exe can't be read");
    }
    out[size] = '\0';
    if (access(out, X_OK) != 0) {
        (void)snprintf(out, PATH_MAX, "/proc/self/exe");
    }
    return 0;
}

static int run(struct gitops_flags *flags, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(cache_close) struct cache cache = { .lock = NULL };
    char program[PATH_MAX];
    struct log log;
    const struct follow follow = { .context = &context,
                                   .options = &flags->gitops,
                                   .log = &log,
                                   .admin_listen = flags->admin_listen };
    int rv = log_flags_load(&flags->log, GITOPS_PROGRAM, &log, err);

    if (0 <= rv) {
        rv = find_program(program, err);
    }
    if (0 <= rv) {
        rv = cache_open(&cache, flags->cache_dir, flags->gitops.source, flags->gitops.once, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags->shared, err);
    }
    if (rv < 0) {
        return rv;
    }
    flags->gitops.program = program;
    flags->gitops.cache = cache.dir;
    return flags->gitops.once ? run_once(&follow, err) : follow_repository(&follow, err);
}

int command_follow(int argc, char *const *argv, struct err *err)
{
    struct gitops_flags flags = { .cache_dir = NULL };
    char url[REMOTE_URL_MAX];
    struct opt_result args;
    int rv = options_read(&cmd_gitops_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = check_flags(&flags, err);
    if (0 <= rv) {
        rv = remote_resolve(flags.gitops.remote.url, url, err);
    }
    if (rv < 0) {
        return rv;
    }
    flags.gitops.remote.url = url;
    return run(&flags, err);
}
