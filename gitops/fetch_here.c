/* What the process that fetches does: all that libgit2 has to do with others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "base/file.h"
#include "base/str.h"
#include "gitops/fetch.h"
#include "gitops/git_error.h"

#define PATH_SIZE 4096
#define FETCH_REF "refs/muster/head" /* keeps what was fetched last */

/* What the callbacks of one fetch see. */
struct session {
    const struct remote *remote;
    enum remote_kind kind;
    struct str secret; /* the token */
    unsigned asked;    /* for credentials */
    bool prepared;     /* libgit2 is in use */
    struct err err;    /* why a callback broke it off; code 0: none did */
};

static int break_off(struct session *session, const char *why)
{
    (void)err_set(&session->err, ERR_FAILED, "%s", why);
    return GIT_EUSER;
}

static int on_credentials(git_credential **out, const char *url, const char *user, unsigned types,
                          void *ctx)
{
    struct session *session = ctx;
    const struct remote *remote = session->remote;
    const char *name = user == NULL || user[0] == '\0' ? remote->username : user;

    (void)url;
    if ((types & GIT_CREDENTIAL_USERNAME) != 0) {
        return git_credential_username_new(out, name);
    }
    if (0 < session->asked++) {
        return break_off(session, "the credentials are refused");
    }
    if ((types & GIT_CREDENTIAL_SSH_KEY) != 0 && remote->ssh_key != NULL) {
        return git_credential_ssh_key_new(out, name, NULL, remote->ssh_key, "");
    }
    if ((types & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && remote->token_file != NULL) {
        return git_credential_userpass_plaintext_new(out, name, str_text(&session->secret));
    }
    return break_off(session, session->kind == REMOTE_SSH
                                  ? "the host takes no keys"
                                  : "credentials are asked for; give --token-file");
}

/* libgit2 has checked: a certificate with the system's or --ca-file's, a host's key with the copy
 * of --known-hosts. */
static int on_certificate(git_cert *cert, int valid, const char *host, void *ctx)
{
    struct session *session = ctx;

    if (valid) {
        return 0;
    }
    (void)err_set(&session->err, ERR_FAILED,
                  cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2
                      ? "%s: its key is not the one in --known-hosts, or not in it"
                      : "%s: its certificate is not trusted",
                  host);
    return GIT_ECERTIFICATE;
}

static int on_progress(const git_indexer_progress *stats, void *ctx)
{
    return FETCH_BYTES_MAX < stats->received_bytes
               ? break_off(ctx, "the repository sends more than 512 MiB")
               : 0;
}

static int read_secret(struct session *session, struct err *err)
{
    size_t size;
    int rv;

    if (session->remote->token_file == NULL) {
        return 0;
    }
    rv = file_read_given(session->remote->token_file, &session->secret, err);
    if (rv < 0) {
        return err_wrap(err, "--token-file");
    }
    size = strcspn(str_text(&session->secret), "\r\n");
    if (size == 0) {
        return err_set(err, ERR_FAILED, "--token-file: %s: its first line is empty",
                       session->remote->token_file);
    }
    str_truncate(&session->secret, size);
    return 0;
}

/*
 * libgit2 looks for known hosts below the home directory, from which it also learns which kind of
 * key to ask the host for: so it gets a home of its own, with a copy.
 */
static int make_home(const struct remote *remote, const char *home, struct err *err)
{
    CLEANUP(str_deinit) struct str hosts;
    char path[PATH_SIZE];
    const char *line;
    int rv;

    str_init(&hosts, REMOTE_SECRET_BYTES_MAX);
    if (PATH_SIZE <= snprintf(path, sizeof(path), "%s/.ssh", home)) {
        return err_set(err, ERR_FAILED, "--cache-dir: is too long");
    }
    rv = dir_make(path, err);
    if (0 <= rv && remote->known_hosts != NULL) {
        rv = file_read_given(remote->known_hosts, &hosts, err);
    }
    if (rv < 0) {
        return err_wrap(err, "--known-hosts");
    }
    for (line = str_text(&hosts); *line != '\0';) {
        if (*line == '@') {
            return err_set(err, ERR_FAILED,
                           "--known-hosts: markers (@cert-authority, @revoked) are not supported");
        }
        line += strcspn(line, "\n");
        line += *line == '\n' ? 1 : 0;
    }
    if (PATH_SIZE <= snprintf(path, sizeof(path), "%s/.ssh/known_hosts", home)) {
        return err_set(err, ERR_FAILED, "--cache-dir: is too long");
    }
    return file_write(path, str_text(&hosts), hosts.size, err);
}

/* Nothing but what we were told decides what is fetched and whom is trusted. */
static int prepare_git(const struct fetch *fetch, struct err *err)
{
    const struct remote *remote = &fetch->remote;
    char home[PATH_SIZE];
    int level;
    int rv;

    if (PATH_SIZE <= snprintf(home, sizeof(home), "%s/home", fetch->cache)) {
        return err_set(err, ERR_FAILED, "--cache-dir: is too long");
    }
    rv = make_home(remote, home, err);
    if (rv < 0) {
        return rv;
    }
    (void)setenv("HOME", home, 1);
    if (git_libgit2_init() < 0) {
        return git_failed(err, "libgit2");
    }
    for (level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++) {
        (void)git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level,
                               level == GIT_CONFIG_LEVEL_GLOBAL ? home : "");
    }
    /* A repository on this machine may belong to its own user: only objects are read from it, and
     * nothing of its configuration is run. */
    (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    (void)git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "muster/" MUSTER_VERSION);
    if (remote->ca_file != NULL &&
        git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, remote->ca_file, NULL) < 0) {
        return git_failed(err, "--ca-file");
    }
    return 0;
}

