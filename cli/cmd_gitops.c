#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log_flags.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "gitops/cache.h"
#include "gitops/follow.h"
#include "gitops/pace.h"
#include "gitops/remote.h"
#include "model/name.h"

struct gitops_flags {
    struct options shared;
    struct log_flags log;
    struct gitops_options gitops;
    const char *cache_dir;
    const char *admin_listen;
};

#define FIELD(member) offsetof(struct gitops_flags, member)

static const struct opt opts[] = {
    { "repo", 0, OPT_TEXT, FIELD(gitops.remote.url), "PATH|URL", NULL,
      "the repository: a path, https://…, http://…, ssh://…, or user@host:path" },
    { "branch", 0, OPT_TEXT, FIELD(gitops.remote.branch), "NAME", "main", "the branch to follow" },
    { "path", 0, OPT_TEXT, FIELD(gitops.path), "DIR", "",
      "the directory in the repository whose *.yaml and *.yml files count, also below it" },
    { "source", 0, OPT_TEXT, FIELD(gitops.source), "NAME", "gitops",
      "what muster calls this repository; each needs a name of its own" },
    { "interval", 0, OPT_DURATION, FIELD(gitops.interval_ms), "DURATION", "30s",
      "how often to look; a tenth less or more, and rarer after failures" },
    { "once", 0, OPT_FLAG, FIELD(gitops.once), NULL, NULL,
      "look once, tell what came of it, and end" },
    { "dry-run", 0, OPT_FLAG, FIELD(gitops.dry_run), NULL, NULL,
      "with --once: tell what would be done, and do nothing" },
    { "force-conflicts", 0, OPT_FLAG, FIELD(gitops.force), NULL, NULL,
      "take over fields that others have set, and set back what was changed by hand" },
    { "allow-empty", 0, OPT_FLAG, FIELD(gitops.allow_empty), NULL, NULL,
      "let a commit delete more than half of the source's clusters" },
    { "forward-only", 0, OPT_FLAG, FIELD(gitops.forward_only), NULL, NULL,
      "refuse a head that does not descend from the commit in force" },
    { "allowed-signers", 0, OPT_TEXT, FIELD(gitops.allowed_signers), "FILE", NULL,
      "take only commits that somebody in FILE (see ssh-keygen(1)) has signed with an SSH key" },
    { "username", 0, OPT_TEXT, FIELD(gitops.remote.username), "NAME", "git",
      "for --token-file, and for ssh where the URL names nobody" },
    { "token-file", 0, OPT_TEXT, FIELD(gitops.remote.token_file), "FILE", NULL,
      "http, https: the password or token is FILE's first line" },
    { "ca-file", 0, OPT_TEXT, FIELD(gitops.remote.ca_file), "FILE", NULL,
      "https: certificates to trust in place of the system's" },
    { "ssh-key", 0, OPT_TEXT, FIELD(gitops.remote.ssh_key), "FILE", NULL,
      "ssh: private key without passphrase" },
    { "known-hosts", 0, OPT_TEXT, FIELD(gitops.remote.known_hosts), "FILE", NULL,
      "ssh: the hosts' keys" },
    { "fetch-timeout", 0, OPT_DURATION, FIELD(gitops.fetch_timeout_ms), "DURATION", "60s",
      "give a fetch up after that time" },
    { "cache-dir", 0, OPT_TEXT, FIELD(cache_dir), "DIR", NULL,
      "where to keep what was fetched ($CACHE_DIRECTORY, else ~/.cache/muster/gitops/SOURCE; with "
      "--once a temporary directory)" },
    ADMIN_FLAG(struct gitops_flags, admin_listen, FOLLOW_ADMIN_LISTEN),
    LOG_FLAGS(struct gitops_flags, log),
    SHARED_OPTIONS(struct gitops_flags, shared),
};

const struct opt_table cmd_gitops_options = {
    .program = "muster gitops",
    .synopsis = "--repo PATH|URL [--path DIR] [--source NAME]",
    .summary =
        "Follow a branch of a Git repository: bring clusters in line with its newest commit, and "
        "delete those that left it. A commit with a mistake changes nothing. muster get sources "
        "tells which commit is in force, why a newer one is not, and what was changed by hand.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster gitops --repo https://git.example.com/caches.git --path clusters/prod\n"
                "  muster gitops --repo /srv/caches.git --once --dry-run\n",
};

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
    int rv = log_flags_load(&flags->log, "muster-gitops", &log, err);

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

int cmd_gitops(int argc, char *const *argv, struct err *err)
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
