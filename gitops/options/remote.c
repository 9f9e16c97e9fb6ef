#include "gitops/options/remote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "model/name.h"

#define HOST_SIZE 256
#define LOOPBACK_NETWORK 127U

struct scheme {
    const char *text;
    enum remote_kind kind;
};

static const struct scheme schemes[] = {
    { "file://", REMOTE_FILE }, { "http://", REMOTE_HTTP },   { "https://", REMOTE_HTTPS },
    { "ssh://", REMOTE_SSH },   { "git+ssh://", REMOTE_SSH }, { "ssh+git://", REMOTE_SSH },
};

static bool begins_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* "user@host:path": a colon before any slash. */
static bool is_scp_like(const char *url)
{
    return url[0] != '/' && url[0] != '.' && url[strcspn(url, ":/")] == ':';
}

/* The part between "://" and the next slash: "user:password@host:port". */
static void authority(const char *url, char out[HOST_SIZE])
{
    const char *begin = strstr(url, "://");

    begin = begin == NULL ? url : begin + 3;
    (void)snprintf(out, HOST_SIZE, "%.*s", (int)strcspn(begin, "/"), begin);
}

static bool has_password(const char *url)
{
    char text[HOST_SIZE];
    char *at;

    authority(url, text);
    at = strrchr(text, '@');
    return at != NULL && memchr(text, ':', (size_t)(at - text)) != NULL;
}

int remote_kind(const char *url, enum remote_kind *out, struct err *err)
{
    size_t i;

    if (url[0] == '\0' || !is_plain(url)) {
        return err_set(err, ERR_USAGE, "--repo: must be a path or a URL without spaces");
    }
    for (i = 0; i < ARRAY_COUNT(schemes); i++) {
        if (!begins_with(url, schemes[i].text)) {
            continue;
        }
        if (has_password(url)) {
            return err_set(err, ERR_USAGE,
                           "--repo: has a password in it; give it by --token-file, and the name "
                           "by --username");
        }
        *out = schemes[i].kind;
        return 0;
    }
    if (strstr(url, "://") != NULL) {
        return err_set(err, ERR_USAGE,
                       "--repo: '%.*s' is not supported; use a path, https, http, or ssh",
                       (int)strcspn(url, ":"), url);
    }
    *out = is_scp_like(url) ? REMOTE_SSH : REMOTE_FILE;
    return 0;
}

static bool is_this_machine(const char *url)
{
    char text[HOST_SIZE];
    char *host;
    char *at;
    uint32_t address;

    authority(url, text);
    at = strrchr(text, '@');
    host = at == NULL ? text : at + 1;
    if (begins_with(host, "[::1]")) {
        return host[5] == '\0' || host[5] == ':';
    }
    host[strcspn(host, ":")] = '\0';
    return strcmp(host, "localhost") == 0 ||
           (ipv4_parse(host, &address) && address >> 24 == LOOPBACK_NETWORK);
}

static int check_http(const struct remote *remote, enum remote_kind kind, struct err *err)
{
    if (remote->ca_file != NULL && kind != REMOTE_HTTPS) {
        return err_set(err, ERR_USAGE, "--ca-file: is of use with https only");
    }
    if (remote->token_file != NULL && kind == REMOTE_HTTP && !is_this_machine(remote->url)) {
        return err_set(err, ERR_USAGE,
                       "--token-file: is not sent in plain text to another machine; use https");
    }
    return 0;
}

static int check_ssh(const struct remote *remote, struct err *err)
{
    if (remote->ssh_key == NULL) {
        return err_set(err, ERR_USAGE, "--ssh-key FILE is needed for ssh");
    }
    if (remote->known_hosts == NULL) {
        return err_set(err, ERR_USAGE,
                       "--known-hosts FILE is needed for ssh (ssh-keyscan HOST makes lines for it; "
                       "compare them with what the host's owner tells)");
    }
    return 0;
}

/* What git allows in names of branches, and a little less. */
static int check_branch(const char *branch, struct err *err)
{
    size_t size = strlen(branch);

    if (size == 0 || REMOTE_BRANCH_MAX < size || branch[0] == '-' || branch[0] == '/' ||
        branch[size - 1] == '/' || branch[size - 1] == '.' || !is_plain(branch) ||
        strpbrk(branch, "~^:?*[\\") != NULL || strstr(branch, "..") != NULL ||
        strstr(branch, "//") != NULL || strstr(branch, "@{") != NULL) {
        return err_set(err, ERR_USAGE, "--branch: '%.100s' can't be the name of a branch", branch);
    }
    return 0;
}

int remote_check(const struct remote *remote, struct err *err)
{
    enum remote_kind kind;
    int rv = remote_kind(remote->url, &kind, err);

    if (0 <= rv) {
        rv = check_branch(remote->branch, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (remote->token_file != NULL && kind != REMOTE_HTTP && kind != REMOTE_HTTPS) {
        return err_set(err, ERR_USAGE, "--token-file: is of use with http and https only");
    }
    if (kind != REMOTE_SSH && (remote->ssh_key != NULL || remote->known_hosts != NULL)) {
        return err_set(err, ERR_USAGE, "--ssh-key, --known-hosts: are of use with ssh only");
    }
    return kind == REMOTE_SSH ? check_ssh(remote, err) : check_http(remote, kind, err);
}

static bool is_dots(const char *part, size_t size)
{
    return (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
}

int remote_path_check(const char *path, struct err *err)
{
    const char *part = path;

    while (*part != '\0') {
        size_t size = strcspn(part, "/");

        if (size == 0 || is_dots(part, size)) {
            return err_set(err, ERR_USAGE,
                           "--path: must be a directory's path in the repository, such as "
                           "clusters/prod, got '%.200s'",
                           path);
        }
        part += size;
        part += *part == '/' ? 1 : 0; /* one at the end is fine */
    }
    return 0;
}

int remote_resolve(const char *url, char out[REMOTE_URL_MAX], struct err *err)
{
    char here[REMOTE_URL_MAX];
    enum remote_kind kind;
    int size;
    int rv = remote_kind(url, &kind, err);

    if (rv < 0) {
        return rv;
    }
    if (kind != REMOTE_FILE || url[0] == '/' || begins_with(url, "file://")) {
        size = snprintf(out, REMOTE_URL_MAX, "%s", url);
    } else {
        if (getcwd(here, sizeof(here)) == NULL) {
            return err_set(err, ERR_USAGE, "--repo: '%.200s' has no absolute path", url);
        }
        url += begins_with(url, "./") ? 2 : 0;
        size = snprintf(out, REMOTE_URL_MAX, "%s%s%s", here, url[0] == '\0' ? "" : "/", url);
    }
    return 0 <= size && size < REMOTE_URL_MAX
               ? 0
               : err_set(err, ERR_USAGE, "--repo: longer than %d bytes", REMOTE_URL_MAX - 1);
}
