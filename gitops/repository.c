#include "gitops/repository.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "base/file.h"
#include "base/mem.h"
#include "gitops/git_error.h"
#include "model/source.h"

#define PATH_SIZE 4096
#define TREE_FDS_MAX 16

struct repository {
    git_repository *git;
    git_odb *odb;
};

static void repository_path(const char *cache, const char *below, char out[PATH_SIZE])
{
    if (PATH_SIZE <= snprintf(out, PATH_SIZE, "%s/repository%s", cache, below)) {
        out[0] = '\0'; /* no file has that name */
    }
}

int repository_open(const char *cache, struct repository **out, struct err *err)
{
    CLEANUP(repository_free_p) struct repository *repository = mem_alloc(sizeof(*repository));
    char path[PATH_SIZE];

    if (repository == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    repository_path(cache, "", path);
    if (git_libgit2_init() < 0) {
        free(TAKE(repository));
        return git_failed(err, "libgit2");
    }
    if (git_repository_open_ext(&repository->git, path,
                                GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE,
                                NULL) < 0 ||
        git_repository_odb(&repository->odb, repository->git) < 0) {
        return git_failed(err, path);
    }
    *out = TAKE(repository);
    return 0;
}

void repository_free(struct repository *repository)
{
    if (repository == NULL) {
        return;
    }
    git_odb_free(repository->odb);
    git_repository_free(repository->git);
    free(repository);
    (void)git_libgit2_shutdown();
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void repository_wipe(const char *cache)
{
    char path[PATH_SIZE];

    repository_path(cache, "", path);
    (void)nftw(path, remove_entry, TREE_FDS_MAX, FTW_DEPTH | FTW_PHYS);
}

static void count_pack(void *ctx, const char *name)
{
    size_t *count = ctx;
    size_t size = strlen(name);

    *count += 5 < size && strcmp(name + size - 5, ".pack") == 0 ? 1 : 0;
}

size_t repository_packs(const char *cache)
{
    char path[PATH_SIZE];
    size_t count = 0;

    repository_path(cache, "/objects/pack", path);
    dir_list(path, count_pack, &count);
    return count;
}

static int find_commit(struct repository *repository, const char *revision, git_commit **out,
                       struct err *err)
{
    git_oid oid;

    if (git_oid_fromstr(&oid, revision) < 0 || git_commit_lookup(out, repository->git, &oid) < 0) {
        return git_failed(err, revision);
    }
    return 0;
}

bool repository_has(struct repository *repository, const char *revision)
{
    git_commit *commit = NULL;
    struct err ignored;
    int rv = find_commit(repository, revision, &commit, &ignored);

    git_commit_free(commit);
    return 0 <= rv;
}

int repository_title(struct repository *repository, const char *revision, struct arena *arena,
                     const char **out, struct err *err)
{
    git_commit *commit = NULL;
    const char *summary;
    char *title = NULL;
    int rv = find_commit(repository, revision, &commit, err);

    if (0 <= rv) {
        summary = git_commit_summary(commit);
        summary = summary == NULL ? "" : summary;
        title = arena_strndup(arena, summary, strnlen(summary, SOURCE_TITLE_MAX));
        if (title != NULL) {
            text_make_plain(title);
        }
        git_commit_free(commit);
    }
    if (0 <= rv && title == NULL) {
        rv = err_set(err, ERR_NOMEM, "out of memory");
    }
    if (0 <= rv) {
        *out = title;
    }
    return rv;
}

int repository_descends(struct repository *repository, const char *newer, const char *older,
                        bool *out, struct err *err)
{
    git_oid newer_oid;
    git_oid older_oid;
    int found;

    if (git_oid_fromstr(&newer_oid, newer) < 0 || git_oid_fromstr(&older_oid, older) < 0) {
        return git_failed(err, newer);
    }
    if (git_oid_equal(&newer_oid, &older_oid)) {
        *out = true;
        return 0;
    }
    found = git_graph_descendant_of(repository->git, &newer_oid, &older_oid);
    if (found < 0) {
        return git_failed(err, newer);
    }
    *out = found == 1;
    return 0;
}

/* ---- Reading a tree ---- */

struct walk {
    struct repository *repository;
    struct documents *documents;
    struct str *mistakes;
    struct err *err;
    size_t entries;
};

static void mistake(struct walk *walk, const char *path, const char *what)
{
    str_appendf(walk->mistakes, "%s: %s\n", path, what);
}

static bool is_yaml(const char *name)
{
    size_t size = strlen(name);

    return (5 < size && strcmp(name + size - 5, ".yaml") == 0) ||
           (4 < size && strcmp(name + size - 4, ".yml") == 0);
}

static int take_file(struct walk *walk, const git_tree_entry *entry, const char *path)
{
    const git_oid *oid = git_tree_entry_id(entry);
    git_object_t type;
    git_blob *blob = NULL;
    size_t size = 0;
    int rv;

    if (git_odb_read_header(&size, &type, walk->repository->odb, oid) < 0) {
        return git_failed(walk->err, path);
    }
    if (SPEC_YAML_BYTES_MAX < size) {
        mistake(walk, path, "is larger than 1 MiB");
        return 0;
    }
    if (git_blob_lookup(&blob, walk->repository->git, oid) < 0) {
        return git_failed(walk->err, path);
    }
    rv = documents_add_bytes(walk->documents, path, git_blob_rawcontent(blob), size, false,
                             walk->err);
    git_blob_free(blob);
    if (rv == ERR_SPEC) {
        str_appendf(walk->mistakes, "%s\n", walk->err->msg); /* beyond a limit */
        return ERR_SPEC;
    }
    return rv;
}

static int take_tree(struct walk *walk, const git_tree *tree, const char *path, unsigned depth);

static int take_directory(struct walk *walk, const git_tree_entry *entry, const char *path,
                          unsigned depth)
{
    git_tree *tree = NULL;
    int rv;

    if (depth == DOCUMENTS_DEPTH_MAX) {
        mistake(walk, path, "is nested too deeply");
        return 0;
    }
    if (git_tree_lookup(&tree, walk->repository->git, git_tree_entry_id(entry)) < 0) {
        return git_failed(walk->err, path);
    }
    rv = take_tree(walk, tree, path, depth + 1);
    git_tree_free(tree);
    return rv;
}

/* A link could stand for a file that was there before; to pass it over would delete clusters. */
static int take_entry(struct walk *walk, const git_tree_entry *entry, const char *path,
                      unsigned depth)
{
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE:
        return take_directory(walk, entry, path, depth);
    case GIT_FILEMODE_BLOB:
    case GIT_FILEMODE_BLOB_EXECUTABLE:
        return is_yaml(path) ? take_file(walk, entry, path) : 0;
    case GIT_FILEMODE_LINK:
        mistake(walk, path, "is a symbolic link; links are not followed");
        return 0;
    case GIT_FILEMODE_COMMIT:
        mistake(walk, path, "is a submodule; submodules are not followed");
        return 0;
    case GIT_FILEMODE_UNREADABLE:
        break;
    }
    mistake(walk, path, "is neither a file nor a directory");
    return 0;
}

static int take_tree(struct walk *walk, const git_tree *tree, const char *path, unsigned depth)
{
    size_t count = git_tree_entrycount(tree);
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < count; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        const char *name = git_tree_entry_name(entry);
        char below[DOCUMENTS_PATH_MAX];

        if (name[0] == '.') {
            continue;
        }
        if (++walk->entries == REPOSITORY_ENTRIES_MAX) {
            mistake(walk, path[0] == '\0' ? "/" : path, "has too many files below it");
            return ERR_SPEC;
        }
        if (DOCUMENTS_PATH_MAX <=
            snprintf(below, sizeof(below), "%s%s%s", path, path[0] == '\0' ? "" : "/", name)) {
            mistake(walk, path, "has a file whose path is too long");
            continue;
        }
        text_make_plain(below); /* for messages only: what is read is found by its number */
        rv = take_entry(walk, entry, below, depth);
    }
    return rv;
}

