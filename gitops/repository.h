/*
 * repository - commits that were fetched: what they hold, how they relate, who signed them.
 *
 * Reads objects from the bare repository that fetch.h fills; nothing is checked out, so that no
 * link is followed and no file is made. Sizes are looked at before bytes are read. Blocking, but
 * local. One thread at a time.
 */
#ifndef GITOPS_REPOSITORY_H
#define GITOPS_REPOSITORY_H

#include <stdbool.h>
#include <stddef.h>

#include "apply/documents.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

#define REPOSITORY_ENTRIES_MAX 20000U          /* files and directories below the path */
#define REPOSITORY_COMMIT_BYTES_MAX (1U << 20) /* of a commit that is to be verified */
#define REPOSITORY_PACKS_MAX 500               /* then it is better fetched anew */

struct repository;

/* Open `cache`'s; ERR_FAILED when there is none. */
MUST_USE int repository_open(const char *cache, struct repository **out, struct err *err);
void repository_free(struct repository *repository);
DEFINE_CLEANUP(struct repository, repository_free);

/* Remove what was fetched into `cache`. */
void repository_wipe(const char *cache);

/* How many packs it has: each fetch that found something adds one. */
size_t repository_packs(const char *cache);

/* Whether the commit is there. */
MUST_USE bool repository_has(struct repository *repository, const char *revision);

/* The commit's first line, cut to SOURCE_TITLE_MAX bytes, in `arena`. */
MUST_USE int repository_title(struct repository *repository, const char *revision,
                              struct arena *arena, const char **out, struct err *err);

/* Whether `newer` has `older` among its ancestors, or is the same. */
MUST_USE int repository_descends(struct repository *repository, const char *newer,
                                 const char *older, bool *out, struct err *err);

/*
 * Read the documents below `path` of the commit's tree: files *.yaml and *.yml, names that begin
 * with a dot left out, as documents_add_path() does. What can't be taken is a line in `mistakes`,
 * "prod/a.yaml: is a symbolic link, …". ERR_SPEC: `mistakes` has lines, the first is in `err`, and
 * `documents` are not finished. ERR_NOT_FOUND: the commit has no such directory. ERR_FAILED:
 * objects can't be read.
 */
MUST_USE int repository_read(struct repository *repository, const char *revision, const char *path,
                             struct documents *documents, struct str *mistakes, struct err *err);

/* The commit's signature, and the bytes that it signs. ERR_NOT_FOUND: it has none. */
MUST_USE int repository_signature(struct repository *repository, const char *revision,
                                  struct str *signature, struct str *signed_bytes, struct err *err);

#endif
