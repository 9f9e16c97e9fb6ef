/*
 * scan - one look at the repository: fetch, verify, read.
 *
 * Finds the branch's head and, where the head can't be taken or the repository does not answer,
 * what the last good commit says. Decides nothing about clusters, and knows nothing of etcd.
 * Blocking: runs on a thread of the loop's pool; what it finds belongs to whoever asked.
 */
#ifndef GITOPS_SCAN_H
#define GITOPS_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/documents.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "gitops/fetch.h"
#include "model/source.h"

#define SCAN_ERROR_BYTES_MAX 8192U /* of mistakes that are kept */

struct scan {
    struct fetch fetch;
    struct fetch_run run;
    const char *path;            /* in the repository; "": all of it */
    const char *allowed_signers; /* NULL: signatures are not looked at */
    bool forward_only;           /* refuse a head that does not descend from the last good commit */
    bool allow_empty;            /* a directory that is not there is an empty one */
    const char *last_good;       /* the commit in force; "": none */
    const char *last_signer;     /* who had signed it; "": that was not asked for */
};

/* What one commit says. */
struct commit_found {
    char revision[SOURCE_REVISION_SIZE]; /* "": there is none */
    int code; /* 0: it can be applied; ERR_SPEC, ERR_UNVERIFIED, ERR_NOT_FOUND (no such directory),
                 ERR_CONFLICT (rewritten), ERR_FAILED: why not stands in `error` */
    struct str error; /* lines "file:line:column: …", or one line */
    const char *title;
    const char *signer;         /* "": not asked for */
    struct documents documents; /* when `code` is 0 */
};

struct finding {
    struct arena arena;
    int fetch_code; /* 0; ERR_NOT_FOUND: no such branch; else the repository did not answer */
    char fetch_error[ERR_MSG_MAX];
    uint64_t fetch_ms;        /* how long it took */
    bool rewritten;           /* the head does not descend from the last good commit */
    struct commit_found head; /* when `fetch_code` is 0 */
    /*
     * The last good commit, when it is not the head and was found. ERR_UNVERIFIED, and no revision:
     * signatures were not asked for when it came into force, and it does not pass now.
     */
    struct commit_found last;
};

void finding_init(struct finding *finding);
/* For CLEANUP; fine on a zeroed one. */
void finding_deinit(struct finding *finding);

/* Look. Whatever goes wrong stands in `out`, but for ERR_CANCELED and ERR_NOMEM. */
MUST_USE int scan_repository(const struct scan *scan, struct finding *out, struct err *err);

#endif