/* The directory of the commit that `path` names. */
static int find_tree(struct repository *repository, const char *revision, const char *path,
                     git_tree **out, struct err *err)
{
    git_commit *commit = NULL;
    git_tree *root = NULL;
    git_tree_entry *entry = NULL;
    int rv = find_commit(repository, revision, &commit, err);

    if (rv < 0) {
        return rv;
    }
    if (git_commit_tree(&root, commit) < 0) {
        rv = git_failed(err, revision);
    } else if (path[0] == '\0') {
        *out = TAKE(root);
    } else if (git_tree_entry_bypath(&entry, root, path) < 0 ||
               git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE) {
        rv = err_set(err, ERR_NOT_FOUND, "%s: there is no such directory in the commit", path);
    } else if (git_tree_lookup(out, repository->git, git_tree_entry_id(entry)) < 0) {
        rv = git_failed(err, path);
    }
    git_tree_entry_free(entry);
    git_tree_free(root);
    git_commit_free(commit);
    return rv;
}

/* The first of the lines; without one, whatever is there already. */
static int tell_first(const struct str *mistakes, struct err *err)
{
    const char *text = str_text(mistakes);

    return err_set(err, ERR_SPEC, "%.*s", (int)strcspn(text, "\n"), text);
}

int repository_read(struct repository *repository, const char *revision, const char *path,
                    struct documents *documents, struct str *mistakes, struct err *err)
{
    struct walk walk = { repository, documents, mistakes, err, 0 };
    char clean[DOCUMENTS_PATH_MAX];
    git_tree *tree = NULL;
    size_t size = strlen(path);
    int rv;

    size -= 0 < size && path[size - 1] == '/' ? 1 : 0;
    if (sizeof(clean) <= size) {
        return err_set(err, ERR_NOT_FOUND, "the path is too long");
    }
    (void)snprintf(clean, sizeof(clean), "%.*s", (int)size, path);
    rv = find_tree(repository, revision, clean, &tree, err);
    if (rv < 0) {
        return rv;
    }
    rv = take_tree(&walk, tree, clean, 0);
    git_tree_free(tree);
    if (rv < 0 && rv != ERR_SPEC) {
        return rv;
    }
    return 0 < mistakes->size ? tell_first(mistakes, err) : 0;
}

int repository_signature(struct repository *repository, const char *revision, struct str *signature,
                         struct str *signed_bytes, struct err *err)
{
    git_buf signature_buf = { 0 };
    git_buf signed_buf = { 0 };
    git_oid oid;
    int rv = 0;

    if (git_oid_fromstr(&oid, revision) < 0) {
        return git_failed(err, revision);
    }
    switch (
        git_commit_extract_signature(&signature_buf, &signed_buf, repository->git, &oid, NULL)) {
    case 0:
        str_append(signature, signature_buf.ptr, signature_buf.size);
        str_append(signed_bytes, signed_buf.ptr, signed_buf.size);
        break;
    case GIT_ENOTFOUND:
        rv = err_set(err, ERR_NOT_FOUND, "the commit is not signed");
        break;
    default:
        rv = git_failed(err, revision);
        break;
    }
    git_buf_dispose(&signature_buf);
    git_buf_dispose(&signed_buf);
    if (0 <= rv && (str_failed(signature) || str_failed(signed_bytes))) {
        rv = err_set(err, ERR_FAILED, "the commit or its signature is too large");
    }
    return rv;
}
