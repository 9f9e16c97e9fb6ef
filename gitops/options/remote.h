/*
 * remote - where a repository is, and with which credentials it is asked.
 *
 * Pure but for reading the files with secrets. Secrets stand in files, never in the URL or in
 * arguments: a source's URL is shown to everybody who may list sources.
 */
#ifndef GITOPS_OPTIONS_REMOTE_H
#define GITOPS_OPTIONS_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

#define REMOTE_URL_MAX 1024
#define REMOTE_BRANCH_MAX 200
#define REMOTE_SECRET_BYTES_MAX 65536

enum remote_kind {
    REMOTE_FILE,  /* a path, or file:// */
    REMOTE_HTTP,  /* not encrypted */
    REMOTE_HTTPS, /* the certificate is checked */
    REMOTE_SSH,   /* ssh://user@host:port/path, user@host:path; the host's key is checked */
};

struct remote {
    const char *url;
    const char *branch;
    const char *username;    /* for HTTP with a token, and for ssh where the URL names nobody */
    const char *token_file;  /* HTTP: password or token; NULL: none */
    const char *ca_file;     /* HTTPS: whom to trust; NULL: the system's */
    const char *ssh_key;     /* ssh: a private key without passphrase */
    const char *known_hosts; /* ssh: the keys of the hosts */
};

/*
 * What kind of remote the URL names. ERR_USAGE for another protocol (git:// is neither encrypted
 * nor authenticated), and for a URL with a password in it.
 */
MUST_USE int remote_kind(const char *url, enum remote_kind *out, struct err *err);

/*
 * ERR_USAGE when something is missing for that kind of URL, or of no use: ssh needs a key and
 * known hosts; a token is not sent in plain text to another machine. Also for a branch or a path in
 * the repository that can't be one.
 */
MUST_USE int remote_check(const struct remote *remote, struct err *err);

/* ERR_USAGE unless it is a relative path without "." and ".."; "" is the whole repository. */
MUST_USE int remote_path_check(const char *path, struct err *err);

/* The URL, or the absolute form of a path, in `out`. ERR_USAGE when it is too long. */
MUST_USE int remote_resolve(const char *url, char out[REMOTE_URL_MAX], struct err *err);

#endif
