#include "gitops/command.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "client/options.h"
#include "gitops/fetch.h"
#include "gitops/options/gitops_options.h"

struct fetch_flags {
    struct fetch fetch;
};

#define FIELD(member) offsetof(struct fetch_flags, fetch.member)

static const struct opt opts[] = {
    { "repo", 0, OPT_TEXT, FIELD(remote.url), "PATH|URL", NULL, "what to fetch from" },
    { "branch", 0, OPT_TEXT, FIELD(remote.branch), "NAME", NULL, "what to fetch" },
    { "cache-dir", 0, OPT_TEXT, FIELD(cache), "DIR", NULL, "where to" },
    { "username", 0, OPT_TEXT, FIELD(remote.username), "NAME", "git", "as whom" },
    { "token-file", 0, OPT_TEXT, FIELD(remote.token_file), "FILE", NULL, "with which token" },
    { "ca-file", 0, OPT_TEXT, FIELD(remote.ca_file), "FILE", NULL, "whom to trust" },
    { "ssh-key", 0, OPT_TEXT, FIELD(remote.ssh_key), "FILE", NULL, "with which key" },
    { "known-hosts", 0, OPT_TEXT, FIELD(remote.known_hosts), "FILE", NULL, "keys of hosts" },
};

const struct opt_table command_fetch_options = {
    .program = GITOPS_PROGRAM " fetch",
    .synopsis = "--repo PATH|URL --branch NAME --cache-dir DIR",
    .summary = "Fetch one branch for muster gitops, and print its newest commit.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
};

/* It reads what strangers send: it makes no file larger than it may fetch, and it ends with who
 * started it. */
static void bound(void)
{
    const struct rlimit file = { 2 * (rlim_t)FETCH_BYTES_MAX, 2 * (rlim_t)FETCH_BYTES_MAX };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_FSIZE, &file);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int command_fetch(int argc, char *const *argv, struct err *err)
{
    struct fetch_flags flags = { .fetch = { .cache = NULL } };
    char head[SOURCE_REVISION_SIZE];
    struct opt_result args;
    int rv = options_read(&command_fetch_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.fetch.remote.url == NULL || flags.fetch.remote.branch == NULL ||
        flags.fetch.cache == NULL) {
        return err_set(err, ERR_USAGE, "--repo, --branch and --cache-dir are needed");
    }
    rv = remote_check(&flags.fetch.remote, err);
    if (0 <= rv) {
        bound();
        rv = fetch_here(&flags.fetch, head, err);
    }
    if (0 <= rv) {
        (void)printf("%s\n", head);
    }
    return rv;
}
