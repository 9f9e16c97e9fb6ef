#include "gitops/options/gitops_options.h"

#include <stddef.h>

#include "admin/admin.h"

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
    ADMIN_FLAG(struct gitops_flags, admin_listen, GITOPS_ADMIN_LISTEN),
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