static int open_cache(const char *cache, git_repository **out, struct err *err)
{
    char path[PATH_SIZE];

    if (PATH_SIZE <= snprintf(path, sizeof(path), "%s/repository", cache)) {
        return err_set(err, ERR_FAILED, "--cache-dir: is too long");
    }
    /* Making it where it is already changes nothing. */
    return git_repository_init(out, path, 1) < 0 ? git_failed(err, path) : 0;
}

/* The commit that the branch points to, of those that the connected remote tells. */
static int find_branch(git_remote *git, const struct remote *remote, git_oid *out, struct err *err)
{
    char name[REMOTE_BRANCH_MAX + 16];
    const git_remote_head **heads = NULL;
    size_t count = 0;
    size_t i;

    (void)snprintf(name, sizeof(name), "refs/heads/%s", remote->branch);
    if (git_remote_ls(&heads, &count, git) < 0) {
        return git_failed(err, remote->url);
    }
    for (i = 0; i < count; i++) {
        if (strcmp(heads[i]->name, name) == 0) {
            *out = heads[i]->oid;
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "%s: there is no branch '%s'", remote->url, remote->branch);
}

static int download(git_repository *repository, git_remote *git, const struct remote *remote,
                    const git_remote_callbacks *callbacks, const git_oid *head, struct err *err)
{
    git_fetch_options options;
    char spec[REMOTE_BRANCH_MAX + 64];
    char *specs[] = { spec };
    const git_strarray refspecs = { specs, 1 };
    git_reference *ref = NULL;

    if (git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION) < 0) {
        return git_failed(err, "libgit2");
    }
    options.callbacks = *callbacks;
    options.prune = GIT_FETCH_NO_PRUNE;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    options.follow_redirects =
        remote->token_file == NULL ? GIT_REMOTE_REDIRECT_INITIAL : GIT_REMOTE_REDIRECT_NONE;
    (void)snprintf(spec, sizeof(spec), "+refs/heads/%s:" FETCH_REF, remote->branch);
    if (git_remote_download(git, &refspecs, &options) < 0 ||
        git_reference_create(&ref, repository, FETCH_REF, head, 1, NULL) < 0) {
        return git_failed(err, remote->url);
    }
    git_reference_free(ref);
    return 0;
}

static int fetch_branch(git_repository *repository, struct session *session, git_oid *head,
                        struct err *err)
{
    git_remote_connect_options options;
    const struct remote *remote = session->remote;
    git_remote *git = NULL;
    int rv;

    if (git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION) < 0) {
        return git_failed(err, "libgit2");
    }
    options.callbacks.credentials = on_credentials;
    options.callbacks.certificate_check = on_certificate;
    options.callbacks.transfer_progress = on_progress;
    options.callbacks.payload = session;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    /* A token is not carried on to where a server points. */
    options.follow_redirects =
        remote->token_file == NULL ? GIT_REMOTE_REDIRECT_INITIAL : GIT_REMOTE_REDIRECT_NONE;
    if (git_remote_create_anonymous(&git, repository, remote->url) < 0 ||
        git_remote_connect_ext(git, GIT_DIRECTION_FETCH, &options) < 0) {
        rv = git_failed(err, remote->url);
    } else {
        rv = find_branch(git, remote, head, err);
    }
    if (0 <= rv) {
        rv = download(repository, git, remote, &options.callbacks, head, err);
    }
    git_remote_free(git);
    if (rv < 0 && session->err.code != 0) {
        return err_set(err, session->err.code, "%s: %s", remote->url, session->err.msg);
    }
    return rv;
}

int fetch_here(const struct fetch *fetch, char head[SOURCE_REVISION_SIZE], struct err *err)
{
    struct session session = { .remote = &fetch->remote };
    git_repository *repository = NULL;
    git_oid oid;
    int rv = remote_kind(fetch->remote.url, &session.kind, err);

    str_init(&session.secret, REMOTE_SECRET_BYTES_MAX);
    if (0 <= rv && session.kind == REMOTE_FILE && fetch->remote.url[0] == '/' &&
        access(fetch->remote.url, R_OK | X_OK) != 0) {
        rv = err_set(err, ERR_FAILED, "%s: %s", fetch->remote.url, strerror(errno));
    }
    if (0 <= rv) {
        rv = read_secret(&session, err);
    }
    if (0 <= rv) {
        rv = prepare_git(fetch, err);
        session.prepared = 0 <= rv;
    }
    if (0 <= rv) {
        rv = open_cache(fetch->cache, &repository, err);
    }
    if (0 <= rv) {
        rv = fetch_branch(repository, &session, &oid, err);
    }
    if (0 <= rv) {
        (void)git_oid_tostr(head, SOURCE_REVISION_SIZE, &oid);
    }
    git_repository_free(repository);
    if (session.prepared) {
        (void)git_libgit2_shutdown();
    }
    str_deinit(&session.secret);
    return rv;
}
